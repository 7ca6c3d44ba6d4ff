"""``linernotes catalog``: reference recordings for identification."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.catalog_fingerprints import export_fingerprints, import_fingerprints, remove_fingerprints
from linernotes.cli.output import Progress, emit, note, say, table

EXIT_FAULTS, EXIT_DATA = 1, 3

app = typer.Typer(name="catalog", help="Add reference recordings for identification.", no_args_is_help=True)

InWorkspace = Annotated[Path, typer.Option("--workspace", help="Workspace with a catalogue.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class OnConflict(StrEnum):
    """What to do with an id that two catalogues hold with different content."""

    REFUSE = "refuse"
    KEEP = "keep"
    REPLACE = "replace"


@app.callback(epilog="Example: linernotes catalog add music --metadata catalog.csv --workspace ws")
def _group() -> None:
    """Keep the reference recordings that `linernotes identify` finds."""


@app.command("add")
def add(
    audio_dir: Annotated[Path, typer.Argument(help="Folder of audio files.", metavar="AUDIO_DIR")],
    metadata: Annotated[Path, typer.Option("--metadata", help="CSV with file, title, artist and more.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace; made where there is none.")],
    workers: Annotated[int, typer.Option("--workers", help="Processes that extract.")] = 1,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Extract on the Ray cluster at this address.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Index reference recordings; what is indexed already is skipped.

    Each recording is kept as soon as it is done: after an interruption, repeat the command. A file that
    cannot be used is named with its reason, the others are indexed, and the exit code is 3.

    Example:
      linernotes catalog add music --metadata catalog.csv --workspace ws
    """
    from linernotes.workflows.catalogue import add_catalogue

    with Progress(quiet=as_json) as progress:
        report = add_catalogue(audio_dir, metadata, workspace, progress, n_workers=workers, ray_address=ray)
    for _file, reason in report.refused:
        note(f"refused: {reason}")
    emit(report.as_json(), as_json, _print)
    return EXIT_DATA if report.refused else 0


@app.command("remove")
def remove(
    recording_ids: Annotated[
        list[str], typer.Argument(help="Recordings to remove.", metavar="RECORDING_ID...")
    ],
    workspace: InWorkspace,
    as_json: AsJson = False,
) -> None:
    """Take recordings out of the catalogue: they are no longer found. All of them, or none.

    Example:
      linernotes catalog remove some-artist__some-title --workspace ws
    """
    from linernotes.workflows.catalogue import remove_recordings

    emit(remove_recordings(recording_ids, workspace), as_json, _print_removed)


@app.command("merge")
def merge(
    other: Annotated[Path, typer.Argument(help="Workspace to take recordings from.", metavar="OTHER")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace; made where there is none.")],
    on_conflict: Annotated[
        OnConflict, typer.Option("--on-conflict", help="For an id that both hold with different content.")
    ] = OnConflict.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Take all recordings of another workspace's catalogue into this one. All of them, or none.

    Example:
      linernotes catalog merge other-ws --workspace ws --on-conflict keep
    """
    from linernotes.workflows.catalogue import merge_catalogue

    emit(merge_catalogue(other, workspace, on_conflict=on_conflict.value), as_json, _print_merged)


@app.command("compact")
def compact(workspace: InWorkspace, as_json: AsJson = False) -> None:
    """Merge the parts of the index into as few as fit, and free the room of removed recordings.

    Example:
      linernotes catalog compact --workspace ws
    """
    from linernotes.workflows.catalogue import compact_catalogue

    with Progress(quiet=as_json) as progress:
        found = compact_catalogue(workspace, progress)
    emit(found, as_json, _print_compacted)


@app.command("check")
def check(
    workspace: InWorkspace,
    drop_damaged: Annotated[
        bool, typer.Option("--drop-damaged", help="Take damaged parts out, and name what to add again.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Read every byte of the index and name what is damaged; the exit code is then 1.

    Example:
      linernotes catalog check --workspace ws
    """
    from linernotes.workflows.catalogue import check_catalogue

    with Progress(quiet=as_json) as progress:
        found = check_catalogue(workspace, drop=drop_damaged, progress=progress)
    emit(found, as_json, _print_checked)
    return 0 if found["ok"] else EXIT_FAULTS


@app.command("stats")
def stats(
    workspace: InWorkspace,
    recordings: Annotated[bool, typer.Option("--recordings", help="List every recording.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how large the index is: recordings, hours, bytes per hour of each array, segments.

    Example:
      linernotes catalog stats --workspace ws
    """
    from linernotes.workflows.catalogue import catalogue_statistics

    emit(catalogue_statistics(workspace, with_recordings=recordings), as_json, _print_stats)


app.command("import-fingerprints")(import_fingerprints)
app.command("export-fingerprints")(export_fingerprints)
app.command("remove-fingerprints")(remove_fingerprints)


def _print(found: dict[str, Any]) -> None:
    say(
        f"{found['n_added']} recordings indexed, {found['n_skipped']} were indexed already, "
        f"{len(found['refused'])} refused; the catalogue holds {found['n_recordings']}"
    )


def _print_removed(found: dict[str, Any]) -> None:
    say(f"{len(found['removed'])} recordings removed; the catalogue holds {found['n_recordings']}")


def _print_merged(found: dict[str, Any]) -> None:
    say(
        f"{found['n_added']} recordings taken in, {found['n_left_out']} left out; "
        f"the catalogue holds {found['n_recordings']}"
    )


def _print_compacted(found: dict[str, Any]) -> None:
    say(
        f"{found['n_segments_before']} segments of {found['n_bytes_before']:,} bytes became "
        f"{found['n_segments']} of {found['n_bytes']:,}"
    )


def _print_checked(found: dict[str, Any]) -> None:
    for fault in found["faults"]:
        page = f"page {fault['page']}, " if fault["page"] is not None else ""
        say(f"{fault['file']}: {page}bytes {fault['first_byte']}–{fault['end_byte'] - 1}: {fault['reason']}")
        whose = fault["recordings"]
        say(f"  recordings: {'any of the segment' if whose is None else ', '.join(whose) or 'none'}")
        say(f"  {fault['next_step']}")
    if "dropped" in found:
        say(f"add these again: {', '.join(found['dropped']) or 'none could be named'}")
    verdict = "sound" if found["ok"] else f"{len(found['faults'])} faults"
    say(
        f"{found['n_recordings']} recordings, {found['n_pages']} pages, {found['n_bytes']:,} bytes: {verdict}"
    )


def _print_stats(found: dict[str, Any]) -> None:
    say(
        f"{found['n_recordings']} recordings, {found['hours']:.2f} hours, {found['n_bytes']:,} bytes in "
        f"{len(found['segments'])} segments; {found['n_removed']} removed; "
        f"{found['journal']['n_recordings']} in the journal"
    )
    rows = [(name, size["n_bytes"], size["bytes_per_hour"]) for name, size in found["arrays"].items()]
    table("", ["array", "bytes", "bytes per hour"], rows)
    for recording in found.get("recordings", ()):
        say(recording["recording_id"])
