"""Reading every byte of an index: what is damaged, where, whose it is; and taking the damaged part out.

Beside the checksums, the numbers are checked against one another: postings inside the time axis and
sorted under each key, peaks in order, ids unique. That finds faults of a program, where checksums find
faults of a disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.errors import CorpusError
from linernotes.fingerprint.index import FAMILIES
from linernotes.fingerprint.storage.catalogue import missing
from linernotes.fingerprint.storage.journal import (
    JournalContent,
    JournalWriter,
    create_journal,
    read_journal,
)
from linernotes.fingerprint.storage.lock import WriterLock
from linernotes.fingerprint.storage.manifest import Manifest, SegmentEntry, read_manifest, write_manifest
from linernotes.fingerprint.storage.merging import EVENTS
from linernotes.fingerprint.storage.segment import HEADER, Segment, open_segment, repair
from linernotes.fingerprint.storage.verifying import Fault, find_faults

Progress = Callable[[str, int, int], None]
_BLOCK = 1 << 21


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check_index` read and found.

    Parameters
    ----------
    folder : Path
        The index.
    generation : int
        Which manifest was checked.
    n_segments, n_recordings, n_pages, n_bytes : int
        What was read; recordings are the living ones of undamaged segments and the journal.
    torn_bytes : int
        Tail of the journal that an interrupted write left; harmless.
    faults : tuple of Fault
        Empty when all is well.
    """

    folder: Path
    generation: int
    n_segments: int
    n_recordings: int
    n_pages: int
    n_bytes: int
    torn_bytes: int
    faults: tuple[Fault, ...]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "ok": not self.faults,
            "generation": self.generation,
            "n_segments": self.n_segments,
            "n_recordings": self.n_recordings,
            "n_pages": self.n_pages,
            "n_bytes": self.n_bytes,
            "torn_journal_bytes": self.torn_bytes,
            "faults": [fault.as_json() for fault in self.faults],
        }


def check_index(folder: Path, progress: Progress | None = None) -> CheckReport:
    """Read every page of an index; it takes no lock, and a writer may work meanwhile.

    Parameters
    ----------
    folder : Path
        The index folder.
    progress : callable, optional
        Called with a name, the number of segments done, and the number in all.

    Raises
    ------
    CorpusError
        If there is no index, or its manifest is damaged: nothing else can be trusted then.
    """
    for _attempt in range(8):
        manifest = read_manifest(folder)
        report = _check_generation(folder, manifest, progress)
        if not report.faults or read_manifest(folder).generation == manifest.generation:
            break  # a fault in an older generation is only that its files are gone
    return report


def drop_damaged(folder: Path) -> tuple[str, ...]:
    """Take every damaged segment and journal record out of the index, and return whom that loses.

    Returns
    -------
    tuple of str
        Ids of the lost recordings, as far as they can still be read; add these again.

    Raises
    ------
    CorpusError
        If another process writes the index, or its manifest is damaged.
    """
    lock = WriterLock(folder)
    try:
        manifest = read_manifest(folder)
        faulty: list[SegmentEntry] = []
        lost: list[str] = []
        for entry in manifest.segments:
            faults, segment = _segment_faults(folder, entry)
            if faults:
                faulty.append(entry)
                lost.extend(_names(segment) if segment else ())
        content, faults, _ = _journal_faults(folder, manifest)
        lost.extend(fault.recordings[0] for fault in faults if fault.recordings)
        if faulty or faults:
            _write_without(folder, manifest, faulty, content)
        for entry in faulty:
            shutil.rmtree(folder / entry.name, ignore_errors=True)
        return tuple(dict.fromkeys(lost))
    finally:
        lock.close()


def _check_generation(folder: Path, manifest: Manifest, progress: Progress | None) -> CheckReport:
    faults: list[Fault] = []
    ids: set[str] = set()
    n_pages = n_bytes = n_recordings = 0
    replaced, journal_faults, torn = _journal_faults(folder, manifest)
    for n_done, entry in enumerate(manifest.segments, start=1):
        found, segment = _segment_faults(folder, entry)
        faults.extend(found)
        if segment is not None and not found:
            living = _living_ids(segment, replaced)
            faults.extend(_twice(segment, ids.intersection(living)))
            ids.update(living)
            n_recordings += len(living)
            n_pages += sum(file.n_pages for file in segment.files)
            n_bytes += sum(file.n_bytes for file in segment.files)
        if progress is not None:
            progress("checking segments", n_done, len(manifest.segments))
    faults.extend(journal_faults)
    pending = {entry.recording_id for entry in replaced.entries}
    return CheckReport(
        folder=folder,
        generation=manifest.generation,
        n_segments=len(manifest.segments),
        n_recordings=n_recordings + len(pending - ids),
        n_pages=n_pages,
        n_bytes=n_bytes + replaced.n_bytes,
        torn_bytes=torn,
        faults=tuple(faults),
    )


