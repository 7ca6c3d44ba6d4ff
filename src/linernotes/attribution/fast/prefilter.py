"""Shortlist by the fast index, then exact scores for the shortlist only, in rounds, until the best few are known.

A full scan spends nearly all its time on recordings that have nothing to do with the output. Here the student (or
any other cheap method) names the candidates; the exact method forgets the output as always, but measures the
candidates only, a few noise draws at a time, and stops measuring a candidate as soon as its place is decided
(`racing`). The answer is there after every round and only gets better.

Conventions
-----------
Shortlisted recordings carry exact scores, under all draws or, for those that left the race, under the draws they
were measured with. The others carry the shortlister's prediction, as wide as exact scores are, and in the exact
method's unit; they are never ranked above the best shortlisted few. ``spent`` tells what was measured.

References
----------
See `racing`; Nogueira and Cho (2019), "Passage re-ranking with BERT" (the two stages); Grosse et al. (2023),
"Studying large language model generalization with influence functions" (candidate filtering for influence).

Known limits
------------
What the shortlist misses is lost: `measured_recall` says how much that is, by full scans of some queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import Attributor, EncodedCorpus, ItemScores, Query
from linernotes.attribution.fast.index import FastIndex
from linernotes.attribution.fast.racing import RaceConfig, Standing
from linernotes.attribution.fast.search import best
from linernotes.attribution.fast.shortlist_race import Measured, background, line_to, measure_in_rounds
from linernotes.attribution.measurement import Weights
from linernotes.attribution.unlearning.partial import PartialUnlearning
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrefilterConfig:
    """Settings: how many are wanted, how many stand for election, and the race."""

    n_best: int = 10
    n_shortlisted: int = 80
    race: RaceConfig = field(default_factory=RaceConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.n_best <= self.n_shortlisted:
            raise InputError(f"{self}: expected 1 <= n_best <= n_shortlisted")


@dataclass(frozen=True, slots=True)
class Spent:
    """Forward passes of scoring that a query took, and what a full scan takes."""

    n_forward: int
    n_full: int
    n_rounds: int

    @property
    def fraction(self) -> float:
        """The part of a full scan that was spent."""
        return self.n_forward / self.n_full


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the full scan's best few the shortlist holds, and how many the whole answer names.

    ``fraction`` is the part of a full scan's forward passes that was spent, mean over queries.
    """

    n_queries: int
    n_best: int
    n_shortlisted: int
    of_shortlist: float
    of_answer: float
    fraction: float


