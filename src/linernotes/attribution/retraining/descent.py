"""A training run that can be differentiated: descent with momentum in a metric of its own, on the whole corpus.

    m_{t+1} = β m_t + (1 − β) g_t,   v_{t+1} = β₂ v_t + (1 − β₂) g_t²,   θ_{t+1} = θ_t − η_t P_t m_{t+1},   θ̄ = Σ_t c_t θ_t

g_t is the gradient of the mean loss over what step t shows, P_t = 1 / (1 − βᵗ⁺¹) (s_t + φ mean s_t) with
s_t² = v_{t+1} / (1 − β₂ᵗ⁺¹) is Adam's metric with a floor φ, η_t a rate with warm-up and decay, and θ̄ the average of
weights that the run ends in. With P_t held as it was, everything is linear in the gradients, so that the derivative of
what comes out with respect to what went in needs no more than the Hessians along the way (`adjoint`).

Conventions
-----------
A network's weights, all of them, are one vector [shape=(n_weights,)], on the device where the generator's lie. A
descent starts from the generator (a fine-tuning) or *anew* from an untrained network, where the generator offers one. It is
kept as the state at every k-th step, k about √n_steps, and run again from there where the steps in between are
wanted (checkpointing).

Cost
----
``n_steps`` forward and backward passes over ``batch_size`` pairs; memory: ``3 √n_steps`` vectors, and
as many again while it is seen backwards.

References
----------
Maclaurin, Duvenaud, Adams (2015), "Gradient-based hyperparameter optimization through reversible learning"; Griewank
(1992), "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation"
(checkpointing); Kingma and Ba (2015), "Adam".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig, FineTunePass, Lesson
from linernotes.attribution.working_copy import working_copy
from linernotes.errors import InputError
from linernotes.generators.base import Generator, UntrainedGenerator

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class DescentConfig:
    """How one descent goes.

    Parameters
    ----------
    tuning : FineTuneConfig
        Steps, batch, rate, averaging and the seed of the plan.
    anew : bool
        Whether it starts from an untrained network; else from the generator.
    swept : float in (0, 1]
        The part of its steps, the last ones, that `adjoint` goes back through.
    momentum, memory : float in [0, 1)
        β and β₂.
    floor : float > 0
        φ: keeps weights whose gradients are small from running away.
    """

    tuning: FineTuneConfig
    anew: bool = False
    swept: float = 1.0
    momentum: float = 0.9
    memory: float = 0.99
    floor: float = 0.1

    def __post_init__(self) -> None:
        if self.tuning.n_steps < 1 or self.tuning.batch_size < 1 or self.tuning.learning_rate <= 0:
            raise InputError(f"{self.tuning}: expected at least 1 step and 1 pair, and a positive rate")
        if not 0 < self.swept <= 1 or self.floor <= 0:
            raise InputError(
                f"swept={self.swept}, floor={self.floor}: expected swept in (0, 1] and a positive floor"
            )
        if not 0 <= self.momentum < 1 or not 0 <= self.memory < 1:
            raise InputError(f"momentum={self.momentum}, memory={self.memory}: expected both in [0, 1)")

    @property
    def first_swept(self) -> int:
        """Return the number of the first step that is swept."""
        return self.tuning.n_steps - max(1, round(self.swept * self.tuning.n_steps))

    @property
    def averaging(self) -> NDArray[np.float64]:
        """Return the part c_t of each step's weights in the average [shape=(n_steps + 1,), float64], which sum to 1.

        Examples
        --------
        >>> config = DescentConfig(FineTuneConfig(n_steps=2, batch_size=1, learning_rate=0.1, average=0.5, seed=0))
        >>> config.averaging.round(3).tolist()
        [0.018, 0.164, 0.818]
        """
        parts = np.zeros(self.tuning.n_steps + 1)
        parts[0] = 1.0
        for step in range(self.tuning.n_steps):
            new = 1 - min(self.tuning.average, (1 + step) / (10 + step))
            parts *= 1 - new
            parts[step + 1] = new
        return parts

    def stretch_of(self, number: int, n_stretches: int) -> int:
        """Return which of as many equal stretches of what is swept a step lies in.

        Examples
        --------
        >>> config = DescentConfig(FineTuneConfig(12, 1, 0.1, 0.5, seed=0), swept=0.5)
        >>> [config.stretch_of(number, 3) for number in range(6, 12)]
        [0, 0, 1, 1, 2, 2]
        """
        return (number - self.first_swept) * n_stretches // (self.tuning.n_steps - self.first_swept)

    def middles(self, n_stretches: int) -> list[int]:
        """Return the step in the middle of each stretch."""
        length = self.tuning.n_steps - self.first_swept
        return [self.first_swept + int((place + 0.5) * length / n_stretches) for place in range(n_stretches)]

    @property
    def stride(self) -> int:
        """Return how many steps lie between two that are kept."""
        return max(1, round(math.sqrt(self.tuning.n_steps)))


class Plane:
    """A copy of a network whose weights are read, set and differentiated as one vector."""

    def __init__(self, generator: Generator, corpus: EncodedCorpus, network: nn.Module | None = None) -> None:
        self.generator, self.corpus = generator, corpus
        chosen = generator.network if network is None else network
        self.network: nn.Module = working_copy(chosen).requires_grad_(True)
        self.weights = list(self.network.parameters())
        self.sizes = [weight.numel() for weight in self.weights]

    def vector(self) -> Tensor:
        """Return the weights."""
        return torch.cat([weight.detach().flatten() for weight in self.weights])

    def go_to(self, vector: Tensor) -> None:
        """Set the weights."""
        with torch.no_grad():
            for weight, part in zip(self.weights, torch.split(vector, self.sizes), strict=True):
                weight.copy_(part.view_as(weight))

    def slope(self, loss: Tensor) -> Tensor:
        """Return the gradient of a loss."""
        parts = torch.autograd.grad(loss, self.weights, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])

    def shown(self, lesson: Lesson) -> tuple[Tensor, Tensor]:
        """Return the loss of each segment that a step shows [shape=(n_shown,)] and the gradient of their mean."""
        losses = lesson.losses(self.generator, self.network, self.corpus)
        return losses.detach(), self.slope(losses.mean())


@dataclass(frozen=True)
class State:
    """Where a descent stands before a step: θ, m and v."""

    vector: Tensor
    drift: Tensor
    squares: Tensor

    def next(self, config: DescentConfig, number: int, slope: Tensor) -> tuple[State, Tensor]:
        """Return the state after a step, and the step's metric."""
        drift = config.momentum * self.drift + (1 - config.momentum) * slope
        squares = config.memory * self.squares + (1 - config.memory) * slope.square()
        size = (squares / (1 - config.memory ** (number + 1))).sqrt()
        metric = 1.0 / ((1 - config.momentum ** (number + 1)) * (size + config.floor * size.mean() + TINY))
        return State(self.vector - config.tuning.rate(number) * metric * drift, drift, squares), metric


