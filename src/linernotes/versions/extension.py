"""Where a stretch begins and ends: a path grown anew at both ends, on evidence of frames on their own.

Projections that see four seconds blur the ends of a path. From a little inside of it, both ends are therefore followed
outwards through the log-odds of narrow projections, as far as they add up: the best sum is the likeliest place of the
change from *same* to *unrelated*. A passage of bad frames is crossed when the evidence behind outweighs it, and
given up once the sum lies a fixed amount below its best (the drop-off of BLAST's gapped extension).

Conventions
-----------
Gains are in nats of single frames. Paths are grown on the clock, and with the steps, of `linernotes.versions.alignment`.

References
----------
Altschul et al. (1997), "Gapped BLAST and PSI-BLAST", Nucleic Acids Research 25 (extension with a drop-off).
Page (1954), "Continuous inspection schemes", Biometrika 41 (change points by sums of log-odds).

Known limits
------------
Music that goes on alike behind the end of a quotation, a repeated bar or a common cadence, is taken along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from linernotes.versions.alignment import Matrix, Path

Frames = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ExtensionConfig:
    """Settings of `regrown`.

    Parameters
    ----------
    limit : float
        Most that one frame can add or take, in nats.
    gap : float
        Cost of a step that skips a frame: an end is too short to learn another tempo from.
    drop : float
        How far below its best the sum may fall before an end is given up.
    inwards : int
        Steps of the old path that each end may lose, at most a third of all.
    """

    limit: float = 20.0
    gap: float = 32.0
    drop: float = 60.0
    inwards: int = 10


def regrown(path: Path, sharp: Matrix, config: ExtensionConfig = ExtensionConfig()) -> Path:
    """Return a path with both ends set anew; its score stays.

    Parameters
    ----------
    path : Path
        At least two steps.
    sharp : NDArray[np.float32] [shape=(n_a, n_b)]
        Log-odds of single frames.
    config : ExtensionConfig, optional
        Settings.

    Examples
    --------
    >>> steps = np.arange(3, 6)
    >>> sharp = np.where(np.eye(9, dtype=bool), 10, -10).astype(np.float32)
    >>> sharp[8, 8] = -10
    >>> regrown(Path(1.0, steps, steps, np.ones(3, np.float32)), sharp).a.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    inwards = min(config.inwards, len(path.a) // 3)
    first, last = inwards, len(path.a) - 1 - inwards
    limits = np.array([config.limit, config.gap, config.drop], np.float32)
    before_a, before_b = grow(sharp[path.a[first] :: -1, path.b[first] :: -1], limits)
    after_a, after_b = grow(sharp[path.a[last] :, path.b[last] :], limits)
    a = np.concatenate([path.a[first] - before_a[::-1], path.a[first + 1 : last], path.a[last] + after_a])
    b = np.concatenate([path.b[first] - before_b[::-1], path.b[first + 1 : last], path.b[last] + after_b])
    if first == last:  # both ends begin in one frame
        a, b = np.delete(a, len(before_a)), np.delete(b, len(before_b))
    gains = np.clip(sharp[a, b], -config.limit, config.limit)
    return Path(path.score, a, b, gains.astype(np.float32))


@numba.njit(cache=True)
def grow(s: Matrix, limits: NDArray[np.float32]) -> tuple[Frames, Frames]:
    """Return the path from the first cell to the best sum, which leaves no cell that lies *drop* below the best so far."""
    limit, gap, drop = limits
    n, m = s.shape
    lost = np.float32(-1e9)
    d = np.full((n + 2, m + 2), lost, np.float32)
    best, end_i, end_j = lost, 0, 0
    low, high = 0, 1  # columns that the two rows before can reach
    older_low, older_high = 0, 1
    for i in range(n):
        first, last = m, -1
        for j in range(min(low, older_low), min(max(high, older_high), m)):
            value = np.float32(0.0)
            if i or j:
                value = max(d[i + 1, j + 1], d[i, j + 1] - gap, d[i + 1, j] - gap)
            value += min(max(s[i, j], -limit), limit)
            if value < best - drop or value < lost / 2:
                continue
            d[i + 2, j + 2] = value
            first, last = min(first, j), j
            if value > best:
                best, end_i, end_j = value, i, j
        older_low, older_high = low, high
        low, high = (first, last + 3) if last >= 0 else (m, 0)
        if low >= high and older_low >= older_high:
            break
    return _walk_back(d, end_i, end_j, gap)


@numba.njit(cache=True)
def _walk_back(d: Matrix, i: int, j: int, gap: np.float32) -> tuple[Frames, Frames]:
    a = np.empty(i + j + 1, np.int64)
    b = np.empty(i + j + 1, np.int64)
    count = 0
    while True:
        a[count], b[count] = i, j
        count += 1
        if i == 0 and j == 0:
            return a[:count][::-1].copy(), b[:count][::-1].copy()
        straight, skip_a, skip_b = d[i + 1, j + 1], d[i, j + 1] - gap, d[i + 1, j] - gap
        if straight >= skip_a and straight >= skip_b:
            i, j = i - 1, j - 1
        elif skip_a >= skip_b:
            i, j = i - 2, j - 1
        else:
            i, j = i - 1, j - 2
