"""Recall at a stated rate of false matches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]


def threshold(false_scores: Scores, rate: float) -> float:
    """Return the score that at most *rate* of the unrelated pairs exceed.

    >>> threshold(np.arange(100.0), 0.05)
    94.0
    """
    if len(false_scores) == 0:
        raise ValueError("a threshold needs scores of unrelated pairs")
    n_above = int(np.floor(rate * len(false_scores) + 1e-9))
    return float(np.sort(false_scores)[len(false_scores) - 1 - n_above])


def recall(true_scores: Scores, limit: float) -> float:
    """Return the share of related pairs above *limit*."""
    return float(np.mean(true_scores > limit)) if len(true_scores) else float("nan")


def area_under_roc(true_scores: Scores, false_scores: Scores) -> float:
    """Return the chance that a related pair scores above an unrelated one, ties counting half.

    >>> area_under_roc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    ordered = np.sort(false_scores)
    below = np.searchsorted(ordered, true_scores, "left") + np.searchsorted(ordered, true_scores, "right")
    return float(below.mean() / (2 * len(ordered)))
