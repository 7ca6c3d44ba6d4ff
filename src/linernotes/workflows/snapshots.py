"""Seal a later state of a training corpus as the next snapshot of its workspace, and list what changed.

Conventions
-----------
The newest snapshot is the corpus in force: what the next generator is trained on. Rankings and statements name
the root that they were made with.

Known limits
------------
Snapshots above 50,000 items are kept in their folder alone, not in the workspace's registry.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.corpus.consent import parse_date
from linernotes.corpus.header import Header
from linernotes.corpus.ingest import Progress
from linernotes.corpus.seal import seal_items
from linernotes.corpus.snapshot import Snapshot
from linernotes.corpus.snapshots import (
    Step,
    corpus_of,
    snapshot_chain,
    snapshot_json,
    step_between,
    write_snapshot,
)
from linernotes.errors import CorpusError
from linernotes.workflows.audit import record
from linernotes.workflows.seal import RECEIPT_FILE, SNAPSHOTS, read_folder
from linernotes.workspace import Workspace

MAX_ITEMS_IN_REGISTRY = 50_000
LOCK_FILE = ".lock"


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """A new snapshot, what it changed, and where the log's receipt lies."""

    snapshot: Snapshot
    step: Step
    gaps: list[dict[str, Any]]
    notes: tuple[str, ...]
    receipt: Path

    def as_json(self) -> dict[str, Any]:
        """Return the fields that the command line prints."""
        return snapshot_json(self.snapshot, self.step) | {
            "n_without_consent": self.snapshot.facts.n_without_consent,
            "gaps": self.gaps,
            "notes": list(self.notes),
            "receipt": str(self.receipt),
        }


def take_snapshot(
    audio_dir: Path | str,
    rights: Path | str,
    workspace_path: Path | str,
    *,
    training_date: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> SnapshotResult:
    """Seal the present state of a folder as the next snapshot of a workspace.

    Parameters
    ----------
    audio_dir, rights : Path or str
        Folder and rights table, as for `linernotes.workflows.seal.seal_corpus`.
    workspace_path : Path or str
        Workspace with a sealed corpus.
    training_date : str, optional
        Day of the new training, ``yyyy-mm-dd``.
    skip_bad : bool
        Whether an unusable file becomes a gap instead of an error.
    progress : callable, optional
        Called as ``progress(name, n_done, n_all)``.

    Returns
    -------
    SnapshotResult
        With what was added, removed and changed.

    Raises
    ------
    InputError
        If the folder, a file, the table or the date is not usable.
    CorpusError
        If nothing is sealed yet, nothing changed, or another program is sealing here.
    """
    day = parse_date(training_date) if training_date else None
    with Workspace.open(workspace_path) as workspace, alone(workspace.folder(SNAPSHOTS)) as folder:
        before = _head(folder, workspace)
        read = read_folder(audio_dir, rights, day, skip_bad=skip_bad, progress=progress)
        corpus = seal_items(
            read.items,
            read.gaps,
            audio_dir=Path(audio_dir).resolve(),
            training_date=day,
            secret=before.secret,
            now=read.now,
            previous_root=before.facts.root,
        )
        if corpus.header is not None and is_unchanged(before, corpus.header):
            after, step = before, Step((), (), ())
            receipt = log_unlogged(workspace.path, before)
        else:
            after = write_snapshot(folder, corpus)
            step = step_between(before, after)
            keep_in_registry(workspace, after)
            receipt = log_snapshot(workspace, after, step)
    return SnapshotResult(after, step, [gap.as_json() for gap in read.gaps], read.notes, receipt)


def list_snapshots(workspace_path: Path | str) -> list[dict[str, Any]]:
    """Return every snapshot of a workspace, oldest first, with what it added, removed and changed.

    Raises
    ------
    CorpusError
        If there is no workspace, or a snapshot is damaged or missing.
    """
    with Workspace.open(workspace_path) as workspace:
        chain = snapshot_chain(workspace.folder(SNAPSHOTS))
    before: Snapshot | None = None
    rows = []
    for snapshot in chain:
        rows.append(snapshot_json(snapshot, step_between(before, snapshot)))
        before = snapshot
    return rows


def _head(folder: Path, workspace: Workspace) -> Snapshot:
    chain = snapshot_chain(folder)
    return chain[-1] if chain else write_snapshot(folder, workspace.corpus())


def is_unchanged(before: Snapshot, header: Header) -> bool:
    """Return whether a header says nothing that the snapshot before does not say already."""
    held = before.header
    return (header.manifest_root, header.training_date) == (held.manifest_root, held.training_date)


def log_unlogged(workspace_path: Path, snapshot: Snapshot) -> Path:
    """Log a snapshot that an interrupted run left unlogged; refuse one that is logged already.

    Raises
    ------
    CorpusError
        If its receipt is there: nothing changed, and nothing is left to do.
    """
    with Workspace.open(workspace_path) as workspace:
        if receipt_path(workspace, snapshot).exists():
            raise CorpusError(
                f"nothing changed since snapshot {snapshot.facts.root[:12]}…; its root and receipts stand"
            )
        keep_in_registry(workspace, snapshot)
        return log_snapshot(workspace, snapshot)


def keep_in_registry(workspace: Workspace, snapshot: Snapshot) -> None:
    """Save a snapshot as the workspace's newest corpus, where it is small enough and the one before is there."""
    held = workspace.snapshots()
    newest = held[-1].root if held else None
    if len(snapshot) <= MAX_ITEMS_IN_REGISTRY and newest == snapshot.header.previous_root:
        workspace.save_corpus(corpus_of(snapshot))


def log_snapshot(workspace: Workspace, snapshot: Snapshot, step: Step | None = None) -> Path:
    """Write a snapshot's root and counts into the audit log, and the receipt into the workspace."""
    facts, header = snapshot.facts, snapshot.header
    path = receipt_path(workspace, snapshot)
    body: dict[str, Any] = {
        "root": facts.root,
        "n_items": header.n_items,
        "sealed_at": facts.sealed_at,
        "stage": facts.stage,
        "training_date": header.training_date,
        "previous_root": header.previous_root,
    }
    if step is not None:
        body |= {f"n_{name}": len(getattr(step, name)) for name in ("added", "removed", "changed")}
    kind = "corpus-seal" if header.previous_root is None else "corpus-snapshot"
    record(workspace, kind, facts.root, body).write(path)
    return path


def receipt_path(workspace: Workspace, snapshot: Snapshot) -> Path:
    """Return where a snapshot's receipt lies."""
    first = snapshot.header.previous_root is None
    name = RECEIPT_FILE if first else f"corpus-snapshot-{snapshot.facts.root[:12]}.json"
    return workspace.folder("receipts") / name


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Keep other programs from sealing in a folder at the same time.

    Raises
    ------
    CorpusError
        If one is sealing there now.
    """
    with (folder / LOCK_FILE).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CorpusError(f"{folder}: another program is sealing here; try again after it") from error
        yield folder
