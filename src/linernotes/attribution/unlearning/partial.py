"""Exact unlearning scores on some segments and some draws: what teachers and shortlists ask for.

A full scan measures every segment of the corpus under every scoring draw. A student learns from a sample of
segments, and a shortlist is decided by some items under some draws; both must get the very numbers that the
full scan would have given. `PartialUnlearning` is `unlearning` with that door.

Cost
----
``n_query_draws`` gradients per query segment, then one forward pass per segment and draw asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.measurement import LossPass, UnlearnPass, Weights, difference, skew
from linernotes.attribution.unlearning.diagonal import FisherStep, FisherUnlearning
from linernotes.errors import NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

Rises = NDArray[np.float64]


@runtime_checkable
class PartialAttributor(Protocol):
    """An exact method that can be asked about some segments only."""

    @property
    def n_draws(self) -> int:
        """How many scoring draws a full scan takes."""
        ...

    def forget(self, queries: Sequence[Query], run: Runner) -> list[Weights]:
        """Return the changed weights, one mapping per query."""
        ...

    def rises_of(self, weights: Weights, numbers: Sequence[int], draws: Sequence[int], run: Runner) -> Rises:
        """Return the scores [shape=(len(numbers), len(draws))] of some segments under some draws."""
        ...

    def sample_rises(self, queries: Sequence[Query], numbers: Sequence[int], run: Runner) -> Rises:
        """Return mean scores over all draws [shape=(n_queries, len(numbers))]; keeps no weights."""
        ...


@dataclass(frozen=True)
class RisePass:
    """A fold over queries: forget one, measure some segments, keep the scores and drop the weights."""

    step: FisherStep
    corpus: EncodedCorpus
    numbers: tuple[int, ...]
    draws: NoiseDraws
    before: NDArray[np.float32]
    score: str
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Rises]:
        """Return no scores."""
        return []

    def add(self, state: list[Rises], items: Sequence[Query]) -> list[Rises]:
        """Score one shard of queries."""
        compare = difference if self.score == "difference" else skew
        rows = []
        for query in items:
            fold = LossPass(self.step.generator, self.corpus, self.draws, (self.step(query),))
            after = fold.finish(fold.add(fold.start(), self.numbers))[0]
            rows.append(compare(self.before, after).mean(axis=1))
        return [*state, *rows]

    def merge(self, left: list[Rises], right: list[Rises]) -> list[Rises]:
        """Keep query order."""
        return left + right

    def finish(self, state: list[Rises]) -> Rises:
        """Return one row per query."""
        return np.stack(state) if state else np.zeros((0, len(self.numbers)))


class PartialUnlearning(FisherUnlearning):
    """Fisher unlearning that also answers about some segments under some draws."""

    @property
    def n_draws(self) -> int:
        """How many scoring draws a full scan takes."""
        return self.config.n_scoring_draws

    @property
    def is_fitted(self) -> bool:
        """Whether `fit` was called."""
        return self._fitted is not None

    @property
    def fisher(self) -> Weights:
        """The Fisher diagonal, for those who weigh gradients as this method does."""
        return self._parts()[2]

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one full scan."""
        scan = n_segments * self.config.n_scoring_draws
        gradient = n_query_segments * self.config.n_query_draws
        return n_segments + scan + gradient + (scan if n_query_segments else 0), n_segments + gradient

    def forget(self, queries: Sequence[Query], run: Runner) -> list[Weights]:
        """Return the changed weights, one mapping per query."""
        generator, _, fisher, _ = self._parts()
        draws = generator.noise_draws(self.config.n_query_draws, self.config.seed + 3)
        return run(UnlearnPass(FisherStep(generator, fisher, draws, self.config)), queries, name="unlearning")

    def rises_of(self, weights: Weights, numbers: Sequence[int], draws: Sequence[int], run: Runner) -> Rises:
        """Return the scores [shape=(len(numbers), len(draws))] of some segments under some draws."""
        generator, corpus, _, before = self._parts()
        chosen = self.scoring_draws(generator).pick(list(draws))
        name = f"losses of {len(numbers)} segments, draws {draws[0]} to {draws[-1]}"
        after = run(LossPass(generator, corpus, chosen, (weights,)), list(numbers), name=name)[0]
        compare = difference if self.config.score == "difference" else skew
        return compare(before[np.ix_(list(numbers), list(draws))], after)

    def sample_rises(self, queries: Sequence[Query], numbers: Sequence[int], run: Runner) -> Rises:
        """Return mean scores over all draws [shape=(n_queries, len(numbers))]; keeps no weights."""
        generator, corpus, fisher, before = self._parts()
        draws = generator.noise_draws(self.config.n_query_draws, self.config.seed + 3)
        fold = RisePass(
            FisherStep(generator, fisher, draws, self.config), corpus, tuple(numbers),
            self.scoring_draws(generator), before[list(numbers)], self.config.score,
        )  # fmt: skip
        return run(fold, queries, name="teaching")

    def _parts(self) -> tuple[Generator, EncodedCorpus, Weights, NDArray[np.float32]]:
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        return self._fitted
