"""``linernotes corpus``: seal a training corpus, snapshot by snapshot, and identify what is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say, table

AudioDir = Annotated[Path | None, typer.Argument(metavar="AUDIO_DIR", help="Folder of audio files.")]
Rights = Annotated[Path | None, typer.Option("--rights", help="Rights table, CSV in UTF-8.")]
Manifest = Annotated[
    Path | None,
    typer.Option("--manifest", help="Instead of both: hashes and rights, JSON Lines or CSV."),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Note unusable and silent files as gaps instead of stopping.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workspace = Annotated[Path, typer.Option("--workspace", help="Workspace with the sealed corpus.")]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Seal a training corpus: hashes, rights, consent, gaps; and identify what is in it."""


@app.command()
def seal(
    out: Annotated[Path, typer.Option("--out", help="Workspace to make.")],
    audio_dir: AudioDir = None,
    rights: Rights = None,
    manifest: Manifest = None,
    training_date: Annotated[
        str | None,
        typer.Option("--training-date", help="Day of training, yyyy-mm-dd; later consent never counts."),
    ] = None,
    skip_bad: SkipBad = False,
    secret_file: Annotated[
        Path | None,
        typer.Option("--secret-file", help="64 hexadecimal digits; seals to the same root again."),
    ] = None,
    sound_keys: Annotated[
        Path | None,
        typer.Option("--sound-keys", help="ISCC codes and sketch keys computed before, JSON."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Commit to every recording of a folder, with its rights and consent, under one root.

    Example:
      linernotes corpus seal music/ --rights rights.csv --out ws --training-date 2026-03-01
    """
    from linernotes.workflows.seal import seal_corpus

    if manifest is not None:
        _refuse_both(audio_dir, rights, skip_bad)
        emit(_seal_facts(manifest, out, training_date, secret_file, as_snapshot=False), as_json, _show)
        return
    folder, table_path = _need_both(audio_dir, rights)
    with Progress() as progress:
        result = seal_corpus(
            folder,
            table_path,
            out,
            training_date=training_date,
            skip_bad=skip_bad,
            secret_file=secret_file,
            sound_keys=sound_keys,
            progress=progress,
        )
    for line in result.notes:
        note(line)
    emit(result.as_json(), as_json, _show)


@app.command()
def snapshot(
    workspace: Workspace,
    audio_dir: AudioDir = None,
    rights: Rights = None,
    manifest: Manifest = None,
    training_date: Annotated[
        str | None, typer.Option("--training-date", help="Day of the new training, yyyy-mm-dd.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Seal the present state of the training corpus as the next snapshot; its header names the one before.

    Example:
      linernotes corpus snapshot music/ --rights rights.csv --workspace ws --training-date 2026-06-01
    """
    from linernotes.workflows.snapshots import take_snapshot

    if manifest is not None:
        _refuse_both(audio_dir, rights, skip_bad)
        emit(_seal_facts(manifest, workspace, training_date, None, as_snapshot=True), as_json, _show)
        return
    folder, table_path = _need_both(audio_dir, rights)
    with Progress() as progress:
        result = take_snapshot(
            folder,
            table_path,
            workspace,
            training_date=training_date,
            skip_bad=skip_bad,
            progress=progress,
        )
    for line in result.notes:
        note(line)
    emit(result.as_json(), as_json, lambda found: _show_snapshots([found]))


@app.command()
def snapshots(
    workspace: Workspace,
    as_json: Json = False,
) -> None:
    """List the snapshots of a corpus, with what each added, removed and changed.

    Example:
      linernotes corpus snapshots --workspace ws
    """
    from linernotes.workflows.snapshots import list_snapshots

    emit(list_snapshots(workspace), as_json, _show_snapshots)


@app.command()
def identify(
    workspace: Workspace,
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
    as_json: Json = False,
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


def _need_both(audio_dir: Path | None, rights: Path | None) -> tuple[Path, Path]:
    if audio_dir is None or rights is None:
        raise typer.BadParameter("give AUDIO_DIR and --rights, or --manifest")
    return audio_dir, rights


def _refuse_both(audio_dir: Path | None, rights: Path | None, skip_bad: bool) -> None:
    if audio_dir is not None or rights is not None or skip_bad:
        raise typer.BadParameter("--manifest stands alone: without AUDIO_DIR, --rights and --skip-bad")


def _seal_facts(
    manifest: Path, out: Path, training_date: str | None, secret_file: Path | None, *, as_snapshot: bool
) -> dict[str, Any]:
    from linernotes.workflows.seal_facts import seal_facts

    with Progress() as progress:
        return seal_facts(
            manifest,
            out,
            training_date=training_date,
            secret_file=secret_file,
            as_snapshot=as_snapshot,
            progress=progress,
        ).as_json()


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


def _show_snapshots(rows: list[dict[str, Any]]) -> None:
    table(
        "Snapshots",
        ("sealed at", "stage", "items", "added", "removed", "changed", "root"),
        [
            (
                row["sealed_at"],
                row["stage"],
                row["n_items"],
                *(row[f"n_{name}"] for name in ("added", "removed", "changed")),
                row["root"],
            )
            for row in rows
        ],
    )
    for row in rows[1:] if len(rows) > 1 else rows:
        for name in ("added", "removed", "changed"):
            if row[name]:
                say(
                    f"{row['root'][:12]}… {name}: {', '.join(row[name][:20])}{' …' if row[f'n_{name}'] > 20 else ''}"
                )


def _show(result: dict[str, Any]) -> None:
    from linernotes.corpus.gaps import GAP_KINDS

    say(
        f"sealed   {result['n_items']} recordings, {result['duration_s'] / 60:.1f} minutes, {result['stage']}"
    )
    say(f"root     {result['root']}")
    say(f"consent  {result['n_without_consent']} of {result['n_items']} without consent that counts")
    say(f"receipt  {result['receipt']}")
    for cluster in result["duplicates"]:
        say(f"twins    {', '.join(cluster)}")
    say()
    counts = Counter(result.get("gap_counts") or (gap["code"] for gap in result["gaps"]))
    rows = [
        (code, GAP_KINDS[code].severity, count, GAP_KINDS[code].next_step) for code, count in counts.items()
    ]
    table("Gaps" if rows else "No gaps found", ("gap", "severity", "items", "next step"), rows)
