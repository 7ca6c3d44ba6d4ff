"""How well the peaks of a recording show in the query, laid along one line of time and pitch.

1. *Evidence.* Each place of the query's centred spectrum (a frame, a band) is ranked among all places of the
   query: *u* from 0, the lowest, to 1. Under chance a peak of the recording falls on a *u* drawn evenly; where
   the recording sounds, *u* is high. With a part *k* of its peaks still to be seen, that place speaks with
   ``log(1 - k + k * a * u ** (a - 1))`` nats for "same recording" against "chance".
2. *Line.* ``frame = (reference - origin) * slope``, ``band = reference band + shift`` is moved to where the
   evidence of all peaks on it is largest.
3. *Stretch.* The best sum of neighbouring peaks is the aligned span, for the best of three *k*. One of less than
   eight tenths of a second is one event, which any two pieces may share, and no alignment.
4. *Standing.* The same peaks are laid over the same part of the query everywhere else (moved in a circle):
   how many deviations does the true place stand above these? What two pieces share in key and in beat is
   shared at many other places too, and takes itself out. The median and the median deviation are used, so
   that music which repeats itself, and fits at several places, still stands out.
5. *Surplus.* How many deviations do all peaks within ten seconds around the stretch speak above the mean of
   their bands in the query? Here nothing is taken out: music that repeats itself does not lower its own surplus,
   and what is heard too faintly to be in the best stretch counts too.

All places of the query speak, not only its peaks: a tone that is no longer a peak under noise still is higher
than most.

Conventions
-----------
Reference times and query times are frames; ``slope`` is query time per reference time.

References
----------
Karlin and Altschul (1990), PNAS 87 (best-scoring stretch of neighbours). Rousseeuw and Croux (1993),
"Alternatives to the median absolute deviation", JASA 88 (1.4826 makes it a deviation). Cornish and Fisher
(1938), "Moments and cumulants in the specification of distributions" (what a deviation of a skewed sum is worth).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from linernotes.fingerprint.peaks import KEPT, find_peaks
from linernotes.fingerprint.spectrum import Floats

_SHARPNESS = 8.0  # the a of the evidence
_SEEN = (0.1, 0.3, 0.6)  # the k of the evidence: under other music, noise, and almost clean
_QUICK = 0  # which of them finds candidates
_SPREAD_AROUND = 63  # frames over which each band is brought to one scale before it is ranked
_SPREAD_FLOOR = 0.05
_N_RANKS = 4096
_CLEAR = 16  # frames around the alignment that are not "elsewhere": a quarter of a second
_REACH = 625  # frames of the query in which "elsewhere" is looked for, at least, if it is that long
_MAX_LAGS = 600
_MIN_PEAKS = 8
_LEAST_STRETCH = 50  # frames, 0.8 s: peaks within less are one attack, or one release, of many tones


@dataclass(frozen=True)
class Evidence:
    """What every place of a query says, see the module.

    Parameters
    ----------
    ranks : NDArray[np.float32] [shape=(n_frames, n_bands)]
        *u* of each place.
    near_peak : NDArray[np.bool_] [shape=(n_frames, n_bands)]
        Whether a peak of the query's own, as a catalogue would keep it, lies there or a frame beside.
    n_peaks : NDArray[np.int64] [shape=(n_frames + 1,)]
        How many of these come before each frame.
    """

    ranks: Floats
    near_peak: NDArray[np.bool_]
    n_peaks: NDArray[np.int64]

    @classmethod
    def of(cls, spectrum: Floats) -> Evidence:
        """Return the evidence of a centred spectrum.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> evidence = Evidence.of(rng.normal(size=(200, 96)).astype(np.float32))
        >>> abs(float(evidence.ranks.mean()) - 0.5) < 0.01, [len(table) for table in evidence.tables]
        (True, [200, 200, 200])
        """
        spread = uniform_filter1d(spectrum * spectrum, _SPREAD_AROUND, axis=0, mode="nearest")
        times, bands = find_peaks(spectrum, KEPT)
        near = np.zeros(spectrum.shape, np.bool_)
        for step in (-1, 0, 1):
            near[np.clip(times + step, 0, len(near) - 1), bands] = True
        n_peaks = np.concatenate([[0], np.cumsum(np.bincount(times, minlength=len(near)))])
        return cls(_ranks(spectrum / np.sqrt(spread + _SPREAD_FLOOR)), near, n_peaks)

    @cached_property
    def tables(self) -> tuple[Floats, ...]:
        """Nats of each place, one table for each part of peaks that may still be seen."""
        grid = np.arange(_N_RANKS, dtype=np.float64) / (_N_RANKS - 1)
        place = (self.ranks * (_N_RANKS - 1)).astype(np.int32)
        return tuple(
            np.log(1 - seen + seen * _SHARPNESS * grid ** (_SHARPNESS - 1)).astype(np.float32)[place]
            for seen in _SEEN
        )

    @cached_property
    def means(self) -> tuple[Floats, ...]:
        """Mean nats of each band in each table."""
        return tuple(table.mean(axis=0) for table in self.tables)

    @cached_property
    def spreads(self) -> tuple[Floats, ...]:
        """Variance of the nats of each band in each table."""
        return tuple(table.var(axis=0) for table in self.tables)

    @cached_property
    def skews(self) -> tuple[Floats, ...]:
        """Third central moment of the nats of each band in each table."""
        centred = [table - mean for table, mean in zip(self.tables, self.means, strict=True)]
        return tuple((one * one * one).mean(axis=0) for one in centred)

    @property
    def quick(self) -> tuple[Floats, Floats]:
        """Table and means for the search of lines: the ones for few peaks that can be seen."""
        return self.tables[_QUICK], self.means[_QUICK]


@dataclass(frozen=True, slots=True)
class Line:
    """``frame = (reference - origin) * slope``; the band of the query is that of the reference plus the shift."""

    origin: float
    slope: float
    shift: int

    def frames(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the query frame of each reference time."""
        return np.floor((times - self.origin) * self.slope + 0.5).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Standing:
    """An aligned stretch and how far it stands out.

    Parameters
    ----------
    deviations : float
        Above the same peaks elsewhere in the query.
    surplus : float
        Deviations above the mean of the bands, for all peaks within ten seconds around the stretch.
    nats : float
        Evidence of the stretch.
    agreement : float
        Peaks that both sides have in the stretch, as a part of the peaks that either has.
    first_frame, last_frame : int
        The stretch, in query frames; the last is inside.
    n_peaks : int
        Peaks of the recording in the stretch.
    """

    deviations: float
    surplus: float
    nats: float
    agreement: float
    first_frame: int
    last_frame: int
    n_peaks: int


