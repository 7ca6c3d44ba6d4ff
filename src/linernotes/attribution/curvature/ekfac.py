"""Influence functions with Kronecker-factored curvature: what a little more weight on each recording would do.

Giving segment i a little more weight in training moves the weights by ``−(G + δ)⁻¹ ∇ℓ_i`` per unit, and so the
output's loss by minus

    τ_i = ∇ℓ(ẑ)ᵀ (G + δ)⁻¹ ∇ℓ_i

G is the EK-FAC curvature of `kronecker`. The inverse is applied once per query, to the query's gradient; the
inner product with every segment's gradient then needs one backward call per segment and draw *for all queries
together*, and no gradient is stored.

Assumptions
-----------
The network is near a minimum of its training loss, or training moves about as a damped one would; the effect of
a recording is linear in its weight.

Conventions
-----------
Padding and silence are left out of the query's loss and kept in the corpus's. With ``score="log"`` the corpus
side is the gradient of the *logarithm* of each segment's loss per draw, the limit of the skew under a small step,
so that loud or noisy pairs cannot dominate. Replicates are the noise draws of the corpus side.

Cost
----
Fitting: two passes of `kronecker`. Then per query one gradient over its draws, and per corpus pass one gradient
for every segment and draw, with one inner product per query. ``4 n_weights`` bytes per query; queries beyond
`DIRECTION_BYTES` go in further passes.

References
----------
Koh and Liang (2017), arXiv:1703.04730; Grosse et al. (2023), arXiv:2308.03296; Mlodozeniec et al. (2024),
"Influence functions for scalable data attribution in diffusion models", arXiv:2410.13850.

Known limits
------------
First order: what several removals do together, or a large one, is extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.curvature.kronecker import Curvature, CurvatureConfig, fit_curvature
from linernotes.attribution.curvature.linear import Layout, Rows, layout_of, rows_of
from linernotes.attribution.measurement import UnlearnPass, Weights, cleanest
from linernotes.attribution.products import linear
from linernotes.attribution.repeats import distinct
from linernotes.attribution.unlearning.diagonal import query_gradient
from linernotes.attribution.working_copy import trainable_copy
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws

SCORES = ("difference", "log")
DIRECTION_BYTES = 256 * 2**20  # of preconditioned query gradients that one pass carries


@dataclass(frozen=True, slots=True)
class EkfacConfig:
    """Settings of Kronecker-factored influence; the first five are those of `CurvatureConfig`."""

    kind: str = "ekfac"
    gradients: str = "auto"
    n_repeats: int = 2
    damping: float = 0.2
    scope: str = "layer"
    n_query_draws: int = 64
    query_levels: float = 0.75
    n_scoring_draws: int = 16
    score: str = "difference"
    seed: int = 0

    def __post_init__(self) -> None:
        self.curvature()
        if self.score not in SCORES:
            raise InputError(f"score='{self.score}': expected one of {', '.join(SCORES)}")
        if self.n_query_draws < 1 or self.n_scoring_draws < 2:
            raise InputError(f"{self}: expected at least 1 query draw and at least 2 scoring draws")
        if not 0 < self.query_levels <= 1:
            raise InputError(f"query_levels={self.query_levels}: expected more than 0 and at most 1")

    def curvature(self) -> CurvatureConfig:
        """Return the settings of the curvature alone."""
        return CurvatureConfig(self.kind, self.gradients, self.n_repeats, self.damping, self.scope, self.seed)


def directions_at_once(n_weights: int) -> int:
    """Return how many queries one pass over the corpus serves.

    Examples
    --------
    >>> directions_at_once(560_000), directions_at_once(10**9)
    (119, 1)
    """
    return max(1, DIRECTION_BYTES // max(1, 4 * n_weights))


@dataclass(frozen=True)
class QueryDirection:
    """A query's gradient through the inverse curvature."""

    generator: Generator
    curvature: Curvature
    draws: NoiseDraws

    def __call__(self, query: Query) -> Weights:
        """Return the direction in which the query's loss rises at least cost to the corpus."""
        return self.curvature.solve(query_gradient(self.generator, query, self.draws)[1])


