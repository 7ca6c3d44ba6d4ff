"""Local alignment of two sequences of musical vectors: the stretches that are alike.

The idea is that of Smith and Waterman in the form that Serrà gave it for version identification. Frame *i* of
A and frame *j* of B are alike by the mean correlation of the stretches around them (time-delay embedding).
What is usual for this pair (the mean over the row and over the column) is subtracted, so that two drones on
one note earn little for agreeing everywhere. What remains above a threshold is evidence for a common
stretch, what remains below is evidence against one; the best path sums it.

``D[i, j] = max(0, s[i, j] + max(D[i-1, j-1], D[i-2, j-1] - gap, D[i-1, j-2] - gap))``

The steps keep the local slope between 1/2 and 2, as in Qmax. All twelve transpositions and a few tempo ratios
are tried; the best path over all is the alignment (Optimal Transposition Index, searched rather than guessed
from global chroma, so that a short quotation is found in a piece in another key). Further disjoint spans come
from striking out the rectangle of the best one and asking again (Waterman and Eggert).

Conventions
-----------
Sequences are ``[shape=(n_frames, n_values), float32]``. *Transposition* is B's pitch minus A's in semitones,
in -5..6. *Tempo ratio* is seconds of B per second of A; the slower side is resampled, so that A against B and
B against A are the same problem. Spans are half-open frame ranges.

Cost
----
O(12 · n_ratios · n_a · n_b); about 0.1 ms per hypothesis for two minutes-long sequences.

References
----------
Smith, Waterman (1981), "Identification of common molecular subsequences", J. Mol. Biol. 147.
Waterman, Eggert (1987), "A new algorithm for best subsequence alignments", J. Mol. Biol. 197.
Serrà, Serra, Andrzejak (2009), "Cross recurrence quantification for cover song identification", New J.
Phys. 11.
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", CS and Music Conf.

Known limits
------------
A tempo more than a factor 1.7 away, backwards playing and octave-dependent changes of key are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AlignmentConfig:
    """Settings of the alignment; a change makes the calibration void.

    Parameters
    ----------
    width : int
        Frames averaged along the diagonal, odd.
    threshold : float
        Correlation above the usual that earns nothing and costs nothing.
    usual : float in [0, 1]
        Part of the pair's usual correlation that is subtracted.
    gap : float
        Cost of a step that skips a frame.
    ratios : tuple of float
        Tempo ratios tried.
    """

    width: int = 9
    threshold: float = 0.3
    usual: float = 0.6
    gap: float = 0.1
    ratios: tuple[float, ...] = (1.0, 1.2, 1 / 1.2, 1.44, 1 / 1.44)


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


def resampled(sequence: Matrix, ratio: float) -> Matrix:
    """Return the sequence played *ratio* times as fast, by linear interpolation.

    Examples
    --------
    >>> resampled(np.arange(4, dtype=np.float32)[:, None], 2.0)[:, 0].tolist()
    [0.5, 2.5]
    """
    if ratio == 1.0:
        return sequence
    n_frames = max(2, round(len(sequence) / ratio))
    at = np.clip((np.arange(n_frames) + 0.5) * ratio - 0.5, 0, len(sequence) - 1)
    low = np.minimum(at.astype(np.int64), max(len(sequence) - 2, 0))
    part = (at - low).astype(np.float32)[:, None]
    return np.asarray(
        (1 - part) * sequence[low] + part * sequence[np.minimum(low + 1, len(sequence) - 1)], np.float32
    )


def evidence(a: Matrix, b: Matrix, config: AlignmentConfig = AlignmentConfig()) -> Matrix:
    """Return ``s[i, j]``, the evidence of every pair of frames.

    Parameters
    ----------
    a, b : NDArray[np.float32] [shape=(n_a, n_values)], [shape=(n_b, n_values)]
        Sequences of centred unit vectors.
    config : AlignmentConfig, optional
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(n_a, n_b)]
        Mean correlation along the diagonal, less the usual, less the threshold.

    Examples
    --------
    >>> x = np.eye(3, dtype=np.float32)
    >>> evidence(x, x, AlignmentConfig(width=1, threshold=0.0, usual=0.0)).tolist()[0]
    [1.0, 0.0, 0.0]
    """
    rows = (a @ b.mean(axis=0)).astype(np.float32)
    columns = (b @ a.mean(axis=0)).astype(np.float32)
    return np.asarray(
        _evidence(a @ np.ascontiguousarray(b.T), rows, columns, config.width, config.threshold, config.usual)
    )


def best_score(s: Matrix, gap: float) -> float:
    """Return the greatest sum of evidence over all local paths.

    Examples
    --------
    >>> best_score(np.eye(3, dtype=np.float32) - 0.5, 0.1)
    1.5
    """
    return float(_best_score(s, gap))


def best_scores(
    variants: NDArray[np.float32],
    frames: Matrix,
    bounds: NDArray[np.int64],
    tried: NDArray[np.int64],
    kept: NDArray[np.bool_],
    config: AlignmentConfig,
) -> Matrix:
    """Return the best score of a fragment in each of many pieces.

    Parameters
    ----------
    variants : NDArray[np.float32] [shape=(n_variants, n_steps, n_values)]
        The fragment, transposed in every way.
    frames : NDArray[np.float32] [shape=(n_frames, n_values)]
        All pieces, one after another; piece *p* is ``frames[bounds[p] : bounds[p + 1]]``.
    bounds : NDArray[np.int64] [shape=(n_pieces + 1,)]
        Where pieces begin, and the end.
    tried : NDArray[np.int64] [shape=(n_pieces, n_tried)]
        Variants to try in each piece.
    kept : NDArray[np.bool_] [shape=(n_pieces,)]
        Pieces to search; the others score 0.
    config : AlignmentConfig
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(n_pieces,)]
        Greatest score over the variants tried.

    Examples
    --------
    >>> x = np.eye(3, dtype=np.float32)
    >>> settings = AlignmentConfig(width=1, threshold=0.5, usual=0.0)
    >>> one = np.array([[0]])
    >>> best_scores(x[None], x, np.array([0, 3]), one, np.array([True]), settings).tolist()
    [1.5]
    """
    settings = (config.width, config.threshold, config.usual, config.gap)
    return np.asarray(_best_scores(variants, frames, bounds, tried, kept, *settings))


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
        s[path.a[0] : path.a[-1] + 1, path.b[0] : path.b[-1] + 1] = -1e3


@numba.njit(cache=True, fastmath=True)
def _evidence(x: Matrix, rows: Matrix, columns: Matrix, width: int, threshold: float, usual: float) -> Matrix:
    """Average along diagonals by running sums; rows are swept whole, so the inner loop is vectorised."""
    n, m = x.shape
    half = width // 2
    running = np.zeros((n + 1, m + 1), np.float32)
    for i in range(n):
        base = usual * 0.5 * rows[i]
        for j in range(m):
            running[i + 1, j + 1] = running[i, j] + x[i, j] - base - usual * 0.5 * columns[j]
    s = np.empty((n, m), np.float32)
    scale = np.float32(1.0 / (2 * half + 1))
    for i in range(n):
        for j in range(m):
            after = min(half + 1, n - i, m - j)
            before = min(half, i, j)
            total = running[i + after, j + after] - running[i - before, j - before]
            s[i, j] = total * scale - threshold
    return s


@numba.njit(cache=True, fastmath=True)
def _best_score(s: Matrix, gap: float) -> np.float32:
    n, m = s.shape
    cost = np.float32(gap)  # mixed precision would halve the speed
    d = np.zeros((3, m + 2), np.float32)
    best = np.float32(0.0)
    for i in range(n):
        now, last, older = d[i % 3], d[(i + 2) % 3], d[(i + 1) % 3]
        for j in range(m):
            value = max(last[j + 1], older[j + 1] - cost, last[j] - cost) + s[i, j]
            value = max(value, np.float32(0.0))
            now[j + 2] = value
            best = max(best, value)
    return best


@numba.njit(cache=True)
def _best_scores(
    variants: NDArray[np.float32],
    frames: Matrix,
    bounds: NDArray[np.int64],
    tried: NDArray[np.int64],
    kept: NDArray[np.bool_],
    width: int,
    threshold: float,
    usual: float,
    gap: float,
) -> Matrix:
    """Do what `evidence` and `best_score` do, without leaving compiled code between pieces."""
    scores = np.zeros(len(kept), np.float32)
    n_steps = np.float32(variants.shape[1])
    for piece in range(len(kept)):
        if not kept[piece]:
            continue
        right = frames[bounds[piece] : bounds[piece + 1]]
        mean_right = right.sum(axis=0) / np.float32(len(right))
        for variant in tried[piece]:
            left = variants[variant]
            rows = np.dot(left, mean_right)
            columns = np.dot(right, left.sum(axis=0) / n_steps)
            s = _evidence(np.dot(left, right.T), rows, columns, width, threshold, usual)
            scores[piece] = max(scores[piece], _best_score(s, gap))
    return scores


@numba.njit(cache=True)
def _trace(s: Matrix, gap: float) -> tuple[np.float32, NDArray[np.int64], NDArray[np.int64]]:
    n, m = s.shape
    cost = np.float32(gap)
    d = np.zeros((n + 2, m + 2), np.float32)
    best, end_i, end_j = np.float32(0.0), -1, -1
    for i in range(n):
        for j in range(m):
            value = max(d[i + 1, j + 1], d[i, j + 1] - cost, d[i + 1, j] - cost) + s[i, j]
            if value > 0:
                d[i + 2, j + 2] = value
                if value > best:
                    best, end_i, end_j = value, i, j
    a = np.empty(max(n, m), np.int64)
    b = np.empty(max(n, m), np.int64)
    count, i, j = 0, end_i, end_j
    while i >= 0 and j >= 0 and d[i + 2, j + 2] > 0:
        a[count], b[count] = i, j
        count += 1
        straight, skip_a, skip_b = d[i + 1, j + 1], d[i, j + 1] - cost, d[i + 1, j] - cost
        if straight >= skip_a and straight >= skip_b:
            i, j = i - 1, j - 1
        elif skip_a >= skip_b:
            i, j = i - 2, j - 1
        else:
            i, j = i - 1, j - 2
    return best, a[:count][::-1].copy(), b[:count][::-1].copy()
