"""Where a stretch begins and ends: a path grown anew at both ends, on evidence of frames on their own.

Projections that see four seconds blur the ends of a path. From a little inside of it, both ends are therefore followed
outwards through the log-odds of narrow projections, as far as they add up: the best sum is the likeliest place of the
change from *same* to *unrelated*. A passage of bad frames is crossed when the evidence behind outweighs it, and
given up once the sum lies a fixed amount below its best (the drop-off of BLAST's gapped extension).

Most pairs of frames are never looked at: `LogOdds` are computed in a window around an end, which is doubled as long as
the sum leaves it.

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

from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from linernotes.versions.alignment import STRUCK, Matrix, Path
from linernotes.versions.projection import Embedded

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
    window : int > 0
        Frames on a side of the first window; the result does not depend on it.
    """

    limit: float = 20.0
    gap: float = 32.0
    drop: float = 60.0
    inwards: int = 10
    window: int = 32


@dataclass(frozen=True, slots=True, eq=False)
class LogOdds:
    """Log-odds of the frames of two recordings, computed where they are asked for.

    Parameters
    ----------
    a, b : Embedded
        Both, projected alike.
    struck : list of Path
        Paths whose rectangles are unusable.

    Examples
    --------
    >>> one = Embedded(np.eye(3, dtype=np.float32), np.full(3, 0.25, np.float32))
    >>> LogOdds(one, one).block(np.array([2, 1]), np.array([1, 2])).tolist()
    [[-0.5, 0.5], [0.5, -0.5]]
    """

    a: Embedded
    b: Embedded
    struck: list[Path] = field(default_factory=list)

    def block(self, rows: Frames, columns: Frames) -> Matrix:
        """Return the cells of some frames of A and some of B [shape=(n_rows, n_columns)]."""
        found = self.a.vectors[rows] @ self.b.vectors[columns].T
        found = found - self.a.costs[rows, None] - self.b.costs[None, columns]
        for path in self.struck:
            found[np.ix_(_covered(rows, path.a), _covered(columns, path.b))] = STRUCK
        return np.asarray(found, np.float32)

    def along(self, path_a: Frames, path_b: Frames) -> Matrix:
        """Return the cells of a path [shape=(n_steps,)]."""
        found = np.einsum("tk,tk->t", self.a.vectors[path_a], self.b.vectors[path_b])
        found = found - self.a.costs[path_a] - self.b.costs[path_b]
        for path in self.struck:
            found[_covered(path_a, path.a) & _covered(path_b, path.b)] = STRUCK
        return np.asarray(found, np.float32)

    def strike_out(self, path: Path) -> None:
        """Make the rectangle of a path unusable."""
        self.struck.append(path)


def regrown(path: Path, sharp: LogOdds, config: ExtensionConfig = ExtensionConfig()) -> Path:
    """Return a path with both ends set anew; its score stays.

    Parameters
    ----------
    path : Path
        At least two steps.
    sharp : LogOdds
        Of single frames.
    config : ExtensionConfig, optional
        Settings.

    Examples
    --------
    >>> steps = np.arange(3, 6)
    >>> tune = 10 * np.eye(9, dtype=np.float32)
    >>> tune[8] = 0
    >>> one = Embedded(tune, np.full(9, 5, np.float32))
    >>> regrown(Path(1.0, steps, steps, np.ones(3, np.float32)), LogOdds(one, one)).a.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    inwards = min(config.inwards, len(path.a) // 3)
    first, last = inwards, len(path.a) - 1 - inwards
    before_a, before_b = _outwards(path.a[first], path.b[first], -1, sharp, config)
    after_a, after_b = _outwards(path.a[last], path.b[last], 1, sharp, config)
    a = np.concatenate([before_a[::-1], path.a[first + 1 : last], after_a])
    b = np.concatenate([before_b[::-1], path.b[first + 1 : last], after_b])
    if first == last:  # both ends begin in one frame
        a, b = np.delete(a, len(before_a)), np.delete(b, len(before_b))
    gains = np.clip(sharp.along(a, b), -config.limit, config.limit)
    return Path(path.score, a, b, gains)


def _outwards(
    from_a: int, from_b: int, direction: int, sharp: LogOdds, config: ExtensionConfig
) -> tuple[Frames, Frames]:
    """Return the frames from a cell to the best sum, towards the beginning (-1) or the end (1)."""
    limits = np.array([config.limit, config.gap, config.drop], np.float32)
    room_a, room_b = (
        (len(side) - at if direction > 0 else at + 1) for side, at in ((sharp.a, from_a), (sharp.b, from_b))
    )
    size = config.window
    while True:
        n, m = min(size, room_a), min(size, room_b)
        s = sharp.block(from_a + direction * np.arange(n), from_b + direction * np.arange(m))
        a, b, more_a, more_b = grow(s, limits)
        if not (more_a and n < room_a) and not (more_b and m < room_b):
            return from_a + direction * a, from_b + direction * b
        size *= 2


def _covered(frames: Frames, side: Frames) -> NDArray[np.bool_]:
    return np.asarray((frames >= side[0]) & (frames <= side[-1]))


@numba.njit(cache=True)
def grow(s: Matrix, limits: NDArray[np.float32]) -> tuple[Frames, Frames, bool, bool]:
    """Return the path from the first cell to the best sum, which leaves no cell that lies *drop* below the best so far.

    And whether rows after the last, columns after the last, could have been reached.
    """
    limit, gap, drop = limits
    n, m = s.shape
    lost = np.float32(-1e9)
    d = np.full((n + 2, m + 2), lost, np.float32)
    best, end_i, end_j = lost, 0, 0
    low, high = 0, 1  # columns that the two rows before can reach
    older_low, older_high = 0, 1
    more_a, more_b = True, False
    for i in range(n):
        first, last = m, -1
        more_b = more_b or max(high, older_high) > m
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
            more_a = False
            break
    a, b = _walk_back(d, end_i, end_j, gap)
    return a, b, more_a, more_b


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
