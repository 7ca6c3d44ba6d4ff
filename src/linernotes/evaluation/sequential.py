"""Testing while one waits: when to stop repeating a paired comparison, without cheating.

Each repeat is a pairing that is won or lost. The question is whether the chance of winning is above a declared
level. A gambler who may only bet against "it is not" starts with one coin; what she owns after the pairings so
far is an *e-value*. If "it is not" were true her wealth would, on average, not grow, and the chance that it *ever*
reaches 1/α is at most α (Ville). So one may look after every pairing and stop when one likes.

Her wealth is the mean over four fixed stakes s, each playing alone:

    e = mean_s (1 + s (1 − p) / p)^wins (1 − s)^losses          against "wins at most a fraction p"

and the same with wins and losses exchanged against "wins at least a fraction p". Fractions that neither gambler has
refuted make up the interval, which is valid at every stopping time as well.

Assumptions
-----------
Pairings are independent, and each is won with one and the same chance: every repeat draws its opponent and its
noise anew.

Conventions
-----------
A tie refutes nothing: it counts as lost against "at most" and as won against "at least".

References
----------
Ville (1939); Robbins (1970), "Statistical methods related to the law of the iterated logarithm"; Ramdas, Grünwald,
Vovk, Shafer (2023), "Game-theoretic statistics and safe anytime-valid inference"; Waudby-Smith and Ramdas (2024),
"Estimating means of bounded random variables by betting".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from linernotes.errors import InputError

STAKES = (0.25, 0.5, 0.75, 1.0)
LARGEST_LOG = 600.0  # e-values are cut here, so that they stay numbers


@dataclass(frozen=True, slots=True)
class Tally:
    """What the pairings so far have shown.

    Examples
    --------
    >>> Tally(9, 1).plus(won=True)
    Tally(n_won=10, n_lost=1, n_tied=0)
    """

    n_won: int = 0
    n_lost: int = 0
    n_tied: int = 0

    def __len__(self) -> int:
        return self.n_won + self.n_lost + self.n_tied

    def plus(self, *, won: bool = False, lost: bool = False) -> Tally:
        """Return the tally after one more pairing; neither won nor lost is a tie."""
        return Tally(self.n_won + won, self.n_lost + lost, self.n_tied + (not won and not lost))

    @property
    def win_rate(self) -> float:
        """Part of the pairings won, a tie as half; 0.5 before the first."""
        return (self.n_won + 0.5 * self.n_tied) / len(self) if len(self) else 0.5

    def against_at_most(self, level: float) -> float:
        """Return the e-value against "wins at most this fraction"."""
        return evidence(self.n_won, self.n_lost + self.n_tied, level)

    def against_at_least(self, level: float) -> float:
        """Return the e-value against "wins at least this fraction"."""
        return evidence(self.n_lost, self.n_won + self.n_tied, 1.0 - level)

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return the fractions not refuted, at every stopping time with chance at least 1 − α."""
        low = _last_refuted(lambda p: self.against_at_most(p) >= 2 / alpha)
        high = 1.0 - _last_refuted(lambda p: self.against_at_least(1.0 - p) >= 2 / alpha)
        return low, high


def evidence(n_won: int, n_lost: int, level: float) -> float:
    """Return the e-value of wins and losses against "wins at most a fraction *level*".

    Raises
    ------
    InputError
        If the level is not strictly between 0 and 1.

    Examples
    --------
    >>> round(evidence(6, 0, 0.5), 1), evidence(0, 0, 0.5), evidence(2, 6, 0.5) < 1
    (27.0, 1.0, True)
    """
    if not 0 < level < 1:
        raise InputError(f"level {level}: expected a fraction strictly between 0 and 1")
    logs = [
        n_won * math.log1p(stake * (1 - level) / level) + _log_of_losing(stake, n_lost) for stake in STAKES
    ]
    largest = max(logs)
    log_mean = largest + math.log(sum(math.exp(one - largest) for one in logs) / len(logs))
    return math.exp(min(log_mean, LARGEST_LOG))


def _log_of_losing(stake: float, n_lost: int) -> float:
    if n_lost == 0:
        return 0.0
    return n_lost * math.log1p(-stake) if stake < 1 else -math.inf


def _last_refuted(refuted: Callable[[float], bool]) -> float:
    """Return the largest fraction that is refuted, to 1e-4 downward; 0 where none is."""
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        if refuted(middle):
            low = middle
        else:
            high = middle
    return low
