"""Unrolled: what every recording does to an output, by differentiating training runs step by step.

A training run on the whole corpus is a function of how much each recording weighs. Its derivative says what *every*
recording does to a query at once, which a few dozen retrainings cannot. One sweep backwards through the steps (`adjoint`)
gives, for each step, the direction u_t in which a gradient lowers the query's loss after the last step, with everything
that later steps undo. What the run's own pairs did is the exact derivative of that one run,

    own_i = 1/B Σ_t Σ_{pairs of i in t} ⟨g, u_t⟩

and what they do on average over all plans that would have gone the same way is

    τ_i = 1/N Σ_t ⟨ḡ_i(θ_t), u_t⟩ ≈ 1/N Σ_s ⟨ḡ_i(θ_s), Σ_{t in s} u_t⟩

with ḡ_i the segment's gradient averaged over noise draws, s stretches of the descent, θ_s the weights in the middle of
each. The latter is less noisy, the former follows the run more closely: the score is a weighted mean of both. Two kinds
of descents speak of different things, and both are asked: fine-tunings of the generator, of what it has learnt, and
trainings anew, of what any training on the corpus learns.

Conventions
-----------
Queries leave out silence, padding and the noisiest levels in the gradient. A score is the fall of the query's loss
for each segment of the item. Descents enter with equal spread over items. Replicates are descents times disjoint groups of
the corpus's noise draws. A generator that is not an `UntrainedGenerator` is served by fine-tunings alone.

Cost
----
Fitting: the descents. A query: a forward and backward pass for each pair that is swept. All queries share one gradient
per corpus segment, waypoint and draw. Memory: ``4 * n_waypoints * n_weights`` bytes per query.

References
----------
Ilyas and Engstrom (2025), "MAGIC: near-optimal data attribution for deep learning", arXiv:2504.16430; Engstrom et al.
(2025), arXiv:2503.13751; Bae et al. (2024), "Training data attribution via approximate unrolled differentiation"
(SOURCE), arXiv:2405.12186. Averaging over what a plan might have shown, and joining fine-tunings with trainings anew, are
ours.

Known limits
------------
First order: what leaving out half the corpus does is extrapolated. Steps and learning rates are settings, not found from
the generator. Training anew costs a training run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.gradients.per_item import items_from_segments
from linernotes.attribution.measurement import cleanest
from linernotes.attribution.repeats import distinct
from linernotes.attribution.retraining.adjoint import SweepPass
from linernotes.attribution.retraining.descent import Descent, DescentConfig, DescentPass, Plane
from linernotes.attribution.retraining.fine_tuning import FineTuneConfig
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, UntrainedGenerator

SEGMENTS_AT_ONCE = 16  # whose gradients meet all queries in one product
TINY = 1e-30
QUERIES_AT_ONCE = 48  # whose sweeps are held in memory together; more take a further pass over the corpus


def fine_tuning() -> DescentConfig:
    """Return how the generator is fine-tuned unless said otherwise: as siblings are, and swept whole."""
    return DescentConfig(FineTuneConfig(200, 32, 2e-3, 0.97, seed=5))


def training_anew() -> DescentConfig:
    """Return how an untrained network is trained unless said otherwise; the second half is swept."""
    return DescentConfig(FineTuneConfig(400, 32, 3e-3, 0.99, seed=21), anew=True, swept=0.5)


@dataclass(frozen=True, slots=True)
class UnrolledConfig:
    """Settings of the method.

    Parameters
    ----------
    n_fine_tunings, n_anew : int >= 0
        How many descents of each kind, every one with a plan of its own.
    fine_tuning, anew : DescentConfig
        How the first of each goes; seeds count up.
    n_waypoints : int >= 1
        Points of a descent at which the corpus's gradients are taken.
    n_draws, n_groups : int >= 1
        Noise draws per corpus segment and waypoint, and into how many groups they are split.
    n_query_draws : int >= 1
        Noise draws of a query.
    query_levels : float in (0, 1]
        Part of the query's draws, the least noisy first, whose gradient is taken.
    own : float in [0, 1]
        Weight of the derivative of the run as it was, beside the average over plans.
    probe : float > 0
        Where the second gradient of a difference is taken, as a part of the length of all weights.
    """

    n_fine_tunings: int = 1
    n_anew: int = 1
    fine_tuning: DescentConfig = field(default_factory=fine_tuning)
    anew: DescentConfig = field(default_factory=training_anew)
    n_waypoints: int = 5
    n_draws: int = 8
    n_groups: int = 2
    n_query_draws: int = 64
    query_levels: float = 0.75
    own: float = 0.4
    probe: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_fine_tunings, self.n_anew) < 0 or self.n_fine_tunings + self.n_anew < 1:
            raise InputError(
                f"n_fine_tunings={self.n_fine_tunings}, n_anew={self.n_anew}: expected none negative, at least one in all"
            )
        if self.fine_tuning.anew or not self.anew.anew:
            raise InputError(
                "fine_tuning and anew: expected anew=False in the former and anew=True in the latter"
            )
        if min(self.n_waypoints, self.n_query_draws) < 1:
            raise InputError(f"{self}: expected at least 1 waypoint and 1 draw")
        fewest = min(kind.tuning.n_steps - kind.first_swept for kind in (self.fine_tuning, self.anew))
        if self.n_waypoints > fewest:
            raise InputError(
                f"n_waypoints={self.n_waypoints}: expected at most the {fewest} steps that are swept"
            )
        if min(self.n_draws, self.n_groups) < 1 or self.n_draws % self.n_groups:
            raise InputError(f"n_draws={self.n_draws}: expected a multiple of n_groups={self.n_groups}")
        if not 0 < self.query_levels <= 1 or not 0 <= self.own <= 1 or self.probe <= 0:
            raise InputError(f"{self}: expected query_levels in (0, 1], own in [0, 1] and a positive probe")

    def descents(self, *, untrained: bool) -> tuple[DescentConfig, ...]:
        """Return how each descent goes; trainings anew only where the generator shows an untrained network.

        Raises
        ------
        InputError
            If that leaves none.
        """
        kinds = [self.fine_tuning] * self.n_fine_tunings + [self.anew] * (self.n_anew if untrained else 0)
        if not kinds:
            raise InputError(
                "unrolled: only trainings anew are asked for, and this generator has no 'untrained'; give its adapter that "
                "method (see UntrainedGenerator) or set n_fine_tunings to at least 1"
            )
        return tuple(
            replace(kind, tuning=replace(kind.tuning, seed=kind.tuning.seed + self.seed + number))
            for number, kind in enumerate(kinds)
        )


@dataclass(frozen=True)
class WaypointPass:
    """A fold over segment numbers: inner products of averaged gradients and the queries' sums of u.

    ``sums`` is [shape=(n_queries, n_waypoints, n_weights)]; the result [shape=(n_segments, n_queries, n_groups), float64].
    """

    generator: Generator
    corpus: EncodedCorpus
    waypoints: Tensor
    sums: Tensor
    draws: tuple[NoiseDraws, ...]
    n_groups: int

    def start(self) -> list[NDArray[np.float64]]:
        """Return no products."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[int]) -> list[NDArray[np.float64]]:
        """Differentiate one shard of segments."""
        plane = Plane(self.generator, self.corpus)
        found = np.zeros((len(items), len(self.sums), self.n_groups))
        for vector, sums, draws in zip(self.waypoints, self.sums.unbind(dim=1), self.draws, strict=True):
            plane.go_to(vector)
            along = sums.to(vector.device).T
            for group in range(self.n_groups):
                part = draws.pick(slice(group, None, self.n_groups))
                for first in range(0, len(items), SEGMENTS_AT_ONCE):
                    rows = self._slopes(plane, items[first : first + SEGMENTS_AT_ONCE], part) @ along
                    found[first : first + SEGMENTS_AT_ONCE, :, group] += rows.double().cpu().numpy()
        return [*state, found]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return all products."""
        return np.concatenate(state)

    def _slopes(self, plane: Plane, numbers: Sequence[int], draws: NoiseDraws) -> Tensor:
        made = []
        for number in numbers:
            segment = self.corpus.segments.pick([number])
            made.append(plane.slope(self.generator.losses(plane.network, segment, draws).mean()))
        return torch.stack(made)


@dataclass(frozen=True)
class _Fitted:
    generator: Generator
    corpus: EncodedCorpus
    descents: tuple[Descent, ...]


class Unrolled:
    """Influence as the derivative of training runs with respect to what they were shown."""

    name = "unrolled"
    revision = "1"
    paper = "Linernotes; after Ilyas and Engstrom (2025), arXiv:2504.16430, and Bae et al. (2024), arXiv:2405.12186"
    licence = "Apache-2.0"
    unit = "fall of the training loss"

    def __init__(self, config: UnrolledConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or UnrolledConfig(seed=seed)
        self._fitted: _Fitted | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes: what all queries of a question share, and, where asked, one query.

        Shared are the descents, their second run and the corpus's gradients. A generator that is not an
        `UntrainedGenerator` takes less.
        """
        config, passes = self.config, 0
        asked = n_query_segments * max(1, round(config.query_levels * config.n_query_draws))
        for descent in config.descents(untrained=True):
            batch, n_steps, first = descent.tuning.batch_size, descent.tuning.n_steps, descent.first_swept
            again = n_steps - first // descent.stride * descent.stride
            passes += (n_steps + again) * batch + n_segments * config.n_draws * config.n_waypoints
            passes += (n_steps - first) * batch + asked if n_query_segments else 0
        return passes, passes

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Run the descents.

        Raises
        ------
        InputError
            If a descent diverges, or none is left for this generator.
        """
        configs = self.config.descents(untrained=isinstance(generator, UntrainedGenerator))
        fold = DescentPass(generator, corpus, configs, self.config.n_waypoints)
        descents = run(fold, range(len(configs)), name="descents")
        self._fitted = _Fitted(generator, corpus, tuple(descents))

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted("unrolled: fit it on a generator and a sealed corpus first")
        fitted, results = self._fitted, []
        for first in range(0, len(queries), QUERIES_AT_ONCE):
            some = queries[first : first + QUERIES_AT_ONCE]
            parts = [self._along(fitted, place, some, run) for place in range(len(fitted.descents))]
            results += [
                items_from_segments(
                    self.name, self.unit, fitted.corpus, query,
                    joined(fitted.corpus, [part[:, number] for part in parts]),
                )
                for number, query in enumerate(some)
            ]  # fmt: skip
        return results

    def _along(
        self, fitted: _Fitted, place: int, queries: Sequence[Query], run: Runner
    ) -> NDArray[np.float64]:
        """Return what one descent says [shape=(n_segments, n_queries, n_groups)]."""
        config, generator, corpus, descent = (
            self.config,
            fitted.generator,
            fitted.corpus,
            fitted.descents[place],
        )
        asked = cleanest(generator.noise_draws(config.n_query_draws, config.seed + 3), config.query_levels)
        fold = SweepPass(generator, corpus, descent, asked, config.probe)
        swept = run(fold, queries, name=f"sweeps of descent {place + 1}")
        draws = tuple(
            generator.noise_draws(config.n_draws, config.seed + 700 + 100 * place + waypoint)
            for waypoint in range(config.n_waypoints)
        )
        numbers, place_of = distinct(corpus.segments)
        sums, own = torch.stack([one.along for one in swept]), np.stack([one.own for one in swept], axis=1)
        del swept  # as large as the sums
        products = WaypointPass(generator, corpus, descent.waypoints, sums, draws, config.n_groups)
        found = run(products, numbers, name=f"gradients along descent {place + 1}")[place_of]
        average = found / len(corpus.segments)
        mixed: NDArray[np.float64] = (1 - config.own) * average + config.own * own[:, :, None]
        return mixed


def joined(corpus: EncodedCorpus, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what several descents say [shape=(n_segments, n_replicates) each] side by side, with equal spread over items.

    The common spread is the mean of theirs, so that the unit stays.
    """
    spreads = [float(corpus.per_item(part).mean(axis=1).std()) for part in parts]
    common = float(np.mean(spreads))
    return np.concatenate(
        [part * (common / max(spread, TINY)) for part, spread in zip(parts, spreads, strict=True)], axis=1
    )