class Prefiltered:
    """Exact unlearning on a shortlist.

    Parameters
    ----------
    config : PrefilterConfig, optional
        Settings.
    exact : PartialUnlearning, optional
        The method whose scores are wanted.
    shortlister : Attributor, optional
        Names candidates; the fast index, taught by *exact*, unless another is given.
    seed : int
        Seed of everything random.
    """

    name = "prefiltered"
    revision = "1"
    paper = "Choi et al. (2025), arXiv:2506.18312, on a shortlist; Maron and Moore (1994), Hoeffding races"
    licence = "Apache-2.0"

    def __init__(
        self,
        config: PrefilterConfig | None = None,
        *,
        exact: PartialUnlearning | None = None,
        shortlister: Attributor | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config or PrefilterConfig(seed=seed)
        self.exact = exact or PartialUnlearning(seed=seed)
        self.shortlister = shortlister or FastIndex(teacher=self.exact, seed=seed)
        self._corpus: EncodedCorpus | None = None
        self._n_items = 0
        self.spent: list[Spent] = []

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        return self.exact.unit

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on, those of both stages among them."""
        return asdict(self.config) | {
            "exact": self.exact.settings,
            "shortlister": {"name": self.shortlister.name, "settings": self.shortlister.settings},
        }

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Fit both stages; the fast index fits its teacher, which is the exact stage."""
        self.shortlister.fit(generator, corpus, run)
        teaches = isinstance(self.shortlister, FastIndex) and self.shortlister.teacher is self.exact
        if not (teaches and self.exact.is_fitted):
            self.exact.fit(generator, corpus, run)
        self._corpus = corpus

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query; `spent` tells afterwards what each query took.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        corpus = self._known_corpus()
        guesses = self.shortlister.attribute(queries, run)
        results, self.spent = [], []
        for query, guess in zip(queries, guesses, strict=True):
            weights = self.exact.forget([query], run)[0]
            *_, last = self._race(weights, guess.scores, run)
            results.append(self._scores(query, guess, last, corpus))
            self.spent.append(self._spent(last, corpus))
        return results

    def rounds(self, query: Query, run: Runner) -> Iterator[tuple[Standing, Spent]]:
        """Give the standing after every round: an answer at any time, that only gets better.

        Items are numbered as in the corpus; those outside the shortlist count as decided against.
        """
        corpus = self._known_corpus()
        guess = self.shortlister.attribute([query], run)[0].scores
        weights = self.exact.forget([query], run)[0]
        for state in self._race(weights, guess, run):
            yield state.standing, self._spent(state, corpus)

    # -- what it costs --------------------------------------------------------------------------

    @property
    def n_generated(self) -> int:
        """Segments of music that fitting the shortlister generates."""
        return int(getattr(self.shortlister, "n_generated", 0))

    def expect_items(self, n_items: int) -> None:
        """Tell how many recordings the corpus has, for `cost`; without it, four segments each are assumed."""
        self._n_items = n_items

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes: those of a race in which nobody is decided early."""
        told = getattr(self.shortlister, "cost", None)
        forwards, backwards = told(n_segments, n_query_segments) if told else (0, 0)
        if not (isinstance(self.shortlister, FastIndex) and self.shortlister.teacher is self.exact):
            fitting = self.exact.cost(n_segments, 0)
            forwards, backwards = forwards + fitting[0], backwards + fitting[1]
        if not n_query_segments:
            return forwards, backwards
        n_items = self._n_items or max(1, n_segments // 4)
        part = min(1.0, self.config.n_shortlisted / n_items)
        gradient = n_query_segments * self.exact.config.n_query_draws
        race = round(part * n_segments * self.exact.n_draws)
        return forwards + gradient + race, backwards + gradient

    # -- the race -------------------------------------------------------------------------------

    def _race(self, weights: Weights, guess: Array, run: Runner) -> Iterator[Measured]:
        config = self.config
        shortlist = best(guess, config.n_shortlisted)
        return measure_in_rounds(
            self.exact, weights, self._known_corpus(), shortlist, config.n_best, config.race, config.seed, run
        )

    def _scores(self, query: Query, guess: ItemScores, race: Measured, corpus: EncodedCorpus) -> ItemScores:
        replicates = race.replicates()
        outside = np.setdiff1d(np.arange(len(corpus.item_ids)), race.shortlist)
        lowest_best = replicates[race.standing.best].mean(axis=1).min()
        same_unit = guess.unit.removesuffix(", predicted") == self.unit
        start, slope = (0.0, 1.0) if same_unit else line_to(guess.scores, race)
        rest = background(guess.scores, start, slope, race)
        replicates[outside] = np.minimum(rest[outside], lowest_best)[:, None]
        segments = np.where(race.has_segment, race.segment_means, start + slope * guess.segment_scores)
        return ItemScores(query.query_id, self.name, self.unit, corpus.item_ids, replicates, segments)

    def _spent(self, race: Measured, corpus: EncodedCorpus) -> Spent:
        n_forward = int(np.isfinite(race.segments).sum())
        return Spent(n_forward, len(corpus.segments) * self.exact.n_draws, race.n_rounds)

    def _known_corpus(self) -> EncodedCorpus:
        if self._corpus is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        return self._corpus


def measured_recall(method: Prefiltered, queries: Sequence[Query], run: Runner) -> Recall:
    """Scan some queries in full and say how much of their best few the shortlist and the answer hold.

    Cost
    ----
    A full scan per query: what the method otherwise saves.
    """
    n_best = method.config.n_best
    exact = [best(result.scores, n_best) for result in method.exact.attribute(queries, run)]
    guesses = [
        best(result.scores, method.config.n_shortlisted)
        for result in method.shortlister.attribute(queries, run)
    ]
    answers = [best(result.scores, n_best) for result in method.attribute(queries, run)]
    return Recall(
        len(queries),
        n_best,
        method.config.n_shortlisted,
        recall_of(guesses, exact),
        recall_of(answers, exact),
        float(np.mean([spent.fraction for spent in method.spent])),
    )


def recall_of(found: Sequence[NDArray[np.int64]], wanted: Sequence[NDArray[np.int64]]) -> float:
    """Return the part of what was wanted that was found, mean over queries.

    Examples
    --------
    >>> recall_of([np.array([1, 2, 3])], [np.array([3, 4])])
    0.5
    """
    return float(np.mean([np.isin(w, f).mean() for f, w in zip(found, wanted, strict=True)]))
