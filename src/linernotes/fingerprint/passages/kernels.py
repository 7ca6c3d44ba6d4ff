"""The compiled inner loop of segment matching: the best run along the diagonals of a similarity matrix.

Conventions
-----------
``similarity[i, j]`` compares query frame *i* with reference frame *j*. A run goes down one diagonal and
scores the sum of its similarities, each less *cost*. Kernels are compiled on first use and cached.

References
----------
Smith and Waterman (1981), "Identification of common molecular subsequences", J. Mol. Biol. 147, without
gaps; its plain twin is in ``tests/oracles/test_passage_oracle.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def best_run(similarity: NDArray[np.float32], cost: float) -> tuple[float, int, int, int]:
    """Return score, last query frame, last reference frame and length of the best run; length 0 for none."""
    n_query, n_reference = similarity.shape
    sums = np.zeros(n_reference + 1, np.float32)
    lengths = np.zeros(n_reference + 1, np.int32)
    best, last_query, last_reference, length = np.float32(0.0), 0, 0, 0
    for i in range(n_query):
        for j in range(n_reference - 1, -1, -1):
            value = sums[j] + similarity[i, j] - cost
            if value > 0:
                sums[j + 1] = value
                lengths[j + 1] = lengths[j] + 1
                if value > best:
                    best, last_query, last_reference, length = value, i, j, lengths[j + 1]
            else:
                sums[j + 1] = 0.0
                lengths[j + 1] = 0
        sums[0] = 0.0
        lengths[0] = 0
    return float(best), last_query, last_reference, length
