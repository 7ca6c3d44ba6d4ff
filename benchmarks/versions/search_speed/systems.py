"""Vector indexes side by side: each is built from a matrix, searched, and measured in its own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Search = Callable[[Vectors, int], NDArray[np.int64]]
"""From queries and k to ids [shape=(n_queries, k)]."""


def ours(vectors: Vectors, folder: Path) -> tuple[Search, int]:
    """Build the embedded store: bytes, every vector compared."""
    from linernotes.versions.index.embedded import EmbeddedStore

    store = EmbeddedStore.create(folder / "vectors", vectors.shape[1])
    for first in range(0, len(vectors), 30_000):
        part = vectors[first : first + 30_000]
        store.add(np.arange(first, first + len(part)), part)
    return lambda queries, k: store.search(queries, k).ids, store.n_bytes


def plain(vectors: Vectors, folder: Path) -> tuple[Search, int]:
    """Keep floats and compare every vector: numpy's product and partition."""
    squares = (vectors**2).sum(axis=1)

    def search(queries: Vectors, k: int) -> NDArray[np.int64]:
        distances = squares - 2 * queries @ vectors.T
        best = np.argpartition(distances, k, axis=1)[:, :k]
        order = np.take_along_axis(distances, best, axis=1).argsort(axis=1)
        return np.take_along_axis(best, order, axis=1)

    return search, vectors.nbytes


def usearch(kind: str) -> Callable[[Vectors, Path], tuple[Search, int]]:
    """Return what builds a graph over vectors of 16-bit floats or bytes."""

    def build(vectors: Vectors, folder: Path) -> tuple[Search, int]:
        from usearch.index import Index

        index = Index(
            ndim=vectors.shape[1],
            metric="l2sq",
            dtype=kind,
            connectivity=16,
            expansion_add=128,
            expansion_search=200,
        )
        if kind == "i8":  # it wants numbers in [-127, 127]
            scale = 127 / np.abs(vectors).max()
            index.add(np.arange(len(vectors)), np.rint(vectors * scale).astype(np.int8), threads=1)
        else:
            scale = 1.0
            index.add(np.arange(len(vectors)), vectors, threads=1)
        index.save(str(folder / "graph.usearch"))

        def search(queries: Vectors, k: int) -> NDArray[np.int64]:
            asked = np.clip(np.rint(queries * scale), -127, 127).astype(np.int8) if kind == "i8" else queries
            return np.asarray(index.search(asked, k, threads=1).keys, np.int64).reshape(len(queries), k)

        return search, (folder / "graph.usearch").stat().st_size

    return build


def faiss(recipe: str, n_probe: int = 32) -> Callable[[Vectors, Path], tuple[Search, int]]:
    """Return what builds an index of faiss by its recipe."""

    def build(vectors: Vectors, folder: Path) -> tuple[Search, int]:
        import faiss as library

        library.omp_set_num_threads(1)
        index: Any = library.index_factory(vectors.shape[1], recipe)
        if not index.is_trained:
            random = np.random.default_rng(0)
            index.train(
                vectors[np.sort(random.choice(len(vectors), min(len(vectors), 120_000), replace=False))]
            )
        index.add(vectors)
        if hasattr(index, "nprobe"):
            index.nprobe = n_probe
        if hasattr(index, "hnsw"):
            index.hnsw.efSearch = 200
        library.write_index(index, str(folder / "index.faiss"))
        return lambda queries, k: index.search(queries, k)[1], (folder / "index.faiss").stat().st_size

    return build


SYSTEMS: dict[str, Callable[[Vectors, Path], tuple[Search, int]]] = {
    "ours, bytes, exhaustive": ours,
    "numpy, floats, exhaustive": plain,
    "faiss, Flat": faiss("Flat"),
    "faiss, SQ8": faiss("SQ8"),
    "faiss, IVF1024,SQ8, 32 lists asked": faiss("IVF1024,SQ8"),
    "faiss, IVF1024,PQ64, 32 lists asked": faiss("IVF1024,PQ64"),
    "faiss, HNSW16": faiss("HNSW16"),
    "usearch, HNSW16, f16": usearch("f16"),
    "usearch, HNSW16, i8": usearch("i8"),
}
