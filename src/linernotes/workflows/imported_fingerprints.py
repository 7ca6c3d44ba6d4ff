"""A catalogue of fingerprints alone: take it into a workspace, and ask which of its recordings a file holds.

A rightsholder need not send audio. The fingerprints lie in the workspace's ``chromaprints`` folder together with the
facts about their recordings; the registry of recordings with audio is not touched.

Conventions
-----------
What was imported before with the same content is skipped; a row with a known id and other content replaces it.
One process writes at a time; readers see the old catalogue or the new one.

Known limits
------------
Each saving rebuilds the index in memory (24 bytes per sub-fingerprint: 2.3 GB for 100,000 recordings of two minutes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, TooShort
from linernotes.evidence.identification import Match
from linernotes.fingerprint.chromaprint.chance import score_needed
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.index import Imported, PrintIndex
from linernotes.fingerprint.chromaprint.match import match_print
from linernotes.fingerprint.chromaprint.store import HEADER, has_index, open_prints, save_prints
from linernotes.fingerprint.chromaprint.table import Refused, Row, read_fingerprints
from linernotes.fingerprint.storage.lock import WriterLock
from linernotes.workspace import Workspace

FOLDER = "chromaprints"
Progress = Callable[[str, int, int], None]

_LEAST_BATCH = 10_000  # rows between two savings at least; later as many as are kept already


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What `import_fingerprints` did.

    Parameters
    ----------
    added, replaced, skipped : tuple of str
        Recordings that are new, that had another fingerprint or other facts, and that were there already.
    refused : tuple of (int, str)
        Line and reason of each row that cannot be used.
    n_recordings : int
        Imported recordings in the workspace afterwards.
    """

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()
    n_recordings: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "n_recordings": self.n_recordings,
            "n_added": len(self.added),
            "n_replaced": len(self.replaced),
            "n_skipped": len(self.skipped),
            "added": list(self.added),
            "replaced": list(self.replaced),
            "skipped": list(self.skipped),
            "refused": [{"line": line, "reason": reason} for line, reason in self.refused],
        }


