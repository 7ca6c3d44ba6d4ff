"""``linernotes corpus``: seal a training corpus, and identify what is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

app = typer.Typer(no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Seal a training corpus: hashes, rights, consent, gaps; and identify what is in it."""


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


@app.command()
def identify(
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with the sealed corpus.")],
    against: Annotated[
        Path | None, typer.Option("--against", help="Workspace whose catalogue is used; default: the same.")
    ] = None,
    max_false_match_rate: Annotated[
        float, typer.Option("--max-false-match-rate", help="Highest chance of a false match, per file.")
    ] = 1e-4,
    exact: Annotated[
        bool, typer.Option("--exact", help="Do not try changed pitch and tempo; several times faster.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; the report does not change.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Also write the table, one line per file.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Also write a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Match every sealed file with a catalogue: identified, unmatched, conflicting, doubled, mixed.

    Interrupted, the same command goes on where it stopped.

    Example:
      linernotes corpus identify --workspace ws --against releases --csv corpus.csv
    """
    from linernotes.workflows.corpus_identify import identify_corpus

    with Progress(quiet=as_json) as progress:
        report = identify_corpus(
            workspace,
            against=against,
            max_false_match_rate=max_false_match_rate,
            search_shifts=not exact,
            n_workers=workers,
            csv_file=csv_file,
            progress=progress,
        )
    if html is not None:
        from linernotes.reports.corpus_identity_page import write_corpus_page

        write_corpus_page(report, html)
        note(f"page: {html}")
    emit(report, as_json, _show_report)


def _show_report(report: dict[str, Any]) -> None:
    counts = report["summary"]
    table(
        "Files",
        ("file", "status", "recording", "covered", "conflicts"),
        [
            (
                row["item_id"],
                row["status"],
                row["recording_id"],
                row["covered_share"],
                ", ".join(one["code"] for one in row["conflicts"]) or None,
            )
            for row in report["items"]
        ],
    )
    for row in report["items"]:
        for one in row["conflicts"]:
            say(f"conflict    {row['item_id']}: {one['code']}, {one['detail']}. {one['next_step']}")
        if row["mix"]:
            say(f"mix         {row['item_id']} holds {', '.join(row['mix'])}")
    for one in report["duplicates"]:
        say(f"duplicates  {', '.join(one['items'])}{' (the same sound)' if one['same_audio'] else ''}")
    for one in report["partial_overlaps"]:
        say(f"overlap     {one['item_id']} and {one['other_id']} share {one['seconds']:.1f} s")
    say(
        f"{counts['n_identified']} of {counts['n_items']} identified, {counts['n_unmatched']} unmatched, "
        f"{counts['n_conflicting']} conflicting, {counts['n_duplicates']} doubled, {counts['n_mixes']} mixed"
    )
    say(f"kept in {report['folder']}")


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
