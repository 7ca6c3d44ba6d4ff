"""The baseline that knows nothing of training: how alike output and recording sound.

A segment is summarised by the mean over time of each dimension of the generator's own representation,
standardised over the corpus: its colour, loudness and register. A recording's score for one query
segment is its best segment's cosine; the score is the mean over query segments. An influence method that
does not beat this has not shown that it measures more than likeness.

The summary was chosen on the demo's dev queries as the best of six (means, deviations, both, second moments,
whole segments, directions), with and without standardising: a weak baseline would flatter every method.

Conventions
-----------
Scores are in [-1, 1], larger is more alike. A likeness is not an influence.

Cost
----
One matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.errors import NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator, Segments


class Similarity:
    """Cosine of standardised segment means, best segment per recording."""

    name = "similarity"
    revision = "2"
    paper = "baseline; compare Barnett et al. (2024), embedding similarity for music attribution"
    licence = "Apache-2.0"
    unit = "cosine"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed  # nothing here is random; every method is made the same way
        self._fitted: (
            tuple[EncodedCorpus, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None
        ) = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on: there are none."""
        return {}

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Standardise the means over the corpus."""
        raw = segment_means(corpus.segments)
        mean, deviation = raw.mean(axis=0), raw.std(axis=0) + 1e-9
        self._fitted = corpus, mean, deviation, _unit((raw - mean) / deviation)

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Score every item for every query.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._fitted is None:
            raise NotFitted("similarity: fit it on a sealed corpus first")
        corpus, mean, deviation, known = self._fitted
        results = []
        for query in queries:
            asked = _unit((segment_means(query.segments) - mean) / deviation)
            cosines = known @ asked.T
            best = np.full((len(corpus.item_ids), cosines.shape[1]), -np.inf)
            np.maximum.at(best, corpus.item_of, cosines)
            results.append(
                ItemScores(query.query_id, self.name, self.unit, corpus.item_ids, best, cosines.mean(axis=1))
            )
        return results


def segment_means(segments: Segments) -> NDArray[np.float64]:
    """Return the mean over tokens [shape=(n_segments, n_dims), float64]."""
    means: NDArray[np.float64] = segments.latents.double().numpy().mean(axis=1)
    return means


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(length, 1e-12)
