"""The inner loops of the search, compiled: votes of look-ups, and evidence along a line.

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

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]


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
def unmoved_quads(
    keys: NDArray[np.int64],
    quads: Floats,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    bands: NDArray[np.uint8],
    spans: NDArray[np.uint8],
    band_reach: float,
    span_reach: float,
) -> NDArray[np.int64]:
    """Return the origins at which quads of query and catalogue meet with pitch and tempo unchanged."""
    room, n = 4096, 0
    found = np.empty(room, np.int64)
    for i in range(len(keys)):
        low, high = _bytes_between(quads[i, 2] - band_reach, quads[i, 2] + band_reach)
        least, most = _bytes_between(quads[i, 3] - span_reach, quads[i, 3] + span_reach)
        begins = np.int64(np.rint(quads[i, 1]))
        first, last = np.int64(starts[keys[i]]), np.int64(starts[keys[i] + 1])
        if n + last - first > room:  # not inside: making room there costs more than the look itself
            room = int(2 * room + last - first)
            found = _longer(found, room)
        for p in range(first, last):
            if bands[p] < low or bands[p] > high or spans[p] < least or spans[p] > most:
                continue
            found[n] = np.int64(places[p]) - begins
            n += 1
    return found[:n]


@njit(cache=True)
def _bytes_between(low: float, high: float) -> tuple[np.uint8, np.uint8]:
    return np.uint8(max(0.0, np.ceil(low))), np.uint8(max(0.0, min(255.0, np.floor(high))))


@njit(cache=True)
def shared_quads(
    keys: NDArray[np.int64],
    quads: Floats,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    bands: NDArray[np.uint8],
    spans: NDArray[np.uint8],
    max_shift: float,
    max_ratio: float,
    middle: float,
    cell_frames: int,
    n_cells: int,
    n_most: int,
) -> NDArray[np.float64]:
    """Return the quads that query and catalogue share within a change of pitch and tempo, where most of them meet.

    Each votes for the cell of the catalogue in which it lays the middle of the query. Rows of query time, place,
    shift, logarithm of the ratio, and cell [shape=(n_hits, 5)], of the cells with most votes, at most so many, and
    of their neighbours.
    """
    room, n = 1 << 16, 0
    who, where, voted = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int32)
    votes = np.zeros(n_cells + 2, np.uint8)
    of_count = np.zeros(257, np.int64)
    for i in range(len(keys)):
        low, high = _bytes_between(quads[i, 2] - max_shift, quads[i, 2] + max_shift)
        least, most = _bytes_between(quads[i, 3] / max_ratio, quads[i, 3] * max_ratio)
        lever = (middle - quads[i, 1]) / quads[i, 3]
        first, last = np.int64(starts[keys[i]]), np.int64(starts[keys[i] + 1])
        if n + last - first > room:
            room = int(2 * room + last - first)
            who, where, voted = _longer(who, room), _longer(where, room), _longer(voted, room)
        for p in range(first, last):
            if bands[p] < low or bands[p] > high or spans[p] < least or spans[p] > most:
                continue
            cell = np.int64(np.floor((places[p] + lever * spans[p]) / cell_frames)) + 1
            if cell < 1 or cell > n_cells:
                continue
            if votes[cell] < 255:
                votes[cell] += np.uint8(1)
                of_count[votes[cell]] += 1  # cells with so many votes or more
            who[n], where[n], voted[n] = i, p, cell
            n += 1
    threshold = 256
    while threshold > 1 and of_count[threshold - 1] <= n_most:
        threshold -= 1
    kept = np.empty(n, np.bool_)
    for k in range(n):
        cell = voted[k]
        kept[k] = max(votes[cell - 1], votes[cell], votes[cell + 1]) >= threshold
    found = np.empty((int(kept.sum()), 5), np.float64)
    n_kept = 0
    for k in range(n):
        if kept[k]:
            i, p = who[k], where[k]
            found[n_kept, 0], found[n_kept, 1] = quads[i, 1], places[p]
            found[n_kept, 2], found[n_kept, 3] = quads[i, 2] - bands[p], np.log(quads[i, 3] / spans[p])
            found[n_kept, 4] = voted[k] - 1
            n_kept += 1
    return found


@njit(cache=True)
def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    longer = np.empty(length, array.dtype)
    longer[: len(array)] = array
    return longer


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
