"""DAS: how far leaving the recording out would move what the network predicts for the output.

Where TRAK asks for the change of a loss, the diffusion attribution score asks for the change of the prediction
itself, as a squared distance. Linearised around the trained weights, and with the prediction seen along one
direction v as m(z; θ) = mean (v ⊙ prediction), leaving out segment i shifts the weights along (ΦᵀΦ + λ I)⁻¹ φ_i
in proportion to the error r_i that is made on it, and the output's prediction by the inner product with its own
gradient:

    score_i = mean over v of ( φ(ẑ)ᵀ (ΦᵀΦ + λ I)⁻¹ φ_i · r_i )²,      φ = sketch of ∇ m

The first direction is all ones, as in the paper; more are random signs, fixed by the seed, which bring the score
nearer to a distance between whole predictions.

The error of a segment is the root of its loss under each draw, divided by the root sum of squares over draws,
and averaged over draws.

Assumptions
-----------
As `trak`; and that a few directions stand for the whole prediction.

Conventions
-----------
As in `trak`. A squared distance has no sign: a large score says that the recording moved the prediction, not
whether it made the output more likely.

Cost
----
As `trak` per direction, and one more forward pass per segment and draw.

References
----------
Lin et al. (2024), "Diffusion attribution score: evaluating training data influence in diffusion models",
arXiv:2410.18639.

Known limits
------------
Written from the description of the method. The factor that all scores share there is left out: it changes no rank.
Directions beyond the first are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.gradients.per_item import (
    Scalar,
    corpus_gradients,
    gradient_passes,
    items_from_segments,
    mean_output,
    must_show_outputs,
    over_tokens,
    query_gradients,
)
from linernotes.attribution.gradients.trak import DampedKernel, TrakConfig
from linernotes.attribution.measurement import measure
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, NoiseDraws, Segments


@dataclass(frozen=True, slots=True)
class DasConfig(TrakConfig):
    """Settings of DAS: those of TRAK, and how many directions the prediction is seen along."""

    damping: float = 0.1
    n_directions: int = 2

    def __post_init__(self) -> None:
        TrakConfig.__post_init__(self)
        if self.n_directions < 1:
            raise InputError(f"n_directions={self.n_directions}: expected at least 1")


@dataclass(frozen=True, slots=True)
class SignedOutput:
    """The mean prediction along random signs, one per token and dimension, the same for every segment and draw."""

    seed: int
    number: int

    def __call__(
        self,
        generator: Generator,
        network: nn.Module,
        segments: Segments,
        draws: NoiseDraws,
        audible_only: bool,
    ) -> Tensor:
        """Return it [shape=(n_segments, n_draws)]."""
        predicted = must_show_outputs(generator).outputs(network, segments, draws)
        random = np.random.default_rng([self.seed, self.number])
        signs = torch.from_numpy(np.where(random.random(tuple(predicted.shape[2:])) < 0.5, -1.0, 1.0))
        return over_tokens((predicted * signs.to(predicted)).mean(dim=-1), segments, audible_only)


class Das:
    """Squared shift of the prediction, after Lin et al. (2024); needs an `OutputGenerator`."""

    name = "das"
    revision = "1"
    paper = "Lin et al. (2024), arXiv:2410.18639"
    licence = "Apache-2.0"
    unit = "squared shift of the prediction (linearised, to scale)"

    def __init__(self, config: DasConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or DasConfig(seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, list[DampedKernel], NDArray[np.float64]] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query: every direction, and the errors."""
        forwards, backwards = gradient_passes(self.config, n_segments, n_query_segments)
        n_directions = self.config.n_directions
        return n_directions * forwards + n_segments * self.config.n_draws, n_directions * backwards

    @property
    def scalars(self) -> list[Scalar]:
        """Return what is differentiated: the mean prediction, then the means along random signs."""
        signed = [SignedOutput(self.config.seed, number) for number in range(1, self.config.n_directions)]
        return [mean_output, *signed]

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Take the gradients and the error of every segment.

        Raises
        ------
        InputError
            If a gradient is not finite, or the generator does not show what it predicts.
        """
        must_show_outputs(generator)
        kernels = [
            DampedKernel(corpus_gradients(generator, corpus, self.config, scalar, run), self.config.damping)
            for scalar in self.scalars
        ]
        draws = generator.noise_draws(self.config.n_draws, self.config.seed + 1)
        errors = relative_errors(measure(generator, corpus, draws, [{}], run, "errors")[0])
        self._fitted = generator, corpus, kernels, errors

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, kernels, errors = self._fitted
        totals = [np.zeros((len(corpus.segments), self.config.n_replicates)) for _ in queries]
        for scalar, kernel in zip(self.scalars, kernels, strict=True):
            asked = query_gradients(generator, queries, self.config, scalar, run)
            for total, rows in zip(totals, asked, strict=True):
                total += np.square(kernel(rows) * errors[:, None]) / len(kernels)
        return [
            items_from_segments(self.name, self.unit, corpus, query, total)
            for query, total in zip(queries, totals, strict=True)
        ]


def relative_errors(losses: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each segment's error, relative over draws [shape=(n_segments,)] of losses [shape=(n_segments, n_draws)].

    Examples
    --------
    >>> relative_errors(np.float32([[9.0, 16.0]])).round(2).tolist()  # (3 / 5 + 4 / 5) / 2
    [0.7]
    """
    squared = losses.astype(np.float64)
    total = np.sqrt(squared.sum(axis=1, keepdims=True))
    mean: NDArray[np.float64] = (np.sqrt(squared) / np.where(total > 0, total, 1.0)).mean(axis=1)
    return mean
