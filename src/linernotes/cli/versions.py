"""``linernotes versions compare`` and ``linernotes versions search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, say, table

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Compare music: melody, harmony, rhythm, whole."
)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="First audio file.")],
    b: Annotated[Path, typer.Argument(help="Second audio file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether two files share musical substance, in which seconds and in which dimension.

    Key, tempo and sound may differ. "commonplace" is the share of unrelated pieces with an equally good
    match.

    Example:
      linernotes versions compare output.wav recording.flac
    """
    from linernotes.workflows.versions import compare_files

    emit(compare_files(a, b).as_json(), as_json, _print_match)


@app.command()
def search(
    files: Annotated[list[Path], typer.Argument(help="Audio files to search for.", metavar="FILE...")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with a corpus or a catalogue.")],
    top: Annotated[int, typer.Option("--top", help="Recordings to show for each file.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank the recordings of a workspace by the musical substance they share with each file.

    Example:
      linernotes versions search output.wav --workspace ws --top 5
    """
    from linernotes.workflows.versions import search_versions

    with Progress(quiet=as_json) as progress:
        answers = search_versions(files, workspace, top=top, progress=progress)
    emit(answers, as_json, _print_answers)


def _print_match(match: dict[str, Any]) -> None:
    say(f"probability of shared substance {match['probability']:.2f}, score {match['score']:.2f}")
    columns = ("dimension", "A s", "B s", "score", "commonplace")
    table("", columns, [_segment_row(segment) for segment in match["segments"]])
    say(match["scope"])


def _print_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        columns = ("recording", "score", "probability", "best segment (query s : recording s)")
        table(answer["query"], columns, [_result_row(result) for result in answer["results"]])
        for skipped in answer["skipped"]:
            say(f"not compared: {skipped['recording_id']}: {skipped['reason']}")


def _segment_row(segment: dict[str, Any]) -> tuple[object, ...]:
    return (
        segment["dimension"],
        f"{segment['a_start_s']:.1f}–{segment['a_end_s']:.1f}",
        f"{segment['b_start_s']:.1f}–{segment['b_end_s']:.1f}",
        round(segment["score"], 1),
        segment["commonplace"],
    )


def _result_row(result: dict[str, Any]) -> tuple[object, ...]:
    best = next(iter(result["segments"]), None)
    spans = " : ".join(str(span) for span in _segment_row(best)[1:3]) if best else "–"
    return (result["recording_id"], round(result["score"], 2), round(result["probability"], 3), spans)
