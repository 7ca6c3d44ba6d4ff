"""The writer of an index folder: add, remove, merge, compact, each of them whole or not at all.

::

    fingerprints/
    ├── fingerprints.json       the manifest
    ├── journal-000031.log      recordings that are not in a segment yet
    ├── segment-000008/ …       immutable segments
    └── writer.lock             who writes

Every operation writes new files, switches the manifest, and then deletes what the manifest no longer
names. A process killed anywhere in between leaves files without a name in the manifest; the next writer
sweeps them. After an error the writer is closed: open it again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.storage import compaction
from linernotes.fingerprint.storage.catalogue import Catalogue, in_memory, latest, missing, open_segments
from linernotes.fingerprint.storage.conflicts import Conflict, Place, and_more, taken_in
from linernotes.fingerprint.storage.faults import plain_faults
from linernotes.fingerprint.storage.journal import (
    JournalContent,
    JournalEntry,
    JournalWriter,
    create_journal,
    damage,
    read_journal,
)
from linernotes.fingerprint.storage.lock import WriterLock
from linernotes.fingerprint.storage.manifest import (
    MANIFEST,
    Manifest,
    SegmentEntry,
    read_manifest,
    write_manifest,
)
from linernotes.fingerprint.storage.merging import Source, merge_segments
from linernotes.fingerprint.storage.segment import Segment, open_segment, save_segment
from linernotes.fingerprint.storage.verifying import verify_on_open, verify_wholly

__all__ = ["FLUSH_BYTES", "Conflict", "IndexFolder"]

FLUSH_BYTES = 64 << 20
"""A journal of this size becomes a segment: some hundred recordings, or a day of music."""

Progress = Callable[[str, int, int], None]

_OURS = re.compile(r"(segment-\d+|journal-\d+\.log|fingerprints\.json)(\.partial)?")
_EMPTY = JournalContent((), (), 0, 0)


class IndexFolder:
    """An index that is open for writing; use it in a ``with`` statement.

    Leaving the block in order builds the last segment; leaving it by an error leaves the journal as it
    is, and the next writer goes on from there.

    Parameters
    ----------
    folder : Path
        The index folder; made where there is none.
    flush_bytes : int
        Size of the journal at which a segment is built.
    auto_compact : bool
        Whether segments are merged tier by tier when a new one is built.

    Raises
    ------
    CorpusError
        If another process writes it, or it is damaged, or of an earlier revision.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """

    def __init__(self, folder: Path, *, flush_bytes: int = FLUSH_BYTES, auto_compact: bool = True) -> None:
        self.folder, self.flush_bytes, self.auto_compact = folder, flush_bytes, auto_compact
        self._writer: JournalWriter | None = None
        with plain_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(folder)
        try:
            with plain_faults(folder):
                self._load()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._writer is not None:
                self.flush()
        finally:
            self.close()

    def close(self) -> None:
        """Let the next writer in; builds nothing."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._lock.close()

    def __len__(self) -> int:
        return len(self._known)

    def content_hash(self, recording_id: str) -> str | None:
        """Return the hash of the file a recording was indexed from; None when it is not in the index."""
        place = self._known.get(recording_id)
        return place.content_sha256 if place else None

    @property
    def manifest(self) -> Manifest:
        """The generation that this writer wrote or found last."""
        return self._manifest

    # changes

    def append(self, recording_id: str, content_sha256: str, landmarks: Landmarks) -> None:
        """Add a recording, or replace the copy of it that is there; when this returns, the disk has it.

        Raises
        ------
        CorpusError
            If the disk is full or does not answer; nothing is changed then.
        """
        with self._change():
            replaces = self._stored_place(recording_id)
            entry = JournalEntry(recording_id, content_sha256, landmarks, replaces)
            self._writer_or_refuse().append(entry)
            self._pending[recording_id] = entry
            self._known[recording_id] = Place(content_sha256, None, -1)
        if self._writer_or_refuse().n_bytes >= self.flush_bytes:
            self.flush()

    def flush(self) -> None:
        """Build a segment of what the journal holds, then merge the tiers that are full."""
        with self._change():
            if self._pending:
                self._build(list(self._pending.values()))
            while self.auto_compact and (tier := compaction.due(self._manifest.segments)):
                self._merge(tier)

    def remove(self, recording_ids: Collection[str]) -> None:
        """Take recordings out of the index; their room is freed by compaction.

        Raises
        ------
        CorpusError
            If one of them is not in the index; nothing is removed then.
        """
        unknown = sorted(set(recording_ids) - self._known.keys())
        if unknown:
            raise CorpusError(
                f"recording '{unknown[0]}'{and_more(unknown)}: not in the catalogue, nothing was removed; "
                "'linernotes catalog stats --recordings' lists what it holds"
            )
        self.flush()
        with self._change():
            places = [self._known[recording_id] for recording_id in recording_ids]
            self._commit(_with_removed(self._manifest.segments, [(p.segment, p.position) for p in places]))
            for recording_id in recording_ids:
                self._known.pop(recording_id, None)

    def merge(self, other: Catalogue, *, on_conflict: Conflict = "refuse") -> tuple[int, int]:
        """Take in all recordings of another index; return how many were added and how many left out.

        A recording that both hold with the same content stays as it is.

        Parameters
        ----------
        other : Catalogue
            Opened from another folder.
        on_conflict : {"refuse", "keep", "replace"}
            What to do with an id that both hold with different content: raise, keep the copy that is
            here, or take the other's.

        Raises
        ------
        InputError
            If the rule is unknown, or the other index is this one.
        CorpusError
            If ids conflict and the rule is to refuse, or a page of the other index is damaged.
        """
        if on_conflict not in ("refuse", "keep", "replace"):
            raise InputError(f"conflict rule '{on_conflict}': expected refuse, keep or replace")
        if other.folder.resolve() == self.folder.resolve():
            raise InputError(f"{self.folder}: an index cannot be merged into itself; give another folder")
        self.flush()
        with self._change():
            sources, replaced, n_left_out = taken_in(self._known, self.folder, other, on_conflict)
            for segment in other.stored:
                verify_wholly(segment)
            entries: list[SegmentEntry] = []
            for source in sources:
                place = self._new_place("segment", offset=len(entries))
                entries.append(merge_segments(place, [source]))
            segments = _with_removed(self._manifest.segments, replaced)
            self._commit((*segments, *entries), n_numbers=len(entries))
            self._learn_all()
        self.flush()
        return sum(int(source.stays.sum()) for source in sources), n_left_out

    def compact(self, progress: Progress | None = None) -> None:
        """Merge all segments into as few as fit, and free the room of what was removed.

        Raises
        ------
        CorpusError
            If a page of a segment is damaged, or the disk is full; what was merged before stays merged.
        """
        self.flush()
        with self._change():
            living = [Source.of_segment(self._open(entry)).n_frames for entry in self._manifest.segments]
            runs = compaction.groups(self._manifest.segments, living)
            for n_done, run in enumerate(runs, start=1):
                self._merge(run)
                if progress is not None:
                    progress("compacting", n_done, len(runs))

    # inside

    def _load(self) -> None:
        if not (self.folder / MANIFEST).exists():
            self._begin()
        self._manifest = read_manifest(self.folder)
        self._sweep()
        path = self.folder / self._manifest.journal
        try:
            content = read_journal(path)
            if content.faults:
                raise damage(path, content)
            stored = open_segments(self.folder, self._manifest, content)
        except FileNotFoundError as error:
            raise missing(self.folder, error) from error
        verify_on_open(stored, 0)
        self._pending = {entry.recording_id: entry for entry in latest(content.entries)}
        self._known: dict[str, Place] = {}
        for segment in stored:
            self._learn(segment)
        for entry in self._pending.values():
            self._known[entry.recording_id] = Place(entry.content_sha256, None, -1)
        self._writer = JournalWriter(path, content.n_bytes)

    def _begin(self) -> None:
        stray = sorted(self.folder.glob("segment-*[0-9]"))
        if stray:
            raise CorpusError(
                f"{self.folder}: holds {len(stray)} segments but no {MANIFEST}; restore that file from a copy, "
                "or delete the folder and index the recordings again"
            )
        journal = _name("journal", 1)
        create_journal(self.folder / journal)
        write_manifest(self.folder, Manifest(1, 2, (), journal))

    def _learn(self, segment: Segment) -> None:
        facts = zip(segment.table.ids(), segment.table.content_hashes(), strict=True)
        for position, (recording_id, content_sha256) in enumerate(facts):
            if position not in segment.dead:
                self._known[recording_id] = Place(content_sha256, segment.name, position)

    def _learn_all(self) -> None:
        self._known.clear()
        for entry in self._manifest.segments:
            self._learn(self._open(entry))

    def _stored_place(self, recording_id: str) -> tuple[str, int] | None:
        """Return which stored copy a new one replaces, also when the journal has replaced it before."""
        if recording_id in self._pending:
            return self._pending[recording_id].replaces
        place = self._known.get(recording_id)
        return (place.segment, place.position) if place and place.segment else None

    def _build(self, entries: list[JournalEntry]) -> None:
        built = save_segment(self._new_place("segment"), in_memory(entries))
        journal = self._new_place("journal", offset=1)
        create_journal(journal)
        segments = _with_removed(self._manifest.segments, [e.replaces for e in entries if e.replaces])
        self._commit((*segments, built), journal=journal.name, n_numbers=2)
        self._pending.clear()
        self._learn(self._open(built))

    def _merge(self, entries: Sequence[SegmentEntry]) -> None:
        opened = [self._open(entry) for entry in entries]
        for segment in opened:
            verify_wholly(segment)
        sources = [source for segment in opened if (source := Source.of_segment(segment)).stays.any()]
        merged = [merge_segments(self._new_place("segment"), sources)] if sources else []
        segments: list[SegmentEntry] = []
        for entry in self._manifest.segments:
            if entry == entries[0]:
                segments.extend(merged)
            if entry not in entries:
                segments.append(entry)
        self._commit(tuple(segments), n_numbers=1)
        for entry in merged:
            self._learn(self._open(entry))

    def _open(self, entry: SegmentEntry) -> Segment:
        return open_segment(self.folder, entry)

    def _new_place(self, kind: str, offset: int = 0) -> Path:
        place = self.folder / _name(kind, self._manifest.next_number + offset)
        if place.is_dir():  # left by a change that failed before its manifest
            shutil.rmtree(place)
        return place

    def _commit(
        self, segments: tuple[SegmentEntry, ...], *, journal: str | None = None, n_numbers: int = 0
    ) -> None:
        """Make these segments the index, and take away what it no longer names."""
        manifest = Manifest(
            generation=self._manifest.generation + 1,
            next_number=self._manifest.next_number + n_numbers,
            segments=segments,
            journal=journal or self._manifest.journal,
        )
        write_manifest(self.folder, manifest)
        self._manifest = manifest
        if journal is not None:
            self._writer_or_refuse().close()
            self._writer = JournalWriter(self.folder / journal, read_journal(self.folder / journal).n_bytes)
        self._sweep()

    def _sweep(self) -> None:
        keep = self._manifest.names() | {MANIFEST}
        for path in self.folder.iterdir():
            if path.name not in keep and _OURS.fullmatch(path.name):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def _writer_or_refuse(self) -> JournalWriter:
        if self._writer is None:
            raise CorpusError(f"{self.folder}: this writer was closed, by an error or by hand; open it again")
        return self._writer

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._writer_or_refuse()
        try:
            with plain_faults(self.folder):
                yield
        except BaseException:
            self.close()  # what the disk has is whole; what this object remembers may be one step behind
            raise


def _with_removed(
    segments: tuple[SegmentEntry, ...], places: Sequence[tuple[str | None, int]]
) -> tuple[SegmentEntry, ...]:
    gone: dict[str | None, set[int]] = {}
    for name, position in places:
        gone.setdefault(name, set()).add(position)
    return tuple(
        replace(entry, removed=tuple(sorted(gone[entry.name].union(entry.removed))))
        if entry.name in gone
        else entry
        for entry in segments
    )


def _name(kind: str, number: int) -> str:
    return f"{kind}-{number:06d}" + (".log" if kind == "journal" else "")
