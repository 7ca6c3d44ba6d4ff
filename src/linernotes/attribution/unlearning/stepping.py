"""One step away from an output, and what it does to the losses of the corpus: the part that methods share.

A method says how the query's gradient is turned into a step; this module sets the step's length, takes it,
measures the corpus on both sides and scores. With P the method's preconditioner,

    θ± = θ ± η P ∇ℓ(ẑ; θ),      η so that the predicted rise of the output's loss is a set fraction of it

    one-sided    ℓ̄(z_i; θ₊) − ℓ̄(z_i; θ)            two-sided    [ℓ̄(z_i; θ₊) − ℓ̄(z_i; θ₋)] / 2

The two-sided difference has no terms of even order: the curvature of z_i's own loss, which rises whichever way
the weights move and says nothing of the output, cancels.

Conventions
-----------
As in `unlearning`: silence is masked in the loss that is climbed and kept in those that are scored; positive
means that training on the item made the output more likely. The skew of two sides is ``(ℓ₊ − ℓ₋)/(ℓ₊ + ℓ₋)``.

Cost
----
One gradient over the query's draws and ``n_segments * n_draws`` forward passes, twice that when two-sided.

References
----------
Ko et al. (2024), "The mirrored influence hypothesis", arXiv:2402.08922; Choi et al. (2025), arXiv:2506.18312.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.measurement import UnlearnPass, Weights, cleanest, difference, measure, skew
from linernotes.attribution.unlearning.diagonal import climb, query_gradient
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

SCORES = ("difference", "skew")


@dataclass(frozen=True, slots=True)
class StepConfig:
    """How far to step and how to score.

    Parameters
    ----------
    query_levels : float in (0, 1]
        Part of the noise levels, cleanest first, at which the query's loss is climbed.
    relative_rise : float > 0
        Predicted rise of the query's loss, as a fraction of it.
    two_sided : bool
        Whether to step down as well as up.
    score : {"difference", "skew"}
        Rise of a segment's loss, or the rise over the sum, draw by draw.
    seed : int
        Of the noise draws.
    """

    n_query_draws: int = 64
    query_levels: float = 1.0
    n_scoring_draws: int = 16
    relative_rise: float = 0.05
    two_sided: bool = False
    score: str = "difference"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise InputError(f"score='{self.score}': expected one of {', '.join(SCORES)}")
        if self.n_query_draws < 1 or self.n_scoring_draws < 2 or self.relative_rise <= 0:
            raise InputError(f"{self}: expected positive settings and at least 2 scoring draws")
        if not 0 < self.query_levels <= 1:
            raise InputError(f"query_levels={self.query_levels}: expected more than 0 and at most 1")


class Preconditioner(Protocol):
    """Turns a gradient into a step; must be picklable."""

    def solve(self, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the step, weight by weight."""
        ...


@dataclass(frozen=True)
class Step:
    """The weights after one step up a query's loss."""

    generator: Generator
    preconditioner: Preconditioner
    draws: NoiseDraws
    relative_rise: float

    def __call__(self, query: Query) -> Weights:
        """Return the changed weights."""
        loss, gradient = query_gradient(self.generator, query, self.draws)
        step = self.preconditioner.solve(gradient)
        return climb(self.generator, loss, gradient, step, self.relative_rise)


class StepMethod:
    """What methods that take one step have in common; a method adds its names and `preconditioner`."""

    name: str

    def __init__(self, config: StepConfig) -> None:
        self.config, self.seed = config, config.seed
        self._fitted: tuple[Generator, EncodedCorpus, Preconditioner, NDArray[np.float32]] | None = None

    def preconditioner(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> Preconditioner:
        """Do the passes over the corpus that the step needs."""
        raise NotImplementedError

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        return ("rise" if self.config.score == "difference" else "skew") + " of the training loss"

    def preparing(self, n_segments: int) -> int:
        """Return how many passes, forward and as many backward, `preconditioner` takes."""
        raise NotImplementedError

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query."""
        config = self.config
        fitting = self.preparing(n_segments)
        scan = n_segments * config.n_scoring_draws
        if not n_query_segments:
            return fitting + scan, fitting
        gradient = n_query_segments * max(1, round(config.query_levels * config.n_query_draws))
        n_scans = 3 if config.two_sided else 2  # before, above and, where asked, below
        return fitting + gradient + n_scans * scan, fitting + gradient

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Prepare the step, and measure the corpus under the generator as it is."""
        made = self.preconditioner(generator, corpus, run)
        draws = generator.noise_draws(self.config.n_scoring_draws, self.seed + 1)
        before = measure(generator, corpus, draws, [{}], run, "losses before")[0]
        self._fitted = generator, corpus, made, before

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Step away from each query and score every item.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, made, before = self._fitted
        draws = cleanest(
            generator.noise_draws(self.config.n_query_draws, self.seed + 3), self.config.query_levels
        )
        step = Step(generator, made, draws, self.config.relative_rise)
        above = run(UnlearnPass(step), queries, name="steps")
        below = [opposite(generator, weights) for weights in above] if self.config.two_sided else []
        draws = generator.noise_draws(self.config.n_scoring_draws, self.seed + 1)
        losses = measure(generator, corpus, draws, [*above, *below], run, f"losses after {self.name}")
        return [
            self._scores(query, corpus, losses[n + len(queries)] if below else before, losses[n])
            for n, query in enumerate(queries)
        ]

    def _scores(
        self, query: Query, corpus: EncodedCorpus, low: NDArray[np.float32], high: NDArray[np.float32]
    ) -> ItemScores:
        rise = difference(low, high) if self.config.score == "difference" else skew(low, high)
        if self.config.two_sided:
            rise = rise / 2
        return ItemScores(
            query.query_id, self.name, self.unit, corpus.item_ids, corpus.per_item(rise), rise.mean(axis=1)
        )


def opposite(generator: Generator, changed: Weights) -> Weights:
    """Return the weights as far on the other side of the generator's."""
    weights = generator.updatable(generator.network)
    return {name: 2 * weights[name].detach() - value for name, value in changed.items()}