def _segment_faults(folder: Path, entry: SegmentEntry) -> tuple[list[Fault], Segment | None]:
    try:
        segment = open_segment(folder, entry)
    except FileNotFoundError as error:
        return [_whole(entry.name, str(missing(folder, error)), entry)], None
    except CorpusError as error:
        return [_whole(f"{entry.name}/{HEADER}", str(error), entry)], None
    faults = list(find_faults(segment))
    return faults or list(_contradictions(segment)), segment


def _whole(file: str, reason: str, entry: SegmentEntry) -> Fault:
    return Fault(file, None, 0, max(1, entry.n_bytes), reason, None, repair(entry.name))


def _contradictions(segment: Segment) -> Iterator[Fault]:
    for family, (n_keys, along) in FAMILIES.items():
        yield from _wrong_family(segment, family, n_keys, along)
    events, n_frames = getattr(segment.index, EVENTS), segment.index.n_frames
    for first in range(0, len(events), _BLOCK):
        stretch = events[max(0, first - 1) : first + _BLOCK].astype(np.int64)
        if (np.diff(stretch) < 0).any() or (stretch >= n_frames).any():
            yield _contradiction(segment, EVENTS, "frames outside the time axis or out of order")
            break


def _wrong_family(segment: Segment, family: str, n_keys: int, along: tuple[str, ...]) -> Iterator[Fault]:
    starts = getattr(segment.index, f"{family}_starts").astype(np.int64)
    places, n_frames = getattr(segment.index, along[0]), segment.index.n_frames
    fits = len(starts) == n_keys + 1 and starts[0] == 0 and starts[-1] == len(places)
    if not fits or (np.diff(starts) < 0).any():
        yield _contradiction(segment, f"{family}_starts", "they do not fit the postings")
        return
    before = 0
    for first in range(0, len(places), _BLOCK):
        block = places[first : first + _BLOCK].astype(np.int64)
        falls = np.diff(block, prepend=before) < 0
        keys = slice(*np.searchsorted(starts, [first, first + len(block)]))
        falls[starts[keys] - first] = False  # a new key begins anywhere
        if (block >= n_frames).any() or falls.any():
            yield _contradiction(segment, along[0], "frames outside the time axis or out of order")
            break
        before = int(block[-1])
    for name in along[1:]:
        if len(getattr(segment.index, name)) != len(places):
            yield _contradiction(segment, name, f"it has another length than {along[0]}")


def _contradiction(segment: Segment, name: str, reason: str) -> Fault:
    file = next(file for file in segment.files if file.name == name)
    return Fault(f"{segment.name}/{name}.npy", None, 0, file.n_bytes, reason, None, repair(segment.name))


def _twice(segment: Segment, ids: set[str]) -> Iterator[Fault]:
    if ids:
        reason = "recordings that another segment holds too"
        yield Fault(segment.name, None, 0, 1, reason, tuple(sorted(ids)), repair(segment.name))


def _living_ids(segment: Segment, content: JournalContent) -> set[str]:
    replaced = {e.replaces[1] for e in content.entries if e.replaces and e.replaces[0] == segment.name}
    dead = segment.dead | replaced
    return {recording_id for i, recording_id in enumerate(segment.table.ids()) if i not in dead}


def _names(segment: Segment) -> list[str]:
    try:
        return [name for i, name in enumerate(segment.table.ids()) if i not in segment.dead]
    except ValueError:  # the names themselves are damaged
        return []


def _journal_faults(folder: Path, manifest: Manifest) -> tuple[JournalContent, list[Fault], int]:
    step = "run 'linernotes catalog check --drop-damaged' and then 'linernotes catalog add' again"
    try:
        content = read_journal(folder / manifest.journal)
    except OSError as error:
        fault = Fault(manifest.journal, None, 0, 1, str(missing(folder, error)), None, step)
        return JournalContent((), (), 0, 0), [fault], 0
    faults = [
        Fault(
            file=manifest.journal,
            page=None,
            first_byte=found.first_byte,
            end_byte=found.end_byte,
            reason=found.reason,
            recordings=(found.recording_id,) if found.recording_id else None,
            next_step=step,
        )
        for found in content.faults
    ]
    return content, faults, content.torn_bytes


def _write_without(
    folder: Path, manifest: Manifest, faulty: list[SegmentEntry], content: JournalContent
) -> None:
    """Switch to a manifest without the damaged segments and a journal without the damaged records."""
    gone = {entry.name for entry in faulty}
    journal = f"journal-{manifest.next_number:06d}.log"
    create_journal(folder / journal)
    writer = JournalWriter(folder / journal, (folder / journal).stat().st_size)
    try:
        for entry in content.entries:
            lost = entry.replaces is not None and entry.replaces[0] in gone
            writer.append(replace(entry, replaces=None) if lost else entry)
    finally:
        writer.close()
    kept = tuple(entry for entry in manifest.segments if entry.name not in gone)
    write_manifest(folder, Manifest(manifest.generation + 1, manifest.next_number + 1, kept, journal))
    (folder / manifest.journal).unlink(missing_ok=True)
