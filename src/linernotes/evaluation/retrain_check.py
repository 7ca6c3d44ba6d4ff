"""Testing a claim by retraining: train again without the recording, and hear whether the output is less likely.

The full answer, and the dear one. In each repeat one model is trained without the claim and one without a matched
recording, with the same seed; the claim wins when the output's loss is higher without it. What the full model
scores is not needed: it would be the same on both sides.

Assumptions
-----------
The recipe on the generator's card is the one that made it.

Cost
----
One whole training run per recording and repeat.

References
----------
As `counterfactuals`; Feldman and Zhang (2020), "What neural networks memorize and why", for leaving one out.

Known limits
------------
Taking one of many recordings away moves a loss less than another seed does; a claim may stay undecided after hours
and be right all the same. Trained are the files of the sealed corpus that the generator names, on this machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from linernotes.evaluation.counterfactuals import load_network, query_losses, train_subset_model
from linernotes.evaluation.tail_patch import Trial
from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference.network import NetworkConfig
from linernotes.generators.reference.training import Recipe, TrainingItem

FIRST_SEED = 50_000  # apart from the seeds of generators and of measured reliability


@dataclass(frozen=True)
class RetrainWithoutPass:
    """A fold over trials: train without one recording, return the output's loss [shape=(n_trials, 1)]."""

    items: tuple[TrainingItem, ...]
    network: NetworkConfig
    recipe: Recipe
    query: Segments
    draws: NoiseDraws
    seed: int = 0
    shard_size: ClassVar[int] = 1

    def start(self) -> list[NDArray[np.float64]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float64]], items: Sequence[Trial]) -> list[NDArray[np.float64]]:
        """Train and measure one shard of trials."""
        return [*state, *(self._loss(trial) for trial in items)]

    def merge(
        self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """Keep the order of trials."""
        return left + right

    def finish(self, state: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return all losses."""
        return np.stack(state) if state else np.zeros((0, 1))

    def _loss(self, trial: Trial) -> NDArray[np.float64]:
        included = np.arange(len(self.items)) != trial.item
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "without.safetensors"
            seed = FIRST_SEED + 1000 * self.seed + trial.repeat
            train_subset_model(self.items, included, self.recipe, self.network.n_tokens, seed, path)
            network = load_network(path, self.network)
        return query_losses(network, [self.query], self.draws).astype(np.float64)
