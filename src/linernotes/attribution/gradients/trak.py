"""TRAK: gradients weighed by what is uncommon among the corpus.

The generator is taken as linear in its weights around the trained ones. Then leaving out z_i is a regression
without one row, and its effect on the output is an inner product of gradients under the inverse of their
second moments: directions that every recording pulls in count little, rare ones count much.

    score = Φ (ΦᵀΦ + λ I)⁻¹ φ(ẑ),        Φ [shape=(n_segments, n_slots)]: sketched gradients of the loss

The gradient is that of the training loss itself, whose weight in the loss is 1, so that the paper's diagonal
weights drop out.

Assumptions
-----------
The loss is near enough to linear in the weights over the change that one recording makes.

Conventions
-----------
As in `gradients`. ``damping`` gives λ as a multiple of the mean squared length of a segment's gradient, which
depends neither on the number of slots nor on the unit of the loss.

Cost
----
One gradient per segment and draw, and one factorisation of min(n_segments, n_slots)³ / 3 operations; then one
solve per query.

References
----------
Park et al. (2023), "TRAK: attributing model behavior at scale", arXiv:2303.14186.

Known limits
------------
We depart from the paper in using the one generator there is rather than an average over models trained on
halves of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.gradients.per_item import (
    GradientConfig,
    Scalar,
    corpus_gradients,
    gradient_passes,
    items_from_segments,
    query_gradients,
    training_loss,
)
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class TrakConfig(GradientConfig):
    """Settings of the TRAK family; ``damping`` is in mean squared gradient lengths."""

    damping: float = 10.0

    def __post_init__(self) -> None:
        GradientConfig.__post_init__(self)
        if not 0 < self.damping < float("inf"):
            raise InputError(f"damping={self.damping}: expected a positive number")


class DampedKernel:
    """Φ (ΦᵀΦ + λ I)⁻¹ φ for many φ, by whichever of ΦᵀΦ and ΦΦᵀ is smaller; both give the same.

    Parameters
    ----------
    gradients : NDArray [shape=(n_segments, n_slots), float32]
        Sketches of the corpus, Φ.
    damping : float > 0
        λ, in mean squared lengths of the rows.

    Examples
    --------
    >>> kernel = DampedKernel(np.float32([[1, 0], [1, 0], [0, 1]]), damping=1.0)
    >>> kernel(np.array([[1.0, 1.0]])).round(2).tolist()  # the rare direction counts more
    [[0.33], [0.33], [0.5]]
    """

    def __init__(self, gradients: NDArray[np.float32], damping: float) -> None:
        self.gradients = gradients
        n_rows, n_slots = gradients.shape
        squared = float(np.einsum("ij,ij->", gradients, gradients, dtype=np.float64)) / n_rows
        self._dual = n_rows <= n_slots
        self._factor: Any = None
        if squared > 0:  # otherwise there are no gradients to weigh, and all scores are zero
            moments = _row_moments(gradients) if self._dual else _column_moments(gradients)
            moments[np.diag_indices_from(moments)] += damping * squared
            self._factor = cho_factor(moments, lower=True, overwrite_a=True, check_finite=False)

    def __call__(self, asked: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores [shape=(n_segments, n_asked)] of gradients [shape=(n_asked, n_slots)]."""
        if self._factor is None:
            return np.zeros((len(self.gradients), len(asked)))
        if self._dual:
            scores: NDArray[np.float64] = cho_solve(self._factor, self.gradients @ asked.T)
            return scores
        weighed: NDArray[np.float64] = cho_solve(self._factor, asked.T)
        return self.gradients @ weighed


def _row_moments(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = rows.astype(np.float64)
    moments: NDArray[np.float64] = exact @ exact.T
    return moments


def _column_moments(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    moments = np.zeros((rows.shape[1], rows.shape[1]))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[first : first + ROWS_AT_ONCE].astype(np.float64)
        moments += part.T @ part
    return moments


class Trak:
    """Gradients of the training loss under their damped inverse second moments, after Park et al. (2023)."""

    name = "trak"
    revision = "1"
    paper = "Park et al. (2023), arXiv:2303.14186"
    licence = "Apache-2.0"
    unit = "fall of the training loss (linearised, to scale)"

    default = TrakConfig()
    scalar: Scalar = staticmethod(training_loss)

    def __init__(self, config: TrakConfig | None = None, *, seed: int = 0) -> None:
        self.config = config or replace(self.default, seed=seed)
        self._fitted: tuple[Generator, EncodedCorpus, DampedKernel] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return asdict(self.config)

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of fitting and, where asked, of one query."""
        return gradient_passes(self.config, n_segments, n_query_segments)

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Take the gradient of every segment and factor their second moments.

        Raises
        ------
        InputError
            If a gradient is not finite, or the generator does not offer what the method differentiates.
        """
        gradients = corpus_gradients(generator, corpus, self.config, self.scalar, run)
        self._fitted = generator, corpus, DampedKernel(gradients, self.config.damping)

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted(f"{self.name}: fit it on a generator and a sealed corpus first")
        generator, corpus, kernel = self._fitted
        asked = query_gradients(generator, queries, self.config, self.scalar, run)
        return [
            items_from_segments(self.name, self.unit, corpus, query, kernel(rows))
            for query, rows in zip(queries, asked, strict=True)
        ]
