"""All vectors against some queries: one byte per number, whole-number products, nothing left out.

A vector is kept as bytes and one scale, ``v ≈ s c``. For queries ``q ≈ t b`` rounded in the same way

    |q − v|² = t² |b|² + s² |c|² − 2 s t (b · c)

is the exact distance of the rounded vectors. The products ``b · c`` of a block of vectors with all queries are one
multiplication of byte matrices, which processors since about 2020 do four to eight times as fast as floats. A second
pass compares with the worst of the best *k* so far, sixteen at a time, and keeps the few that are nearer.

Conventions
-----------
Products are whole numbers below 2³¹ and everything after them is done in one fixed order, so that two machines give
the same bits. Equal distances: the smaller row first.

Cost
----
1 million x 128: 38 to 46 CPU-ms for a file of 30 segments, 10 ms for one; 128 MB of memory read once. No graph, no lists, no
training; adding is appending, removing is masking.

References
----------
Jacob et al. (2018), "Quantization and training of neural networks for efficient integer-arithmetic-only inference".
Johnson, Douze, Jégou (2019), "Billion-scale similarity search with GPUs" (the k-best pass beside a product).

Known limits
------------
Processors without whole-number dot products (AVX-512 VNNI and the like) saturate in torch's byte multiplication. It
is therefore tried on the largest values first, and where that fails floats are multiplied, which gives the same
result in about four times the time. Rounding moves a distance by well under 1 %.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linernotes.versions.index.store import Hits

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 127
ROWS_AT_ONCE = 8192  # products of 30 queries fill a megabyte, which stays in the cache
QUERIES_AT_ONCE = 64
RUN = 256  # rows compared before looking whether any is near
_FLOAT_COLUMNS = 1024  # 127 * 127 * 1024 < 2**24: floats are exact


class Rounded(NamedTuple):
    """Vectors as bytes.

    Parameters
    ----------
    codes : NDArray[np.int8] [shape=(n, dimension)]
        In [-127, 127].
    scales : NDArray[np.float32] [shape=(n,)]
        ``vector ≈ scale * code``.
    squares : NDArray[np.int32] [shape=(n,)]
        Squared length of each code.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    squares: NDArray[np.int32]

    @property
    def norms(self) -> NDArray[np.float32]:
        """Squared length of each vector as it is kept."""
        return np.asarray(self.scales * self.scales * self.squares.astype(np.float32), np.float32)


def rounded(vectors: NDArray[np.float32]) -> Rounded:
    """Return vectors [shape=(n, dimension), finite] as bytes.

    Examples
    --------
    >>> found = rounded(np.float32([[1.0, -2.0], [0.0, 0.0]]))
    >>> found.codes.tolist(), found.squares.tolist(), found.norms.round(2).tolist()
    ([[64, -127], [0, 0]], [20225, 0], [5.019999980926514, 0.0])
    """
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scales = np.asarray(largest / LEVELS, np.float32)
    whole = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None])
    codes = np.clip(whole, -LEVELS, LEVELS).astype(np.int8)
    squares = np.einsum("ij,ij->i", codes, codes, dtype=np.int32)
    return Rounded(codes, scales, squares)


