"""Which seconds match which: the aligned stretches of one dimension under one hypothesis.

The path is found on the full clock. Projections that see four seconds blur its ends, so these are set anew, where the
evidence of frames on their own begins and ends (`projection`'s ``sharp`` matrices), and the tempo is read off the path.

Conventions
-----------
Spans are half-open, in seconds. Scores are on the coarse clock, so that they compare with those of `hypotheses`.

References
----------
Waterman, Eggert (1987), "A new algorithm for best subsequence alignments", J. Mol. Biol. 197.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.spans import Span
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import Path, best_path, strike_out
from linernotes.versions.extension import regrown
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import (
    COARSE_STEP,
    PATHS,
    RHYTHM_STEP,
    Hypothesis,
    Piece,
    log_odds_matrix,
    speeds,
)
from linernotes.versions.projection import Embedded, transposed
from linernotes.versions.rhythm import CELL_S

ANCHOR_STEPS = 8  # steps from one anchor of a path to the next
LEAST_STEPS = 12  # shorter paths say nothing about tempo


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One aligned stretch: its path in frames at *speeds*, coarse *score*, and what it is in seconds.

    The path of a rhythm is in steps of `RHYTHM_STEP` cells, B's beginning *late* cells later.
    """

    path: Path
    score: float
    speeds: tuple[float, float]
    transposition: int
    a: Span
    b: Span
    anchors: tuple[tuple[float, float], ...]
    late: int = 0

    @property
    def ratio(self) -> float:
        """Seconds of B per second of A."""
        return self.b.duration_s / max(self.a.duration_s, 1e-9)


def stretches(
    a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis, at_most: int
) -> Iterator[Stretch]:
    """Yield disjoint stretches of a dimension, best first.

    Parameters
    ----------
    a, b : Piece
        Two recordings.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    chosen : Hypothesis
        Transposition and ratio.
    at_most : int
        Number of stretches looked for.
    """
    ratio = _refined(a, b, dimension, chosen)
    s = _gains(a, b, dimension, chosen, ratio)
    sharp = None if dimension == "rhythm" else _matrix(a, b, f"{dimension}-sharp", chosen, ratio)
    for _ in range(at_most):
        path = best_path(s, PATHS[dimension].gap)
        if len(path.a) < 2:
            return
        ends = path if sharp is None else regrown(path, sharp)
        strike_out(s, path)
        strike_out(s, ends)
        if sharp is not None:
            strike_out(sharp, ends)
        if len(ends.a) >= 2:
            clock = _clock(a.features, dimension, speeds(ratio), chosen.late)
            yield _stretch(a.features, b.features, path, ends, chosen, clock)


def _refined(a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis) -> float:
    """Return the ratio that the best path itself shows; unchanged where it is short."""
    path = best_path(_gains(a, b, dimension, chosen, chosen.ratio), PATHS[dimension].gap)
    if len(path.a) < LEAST_STEPS or dimension == "rhythm":
        return chosen.ratio
    bend = (path.b[-1] - path.b[0]) / max(path.a[-1] - path.a[0], 1)
    return float(chosen.ratio * np.clip(bend, 0.8, 1.25))


def _gains(a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis, ratio: float) -> NDArray[np.float32]:
    limits = PATHS[dimension]
    return np.clip(_matrix(a, b, dimension, chosen, ratio), limits.floor, limits.ceiling)


def _matrix(a: Piece, b: Piece, name: str, chosen: Hypothesis, ratio: float) -> NDArray[np.float32]:
    speed_a, speed_b = speeds(ratio)
    if name == "rhythm":
        return log_odds_matrix(a.rhythm(speed_a), b.rhythm(speed_b, chosen.late))
    left, right = a.embedded(name, speed_a, 1), b.embedded(name, speed_b, 1)
    return log_odds_matrix(left, Embedded(transposed(right.vectors, chosen.transposition), right.costs))


@dataclass(frozen=True, slots=True)
class _Clock:
    """Seconds of a step of A and of B, and the second at which B's first step begins; *coarse* steps make one of scores."""

    speeds: tuple[float, float]
    step_a_s: float
    step_b_s: float
    first_b_s: float
    coarse: int


def _clock(a: Features, dimension: Dimension, played: tuple[float, float], late: int) -> _Clock:
    if dimension == "rhythm":
        return _Clock(
            played,
            RHYTHM_STEP * CELL_S * played[0],
            RHYTHM_STEP * CELL_S * played[1],
            late * CELL_S * played[1],
            1,
        )
    return _Clock(played, a.hop_s * played[0], a.hop_s * played[1], 0.0, COARSE_STEP)


def _stretch(a: Features, b: Features, path: Path, ends: Path, chosen: Hypothesis, clock: _Clock) -> Stretch:
    def seconds(i: int, after: int = 0) -> tuple[float, float]:
        at_a = (float(ends.a[i]) + after) * clock.step_a_s
        at_b = (float(ends.b[i]) + after) * clock.step_b_s + clock.first_b_s
        return min(at_a, a.duration_s), min(at_b, b.duration_s)

    at = np.unique(np.append(np.arange(0, len(ends.a), ANCHOR_STEPS), len(ends.a) - 1))
    points, last = [seconds(i) for i in at], seconds(-1, 1)
    anchors = [*points[:-1], last]
    rounded = tuple((round(x, 3), round(y, 3)) for x, y in anchors)
    return Stretch(
        path=path,
        score=path.score / clock.coarse,
        speeds=clock.speeds,
        transposition=chosen.transposition,
        a=Span(points[0][0], last[0]),
        b=Span(points[0][1], last[1]),
        anchors=rounded,
        late=chosen.late,
    )
