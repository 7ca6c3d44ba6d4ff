"""``linernotes catalog``: reference recordings for identification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say

EXIT_DATA = 3

app = typer.Typer(name="catalog", help="Add reference recordings for identification.", no_args_is_help=True)


@app.callback(epilog="Example: linernotes catalog add music --metadata catalog.csv --workspace ws")
def _group() -> None:
    """Keep the reference recordings that `linernotes identify` finds."""


@app.command("add")
def add(
    audio_dir: Annotated[Path, typer.Argument(help="Folder of audio files.", metavar="AUDIO_DIR")],
    metadata: Annotated[Path, typer.Option("--metadata", help="CSV with file, title, artist and more.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace; made where there is none.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Index reference recordings; what is indexed already is skipped.

    A file that cannot be used is named with its reason, the others are indexed, and the exit code is 3.

    Example:
      linernotes catalog add music --metadata catalog.csv --workspace ws
    """
    from linernotes.workflows.identify import add_catalogue

    with Progress(quiet=as_json) as progress:
        report = add_catalogue(audio_dir, metadata, workspace, progress)
    for _file, reason in report.refused:
        note(f"refused: {reason}")
    emit(report.as_json(), as_json, _print)
    return EXIT_DATA if report.refused else 0


def _print(found: dict[str, Any]) -> None:
    say(
        f"{found['n_added']} recordings indexed, {found['n_skipped']} were indexed already, "
        f"{len(found['refused'])} refused; the catalogue holds {found['n_recordings']}"
    )
