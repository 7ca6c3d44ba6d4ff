"""The diagonal of the Fisher information: how much each weight matters to the corpus.

``F_j`` is the mean over corpus segments of the squared derivative of one segment's loss with respect
to weight j, one noise draw per segment and repeat. Unlearning divides by it, so that weights on which
all the corpus leans move little.

Assumptions
-----------
Weights are treated as independent (the off-diagonal of the Fisher is ignored), and the empirical
gradient stands for the model's own.

Cost
----
One gradient per segment and repeat.

References
----------
Kirkpatrick et al. (2017), "Overcoming catastrophic forgetting"; Wang et al. (2024), arXiv:2406.09408.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.working_copy import trainable_copy
from linernotes.generators.base import Generator, NoiseDraws

State = tuple[dict[str, Tensor], int]


@dataclass(frozen=True)
class FisherPass:
    """A fold over segment numbers that sums squared gradients in double precision.

    Segment number i uses draw ``i mod n_draws``, so that levels are spread evenly over the corpus.
    """

    generator: Generator
    corpus: EncodedCorpus
    draws: NoiseDraws

    def start(self) -> State:
        """Return sums of nothing."""
        return {}, 0

    def add(self, state: State, items: Sequence[int]) -> State:
        """Add one shard's squared gradients."""
        network = trainable_copy(self.generator)
        weights = self.generator.updatable(network)
        sums, count = {name: value.clone() for name, value in state[0].items()}, state[1]
        for number in items:
            draw = self.draws.pick([number % len(self.draws)])
            segment = self.corpus.segments.pick([number])
            loss = self.generator.losses(network, segment, draw).mean()
            for name, gradient in zip(
                weights, torch.autograd.grad(loss, list(weights.values())), strict=True
            ):
                squared = gradient.double().square()
                if name in sums:
                    sums[name] += squared
                else:
                    sums[name] = squared
        return sums, count + len(items)

    def merge(self, left: State, right: State) -> State:
        """Add two sums."""
        if not left[0] or not right[0]:
            return right if not left[0] else left
        return {name: value + right[0][name] for name, value in left[0].items()}, left[1] + right[1]

    def finish(self, state: State) -> dict[str, Tensor]:
        """Return the mean squared gradient of each weight, float32."""
        sums, count = state
        return {name: (value / max(1, count)).float() for name, value in sums.items()}
