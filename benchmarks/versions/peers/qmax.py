"""Qmax: the longest path through a cross-recurrence plot of two chroma sequences, gaps allowed.

This is our own reading of the paper, for machines without the authors' library; where that is installed,
`peers.essentia` runs beside it.

Conventions
-----------
Chroma [shape=(n_frames, 12)], about two frames per second. A larger score is more alike.

References
----------
Serrà, Serra, Andrzejak (2009), "Cross recurrence quantification for cover song identification", New Journal of
Physics 11 (recurrence plot, Qmax).
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", IEEE CS Conf. on the use of
symbols to represent music and multimedia objects (optimal transposition index).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

STACK = 9
KAPPA = 0.095
GAP = 0.5

Chroma = npt.NDArray[np.float32]


def transposition(a: Chroma, b: Chroma) -> int:
    """Return the steps to roll *b* by, so that the mean chroma of both agree best."""
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    return int(np.argmax([mean_a @ np.roll(mean_b, steps) for steps in range(12)]))


def stacked(chroma: Chroma, n_stack: int = STACK) -> npt.NDArray[np.float32]:
    """Return *n_stack* successive frames side by side [shape=(n_frames - n_stack + 1, 12 * n_stack)].

    Frames are scaled to a largest value of 1, as in the paper.
    """
    scaled = chroma / np.maximum(chroma.max(axis=1, keepdims=True), 1e-6)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, n_stack, axis=0)
    return np.ascontiguousarray(windows.transpose(0, 2, 1).reshape(len(windows), -1), np.float32)


def recurrence(a: Chroma, b: Chroma, kappa: float = KAPPA) -> npt.NDArray[np.bool_]:
    """Return where frames are mutual neighbours: among the nearest *kappa* of each other's."""
    a, b = stacked(a), stacked(b)
    distances = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    rows = max(1, round(kappa * distances.shape[1])) - 1
    columns = max(1, round(kappa * distances.shape[0])) - 1
    near_a = np.partition(distances, rows, axis=1)[:, rows : rows + 1]
    near_b = np.partition(distances, columns, axis=0)[columns : columns + 1]
    return np.asarray((distances <= near_a) & (distances <= near_b))


@numba.njit(cache=True)
def longest_path(plot: npt.NDArray[np.bool_], onset: float = GAP, extension: float = GAP) -> float:
    """Return the largest value of the paper's cumulative matrix Q."""
    n_rows, n_columns = plot.shape
    q = np.zeros((3, n_columns), np.float32)  # rows i - 2, i - 1, i
    longest = np.float32(0.0)
    for i in range(2, n_rows):
        now, last, before = i % 3, (i - 1) % 3, (i - 2) % 3
        q[now, :2] = 0.0
        for j in range(2, n_columns):
            if plot[i, j]:
                value = max(q[last, j - 1], q[before, j - 1], q[last, j - 2]) + 1
            else:
                one = q[last, j - 1] - (onset if plot[i - 1, j - 1] else extension)
                two = q[before, j - 1] - (onset if plot[i - 2, j - 1] else extension)
                three = q[last, j - 2] - (onset if plot[i - 1, j - 2] else extension)
                value = max(np.float32(0.0), one, two, three)
            q[now, j] = value
            longest = max(longest, value)
    return float(longest)


def qmax(a: Chroma, b: Chroma) -> float:
    """Return Qmax over the square root of the length of *b*, the paper's normalisation turned over."""
    plot = recurrence(a, np.roll(b, transposition(a, b), axis=1))
    return longest_path(plot) / float(np.sqrt(plot.shape[1]))
