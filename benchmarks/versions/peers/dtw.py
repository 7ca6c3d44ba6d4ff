"""Subsequence dynamic time warping of chroma: the whole of the shorter recording against a part of the longer.

References
----------
Müller (2015), "Fundamentals of music processing", chapter 7.2 (subsequence DTW, steps (1,1), (1,2), (2,1)).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from benchmarks.versions.peers.qmax import Chroma, transposition


@numba.njit(cache=True)
def subsequence_cost(cost: npt.NDArray[np.float32]) -> float:
    """Return the least mean cost of a path from the first row to the last, free at both ends of the columns.

    The steps double and halve the speed at most; a step over a row pays for the row.
    """
    n_rows, n_columns = cost.shape
    total = np.full((n_rows, n_columns), np.float32(np.inf))
    total[0] = cost[0]
    for i in range(1, n_rows):
        for j in range(1, n_columns):
            least = total[i - 1, j - 1] + cost[i, j]
            if i > 1:
                least = min(least, total[i - 2, j - 1] + cost[i - 1, j] + cost[i, j])
            if j > 1:
                least = min(least, total[i - 1, j - 2] + cost[i, j])
            total[i, j] = least
    return float(total[-1].min() / n_rows)


def subsequence_dtw(a: Chroma, b: Chroma) -> float:
    """Return minus the least mean cosine distance."""
    if len(a) > len(b):
        a, b = b, a
    turned = np.roll(b, transposition(a, b), axis=1)
    unit_a = a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-6)
    unit_b = turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-6)
    middle = slice(len(unit_a) // 6, len(unit_a) - len(unit_a) // 6)  # versions seldom start and end together
    return -subsequence_cost((1 - unit_a[middle] @ unit_b.T).astype(np.float32))
