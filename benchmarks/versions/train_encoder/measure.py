"""How well an encoder finds versions: MAP and rank of the first hit, whole pieces and single segments.

Conventions
-----------
Pieces ``related`` to none are candidates only. Average precision is taken over each query's candidates, the query left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.versions.encoder.embed import vector_distances
from linernotes.versions.encoder.reduce import bpwr


@dataclass(frozen=True)
class Figures:
    """Means over queries."""

    n_queries: int
    map: float
    mr1: float
    precisions: tuple[float, ...]

    def to_json(self) -> dict[str, float]:
        """Return what a log line shows."""
        return {"n_queries": self.n_queries, "map": round(self.map, 4), "mr1": round(self.mr1, 3)}


def figures(distances: NDArray[np.float32], works: Sequence[str], rows: Sequence[int]) -> Figures:
    """Return the figures of the queries in *rows* of a square matrix of distances between pieces."""
    names = np.array(works)
    precisions, ranks = [], []
    for i in rows:
        others = np.flatnonzero(np.arange(len(names)) != i)
        hits = (names[others] == names[i])[np.argsort(distances[i, others], kind="stable")]
        if hits.any():
            precisions.append(float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()))
            ranks.append(int(hits.argmax()) + 1)
    return Figures(len(ranks), float(np.mean(precisions)), float(np.mean(ranks)), tuple(precisions))


def piece_distances(vectors: Sequence[NDArray[np.float32]], r: int | None = None) -> NDArray[np.float32]:
    """Return bpwr-r between all pieces, [shape=(n, n)]; *r* grows with their lengths by default."""
    n = len(vectors)
    ends = np.cumsum([0] + [len(v) for v in vectors])
    every = vector_distances(np.concatenate(vectors), np.concatenate(vectors))
    out = np.zeros((n, n), np.float32)
    for i in range(n):
        for j in range(i):
            out[i, j] = out[j, i] = bpwr(every[ends[i] : ends[i + 1], ends[j] : ends[j + 1]], r)
    return out


def segment_figures(
    vectors: Sequence[NDArray[np.float32]], works: Sequence[str], rows: Sequence[int], every: int = 4
) -> Figures:
    """Return the figures of single segments (each *every*-th: 20 s apart) against the nearest one of a piece."""
    ends = np.cumsum([0] + [len(v) for v in vectors])[:-1]
    stacked = np.concatenate(vectors)
    names = np.array(works)
    precisions, ranks = [], []
    for i in rows:
        for vector in vectors[i][::every]:
            near = np.minimum.reduceat(vector_distances(vector[None], stacked)[0], ends)
            others = np.flatnonzero(np.arange(len(names)) != i)
            hits = (names[others] == names[i])[np.argsort(near[others], kind="stable")]
            if hits.any():
                precisions.append(float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()))
                ranks.append(int(hits.argmax()) + 1)
    return Figures(len(ranks), float(np.mean(precisions)), float(np.mean(ranks)), tuple(precisions))
