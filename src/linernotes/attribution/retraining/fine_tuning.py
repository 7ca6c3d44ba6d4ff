"""Short fine-tunings of a generator on parts of its corpus, and losses of queries under them.

All siblings follow one *lesson plan*: which segments each step shows, in which order, under which noise. A sibling
skips what it is not to be shown, and nothing takes its place. What two siblings share happens to both alike, so that
they differ by what one was shown and the other was not, and by little else (common random numbers).

Conventions
-----------
A sibling is kept as its weights, all of which move, averaged over the last steps. The plan goes through the corpus
again and again, in another order each time, ``batch_size`` pairs a step, of which a sibling sees those that it is shown.
Each segment has a draw of its own where the generator offers ``paired_losses``; otherwise a step is a grid of a quarter
of the segments under four draws. The sum of losses is divided by the number of pairs that siblings are shown on average, so
that a pair weighs the same in every sibling.

Cost
----
``n_steps`` forward and backward passes per sibling, over as much of ``batch_size`` pairs as it is shown.

References
----------
Glasserman and Yao (1992), "Some guidelines and guarantees for common random numbers", Management Science 38(6).

Known limits
------------
Segments are those of the encoded corpus, not new crops.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.measurement import Weights, network_with
from linernotes.attribution.working_copy import working_copy
from linernotes.generators.base import Generator, NoiseDraws, PairedLossGenerator

WARM_UP_STEPS = 10
DRAWS_OF_A_GRID = 4  # where losses come only as a grid of segments and draws


@dataclass(frozen=True, slots=True)
class FineTuneConfig:
    """How a sibling is fine-tuned: AdamW with warm-up, weights averaged.

    Parameters
    ----------
    batch_size : int >= 1
        Planned pairs of a step.
    average : float in (0, 1)
        Of the weights: how much of the average stays at each step.
    one_plan : bool
        All siblings follow one plan, or each has its own.
    decay : bool
        The rate falls to 2 % as a cosine, or stays.
    """

    n_steps: int
    batch_size: int
    learning_rate: float
    average: float
    seed: int
    one_plan: bool = True
    decay: bool = True

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, from 0."""
        if step < WARM_UP_STEPS:
            return self.learning_rate * (step + 1) / WARM_UP_STEPS
        if not self.decay:
            return self.learning_rate
        done = (step - WARM_UP_STEPS) / max(1, self.n_steps - WARM_UP_STEPS)
        return self.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class Lesson:
    """What one step shows: each segment under its own draw, or all under all draws where losses come as a grid."""

    segments: list[int]
    draws: NoiseDraws
    n_planned: int
    paired: bool

    def loss(self, generator: Generator, network: nn.Module, corpus: EncodedCorpus) -> Tensor:
        """Return the sum over what is shown, divided by how many pairs were planned."""
        chosen = corpus.segments.pick(self.segments)
        if self.paired:
            paired = cast("PairedLossGenerator", generator)
            return paired.paired_losses(network, chosen, self.draws).sum() / self.n_planned
        return generator.losses(network, chosen, self.draws).sum() / self.n_planned

    def losses(self, generator: Generator, network: nn.Module, corpus: EncodedCorpus) -> Tensor:
        """Return the loss of each segment that is shown, the mean over its draws [shape=(n_shown,)]."""
        chosen = corpus.segments.pick(self.segments)
        if self.paired:
            return cast("PairedLossGenerator", generator).paired_losses(network, chosen, self.draws)
        return generator.losses(network, chosen, self.draws).mean(dim=1)


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
        network = working_copy(generator.network).requires_grad_(True)
        weights = dict(network.named_parameters())  # all of them: this is training, not unlearning
        averaged = {name: weight.detach().clone() for name, weight in weights.items()}
        optimiser = torch.optim.AdamW(
            weights.values(), lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.99), fused=True
        )
        share = float(self.shown.mean())  # so that a pair weighs the same in every sibling
        for step, lesson in enumerate(self.lessons(number)):
            if not lesson.segments:
                continue  # nothing of this step is shown to this sibling
            loss = lesson.loss(generator, network, self.corpus) / share
            for group in optimiser.param_groups:
                group["lr"] = config.rate(step)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            for name, weight in weights.items():
                averaged[name].lerp_(weight.detach(), 1 - min(config.average, (1 + step) / (10 + step)))
        return averaged

    def lessons(self, number: int) -> Iterator[Lesson]:
        """Follow the plan, keeping of each step what this sibling is shown."""
        config, generator, n_segments = self.config, self.generator, len(self.corpus.segments)
        paired = isinstance(generator, PairedLossGenerator)
        n_draws = config.batch_size if paired else min(config.batch_size, DRAWS_OF_A_GRID)
        size = n_draws if paired else max(1, config.batch_size // n_draws)
        random = np.random.default_rng(config.seed if config.one_plan else [config.seed, number])
        order = _again_and_again(n_segments, size * config.n_steps, random)
        is_shown = self.shown[number][self.corpus.item_of[order]]
        for first in range(0, len(order), size):
            draws = generator.noise_draws(n_draws, int(random.integers(2**31)))
            here = np.flatnonzero(is_shown[first : first + size])
            own = random.permutation(n_draws)  # levels are in order, segments must not meet them so
            yield Lesson(
                order[first + here].tolist(),
                draws.pick(own[here].tolist()) if paired else draws,
                n_planned=size if paired else size * n_draws,
                paired=paired,
            )


def _again_and_again(n_segments: int, length: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the whole corpus in one order after another, cut at a length."""
    passes = [random.permutation(n_segments) for _ in range(-(-length // n_segments))]
    return np.concatenate(passes)[:length]


@dataclass(frozen=True)
class SiblingLossPass:
    """A fold over queries: the loss of each under every sibling, for every group of draws.

    Groups are those of `linernotes.attribution.gradients.per_item.QueryGradientPass`.
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
