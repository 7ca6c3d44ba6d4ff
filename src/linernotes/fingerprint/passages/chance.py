"""How good a run unrelated music gives by chance, fitted anew for every query.

A query of four on the floor finds better chance runs than a string quartet does, so the null is its own: its
best runs against many unrelated recordings (the bundled background and the bulk of the catalogue) follow an
extreme-value law. With location *m* for a minute of music and scale *b*, the number of chance runs that
reach a score *s* in a catalogue of *T* minutes is Poisson with mean ``T exp(-(s - m) / b)``: the score that is
needed grows with the logarithm of the catalogue.

The upper fifth of the maxima is only counted, not looked at, because a true passage, or a version of the
query, may be among them. With few recordings *b* is uncertain: it is drawn towards its usual value, and then
widened by a reserve that was measured on unrelated music.

Conventions
-----------
Lengths in frames of a tenth of a second.

References
----------
Gumbel (1958), "Statistics of extremes"; Karlin and Altschul (1990), PNAS 87 (local alignment scores).
Cohen (1965), "Maximum likelihood estimation in the Weibull distribution based on complete and on censored
samples", Technometrics 7 (the censored likelihood).

Known limits
------------
Beyond one in a thousand the tail is extrapolated. Where more than a fifth of all recordings are related to the
query, the null is too wide and passages are missed; it never makes one up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linernotes.errors import NotFitted

MINUTE = 600  # frames
LEAST = 8  # maxima below which no null is fitted

_USUAL_SCALE = 0.5  # median of b over queries, see docs/methods/passages.md
_USUAL_WEIGHT = 20  # recordings' worth of belief in it
_RESERVE = 1.5
_SEEN = 0.8  # part of the maxima whose values are used


@dataclass(frozen=True, slots=True)
class SearchChance:
    """The law of one query's chance maxima.

    Parameters
    ----------
    location : float
        Score that a minute of unrelated music reaches or passes with chance 1 - 1/e.
    scale : float > 0
        Rise of the score per e-fold of catalogue.

    Examples
    --------
    >>> chance = SearchChance(location=2.0, scale=0.5)
    >>> small, large = (chance.false_match_rate(8.0, minutes * MINUTE) for minutes in (10, 1000))
    >>> round(large / small)
    100
    """

    location: float
    scale: float

    def false_match_rate(self, score: float, n_frames: int) -> float:
        """Return the chance, in [0, 1], that a catalogue of unrelated music gives a run of this score."""
        exponent = math.log(max(n_frames, 1) / MINUTE) - (score - self.location) / self.scale
        return -math.expm1(-math.exp(min(exponent, 700.0)))

    def needed(self, max_false_rate: float, n_frames: int) -> float:
        """Return the score at which `false_match_rate` falls to a limit.

        Examples
        --------
        >>> chance = SearchChance(2.0, 0.5)
        >>> round(chance.false_match_rate(chance.needed(0.01, 6000), 6000), 6)
        0.01
        """
        return self.location + self.scale * (
            math.log(max(n_frames, 1) / MINUTE) - math.log(-math.log1p(-max_false_rate))
        )

    @classmethod
    def fit(cls, maxima: Sequence[float], lengths: Sequence[int]) -> SearchChance:
        """Fit the law to the best score of each recording.

        Parameters
        ----------
        maxima : sequence of float
            Best score per recording.
        lengths : sequence of int
            Its length in frames.

        Raises
        ------
        NotFitted
            If there are fewer than eight recordings.

        Examples
        --------
        >>> scores = np.random.default_rng(0).gumbel(2.0, 0.5, 400)
        >>> law = SearchChance.fit(scores.tolist(), [MINUTE] * 400)
        >>> abs(law.location - 2.0) < 0.2, 0.5 < law.scale < 0.8
        (True, True)
        """
        if len(maxima) < LEAST:
            raise NotFitted(
                f"a null from {len(maxima)} recordings; expected at least {LEAST} unrelated recordings"
            )
        scores = np.asarray(maxima, np.float64)
        growth = np.log(np.maximum(np.asarray(lengths, np.float64), 1) / MINUTE)
        scale = _most_likely_scale(scores, growth)
        weight = len(scores) * _SEEN
        scale = math.exp(
            (weight * math.log(scale) + _USUAL_WEIGHT * math.log(_USUAL_SCALE)) / (weight + _USUAL_WEIGHT)
        )
        return cls(_median_location(scores, growth, scale), scale * _RESERVE)


def _most_likely_scale(scores: np.ndarray, growth: np.ndarray) -> float:
    """Return the scale of greatest censored likelihood."""
    from scipy.optimize import minimize

    limit = np.quantile(scores, _SEEN)
    seen = scores <= limit
    spread = max(float(np.subtract(*np.quantile(scores, [0.75, 0.25]))) / 1.57, 1e-3)
    start = np.array([np.median(scores) - 0.37 * spread, math.log(spread)])

    def loss(parameters: np.ndarray) -> float:
        scale = math.exp(float(np.clip(parameters[1], -7, 7)))
        z = (np.where(seen, scores, limit) - parameters[0]) / scale - growth
        z = np.clip(z, -50, 500)
        log_density = -math.log(scale) - z - np.exp(-z)
        log_above = np.log(-np.expm1(-np.exp(-z)) + 1e-300)
        return -float(np.where(seen, log_density, log_above).sum())

    fitted = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 200, "xatol": 1e-3})
    return math.exp(float(np.clip(fitted.x[1], math.log(1e-2), 5)))


def _median_location(scores: np.ndarray, growth: np.ndarray, scale: float) -> float:
    return float(np.median(scores - scale * growth)) + scale * math.log(math.log(2))