@dataclass(slots=True)
class _Work:
    """The state of one import: the index so far, what waits to be saved, and what happened."""

    index: PrintIndex
    known: dict[str, Imported]
    waiting: list[tuple[Recording, float, Any]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def import_fingerprints(
    table: Path | str, workspace: Path | str, progress: Progress | None = None
) -> ImportReport:
    """Take a table of fingerprints into a workspace, so that `identify_by_chromaprint` can find them.

    Parameters
    ----------
    table : Path or str
        CSV, JSON lines, a JSON array, or the output of ``fpcalc``; see
        `linernotes.fingerprint.chromaprint.table`.
    workspace : Path or str
        Workspace folder; it is made where there is none.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    ImportReport
        What was added, replaced, skipped, and refused with its reason. A row that cannot be used does not
        stop the others.

    Raises
    ------
    InputError
        If the table as a whole cannot be read.
    CorpusError
        If the workspace or what was imported before is damaged, or another process is writing to it.
    """
    table = Path(table)
    rows = read_fingerprints(table)
    first = next(rows)  # a table that cannot be read leaves no workspace behind
    n_lines = _count_lines(table)
    with Workspace.open_or_create(workspace) as opened:
        folder = opened.folder(FOLDER)
    lock = WriterLock(folder)
    try:
        index = open_prints(folder) if has_index(folder) else PrintIndex.empty()
        work = _Work(index, {entry.recording.recording_id: entry for entry in index.entries})
        _take(work, first)
        for row in rows:
            _take(work, row)
            if len(work.waiting) >= max(_LEAST_BATCH, len(work.index.entries)):
                _save(work, folder)
            if progress is not None and row.line % 100 == 0:
                progress("importing fingerprints", row.line, n_lines)
        _save(work, folder)
    finally:
        lock.close()
    if progress is not None:
        progress("importing fingerprints", n_lines, n_lines)
    return ImportReport(
        tuple(work.added),
        tuple(work.replaced),
        tuple(work.skipped),
        tuple(work.refused),
        len(work.index.entries),
    )


def identify_by_chromaprint(
    audio: Audio, workspace: Workspace | Path | str, query_id: str, max_false_match_rate: float
) -> tuple[Match, ...]:
    """Return the imported recordings that audio holds, best first.

    Parameters
    ----------
    audio : Audio
        Any length; all of it is searched.
    workspace : Workspace, Path or str
        A workspace; without imported fingerprints there is no match.
    query_id : str
        Name of the query in the matches.
    max_false_match_rate : float in (0, 1)
        Highest chance, for the whole query, that an unrelated recording is reported.

    Returns
    -------
    tuple of Match
        ``method`` is ``"chromaprint/1"``; empty when nothing passes, when nothing was imported, or when the
        audio is shorter than the 2.7 s that one sub-fingerprint takes.

    Raises
    ------
    InputError
        If the limit is not a rate.
    CorpusError
        If the imported fingerprints are damaged.
    """
    score_needed(max_false_match_rate, 1, 1)
    index = open_imported(workspace)
    if index is None:
        return ()
    try:
        query = extract(audio, None, name=query_id)
    except TooShort:
        return ()
    return match_print(query, index, query_id, max_false_match_rate)


def remove_fingerprints(recording_ids: Sequence[str], workspace: Path | str) -> dict[str, Any]:
    """Take imported fingerprints out of a workspace: all of those named, or none.

    Returns
    -------
    dict
        ``removed``, ``n_removed`` and ``n_recordings``, those left.

    Raises
    ------
    CorpusError
        If an id is unknown, nothing was imported, or another process is writing.
    """
    with Workspace.open(workspace) as opened:
        folder = opened.folder(FOLDER)
    lock = WriterLock(folder)
    try:
        index = open_prints(folder)
        known = {entry.recording.recording_id for entry in index.entries}
        unknown = sorted(set(recording_ids) - known)
        if unknown:
            raise CorpusError(
                f"recording '{unknown[0]}': no imported fingerprint in {workspace}; "
                "'linernotes catalog export-fingerprints' lists the ids; nothing was removed"
            )
        index = index.without(recording_ids)
        save_prints(index, folder)
    finally:
        lock.close()
    removed = sorted(set(recording_ids))
    return {"removed": removed, "n_removed": len(removed), "n_recordings": len(index.entries)}


def open_imported(workspace: Workspace | Path | str) -> PrintIndex | None:
    """Return the imported fingerprints of a workspace, or None where there are none.

    Raises
    ------
    CorpusError
        If they are damaged.
    """
    folder = (workspace.path if isinstance(workspace, Workspace) else Path(workspace)) / FOLDER
    if not has_index(folder):
        return None
    facts = (folder / HEADER).stat()
    return _open(folder, facts.st_mtime_ns, facts.st_ino)


def imported_recordings(workspace: Workspace | Path | str) -> dict[str, Recording]:
    """Return what is known about the imported recordings, by recording id; empty where there are none."""
    index = open_imported(workspace)
    if index is None:
        return {}
    return {entry.recording.recording_id: entry.recording for entry in index.entries}


@lru_cache(maxsize=2)
def _open(folder: Path, _written_at: int, _inode: int) -> PrintIndex:
    """Open once for many queries; a replaced header is another one."""
    return open_prints(folder)


def _take(work: _Work, row: Row | Refused) -> None:
    if isinstance(row, Refused):
        work.refused.append((row.line, row.reason))
        return
    name = row.recording.recording_id
    old = work.known.get(name)
    if old is None:
        work.added.append(name)
    elif _is_same(work.index, old, row):
        work.skipped.append(name)
        return
    else:
        work.replaced.append(name)
    work.waiting.append((row.recording, row.duration_s, row.fingerprint))


def _is_same(index: PrintIndex, old: Imported, row: Row) -> bool:
    return (
        (old.recording, old.duration_s, old.algorithm)
        == (row.recording, row.duration_s, row.fingerprint.algorithm)
    ) and np.array_equal(index.values[old.first : old.first + old.n], row.fingerprint.values)


def _save(work: _Work, folder: Path) -> None:
    if work.waiting:
        work.index = work.index.add(work.waiting)
        save_prints(work.index, folder)
        work.known = {entry.recording.recording_id: entry for entry in work.index.entries}
        work.waiting = []


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return max(1, sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b"")))
