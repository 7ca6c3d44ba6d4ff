"""Rates from counts with exact intervals: what so many outputs of so many allow one to say.

The interval of Clopper and Pearson holds the true rate with at least the stated confidence, however few the
trials. When nothing was found in *n* trials its upper end is about 3 / n: the rule of three. A detector that
misses some passages makes a rate look smaller than it is; dividing the upper end by the lower end of its measured
recall mends that, each at half the error, so that both hold together.

Outputs of one prompt are not independent draws. With prompts as clusters the number of trials is divided by the
design effect ``1 + (m - 1) * icc``; where nothing, or everything, was found the correlation cannot be measured and
the number of prompts is taken.

References
----------
Clopper and Pearson (1934), Biometrika 26. Hanley and Lippman-Hand (1983), "If nothing goes wrong, is everything
all right?", JAMA 249. Korn and Graubard (1998), "Confidence intervals for proportions with small expected number
of positive counts estimated from survey data", Survey Methodology 24. Fisher (1935).

Known limits
------------
Exact intervals are wider than they need to be; never narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from linernotes.errors import InputError


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of trials, with its exact interval.

    Examples
    --------
    >>> Rate.of(0, 100).upper < 0.037 and Rate.of(0, 100).lower == 0
    True
    """

    n_hits: int
    n_trials: int
    lower: float
    upper: float
    confidence: float = 0.95

    @property
    def value(self) -> float | None:
        """Hits per trial; None without a trial."""
        return self.n_hits / self.n_trials if self.n_trials else None

    @classmethod
    def of(cls, n_hits: int, n_trials: int, confidence: float = 0.95) -> Rate:
        """Return the two-sided interval of Clopper and Pearson; all of 0 to 1 without a trial."""
        lower, upper = clopper_pearson(n_hits, n_trials, confidence)
        return cls(n_hits, n_trials, lower, upper, confidence)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "n_hits": self.n_hits,
            "n_trials": self.n_trials,
            "rate": self.value,
            "interval": [self.lower, self.upper],
            "confidence": self.confidence,
        }


