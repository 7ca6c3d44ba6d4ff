"""The derivative of a query's loss after a descent with respect to what every step was shown: one sweep backwards.

With λ the derivative of the loss with respect to θ_t and ν that with respect to m_t, from the last step to the first:

    ν ← ν + η_t P_t λ,   u_t = (1 − β) ν,   ν ← β ν,   λ ← λ − H_t u_t + c_t ∇ℓ(θ̄)

(signs such that u_t is the way in which a gradient at step t *lowers* the query's loss). Showing a pair with gradient g
more at step t by δ of the step's mean lowers the query's loss by δ ⟨g, u_t⟩: u_t holds what step t says about every
recording, shown or not. H_t u is the difference of the step's gradient at θ_t and a little further along u, so that
nothing but first derivatives of the training loss is asked of a generator.

Conventions
-----------
``along`` is u summed over stretches of the descent, each of which has one waypoint where gradients of the corpus are
taken. ``own`` is the exact derivative of that one run: Σ_t ⟨g, u_t⟩ over the pairs that the plan showed. The result
of a query does not depend on its company.

Cost
----
Per query one forward and backward pass for each pair of what is swept. The descent is run again once per shard of queries.

References
----------
Maclaurin, Duvenaud, Adams (2015), arXiv:1502.03492; Engstrom et al. (2025), "Optimizing ML training with metagradient
descent", arXiv:2503.13751; Ilyas and Engstrom (2025), "MAGIC", arXiv:2504.16430 (attribution by such a sweep through all of
training); Bae et al. (2024), "SOURCE", arXiv:2405.12186 (stretches of training); Pearlmutter (1994), "Fast exact
multiplication by the Hessian" (its equation 1 is the difference taken here).

Known limits
------------
The metric P_t is held as it was: that other recordings would have led to another one is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.retraining.descent import Descent, Plane, Step
from linernotes.errors import InputError
from linernotes.generators.base import Generator, NoiseDraws

TINY = 1e-30


@dataclass(frozen=True)
class Swept:
    """What one sweep found.

    Parameters
    ----------
    along : Tensor [shape=(n_waypoints, n_weights)]
        u, summed over each stretch.
    own : NDArray [shape=(n_segments,), float64]
        What the pairs that the plan showed did, summed over each segment's.
    """

    along: Tensor
    own: NDArray[np.float64]


@dataclass(frozen=True)
class SweepPass:
    """A fold over queries: sweep back through the descent.

    ``probe`` is how far along u the second gradient is taken, as a part of the length of all weights.
    """

    shard_size: ClassVar[int] = 24  # queries that share the descent's second run

    generator: Generator
    corpus: EncodedCorpus
    descent: Descent
    draws: NoiseDraws
    probe: float

    def start(self) -> list[Swept]:
        """Return no sweeps."""
        return []

    def add(self, state: list[Swept], items: Sequence[Query]) -> list[Swept]:
        """Sweep one shard of queries."""
        plane, n_stretches = Plane(self.generator, self.corpus), len(self.descent.waypoints)
        slopes = self.query_slopes(plane, items)
        sums = [torch.zeros_like(self.descent.waypoints) for _ in items]
        own = np.zeros((len(items), len(self.corpus.segments)))
        for step, number, along, effects in sweep(plane, self.descent, slopes, self.probe):
            sums[number][self.descent.config.stretch_of(step.number, n_stretches)] += along
            np.add.at(own[number], step.lesson.segments, effects.double().cpu().numpy())
        for query, summed in zip(items, sums, strict=True):
            if not bool(torch.isfinite(summed).all()):
                raise InputError(
                    f"query {query.query_id}: its sweep holds values that are not numbers; expected finite losses and "
                    "weights: check the query's tokens, or take a lower learning rate"
                )
        return [*state, *(Swept(summed.cpu(), found) for summed, found in zip(sums, own, strict=True))]

    def merge(self, left: list[Swept], right: list[Swept]) -> list[Swept]:
        """Keep query order."""
        return left + right

    def finish(self, state: list[Swept]) -> list[Swept]:
        """Return one result per query."""
        return state

    def query_slopes(self, plane: Plane, queries: Sequence[Query]) -> list[Tensor]:
        """Return the gradient of each query's loss at the averaged weights; silence and padding are left out."""
        plane.go_to(self.descent.mean)
        return [self._slope(plane, query) for query in queries]

    def _slope(self, plane: Plane, query: Query) -> Tensor:
        n_segments, total = len(query.segments), torch.zeros_like(self.descent.mean)
        for number in range(n_segments):
            losses = self.generator.losses(
                plane.network, query.segments.pick([number]), self.draws, audible_only=True
            )
            total += plane.slope(losses.mean()) / n_segments
        return total


def sweep(
    plane: Plane, descent: Descent, slopes: Sequence[Tensor], probe: float
) -> Iterator[tuple[Step, int, Tensor, Tensor]]:
    """Yield for every step, the last first, and every query u and what each segment shown did [shape=(n_shown,)].

    Parameters
    ----------
    slopes : sequence of Tensor [shape=(n_weights,)]
        Each query's gradient at the averaged weights.
    """
    config, parts = descent.config, descent.config.averaging
    before = [float(parts[-1]) * slope for slope in slopes]  # λ
    drift = [torch.zeros_like(slope) for slope in slopes]  # ν
    for step in descent.backwards(plane):
        rate, length = config.tuning.rate(step.number), probe * float(step.vector.norm())
        for number, slope in enumerate(slopes):
            pushed = drift[number] + rate * step.metric * before[number]
            along, drift[number] = (1 - config.momentum) * pushed, config.momentum * pushed
            short = length / max(float(along.norm()), TINY)
            plane.go_to(step.vector + short * along)
            losses, further = plane.shown(step.lesson)
            yield step, number, along, (losses - step.losses) / (short * len(losses))
            before[number] = (
                before[number] - (further - step.slope) / short + float(parts[step.number]) * slope
            )
