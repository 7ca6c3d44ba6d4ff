"""The two inner loops of matching, compiled: count votes, and collect the hits of one alignment.

Both walk over query landmarks and their look-ups. A look-up allows one frame of delay and one quarter
tone of interval to either side, because rounding moves both. Heights of one interval and delay are
neighbours in the index, so a whole range of pitch shifts is one slice of postings.

Conventions
-----------
``ratio`` is query time per reference time; ``shift`` is query band minus reference band. The offset of
a hit is the reference frame at which the query would start.

Known limits
------------
The first call on a machine compiles for some seconds; the result is kept beside the file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linernotes.fingerprint.index import N_DELAYS
from linernotes.fingerprint.landmarks import MAX_INTERVAL, MIN_DELAY, N_BANDS

BIN_FRAMES = 8  # a vote cell is 128 ms wide


@njit(cache=True)
def count_votes(
    times: NDArray[np.int32],
    heights: NDArray[np.int32],
    intervals: NDArray[np.int32],
    delays: NDArray[np.int32],
    key_starts: NDArray[np.int64],
    postings: NDArray[np.uint32],
    ratio: float,
    lowest_shift: int,
    origin: int,
    votes: NDArray[np.uint16],
) -> int:
    """Add one vote per hit to ``votes[shift - lowest_shift, (offset + origin) // 8]``; return the hits."""
    n_shifts, n_cells = votes.shape
    n_hits = 0
    for i in range(len(times)):
        delay = round(delays[i] / ratio) - MIN_DELAY
        start = origin - round(times[i] / ratio)
        high = min(N_BANDS - 1, heights[i] - lowest_shift)
        low = max(0, heights[i] - lowest_shift - n_shifts + 1)
        for near_delay in range(max(0, delay - 1), min(N_DELAYS, delay + 2)):
            for near in range(
                max(0, intervals[i] + MAX_INTERVAL - 1),
                min(2 * MAX_INTERVAL, intervals[i] + MAX_INTERVAL + 1) + 1,
            ):
                base = (near * N_DELAYS + near_delay) * N_BANDS
                for height in range(low, high + 1):
                    row = heights[i] - height - lowest_shift
                    for p in range(key_starts[base + height], key_starts[base + height + 1]):
                        cell = (int(postings[p]) + start) // BIN_FRAMES
                        if 0 <= cell < n_cells:
                            votes[row, cell] += 1
                            n_hits += 1
    return n_hits


@njit(cache=True)
def best_cells(
    votes: NDArray[np.uint16], n_best: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return counts, rows and cells of the strongest cells, each taken with its neighbours.

    A cell counts with the next cell and the next row (a true offset or shift may lie on a border).
    Within four cells and two rows only the strongest is kept. Not sorted; unused places have count 0.
    """
    counts = np.zeros(n_best, np.int64)
    rows = np.zeros(n_best, np.int64)
    cells = np.zeros(n_best, np.int64)
    n_shifts, n_cells = votes.shape
    weakest, least = 0, 0
    for row in range(n_shifts):
        other = min(row + 1, n_shifts - 1)
        for cell in range(n_cells - 1):
            count = int(votes[row, cell]) + int(votes[row, cell + 1])
            if other != row:
                count += int(votes[other, cell]) + int(votes[other, cell + 1])
            if count <= least or count < 3:
                continue
            place = weakest
            taken = False
            for k in range(n_best):
                if counts[k] > 0 and abs(rows[k] - row) <= 2 and abs(cells[k] - cell) <= 4:
                    place = k
                    taken = True
                    break
            if taken and counts[place] >= count:
                continue
            counts[place], rows[place], cells[place] = count, row, cell
            weakest = int(np.argmin(counts))
            least = int(counts[weakest])
    return counts, rows, cells


@njit(cache=True)
def collect_hits(
    times: NDArray[np.int32],
    heights: NDArray[np.int32],
    intervals: NDArray[np.int32],
    delays: NDArray[np.int32],
    key_starts: NDArray[np.int64],
    postings: NDArray[np.uint32],
    ratio: float,
    lowest_shift: int,
    highest_shift: int,
    offset: float,
    tolerance: float,
    first_frame: int,
    last_frame: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Return query landmark, reference frame and shift of each hit near one alignment in one recording."""
    which, frames, shifts = [np.int32(0)], [np.int64(0)], [np.int32(0)]
    for i in range(len(times)):
        delay = round(delays[i] / ratio) - MIN_DELAY
        expected = offset + times[i] / ratio
        for near_delay in range(max(0, delay - 1), min(N_DELAYS, delay + 2)):
            for near in range(
                max(0, intervals[i] + MAX_INTERVAL - 1),
                min(2 * MAX_INTERVAL, intervals[i] + MAX_INTERVAL + 1) + 1,
            ):
                base = (near * N_DELAYS + near_delay) * N_BANDS
                for height in range(
                    max(0, heights[i] - highest_shift), min(N_BANDS - 1, heights[i] - lowest_shift) + 1
                ):
                    start, stop = key_starts[base + height], key_starts[base + height + 1]
                    p = start + np.searchsorted(
                        postings[start:stop], np.uint32(max(0.0, expected - tolerance))
                    )
                    while p < stop and int(postings[p]) <= expected + tolerance:
                        if first_frame <= int(postings[p]) < last_frame:
                            which.append(np.int32(i))
                            frames.append(np.int64(postings[p]))
                            shifts.append(np.int32(heights[i] - height))
                        p += 1
    return np.array(which)[1:], np.array(frames)[1:], np.array(shifts)[1:]