def clopper_pearson(n_hits: float, n_trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the ends of the exact two-sided interval; counts need not be whole (effective sizes are not).

    Raises
    ------
    InputError
        If there are more hits than trials, a count is negative, or the confidence is no probability.

    Examples
    --------
    >>> [round(end, 3) for end in clopper_pearson(1, 20)]
    [0.001, 0.249]
    """
    tail = (1 - _checked(n_hits, n_trials, confidence)) / 2
    return _lower(n_hits, n_trials, tail), upper_bound(n_hits, n_trials, 1 - tail)


def upper_bound(n_hits: float, n_trials: float, confidence: float = 0.95) -> float:
    """Return the exact one-sided upper bound of a rate.

    Examples
    --------
    >>> round(upper_bound(0, 300), 4)  # the rule of three says 3 / 300
    0.0099
    """
    from scipy.stats import beta

    _checked(n_hits, n_trials, confidence)
    if n_hits >= n_trials:
        return 1.0
    return float(beta.ppf(confidence, n_hits + 1, n_trials - n_hits))


def lower_bound(n_hits: float, n_trials: float, confidence: float = 0.95) -> float:
    """Return the exact one-sided lower bound of a rate.

    Examples
    --------
    >>> round(lower_bound(60, 60), 3)
    0.951
    """
    return _lower(n_hits, n_trials, 1 - _checked(n_hits, n_trials, confidence))


def bound_with_misses(
    n_hits: float, n_trials: float, n_found: int, n_planted: int, confidence: float = 0.95
) -> float:
    """Return an upper bound of the true rate when the detector misses some: both errors are paid for.

    Parameters
    ----------
    n_hits, n_trials : float
        Outputs with a passage, and all outputs.
    n_found, n_planted : int
        Planted passages that the detector found, and all that were planted.

    Examples
    --------
    >>> round(bound_with_misses(0, 300, 60, 60), 4), bound_with_misses(0, 300, 0, 60)
    (0.013, 1.0)
    """
    half = 1 - (1 - confidence) / 2
    recall = lower_bound(n_found, n_planted, half) if n_planted else 0.0
    return min(1.0, upper_bound(n_hits, n_trials, half) / recall) if recall > 0 else 1.0


def rate_ratio(
    hits_a: int, exposure_a: float, hits_b: int, exposure_b: float, confidence: float = 0.95
) -> dict[str, float | None]:
    """Compare two rates by counts: their ratio, its exact interval, and the chance of such a surplus in *a*.

    Given how many hits there are in all, those in *a* are binomial; the interval of that share gives the
    interval of the ratio.

    Returns
    -------
    dict
        ``ratio``, ``lower``, ``upper`` (None for infinite or unknown) and ``p_value``, one-sided.

    Examples
    --------
    >>> found = rate_ratio(9, 100.0, 1, 100.0)
    >>> round(found["ratio"], 1), found["lower"] > 1, round(found["p_value"], 4)
    (9.0, True, 0.0107)
    """
    from scipy.stats import binom

    total = hits_a + hits_b
    if total == 0 or exposure_a <= 0 or exposure_b <= 0:
        return {"ratio": None, "lower": None, "upper": None, "p_value": None}
    low, high = clopper_pearson(hits_a, total, confidence)
    scale = exposure_b / exposure_a
    even = exposure_a / (exposure_a + exposure_b)
    return {
        "ratio": scale * hits_a / hits_b if hits_b else None,
        "lower": scale * low / (1 - low) if low < 1 else None,
        "upper": scale * high / (1 - high) if high < 1 else None,
        "p_value": float(binom.sf(hits_a - 1, total, even)),
    }


def fisher(hit_a: int, n_a: int, hit_b: int, n_b: int) -> float:
    """Return Fisher's exact one-sided p-value that *a* is hit more often than *b*.

    Examples
    --------
    >>> round(fisher(5, 10, 0, 10), 4)
    0.0163
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([[hit_a, n_a - hit_a], [hit_b, n_b - hit_b]], alternative="greater")[1])


def effective_trials(hits_per_cluster: Sequence[tuple[int, int]]) -> tuple[float, float | None]:
    """Return how many independent outputs a clustered sample is worth, and the correlation inside clusters.

    Parameters
    ----------
    hits_per_cluster : sequence of (int, int)
        Hits and trials of each prompt.

    Notes
    -----
    The correlation is the analysis-of-variance estimate, not below 0. It is None, and the number of clusters is
    returned, where it cannot be measured: all hits or none.

    Examples
    --------
    >>> effective_trials([(0, 10), (0, 10)]), effective_trials([(5, 10), (5, 10)])
    ((2.0, None), (20.0, 0.0))
    """
    used = [(hits, n) for hits, n in hits_per_cluster if n > 0]
    n_clusters, total = len(used), sum(n for _, n in used)
    all_hits = sum(hits for hits, _ in used)
    if n_clusters == total:
        return float(total), 0.0
    if n_clusters < 2 or all_hits in (0, total):
        return float(n_clusters), None
    mean = all_hits / total
    between = sum(n * (hits / n - mean) ** 2 for hits, n in used) / (n_clusters - 1)
    within = sum(hits * (1 - hits / n) for hits, n in used) / (total - n_clusters)
    size = (total - sum(n * n for _, n in used) / total) / (n_clusters - 1)
    spread = between + (size - 1) * within
    correlation = min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 0.0
    effect = 1 + (sum(n * n for _, n in used) / total - 1) * correlation
    return total / effect, correlation


def _lower(n_hits: float, n_trials: float, tail: float) -> float:
    from scipy.stats import beta

    return float(beta.ppf(tail, n_hits, n_trials - n_hits + 1)) if n_hits > 0 else 0.0


def _checked(n_hits: float, n_trials: float, confidence: float) -> float:
    if not 0 <= n_hits <= n_trials:
        raise InputError(f"{n_hits} hits in {n_trials} trials: expected 0 <= hits <= trials")
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: expected a number above 0 and below 1, such as 0.95")
    return confidence
