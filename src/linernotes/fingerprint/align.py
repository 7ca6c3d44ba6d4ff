"""From votes to alignments: candidates, a line through their hits, and a score of peaks.

1. *Candidates.* Every landmark that query and catalogue share votes for a recording, an offset in time
   and a shift of pitch, under one ratio of tempo at a time.
2. *Line.* The hits of a candidate are fitted with a line ``reference = offset + query / ratio``.
3. *Score.* Under that line, each query peak either has a reference peak where it should be or not.
   With chance *q* that an unrelated recording has one (from how often the recording uses that band)
   and chance *p* that the same recording still has it, the peak adds ``log(p / q)`` or
   ``log((1 - p) / (1 - q))``. The best-scoring stretch of time is the aligned span, its sum is the
   score, in nats: the likelihood ratio of "same recording" against "chance" in that span.

The third step is the local alignment score of sequence analysis, and it is what a short, buried or
damaged excerpt needs: it counts what is missing as well as what is there, and it finds its own span.

Conventions
-----------
Frames of 16 ms; offsets are on the index's common axis. ``ratio`` above 1: the query is slower.

References
----------
Karlin and Altschul (1990), "Methods for assessing the statistical significance of molecular sequence
features by using general scoring schemes", PNAS 87 (maximal segment scores and their tail).

Known limits
------------
Tempo must be constant within the aligned span. In queries beyond a minute, a passage of changed pitch
or tempo that is shorter than half a minute can lie between the windows that are searched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import N_BANDS, Landmarks

Floats = NDArray[np.float64]

_KEEP_CHANCES = (0.15, 0.3, 0.6)  # of a peak to survive: noise, loudspeaker, coding
_TIME_SLACK, _BAND_SLACK = 2, 1  # a peak may be off by two frames and one quarter tone
_CAPTURE = 20.0  # frames around a candidate offset in which hits are collected
_AROUND = 200  # frames before and after the aligned stretch whose notes count as its musical context
_MIN_HITS = 4
_MAX_WINDOWS = 8


@dataclass(frozen=True, slots=True)
class Search:
    """One set of hypotheses: which shifts of pitch and which ratios of tempo are tried.

    Parameters
    ----------
    lowest_shift, highest_shift : int
        Quarter tones.
    ratios : tuple of float
        Query time per reference time.
    n_candidates : int > 0
        Candidates that are verified.
    window_frames : int
        Queries are searched in overlapping windows of this length, where a wrong ratio cannot blur the
        votes; of a long query, eight windows spread over it. 0 searches the whole query at once.
    """

    lowest_shift: int
    highest_shift: int
    ratios: tuple[float, ...]
    n_candidates: int
    window_frames: int = 0

    @property
    def n_hypotheses(self) -> int:
        """Pairs of shift and ratio."""
        return (self.highest_shift - self.lowest_shift + 1) * len(self.ratios)


EXACT = Search(-1, 1, (1.0,), n_candidates=12)
SHIFTED = Search(-8, 8, tuple(1.012**k for k in range(-15, 16)), n_candidates=40, window_frames=750)


@dataclass(frozen=True, slots=True)
class Alignment:
    """A stretch of the query laid over a stretch of one recording.

    Parameters
    ----------
    recording : int
        Position in the index.
    score : float
        Nats.
    query, reference : (float, float)
        Frames from the start of the query, and of the recording.
    ratio, shift : float
        Query time per reference time; quarter tones, query minus reference.
    n_hits : int
        Landmarks on the line.
    n_matched, n_peaks : int
        Query peaks found in the reference, and all query peaks, inside the span.
    """

    recording: int
    score: float
    query: tuple[float, float]
    reference: tuple[float, float]
    ratio: float
    shift: float
    n_hits: int
    n_matched: int
    n_peaks: int


def find_alignments(query: Landmarks, index: FingerprintIndex, search: Search) -> list[Alignment]:
    """Return the verified alignments of a query, best first, one per recording and stretch of the query.

    Parameters
    ----------
    query : Landmarks
        Made with the `QUERY` density.
    index : FingerprintIndex
        The catalogue.
    search : Search
        `EXACT` or `SHIFTED`.

    Returns
    -------
    list of Alignment
        By falling score; chance alignments are among them, `linernotes.fingerprint.decision` tells.
    """
    if not index.recordings or len(query) == 0:
        return []
    found = [
        alignment
        for candidate in _candidates(query, index, search)
        if (alignment := _verify(query, index, *candidate)) is not None
    ]
    found.sort(key=lambda alignment: -alignment.score)
    return _without_overlaps(found)


def _candidates(query: Landmarks, index: FingerprintIndex, search: Search) -> list[tuple[float, float, int]]:
    """Return offset, ratio and shift of the strongest vote cells."""
    from linernotes.fingerprint.kernels import BIN_FRAMES, best_cells, count_votes

    found: dict[tuple[int, int, int], tuple[int, float, float, int]] = {}
    n_shifts = search.highest_shift - search.lowest_shift + 1
    for part in _windows(query, search.window_frames):
        times, heights, intervals, delays = part
        for ratio in search.ratios:
            origin = int(times.max() / ratio) + BIN_FRAMES
            votes = np.zeros((n_shifts, (index.n_frames + 2 * origin) // BIN_FRAMES + 2), np.uint16)
            arrays = (index.key_starts, index.postings)
            count_votes(times, heights, intervals, delays, *arrays, ratio, search.lowest_shift, origin, votes)
            for count, row, cell in zip(*best_cells(votes, 16), strict=True):
                if count < _MIN_HITS:
                    continue
                offset = float((cell + 1) * BIN_FRAMES - origin)
                shift = int(row) + search.lowest_shift
                middle = offset + float(times[len(times) // 2]) / ratio
                place = (int(middle) // 32, shift // 2, int(times[0]))
                if place not in found or found[place][0] < count:
                    found[place] = (int(count), offset, ratio, shift)
    ranked = sorted(found.values(), key=lambda entry: -entry[0])
    return [(offset, ratio, shift) for _, offset, ratio, shift in ranked[: search.n_candidates]]


def _windows(query: Landmarks, length: int) -> list[tuple[NDArray[np.int32], ...]]:
    columns = (query.times, query.heights, query.intervals, query.delays)
    if length == 0 or query.n_frames <= 1.5 * length:
        return [columns]
    parts = []
    starts = np.arange(0, query.n_frames - length // 2, length // 2)
    if len(starts) > _MAX_WINDOWS:
        starts = starts[np.linspace(0, len(starts) - 1, _MAX_WINDOWS).round().astype(int)]
    for start in starts:
        first, last = np.searchsorted(query.times, [start, start + length])
        if last > first:
            parts.append(tuple(column[first:last] for column in columns))
    return parts


def _verify(
    query: Landmarks, index: FingerprintIndex, offset: float, ratio: float, shift: int
) -> Alignment | None:
    """Fit the line of one candidate and score it; None when too little lies on it."""
    from linernotes.fingerprint.kernels import collect_hits

    which, frames, shifts = collect_hits(
        query.times, query.heights, query.intervals, query.delays,
        index.key_starts, index.postings, ratio, shift - 1, shift + 2, offset, _CAPTURE,
        0, index.n_frames,
    )  # fmt: skip
    if len(frames) < _MIN_HITS:
        return None
    owners = index.owners(frames)
    recording = int(np.bincount(owners).argmax())
    own = owners == recording
    times, frames, shifts = query.times[which[own]].astype(float), frames[own].astype(float), shifts[own]
    line = _fit_line(times, frames, ratio)
    if line is None:
        return None
    offset, slope = line
    on_line = np.abs(frames - offset - slope * times) <= _TIME_SLACK + 1
    return _score(query, index, recording, offset, slope, float(shifts[on_line].mean()), int(on_line.sum()))


def _fit_line(times: Floats, frames: Floats, ratio: float) -> tuple[float, float] | None:
    """Return offset and slope of the line with most hits near it: a grid first, least squares after."""
    best: tuple[int, float, float] = (0, 0.0, 0.0)
    centre = float(times.mean())
    for change in np.linspace(-0.009, 0.009, 7):
        slope = (1 + change) / ratio
        rest = np.sort(frames - slope * (times - centre))
        counts = np.searchsorted(rest, rest + 4.0, side="right") - np.arange(len(rest))
        top = int(counts.argmax())
        if counts[top] > best[0]:
            best = (int(counts[top]), float(rest[top]) + 2.0, slope)
    count, level, slope = best
    if count < _MIN_HITS:
        return None
    offset = level - slope * centre
    for reach in (4.0, 3.0, 2.5):
        near = np.abs(frames - offset - slope * times) <= reach
        if near.sum() < _MIN_HITS:
            return None
        spread = times[near] - times[near].mean()
        if (spread**2).sum() > 60.0**2:  # enough lever to tell a slope
            slope = float((spread * frames[near]).sum() / (spread**2).sum())
        offset = float((frames[near] - slope * times[near]).mean())
    if not 0.97 < slope * ratio < 1.03:
        return None
    return offset, slope


def _score(
    query: Landmarks,
    index: FingerprintIndex,
    recording: int,
    offset: float,
    slope: float,
    shift: float,
    n_hits: int,
) -> Alignment | None:
    owner = index.recordings[recording]
    predicted = np.rint(offset + slope * query.peak_times).astype(np.int64) - owner.first_frame
    bands = query.peak_bands - round(shift)
    inside = (predicted >= 0) & (predicted < owner.n_frames) & (bands >= 0) & (bands < N_BANDS)
    if inside.sum() < _MIN_HITS:
        return None
    times, predicted, bands = query.peak_times[inside], predicted[inside], bands[inside]
    matched, chance = _compare_peaks(index, recording, predicted, bands)
    best: tuple[float, int, int] = (-math.inf, 0, 0)
    for keep in _KEEP_CHANCES:
        gain = np.where(matched, np.log(keep / chance), np.log((1 - keep) / (1 - chance)))
        best = max(best, _best_stretch(gain))
    score, first, last = best
    span = slice(first, last)
    begin, end = float(times[span][0]), float(times[span][-1]) + 1
    start = max(0.0, offset - owner.first_frame + slope * begin)
    stop = min(float(owner.n_frames), offset - owner.first_frame + slope * end)
    return Alignment(
        recording=recording,
        score=score,
        query=(begin, end),
        reference=(start, max(start, stop)),
        ratio=1 / slope,
        shift=shift,
        n_hits=n_hits,
        n_matched=int(matched[span].sum()),
        n_peaks=last - first,
    )


def _compare_peaks(
    index: FingerprintIndex, recording: int, predicted: NDArray[np.int64], bands: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], Floats]:
    """Tell which predicted peaks the recording has, and the chance of each one to be there anyway.

    Chance is what rhythm and key alone would give: how many peaks the recording has around that
    moment, times how large a share of its peaks lies around that band.
    """
    owner = index.recordings[recording]
    first, last = np.searchsorted(index.peak_times, [owner.first_frame, owner.first_frame + owner.n_frames])
    all_times = index.peak_times[first:last].astype(np.int64) - owner.first_frame
    all_bands = index.peak_bands[first:last].astype(np.int64)
    around = slice(*np.searchsorted(all_times, [predicted.min() - _AROUND, predicted.max() + _AROUND]))
    share = np.maximum(_band_shares(all_bands), _band_shares(all_bands[around]))
    low = np.searchsorted(all_times, predicted - _TIME_SLACK)
    high = np.searchsorted(all_times, predicted + _TIME_SLACK, side="right")
    usual = len(all_times) / owner.n_frames * (2 * _TIME_SLACK + 1)
    chance = 1 - np.exp(-share[bands] * np.maximum(high - low, usual))
    matched = np.zeros(len(predicted), bool)
    for step in range(int((high - low).max(initial=0))):
        place = np.minimum(low + step, len(all_bands) - 1)
        matched |= (low + step < high) & (np.abs(all_bands[place] - bands) <= _BAND_SLACK)
    return matched, chance


def _band_shares(bands: NDArray[np.int64]) -> Floats:
    """Return which part of the peaks lies within a quarter tone of each band."""
    share = np.bincount(bands, minlength=N_BANDS) / max(1, len(bands))
    share = np.convolve(share, np.ones(2 * _BAND_SLACK + 1), mode="same")
    shares: Floats = 0.8 * share + 0.2 * share.mean()  # no band is ever quite impossible
    return shares


def _best_stretch(gain: Floats) -> tuple[float, int, int]:
    """Return the largest sum of neighbours, and its first and last-plus-one place."""
    total = np.concatenate([[0.0], np.cumsum(gain)])
    lowest = np.minimum.accumulate(total[:-1])
    last = int((total[1:] - lowest).argmax()) + 1
    first = int(total[:last].argmin())
    return float(total[last] - total[first]), first, last


def _without_overlaps(found: list[Alignment]) -> list[Alignment]:
    """Keep the best of the alignments that lay one recording over the same stretch of the query."""
    kept: list[Alignment] = []
    for one in found:
        if not any(one.recording == other.recording and _overlap(one, other) > 0.5 for other in kept):
            kept.append(one)
    return kept


def _overlap(one: Alignment, other: Alignment) -> float:
    shared = min(one.query[1], other.query[1]) - max(one.query[0], other.query[0])
    return shared / min(one.query[1] - one.query[0], other.query[1] - other.query[0])
