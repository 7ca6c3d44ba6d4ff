"""Short fine-tunings of a generator on parts of its corpus, and losses of queries under them.

Conventions
-----------
A sibling is kept as its weights, all of which move, averaged over the last steps. Each step sees ``batch_size``
segments, each under a draw of its own where the generator offers ``paired_losses``; otherwise a grid of as many
pairs, of a quarter of the segments under four draws.

Cost
----
``n_steps`` forward and backward passes over ``batch_size`` pairs per sibling.

Known limits
------------
Segments are those of the encoded corpus, not new crops.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.measurement import Weights, network_with
from linernotes.generators.base import Generator, NoiseDraws, PairedLossGenerator

WARM_UP_STEPS = 10
DRAWS_OF_A_GRID = 4  # where losses come only as a grid of segments and draws


@dataclass(frozen=True, slots=True)
class FineTuneConfig:
    """How a sibling is fine-tuned: AdamW with warm-up and cosine decay, weights averaged."""

    n_steps: int
    batch_size: int
    learning_rate: float
    average: float
    seed: int

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, from 0."""
        if step < WARM_UP_STEPS:
            return self.learning_rate * (step + 1) / WARM_UP_STEPS
        done = (step - WARM_UP_STEPS) / max(1, self.n_steps - WARM_UP_STEPS)
        return self.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class FineTunePass:
    """A fold over numbers of siblings: fine-tune each on the items that it is shown.

    ``shown`` is [shape=(n_siblings, n_items), bool].
    """

    shard_size: ClassVar[int] = 1

    generator: Generator
    corpus: EncodedCorpus
    shown: NDArray[np.bool_]
    config: FineTuneConfig

    def start(self) -> list[Weights]:
        """Return no siblings."""
        return []

    def add(self, state: list[Weights], items: Sequence[int]) -> list[Weights]:
        """Fine-tune one shard of siblings."""
        return [*state, *(self._fine_tune(number) for number in items)]

    def merge(self, left: list[Weights], right: list[Weights]) -> list[Weights]:
        """Keep order."""
        return left + right

    def finish(self, state: list[Weights]) -> list[Weights]:
        """Return the changed weights of each sibling."""
        return state

    def _fine_tune(self, number: int) -> Weights:
        config, generator = self.config, self.generator
        network = copy.deepcopy(generator.network).eval().requires_grad_(True)
        weights = dict(network.named_parameters())  # all of them: this is training, not unlearning
        averaged = {name: weight.detach().clone() for name, weight in weights.items()}
        optimiser = torch.optim.AdamW(
            weights.values(), lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.99)
        )
        pool = np.flatnonzero(self.shown[number][self.corpus.item_of])
        random = np.random.default_rng([config.seed, number])
        for step in range(config.n_steps):
            loss = self._loss(network, pool, random)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            for group in optimiser.param_groups:
                group["lr"] = config.rate(step)
            optimiser.step()
            for name, weight in weights.items():
                averaged[name].lerp_(weight.detach(), 1 - min(config.average, (1 + step) / (10 + step)))
        return averaged

    def _loss(self, network: nn.Module, pool: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        size, generator, segments = self.config.batch_size, self.generator, self.corpus.segments
        paired = isinstance(generator, PairedLossGenerator)
        n_draws = size if paired else min(size, DRAWS_OF_A_GRID)
        chosen = segments.pick(random.choice(pool, size=size if paired else max(1, size // n_draws)).tolist())
        draws = generator.noise_draws(n_draws, int(random.integers(2**31)))
        if isinstance(generator, PairedLossGenerator):
            return generator.paired_losses(network, chosen, draws).mean()
        return generator.losses(network, chosen, draws).mean()


@dataclass(frozen=True)
class SiblingLossPass:
    """A fold over queries: the loss of each under every sibling, for every group of draws.

    Groups are those of `linernotes.attribution.gradients.QueryGradientPass`.
    """

    generator: Generator
    siblings: tuple[Weights, ...]
    draws: NoiseDraws
    n_groups: int

    def start(self) -> list[NDArray[np.float64]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[Query]) -> list[NDArray[np.float64]]:
        """Measure one shard of queries [shape=(n_siblings, n_groups) each]."""
        tables = [np.zeros((len(self.siblings), self.n_groups)) for _ in items]
        with torch.no_grad():
            for number, weights in enumerate(self.siblings):
                network = network_with(self.generator, weights)
                for table, query in zip(tables, items, strict=True):
                    losses = self.generator.losses(network, query.segments, self.draws).double().mean(dim=0)
                    table[number] = losses.reshape(-1, self.n_groups).mean(dim=0).numpy()
        return [*state, *tables]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep query order."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """Return one table per query [shape=(n_siblings, n_groups)]."""
        return state
