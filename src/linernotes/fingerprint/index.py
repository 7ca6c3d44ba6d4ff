"""The landmarks of a catalogue, sorted for look-up, in a folder of plain arrays.

All recordings lie one after another on one time axis. A *posting* is the place on that axis (4 bytes)
where a landmark starts; postings are sorted by landmark key, so that equal landmarks lie side by side
and a range of heights of one interval and delay is one slice. The peaks themselves are kept too: they
verify a candidate alignment.

Conventions
-----------
The key is ``((interval + 24) * 63 + delay - 2) * 96 + height``, see `linernotes.fingerprint.landmarks`.
Global frames are 16 ms each.

Cost
----
About 1.4 MB per hour of music beside 2.4 MB for the table of keys; merging copies every posting once.

Known limits
------------
A global frame has 32 bits: 19,000 hours of music in one index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError
from linernotes.fingerprint import landmarks as settings
from linernotes.fingerprint.landmarks import Landmarks

N_DELAYS = settings.MAX_DELAY - settings.MIN_DELAY + 1
N_KEYS = (2 * settings.MAX_INTERVAL + 1) * N_DELAYS * settings.N_BANDS

ARRAYS = {"postings": np.uint32, "key_starts": np.int64, "peak_times": np.uint32, "peak_bands": np.uint8}
_LAST_FRAME = 2**32 - 1


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
    postings : NDArray[np.uint32] [shape=(n_postings,)]
        Global frames, sorted by key and then by time.
    key_starts : NDArray[np.int64] [shape=(N_KEYS + 1,)]
        The postings of key *k* are ``postings[key_starts[k]:key_starts[k + 1]]``.
    peak_times : NDArray[np.uint32] [shape=(n_peaks,)]
        Global frames, ascending.
    peak_bands : NDArray[np.uint8] [shape=(n_peaks,)]
        Quarter-tone bands.

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
    postings: NDArray[np.uint32]
    key_starts: NDArray[np.int64]
    peak_times: NDArray[np.uint32]
    peak_bands: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name in ARRAYS:  # memory-mapped or not, the kernels see one kind of array: read-only
            view = getattr(self, name).view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    @classmethod
    def empty(cls) -> FingerprintIndex:
        """Return an index without recordings."""
        return cls(
            (),
            np.zeros(0, np.uint32),
            np.zeros(N_KEYS + 1, np.int64),
            np.zeros(0, np.uint32),
            np.zeros(0, np.uint8),
        )

    @property
    def n_frames(self) -> int:
        """Length of the common time axis."""
        if not self.recordings:
            return 0
        return self.recordings[-1].first_frame + self.recordings[-1].n_frames

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
            New recordings, made with the `REFERENCE` density.

        Raises
        ------
        CorpusError
            If a recording is in the index already, or the time axis is full.
        """
        recordings = list(self.recordings)
        known = set(self.content_hashes)
        keys, frames = [], []
        peak_times, peak_bands = [self.peak_times], [self.peak_bands]
        first = self.n_frames
        for recording_id, content_sha256, found in entries:
            if recording_id in known:
                raise CorpusError(f"recording '{recording_id}' is in the index already; remove it first")
            if first + found.n_frames > _LAST_FRAME:
                raise CorpusError("the index is full (19,000 hours); start another workspace")
            known.add(recording_id)
            recordings.append(IndexedRecording(recording_id, content_sha256, first, found.n_frames))
            keys.append(landmark_keys(found))
            frames.append((found.times + np.int64(first)).astype(np.uint32))
            peak_times.append((found.peak_times + np.int64(first)).astype(np.uint32))
            peak_bands.append(found.peak_bands.astype(np.uint8))
            first += found.n_frames
        if not keys:
            return self
        postings, starts = self._merge(np.concatenate(keys), np.concatenate(frames))
        return FingerprintIndex(
            tuple(recordings), postings, starts, np.concatenate(peak_times), np.concatenate(peak_bands)
        )

    def without(self, recording_ids: set[str]) -> FingerprintIndex:
        """Return an index that no longer holds some recordings; the time axis closes up."""
        kept = [r for r in self.recordings if r.recording_id not in recording_ids]
        if len(kept) == len(self.recordings):
            return self
        shift = np.zeros(len(self.recordings) + 1, np.int64)
        stays = np.array([r.recording_id not in recording_ids for r in self.recordings])
        moved, first = [], 0
        for position, recording in enumerate(self.recordings):
            shift[position] = recording.first_frame - first
            if stays[position]:
                moved.append(
                    IndexedRecording(
                        recording.recording_id, recording.content_sha256, first, recording.n_frames
                    )
                )
                first += recording.n_frames
        keys = np.repeat(np.arange(N_KEYS), np.diff(self.key_starts))
        owner = self.owners(self.postings)
        keep = stays[owner] if len(owner) else np.zeros(0, bool)
        starts = np.concatenate([[0], np.cumsum(np.bincount(keys[keep], minlength=N_KEYS))])
        peak_owner = self.owners(self.peak_times)
        keep_peak = stays[peak_owner] if len(peak_owner) else np.zeros(0, bool)
        return FingerprintIndex(
            tuple(moved),
            (self.postings[keep] - shift[owner[keep]]).astype(np.uint32),
            starts.astype(np.int64),
            (self.peak_times[keep_peak] - shift[peak_owner[keep_peak]]).astype(np.uint32),
            self.peak_bands[keep_peak],
        )

    def owners(self, frames: NDArray[Any]) -> NDArray[np.intp]:
        """Return the position in `recordings` that each global frame belongs to."""
        return np.searchsorted(self.first_frames, frames, side="right") - 1

    def _merge(
        self, keys: NDArray[np.int64], frames: NDArray[np.uint32]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Put new postings behind the old ones of the same key."""
        order = np.lexsort((frames, keys))
        new_starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=N_KEYS))]).astype(np.int64)
        starts = self.key_starts + new_starts
        merged = np.empty(len(self.postings) + len(frames), np.uint32)
        old_keys = np.repeat(np.arange(N_KEYS), np.diff(self.key_starts))
        merged[np.arange(len(self.postings)) + new_starts[old_keys]] = self.postings
        sorted_keys = keys[order]
        merged[np.arange(len(frames)) + self.key_starts[sorted_keys + 1]] = frames[order]
        return merged, starts


def landmark_keys(found: Landmarks) -> NDArray[np.int64]:
    """Return the look-up key of each pair [shape=(n_pairs,)].

    Examples
    --------
    >>> one = np.array([0], np.int32)
    >>> pair = Landmarks(np.array([5, 7], np.int32), np.array([3, 3], np.int32), one, one + 1, n_frames=9)
    >>> landmark_keys(pair).tolist() == [24 * 63 * 96 + 3]
    True
    """
    interval = found.intervals.astype(np.int64) + settings.MAX_INTERVAL
    delay = found.delays.astype(np.int64) - settings.MIN_DELAY
    return (interval * N_DELAYS + delay) * settings.N_BANDS + found.heights
