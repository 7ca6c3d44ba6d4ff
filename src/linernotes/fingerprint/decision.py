"""From a score to a false-match rate: the chance that an unrelated query scores as high.

The best of very many chance alignments follows an extreme-value law: where *q* seconds of query are searched in
*c* seconds of catalogue, the number of unrelated alignments that score *s* or more is
Poisson with mean ``K q c exp(-rate * s)``. *K* and ``rate`` were fitted to real, unrelated recordings, for the
exact search and for the one under changed pitch and tempo, each with all its hypotheses.

A *second look* at the audio of a recording (`linernotes.fingerprint.second_look`) has a law of its own: the chance that
one of *n* looks scores *s* or more is at most ``n K exp(-rate * s)``, whatever the size of the catalogue.

A match is one whose false-match rate is below the limit that the caller declares, 1 in 10,000 unless he
says otherwise. A query that no recording passes has no match: that is an answer.

A query below ten seconds counts as one of ten: it is one window either way, and its chance scores are no lower.

Conventions
-----------
The rate is per query, for the whole catalogue and for all that is tried: the exact search may spend 85 hundredths of
it, the changed one 10, second looks 5.

References
----------
Karlin and Altschul (1990), PNAS 87, equation 1, for the form of the law. The constants, the music and the
fit are in ``benchmarks/identify/calibrate.py`` and ``docs/methods/identify.md``.

Known limits
------------
"Unrelated" means other artists: two mixes that use one loop, or two renderings of one score by one
synthesiser, are related, and may match. Of 30,327 unrelated queries by artists that nothing was fitted on one, of three
seconds, was answered at a rate of 1e-4, where three were to be expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from linernotes.errors import InputError

DEFAULT_MAX_FALSE_MATCH_RATE = 1e-4

LEAST_QUERY_S = 10.0


@dataclass(frozen=True, slots=True)
class LookModel:
    """The tail of chance scores of second looks.

    Parameters
    ----------
    rate : float > 0
        Fall of the log tail per nat of score.
    log_k : float
        Natural logarithm of *K*, per look.
    share : float in (0, 1]
        Part of the declared false-match rate that second looks may spend.

    Examples
    --------
    >>> model = LookModel(rate=0.5, log_k=0.0, share=0.05)
    >>> model.false_match_rate(10.0, 6) > 0.01 > model.false_match_rate(40.0, 6)
    True
    """

    rate: float
    log_k: float
    share: float

    def false_match_rate(self, score: float, n_looks: int) -> float:
        """Return the false-match rate, in [0, 1], of a score among so many looks, corrected for their share."""
        expected = math.exp(min(700.0, self.log_k + math.log(max(1, n_looks)) - self.rate * score))
        return min(1.0, -math.expm1(-expected) / self.share)


@dataclass(frozen=True, slots=True)
class NullModel:
    """The tail of chance scores.

    Parameters
    ----------
    rate : float > 0
        Fall of the log tail per unit of score.
    log_k : float
        Natural logarithm of *K*, per second of query and second of catalogue.
    share : float in (0, 1]
        Part of the declared false-match rate that this search may spend.

    Examples
    --------
    >>> model = NullModel(rate=4.0, log_k=10.0)
    >>> model.false_match_rate(9.0, 10.0, 36_000.0) < model.false_match_rate(7.0, 10.0, 36_000.0)
    True
    """

    rate: float
    log_k: float
    share: float = 1.0

    def false_match_rate(self, score: float, query_s: float, catalogue_s: float) -> float:
        """Return the chance, in [0, 1], that an unrelated query scores as high in one search."""
        return -math.expm1(-self.expected(score, query_s, catalogue_s))

    def expected(self, score: float, query_s: float, catalogue_s: float) -> float:
        """Return how many alignments of an unrelated query score as high, on average."""
        size = max(LEAST_QUERY_S, query_s) * max(1.0, catalogue_s)
        return math.exp(min(700.0, self.log_k + math.log(size) - self.rate * score))


# Fitted to 11,840 searches of each kind, see the document: rate 1.47 to 1.53, log K 6.2 to 6.9 (exact); 1.21 to 1.27, 2.1 to
# 2.8 (changed). Shipped is what other artists would ask for in 39 of 40 cases, and half a unit of score more for the lengths
# that chance likes best. Second looks: rate 0.8, log K -2.8; shipped are constants that ask for ten nats more.
EXACT_CHANCE = NullModel(rate=1.40, log_k=6.2, share=0.85)
CHANGED_CHANCE = NullModel(rate=1.22, log_k=3.0, share=0.1)
LOOK_CHANCE = LookModel(rate=0.5, log_k=-2.0, share=0.05)


def query_false_match_rate(score: float, query_s: float, catalogue_s: float, model: NullModel) -> float:
    """Return the false-match rate of a score, corrected for the several searches that a query may get.

    Parameters
    ----------
    score : float
        Of an `linernotes.fingerprint.align.Alignment`.
    query_s, catalogue_s : float
        Size of the search.
    model : NullModel
        `EXACT_CHANCE` or `CHANGED_CHANCE`, for the search that gave the score.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> weak, strong = (query_false_match_rate(s, 10.0, 36_000.0, EXACT_CHANCE) for s in (3.0, 40.0))
    >>> weak > 0.9, strong < 1e-9
    (True, True)
    """
    once = model.false_match_rate(score, query_s, catalogue_s)
    return min(1.0, once / model.share)


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
