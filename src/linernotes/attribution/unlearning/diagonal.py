"""Attribution by unlearning: forget the output, see which recordings suffer.

The mirrored-influence idea: instead of forgetting each recording and looking at the output, forget the
output once and look at every recording. One step uphill on the output's loss, preconditioned by the
inverse Fisher diagonal so that the rest of the corpus is disturbed as little as possible:

    θ' = θ + η F̃⁻¹ ∇ℓ(ẑ; θ),        score_i = ℓ̄(z_i; θ') − ℓ̄(z_i; θ).

Assumptions
-----------
The loss is near enough to quadratic over the step; the Fisher is near enough to diagonal.

Conventions
-----------
All transformer layers move. Padding and silence are left out of the loss that is climbed, and kept in
the losses that are scored. Positive scores mean that training on the item made the output more likely.

Cost
----
A gradient over the query's draws, then one pass over the corpus shared by all queries.

References
----------
Choi et al. (2025), "Large-scale training data attribution for music generative models via unlearning",
arXiv:2506.18312; Wang et al. (2024), "Data attribution for text-to-image models by unlearning
synthesized images", arXiv:2406.09408; Ko et al. (2024), "The mirrored influence hypothesis".

Known limits
------------
We depart from the paper in the step size: η is chosen so that the predicted rise of the query's loss is
a set fraction of that loss, which needs no tuning per generator; and the Fisher is damped by a multiple
of its mean, without which weights that the corpus never uses would take the whole step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.attribution.measurement import UnlearnPass, Weights, difference, measure, skew
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws


@dataclass(frozen=True, slots=True)
class UnlearningConfig:
    """Settings of one-step Fisher unlearning."""

    n_query_draws: int = 128
    n_scoring_draws: int = 16
    relative_rise: float = 0.05
    damping: float = 0.1
    score: str = "difference"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.score not in ("difference", "skew"):
            raise InputError(f"score='{self.score}': expected 'difference' or 'skew'")
        if self.n_query_draws < 1 or self.n_scoring_draws < 2 or self.relative_rise <= 0 or self.damping <= 0:
            raise InputError(f"{self}: expected positive settings and at least 2 scoring draws")


@dataclass(frozen=True)
class FisherStep:
    """The weights after one preconditioned step away from a query."""

    generator: Generator
    fisher: Weights
    draws: NoiseDraws
    config: UnlearningConfig

    def __call__(self, query: Query) -> Weights:
        """Return the changed weights."""
        loss, gradient = query_gradient(self.generator, query, self.draws)
        mean = torch.cat([value.flatten() for value in self.fisher.values()]).mean()
        if float(mean) == 0.0:
            return {}  # a network that has learnt nothing has nothing to forget
        step = {name: g / (self.fisher[name] + self.config.damping * mean) for name, g in gradient.items()}
        return climb(self.generator, loss, gradient, step, self.config.relative_rise)


def climb(
    generator: Generator, loss: float, gradient: Weights, step: Weights, relative_rise: float
) -> dict[str, Tensor]:
    """Return the weights so far along *step* that, by the slope there, the loss rises by the set fraction."""
    slope = sum(float((g.double() * step[name].double()).sum()) for name, g in gradient.items())
    eta = relative_rise * loss / slope if slope > 0 else 0.0
    weights = generator.updatable(generator.network)
    return {name: weights[name].detach() + eta * step[name] for name in gradient}


def query_gradient(generator: Generator, query: Query, draws: NoiseDraws) -> tuple[float, dict[str, Tensor]]:
    """Return the query's mean loss over audible tokens, and its gradient."""
    network = trainable_copy(generator)
    weights = generator.updatable(network)
    total, summed = 0.0, {name: torch.zeros_like(value) for name, value in weights.items()}
    for first in range(0, len(draws), 16):
        part = draws.pick(slice(first, first + 16))
        loss = generator.losses(network, query.segments, part, audible_only=True).mean() * (
            len(part) / len(draws)
        )
        for name, gradient in zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True):
            summed[name] += gradient
        total += float(loss.detach())
    return total, summed


class FisherUnlearning:
    """One-step unlearning with a diagonal Fisher, after Choi et al. (2025)."""

    name = "unlearning"
    revision = "1"
    paper = "Choi et al. (2025), arXiv:2506.18312"
    licence = "Apache-2.0"

    def __init__(self, config: UnlearningConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or UnlearningConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, Weights, NDArray[np.float32]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        return (
            "rise of the training loss" if self.config.score == "difference" else "skew of the training loss"
        )

    def scoring_draws(self, generator: Generator) -> NoiseDraws:
        """Return the noise shared by all segments and both models."""
        return generator.noise_draws(self.config.n_scoring_draws, self.config.seed + 1)

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Estimate the Fisher diagonal and measure the corpus under the generator as it is."""
        numbers = range(len(corpus.segments))
        draws = generator.noise_draws(64, self.config.seed + 2)
        fisher = run(FisherPass(generator, corpus, draws), numbers, name="Fisher")
        before = measure(generator, corpus, self.scoring_draws(generator), [{}], run, "losses before")[0]
        self._fitted = generator, corpus, fisher, before

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Unlearn each query and score every item.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, fisher, before = self._fitted
        draws = generator.noise_draws(self.config.n_query_draws, self.config.seed + 3)
        changed = run(
            UnlearnPass(FisherStep(generator, fisher, draws, self.config)), queries, name="unlearning"
        )
        return score_changes(
            self.name, self.unit, self.config.score, generator, corpus, self.scoring_draws(generator), before,
            changed, queries, run,
        )  # fmt: skip


def score_changes(
    method: str,
    unit: str,
    score: str,
    generator: Generator,
    corpus: EncodedCorpus,
    draws: NoiseDraws,
    before: NDArray[np.float32],
    changed: Sequence[Weights],
    queries: Sequence[Query],
    run: Runner,
) -> list[ItemScores]:
    """Measure the corpus under each query's changed weights and turn rises into item scores."""
    compare = difference if score == "difference" else skew
    after = measure(generator, corpus, draws, changed, run, f"losses after {method}")
    results = []
    for query, losses in zip(queries, after, strict=True):
        rise = compare(before, losses)
        results.append(
            ItemScores(
                query.query_id, method, unit, corpus.item_ids, corpus.per_item(rise), rise.mean(axis=1)
            )
        )
    return results