def nearest(rows: Rounded, norms: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> Hits:
    """Return the *k* nearest rows of each query, as row numbers.

    Parameters
    ----------
    rows : Rounded
        All vectors.
    norms : NDArray[np.float32] [shape=(n,)]
        ``rows.norms``, or infinity for rows that are not to be found.
    queries : NDArray[np.float32] [shape=(n_queries, dimension)]
        Finite.
    k : int >= 1
        Rows per query; -1 stands where there are fewer.

    Examples
    --------
    >>> rows = rounded(np.float32([[0, 0], [3, 0], [0, 1]]))
    >>> found = nearest(rows, rows.norms, np.float32([[0, 0]]), 2)
    >>> found.ids.tolist(), found.distances.tolist()
    ([[0, 2]], [[0.0, 0.5]])
    """
    parts = [
        _nearest_of_some(rows, norms, queries[first : first + QUERIES_AT_ONCE], k)
        for first in range(0, len(queries), QUERIES_AT_ONCE)
    ]
    if not parts:
        return Hits(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return Hits(np.concatenate([p.ids for p in parts]), np.concatenate([p.distances for p in parts]))


def _nearest_of_some(rows: Rounded, norms: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> Hits:
    import torch

    asked = rounded(queries)
    ids = np.full((len(queries), k), -1, np.int64)
    values = np.full((len(queries), k), np.inf, np.float32)
    n_found = np.zeros(len(queries), np.int64)
    factors = (-2 * asked.scales).astype(np.float32)
    codes, wanted = torch.from_numpy(rows.codes), torch.from_numpy(asked.codes)
    fast = bytes_multiply_right(rows.codes.shape[1])
    for first in range(0, len(rows.codes), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        products = _products(wanted, codes[part], fast).numpy()
        _keep_nearest(products, rows.scales[part], norms[part], first, factors, values, ids, n_found)
    distances = np.maximum(values + asked.norms[:, None], 0) / np.float32(rows.codes.shape[1])
    order = np.lexsort((ids, values), axis=1)
    return Hits(np.take_along_axis(ids, order, axis=1), np.take_along_axis(distances, order, axis=1))


def _products(queries: Tensor, rows: Tensor, fast: bool) -> Tensor:
    """Return the whole-number products [shape=(n_queries, n_rows), int32]."""
    import torch

    if fast:
        return torch._int_mm(queries, rows.T)
    total = torch.zeros(len(queries), len(rows), dtype=torch.int32)
    for column in range(0, rows.shape[1], _FLOAT_COLUMNS):
        part = slice(column, column + _FLOAT_COLUMNS)
        total += (queries[:, part].float() @ rows[:, part].float().T).to(torch.int32)
    return total


@lru_cache(maxsize=16)
def bytes_multiply_right(dimension: int) -> bool:
    """Tell whether torch multiplies bytes of this width without saturating, on this processor.

    Examples
    --------
    >>> bytes_multiply_right(1)
    False
    """
    import torch

    if dimension < 2:  # torch 2.13 mistakes one column for a vector
        return False
    extreme = torch.full((3, dimension), LEVELS, dtype=torch.int8)
    extreme[1], extreme[2, ::2] = -LEVELS, -LEVELS
    rows = extreme.repeat(11, 1)
    try:
        found = torch._int_mm(extreme, rows.T)
    except (RuntimeError, AttributeError):  # not built for this processor
        return False
    return bool(torch.equal(found, _products(extreme, rows, fast=False)))


@njit(cache=True, nogil=True, boundscheck=False)
def _keep_nearest(
    products: NDArray[np.int32],
    scales: NDArray[np.float32],
    norms: NDArray[np.float32],
    first_row: int,
    factors: NDArray[np.float32],
    values: NDArray[np.float32],
    ids: NDArray[np.int64],
    n_found: NDArray[np.int64],
) -> None:
    """Take rows into the heaps of their queries; the root of a heap is the worst that is kept."""
    k = values.shape[1]
    for query in range(len(products)):
        factor = factors[query]
        worst = values[query, 0] if n_found[query] == k else np.float32(np.inf)
        for start in range(0, products.shape[1], RUN):
            some = products[query, start : start + RUN]
            their_norms, their_scales = norms[start : start + RUN], scales[start : start + RUN]
            n_near = np.int32(0)
            for row in range(len(some)):  # no branch: compiled to sixteen rows at a time
                n_near += np.int32(
                    their_norms[row] + factor * their_scales[row] * np.float32(some[row]) < worst
                )
            if n_near == 0:
                continue
            for row in range(len(some)):
                value = their_norms[row] + factor * their_scales[row] * np.float32(some[row])
                if value < worst:
                    n_found[query] = _taken_in(
                        values[query], ids[query], n_found[query], value, first_row + start + row
                    )
                    if n_found[query] == k:
                        worst = values[query, 0]


@njit(cache=True, nogil=True, boundscheck=False)
def _taken_in(
    values: NDArray[np.float32], ids: NDArray[np.int64], n_found: int, value: np.float32, row: int
) -> int:
    """Put a row into a heap, in place of the worst if it is full, and return how many it holds."""
    k = len(values)
    if n_found < k:
        place = n_found
        while place > 0:
            above = (place - 1) >> 1
            if values[above] > value or (values[above] == value and ids[above] > row):
                break
            values[place], ids[place] = values[above], ids[above]
            place = above
        values[place], ids[place] = value, row
        return n_found + 1
    place = 0
    while True:
        below = 2 * place + 1
        if below >= k:
            break
        if below + 1 < k and (
            values[below + 1] > values[below]
            or (values[below + 1] == values[below] and ids[below + 1] > ids[below])
        ):
            below += 1
        if values[below] < value or (values[below] == value and ids[below] < row):
            break
        values[place], ids[place] = values[below], ids[below]
        place = below
    values[place], ids[place] = value, row
    return k
