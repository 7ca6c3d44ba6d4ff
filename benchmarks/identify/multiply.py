"""Catalogues of any size: recordings that are put together from the peaks of real ones, each in another way.

A made recording takes bars of 1 to 4 s from two real recordings, in random order, until it is as long as
wanted. Every bar is transposed by up to six semitones and played at 0.8 to 1.25 times its tempo; a
fiftieth of its peaks is dropped, a half moves by up to a frame and a band, what leaves the range of bands
comes in at the other end. What stays is what decides how an index grows: how
often which combinations of intervals and delays occur, and how they clump. What goes is likeness: queries
against made recordings are by artists from whom nothing in them was taken.

Beyond the first few thousand, recordings are put together from bars of 8 to 20 s of those, transposed and played
at 0.9 to 1.1 times their tempo: the quads of a bar, which know neither pitch nor tempo, are taken along, and
pairs are found anew. That is twenty times as fast as finding quads.

Known limits
------------
Made recordings share sources, so that rare keys of real music are repeated: posting lists are more uneven
than those of as many different recordings, which makes times and false matches, if anything, worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linernotes.fingerprint import spectrum as settings
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.peaks import KEPT, REFERENCE

Ints = NDArray[np.int32]
SHORTEST_S, LONGEST_S = 120.0, 280.0
_DROPPED, _MOVED = 1 / 50, 1 / 2
_DROPPED_AGAIN = 0.08  # overlapping a second time would make them too dense
_OVERLAP = 0.93  # bars overlap, so that moved peaks which fall together do not thin the music
_ROOM = 1 << 16  # more peaks than the longest recording has


@dataclass(frozen=True)
class Peaks:
    """The peaks of real recordings, one after another."""

    times: Ints
    bands: Ints
    starts: NDArray[np.int64]
    n_frames: NDArray[np.int64]

    @classmethod
    def of(cls, found: Sequence[tuple[Ints, Ints, int]]) -> Peaks:
        """Gather times, bands and number of frames of each recording."""
        return cls(
            np.concatenate([times for times, _, _ in found]).astype(np.int32),
            np.concatenate([bands for _, bands, _ in found]).astype(np.int32),
            np.concatenate([[0], np.cumsum([len(times) for times, _, _ in found])]).astype(np.int64),
            np.array([n for _, _, n in found], np.int64),
        )


def made(peaks: Peaks, number: int, seed: int) -> tuple[Ints, Ints, int]:
    """Return times, bands and number of frames of one made recording, the same for the same number.

    Examples
    --------
    >>> real = Peaks.of([(np.arange(0, 900, 3, dtype=np.int32), np.arange(300, dtype=np.int32) % 90, 900)] * 2)
    >>> times, bands, n_frames = made(real, 7, seed=0)
    >>> bool((np.diff(times) >= 0).all()), int(times[-1]) < n_frames, 0 <= int(bands.min())
    (True, True, True)
    """
    out_times, out_bands = np.empty(_ROOM, np.int32), np.empty(_ROOM, np.int32)
    n, n_frames = _assemble(
        peaks.times, peaks.bands, peaks.starts, peaks.n_frames, np.random.default_rng([seed, number]), settings.FRAME_S,
        settings.N_BANDS, settings.BANDS_PER_SEMITONE, out_times, out_bands,
    )  # fmt: skip
    order = np.lexsort((out_bands[:n], out_times[:n]))
    times, bands = out_times[:n][order], out_bands[:n][order]
    fresh = np.ones(n, bool)
    fresh[1:] = (np.diff(times) > 0) | (np.diff(bands) > 0)
    return times[fresh], bands[fresh], n_frames


@njit(cache=True)
def _assemble(
    times: Ints, bands: Ints, starts: NDArray[np.int64], lengths: NDArray[np.int64], rng: np.random.Generator,
    frame_s: float, n_bands: int, per_semitone: int, out_times: Ints, out_bands: Ints,
) -> tuple[int, int]:  # fmt: skip
    n_frames = int(rng.uniform(SHORTEST_S, LONGEST_S) / frame_s)
    first_source = rng.integers(0, len(lengths))
    second_source = rng.integers(0, len(lengths))
    at, n = 0.0, 0
    while at < n_frames:
        owner = first_source if rng.random() < 0.7 else second_source
        length = int(rng.uniform(1, 4) / frame_s)
        begin = int(rng.random() * max(1, lengths[owner] - length))
        ratio = rng.uniform(0.8, 1.25)
        step = rng.integers(-6 * per_semitone, 6 * per_semitone + 1)
        own = times[starts[owner] : starts[owner + 1]]
        place = np.searchsorted(own, begin)
        while place < len(own) and own[place] < begin + length and n < len(out_times):
            time = np.int64(at + (own[place] - begin) * ratio)
            band = (bands[starts[owner] + place] + step) % n_bands
            place += 1
            if rng.random() < _MOVED:
                time += rng.integers(-1, 2)
                band += rng.integers(-1, 2)
            if rng.random() < _DROPPED or not (0 <= band < n_bands and 0 <= time < n_frames):
                continue
            out_times[n], out_bands[n] = time, band
            n += 1
        at += length * ratio * _OVERLAP
    return n, n_frames


def _highest(times: Ints) -> NDArray[np.bool_]:
    """Choose as many of the kept peaks as constellations are made of; how high made peaks are is not known."""
    rng = np.random.default_rng(len(times))
    return rng.random(len(times)) < REFERENCE.peaks_per_second / KEPT.peaks_per_second


def as_landmarks(times: Ints, bands: Ints, n_frames: int) -> Landmarks:
    """Return peaks with their constellations, as they go into an index.

    Made peaks lie on whole frames and bands; real ones lie between them, so they are moved by up to a half.
    """
    from linernotes.fingerprint.keys import pairs_of, quads_of

    rng = np.random.default_rng(len(times))
    between = rng.uniform(-0.5, 0.5, (2, len(times))).astype(np.float32)
    highest = _highest(times)
    pairs = pairs_of(times[highest], bands[highest], 0)
    quads = quads_of((times + between[0])[highest], (bands + between[1])[highest])
    return Landmarks(
        peak_times=times,
        peak_bands=bands,
        pair_keys=np.ascontiguousarray(pairs[:, 0]),
        pair_times=np.ascontiguousarray(pairs[:, 1]),
        quad_keys=quads[:, 0].astype(np.int32),
        quad_times=np.rint(quads[:, 1]).astype(np.int32),
        quad_bands=np.rint(quads[:, 2]).astype(np.uint8),
        quad_spans=np.rint(quads[:, 3]).astype(np.uint8),
        n_frames=n_frames,
    )


@dataclass(frozen=True)
class Stock:
    """The peaks and quads of made recordings, one after another, for making many more."""

    arrays: dict[str, NDArray[np.int32]]

    @classmethod
    def of(cls, found: Sequence[Landmarks]) -> Stock:
        """Gather landmarks."""
        names = ("peak_times", "peak_bands", "quad_keys", "quad_times", "quad_bands", "quad_spans")
        arrays = {
            name: np.concatenate([getattr(one, name) for one in found]).astype(np.int32) for name in names
        }
        for name in ("peak_times", "quad_times"):
            counts = [len(getattr(one, name)) for one in found]
            arrays[f"{name}_starts"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return cls(arrays | {"n_frames": np.array([one.n_frames for one in found], np.int32)})

    def save(self, path: Path) -> None:
        """Write to a file."""
        arrays: dict[str, Any] = dict(self.arrays)
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Stock:
        """Read from a file."""
        with np.load(path) as stored:
            return cls(dict(stored))

    def remade(self, number: int, seed: int) -> Landmarks:
        """Return one more recording, the same for the same number."""
        a = self.arrays
        peaks, quads = np.empty((2, _ROOM), np.int32), np.empty((4, _ROOM), np.int32)
        n_peaks, n_quads, n_frames = _reassemble(
            a["peak_times"], a["peak_bands"], a["peak_times_starts"],
            a["quad_keys"], a["quad_times"], a["quad_bands"], a["quad_spans"], a["quad_times_starts"], a["n_frames"],
            np.random.default_rng([seed, number]), settings.FRAME_S, settings.N_BANDS, settings.BANDS_PER_SEMITONE,
            peaks, quads,
        )  # fmt: skip
        from linernotes.fingerprint.keys import pairs_of

        order = np.lexsort((peaks[1, :n_peaks], peaks[0, :n_peaks]))
        times, bands = (np.ascontiguousarray(row[:n_peaks][order]) for row in peaks)
        highest = _highest(times)
        pairs = pairs_of(times[highest], bands[highest], 0)
        kept = quads[:, :n_quads][:, np.argsort(quads[1, :n_quads], kind="stable")]
        return Landmarks(
            peak_times=times,
            peak_bands=bands,
            pair_keys=np.ascontiguousarray(pairs[:, 0]),
            pair_times=np.ascontiguousarray(pairs[:, 1]),
            quad_keys=np.ascontiguousarray(kept[0]),
            quad_times=np.ascontiguousarray(kept[1]),
            quad_bands=kept[2].astype(np.uint8),
            quad_spans=kept[3].astype(np.uint8),
            n_frames=n_frames,
        )


@njit(cache=True)
def _reassemble(
    peak_times: Ints, peak_bands: Ints, peak_starts: Ints, quad_keys: Ints, quad_times: Ints, quad_bands: Ints,
    quad_spans: Ints, quad_starts: Ints, lengths: Ints, rng: np.random.Generator, frame_s: float, n_bands: int,
    per_semitone: int, peaks: NDArray[np.int32], quads: NDArray[np.int32],
) -> tuple[int, int, int]:  # fmt: skip
    n_frames = int(rng.uniform(SHORTEST_S, LONGEST_S) / frame_s)
    at, n, m = 0.0, 0, 0
    while at < n_frames:
        owner = rng.integers(0, len(lengths))
        length = int(rng.uniform(8, 20) / frame_s)
        begin = int(rng.random() * max(1, lengths[owner] - length))
        ratio = rng.uniform(0.9, 1.1)
        step = rng.integers(-6 * per_semitone, 6 * per_semitone + 1)
        own = peak_times[peak_starts[owner] : peak_starts[owner + 1]]
        place = np.searchsorted(own, begin)
        while place < len(own) and own[place] < begin + length and n < peaks.shape[1]:
            time = np.int64(at + (own[place] - begin) * ratio)
            if time < n_frames and rng.random() > _DROPPED_AGAIN:
                peaks[0, n] = time
                peaks[1, n] = (peak_bands[peak_starts[owner] + place] + step) % n_bands
                n += 1
            place += 1
        heard = quad_times[quad_starts[owner] : quad_starts[owner + 1]]
        place = np.searchsorted(heard, begin)
        while place < len(heard) and heard[place] < begin + length and m < quads.shape[1]:
            where = quad_starts[owner] + place
            time = np.int64(at + (heard[place] - begin) * ratio)
            span = np.int64(quad_spans[where] * ratio)
            place += 1
            if time + span < min(n_frames, at + length * ratio) and span < 256:
                quads[0, m], quads[1, m], quads[3, m] = quad_keys[where], time, span
                quads[2, m] = (quad_bands[where] + step) % n_bands
                m += 1
        at += length * ratio * _OVERLAP
    return n, m, n_frames
