"""Grad-Dot and Grad-Cos: a training step on the recording lowers the loss of the output by so much.

TracIn follows training: a step on z_i with learning rate η changes the output's loss by −η ⟨∇ℓ(z_i), ∇ℓ(ẑ)⟩.
Added up over checkpoints c this is the influence of z_i:

    score_i = Σ_c η_c ⟨g_i^(c), g_ẑ^(c)⟩            (Grad-Dot; TracIn with several checkpoints)
    score_i = Σ_c η_c cos(g_i^(c), g_ẑ^(c)) / Σ_c η_c   (Grad-Cos)

A generator may offer its history as an attribute ``checkpoints``, a sequence of (network, learning rate);
without it the trained network alone is used, with learning rate 1.

Assumptions
-----------
Steps are small, and those on one recording do not change what those on another do.

Conventions
-----------
As in `gradients`. Positive where training on the item lowered the loss of the output.

Cost
----
One gradient per segment, draw and checkpoint; then one matrix product per query.

References
----------
Pruthi et al. (2020), "Estimating training data influence by tracing gradient descent" (TracIn);
Charpiat et al. (2019), "Input similarity from the neural network perspective" (cosine).

Known limits
------------
Loud gradients dominate Grad-Dot; nothing tells what one recording adds from what all of them have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.gradients.per_item import (
    GradientConfig,
    corpus_gradients,
    gradient_passes,
    items_from_segments,
    query_gradients,
    training_loss,
)
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator


@dataclass(frozen=True)
class _Step:
    """One checkpoint: its network, its weight in the sum, and the corpus's gradients there."""

    network: nn.Module
    weight: float
    gradients: NDArray[np.float32]


class GradDot:
    """Inner product of gradients, after Pruthi et al. (2020)."""

    name = "grad-dot"
    revision = "1"
    paper = "Pruthi et al. (2020), arXiv:2002.08484"
    licence = "Apache-2.0"
    unit = "fall of the training loss per unit step"

    def __init__(self, config: GradientConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or GradientConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, list[_Step]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query, for one checkpoint."""
        return gradient_passes(self.config, n_segments, n_query_segments)

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Take the gradient of every segment at every checkpoint.

        Raises
        ------
        InputError
            If a gradient is not finite, or a learning rate is not positive.
        """
        steps = [
            _Step(network, rate, self._measured(corpus_gradients(
                generator, corpus, self.config, training_loss, run, network)))
            for network, rate in checkpoints_of(generator)
        ]  # fmt: skip
        self._fitted = generator, corpus, steps

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, steps = self._fitted
        totals = [np.zeros((len(corpus.segments), self.config.n_replicates)) for _ in queries]
        for step in steps:
            asked = query_gradients(generator, queries, self.config, training_loss, run, step.network)
            for total, rows in zip(totals, asked, strict=True):
                total += step.weight * (step.gradients @ self._asked(rows).T)
        return [
            items_from_segments(self.name, self.unit, corpus, query, self._scaled(total, steps))
            for query, total in zip(queries, totals, strict=True)
        ]

    def _measured(self, gradients: NDArray[np.float32]) -> NDArray[np.float32]:
        return gradients

    def _asked(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows

    def _scaled(self, total: NDArray[np.float64], steps: list[_Step]) -> NDArray[np.float64]:
        return total


class GradCos(GradDot):
    """Cosine of gradients: how alike two segments look to the weights."""

    name = "grad-cos"
    paper = "Charpiat et al. (2019), arXiv:2102.05262"
    unit = "cosine of gradients"

    def _measured(self, gradients: NDArray[np.float32]) -> NDArray[np.float32]:
        length = np.linalg.norm(gradients.astype(np.float64), axis=1, keepdims=True)
        return (gradients / np.where(length > 0, length, 1.0)).astype(np.float32)

    def _asked(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        # the length of the mean, so that the mean over replicates is the cosine itself
        length = float(np.linalg.norm(rows.mean(axis=0)))
        return rows / (length if length > 0 else 1.0)

    def _scaled(self, total: NDArray[np.float64], steps: list[_Step]) -> NDArray[np.float64]:
        return total / sum(step.weight for step in steps)


def checkpoints_of(generator: Generator) -> list[tuple[nn.Module, float]]:
    """Return the generator's checkpoints with their learning rates; the trained network alone where it has none.

    Raises
    ------
    InputError
        If a learning rate is not positive.
    """
    offered = list(getattr(generator, "checkpoints", ()) or [(generator.network, 1.0)])
    for number, (_, rate) in enumerate(offered):
        if not rate > 0:
            raise InputError(
                f"generator {generator.generator_id}: checkpoint {number} has learning rate {rate}; expected a "
                "positive number: leave out checkpoints at which nothing was learnt"
            )
    return [(network, float(rate)) for network, rate in offered]
