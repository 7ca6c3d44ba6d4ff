"""``linernotes identify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say


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
    for answer in answers:
        say(answer["query"])
        if not answer["matches"]:
            say("  no match in this catalogue")
        for match in answer["matches"]:
            named = f" ({match['artist']}: {match['title']})" if "title" in match else ""
            say(f"  {match['recording_id']}{named}")
            say(
                f"    {_span(match, 'query')} is {_span(match, 'reference')} of it; "
                f"{_change(match)}score {match['score']:.1f}, "
                f"false-match rate {match['false_match_rate']:.1g}"
            )


def _span(match: dict[str, Any], side: str) -> str:
    return f"{match[f'{side}_start_s']:.1f}–{match[f'{side}_end_s']:.1f} s"


def _change(match: dict[str, Any]) -> str:
    parts = []
    if abs(match["time_ratio"] - 1) >= 0.003:
        parts.append(f"time ratio {match['time_ratio']:.3f}, ")
    if abs(match["pitch_shift_semitones"]) >= 0.1:
        parts.append(f"pitch {match['pitch_shift_semitones']:+.1f} semitones, ")
    return "".join(parts)
