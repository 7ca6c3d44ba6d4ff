"""Local alignment of two sequences of musical vectors: the stretches that are alike.

Smith and Waterman's idea with *log-odds* gains: a pair of frames, i of A and j of B, earns the logarithm of how much
likelier its likeness is when both are the same moment of the same work than when the pieces are unrelated
(`linernotes.versions.projection` learns them). Gains are clipped, so that no single frame decides, and the best path
sums them:

``D[i, j] = max(0, s[i, j] + max(D[i-1, j-1], D[i-2, j-1] - gap, D[i-1, j-2] - gap))``

The steps keep the local slope between 1/2 and 2, as in Qmax; a longer gap is a new span. Unrelated frames lose more
than they earn, so scores grow with the logarithm of the lengths and Karlin-Altschul statistics hold
(`linernotes.versions.expectation`). Further disjoint spans come from striking out the rectangle of the best one and
asking again (Waterman and Eggert).

Conventions
-----------
``x[i, j]`` are likenesses, ``rows`` and ``columns`` what is subtracted for a frame of A and of B. Gains are in nats;
neighbouring frames share context, so a sum of gains overstates the evidence by a factor that `expectation` measures.

Cost
----
1 ns per cell and hypothesis: a row depends on earlier rows only, so the inner loop is vectorised.

References
----------
Smith, Waterman (1981), "Identification of common molecular subsequences", J. Mol. Biol. 147.
Waterman, Eggert (1987), "A new algorithm for best subsequence alignments", J. Mol. Biol. 197.
Karlin, Altschul (1990), "Methods for assessing the statistical significance of molecular sequence features", PNAS 87.
Serrà, Serra, Andrzejak (2009), "Cross recurrence quantification for cover song identification", New J.
Phys. 11.

Known limits
------------
Backwards playing and octave-dependent changes of key are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
STRUCK = -1e3  # evidence of frames that no path may use again, far below what a path can bear


@dataclass(frozen=True, slots=True)
class AlignmentConfig:
    """Settings of the alignment; a change makes the calibration void.

    Parameters
    ----------
    floor, ceiling : float
        Least and greatest gain of a pair of frames, in nats.
    gap : float
        Cost of a step that skips a frame.
    """

    floor: float = -20.0
    ceiling: float = 20.0
    gap: float = 8.0


@dataclass(frozen=True, slots=True)
class Path:
    """One local alignment, in frames.

    ``a`` and ``b`` are the aligned frame pairs [shape=(n_steps,), int64], rising; ``gains`` is the evidence
    of each; ``score`` is its sum less the cost of gaps.
    """

    score: float
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    gains: Matrix

    def strongest(self, n_steps: int) -> tuple[int, int, float]:
        """Return first step, end step and evidence of the best *n_steps* steps in a row.

        Examples
        --------
        >>> steps = np.arange(3)
        >>> Path(4.0, steps, steps, np.array([1, 2, 1], np.float32)).strongest(2)
        (0, 2, 3.0)
        """
        n_steps = min(n_steps, len(self.gains))
        total = np.concatenate([[0.0], np.cumsum(self.gains, dtype=np.float64)])
        sums = total[n_steps:] - total[: len(total) - n_steps]
        start = int(sums.argmax())
        return start, start + n_steps, float(sums[start])


def gains(
    x: Matrix,
    rows: Matrix,
    columns: Matrix,
    config: AlignmentConfig = AlignmentConfig(),
) -> Matrix:
    """Return ``s[i, j]``, the evidence of every pair of frames.

    Parameters
    ----------
    x : NDArray[np.float32] [shape=(n_a, n_b)]
        Likenesses.
    rows, columns : NDArray[np.float32] [shape=(n_a,)], [shape=(n_b,)]
        What is subtracted.
    config : AlignmentConfig, optional
        Settings.

    Examples
    --------
    >>> gains(np.eye(2, dtype=np.float32) * 50, np.ones(2, np.float32), np.zeros(2, np.float32)).tolist()
    [[20.0, -1.0], [-1.0, 20.0]]
    """
    s = np.clip(x - rows[:, None] - columns[None, :], config.floor, config.ceiling)
    return np.asarray(s, np.float32)


def variant_scores(
    x: Matrix,
    rows: Matrix,
    columns: Matrix,
    config: AlignmentConfig = AlignmentConfig(),
) -> Matrix:
    """Return the greatest sum of gains over all local paths for each variant of B.

    Parameters
    ----------
    x : NDArray[np.float32] [shape=(n_a, n_variants * n_b)]
        Likenesses of A's frames and those of every variant of B, one variant after another.
    rows, columns : NDArray[np.float32] [shape=(n_a,)], [shape=(n_b,)]
        What is subtracted.
    config : AlignmentConfig, optional
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(n_variants,)]
        Scores >= 0.

    Examples
    --------
    >>> x = np.hstack([np.eye(3), 2 * np.eye(3)]).astype(np.float32)
    >>> variant_scores(x, np.full(3, 0.5, np.float32), np.zeros(3, np.float32)).tolist()
    [1.5, 4.5]
    """
    n_variants = x.shape[1] // len(columns)
    limits = np.array([config.floor, config.ceiling, config.gap], np.float32)
    return np.asarray(_variant_scores(x, rows, columns, n_variants, limits))


def best_score(s: Matrix, gap: float) -> float:
    """Return the greatest sum of evidence over all local paths.

    Examples
    --------
    >>> best_score(np.eye(3, dtype=np.float32) - 0.5, 0.1)
    1.5
    """
    none = np.zeros(max(s.shape), np.float32)
    limits = np.array([-1e9, 1e9, gap], np.float32)
    return float(_variant_scores(s, none[: s.shape[0]], none[: s.shape[1]], 1, limits)[0])


def best_path(s: Matrix, gap: float) -> Path:
    """Return the best local path itself; empty with score 0 where nothing is positive.

    Examples
    --------
    >>> best_path(np.eye(3, dtype=np.float32) - 0.5, 0.1).a.tolist()
    [0, 1, 2]
    """
    score, a, b = _trace(s, gap)
    return Path(float(score), a, b, s[a, b])


def strike_out(s: Matrix, path: Path) -> None:
    """Make the rectangle of a path unusable, in place, so that the next best path is another one."""
    if len(path.a):
        s[path.a[0] : path.a[-1] + 1, path.b[0] : path.b[-1] + 1] = STRUCK


def _variant_scores(x: Matrix, rows: Matrix, columns: Matrix, n_variants: int, limits: Matrix) -> Matrix:
    state = fresh_rows(n_variants, len(columns))
    extend_rows(state, x, rows, columns, 0, limits)
    return np.asarray(state[:, 3].max(axis=1))


def fresh_rows(n_variants: int, n_b: int) -> Matrix:
    """Return for every variant three rows of D, of which each new one takes the oldest's place, and the best so far."""
    return np.zeros((n_variants, 4, n_b + 2), np.float32)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def extend_rows(
    state: Matrix, x: Matrix, rows: Matrix, columns: Matrix, first_row: int, limits: Matrix
) -> None:
    """Go on with `fresh_rows` over the rows of *x*, the first of which is row *first_row* of A."""
    floor, ceiling, gap = limits
    n_b = len(columns)
    s = np.empty(n_b, np.float32)
    for variant in range(len(state)):
        first = variant * n_b
        d, best = state[variant, :3], state[variant, 3]
        for i in range(x.shape[0]):
            row = first_row + i
            now, last, older = d[row % 3], d[(row + 2) % 3], d[(row + 1) % 3]
            _row_gains(s, x[i, first : first + n_b], rows[i], columns, floor, ceiling)
            _extend(now, last, older, s, gap)
            _keep_best(best, now)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _row_gains(
    s: Matrix,
    x: Matrix,
    row: np.float32,
    columns: Matrix,
    floor: np.float32,
    ceiling: np.float32,
) -> None:
    for j in range(len(s)):
        value = x[j] - row - columns[j]
        value = value if value < ceiling else ceiling
        s[j] = value if value > floor else floor


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _extend(now: Matrix, last: Matrix, older: Matrix, s: Matrix, gap: np.float32) -> None:
    """Fill one row of D from the two before it; plain comparisons, which the compiler vectorises."""
    for j in range(len(s)):
        value = last[j + 1]
        skip_a = older[j + 1] - gap
        skip_b = last[j] - gap
        value = value if value > skip_a else skip_a
        value = value if value > skip_b else skip_b
        value += s[j]
        now[j + 2] = value if value > 0 else np.float32(0.0)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _keep_best(best: Matrix, now: Matrix) -> None:
    for j in range(len(best)):
        best[j] = best[j] if best[j] > now[j] else now[j]