def refined(
    line: Line,
    times: NDArray[np.float64],
    bands: NDArray[np.int64],
    evidence: Evidence,
    *,
    slope_reach: float,
    frame_reach: float,
    shift_reach: int,
) -> Line:
    """Return the line around a given one along which the peaks show best.

    Parameters
    ----------
    line : Line
        Where to begin.
    times, bands : NDArray [shape=(n_peaks,)]
        Peaks of the recording that the line lays inside the query, by time.
    evidence : Evidence
        Of the query.
    slope_reach, frame_reach, shift_reach : float, float, int
        How far the line may turn (a part of its slope) and move (frames, quarter tones).
    """
    from linernotes.fingerprint.kernels import best_line

    if len(times) == 0:
        return line
    table, means = evidence.quick
    length = max(1.0, float(times[-1] - times[0]) / 2)
    anchor = float(times[0] + times[-1]) / 2
    turns = _steps(slope_reach, 1.0 / length)  # one frame at either end
    _, frame, slope, shift = best_line(
        times, bands, anchor, (anchor - line.origin) * line.slope, line.slope, line.shift,
        turns, _steps(frame_reach, 1.0), shift_reach, table, means,
    )  # fmt: skip
    return Line(anchor - frame / slope, slope, shift)


def standing(
    line: Line, times: NDArray[np.float64], bands: NDArray[np.int64], evidence: Evidence
) -> Standing | None:
    """Return the best stretch along a line and how far it stands out; None if it is too short or has too few peaks.

    Parameters
    ----------
    line : Line
        The alignment.
    times, bands : NDArray [shape=(n_peaks,)]
        All peaks of the recording, by time.
    evidence : Evidence
        Of the query.
    """
    from linernotes.fingerprint.kernels import best_stretch

    frames, heights = line.frames(times), bands + line.shift
    n_frames, n_bands = evidence.ranks.shape
    inside = (frames >= 0) & (frames < n_frames) & (heights >= 0) & (heights < n_bands)
    if int(inside.sum()) < _MIN_PEAKS:
        return None
    frames, heights = frames[inside], heights[inside]
    stretches = [
        (*best_stretch(table[frames, heights]), place) for place, table in enumerate(evidence.tables)
    ]
    nats, first, last, place = max(stretches)
    if last - first < _MIN_PEAKS:
        return None
    if frames[last - 1] - frames[first] < _LEAST_STRETCH:
        return None
    stretch = slice(first, last)
    return Standing(
        deviations=_deviations(frames[stretch], heights[stretch], evidence, place),
        surplus=_surplus(frames, heights, stretch, evidence),
        nats=nats,
        agreement=_agreement(frames[stretch], heights[stretch], evidence),
        first_frame=int(frames[first]),
        last_frame=int(frames[last - 1]),
        n_peaks=last - first,
    )