@dataclass(frozen=True)
class Step:
    """One step of a descent: where it stood, what it was shown with which losses and gradient, and its metric."""

    number: int
    vector: Tensor
    lesson: Lesson
    losses: Tensor
    slope: Tensor
    metric: Tensor


@dataclass(frozen=True)
class Descent:
    """A descent that was run.

    Parameters
    ----------
    kept : tuple of State
        Every ``config.stride``-th.
    waypoints : Tensor [shape=(n_waypoints, n_weights)]
        θ in the middle of each stretch of what is swept.
    mean : Tensor [shape=(n_weights,)]
        θ̄.
    """

    config: DescentConfig
    kept: tuple[State, ...]
    waypoints: Tensor
    mean: Tensor

    def backwards(self, plane: Plane) -> Iterator[Step]:
        """Yield every step that is swept, the last first."""
        stride, lessons = self.config.stride, list(lessons_of(plane, self.config))
        for place in reversed(range(self.config.first_swept // stride, len(self.kept))):
            steps = list(self._again(plane, place * stride, lessons[place * stride : (place + 1) * stride]))
            yield from (step for step in reversed(steps) if step.number >= self.config.first_swept)

    def _again(self, plane: Plane, first: int, lessons: Sequence[Lesson]) -> Iterator[Step]:
        state = self.kept[first // self.config.stride]
        for number, lesson in enumerate(lessons, start=first):
            plane.go_to(state.vector)
            losses, slope = plane.shown(lesson)
            after, metric = state.next(self.config, number, slope)
            yield Step(number, state.vector, lesson, losses, slope, metric)
            state = after


@dataclass(frozen=True)
class DescentPass:
    """A fold over numbers of descents: run each."""

    shard_size: ClassVar[int] = 1

    generator: Generator
    corpus: EncodedCorpus
    configs: tuple[DescentConfig, ...]
    n_waypoints: int

    def start(self) -> list[Descent]:
        """Return no descents."""
        return []

    def add(self, state: list[Descent], items: Sequence[int]) -> list[Descent]:
        """Run one shard of descents."""
        return [*state, *(self._run(self.configs[number]) for number in items)]

    def merge(self, left: list[Descent], right: list[Descent]) -> list[Descent]:
        """Keep order."""
        return left + right

    def finish(self, state: list[Descent]) -> list[Descent]:
        """Return the descents."""
        return state

    def _run(self, config: DescentConfig) -> Descent:
        plane = Plane(self.generator, self.corpus, _start(self.generator, config))
        vector, parts, middles = plane.vector(), config.averaging, config.middles(self.n_waypoints)
        state = State(vector, torch.zeros_like(vector), torch.zeros_like(vector))
        mean, kept, waypoints = float(parts[0]) * vector, [], {}
        for number, lesson in enumerate(lessons_of(plane, config)):
            if number % config.stride == 0:
                kept.append(state)
            if number in middles:
                waypoints[number] = state.vector
            state, _ = state.next(config, number, plane.shown(lesson)[1])
            plane.go_to(state.vector)
            mean = mean + float(parts[number + 1]) * state.vector
        if not bool(torch.isfinite(mean).all()):
            raise InputError(
                f"learning_rate={config.tuning.learning_rate}: the descent diverged; expected a rate at which this "
                "generator's training stays finite: try a tenth of it, and check that its weights and tokens are finite"
            )
        return Descent(config, tuple(kept), torch.stack([waypoints[number] for number in middles]), mean)


def lessons_of(plane: Plane, config: DescentConfig) -> Iterator[Lesson]:
    """Return the lesson plan of a descent: every item is shown."""
    everything = np.ones((1, len(plane.corpus.item_ids)), dtype=bool)
    return FineTunePass(plane.generator, plane.corpus, everything, config.tuning).lessons(0)


def _start(generator: Generator, config: DescentConfig) -> nn.Module | None:
    if not config.anew:
        return None
    if not isinstance(generator, UntrainedGenerator):
        raise InputError(
            f"generator {generator.generator_id}: it has no 'untrained', which a descent anew starts from; give its "
            "adapter that method (see UntrainedGenerator) or ask for fine-tunings alone"
        )
    place = next(generator.network.parameters()).device
    return generator.untrained(config.tuning.seed).to(place)
