"""Transposition and tempo ratio that make two recordings most alike, dimension by dimension.

All twelve transpositions and seven tempo ratios are tried, in pieces of 40 s and more on a clock of one second; the best
eight of them are followed on a clock of half a second. The path itself bends by up to a factor of two. *Overall* is
harmony, melody and bass together, as the phrase network (`linernotes.versions.phrases`) weighs them: weak, different
evidence beats any one alone. The others are linear projections. Rhythm has no transposition; its lag axis is shifted
with the tempo.

Conventions
-----------
*Transposition* is B's pitch minus A's in semitones, -5..6; *ratio* is seconds of B per second of A. The slower side is
sped up, so that A against B and B against A are the same problem.

References
----------
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", CS and Music Conf.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import AlignmentConfig, Matrix, variant_scores
from linernotes.versions.features import Features, centred
from linernotes.versions.keyed import Spectrum, keyed_scores, spectrum
from linernotes.versions.phrases.network import bundled_network
from linernotes.versions.projection import (
    Embedded,
    bundled_projections,
    embed,
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
LAGS_PER_OCTAVE: Final = 12
LAG_SHIFTS: Final = (-1, 0, 1)  # lag steps tried around those of a tempo ratio


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way of reading B as a version of A, and how good it is.

    ``contrast`` is the logarithm of the score over the median score of the other transpositions (in rhythm: of the
    other tempi): unrelated music is about as alike in any key.
    """

    transposition: int
    ratio: float
    score: float
    contrast: float

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

    def embedded(self, name: str, speed: float = 1.0, step: int = COARSE_STEP) -> Embedded:
        """Return the piece at a speed, projected for a dimension (or its ``-sharp`` twin)."""
        key = (name, speed, step)
        if key not in self.kept:
            frames = values(self.features, _dimension(name), speed)
            self.kept[key] = (
                bundled_network().embed(frames, step)
                if name == "overall"
                else embed(frames, bundled_projections()[name], step)
            )
        return self.kept[key]

    def spectrum(self, name: str, speed: float = 1.0, thin: int = 1) -> Spectrum:
        """Return every *thin*-th coarse frame, ready for all keys at once."""
        key = (name, speed, thin)
        if key not in self.spectra:
            plain = self.embedded(name, speed)
            self.spectra[key] = spectrum(Embedded(plain.vectors[::thin], plain.costs[::thin]))
        return self.spectra[key]

    def rhythm(self, speed: float, shift: int, step: int = COARSE_STEP) -> Embedded:
        """Return the rhythm at a speed, its lags shifted as if played ``2 ** (shift / 12)`` times as fast."""
        key = (f"rhythm{shift:+d}", speed, step)
        if key not in self.kept:
            frames = shifted_lags(values(self.features, "rhythm", speed), shift)
            self.kept[key] = embed(frames, bundled_projections()["rhythm"], step)
        return self.kept[key]


def speeds(ratio: float) -> tuple[float, float]:
    """Return how many times as fast A and B are played to meet at a tempo ratio.

    Examples
    --------
    >>> speeds(1.25), speeds(0.5)
    ((1.0, 1.25), (2.0, 1.0))
    """
    return max(1.0, 1 / ratio), max(1.0, ratio)


def search(a: Piece, b: Piece, dimension: Dimension, ratios: tuple[float, ...] = RATIOS) -> Hypothesis:
    """Return the best hypothesis of one dimension.

    Parameters
    ----------
    a, b : Piece
        Two recordings.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    ratios : tuple of float, optional
        Tempo ratios tried, powers of the fourth root of two.
    """
    if dimension == "rhythm":
        return _search_rhythm(a, b, ratios)
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
        scores[at] = variant_scores(left.vectors @ turned.T, left.costs, right.costs, PATHS[dimension])
    return scores


def lag_shift(ratio: float) -> int:
    """Return how far the lag axis of a pattern moves when it is played *ratio* times as fast.

    Examples
    --------
    >>> lag_shift(2.0), lag_shift(2 ** -0.25)
    (12, -3)
    """
    return round(LAGS_PER_OCTAVE * float(np.log2(ratio)))


def shifted_lags(rhythm: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return patterns as if played ``2 ** (step / 12)`` times as fast: lags move down, the gap stays empty.

    Examples
    --------
    >>> shifted_lags(np.arange(4, dtype=np.float32).reshape(1, 4), 1).argmax()
    np.int64(2)
    """
    if step == 0:
        return rhythm
    halves = []
    for half in np.split(rhythm, 2, axis=1):
        moved = np.roll(half, -step, axis=1)
        if step > 0:
            moved[:, -step:] = moved[:, -step - 1 : -step]
        elif step < 0:
            moved[:, :-step] = moved[:, -step : -step + 1]
        halves.append(moved)
    return centred(np.hstack(halves))


def log_odds_matrix(a: Embedded, b: Embedded) -> Matrix:
    """Return the log-odds of every pair of frames, unclipped [shape=(n_a, n_b), float32]."""
    return np.asarray(a.vectors @ b.vectors.T - a.costs[:, None] - b.costs[None, :], np.float32)


def _search_rhythm(a: Piece, b: Piece, ratios: tuple[float, ...]) -> Hypothesis:
    scores = np.zeros((len(ratios), len(LAG_SHIFTS)), np.float32)
    for row, ratio in enumerate(ratios):
        speed_a, speed_b = speeds(ratio)
        left = a.rhythm(speed_a, lag_shift(speed_a))
        for column, extra in enumerate(LAG_SHIFTS):
            right = b.rhythm(speed_b, lag_shift(speed_b) + extra)
            x = left.vectors @ right.vectors.T
            scores[row, column] = variant_scores(x, left.costs, right.costs, PATHS["rhythm"])[0]
    row, column = divmod(int(scores.argmax()), len(LAG_SHIFTS))
    others = np.delete(scores.max(axis=1), row)
    contrast = _contrast(float(scores[row, column]), others) if len(others) else 0.0
    return Hypothesis(0, ratios[row], float(scores[row, column]), contrast)


def _contrast(best: float, others: NDArray[np.float32]) -> float:
    return float(np.log((best + 1) / (float(np.median(others)) + 1)))


def _dimension(name: str) -> Dimension:
    found: Dimension = next(one for one in DIMENSIONS if name.startswith(one))
    return found
