"""A race of shortlisted recordings: exact scores, a few noise draws at a time, until the best few are known.

`racing` decides who is in and who is out; here is what it decides by: the losses measured so far, round by round,
and what is told of recordings that nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.fast.racing import REJECTED, UNDECIDED, RaceConfig, Standing, judge
from linernotes.attribution.measurement import Weights
from linernotes.attribution.unlearning.partial import PartialUnlearning
from linernotes.folds import Runner

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What was measured so far: NaN where nothing was.

    Parameters
    ----------
    values : NDArray [shape=(n_items, n_draws), float64]
        Exact scores of recordings.
    segments : NDArray [shape=(n_segments, n_draws), float64]
        Exact scores of segments.
    shortlist : NDArray [shape=(n_shortlisted,), int64]
        Who took part.
    decided : NDArray [shape=(n_items,), int8]
        As in `racing.Standing`.
    """

    values: Array
    segments: Array
    shortlist: NDArray[np.int64]
    decided: NDArray[np.int8]
    n_best: int
    n_rounds: int

    @property
    def standing(self) -> Standing:
        """Who is in, who is out, and by what means."""
        n_taken = np.isfinite(self.values).sum(axis=1)
        means = np.full(len(self.values), -np.inf)
        means[self.shortlist] = np.nanmean(self.values[self.shortlist], axis=1)
        return Standing(means, n_taken, self.decided, self.n_best)

    @property
    def has_segment(self) -> NDArray[np.bool_]:
        """Which segments were measured at all [shape=(n_segments,)]."""
        measured: NDArray[np.bool_] = np.asarray(np.isfinite(self.segments).any(axis=1))
        return measured

    @property
    def segment_means(self) -> Array:
        """Mean scores of segments over the draws taken [shape=(n_segments,)]."""
        count = np.isfinite(self.segments).sum(axis=1)
        total: Array = np.nansum(self.segments, axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def replicates(self) -> Array:
        """Return all columns [shape=(n_items, n_draws)]; those that left early repeat their values.

        Repeats are spread so that the standard error of the mean is that of the draws taken.
        """
        n_draws = self.values.shape[1]
        filled = np.zeros_like(self.values)
        for item in self.shortlist:
            known = self.values[item][np.isfinite(self.values[item])]
            repeated = np.resize(known, n_draws)
            gaps = repeated - repeated.mean()
            filled[item] = known.mean() + gaps * np.sqrt(n_draws / len(known))
        return filled


def measure_in_rounds(
    exact: PartialUnlearning,
    weights: Weights,
    corpus: EncodedCorpus,
    shortlist: NDArray[np.int64],
    n_best: int,
    config: RaceConfig,
    seed: int,
    run: Runner,
) -> Iterator[Measured]:
    """Give all that was measured after every round, until the best few are known or no draw is left.

    Parameters
    ----------
    weights : Weights
        The generator after forgetting the query.
    shortlist : NDArray [shape=(n_shortlisted,), int64]
        Recordings that may be among the best.
    seed : int
        Of the order in which draws are taken.
    """
    n_items, n_draws = len(corpus.item_ids), exact.n_draws
    decided = np.full(n_items, REJECTED, dtype=np.int8)
    decided[shortlist] = UNDECIDED
    order = np.random.default_rng(seed).permutation(n_draws)
    rounds = [order[i : i + config.draws_per_round] for i in range(0, n_draws, config.draws_per_round)]
    values = np.full((n_items, n_draws), np.nan)
    segments = np.full((len(corpus.segments), n_draws), np.nan)
    n_taken = 0
    for number, draws in enumerate(rounds, start=1):
        running = np.flatnonzero(decided == UNDECIDED)
        numbers = np.flatnonzero(np.isin(corpus.item_of, running))
        rises = exact.rises_of(weights, [int(i) for i in numbers], sorted(int(d) for d in draws), run)
        places = slice(n_taken, n_taken + len(draws))
        segments[numbers, places] = rises
        values[running, places] = _per_item(rises, corpus.item_of[numbers], n_items)[running]
        n_taken += len(draws)
        decided = judge(values[:, :n_taken], decided, n_best, n_draws, len(rounds), config.risk)
        yield Measured(values, segments, shortlist, decided, n_best, number)
        if (decided != UNDECIDED).all():
            return


def line_to(guess: Array, measured: Measured) -> tuple[float, float]:
    """Return the line from a shortlister's scores to the exact method's, by those that both scored."""
    x, y = guess[measured.shortlist], measured.standing.means[measured.shortlist]
    spread = float(x.var())
    slope = max(0.0, float(((x - x.mean()) * (y - y.mean())).mean()) / spread) if spread > 0 else 0.0
    return float(y.mean() - slope * x.mean()), slope


def background(guess: Array, start: float, slope: float, measured: Measured) -> Array:
    """Return predictions as wide as exact scores would be, in the order of the guess.

    Predictions lack the part of the exact scores that nobody predicted. Left so narrow they would make the
    shortlisted recordings stand out of the others more than in a full scan, and credit too many of them.
    """
    predicted = start + slope * guess
    missed = measured.standing.means[measured.shortlist] - predicted[measured.shortlist]
    width = np.sqrt(predicted.var() + missed.var())
    deviation = guess.std()
    standard = (guess - guess.mean()) / deviation if deviation > 0 else np.zeros_like(guess)
    wide: Array = predicted.mean() + width * standard
    return wide


def _per_item(rises: Array, owners: NDArray[np.int64], n_items: int) -> Array:
    total = np.zeros((n_items, rises.shape[1]))
    np.add.at(total, owners, rises)
    return total / np.maximum(1, np.bincount(owners, minlength=n_items))[:, None]
