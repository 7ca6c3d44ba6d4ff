"""MUCS: bounded mirrored unlearning with a noise-consistent skew.

The output is forgotten by several optimiser steps that climb its loss while random training segments
hold the rest of the model in place. The climb is bounded: a noisy copy of the output whose loss has
reached that of an untrained network stops pulling. Items are then scored by the skew of their losses
per noise draw.

    minimise  ℓ(random training segments) − λ · mean_k min(ℓ_k(ẑ), ℓ_null,k)

Conventions
-----------
As in `unlearning`: silence is masked in the loss that is climbed, and kept in the losses that are scored.

Cost
----
``n_steps`` forward and backward passes over ``2 * batch_size`` noisy segments per query, then one pass
over the corpus shared by all queries.

References
----------
Serrà et al. (2026), "MUCS", arXiv:2605.17938.

Known limits
------------
We depart from the paper in four ways: the null loss is exact per draw rather than the mean of a freshly
initialised network; all transformer layers move rather than perceptron weights alone, because for music
layer choice mattered (Choi et al., 2025); noise levels for scoring are stratified over the training
distribution, because the generator is a rectified flow; and a retain batch is a quarter as many segments under
four shared draws each, because an adapter's losses come as a full grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.measurement import UnlearnPass, Weights, measure
from linernotes.attribution.unlearning.diagonal import score_changes
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True, slots=True)
class MucsConfig:
    """Settings of bounded mirrored unlearning."""

    n_steps: int = 40
    batch_size: int = 32
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    forget_weight: float = 0.2
    tolerance: float = 0.05
    n_scoring_draws: int = 16
    score: str = "skew"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.score not in ("difference", "skew"):
            raise InputError(f"score='{self.score}': expected 'difference' or 'skew'")
        if min(self.n_steps, self.batch_size) < 1 or self.n_scoring_draws < 2 or self.forget_weight <= 0:
            raise InputError(f"{self}: expected positive settings and at least 2 scoring draws")


@dataclass(frozen=True)
class BoundedUnlearning:
    """The weights after forgetting a query within the bound."""

    generator: Generator
    corpus: EncodedCorpus
    config: MucsConfig

    def __call__(self, query: Query) -> Weights:
        """Return the changed weights."""
        config, generator = self.config, self.generator
        network = trainable_copy(generator)
        weights = generator.updatable(network)
        optimiser = torch.optim.AdamW(
            weights.values(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        random = np.random.default_rng(config.seed)
        per_segment = max(1, config.batch_size // len(query.segments))
        for step in range(config.n_steps):
            draws = generator.noise_draws(per_segment, int(random.integers(2**31)))
            forget = generator.losses(network, query.segments, draws, audible_only=True)
            bound = generator.null_losses(query.segments, draws, audible_only=True)
            if step and float(forget.detach().mean()) >= (1 - config.tolerance) * float(bound.mean()):
                break
            chosen = random.integers(len(self.corpus.segments), size=config.batch_size)
            retain = self._retain_loss(network, chosen, int(random.integers(2**31)))
            objective = retain - config.forget_weight * torch.minimum(forget, bound).mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(objective)
            optimiser.step()
        return {name: weight.detach() for name, weight in weights.items()}

    def _retain_loss(self, network: torch.nn.Module, chosen: NDArray[np.int64], seed: int) -> torch.Tensor:
        # a few draws shared by the batch: the adapter's losses are a full grid of segments and draws
        n_draws = 4
        draws = self.generator.noise_draws(n_draws, seed)
        segments = self.corpus.segments.pick(list(chosen[: max(1, len(chosen) // n_draws)]))
        return self.generator.losses(network, segments, draws).mean()


class Mucs:
    """Bounded mirrored unlearning with a noise-consistent skew, after Serrà et al. (2026)."""

    name = "mucs"
    revision = "1"
    paper = "Serrà et al. (2026), arXiv:2605.17938"
    licence = "Apache-2.0"

    def __init__(self, config: MucsConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or MucsConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, NDArray[np.float32]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        return "skew of the training loss" if self.config.score == "skew" else "rise of the training loss"

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Measure the corpus under the generator as it is."""
        draws = generator.noise_draws(self.config.n_scoring_draws, self.config.seed + 1)
        before = measure(generator, corpus, draws, [{}], run, "losses before")[0]
        self._fitted = generator, corpus, before

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Unlearn each query and score every item.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, before = self._fitted
        changed = run(
            UnlearnPass(BoundedUnlearning(generator, corpus, self.config)), queries, name="unlearning"
        )
        draws = generator.noise_draws(self.config.n_scoring_draws, self.config.seed + 1)
        return score_changes(
            self.name, self.unit, self.config.score, generator, corpus, draws, before, changed, queries, run
        )
