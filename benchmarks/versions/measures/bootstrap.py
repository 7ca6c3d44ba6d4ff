"""Intervals that respect that the pieces of one work stand or fall together.

References
----------
Efron, Tibshirani (1993), "An introduction to the bootstrap", chapter 13 (percentile interval), whole works drawn
with replacement.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

N_DRAWS = 1000
SEED = 909


def interval(
    values: npt.NDArray[np.float64], works: Sequence[str], level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of the mean of *values*, works drawn with replacement.

    >>> interval(np.array([1.0, 1.0, 1.0]), ["a", "a", "b"])
    (1.0, 1.0)
    """
    if len(values) == 0:
        return float("nan"), float("nan")
    names, index = np.unique(np.asarray(works), return_inverse=True)
    sums = np.bincount(index, values, len(names))
    counts = np.bincount(index, minlength=len(names))
    drawn = np.random.default_rng(SEED).integers(0, len(names), (N_DRAWS, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
