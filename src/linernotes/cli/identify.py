"""``linernotes identify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table


def identify(
    files: Annotated[list[Path], typer.Argument(help="Audio files to identify.", metavar="FILE...")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with a catalogue.")],
    max_false_match_rate: Annotated[
        float, typer.Option("--max-false-match-rate", help="Highest chance of a false match, per file.")
    ] = 1e-4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the catalogue recordings that each file holds, with aligned seconds.

    Pitch and tempo may have been changed. "No match" means none in this catalogue, at this rate.

    Example:
      linernotes identify output.wav --workspace ws
    """
    from linernotes.workflows.identify import identify_files

    with Progress(quiet=as_json) as progress:
        answers = identify_files(
            files, workspace, max_false_match_rate=max_false_match_rate, progress=progress
        )
    emit(answers, as_json, _print)


def _print(answers: list[dict[str, Any]]) -> None:
    columns = ("recording", "score", "false-match rate", "query s", "reference s", "time ratio", "semitones")
    for answer in answers:
        if not answer["matches"]:
            say(f"{answer['query']}: no match in this catalogue")
            continue
        table(answer["query"], columns, [_row(match) for match in answer["matches"]])


def _row(match: dict[str, Any]) -> tuple[object, ...]:
    return (
        match["recording_id"],
        round(match["score"], 1),
        match["false_match_rate"],
        f"{match['query_start_s']:.1f}–{match['query_end_s']:.1f}",
        f"{match['reference_start_s']:.1f}–{match['reference_end_s']:.1f}",
        match["time_ratio"],
        match["pitch_shift_semitones"],
    )
