"""Alignment scores in all twelve keys at once.

Transposing is rolling twelve pitch classes, so the likenesses of two frames in all keys are a circular
cross-correlation. Its Fourier transform over pitch classes is a product per frequency, added over blocks: 12 products
instead of 144 for each pair of blocks. Likenesses are turned back row by row and go straight into the recursion of
`linernotes.versions.alignment`, all keys side by side; nothing of the size of the matrix is ever written.

Conventions
-----------
Key *k* transposes B down by *k* semitones. ``rows`` of a `Spectrum` hold, per block, frequencies 0 and 6, then real and
imaginary part of 1 to 5; ``columns`` is its transpose. Blocks are padded to a multiple of `CHUNK`.

Cost
----
10 ns per cell for all twelve keys and six blocks, against 20 ns with one product of matrices per key.

References
----------
Oppenheim, Schafer (2010), "Discrete-Time Signal Processing", chapter 8 (circular correlation by transforms).
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", CS and Music Conf.

Known limits
------------
Sums of 32-bit floats in another order: scores agree with those of single keys to about six digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.versions.alignment import AlignmentConfig, Matrix
from linernotes.versions.projection import Embedded

CHUNK = 3  # blocks that the inner loop takes at once
_ZERO, _HALF, _ROOT = np.float32(0.0), np.float32(0.5), np.float32(np.sqrt(0.75))


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Projected frames over frequencies of pitch class.

    ``rows`` [shape=(n_frames, 12 * n_blocks)], ``columns`` its transpose, both contiguous; ``costs``
    [shape=(n_frames,)].
    """

    rows: Matrix
    columns: Matrix
    costs: Matrix


