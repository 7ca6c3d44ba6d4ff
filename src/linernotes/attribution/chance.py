"""The floor: scores drawn at random, the same for the same query and seed.

Whatever figure a method earns is read beside what these earn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.errors import NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator

N_REPLICATES = 16


class Chance:
    """Standard normal scores, seeded by the query's id."""

    name = "random"
    revision = "1"
    paper = "baseline"
    licence = "Apache-2.0"
    unit = "none"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self._corpus: EncodedCorpus | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        return {"seed": self.seed}

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Remember the items."""
        self._corpus = corpus

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Draw scores.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if self._corpus is None:
            raise NotFitted("random: fit it on a sealed corpus first")
        corpus, results = self._corpus, []
        for query in queries:
            digest = hashlib.sha256(f"{self.seed}/{query.query_id}".encode()).digest()
            random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
            segment_scores = random.standard_normal(len(corpus.segments))
            replicates = random.standard_normal((len(corpus.item_ids), N_REPLICATES))
            results.append(
                ItemScores(query.query_id, self.name, self.unit, corpus.item_ids, replicates, segment_scores)
            )
        return results
