"""``linernotes rerun``: the command-line twin of `linernotes.workflows.rerun.rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import emit, say


def rerun(
    run_folder: Annotated[Path, typer.Argument(help="A finished run folder.", metavar="RUN_FOLDER")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep the repetition in this folder.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Repeat a run and compare its results, byte for byte.

    Exit code 0 when everything is identical, 1 with the names of the files that differ otherwise.

    Example:
      linernotes rerun WS/runs/attribute-3f1c9a40d2be
    """
    from linernotes.workflows.rerun import rerun as repeat_run

    result = repeat_run(run_folder, out)
    emit(result.as_json(), as_json, _explain)
    if not result.identical:
        raise typer.Exit(1)


def _explain(found: dict[str, Any]) -> None:
    if found["identical"]:
        say(f"identical: all {found['n_results']} results of '{found['command']}', byte for byte")
    for field, words in (
        ("differing", "came out otherwise"),
        ("altered", "changed on disk after the run"),
        ("changed_inputs", "input is another one now"),
        ("changed_machine", "other software"),
    ):
        for name in found[field]:
            say(f"{words}: {name}")
