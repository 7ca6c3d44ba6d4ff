"""``linernotes versions``: compare two files; search and index a workspace (`versions_search`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table
from linernotes.cli.versions_search import index_app, search

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Compare music: melody, harmony, rhythm, whole."
)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="First audio file.")],
    b: Annotated[Path, typer.Argument(help="Second audio file.")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page: a name ending in .html, or a folder.")
    ] = None,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Whether the page may play both recordings.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether two files share musical substance, in which seconds and in which dimension.

    Key, tempo and sound may differ; each file holds 4 s to an hour. "by chance" is the number of matches as good that
    chance gives in a large collection of unrelated music, "commonplace" the part of the bundled unrelated pieces that
    hold one. The page shows both side by side, plays them in step, and lets only the shared melody sound.

    Example:
      linernotes versions compare output.wav recording.flac --html comparison
    """
    if html is None:
        from linernotes.workflows.versions import compare_files

        with Progress(quiet=as_json) as progress:
            match = compare_files(a, b, progress=progress)
        emit(match.as_json(), as_json, _print_match)
        _note_same_file(a, b)
        return
    from linernotes.workflows.version_report import write_comparison

    with Progress(quiet=as_json) as progress:
        match, page = write_comparison(a, b, html, heard=sound, progress=progress)
    emit(match.as_json(), as_json, _print_match)
    _note_same_file(a, b)
    note(f"page: {page}, facts: {page.with_suffix('.json')}")


app.command()(search)
app.add_typer(index_app, name="index")


def _print_match(match: dict[str, Any]) -> None:
    from linernotes.reports.version_page.wording import headline, moved_words, standing

    shares = match["shares"]
    standings = [standing(one) for one in match["segments"] if not shares or one["dimension"] in shares]
    chance = match["probability"]
    say(headline(chance, shares, standings))
    known = "no calibrated probability" if chance is None else f"probability of shared substance {chance:.2f}"
    moved = moved_words(match["transposition_semitones"], match["tempo_ratio"])
    say(f"{known}, score {match['score']:.2f}" + (f"; {moved}" if match["segments"] else ""))
    if match["dimensions"]:
        columns = ("dimension", "deviations", "probability", "by chance", "shared")
        table("", columns, [_dimension_row(one) for one in match["dimensions"]])
    if match["segments"]:
        spans = [(*_segment_row(one), standing(one)) for one in match["segments"]]
        table("", ("span", "A s", "B s", "nats", "by chance", "commonplace", "standing"), spans)
    else:
        say("no span stands out from what chance aligns")
    if match["reference"]:
        say(f"by chance: matches as good that chance alone gives in {match['reference']}")
    for one in match["segments"]:
        if one["found_in"]:
            say(f"as good a match as {one['dimension']} {_seconds(one, 'a')} s: {', '.join(one['found_in'])}")
    say(match["scope"])


def _dimension_row(one: dict[str, Any]) -> tuple[object, ...]:
    shared = "yes" if one["shared"] else "no"
    chance = None if one["probability"] is None else round(one["probability"], 2)
    return (one["dimension"], round(one["score"], 1), chance, _expected(one["e_value"]), shared)


def _note_same_file(a: Path, b: Path) -> None:
    from linernotes.audio.files import file_sha256

    if file_sha256(a) == file_sha256(b):
        note("A and B are the same file, byte for byte; 'linernotes identify' asks for the same recording")


def _segment_row(segment: dict[str, Any]) -> tuple[object, ...]:
    from linernotes.reports.words import per_cent

    return (
        segment["dimension"],
        _seconds(segment, "a"),
        _seconds(segment, "b"),
        round(segment["score"], 1),
        _expected(segment["e_value"]),
        None if segment["commonplace"] is None else per_cent(segment["commonplace"]),
    )


def _seconds(segment: dict[str, Any], side: str) -> str:
    return f"{segment[f'{side}_start_s']:.1f}–{segment[f'{side}_end_s']:.1f}"


def _expected(e_value: float | None) -> str | None:
    from linernotes.reports.version_page.wording import small

    return None if e_value is None else small(e_value)
