"""Whether stated probabilities come true.

References
----------
Naeini, Cooper, Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", AAAI.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def expected_calibration_error(
    probabilities: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.bool_],
    prior: float | None = None,
    n_bins: int = 10,
) -> float:
    """Return the mean distance of stated probability and share of true outcomes, over bins of equal width.

    Parameters
    ----------
    probabilities
        Stated, in ``[0, 1]`` [shape=(n,)].
    outcomes
        Whether the pair is related [shape=(n,)].
    prior
        Share of related pairs that the probabilities assume; pairs are weighted to it. None takes them as they
        come.
    n_bins
        Bins of ``[0, 1]``.

    Examples
    --------
    >>> expected_calibration_error(np.array([0.0, 1.0]), np.array([False, True]))
    0.0
    """
    weights = np.ones(len(outcomes))
    if prior is not None:
        weights = np.where(outcomes, prior / max(outcomes.sum(), 1), (1 - prior) / max((~outcomes).sum(), 1))
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    error = 0.0
    for b in range(n_bins):
        inside = bins == b
        mass = float(weights[inside].sum())
        if mass > 0:
            stated = float((weights * probabilities)[inside].sum()) / mass
            came = float((weights * outcomes)[inside].sum()) / mass
            error += mass * abs(stated - came)
    return float(error / weights.sum())