def spectrum(frames: Embedded) -> Spectrum:
    """Return the transform of projected frames.

    Examples
    --------
    >>> one = Embedded(np.eye(12, dtype=np.float32)[:2], np.zeros(2, np.float32))
    >>> spectrum(one).rows.shape
    (2, 36)
    """
    n_values = frames.vectors.shape[1]
    rows = np.asarray(frames.vectors, np.float32) @ _transform(n_values // PITCH_CLASSES)
    return Spectrum(rows, np.ascontiguousarray(rows.T), np.asarray(frames.costs, np.float32))


@lru_cache(maxsize=8)
def _transform(n_blocks: int) -> Matrix:
    """Return the matrix that turns blocks of pitch classes into `Spectrum.rows` [shape=(12 * n_blocks, n_values)]."""
    ones = np.eye(PITCH_CLASSES)
    found = np.fft.rfft(ones, axis=1, norm="ortho")
    parts = [found[:, 0].real, found[:, 6].real]
    for frequency in range(1, 6):  # frequencies 7 to 11 mirror these
        parts += [np.sqrt(2) * found[:, frequency].real, np.sqrt(2) * found[:, frequency].imag]
    places = np.eye(n_blocks, n_blocks + -n_blocks % CHUNK)
    return np.ascontiguousarray(np.hstack([np.kron(places, part[:, None]) for part in parts]), np.float32)


def keyed_scores(a: Spectrum, b: Spectrum, config: AlignmentConfig) -> Matrix:
    """Return the greatest sum of gains over all local paths, in every key.

    Parameters
    ----------
    a, b : Spectrum
        Frames of two pieces, projected alike.
    config : AlignmentConfig
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(12,)]
        Scores >= 0, by the semitones that B is transposed down.

    Examples
    --------
    >>> tune = 4 * np.eye(12, dtype=np.float32)[[0, 4, 7, 5, 2]]
    >>> a, b = (Embedded(x, np.full(5, 2, np.float32)) for x in (tune, np.roll(tune, 3, axis=1)))
    >>> keyed_scores(spectrum(a), spectrum(b), AlignmentConfig()).argmax()
    np.int64(3)
    """
    limits = np.array([config.floor, config.ceiling, config.gap], np.float32)
    return np.asarray(_keyed_scores(a.rows, b.columns, a.costs, b.costs, limits))


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _keyed_scores(a: Matrix, b: Matrix, row_costs: Matrix, column_costs: Matrix, limits: Matrix) -> Matrix:
    n_a, n_b = a.shape[0], b.shape[1]
    even, odd = np.empty((7, n_b), np.float32), np.empty((6, n_b), np.float32)
    likeness = np.empty((12, n_b), np.float32)
    gains = np.empty(n_b, np.float32)
    d = np.zeros((3, 12, n_b + 2), np.float32)
    best = np.zeros((12, n_b + 2), np.float32)
    for i in range(n_a):
        _correlate(even, odd, a[i], b)
        _turn_back(even, odd, likeness)
        now, last, older = i % 3, (i + 2) % 3, (i + 1) % 3
        for key in range(12):
            _row_gains(gains, likeness, key, row_costs[i], column_costs, limits)
            _extend(d, key, now, last, older, gains, limits[2])
            _keep_best(best, d, key, now)
    scores = np.empty(12, np.float32)
    for key in range(12):
        scores[key] = best[key].max()
    return scores


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _correlate(even: Matrix, odd: Matrix, row: Matrix, b: Matrix) -> None:
    """Fill real (*even*) and imaginary (*odd*) part of the products per frequency, added over blocks."""
    n_b, n_blocks = b.shape[1], b.shape[0] // 12
    even[:], odd[:] = 0, 0
    for k in range(0, n_blocks, CHUNK):
        for half in range(2):
            u, to = half * n_blocks + k, 6 * half
            r0, r1, r2 = row[u], row[u + 1], row[u + 2]
            for j in range(n_b):
                even[to, j] += r0 * b[u, j] + r1 * b[u + 1, j] + r2 * b[u + 2, j]
        for f in range(1, 6):
            u = 2 * n_blocks * f + k
            v = u + n_blocks
            r0, r1, r2, i0, i1, i2 = row[u], row[u + 1], row[u + 2], row[v], row[v + 1], row[v + 2]
            for j in range(n_b):
                x0, x1, x2, y0, y1, y2 = b[u, j], b[u + 1, j], b[u + 2, j], b[v, j], b[v + 1, j], b[v + 2, j]
                even[f, j] += r0 * x0 + r1 * x1 + r2 * x2 + i0 * y0 + i1 * y1 + i2 * y2
                odd[f, j] += i0 * x0 + i1 * x1 + i2 * x2 - r0 * y0 - r1 * y1 - r2 * y2


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _turn_back(even: Matrix, odd: Matrix, out: Matrix) -> None:
    """Transform back: ``out[k] = sum over f of even[f] cos(pi f k / 6) + odd[f] sin(pi f k / 6)``, by its symmetries."""
    for j in range(even.shape[1]):
        c1, c2, c3, c4, c5 = even[1, j], even[2, j], even[3, j], even[4, j], even[5, j]
        s1, s2, s3, s4, s5 = odd[1, j], odd[2, j], odd[3, j], odd[4, j], odd[5, j]
        plus, minus = even[0, j] + even[6, j], even[0, j] - even[6, j]
        a0, b0 = plus + c2 + c4, c1 + c3 + c5
        a1, b1 = minus + _HALF * (c2 - c4), _ROOT * (c1 - c5)
        a2, b2 = plus - _HALF * (c2 + c4), _HALF * (c1 + c5) - c3
        a3 = minus - c2 + c4
        p1, q1 = _HALF * (s1 + s5) + s3, _ROOT * (s2 + s4)
        p2, q2 = _ROOT * (s1 - s5), _ROOT * (s2 - s4)
        p3 = s1 - s3 + s5
        out[0, j], out[6, j] = a0 + b0, a0 - b0
        out[1, j], out[11, j] = a1 + b1 + p1 + q1, a1 + b1 - p1 - q1
        out[5, j], out[7, j] = a1 - b1 + p1 - q1, a1 - b1 - p1 + q1
        out[2, j], out[10, j] = a2 + b2 + p2 + q2, a2 + b2 - p2 - q2
        out[4, j], out[8, j] = a2 - b2 + p2 - q2, a2 - b2 - p2 + q2
        out[3, j], out[9, j] = a3 + p3, a3 - p3


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _row_gains(
    gains: Matrix, x: Matrix, key: int, row_cost: np.float32, column_costs: Matrix, limits: Matrix
) -> None:
    floor, ceiling = limits[0], limits[1]
    for j in range(len(gains)):
        value = x[key, j] - row_cost - column_costs[j]
        value = value if value < ceiling else ceiling
        gains[j] = value if value > floor else floor


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _extend(d: Matrix, key: int, now: int, last: int, older: int, gains: Matrix, gap: np.float32) -> None:
    """Fill one row of D from the two before it; plain comparisons, which the compiler vectorises."""
    for j in range(len(gains)):
        value = d[last, key, j + 1]
        skip_a = d[older, key, j + 1] - gap
        skip_b = d[last, key, j] - gap
        value = value if value > skip_a else skip_a
        value = value if value > skip_b else skip_b
        value += gains[j]
        d[now, key, j + 2] = value if value > 0 else _ZERO


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _keep_best(best: Matrix, d: Matrix, key: int, now: int) -> None:
    for j in range(best.shape[1]):
        best[key, j] = best[key, j] if best[key, j] > d[now, key, j] else d[now, key, j]
