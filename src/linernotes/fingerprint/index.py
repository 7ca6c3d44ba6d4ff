"""The landmarks of a catalogue, sorted for look-up, in a folder of plain arrays.

All recordings lie one after another on one time axis. A *posting* is the place on that axis (4 bytes)
where a landmark starts; postings are sorted by landmark key, so that equal landmarks lie side by side
and a range of heights of one interval and delay is one slice. The peaks themselves are kept too: they
verify a candidate alignment.

A folder holds ``fingerprints.json`` (format, revision, recordings, checksums) and one sub-folder of
arrays, which are memory-mapped. Adding recordings merges them into a new sub-folder; replacing the
JSON file switches to it, so that readers see the old index or the new one, never a mixture.

Conventions
-----------
The key is ``((interval + 24) * 63 + delay - 2) * 96 + height``, see `linernotes.fingerprint.landmarks`.
Global frames are 16 ms each.

Cost
----
About 1.3 MB per hour of music; merging copies every posting once; opening reads every byte once for
its checksum (about a second per gigabyte; pass ``verify=False`` to trust the file system).

Known limits
------------
A global frame has 32 bits: 19,000 hours of music in one index.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import file_sha256
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.fingerprint import landmarks as settings
from linernotes.fingerprint.landmarks import Landmarks

HEADER = "fingerprints.json"
FORMAT = "linernotes-fingerprints"
REVISION = 1
N_DELAYS = settings.MAX_DELAY - settings.MIN_DELAY + 1
N_KEYS = (2 * settings.MAX_INTERVAL + 1) * N_DELAYS * settings.N_BANDS

_ARRAYS = {"postings": np.uint32, "key_starts": np.int64, "peak_times": np.uint32, "peak_bands": np.uint8}
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

    def save(self, folder: Path) -> None:
        """Write the index; a folder that holds an older one switches to this one at the end, at once."""
        folder.mkdir(parents=True, exist_ok=True)
        digest = self._digest()
        final, partial = folder / f"arrays-{digest}", folder / f"arrays-{digest}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True) if not _is_current(folder, final.name) else None
        if not final.exists():
            partial.mkdir()
            for name in _ARRAYS:
                np.save(partial / f"{name}.npy", getattr(self, name))
            os.replace(partial, final)
        header = {
            "format": FORMAT,
            "revision": REVISION,
            "parameters": _parameters(),
            "folder": final.name,
            "files": {f"{name}.npy": file_sha256(final / f"{name}.npy") for name in _ARRAYS},
            "recordings": [asdict(recording) for recording in self.recordings],
        }
        partial_header = folder / f"{HEADER}.partial"
        partial_header.write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(partial_header, folder / HEADER)
        for old in folder.glob("arrays-*"):
            if old != final:
                shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def open(cls, folder: Path, *, verify: bool = True) -> FingerprintIndex:
        """Return the index of a folder, memory-mapped.

        Raises
        ------
        CorpusError
            If the folder holds no index, or a file of it is missing, damaged or inconsistent; the
            message names the file.
        NewerRevision
            If a newer revision of Linernotes wrote it.
        """
        header = _read_header(folder / HEADER)
        arrays = {}
        for name, dtype in _ARRAYS.items():
            path = folder / str(header["folder"]) / f"{name}.npy"
            arrays[name] = _open_array(path, dtype, header["files"].get(path.name) if verify else None)
        recordings = tuple(IndexedRecording(**entry) for entry in header["recordings"])
        index = cls(recordings, **arrays)
        if len(index.key_starts) != N_KEYS + 1 or index.key_starts[-1] != len(index.postings):
            raise CorpusError(
                f"{folder}: key_starts.npy does not fit postings.npy; index the recordings again"
            )
        if len(index.peak_times) != len(index.peak_bands):
            raise CorpusError(
                f"{folder}: peak_bands.npy does not fit peak_times.npy; index the recordings again"
            )
        return index

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

    def _digest(self) -> str:
        digest = hashlib.sha256(json.dumps([asdict(r) for r in self.recordings]).encode())
        digest.update(np.ascontiguousarray(self.postings).tobytes())
        return digest.hexdigest()[:16]


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


def _parameters() -> dict[str, Any]:
    return {
        "sample_rate": settings.SAMPLE_RATE,
        "hop_length": settings.HOP_LENGTH,
        "frame_length": settings.FRAME_LENGTH,
        "lowest_hz": settings.LOWEST_HZ,
        "n_bands": settings.N_BANDS,
        "max_interval": settings.MAX_INTERVAL,
        "delays": [settings.MIN_DELAY, settings.MAX_DELAY],
        "density": asdict(settings.REFERENCE) | {"neighbourhood": list(settings.REFERENCE.neighbourhood)},
    }


def _is_current(folder: Path, name: str) -> bool:
    try:
        return bool(_read_header(folder / HEADER)["folder"] == name)
    except (CorpusError, InputError):
        return False


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CorpusError(
            f"{path}: no fingerprint index; index recordings first with 'linernotes catalog add'"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise ValueError(f"format '{header['format']}'")
        revision = int(header["revision"])
        complete = {"folder", "files", "recordings", "parameters"} <= header.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path}: damaged ({error}); delete the folder and index the recordings again"
        ) from error
    if revision > REVISION:
        raise NewerRevision(f"{path}: revision {revision}; this Linernotes reads up to {REVISION}; update it")
    if not complete or header["parameters"] != _parameters():
        raise CorpusError(
            f"{path}: made with other landmark settings or incomplete; "
            "delete the folder and index the recordings again"
        )
    return dict(header)


def _open_array(path: Path, dtype: type, sha256: str | None) -> NDArray[Any]:
    again = "delete the folder and index the recordings again"
    if not path.is_file():
        raise CorpusError(f"{path}: missing from the fingerprint index; {again}")
    if sha256 is not None and file_sha256(path) != sha256:
        raise CorpusError(f"{path}: damaged: its SHA-256 is not the one in {HEADER}; {again}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise CorpusError(f"{path}: damaged: {error}; {again}") from error
    if array.dtype != dtype or array.ndim != 1:
        raise CorpusError(
            f"{path}: holds {array.dtype} {array.shape}; expected a row of {np.dtype(dtype)}; {again}"
        )
    return np.asarray(array)
