"""``linernotes catalog import-fingerprints``, ``export-fingerprints`` and ``remove-fingerprints``: without audio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from linernotes.cli.output import Progress, emit, note, say

EXIT_DATA = 3


def import_fingerprints(
    table: Annotated[Path, typer.Argument(help="CSV, JSON lines or fpcalc output.", metavar="FILE")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace; made where there is none.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Take Chromaprint fingerprints into the workspace; no audio is needed.

    CSV has columns title, artist, duration (seconds), fingerprint, and recording_id if there is one; JSON lines
    have the same names. What was imported already is skipped. A row that cannot be used is named with its
    reason, the others are imported, and the exit code is 3.

    Example:
      linernotes catalog import-fingerprints fingerprints.csv --workspace ws
    """
    from linernotes.workflows.imported_fingerprints import import_fingerprints as run

    with Progress(quiet=as_json) as progress:
        report = run(table, workspace, progress)
    for _line, reason in report.refused:
        note(f"refused: {reason}")
    emit(report.as_json(), as_json, _print_import)
    return EXIT_DATA if report.refused else 0


def export_fingerprints(
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with a catalogue.")],
    out: Annotated[Path, typer.Option("--out", help="Table to write: .csv or .jsonl.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Write the Chromaprint fingerprints of the catalogue as a table that can be sent without audio.

    After an interruption, repeat the command: finished rows are kept. A recording without usable audio is
    named with its reason, the others are written, and the exit code is 3.

    Example:
      linernotes catalog export-fingerprints --workspace ws --out fingerprints.csv
    """
    from linernotes.workflows.export_fingerprints import export_fingerprints as run

    with Progress(quiet=as_json) as progress:
        report = run(workspace, out, progress)
    for name, reason in report.refused:
        note(f"refused: {name}: {reason}")
    emit(report.as_json(), as_json, _print_export)
    return EXIT_DATA if report.refused else 0


def remove_fingerprints(
    recording_ids: Annotated[list[str], typer.Argument(help="Recordings.", metavar="RECORDING_ID...")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Workspace with imported fingerprints.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take imported fingerprints out of the workspace: all of those named, or none.

    Example:
      linernotes catalog remove-fingerprints some-artist-some-title --workspace ws
    """
    from linernotes.workflows.imported_fingerprints import remove_fingerprints as run

    emit(run(recording_ids, workspace), as_json, _print_removal)


def _print_import(found: dict[str, Any]) -> None:
    say(
        f"{found['n_added']} fingerprints imported, {found['n_replaced']} replaced, {found['n_skipped']} were "
        f"there already, {len(found['refused'])} refused; the workspace holds {found['n_recordings']}"
    )


def _print_export(found: dict[str, Any]) -> None:
    say(
        f"{found['path']}: {found['n_recordings']} fingerprints ({found['n_computed']} computed, "
        f"{found['n_resumed']} from an interrupted export, {found['n_imported']} imported ones), "
        f"{len(found['refused'])} refused"
    )


def _print_removal(found: dict[str, Any]) -> None:
    say(f"{found['n_removed']} fingerprints removed; the workspace holds {found['n_recordings']}")
