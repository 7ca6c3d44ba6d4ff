"""The inner loops of the search, compiled: votes of pairs, and evidence along a line.

Conventions
-----------
``ratio`` is query time per reference time; ``shift`` is query band minus reference band. An *origin* is the
global frame of the reference at which the query (or its window) would start. ``evidence`` is a table of nats
per query frame and band, see `linernotes.fingerprint.verify`.

Known limits
------------
The first call on a machine compiles for some seconds; the result is kept beside the file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_NEARLY = 64  # peaks: the guess is near enough to be searched around
LINE_REACH = 3  # frames around a line that one constellation told


@njit(cache=True)
def vote_pairs(
    keys: NDArray[np.int32],
    times: NDArray[np.int32],
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    lead: int,
    cell_frames: int,
    cells: NDArray[np.uint32],
) -> int:
    """Count, per cell of origins, the query frames with a pair that would start there; return the hits.

    A frame of the query votes once per cell, however many of its pairs agree: held chords make many. The
    lower half of a cell counts, the upper half remembers the last frame that voted; cells start as zeros.
    """
    n_hits = 0
    for i in range(len(keys)):
        mark = np.uint32(times[i] % 65535 + 1)
        move = lead - times[i]
        for p in range(starts[keys[i]], starts[keys[i] + 1]):
            cell = (np.int64(places[p]) + move) // cell_frames
            n_hits += 1
            held = cells[cell]
            if held >> np.uint32(16) != mark:
                cells[cell] = (mark << np.uint32(16)) | ((held & np.uint32(65535)) + np.uint32(1))
    return n_hits


@njit(cache=True)
def most_voted(cells: NDArray[np.uint32], n_most: int) -> NDArray[np.int64]:
    """Return the cells that have, with the next one, most votes: at most so many, in order of place.

    Only the lower halves count. Cells without votes are never returned.
    """
    of_count = np.zeros(1 << 17, np.int64)
    low = np.uint32(65535)
    before = np.int64(0)
    for cell in range(len(cells)):
        here = np.int64(cells[cell] & low)
        of_count[before + here] += 1
        before = here
    threshold, n = len(of_count), 0
    while threshold > 1 and n + of_count[threshold - 1] <= n_most:
        threshold -= 1
        n += of_count[threshold]
    found = np.empty(n, np.int64)
    n, before = 0, np.int64(cells[0] & low)
    for cell in range(1, len(cells)):
        here = np.int64(cells[cell] & low)
        if before + here >= threshold and n < len(found):
            found[n] = cell - 1
            n += 1
        before = here
    return found[:n]


@njit(cache=True)
def standing_of_cells(
    found: NDArray[np.int64], cells: NDArray[np.uint32], around: int
) -> NDArray[np.float64]:
    """Return how far the votes of some cells (each with the next one) stand above the usual ones around."""
    standing = np.empty(len(found))
    low = np.uint32(65535)
    for k in range(len(found)):
        first, last = max(0, found[k] - around), min(len(cells) - 1, found[k] + around)
        total = 0
        for cell in range(first, last + 1):
            total += cells[cell] & low
        usual = 2 * total / (last - first + 1)
        votes = (cells[found[k]] & low) + (cells[found[k] + 1] & low)
        standing[k] = (votes - usual) / np.sqrt(usual + 1)
    return standing


@njit(cache=True)
def peak_ranges(
    peak_times: NDArray[np.uint32], lows: NDArray[np.int64], highs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first of the peaks from each low frame on, and the first from its high frame on.

    Peaks lie almost evenly, some so many a second: their places are guessed from their times, and the guess mended.
    In a large catalogue that is mapped from disk a binary search would touch many more pages.
    """
    n = len(peak_times)
    starts, stops = np.zeros(len(lows), np.int64), np.zeros(len(lows), np.int64)
    if n == 0:
        return starts, stops
    density = n / (float(peak_times[n - 1]) + 1.0)
    for k in range(len(lows)):
        at = int(lows[k] * density)
        for _ in range(3):
            at = min(max(at, 0), n - 1)
            move = int((lows[k] - np.int64(peak_times[at])) * density)
            if -_NEARLY < move < _NEARLY:
                break
            at += move
        starts[k] = _from(peak_times, int(lows[k]), min(max(at, 0), n - 1))
        stops[k] = starts[k]
        while stops[k] < n and np.int64(peak_times[stops[k]]) < highs[k]:
            stops[k] += 1
    return starts, stops


