"""An index as its readers see it: some segments, mapped, and who is no longer among them.

Readers take no lock. They read the manifest, map what it names, and if a writer has replaced it
meanwhile they begin again; from then on their generation stays as it was until they open anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from linernotes.errors import CorpusError
from linernotes.fingerprint.index import FingerprintIndex, IndexedRecording
from linernotes.fingerprint.spectrum import FRAME_S
from linernotes.fingerprint.storage.journal import JournalContent, JournalEntry, damage, read_journal
from linernotes.fingerprint.storage.manifest import Manifest, read_manifest
from linernotes.fingerprint.storage.merging import Source, merge_in_memory
from linernotes.fingerprint.storage.segment import Segment, open_segment
from linernotes.fingerprint.storage.verifying import VERIFY_BYTES, verify_on_open

_ATTEMPTS = 8  # a writer would have to switch generations this often while we open one


@dataclass(frozen=True)
class Catalogue:
    """One generation of an index, for searching.

    Parameters
    ----------
    segments : tuple of FingerprintIndex
        To be searched one by one. What the journal holds comes last, as a segment in memory.
    removed : frozenset of str
        Names of segment recordings that are no answer. Each is the name of one dead copy, never the id
        of a living recording.
    folder : Path
        Where it lies.
    generation : int
        Which manifest it is.
    """

    segments: tuple[FingerprintIndex, ...]
    removed: frozenset[str]
    folder: Path
    generation: int
    stored: tuple[Segment, ...] = ()

    def __len__(self) -> int:
        return sum(len(segment.recordings) for segment in self.segments) - len(self.removed)

    @cached_property
    def recordings(self) -> tuple[IndexedRecording, ...]:
        """The living recordings; frames are those of their segment's axis."""
        return tuple(self._living())

    @property
    def content_hashes(self) -> dict[str, str]:
        """The SHA-256 of the indexed file of each living recording."""
        return {recording.recording_id: recording.content_sha256 for recording in self._living()}

    @property
    def n_frames(self) -> int:
        """Frames of all segments, the dead among them."""
        return sum(segment.n_frames for segment in self.segments)

    @property
    def duration_s(self) -> float:
        """Music in all segments, the dead among it, in seconds."""
        return self.n_frames * FRAME_S

    def as_one(self) -> FingerprintIndex:
        """Return all living recordings as one index; where there are several segments, in memory."""
        if len(self.segments) == 1 and not self.removed:
            return self.segments[0]
        sources = [Source.of_segment(segment) for segment in self.stored]
        sources += [Source.of_index(index) for index in self.segments[len(self.stored) :]]
        return merge_in_memory(sources) if sources else FingerprintIndex.empty()

    def _living(self) -> Iterator[IndexedRecording]:
        for segment in self.segments:
            for recording in segment.recordings:
                if recording.recording_id not in self.removed:
                    yield recording


def open_index(folder: Path, *, verify_bytes: int = VERIFY_BYTES) -> Catalogue:
    """Return the index of a folder, memory-mapped.

    Parameters
    ----------
    folder : Path
        The index folder.
    verify_bytes : int
        How much is read beside the structure to find damage, see `linernotes.fingerprint.storage.verifying`.

    Raises
    ------
    CorpusError
        If the folder holds no index, or a file of it is missing or damaged; the message names the file.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    for attempt in range(_ATTEMPTS):
        manifest = read_manifest(folder)
        try:
            return _open_generation(folder, manifest, verify_bytes)
        except (CorpusError, FileNotFoundError) as error:
            changed = read_manifest(folder).generation != manifest.generation
            if changed and attempt < _ATTEMPTS - 1:
                continue
            if isinstance(error, CorpusError):
                raise
            raise missing(folder, error) from error
    raise CorpusError(f"{folder}: a writer keeps replacing this index; try again")  # pragma: no cover


def missing(folder: Path, error: OSError) -> CorpusError:
    """Return the error for a segment or journal that the manifest names and that is gone."""
    gone = error.filename or error.args[0]
    return CorpusError(
        f"{gone}: missing from the index {folder}; restore it from a copy, or run "
        "'linernotes catalog check --drop-damaged' and then 'linernotes catalog add' again"
    )


def _open_generation(folder: Path, manifest: Manifest, verify_bytes: int) -> Catalogue:
    content = read_journal(folder / manifest.journal)
    if content.faults:
        raise damage(folder / manifest.journal, content)
    stored = open_segments(folder, manifest, content)
    verify_on_open(stored, verify_bytes)
    segments = tuple(segment.index for segment in stored)
    pending = latest(content.entries)
    if pending:
        segments = (*segments, in_memory(pending))
    removed = frozenset().union(*(segment.dead_names for segment in stored))
    return Catalogue(segments, removed, folder, manifest.generation, stored)


def open_segments(folder: Path, manifest: Manifest, content: JournalContent) -> tuple[Segment, ...]:
    """Map all segments of a generation; what the journal replaces is dead in them."""
    replaced: dict[str, set[int]] = {}
    for entry in content.entries:
        if entry.replaces:
            replaced.setdefault(entry.replaces[0], set()).add(entry.replaces[1])
    return tuple(
        open_segment(folder, entry, frozenset(replaced.get(entry.name, ()))) for entry in manifest.segments
    )


def latest(entries: tuple[JournalEntry, ...]) -> list[JournalEntry]:
    """Return the newest entry of each recording."""
    return list({entry.recording_id: entry for entry in entries}.values())


def in_memory(entries: list[JournalEntry]) -> FingerprintIndex:
    """Build the segment of some journal entries."""
    added = [(entry.recording_id, entry.content_sha256, entry.landmarks) for entry in entries]
    return FingerprintIndex.empty().add(added)
