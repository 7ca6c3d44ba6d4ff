"""Ground truth for influence: generators retrained on random halves of the corpus.

Each subset of recordings is trained on with several seeds; every model then scores every query under
one shared list of noise draws. How the query's loss moves with who was in the subset is what an
influence score claims to predict.

Conventions
-----------
``inclusion`` is ``[shape=(n_subsets, n_items), bool]``; ``losses`` is
``[shape=(n_subsets, n_seeds, n_queries), float32]``, mean over draws and segments, smaller is more likely.

Cost
----
One training run per subset and seed. Finished models are kept, so an interrupted run continues.

References
----------
Ilyas et al. (2022), "Datamodels"; Park et al. (2023), "TRAK"; Zheng et al. (2024), "Intriguing
properties of data attribution on diffusion models".
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from linernotes.generators.base import NoiseDraws, Segments
from linernotes.generators.reference import flow
from linernotes.generators.reference.network import Network, NetworkConfig
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network


def draw_subsets(n_items: int, n_subsets: int, alpha: float, seed: int) -> NDArray[np.bool_]:
    """Return which items each subset holds [shape=(n_subsets, n_items), bool], each exactly ``alpha * n_items``.

    Examples
    --------
    >>> draw_subsets(6, 3, 0.5, seed=0).sum(axis=1).tolist()
    [3, 3, 3]
    """
    random = np.random.default_rng(seed)
    inclusion = np.zeros((n_subsets, n_items), dtype=bool)
    for row in inclusion:
        row[random.permutation(n_items)[: round(alpha * n_items)]] = True
    return inclusion


def train_subset_model(
    items: Sequence[TrainingItem],
    included: NDArray[np.bool_],
    recipe: Recipe,
    n_segment_tokens: int,
    seed: int,
    path: Path,
    device: str = "cpu",
) -> Path:
    """Train on the included items with one seed, unless *path* already holds the weights."""
    from safetensors.torch import save_file

    if path.is_file():
        return path
    chosen = [item for item, wanted in zip(items, included, strict=True) if wanted]
    network = train_network(chosen, dataclasses.replace(recipe, seed=seed), n_segment_tokens, device=device)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(network.state_dict(), partial)
    os.replace(partial, path)
    return path


def load_network(path: Path, config: NetworkConfig) -> Network:
    """Read one retrained network."""
    from safetensors.torch import load_file

    network = Network(config)
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)


@torch.no_grad()
def query_losses(network: Network, queries: Sequence[Segments], draws: NoiseDraws) -> NDArray[np.float32]:
    """Return each query's loss, mean over its segments and all draws [shape=(n_queries,)]."""
    means = [float(flow.pair_losses(network, query, draws).double().mean()) for query in queries]
    return np.asarray(means, dtype=np.float32)


@dataclass(frozen=True)
class RetrainPass:
    """A fold over retrainings: train one model, score every query, keep the losses.

    An item is (number of the subset, number of the seed). ``models`` is a folder where weights are kept,
    so that other queries can be scored later; without it they are dropped.
    """

    shard_size: ClassVar[int] = 1

    items: tuple[TrainingItem, ...]
    inclusion: NDArray[np.bool_]
    recipe: Recipe
    n_seeds: int
    queries: tuple[Segments, ...]
    draws: NoiseDraws
    models: Path | None = None

    def start(self) -> list[NDArray[np.float32]]:
        """Return no losses."""
        return []

    def add(
        self, state: list[NDArray[np.float32]], items: Sequence[tuple[int, int]]
    ) -> list[NDArray[np.float32]]:
        """Retrain and score one shard."""
        return [*state, *(self._losses(subset, seed) for subset, seed in items)]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return losses [shape=(n_subsets, n_seeds, n_queries)]."""
        return np.stack(state).reshape(-1, self.n_seeds, len(self.queries))

    def _losses(self, subset: int, seed: int) -> NDArray[np.float32]:
        window = self.queries[0].latents.shape[1]
        model_seed = 1000 + self.n_seeds * subset + seed
        with tempfile.TemporaryDirectory() as scratch:
            path = (self.models or Path(scratch)) / f"m{subset:03d}_{seed}.safetensors"
            train_subset_model(self.items, self.inclusion[subset], self.recipe, window, model_seed, path)
            config = NetworkConfig(
                self.items[0].tokens.shape[1],
                window,
                len(self.items[0].words),
                self.recipe.width,
                self.recipe.depth,
                self.recipe.n_heads,
            )
            return query_losses(load_network(path, config), self.queries, self.draws)
