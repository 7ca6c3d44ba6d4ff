"""``linernotes corpus``: seal a training corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

app = typer.Typer(no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Seal a training corpus: hashes, rights, consent, gaps."""


@app.command()
def seal(
    audio_dir: Annotated[Path, typer.Argument(metavar="AUDIO_DIR", help="Folder of audio files.")],
    rights: Annotated[Path, typer.Option("--rights", help="Rights table, CSV in UTF-8.")],
    out: Annotated[Path, typer.Option("--out", help="Workspace to make.")],
    training_date: Annotated[
        str | None,
        typer.Option("--training-date", help="Day of training, yyyy-mm-dd; later consent never counts."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Note unusable and silent files as gaps instead of stopping.")
    ] = False,
    secret_file: Annotated[
        Path | None,
        typer.Option("--secret-file", help="64 hexadecimal digits; seals to the same root again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Commit to every recording of a folder, with its rights and consent, under one root.

    Example:
      linernotes corpus seal music/ --rights rights.csv --out ws --training-date 2026-03-01
    """
    from linernotes.workflows.seal import seal_corpus

    with Progress() as progress:
        result = seal_corpus(
            audio_dir,
            rights,
            out,
            training_date=training_date,
            skip_bad=skip_bad,
            secret_file=secret_file,
            progress=progress,
        )
    for line in result.notes:
        note(line)
    emit(result.as_json(), as_json, _show)


def _show(result: dict[str, Any]) -> None:
    say(
        f"sealed   {result['n_items']} recordings, {result['duration_s'] / 60:.1f} minutes, {result['stage']}"
    )
    say(f"root     {result['root']}")
    say(f"consent  {result['n_without_consent']} of {result['n_items']} without consent that counts")
    say(f"receipt  {result['receipt']}")
    for cluster in result["duplicates"]:
        say(f"twins    {', '.join(cluster)}")
    say()
    counts = Counter(gap["code"] for gap in result["gaps"])
    first = {gap["code"]: gap for gap in reversed(result["gaps"])}
    rows = [
        (code, first[code]["severity"], count, first[code]["next_step"]) for code, count in counts.items()
    ]
    table("Gaps" if rows else "No gaps found", ("gap", "severity", "items", "next step"), rows)
