"""From a score to a false-match rate: the chance that an unrelated query does as well.

The best of very many chance alignments follows an extreme-value law: for a search that compares *m*
query peaks with *n* catalogue peaks under *h* hypotheses of pitch and tempo, the number of unrelated
alignments that reach a score *s* is Poisson with mean ``K m n h exp(-rate * s)``. If peaks were
independent, ``rate`` would be 1 for a score in nats. Music repeats itself, so chance hits come in
clumps and the rate is lower; *K* and ``rate`` were fitted to real, unrelated recordings.

A match is one whose false-match rate is below the limit that the caller declares, 1 in 10,000 unless
he says otherwise. A query that no recording passes has no match: that is an answer.

Conventions
-----------
The rate is per query, for the whole catalogue and for both searches (exact, then shifted): each may
spend half of it.

References
----------
Karlin and Altschul (1990), PNAS 87, equation 1. The constants, the music and the fit are in
``benchmarks/identify/calibrate.py`` and ``docs/methods/identify.md``.

Known limits
------------
The tail beyond one in a few thousand is extrapolated. "Unrelated" means other artists: two mixes that
use one loop, or two renderings of one score by one synthesiser, are related, and may match.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from linernotes.errors import InputError

DEFAULT_MAX_FALSE_MATCH_RATE = 1e-4


@dataclass(frozen=True, slots=True)
class NullModel:
    """The tail of chance scores.

    Parameters
    ----------
    rate : float > 0
        Fall of the log tail per nat of score.
    log_k : float
        Natural logarithm of *K*.

    Examples
    --------
    >>> model = NullModel(rate=0.5, log_k=-10.0)
    >>> model.false_match_rate(40.0, 260, 10_000, 3) < model.false_match_rate(30.0, 260, 10_000, 3)
    True
    """

    rate: float
    log_k: float

    def false_match_rate(
        self, score: float, n_query_peaks: int, n_catalogue_peaks: int, n_hypotheses: int
    ) -> float:
        """Return the chance, in [0, 1], that an unrelated query reaches *score* in one search."""
        size = max(1, n_query_peaks) * max(1, n_catalogue_peaks) * max(1, n_hypotheses)
        expected = math.exp(min(700.0, self.log_k + math.log(size) - self.rate * score))
        return -math.expm1(-expected)


# Fitted: rate 0.46 to 0.57, log K -14.1 to -15.1 (exact); 0.54 to 0.62, -18.1 to -18.9 (shifted).
# These constants are stricter, as a reserve for clumps that the calibration music lacks.
EXACT_CHANCE = NullModel(rate=0.45, log_k=-14.0)
SHIFTED_CHANCE = NullModel(rate=0.45, log_k=-17.0)  # neighbouring hypotheses are far from independent
N_SEARCHES = 2  # exact and shifted share the declared rate


def query_false_match_rate(
    score: float, n_query_peaks: int, n_catalogue_peaks: int, n_hypotheses: int, model: NullModel
) -> float:
    """Return the false-match rate of a score, corrected for the two searches that a query may get.

    Parameters
    ----------
    score : float
        Nats, from `linernotes.fingerprint.align`.
    n_query_peaks, n_catalogue_peaks, n_hypotheses : int
        Size of the search.
    model : NullModel
        `EXACT_CHANCE` or `SHIFTED_CHANCE`, for the search that gave the score.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> weak, strong = (query_false_match_rate(s, 260, 400_000, 3, EXACT_CHANCE) for s in (5.0, 100.0))
    >>> weak > 0.9, strong < 1e-9
    (True, True)
    """
    once = model.false_match_rate(score, n_query_peaks, n_catalogue_peaks, n_hypotheses)
    return min(1.0, N_SEARCHES * once)


def check_limit(max_false_match_rate: float) -> float:
    """Return the limit if it is a rate.

    Raises
    ------
    InputError
        If it does not lie between 0 and 1, or is not a number.

    Examples
    --------
    >>> check_limit(1e-4)
    0.0001
    """
    if not 0 < max_false_match_rate < 1:
        raise InputError(
            f"maximum false-match rate {max_false_match_rate}: "
            "expected a number above 0 and below 1, such as 1e-4"
        )
    return max_false_match_rate
