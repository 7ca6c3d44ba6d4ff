"""Ground truth: train every job of the plan, then take every query's loss under every model.

    python -m benchmarks.counterfactual retrain MODELS [--workers 2] [--device cuda]

Resumable: a model whose weights lie in MODELS is not trained again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from benchmarks.counterfactual.pack import RECIPE, Pack, training_items
from linernotes.evaluation.counterfactuals import load_network, query_losses, train_subset_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.counterfactual.plan import Job
    from linernotes.folds import Runner
    from linernotes.generators.base import NoiseDraws, Segments
    from linernotes.generators.reference.network import NetworkConfig
    from linernotes.generators.reference.training import TrainingItem

N_DRAWS = 32
DRAW_SEED = 77


@dataclass(frozen=True)
class TrainAndScorePass:
    """A fold over jobs: train one model unless it is there, and return every query's loss under it."""

    shard_size: ClassVar[int] = 1

    items: tuple[TrainingItem, ...]
    network: NetworkConfig
    queries: tuple[Segments, ...]
    draws: NoiseDraws
    models: Path
    device: str = "cpu"

    def start(self) -> list[NDArray[np.float32]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[Job]) -> list[NDArray[np.float32]]:
        """Train and score one shard of jobs."""
        return [*state, *(self._losses(job) for job in items)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return losses [shape=(n_jobs, n_queries), float32]."""
        return np.stack(state)

    def _losses(self, job: Job) -> NDArray[np.float32]:
        path = self.models / f"{job.name}.safetensors"
        train_subset_model(
            self.items, job.included, RECIPE, self.network.n_tokens, job.seed, path, self.device
        )
        return query_losses(load_network(path, self.network), self.queries, self.draws)


def losses_of(
    pack: Pack, jobs: Sequence[Job], queries: Sequence[int], models: Path, run: Runner, device: str = "cpu"
) -> NDArray[np.float32]:
    """Return the loss of some queries, places in the pack, under every job's model.

    Returns
    -------
    NDArray [shape=(n_jobs, n_queries), float32]
    """
    fold = TrainAndScorePass(
        tuple(training_items(pack.items, pack.corpus)),
        pack.generator.network.config,
        tuple(pack.queries[place].segments for place in queries),
        pack.generator.noise_draws(N_DRAWS, DRAW_SEED),
        models,
        device,
    )
    return run(fold, list(jobs), name="retraining")
