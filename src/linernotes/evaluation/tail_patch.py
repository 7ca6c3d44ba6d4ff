"""Tail-patch: a few more training steps on one recording, and the same steps away from it.

A ranking claims that training on a recording made an output more likely. The cheapest way to ask again, by other
means than the ranking's, is to train a little more: from the generator's weights, take a few optimiser steps on
the recording (*learning*), and as many that climb its loss while random other recordings hold the rest in place
(*forgetting*). The answer is the difference of the output's loss between the two,

    contrast = ℓ(ẑ; θ after forgetting the recording) − ℓ(ẑ; θ after learning it),

positive when the recording makes the output more likely. What the two have in common, such as the harm that any
step does, cancels. A contrast means something only beside that of other recordings under the same noise.

Assumptions
-----------
What a few steps more or less do is a sign of what the training run did with the recording.

Conventions
-----------
Every recording gets the same number of examples, long or short. In one repeat all recordings share the noise and
the places in the recording from which examples are taken (as fractions of its length); another repeat draws all
anew. Silence is left out of the output's loss and kept in the recordings'. The climb stops at the null loss, as
in `mucs`.

Cost
----
Per recording and repeat ``3 n_steps`` passes forward and backward over ``n_examples * n_draws`` noisy segments,
and two forward over the output.

References
----------
Chang et al. (2024), "Scalable influence and fact tracing for large language model pretraining" (TrackStar),
arXiv:2410.17413, for the tail-patch score; Serrà et al. (2026), arXiv:2605.17938, for the bounded climb.

Known limits
------------
It is local: it sees neither what the recording did early in training nor that another recording would have
stepped in for it. A full answer needs retraining.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.where.localise import token_loss_generator, token_weights
from linernotes.errors import InputError
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, Segments


@dataclass(frozen=True, slots=True)
class TailPatchConfig:
    """Settings of a tail-patch."""

    n_steps: int = 4
    n_examples: int = 4
    n_draws: int = 4
    learning_rate: float = 5e-4
    n_query_draws: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.n_steps, self.n_examples, self.n_draws, self.n_query_draws)
        if min(sizes) < 1 or self.learning_rate <= 0:
            raise InputError(f"{self}: expected positive settings")


@dataclass(frozen=True, slots=True)
class Trial:
    """One recording, one repeat, and the tokens of the recording that the steps must leave out: [first, end)."""

    item: int
    repeat: int
    left_out: tuple[int, int] | None = None


def tail_patch(
    generator: Generator,
    corpus: EncodedCorpus,
    query: Query,
    trials: Sequence[Trial],
    run: Runner,
    config: TailPatchConfig | None = None,
    *,
    query_windows: tuple[tuple[int, int], ...] = (),
) -> NDArray[np.float64]:
    """Return the contrast of every trial.

    Parameters
    ----------
    generator, corpus, query
        The generator under study, what it was trained on, and its output.
    trials : sequence of Trial
        Recordings and repeats; those of one repeat share their noise.
    query_windows : tuple of (first, end)
        Windows of the output's tokens, counted over all its segments; none means the whole output.

    Returns
    -------
    NDArray [shape=(n_trials, n_windows or 1), float64]
        Contrasts, in the unit of the generator's loss.

    Raises
    ------
    UnsupportedGenerator
        If windows or left-out tokens are asked of a generator that does not tell losses by token.
    InputError
        If a trial names a recording that is not there, or leaves out all of one.
    """
    if query_windows or any(trial.left_out for trial in trials):
        token_loss_generator(generator)
    for trial in trials:
        _check(corpus, trial)
    config = config or TailPatchConfig()
    fold = TailPatchPass(generator, corpus, query, config, query_windows)
    return run(fold, list(trials), name="tail-patch")


@dataclass(frozen=True)
class TailPatchPass:
    """A fold over trials: learn and forget a recording a little, return the output's contrast."""

    generator: Generator
    corpus: EncodedCorpus
    query: Query
    config: TailPatchConfig
    query_windows: tuple[tuple[int, int], ...] = ()
    shard_size: ClassVar[int] = 1

    def start(self) -> list[NDArray[np.float64]]:
        """Return no contrasts."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[Trial]) -> list[NDArray[np.float64]]:
        """Patch one shard of trials."""
        return [*state, *(self._contrast(trial) for trial in items)]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep the order of trials."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return all contrasts [shape=(n_trials, n_windows)]."""
        return np.stack(state) if state else np.zeros((0, max(1, len(self.query_windows))))

    def _contrast(self, trial: Trial) -> NDArray[np.float64]:
        return self._query_losses(self._moved(trial, forget=True), trial.repeat) - self._query_losses(
            self._moved(trial, forget=False), trial.repeat
        )

    def _moved(self, trial: Trial, *, forget: bool) -> nn.Module:
        """Return the network after a few steps on the recording, or away from it."""
        config = self.config
        network = copy.deepcopy(self.generator.network).eval().requires_grad_(False)
        weights = self.generator.updatable(network)
        for weight in weights.values():
            weight.requires_grad_(True)
        optimiser = torch.optim.Adam(weights.values(), lr=config.learning_rate, betas=(0.9, 0.99))
        own = np.flatnonzero(self.corpus.item_of == trial.item)
        others = np.flatnonzero(self.corpus.item_of != trial.item)
        random = np.random.default_rng([config.seed, trial.repeat])
        for _ in range(config.n_steps):
            places, retain_places = random.random(config.n_examples), random.random(config.n_examples)
            draws = self.generator.noise_draws(config.n_draws, int(random.integers(2**31)))
            objective = self._loss(network, _at(own, places), draws, trial, bounded=forget)
            if forget:
                objective = -objective
                if len(others):
                    retained = self.corpus.segments.pick(_at(others, retain_places))
                    objective = objective + self.generator.losses(network, retained, draws).mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(objective)
            optimiser.step()
        return network.requires_grad_(False)

    def _loss(
        self, network: nn.Module, numbers: list[int], draws: NoiseDraws, trial: Trial, *, bounded: bool
    ) -> Tensor:
        segments = self.corpus.segments.pick(numbers)
        if trial.left_out is None:
            losses = self.generator.losses(network, segments, draws)
            if bounded:
                losses = torch.minimum(losses, self.generator.null_losses(segments, draws))
            return losses.mean()
        per_token = token_loss_generator(self.generator).token_losses(network, segments, draws)
        kept = self._kept(numbers, trial)[:, None].expand_as(per_token)
        return (per_token * kept).sum() / kept.sum().clamp_min(1.0)

    def _kept(self, numbers: list[int], trial: Trial) -> Tensor:
        """Return which tokens count [shape=(n_segments, n_tokens), float32]."""
        n_tokens = self.corpus.segments.latents.shape[1]
        own = np.flatnonzero(self.corpus.item_of == trial.item)
        position = torch.from_numpy(np.searchsorted(own, numbers))
        place = position[:, None] * n_tokens + torch.arange(n_tokens)
        first, end = trial.left_out or (0, 0)
        return ((place < first) | (place >= end)).float()

    def _query_losses(self, network: nn.Module, repeat: int) -> NDArray[np.float64]:
        random = np.random.default_rng([self.config.seed, repeat, 1])
        draws = self.generator.noise_draws(self.config.n_query_draws, int(random.integers(2**31)))
        with torch.no_grad():
            if not self.query_windows:
                losses = self.generator.losses(network, self.query.segments, draws, audible_only=True)
                return np.array([float(losses.double().mean())])
            teller = token_loss_generator(self.generator)
            per_token = teller.token_losses(network, self.query.segments, draws).double().mean(dim=1)
        flat = (per_token * _importance(self.query.segments)).flatten()
        return np.array([float(flat[first:end].sum()) for first, end in self.query_windows])


def _importance(segments: Segments) -> Tensor:
    return token_weights(segments).double()


def _at(numbers: NDArray[np.int64], places: NDArray[np.float64]) -> list[int]:
    """Return the numbers at these fractions of the list: the same places in long and short recordings."""
    return [int(numbers[int(place * len(numbers))]) for place in places]


def _check(corpus: EncodedCorpus, trial: Trial) -> None:
    if not 0 <= trial.item < len(corpus.item_ids):
        raise InputError(f"recording number {trial.item}: expected 0 to {len(corpus.item_ids) - 1}")
    if trial.left_out is None:
        return
    n_tokens = int((corpus.item_of == trial.item).sum()) * corpus.segments.latents.shape[1]
    first, end = trial.left_out
    if not 0 <= first < end <= n_tokens or end - first == n_tokens:
        raise InputError(
            f"{corpus.item_ids[trial.item]}: tokens {first} to {end} left out of {n_tokens}; "
            "expected a part of the recording, not all of it"
        )
