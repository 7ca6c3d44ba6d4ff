"""The measurement under every unlearning method: losses of all segments under shared noise.

Losses differ in the fourth digit before and after unlearning, so both are taken with the same levels
and the same noise, in single precision, and summed in double.

Conventions
-----------
A pass gives ``[shape=(n_networks, n_segments, n_draws), float32]``. Padding and silence count in
scoring, as they did in training.

Cost
----
``n_networks * n_segments * n_draws`` forward passes; all queries share one pass over the corpus.

References
----------
Choi et al. (2025), arXiv:2506.18312, section on silence masks (mask in unlearning, not in scoring);
Wang et al. (2024), arXiv:2406.09408 (identical noise before and after).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.repeats import distinct
from linernotes.attribution.working_copy import working_copy
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class LossPass:
    """A fold over segment numbers: the loss of each under each draw, for several sets of weights.

    ``changed`` holds, per network, only the weights that differ from the generator's; an empty
    mapping is the generator as it is.
    """

    generator: Generator
    corpus: EncodedCorpus
    draws: NoiseDraws
    changed: tuple[Weights, ...]

    def start(self) -> list[NDArray[np.float32]]:
        """Return no losses."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[int]) -> list[NDArray[np.float32]]:
        """Measure one shard of segments [shape=(n_networks, n_shard, n_draws)]."""
        segments = self.corpus.segments.pick(list(items))
        with torch.no_grad():
            losses = [
                self.generator.losses(network_with(self.generator, weights), segments, self.draws)
                for weights in self.changed
            ]
        return [*state, torch.stack(losses).numpy()]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return all losses [shape=(n_networks, n_segments, n_draws)]."""
        return np.concatenate(state, axis=1)


@dataclass(frozen=True)
class UnlearnPass:
    """A fold over queries: the weights after forgetting each, as ``unlearn`` makes them."""

    unlearn: Callable[[Query], Weights]
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Weights]:
        """Return no weights."""
        return []

    def add(self, state: list[Weights], items: Sequence[Query]) -> list[Weights]:
        """Unlearn one shard of queries."""
        return [*state, *(self.unlearn(query) for query in items)]

    def merge(self, left: list[Weights], right: list[Weights]) -> list[Weights]:
        """Keep query order."""
        return left + right

    def finish(self, state: list[Weights]) -> list[Weights]:
        """Return the changed weights, one mapping per query."""
        return state


def measure(
    generator: Generator,
    corpus: EncodedCorpus,
    draws: NoiseDraws,
    changed: Sequence[Weights],
    run: Runner,
    name: str,
) -> NDArray[np.float32]:
    """Run a `LossPass` over all segments of the corpus, once over those that occur more than once."""
    numbers, place_of = distinct(corpus.segments)
    return run(LossPass(generator, corpus, draws, tuple(changed)), numbers, name=name)[:, place_of]


def network_with(generator: Generator, weights: Weights) -> nn.Module:
    """Return a copy of the generator's network with some weights replaced."""
    network = working_copy(generator.network)
    if weights:
        network.load_state_dict(dict(weights), strict=False)
    return network


def cleanest(draws: NoiseDraws, fraction: float) -> NoiseDraws:
    """Return the draws of the lowest noise levels, at least one.

    Examples
    --------
    >>> import torch
    >>> cleanest(NoiseDraws(torch.tensor([0.9, 0.1, 0.5, 0.3]), torch.zeros(4, 1, 1)), 0.75).levels
    tensor([0.1000, 0.5000, 0.3000])
    """
    n_kept = max(1, round(fraction * len(draws)))
    return draws.pick(sorted(draws.levels.argsort(stable=True)[:n_kept].tolist()))


def difference(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how much each loss rose; positive where unlearning the query hurt the segment.

    Examples
    --------
    >>> difference(np.float32([1.0]), np.float32([1.5]))
    array([0.5])
    """
    return after.astype(np.float64) - before


def skew(before: NDArray[np.float32], after: NDArray[np.float32], floor: float = 1e-3) -> NDArray[np.float64]:
    """Return the rise over the sum, per segment and draw: in (-1, 1), so that loud or noisy terms cannot dominate.

    Serrà et al. (2026), arXiv:2605.17938, "noise-consistent skew".

    Examples
    --------
    >>> skew(np.float32([1.0]), np.float32([3.0]), floor=0.0)
    array([0.5])
    """
    rise = difference(before, after)
    return rise / (after.astype(np.float64) + before + floor)
