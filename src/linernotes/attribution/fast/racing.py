"""Which items are the best few, without measuring every item to the end.

Items race: all are measured under the same few draws, round by round; an item leaves the race when it is
surely among the best k, or surely not. With shared noise two items are compared draw by draw, which cancels what
both share. The goal is the mean over *all* draws of the full scan, so that the uncertainty of a mean of r of R
draws carries the factor √(1 − r/R) of sampling without replacement, and is nil when all are taken.

    i beats j for sure  when  mean_r(x_i − x_j) > t_{r−1}(1 − δ / (n m)) · s_r(x_i − x_j) / √r · √(1 − r/R)

with n items and m looks at the data (Bonferroni), so that the chance of any wrong decision is at most about δ.

References
----------
Maron and Moore (1994), "Hoeffding races"; Moore and Lee (1994), "Efficient algorithms for minimizing cross
validation error" (paired comparisons in a race); Even-Dar, Mannor, Mansour (2006), "Action elimination and
stopping conditions for reinforcement learning"; Cochran (1977), "Sampling techniques" (finite populations).

Known limits
------------
Differences are taken as about normal; with noise levels in stratified order they are less alike than chance, so
rounds take draws in a shuffled order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from linernotes.errors import InputError

Array = NDArray[np.float64]
UNDECIDED, ACCEPTED, REJECTED = 0, 1, -1


@dataclass(frozen=True, slots=True)
class RaceConfig:
    """Settings of a race: draws per round, and the chance of any wrong decision."""

    draws_per_round: int = 4
    risk: float = 0.05

    def __post_init__(self) -> None:
        if self.draws_per_round < 2 or not 0 < self.risk < 1:
            raise InputError(f"{self}: expected at least 2 draws per round and 0 < risk < 1")


@dataclass(frozen=True, slots=True)
class Standing:
    """A race after some rounds: means so far, draws taken per item, and who is decided.

    ``decided`` [shape=(n_items,), int8] holds 1 (surely among the best), -1 (surely not) or 0.
    """

    means: Array
    n_taken: NDArray[np.int64]
    decided: NDArray[np.int8]
    n_best: int

    @property
    def running(self) -> NDArray[np.int64]:
        """The items that are still undecided."""
        return np.flatnonzero(self.decided == UNDECIDED)

    @property
    def finished(self) -> bool:
        """Whether the best few are known."""
        return not len(self.running)

    @property
    def best(self) -> NDArray[np.int64]:
        """The best few as known so far, best first; ties go to the earlier item."""
        order = np.lexsort((np.arange(len(self.means)), -self.means, -self.decided))[: self.n_best]
        chosen: NDArray[np.int64] = order[np.argsort(-self.means[order], kind="stable")]
        return chosen


def judge(
    values: Array, decided: NDArray[np.int8], n_best: int, n_draws: int, n_looks: int, risk: float
) -> NDArray[np.int8]:
    """Decide who is surely among the best few, or surely not.

    Parameters
    ----------
    values : NDArray [shape=(n_items, n_taken), float64]
        Scores of the undecided items under the draws taken so far; rows of decided items are ignored.
    decided : NDArray [shape=(n_items,), int8]
        Decisions so far; kept.
    n_best : int
        How many are wanted.
    n_draws : int
        Draws of the full scan.
    n_looks : int
        How often decisions are taken in all.
    risk : float
        Chance of any wrong decision.

    Examples
    --------
    >>> values = np.array([[5.0, 5.1, 5.0], [1.0, 1.1, 1.0], [0.9, 1.2, 1.0]])
    >>> judge(values, np.zeros(3, np.int8), 1, 16, 4, 0.05).tolist()
    [1, -1, -1]
    """
    after = decided.copy()
    running = np.flatnonzero(decided == UNDECIDED)
    places = n_best - int((decided == ACCEPTED).sum())
    if places <= 0 or len(running) <= places:
        after[running] = REJECTED if places <= 0 else ACCEPTED
        return after
    n_taken = values.shape[1]
    means = values[running].mean(axis=1)
    order = np.argsort(-means, kind="stable")
    if n_taken >= n_draws:
        after[running[order[:places]]], after[running[order[places:]]] = ACCEPTED, REJECTED
        return after
    if n_taken < 2:
        return after
    bound = stdtrit(n_taken - 1, 1 - risk / (len(decided) * n_looks))
    shrink = np.sqrt((1 - n_taken / n_draws) / n_taken)
    ordered = values[running[order]]
    last_in, first_out = ordered[places - 1], ordered[places]
    for place, item in enumerate(running[order]):
        inside = place < places
        gaps = values[item] - first_out if inside else last_in - values[item]
        if gaps.mean() > bound * shrink * gaps.std(ddof=1):
            after[item] = ACCEPTED if inside else REJECTED
    return after
