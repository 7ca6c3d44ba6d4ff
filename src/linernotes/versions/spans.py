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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.spans import Span
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import Path, best_path, strike_out
from linernotes.versions.extension import LogOdds, regrown
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import (
    COARSE_STEP,
    PATHS,
    RHYTHM_STEP,
    SPEEDS,
    Hypothesis,
    Piece,
    in_order,
    lates,
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

    The path of a rhythm is in steps of `RHYTHM_STEP` cells, B's beginning *late* cells later, or A's where it is negative.
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
    """Yield disjoint stretches of a dimension, best first; the same whichever recording is called A.

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
    if in_order(a, b):
        for path, ends, ratio in _paths(a, b, dimension, chosen, at_most):
            clock = _clock(a.features, dimension, speeds(ratio), chosen.late)
            yield _stretch(a.features, b.features, path, ends, chosen, clock)
        return
    back = replace(chosen, transposition=-chosen.transposition, ratio=1 / chosen.ratio, late=-chosen.late)
    for path, ends, ratio in _paths(b, a, dimension, back, at_most):
        clock = _clock(a.features, dimension, speeds(1 / ratio), chosen.late)
        yield _stretch(a.features, b.features, _turned(path), _turned(ends), chosen, clock)


def _turned(path: Path) -> Path:
    return replace(path, a=path.b, b=path.a)


def _paths(
    a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis, at_most: int
) -> Iterator[tuple[Path, Path, float]]:
    """Yield paths as found, with new ends, and the ratio at which they were found."""
    ratio, s = _refined(a, b, dimension, chosen)
    sharp = None if dimension == "rhythm" else LogOdds(*_sides(a, b, f"{dimension}-sharp", chosen, ratio))
    for _ in range(at_most):
        path = best_path(s, PATHS[dimension].gap)
        if len(path.a) < 2:
            return
        ends = path if sharp is None else regrown(path, sharp)
        strike_out(s, path)
        strike_out(s, ends)
        if sharp is not None:
            sharp.strike_out(ends)
        if len(ends.a) >= 2:
            yield path, ends, ratio


def _refined(
    a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis
) -> tuple[float, NDArray[np.float32]]:
    """Return the ratio that the best path itself shows, unchanged where it is short, and the gains at it."""
    s = _gains(a, b, dimension, chosen, chosen.ratio)
    if dimension == "rhythm":
        return chosen.ratio, s
    path = best_path(s, PATHS[dimension].gap)
    if len(path.a) < LEAST_STEPS:
        return chosen.ratio, s
    bend = (path.b[-1] - path.b[0]) / max(path.a[-1] - path.a[0], 1)
    ratio = float(chosen.ratio * np.clip(bend, 0.8, 1.25))
    return ratio, s if ratio == chosen.ratio else _gains(a, b, dimension, chosen, ratio)


def _gains(a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis, ratio: float) -> NDArray[np.float32]:
    limits = PATHS[dimension]
    s = log_odds_matrix(*_sides(a, b, dimension, chosen, ratio))
    return np.clip(s, limits.floor, limits.ceiling, out=s)


def _sides(a: Piece, b: Piece, name: str, chosen: Hypothesis, ratio: float) -> tuple[Embedded, Embedded]:
    """Return both recordings as they meet: at their speeds, B in A's key."""
    speed_a, speed_b = speeds(ratio)
    if name == "rhythm":
        late_a, late_b = lates(chosen.late)
        return a.rhythm(speed_a, late_a), b.rhythm(speed_b, late_b)
    left, right = _projected(a, name, speed_a), _projected(b, name, speed_b)
    return left, Embedded(transposed(right.vectors, chosen.transposition), right.costs)


def _projected(piece: Piece, name: str, speed: float) -> Embedded:
    """Return all frames of a piece at a speed; odd speeds are not kept, a search meets thousands of them."""
    keeper = piece if speed in SPEEDS else Piece(piece.features)
    return keeper.embedded(name, speed, 1)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Seconds of a step of A and of B, and where their first steps begin; *coarse* steps make one of scores."""

    speeds: tuple[float, float]
    step_a_s: float
    step_b_s: float
    first_a_s: float
    first_b_s: float
    coarse: int


def _clock(a: Features, dimension: Dimension, played: tuple[float, float], late: int) -> _Clock:
    if dimension != "rhythm":
        return _Clock(played, a.hop_s * played[0], a.hop_s * played[1], 0.0, 0.0, COARSE_STEP)
    cell_a_s, cell_b_s = CELL_S * played[0], CELL_S * played[1]
    late_a, late_b = lates(late)
    steps_s = RHYTHM_STEP * cell_a_s, RHYTHM_STEP * cell_b_s
    return _Clock(played, *steps_s, late_a * cell_a_s, late_b * cell_b_s, 1)


def _stretch(a: Features, b: Features, path: Path, ends: Path, chosen: Hypothesis, clock: _Clock) -> Stretch:
    def seconds(i: int, after: int = 0) -> tuple[float, float]:
        at_a = (float(ends.a[i]) + after) * clock.step_a_s + clock.first_a_s
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
