"""``linernotes identify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say
from linernotes.errors import InputError


def identify(
    files: Annotated[list[Path], typer.Argument(help="Audio files to identify.", metavar="FILE...")],
    workspace: Annotated[
        list[Path],
        typer.Option("--workspace", help="Workspace with a catalogue; may be repeated: searched as one."),
    ],
    max_false_match_rate: Annotated[
        float | None,
        typer.Option(
            "--max-false-match-rate",
            help="Highest chance of a false match, per file; 1e-4, and 5e-3 with --passages.",
        ),
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Look ten times as far in catalogues above 1,000 hours: slower."),
    ] = False,
    second_look: Annotated[
        bool,
        typer.Option(
            "--second-look/--no-second-look",
            help="Look at what is in doubt in the recordings' own audio, where it is at hand.",
        ),
    ] = True,
    passages: Annotated[
        bool,
        typer.Option(
            "--passages", help="List passages of the sealed corpus and the catalogue, also altered and short."
        ),
    ] = False,
    controls: Annotated[
        int, typer.Option("--controls", help="With --passages: clean excerpts for the base rate here.")
    ] = 0,
    max_shift: Annotated[
        float, typer.Option("--max-shift", help="With --passages: semitones tried either way, up to 12.")
    ] = 2.0,
    detectors: Annotated[
        str,
        typer.Option("--detectors", help="With --passages: which of landmarks, segments and notes to ask."),
    ] = "landmarks,segments,notes",
    seed: Annotated[int, typer.Option("--seed", help="With --controls: seed of their choice.")] = 0,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="With --passages: also write a page, with sound and pictures."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the catalogue recordings that each file holds, with aligned seconds.

    Pitch and tempo may have been changed. "No match" means none in this catalogue, at this rate.

    Example:
      linernotes identify output.wav --workspace ws --passages --html passages.html
      linernotes identify query.wav --workspace label-a --workspace label-b
    """
    if passages:
        if len(workspace) > 1 or thorough:
            raise InputError("--passages looks through one --workspace, without --thorough; ask each in turn")
        names = tuple(name.strip() for name in detectors.split(","))
        _passages(files, workspace[0], max_false_match_rate, controls, max_shift, names, seed, html, as_json)
        return
    if html is not None or controls:
        raise InputError("--html and --controls belong to --passages; add it, or leave them out")
    from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE

    limit = DEFAULT_MAX_FALSE_MATCH_RATE if max_false_match_rate is None else max_false_match_rate
    with Progress(quiet=as_json) as progress:
        if len(workspace) == 1:
            from linernotes.workflows.identify import identify_files

            answers = identify_files(
                files,
                workspace[0],
                max_false_match_rate=limit,
                thorough=thorough,
                second_look=second_look,
                progress=progress,
            )
        else:
            from linernotes.workflows.shards import identify_in_shards

            answers = identify_in_shards(
                files,
                workspace,
                max_false_match_rate=limit,
                thorough=thorough,
                second_look=second_look,
                progress=progress,
            )
    emit(answers, as_json, _print)


def _passages(
    files: list[Path],
    workspace: Path,
    limit: float | None,
    controls: int,
    max_shift: float,
    detectors: tuple[str, ...],
    seed: int,
    html: Path | None,
    as_json: bool,
) -> None:
    from linernotes.fingerprint.passages.segments import SegmentSearch
    from linernotes.workflows.identify_passages import identify_passages
    from linernotes.workflows.passages import DEFAULT_MAX_FALSE_RATE, PassageConfig

    config = PassageConfig(
        max_false_rate=DEFAULT_MAX_FALSE_RATE if limit is None else limit,
        detectors=detectors,
        search=SegmentSearch(max_shift_semitones=max_shift),
    )
    with Progress(quiet=as_json) as progress:
        found = identify_passages(
            files, workspace, config=config, n_controls=controls, seed=seed, progress=progress
        )
        if html is not None:
            from linernotes.workflows.passage_pages import write_passages

            write_passages(found, workspace, html)
    if html is not None:
        note(f"page: {html}, facts: {html.with_suffix('.json')}")
    emit(found, as_json, _print_passages)


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
                f"{_heard(match)}"
            )
        unheard = answer.get("not_heard", [])
        if unheard:
            say(f"  {len(unheard)} in doubt could not be listened to: {unheard[0]['reason']}")


def _heard(match: dict[str, Any]) -> str:
    nats = match.get("second_look_nats")
    if nats is not None:
        return f", by a second look at its audio ({nats:.0f} nats)"
    alike = match.get("alikeness")
    return "" if alike is None else f", the repetition that is most alike ({alike:.2f})"


def _print_passages(found: dict[str, Any]) -> None:
    for output in found["outputs"]:
        say(output["query"])
        if not output["passages"]:
            say("  holds no passage of this corpus and catalogue that passes the limit")
        for one in output["passages"]:
            verb = "shares notes with" if one["detector"] == "notes" else "holds a passage of"
            say(f"  {verb} {one['recording_id']} ({one['artist']}: {one['title']}), {one['known_as']}")
            if one["same_as"]:
                say(f"    the same recording as {', '.join(one['same_as'])}")
            others = f", also {' and '.join(one['confirmed_by'])}" if one["confirmed_by"] else ""
            say(
                f"    {_span(one, 'query')} is {_span(one, 'reference')} of it; "
                f"{_change(one)}by {one['detector']}{others}, false-match rate {one['false_match_rate']:.1g}"
            )
        if output["finding"]:
            finding = output["finding"]
            say(f"  finding ({finding['kind']}, {finding['severity']}): {finding['words']}")
            for words in finding["missing"]:
                say(f"    missing: {words}")
    base, facts = found["base_rate"], found["collection"]
    say()
    say(
        f"searched   {facts['n_recordings']} recordings, {facts['minutes']:.0f} minutes "
        f"({facts['n_corpus']} in the corpus)"
    )
    say(
        f"base rate  {base['n_hits']} of {base['n_trials']} clean controls flagged, "
        f"at most {100 * base['interval'][1]:.2g} %: {base['measured_on']}"
    )
    say(f"contrast   {found['contrast']['words']}")
    say(f"limits     {found['limits']}")


def _span(match: dict[str, Any], side: str) -> str:
    return f"{match[f'{side}_start_s']:.1f}–{match[f'{side}_end_s']:.1f} s"


def _change(match: dict[str, Any]) -> str:
    parts = []
    if abs(match["time_ratio"] - 1) >= 0.003:
        parts.append(f"time ratio {match['time_ratio']:.3f}, ")
    if abs(match["pitch_shift_semitones"]) >= 0.1:
        parts.append(f"pitch {match['pitch_shift_semitones']:+.1f} semitones, ")
    return "".join(parts)
