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

    Key, tempo and sound may differ. "by chance" is the number of matches as good that chance gives in the reference
    collection, "commonplace" the share of its unrelated pieces that hold one. The page shows both side by side, plays
    them in step, and lets only the shared melody sound.

    Example:
      linernotes versions compare output.wav recording.flac --html comparison
    """
    if html is None:
        from linernotes.workflows.versions import compare_files

        emit(compare_files(a, b).as_json(), as_json, _print_match)
        return
    from linernotes.workflows.version_report import write_comparison

    with Progress(quiet=as_json) as progress:
        match, page = write_comparison(a, b, html, heard=sound, progress=progress)
    emit(match.as_json(), as_json, _print_match)
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
    say(
        f"{known}, score {match['score']:.2f}; {moved_words(match['transposition_semitones'], match['tempo_ratio'])}"
    )
    if match["dimensions"]:
        columns = ("dimension", "score", "probability", "by chance", "shared")
        table("", columns, [_dimension_row(one) for one in match["dimensions"]])
    spans = [(*_segment_row(one), standing(one)) for one in match["segments"]]
    table("", ("span", "A s", "B s", "score", "by chance", "commonplace", "standing"), spans)
    for one in match["segments"]:
        if one["found_in"]:
            say(f"as good a match as {one['dimension']} {_seconds(one, 'a')} s: {', '.join(one['found_in'])}")
    say(match["scope"])


def _dimension_row(one: dict[str, Any]) -> tuple[object, ...]:
    shared = "yes" if one["shared"] else "no"
    return (one["dimension"], round(one["score"], 1), one["probability"], _expected(one["e_value"]), shared)


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
