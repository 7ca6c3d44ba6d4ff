"""Alignment of long recordings in blocks: the product of their frames is never in memory as a whole.

A row of the recursion (`linernotes.versions.alignment`) needs the two before it. So likenesses are multiplied for some
rows of A at a time, as many as `MOST_CELLS` allows. For the path itself the last two rows of every block are kept; going
back, a block is filled again from those of the block before it, and only where the path passes.

Conventions
-----------
Projected frames and costs as in `linernotes.versions.projection`; pieces that fit are one block, and then the result is
that of `linernotes.versions.alignment` to the bit.

Cost
----
For two recordings of an hour `linernotes.versions.hypotheses.search` peaks at 0.6 GB, in rhythm (29,000 steps each) at
0.9 GB in place of 10, and takes 5 and 37 CPU-s.

References
----------
Hirschberg (1975), "A linear space algorithm for computing maximal common subsequences", Communications of the ACM 18.
"""

from __future__ import annotations

import numpy as np

from linernotes.versions.alignment import (
    AlignmentConfig,
    Matrix,
    Path,
    extend_rows,
    fill,
    fresh_rows,
    trace_back,
)
from linernotes.versions.projection import Embedded

MOST_CELLS = 50_000_000  # likenesses in memory at a time: 0.2 GB


def product_scores(
    a: Embedded,
    b: Embedded,
    config: AlignmentConfig,
    most_cells: int | None = None,
) -> Matrix:
    """Return the greatest sum of gains over all local paths for each variant of B.

    Parameters
    ----------
    a : Embedded
        Projected frames of A.
    b : Embedded
        Projected frames of every variant of B, one variant after another, with the costs of one.
    config : AlignmentConfig
        Settings.
    most_cells : int, optional
        Likenesses held at a time, `MOST_CELLS` by default; one row of one variant always is.

    Returns
    -------
    NDArray[np.float32] [shape=(n_variants,)]
        Scores >= 0, as of `linernotes.versions.alignment.variant_scores`.

    Examples
    --------
    >>> frames = np.eye(3, dtype=np.float32)
    >>> product_scores(Embedded(frames, np.full(3, 0.5)), Embedded(frames, np.zeros(3)), AlignmentConfig(), 4).tolist()
    [1.5]
    """
    n_b, limits = len(b.costs), np.array([config.floor, config.ceiling, config.gap], np.float32)
    row_costs, column_costs = (np.asarray(one.costs, np.float32) for one in (a, b))
    most_cells = most_cells or MOST_CELLS
    n_variants = max(1, min(len(b.vectors) // n_b, most_cells // n_b))
    n_rows = max(1, most_cells // (n_variants * n_b))
    scores = []
    for first in range(0, len(b.vectors), n_variants * n_b):
        variants = b.vectors[first : first + n_variants * n_b].T
        state = fresh_rows(variants.shape[1] // n_b, n_b)
        for row in range(0, len(a), n_rows):
            x = a.vectors[row : row + n_rows] @ variants
            extend_rows(state, x, row_costs[row : row + n_rows], column_costs, row, limits)
        scores.append(state[:, 3].max(axis=1))
    return np.concatenate(scores)


def product_path(
    a: Embedded,
    b: Embedded,
    config: AlignmentConfig,
    most_cells: int | None = None,
) -> Path:
    """Return the best local path; empty with score 0 where nothing is positive.

    Parameters
    ----------
    a, b : Embedded
        Projected frames of A and B.
    config : AlignmentConfig
        Settings.
    most_cells : int, optional
        Likenesses held at a time, `MOST_CELLS` by default; one row always is.

    Examples
    --------
    >>> frames = Embedded(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    >>> product_path(frames, frames, AlignmentConfig(), most_cells=3).a.tolist()
    [0, 1, 2]
    """
    n_rows = max(1, (most_cells or MOST_CELLS) // len(b))
    before = [np.zeros((2, len(b) + 2), np.float32)]
    score, i, j = np.float32(0.0), -1, -1
    for first in range(0, len(a), n_rows):
        d, (best, row, column) = _filled(a, b, config, first, n_rows, before[-1])
        before.append(d[-2:].copy())
        if best > score:
            score, i, j = best, first + row, column
    longest = max(len(a), len(b))
    at_a, at_b, count = np.empty(longest, np.int64), np.empty(longest, np.int64), 0
    while i >= 0 and j >= 0:
        at = i // n_rows
        if n_rows < len(a):  # else D is still there
            d, _ = _filled(a, b, config, at * n_rows, n_rows, before[at])
        known = count
        count, i, j = trace_back(d, config.gap, at * n_rows, i, j, at_a, at_b, count)
        if count == known:
            break
    at_a, at_b = at_a[:count][::-1].copy(), at_b[:count][::-1].copy()
    return Path(float(score), at_a, at_b, _gains(a, b, at_a, at_b, config))


def _filled(
    a: Embedded, b: Embedded, config: AlignmentConfig, first: int, n_rows: int, before: Matrix
) -> tuple[Matrix, tuple[np.float32, int, int]]:
    """Return D for some rows of A, below the two rows *before* them, and its greatest value with its place."""
    s = a.vectors[first : first + n_rows] @ b.vectors.T
    s -= a.costs[first : first + n_rows, None]
    s -= b.costs[None, :]
    np.clip(s, config.floor, config.ceiling, out=s)
    d = np.zeros((len(s) + 2, len(b) + 2), np.float32)
    d[:2] = before
    return d, fill(d, s, config.gap)


def _gains(a: Embedded, b: Embedded, at_a: np.ndarray, at_b: np.ndarray, config: AlignmentConfig) -> Matrix:
    likeness = np.einsum("ij,ij->i", a.vectors[at_a], b.vectors[at_b])
    return np.asarray(
        np.clip(likeness - a.costs[at_a] - b.costs[at_b], config.floor, config.ceiling), np.float32
    )