def _deviations(frames: NDArray[np.int64], bands: NDArray[np.int64], evidence: Evidence, place: int) -> float:
    """Return how far the sum of evidence stands above the sums of the same peaks moved elsewhere."""
    from linernotes.fingerprint.kernels import middle_and_deviation, sums_elsewhere

    table = evidence.tables[place]
    low, high = _surroundings(int(frames[0]), int(frames[-1]) + 1, len(table))
    part = table[low:high]
    lags = np.arange(_CLEAR, len(part) - _CLEAR)
    if len(lags) > _MAX_LAGS:
        lags = lags[np.linspace(0, len(lags) - 1, _MAX_LAGS).round().astype(int)]
    if len(lags) < 2 * _CLEAR:
        return 0.0
    elsewhere = sums_elsewhere(frames, bands, lags, low, part)
    here = float(table[frames, bands].sum())
    middle, deviation = middle_and_deviation(elsewhere)
    spread = 1.4826 * deviation
    independent = float(
        evidence.spreads[place][bands].sum()
    )  # variance, as if no two peaks knew of each other
    skewness = float(evidence.skews[place][bands].sum()) / max(independent, 1e-12) ** 1.5
    return _as_normal((here - middle) / max(spread, 0.5 * math.sqrt(independent), 1e-6), skewness)


def _surplus(
    frames: NDArray[np.int64], bands: NDArray[np.int64], stretch: slice, evidence: Evidence
) -> float:
    """Return how far all peaks around a stretch speak above the means of their bands."""
    table, means = evidence.quick
    last = int(frames[stretch.stop - 1]) + 1
    low, high = _surroundings(int(frames[stretch.start]), last, len(table))
    near = slice(*np.searchsorted(frames, [low, high]))
    frames, bands = frames[near], bands[near]
    variance = max(float(evidence.spreads[_QUICK][bands].sum()), 1e-12)
    skewness = float(evidence.skews[_QUICK][bands].sum()) / variance**1.5
    return _as_normal(float((table[frames, bands] - means[bands]).sum()) / math.sqrt(variance), skewness)


def _agreement(frames: NDArray[np.int64], bands: NDArray[np.int64], evidence: Evidence) -> float:
    """Return the peaks of both sides as a part of the peaks of either (Jaccard)."""
    both = int(evidence.near_peak[frames, bands].sum())
    own = int(evidence.n_peaks[int(frames[-1]) + 1] - evidence.n_peaks[int(frames[0])])
    return both / max(1, len(frames) + own - both)


def _surroundings(first: int, last: int, n_frames: int) -> tuple[int, int]:
    """Return the part of the query, ten seconds or more, in which a stretch lies."""
    missing = max(0, _REACH - (last - first))
    low = max(0, min(first - missing // 2, n_frames - _REACH))
    return low, min(n_frames, max(last + missing // 2, low + _REACH))


def _as_normal(deviations: float, skewness: float) -> float:
    """Return the normal deviate that is as rare as a deviation of a sum with some skewness.

    The evidence of single places is skewed, and that of few peaks still is. The first Cornish-Fisher term,
    ``deviations = w + skewness * (w ** 2 - 1) / 6``, is solved for *w*.
    """
    bend = max(skewness, 1e-9) / 6
    inside = 1 + 4 * bend * (deviations + bend)
    return (math.sqrt(inside) - 1) / (2 * bend) if inside > 0 else -1 / (2 * bend)


def _steps(reach: float, step: float) -> NDArray[np.float64]:
    n = math.ceil(reach / step - 1e-9)
    return np.linspace(-reach, reach, 2 * n + 1)


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value among all, 0 to 1, to one part in some thousands."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full_like(values, 0.5)
    place = ((values - low) * ((_N_RANKS - 1) / (high - low))).astype(np.int32)
    counts = np.bincount(place.ravel(), minlength=_N_RANKS)
    below = (np.cumsum(counts) - 0.5 * counts) / values.size
    ranks: Floats = below.astype(np.float32)[place]
    return ranks
