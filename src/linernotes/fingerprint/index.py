"""The landmarks of a catalogue, sorted for look-up, as plain arrays.

All recordings lie one after another on one time axis. A *posting* is the place on that axis where a
constellation of peaks begins; postings are sorted by key, so that equal constellations lie side by side.
There are two families: pairs and quads, see `linernotes.fingerprint.keys`. The peaks themselves are kept
too: they verify a candidate alignment.

Conventions
-----------
Places and peak times are global frames of 16 ms. ``starts`` of a family: the postings of key *k* are
``starts[k]`` to ``starts[k + 1]``.

Cost
----
About 1.4 MB per hour of music beside 5.4 MB for the tables of keys; merging copies every posting once.

Known limits
------------
A global frame has 32 bits: 19,000 hours of music in one index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.spectrum import FRAME_S

N_PAIR_KEYS = 49 * 64 * 96  # as in `keys`, which is not imported here: it compiles
N_QUAD_KEYS = 1 << 20

ARRAYS: dict[str, type] = {
    "peak_times": np.uint32,
    "peak_bands": np.uint8,
    "pair_starts": np.uint32,
    "pair_places": np.uint32,
    "quad_starts": np.uint32,
    "quad_places": np.uint32,
    "quad_bands": np.uint8,
    "quad_spans": np.uint8,
}
#: Family of postings: number of keys, and the arrays that run along its postings (places first).
FAMILIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "pair": (N_PAIR_KEYS, ("pair_places",)),
    "quad": (N_QUAD_KEYS, ("quad_places", "quad_bands", "quad_spans")),
}
LAST_FRAME = 2**32 - 1


@dataclass(frozen=True, slots=True)
class IndexedRecording:
    """Where one recording lies on the common time axis, and the hash of the file it came from."""

    recording_id: str
    content_sha256: str
    first_frame: int
    n_frames: int


@dataclass(frozen=True)
class FingerprintIndex:
    """The sorted landmarks of many recordings; immutable, `add` gives a new one.

    Parameters
    ----------
    recordings : tuple of IndexedRecording
        In order of their first frame.
    peak_times, peak_bands : NDArray [shape=(n_peaks,)]
        Global frames, ascending; quarter-tone bands.
    pair_starts, quad_starts : NDArray[np.uint32] [shape=(n_keys + 1,)]
        Where the postings of each key start.
    pair_places, quad_places : NDArray[np.uint32] [shape=(n_postings,)]
        Global frames, sorted by key and then by time.
    quad_bands, quad_spans : NDArray[np.uint8] [shape=(n_quads,)]
        Band of the first peak of each quad, and frames between its outer peaks.

    Examples
    --------
    >>> from linernotes.audio.files import Audio
    >>> from linernotes.fingerprint.landmarks import find_landmarks
    >>> rng = np.random.default_rng(0)
    >>> audio = Audio(rng.normal(0, 0.1, 16000).astype(np.float32), 8000)
    >>> index = FingerprintIndex.empty().add([("noise", "ab" * 32, find_landmarks(audio))])
    >>> [recording.recording_id for recording in index.recordings], index.n_frames
    (['noise'], 126)
    """

    recordings: tuple[IndexedRecording, ...]
    peak_times: NDArray[np.uint32]
    peak_bands: NDArray[np.uint8]
    pair_starts: NDArray[np.uint32]
    pair_places: NDArray[np.uint32]
    quad_starts: NDArray[np.uint32]
    quad_places: NDArray[np.uint32]
    quad_bands: NDArray[np.uint8]
    quad_spans: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name in ARRAYS:  # memory-mapped or not, the kernels see one kind of array: read-only
            view = np.asarray(getattr(self, name)).view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    @classmethod
    def empty(cls) -> FingerprintIndex:
        """Return an index without recordings."""
        arrays: dict[str, NDArray[Any]] = {name: np.zeros(0, dtype) for name, dtype in ARRAYS.items()}
        for family, (n_keys, _) in FAMILIES.items():
            arrays[f"{family}_starts"] = np.zeros(n_keys + 1, np.uint32)
        return cls((), **arrays)

    @property
    def segments(self) -> tuple[FingerprintIndex, ...]:
        """The index itself, as a catalogue of one segment."""
        return (self,)

    @property
    def removed(self) -> frozenset[str]:
        """Recordings that must not be answered: none."""
        return frozenset()

    @property
    def n_frames(self) -> int:
        """Length of the common time axis."""
        if not self.recordings:
            return 0
        return self.recordings[-1].first_frame + self.recordings[-1].n_frames

    @property
    def duration_s(self) -> float:
        """Music in the index, in seconds."""
        return self.n_frames * FRAME_S

    @cached_property
    def first_frames(self) -> NDArray[np.int64]:
        """First global frame of each recording, and the end of the axis."""
        return np.array([r.first_frame for r in self.recordings] + [self.n_frames], np.int64)

    @property
    def content_hashes(self) -> dict[str, str]:
        """The SHA-256 of the indexed file of each recording."""
        return {recording.recording_id: recording.content_sha256 for recording in self.recordings}

    def add(self, entries: Sequence[tuple[str, str, Landmarks]]) -> FingerprintIndex:
        """Return an index that holds further recordings.

        Parameters
        ----------
        entries : sequence of (recording_id, content_sha256, Landmarks)
            New recordings.

        Raises
        ------
        CorpusError
            If a recording is in the index already, or the time axis is full.
        """
        if not entries:
            return self
        return FingerprintIndex.merge([self, _of_entries(entries)])

    def without(self, recording_ids: set[str]) -> FingerprintIndex:
        """Return an index that no longer holds some recordings; the time axis closes up."""
        if recording_ids.isdisjoint(self.content_hashes):
            return self
        return FingerprintIndex.merge([self], dropping=recording_ids)

    @staticmethod
    def merge(parts: Sequence[FingerprintIndex], dropping: set[str] | None = None) -> FingerprintIndex:
        """Return one index of several, without some recordings.

        Raises
        ------
        CorpusError
            If a recording is in two parts, or the time axis is full.
        """
        kept = [_closed_up(part, dropping or set()) for part in parts]
        recordings: list[IndexedRecording] = []
        shifts, first = [], 0
        for part in kept:
            shifts.append(first)
            recordings += [replace(r, first_frame=r.first_frame + first) for r in part.recordings]
            first += part.n_frames
        _check(recordings, first)
        arrays: dict[str, NDArray[Any]] = {
            "peak_times": _moved([part.peak_times for part in kept], shifts),
            "peak_bands": np.concatenate([part.peak_bands for part in kept]),
        }
        for family in FAMILIES:
            arrays |= _merged_family(family, kept, shifts)
        return FingerprintIndex(tuple(recordings), **arrays)

    def owners(self, frames: NDArray[Any]) -> NDArray[np.intp]:
        """Return the position in `recordings` that each global frame belongs to."""
        return np.searchsorted(self.first_frames, frames, side="right") - 1


def _of_entries(entries: Sequence[tuple[str, str, Landmarks]]) -> FingerprintIndex:
    recordings, first = [], 0
    for recording_id, content_sha256, found in entries:
        recordings.append(IndexedRecording(recording_id, content_sha256, first, found.n_frames))
        first += found.n_frames
    all_found = [found for _, _, found in entries]
    shifts = [recording.first_frame for recording in recordings]
    _check(recordings, first)

    def joined(name: str, dtype: type) -> NDArray[Any]:
        return np.concatenate([getattr(found, name) for found in all_found]).astype(dtype)

    arrays: dict[str, NDArray[Any]] = {
        "peak_times": _moved([found.peak_times for found in all_found], shifts),
        "peak_bands": joined("peak_bands", np.uint8),
    }
    for family, (n_keys, along) in FAMILIES.items():
        keys = joined(f"{family}_keys", np.int64)
        order = np.argsort(keys, kind="stable")
        arrays[f"{family}_starts"] = _starts(np.bincount(keys, minlength=n_keys))
        arrays[along[0]] = _moved([getattr(found, f"{family}_times") for found in all_found], shifts)[order]
        for name in along[1:]:
            arrays[name] = joined(name, ARRAYS[name])[order]
    return FingerprintIndex(tuple(recordings), **arrays)


def _check(recordings: Sequence[IndexedRecording], n_frames: int) -> None:
    known: set[str] = set()
    for recording in recordings:
        if recording.recording_id in known:
            raise CorpusError(
                f"recording '{recording.recording_id}' is in the index already; remove it first"
            )
        known.add(recording.recording_id)
    if n_frames > LAST_FRAME:
        raise CorpusError("the index is full (19,000 hours); start another segment")


def _closed_up(part: FingerprintIndex, dropping: set[str]) -> FingerprintIndex:
    """Return the part without some recordings, its time axis closed up."""
    stays = np.array([r.recording_id not in dropping for r in part.recordings], bool)
    if stays.all():
        return part
    lengths = np.array([r.n_frames for r in part.recordings], np.int64)
    before = np.cumsum(np.where(stays, lengths, 0)) - np.where(stays, lengths, 0)
    shift = part.first_frames[:-1] - before
    recordings = [
        replace(recording, first_frame=int(before[k]))
        for k, recording in enumerate(part.recordings)
        if stays[k]
    ]

    def thinned(places: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.uint32]]:
        owner = part.owners(places)
        keep = stays[owner]
        return keep, (places[keep] - shift[owner[keep]]).astype(np.uint32)

    keep, times = thinned(part.peak_times)
    arrays: dict[str, NDArray[Any]] = {"peak_times": times, "peak_bands": part.peak_bands[keep]}
    for family, (n_keys, along) in FAMILIES.items():
        keep, arrays[along[0]] = thinned(getattr(part, along[0]))
        keys = np.repeat(np.arange(n_keys), np.diff(getattr(part, f"{family}_starts").astype(np.int64)))
        arrays[f"{family}_starts"] = _starts(np.bincount(keys[keep], minlength=n_keys))
        for name in along[1:]:
            arrays[name] = getattr(part, name)[keep]
    return FingerprintIndex(tuple(recordings), **arrays)


def _merged_family(
    family: str, parts: Sequence[FingerprintIndex], shifts: list[int]
) -> dict[str, NDArray[Any]]:
    """Put the postings of each key side by side, those of an earlier part first."""
    along = FAMILIES[family][1]
    counts = [np.diff(getattr(part, f"{family}_starts").astype(np.int64)) for part in parts]
    starts = _starts(np.sum(counts, axis=0))
    merged: dict[str, NDArray[Any]] = {f"{family}_starts": starts}
    for name in along:
        merged[name] = np.empty(int(starts[-1]), ARRAYS[name])
    free = starts[:-1].astype(np.int64)
    for part, shift, count in zip(parts, shifts, counts, strict=True):
        own_starts = getattr(part, f"{family}_starts")[:-1].astype(np.int64)
        target = np.arange(int(count.sum())) + np.repeat(free - own_starts, count)
        for name in along:
            values = getattr(part, name)
            merged[name][target] = values + np.uint32(shift) if name == along[0] else values
        free += count
    return merged


def _moved(places: Sequence[NDArray[Any]], shifts: Sequence[int]) -> NDArray[np.uint32]:
    moved = [
        (row.astype(np.int64) + shift).astype(np.uint32) for row, shift in zip(places, shifts, strict=True)
    ]
    return np.concatenate(moved) if moved else np.zeros(0, np.uint32)


def _starts(counts: NDArray[Any]) -> NDArray[np.uint32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