def _trace(s: Matrix, gap: float) -> tuple[np.float32, NDArray[np.int64], NDArray[np.int64]]:
    n, m = s.shape
    d = np.zeros((n + 2, m + 2), np.float32)
    best, i, j = fill(d, s, gap)
    a, b = np.empty(max(n, m), np.int64), np.empty(max(n, m), np.int64)
    count, _, _ = trace_back(d, gap, 0, i, j, a, b, 0)
    return best, a[:count][::-1].copy(), b[:count][::-1].copy()


@numba.njit(cache=True)
def fill(d: Matrix, s: Matrix, gap: float) -> tuple[np.float32, int, int]:
    """Fill all but the first two rows and columns of D [shape=(n + 2, m + 2)]; return the greatest value and its place.

    Values that are not positive stay as they were: zero.
    """
    n, m = s.shape
    cost = np.float32(gap)
    best, end_i, end_j = np.float32(0.0), -1, -1
    for i in range(n):
        for j in range(m):
            value = max(d[i + 1, j + 1], d[i, j + 1] - cost, d[i + 1, j] - cost) + s[i, j]
            if value > 0:
                d[i + 2, j + 2] = value
                if value > best:
                    best, end_i, end_j = value, i, j
    return best, end_i, end_j


@numba.njit(cache=True)
def trace_back(
    d: Matrix,
    gap: float,
    first: int,
    i: int,
    j: int,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    count: int,
) -> tuple[int, int, int]:
    """Follow a path backwards from (i, j) while it stays in rows of A from *first* on, whose D is given.

    Steps are written into *a* and *b* from *count* on; returned are their new number and where the path goes on.
    """
    cost = np.float32(gap)
    while i >= first and j >= 0 and d[i - first + 2, j + 2] > 0:
        a[count], b[count] = i, j
        count += 1
        row = i - first
        straight, skip_a, skip_b = (
            d[row + 1, j + 1],
            d[row, j + 1] - cost,
            d[row + 1, j] - cost,
        )
        if straight >= skip_a and straight >= skip_b:
            i, j = i - 1, j - 1
        elif skip_a >= skip_b:
            i, j = i - 2, j - 1
        else:
            i, j = i - 1, j - 2
    return count, i, j
