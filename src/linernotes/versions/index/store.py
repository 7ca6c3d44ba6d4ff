"""What a vector store does: keep vectors under whole numbers, and say which are nearest to others.

Stores know nothing of music. Ours is `embedded.EmbeddedStore`, a folder; `qdrant.QdrantStore` is the same on a
server or cluster; `sharded.ShardedIndex` searches many folders on many machines. One suite of tests holds all of
them to this file.

Conventions
-----------
Ids are whole numbers in [0, 2⁴⁷). Distances are squared Euclidean over the dimension, as everywhere in
`linernotes.versions.encoder`. Rows of a result are queries; nearest first, equal distances by id. Places for which
there is no vector hold id -1 and distance infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError

END_OF_IDS = 1 << 47
NOTHING = -1


class Hits(NamedTuple):
    """The nearest vectors of some queries.

    Parameters
    ----------
    ids : NDArray[np.int64] [shape=(n_queries, k)]
        Nearest first; -1 where there are no more.
    distances : NDArray[np.float32] [shape=(n_queries, k)]
        Rising, >= 0; infinity where there are no more.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.float32]


class VectorStore(Protocol):
    """What keeps vectors and finds the nearest."""

    @property
    def dimension(self) -> int:
        """Values per vector."""

    @property
    def last_id(self) -> int:
        """No id up to this one may be added any more; -1 where all may."""

    def __len__(self) -> int:
        """Return how many vectors there are."""

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Keep vectors [shape=(n, dimension)] under rising ids above `last_id`; when this returns, they are safe."""

    def remove(self, first: int, end: int) -> int:
        """Forget all ids in [first, end) and return how many there were."""

    def search(self, vectors: NDArray[np.float32], k: int) -> Hits:
        """Return the *k* nearest to each row of *vectors* [shape=(n_queries, dimension)]."""

    def faults(self) -> tuple[tuple[int, str], ...]:
        """Read everything; return the id and a sentence for each vector that is damaged."""

    def close(self) -> None:
        """Give back files and connections."""


def checked_vectors(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """Return vectors as contiguous float32.

    Raises
    ------
    InputError
        If they are no matrix of that width, or hold values that are not finite.

    Examples
    --------
    >>> checked_vectors(np.zeros((2, 3)), 3).dtype
    dtype('float32')
    """
    found = np.ascontiguousarray(vectors, np.float32)
    if found.ndim != 2 or found.shape[1] != dimension:
        raise InputError(f"vectors of shape {found.shape}; expected rows of {dimension} values")
    if not np.isfinite(found).all():
        raise InputError("vectors hold values that are not finite; the encoder is broken, or its input")
    return found


def checked_ids(ids: NDArray[np.int64], n: int, last_id: int) -> NDArray[np.int64]:
    """Return ids for *n* new vectors.

    Raises
    ------
    InputError
        If they are not *n*, do not rise, are outside [0, 2⁴⁷), or not above *last_id*.

    Examples
    --------
    >>> checked_ids([4, 7], 2, last_id=3).tolist()
    [4, 7]
    """
    found = np.asarray(ids, np.int64)
    if found.shape != (n,):
        raise InputError(f"{found.shape} ids for {n} vectors; expected one each")
    lowest = last_id + 1
    if n and (found[0] < lowest or found[-1] >= END_OF_IDS or (np.diff(found) <= 0).any()):
        raise InputError(f"ids {found[0]} to {found[-1]}: expected rising ones from {lowest} on, below 2**47")
    return found


def checked_k(k: int) -> int:
    """Return *k*.

    Raises
    ------
    InputError
        If it is less than 1.
    """
    if k < 1:
        raise InputError(f"{k} nearest vectors; expected at least 1")
    return k


def no_hits(n_queries: int, k: int) -> Hits:
    """Return an answer without any vector.

    Examples
    --------
    >>> no_hits(1, 2).ids.tolist()
    [[-1, -1]]
    """
    return Hits(np.full((n_queries, k), NOTHING, np.int64), np.full((n_queries, k), np.inf, np.float32))


def merged(answers: Sequence[Hits], k: int) -> Hits:
    """Return the *k* nearest of several answers to the same queries.

    Examples
    --------
    >>> near = Hits(np.array([[3, 9]]), np.array([[0.5, 2.0]], np.float32))
    >>> far = Hits(np.array([[4, -1]]), np.array([[0.5, np.inf]], np.float32))
    >>> merged([far, near], 3).ids.tolist()
    [[3, 4, 9]]
    """
    ids = np.concatenate([answer.ids for answer in answers], axis=1)
    distances = np.concatenate([answer.distances for answer in answers], axis=1)
    order = np.lexsort((ids, distances), axis=1)[:, :k]
    return padded(
        Hits(np.take_along_axis(ids, order, axis=1), np.take_along_axis(distances, order, axis=1)), k
    )


def padded(hits: Hits, k: int) -> Hits:
    """Return an answer of exactly *k* places per query."""
    missing = k - hits.ids.shape[1]
    if missing <= 0:
        return hits
    empty = no_hits(len(hits.ids), missing)
    return Hits(np.hstack([hits.ids, empty.ids]), np.hstack([hits.distances, empty.distances]))
