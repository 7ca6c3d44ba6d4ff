"""What a recording looks like along its time line: its loudness, its chroma, and its likeness to the other one.

Conventions
-----------
Pictures are PNGs of white ink whose opacity is the value: used as a mask, they take the page's colours. Chroma
rows run from B at the top to C at the bottom; in the picture of likeness, A's seconds run to the right and B's downwards.

Known limits
------------
The likeness shown is that of harmony, in B's most probable key; melody and rhythm are not in it.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio

N_COLUMNS = 480
N_INKS = 16
MOST_CELLS = 220
REACH = 4  # cells on either side that are averaged along the diagonal
Matrix = NDArray[np.float32]


def wave_path(audio: Audio, width: float, height: float, n_columns: int = N_COLUMNS) -> str:
    """Return the envelope of a recording as an SVG path around the middle of its height.

    Examples
    --------
    >>> wave_path(Audio(np.array([0.0, 0.5, 0.5, 1.0], np.float32), 4), 10.0, 8.0, n_columns=2)
    'M0 2L10 0L10 8L0 6Z'
    """
    n_columns = max(1, min(n_columns, len(audio.samples)))
    edges = np.linspace(0, len(audio.samples), n_columns + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(np.abs(audio.samples), edges)
    levels = peaks / max(float(peaks.max(initial=0.0)), 1e-9)
    xs = np.linspace(0, width, n_columns)
    upper = [(x, height / 2 * (1 - level)) for x, level in zip(xs, levels, strict=True)]
    lower = [(x, height - y) for x, y in reversed(upper)]
    return "M" + "L".join(f"{round(x, 1):g} {round(y, 1):g}" for x, y in [*upper, *lower]) + "Z"


def chroma_picture(chroma: Matrix) -> str:
    """Return chroma as a data URI of a PNG, one row per pitch class.

    Parameters
    ----------
    chroma : NDArray[np.float32] [shape=(n_frames, 12)]
        Centred vectors; what is below their mean stays blank.

    Examples
    --------
    >>> chroma_picture(np.eye(12, dtype=np.float32))[:22]
    'data:image/png;base64,'
    """
    ink = np.clip(averaged(chroma, N_COLUMNS), 0, None)
    top = float(np.quantile(ink, 0.995)) if ink.size else 0.0
    return _png(np.clip(ink / max(top, 1e-9), 0, 1).T[::-1])


def likeness_picture(a: Matrix, b: Matrix, transposition: int) -> str:
    """Return the likeness of every pair of moments, above the usual and along the diagonal, as a data URI of a PNG.

    Parameters
    ----------
    a, b : NDArray[np.float32] [shape=(n_a, 12)], [shape=(n_b, 12)]
        Centred unit chroma.
    transposition : int
        B's pitch minus A's in semitones.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> likeness_picture(x, np.roll(x, 2, axis=1), 2) == likeness_picture(x, x, 0)
    True
    """
    left = averaged(a, MOST_CELLS)
    right = averaged(np.roll(b, -transposition, axis=1), MOST_CELLS)
    alike = right @ left.T
    alike -= (alike.mean(axis=0, keepdims=True) + alike.mean(axis=1, keepdims=True)) / 2
    alike = _along_diagonals(alike)
    low, high = (float(value) for value in np.quantile(alike, [0.6, 0.995]))
    return _png(np.clip((alike - low) / max(high - low, 1e-9), 0, 1) ** 1.5)


def _along_diagonals(values: Matrix) -> Matrix:
    """Average each cell with its neighbours on the diagonal: what goes on together shows, what meets by chance fades."""
    reach = max(1, min(REACH, min(values.shape) // 4))
    padded = np.pad(values, reach, mode="edge")
    height, width = values.shape
    shifted = [padded[k : k + height, k : k + width] for k in range(2 * reach + 1)]
    return np.asarray(np.mean(shifted, axis=0), np.float32)


def averaged(values: Matrix, n_most: int) -> Matrix:
    """Average neighbouring rows until there are at most *n_most*.

    Examples
    --------
    >>> averaged(np.arange(4, dtype=np.float32)[:, None], 2)[:, 0].tolist()
    [0.5, 2.5]
    """
    if len(values) <= n_most:
        return np.asarray(values, np.float32)
    edges = np.linspace(0, len(values), n_most + 1).astype(int)
    sums = np.add.reduceat(values, edges[:-1], axis=0)
    return np.asarray(sums / np.diff(edges)[:, None], np.float32)


def _png(ink: NDArray[np.floating]) -> str:
    from matplotlib.image import imsave

    rgba = np.full((*ink.shape, 4), 255, np.uint8)
    rgba[..., 3] = np.round(ink * (N_INKS - 1)) * (255 / (N_INKS - 1))
    stream = io.BytesIO()
    imsave(stream, rgba, format="png", metadata={"Software": "Linernotes"})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
