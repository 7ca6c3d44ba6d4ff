"""Transposition and tempo ratio that make two recordings most alike, dimension by dimension.

All twelve transpositions and seven tempo ratios are tried, in pieces of 40 s and more on a clock of one second; the best
eight of them are followed on a clock of half a second. The path itself bends by up to a factor of two. *Overall* is
harmony, melody and bass together, as the phrase network (`linernotes.versions.phrases`) weighs them: weak, different
evidence beats any one alone. The others are linear projections. Rhythm has no transposition. Its clock
is an eighth of a second, and 23 tempo ratios, a semitone apart, are tried.

Conventions
-----------
*Transposition* is B's pitch minus A's in semitones, -5..6; *ratio* is seconds of B per second of A. The slower side is
sped up, so that A against B and B against A are the same problem.

References
----------
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", CS and Music Conf.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import AlignmentConfig, Matrix
from linernotes.versions.blocks import product_path, product_scores
from linernotes.versions.coincidence import coincidence
from linernotes.versions.features import Features
from linernotes.versions.keyed import Spectrum, keyed_scores, spectrum
from linernotes.versions.phrases.network import bundled_network
from linernotes.versions.presence import presence, weighed
from linernotes.versions.projection import (
    Embedded,
    bundled_projections,
    embed,
    resampled,
    transposed,
    values,
)

DIMENSIONS: Final[tuple[Dimension, ...]] = ("overall", "melody", "harmony", "rhythm")
PATHS: Final[dict[Dimension, AlignmentConfig]] = {
    "overall": AlignmentConfig(-20.0, 20.0, 8.0),
    "melody": AlignmentConfig(-20.0, 20.0, 8.0),
    "harmony": AlignmentConfig(-20.0, 20.0, 8.0),
    "rhythm": AlignmentConfig(-10.0, 10.0, 4.0),
}
RATIOS: Final = tuple(2 ** (k / 4) for k in range(-3, 4))
COARSE_STEP: Final = 2  # frames from one to the next while hypotheses are tried
THIN: Final = 2  # coarse frames from one to the next while all keys and ratios of long pieces are tried
LONG: Final = 160  # frames; shorter pieces are not thinned
N_LEADERS: Final = 8  # hypotheses of long pieces that are followed on the coarse clock
RHYTHM_RATIOS: Final = tuple(
    2 ** (k / 12) for k in range(-11, 12)
)  # phase is lost at steps as wide as the others
RHYTHM_STEP: Final = 2  # cells from one to the next: rhythm is compared on a clock of an eighth of a second
N_TEMPI: Final = 3  # ratios at which B is tried half a step late, too


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way of reading B as a version of A, and how good it is.

    ``contrast`` is the logarithm of the score over the median score of the other transpositions: unrelated music is
    about as alike in any key. In rhythm it is `linernotes.versions.coincidence.coincidence`, and ``late`` says by how
    many cells B's clock begins later; where it is negative, A's does.
    """

    transposition: int
    ratio: float
    score: float
    contrast: float
    late: int = 0

    @property
    def speeds(self) -> tuple[float, float]:
        """How many times as fast A and B are played to meet: the slower one is sped up."""
        return speeds(self.ratio)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Features with what was projected of them so far; projections are made once, when they are asked for."""

    features: Features
    kept: dict[tuple[str, float, int], Embedded] = field(default_factory=dict, repr=False)
    spectra: dict[tuple[str, float, int], Spectrum] = field(default_factory=dict, repr=False)
    presences: dict[Dimension, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def embedded(self, name: str, speed: float = 1.0, step: int = COARSE_STEP) -> Embedded:
        """Return the piece at a speed, projected for a dimension (or its ``-sharp`` twin)."""
        key = (name, speed, step)
        if key not in self.kept:
            dimension = _dimension(name)
            frames = values(self.features, dimension, speed)
            projected = (
                bundled_network().embed(frames, step)
                if name == "overall"
                else embed(frames, bundled_projections()[name], step)
            )
            present = self._present(dimension)
            if present.min(initial=1.0) < 1.0:
                projected = weighed(projected, resampled(present[:, None], speed)[::step, 0])
            self.kept[key] = projected
        return self.kept[key]

    def _present(self, dimension: Dimension) -> NDArray[np.float32]:
        if dimension not in self.presences:
            self.presences[dimension] = presence(self.features, dimension)
        return self.presences[dimension]

    def spectrum(self, name: str, speed: float = 1.0, thin: int = 1) -> Spectrum:
        """Return every *thin*-th coarse frame, ready for all keys at once."""
        key = (name, speed, thin)
        if key not in self.spectra:
            plain = self.embedded(name, speed)
            self.spectra[key] = spectrum(Embedded(plain.vectors[::thin], plain.costs[::thin]))
        return self.spectra[key]

    def rhythm(self, speed: float, late: int = 0) -> Embedded:
        """Return the rhythm at a speed on a clock of `RHYTHM_STEP` cells that begins *late* cells later."""
        key = (f"rhythm+{late}", speed, RHYTHM_STEP)
        if key not in self.kept:
            cells = values(self.features, "rhythm", speed)
            self.kept[key] = embed(cells, bundled_projections()["rhythm"], RHYTHM_STEP, late)
        return self.kept[key]


def speeds(ratio: float) -> tuple[float, float]:
    """Return how many times as fast A and B are played to meet at a tempo ratio.

    A ratio and its inverse give the same speeds, so that what was projected at one serves the other.

    Examples
    --------
    >>> speeds(1.25), speeds(0.5)
    ((1.0, 1.25), (2.0, 1.0))
    """
    return round(max(1.0, 1 / ratio), 12), round(max(1.0, ratio), 12)


SPEEDS: Final = tuple(
    sorted({speed for ratio in RATIOS for speed in speeds(ratio)})
)  # all that `RATIOS` need


def search(a: Piece, b: Piece, dimension: Dimension, ratios: tuple[float, ...] | None = None) -> Hypothesis:
    """Return the best hypothesis of one dimension.

    Parameters
    ----------
    a, b : Piece
        Two recordings.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    ratios : tuple of float, optional
        Tempo ratios tried: by default `RATIOS`, in rhythm `RHYTHM_RATIOS`.
    """
    if dimension == "rhythm":
        return _search_rhythm(a, b, ratios or RHYTHM_RATIOS)
    ratios = ratios or RATIOS
    thin = THIN if len(ratios) > 1 and min(len(a.features), len(b.features)) >= LONG else 1
    scores = np.stack([_in_every_key(a, b, dimension, ratio, thin) for ratio in ratios])
    row, steps = divmod(int(scores.argmax()), PITCH_CLASSES)
    best = float(scores[row, steps])
    if thin > 1:
        leaders = np.argsort(-scores, axis=None, kind="stable")[:N_LEADERS]
        fine = _followed(a, b, dimension, ratios, leaders)
        row, steps = divmod(int(leaders[fine.argmax()]), PITCH_CLASSES)
        best = float(fine.max())
    contrast = _contrast(float(scores[row, steps]), np.delete(scores[row], steps))
    transposition = steps if steps <= 6 else steps - PITCH_CLASSES
    return Hypothesis(transposition, ratios[row], best, contrast)


def _in_every_key(a: Piece, b: Piece, dimension: Dimension, ratio: float, thin: int) -> Matrix:
    speed_a, speed_b = speeds(ratio)
    left, right = a.spectrum(dimension, speed_a, thin), b.spectrum(dimension, speed_b, thin)
    return keyed_scores(left, right, PATHS[dimension])


def _followed(
    a: Piece, b: Piece, dimension: Dimension, ratios: tuple[float, ...], leaders: NDArray[np.intp]
) -> Matrix:
    """Return the scores of hypotheses, each ``ratio * 12 + steps``, on the coarse clock."""
    scores = np.zeros(len(leaders), np.float32)
    rows, keys = np.divmod(leaders, PITCH_CLASSES)
    for row in np.unique(rows):
        at = np.flatnonzero(rows == row)
        speed_a, speed_b = speeds(ratios[row])
        left, right = a.embedded(dimension, speed_a), b.embedded(dimension, speed_b)
        turned = np.concatenate([transposed(right.vectors, int(steps)) for steps in keys[at]])
        scores[at] = product_scores(left, Embedded(turned, right.costs), PATHS[dimension])
    return scores


def log_odds_matrix(a: Embedded, b: Embedded) -> Matrix:
    """Return the log-odds of every pair of frames, unclipped [shape=(n_a, n_b), float32]."""
    return np.asarray(a.vectors @ b.vectors.T - a.costs[:, None] - b.costs[None, :], np.float32)


def _search_rhythm(a: Piece, b: Piece, ratios: tuple[float, ...]) -> Hypothesis:
    """Try all tempi with both in step, and the best of them with one half a step late, whichever is called B."""
    half = RHYTHM_STEP // 2 if in_order(a, b) else -(RHYTHM_STEP // 2)
    known = {(ratio, 0): _rhythm_score(a, b, ratio, 0) for ratio in ratios}
    leaders = sorted(ratios, key=lambda ratio: -known[ratio, 0])[:N_TEMPI]
    known |= {(ratio, half): _rhythm_score(a, b, ratio, half) for ratio in leaders}
    ratio, late = max(known, key=lambda one: known[one])
    chosen = Hypothesis(0, ratio, known[ratio, late], 0.0, late)
    return chosen if len(ratios) == 1 else replace(chosen, contrast=_coincidence(a, b, chosen))


def _rhythm_score(a: Piece, b: Piece, ratio: float, late: int) -> float:
    (speed_a, speed_b), (late_a, late_b) = speeds(ratio), lates(late)
    left, right = a.rhythm(speed_a, late_a), b.rhythm(speed_b, late_b)
    return float(product_scores(left, right, PATHS["rhythm"])[0])


def _coincidence(a: Piece, b: Piece, chosen: Hypothesis) -> float:
    """Return how far onsets coincide along the best path of a hypothesis."""
    (speed_a, speed_b), (late_a, late_b) = chosen.speeds, lates(chosen.late)
    path = product_path(a.rhythm(speed_a, late_a), b.rhythm(speed_b, late_b), PATHS["rhythm"])
    cells = [values(piece.features, "rhythm", speed) for piece, speed in ((a, speed_a), (b, speed_b))]
    return coincidence(cells[0], cells[1], cells_of(path.a, late_a), cells_of(path.b, late_b))


def lates(late: int) -> tuple[int, int]:
    """Return by how many cells the clocks of A and of B begin later.

    Examples
    --------
    >>> lates(1), lates(-1)
    ((0, 1), (1, 0))
    """
    return max(-late, 0), max(late, 0)


def in_order(a: Piece, b: Piece) -> bool:
    """Return whether A comes first in an order that content alone decides: what is tried must not depend on names.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> one, longer = Piece(Features(x, x, x, 0.25, 3.0)), Piece(Features(*3 * [np.tile(x, (2, 1))], 0.25, 6.0))
    >>> in_order(one, longer), in_order(longer, one), in_order(one, one)
    (True, False, True)
    """
    if len(a.features) != len(b.features):
        return len(a.features) < len(b.features)
    one, other = (
        b"".join(getattr(x.features, name).tobytes() for name in ("rhythm", "melody", "harmony"))
        for x in (a, b)
    )
    return one <= other


def cells_of(steps: NDArray[np.int64], late: int = 0) -> NDArray[np.int64]:
    """Return the cells that steps of a rhythm's path cover.

    Examples
    --------
    >>> cells_of(np.array([3, 4]), late=1).tolist()
    [7, 8, 9, 10]
    """
    return (RHYTHM_STEP * steps[:, None] + late + np.arange(RHYTHM_STEP)).ravel()


def _contrast(best: float, others: NDArray[np.float32]) -> float:
    return float(np.log((best + 1) / (float(np.median(others)) + 1)))


def _dimension(name: str) -> Dimension:
    found: Dimension = next(one for one in DIMENSIONS if name.startswith(one))
    return found