@njit(cache=True)
def _from(peak_times: NDArray[np.uint32], frame: int, near: int) -> int:
    """Return the first peak that is not before a frame, by a search around a place."""
    n, step = len(peak_times), 16
    if np.int64(peak_times[near]) < frame:
        low, high = near + 1, min(n, near + 1 + step)
        while high < n and np.int64(peak_times[high - 1]) < frame:
            step *= 4
            low, high = high, min(n, high + step)
    else:
        low, high = max(0, near - step), near
        while low > 0 and np.int64(peak_times[low]) >= frame:
            step *= 4
            low, high = max(0, low - step), low
    while low < high:
        middle = (low + high) // 2
        if np.int64(peak_times[middle]) < frame:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def quick_standing(
    origins: NDArray[np.int64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    n_lags: int,
    peak_times: NDArray[np.uint32],
    peak_bands: NDArray[np.uint8],
    evidence: Floats,
    means: Floats,
    variances: Floats,
) -> tuple[Floats, NDArray[np.int64]]:
    """Return how far each candidate stands out at its best lag, in deviations, and that lag in frames.

    ``firsts`` and ``lasts`` bound the peaks of the recording. Same pitch and tempo.
    """
    best = np.zeros(len(origins), np.float32)
    lags = np.zeros(len(origins), np.int64)
    n_frames = evidence.shape[0]
    for c in range(len(origins)):
        for lag in range(n_lags):
            total, expected, spread = 0.0, 0.0, 1e-6
            for p in range(firsts[c], lasts[c]):
                frame = np.int64(peak_times[p]) - origins[c] - lag
                if frame < 0:
                    continue
                if frame >= n_frames:
                    break
                band = peak_bands[p]
                total += evidence[frame, band]
                expected += means[band]
                spread += variances[band]
            standing = (total - expected) / np.sqrt(spread)
            if standing > best[c]:
                best[c], lags[c] = standing, lag
    return best, lags


@njit(cache=True, fastmath=True)
def standing_on_lines(
    origins: NDArray[np.float64],
    slopes: NDArray[np.float64],
    shifts: NDArray[np.int64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    peak_times: NDArray[np.uint32],
    peak_bands: NDArray[np.uint8],
    begin: int,
    gains: Floats,
    variances: Floats,
) -> Floats:
    """Return how far each line stands out, in deviations, at the best of the few frames around it.

    ``firsts`` and ``lasts`` bound the peaks of the recording. ``gains`` is the evidence above the mean of its band,
    of a window that begins at query frame ``begin``.
    """
    best = np.zeros(len(origins), np.float32)
    n_frames, n_bands = gains.shape
    totals = np.zeros(2 * LINE_REACH + 1)
    for c in range(len(origins)):
        totals[:] = 0
        spread = 1e-6
        for p in range(firsts[c], lasts[c]):
            band = np.int64(peak_bands[p]) + shifts[c]
            frame = np.int64(np.floor((peak_times[p] - origins[c]) * slopes[c] + 0.5)) - begin
            if band < 0 or band >= n_bands or frame < LINE_REACH or frame >= n_frames - LINE_REACH:
                continue
            spread += variances[band]
            for k in range(2 * LINE_REACH + 1):
                totals[k] += gains[frame + k - LINE_REACH, band]
        best[c] = totals.max() / np.sqrt(spread)
    return best


@njit(cache=True)
def evidence_on_line(
    times: NDArray[np.float64],
    bands: NDArray[np.int64],
    origin: float,
    slope: float,
    shift: int,
    evidence: Floats,
    means: Floats,
) -> float:
    """Return the sum of evidence above its mean: query frame ``(time - origin) * slope``, band plus shift."""
    total = 0.0
    n_frames, n_bands = evidence.shape
    for p in range(len(times)):
        frame = int(np.floor((times[p] - origin) * slope + 0.5))
        band = bands[p] + shift
        if 0 <= frame < n_frames and 0 <= band < n_bands:
            total += evidence[frame, band] - means[band]
    return total


@njit(cache=True)
def best_line(
    times: NDArray[np.float64],
    bands: NDArray[np.int64],
    anchor: float,
    frame: float,
    slope: float,
    shift: int,
    slope_steps: NDArray[np.float64],
    frame_steps: NDArray[np.float64],
    shift_reach: int,
    evidence: Floats,
    means: Floats,
) -> tuple[float, float, float, int]:
    """Return evidence, query frame at the anchor, slope and shift of the best line around a given one.

    The line passes through reference time ``anchor`` at query time ``frame``; slopes are tried as
    ``slope * (1 + step)``.
    """
    best = -1e30
    found = (frame, slope, shift)
    for moved in range(shift - shift_reach, shift + shift_reach + 1):
        for slope_step in slope_steps:
            tried = slope * (1 + slope_step)
            for frame_step in frame_steps:
                origin = anchor - (frame + frame_step) / tried
                total = evidence_on_line(times, bands, origin, tried, moved, evidence, means)
                if total > best:
                    best = total
                    found = (frame + frame_step, tried, moved)
    return best, found[0], found[1], found[2]


@njit(cache=True)
def sums_elsewhere(
    frames: NDArray[np.int64], bands: NDArray[np.int64], lags: NDArray[np.int64], first: int, evidence: Floats
) -> NDArray[np.float64]:
    """Return the sum of evidence when all frames are moved by each lag, wrapped inside a stretch of the query.

    ``evidence`` is the table of that stretch, which begins at query frame ``first``.
    """
    sums = np.zeros(len(lags))
    length = evidence.shape[0]
    begins = (frames - first) % length
    for k in range(len(lags)):
        total = 0.0
        for p in range(len(frames)):
            frame = begins[p] + lags[k]
            if frame >= length:  # lags are below the length
                frame -= length
            total += evidence[frame, bands[p]]
        sums[k] = total
    return sums


@njit(cache=True)
def best_stretch(gain: Floats) -> tuple[float, int, int]:
    """Return the largest sum of neighbours, and its first and last-plus-one place."""
    total, lowest = 0.0, 0.0
    best, first, last, lowest_at = -1e30, 0, 0, 0
    for k in range(len(gain)):
        total += np.float64(gain[k])
        if total - lowest > best:
            best, first, last = total - lowest, lowest_at, k + 1
        if total < lowest:
            lowest, lowest_at = total, k + 1
    return best, first, last


@njit(cache=True)
def middle_and_deviation(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median, and the median distance from it."""
    middle = np.median(values)
    return middle, np.median(np.abs(values - middle))
