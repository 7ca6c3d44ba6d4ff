"""From a score to a false-match rate: the chance that an unrelated query does as well.

The best score of a query of *m* sub-fingerprints against *n* unrelated ones at all offsets follows an
extreme-value law; the number of stretches that reach *s* is Poisson with mean ``K m n exp(-rate * s)``.
*K* and ``rate`` were fitted to pairs of real recordings by different artists (see
``benchmarks/chromaprint/run.py`` and ``docs/methods/chromaprint.md``); the constants here are
stricter than the fit.

Conventions
-----------
The rate is per query, for all imported fingerprints together.

References
----------
Karlin and Altschul (1990), PNAS 87, equation 1.

Known limits
------------
Rates below about one in 100,000 pairs are extrapolated. "Unrelated" means other artists: two pieces
that share a loop or a sample are related, and may match, rightly.
"""

from __future__ import annotations

import math

from linernotes.errors import InputError

RATE = 0.85  # per bit of score; fitted 0.92 to 1.10
LOG_K = -10.5  # fitted -11.8


def false_match_rate(score: float, n_query: int, n_catalogue: int) -> float:
    """Return the chance, in [0, 1], that an unrelated query reaches a score.

    Parameters
    ----------
    score : float
        Bits of agreement, from `linernotes.fingerprint.chromaprint.scoring`.
    n_query, n_catalogue : int
        Sub-fingerprints on both sides.

    Examples
    --------
    >>> false_match_rate(100.0, 58, 122_000) < 1e-12 < 0.99 < false_match_rate(2.0, 58, 122_000)
    True
    """
    expected = math.exp(min(700.0, _log_size(n_query, n_catalogue) - RATE * score))
    return -math.expm1(-expected)


def score_needed(max_false_match_rate: float, n_query: int, n_catalogue: int) -> float:
    """Return the score at which the false-match rate falls to a limit.

    Raises
    ------
    InputError
        If the limit does not lie between 0 and 1.

    Examples
    --------
    >>> round(score_needed(1e-4, 58, 122_000), 1)
    17.0
    """
    if not 0 < max_false_match_rate < 1:
        raise InputError(
            f"maximum false-match rate {max_false_match_rate}: "
            "expected a number above 0 and below 1, such as 1e-4"
        )
    expected = -math.log1p(-max_false_match_rate)
    return (_log_size(n_query, n_catalogue) - math.log(expected)) / RATE


def _log_size(n_query: int, n_catalogue: int) -> float:
    return LOG_K + math.log(max(1, n_query) * max(1, n_catalogue))