@dataclass(frozen=True)
class InnerProductPass:
    """A fold over segment numbers: every segment's gradient times several directions, draw by draw.

    Parameters
    ----------
    directions : tuple of mappings
        One per query, from weight names to tensors.
    of_logarithm : bool
        Whether the gradient is that of the loss's logarithm.
    """

    generator: Generator
    corpus: EncodedCorpus
    draws: NoiseDraws
    layout: Layout
    directions: tuple[Weights, ...]
    of_logarithm: bool = False

    def start(self) -> list[NDArray[np.float32]]:
        """Return no products."""
        return []

    def add(self, state: list[NDArray[np.float32]], items: Sequence[int]) -> list[NDArray[np.float32]]:
        """Differentiate one shard of segments [shape=(n_directions, n_shard, n_draws)]."""
        network, stacked = trainable_copy(self.generator), self._stacked()
        products = []
        for number in items:
            segment = self.corpus.segments.pick([number])
            parts = [
                self._products(rows, stacked)
                for first in range(0, len(self.draws), 16)
                for rows in rows_of(
                    self.generator, network, self.layout, segment,
                    self.draws.pick(slice(first, first + 16)), self._losses,
                )
            ]  # fmt: skip
            products.append(torch.cat(parts, dim=1))
        return [*state, torch.stack(products, dim=1).numpy()]

    def merge(
        self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Keep segment order."""
        return left + right

    def finish(self, state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return all inner products [shape=(n_directions, n_segments, n_draws)]."""
        return np.concatenate(state, axis=1)

    def _losses(self, network: torch.nn.Module, segment: Any, draws: NoiseDraws) -> Tensor:
        return self.generator.losses(network, segment, draws)[0]

    def _stacked(self) -> dict[str, Tensor]:
        """Return directions as matrices, per module or weight [shape=(n_directions, n_weights)]."""
        joined = {
            layer.module: torch.stack([layer.join(dict(one)).flatten() for one in self.directions])
            for layer in self.layout.layers
        }
        others = {
            name: torch.stack([one[name].flatten() for one in self.directions]) for name in self.layout.others
        }
        return joined | {f"weight/{name}": values for name, values in others.items()}

    def _products(self, rows: Rows, stacked: dict[str, Tensor]) -> Tensor:
        total = torch.zeros(len(self.directions), len(rows.values))
        for layer in self.layout.layers:
            total += linear(stacked[layer.module], rows.matrix(layer.module).flatten(1))
        for name, values in rows.others.items():
            total += stacked[f"weight/{name}"] @ values.flatten(1).T
        return total / rows.values if self.of_logarithm else total


class EkfacInfluence:
    """Influence functions with EK-FAC curvature, after Grosse et al. (2023) and Mlodozeniec et al. (2024)."""

    name = "ekfac"
    revision = "1"
    paper = "Mlodozeniec et al. (2024), arXiv:2410.13850"
    licence = "Apache-2.0"

    def __init__(self, config: EkfacConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or EkfacConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, Curvature] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        of = "training loss" if self.config.score == "difference" else "logarithm of the training loss"
        return f"fall of the output's loss per weight on the segment's {of}"

    @property
    def curvature(self) -> Curvature:
        """The fitted curvature of the corpus's loss.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a sealed corpus first")
        return self._fitted[2]

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query.

        Several queries share their passes over the corpus: see `cost_of_many`.
        """
        passes = self.cost_of_many(n_segments, [n_query_segments] if n_query_segments else [])
        return passes, passes

    def cost_of_many(self, n_segments: int, asked: Sequence[int], n_weights: int = 0) -> int:
        """Return the passes, forward and as many backward, of fitting and of queries of so many segments, together.

        Without *n_weights*, all directions are assumed to fit into one pass over the corpus.
        """
        config = self.config
        fitting = config.curvature().passes(n_segments)
        n_draws = max(1, round(config.query_levels * config.n_query_draws))
        scans = math.ceil(len(asked) / directions_at_once(n_weights))
        return fitting + sum(asked) * n_draws + scans * n_segments * config.n_scoring_draws

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Estimate the curvature of the corpus's loss.

        Raises
        ------
        InputError
            If the settings ask for sampled gradients and the adapter has no ``outputs``.
        """
        self._fitted = generator, corpus, fit_curvature(generator, corpus, run, self.config.curvature())

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator = self._fitted[0]
        n_weights = sum(weight.numel() for weight in generator.updatable(generator.network).values())
        at_once = directions_at_once(n_weights)
        results: list[ItemScores] = []
        for first in range(0, len(queries), at_once):
            results += self._attribute(*self._fitted, queries[first : first + at_once], run)
        return results

    def _attribute(
        self, generator: Generator, corpus: EncodedCorpus, curvature: Curvature,
        queries: Sequence[Query], run: Runner,
    ) -> list[ItemScores]:  # fmt: skip
        config = self.config
        query_draws = cleanest(
            generator.noise_draws(config.n_query_draws, config.seed + 3), config.query_levels
        )
        directions = run(
            UnlearnPass(QueryDirection(generator, curvature, query_draws)), queries, name="directions"
        )
        fold = InnerProductPass(
            generator,
            corpus,
            generator.noise_draws(config.n_scoring_draws, config.seed + 1),
            layout_of(generator, corpus.segments.pick([0])),
            tuple(directions),
            config.score == "log",
        )
        numbers, place_of = distinct(corpus.segments)
        products = run(fold, numbers, name="inner products")[:, place_of]
        return [
            ItemScores(
                query.query_id, self.name, self.unit, corpus.item_ids,
                corpus.per_item(values), values.mean(axis=1),
            )
            for query, values in zip(queries, products.astype(np.float64), strict=True)
        ]  # fmt: skip
