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
from collections.abc import Sequence
from pathlib import Path

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
) -> Path:
    """Train on the included items with one seed, unless *path* already holds the weights."""
    from safetensors.torch import save_file

    if path.is_file():
        return path
    chosen = [item for item, wanted in zip(items, included, strict=True) if wanted]
    network = train_network(chosen, dataclasses.replace(recipe, seed=seed), n_segment_tokens)
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
