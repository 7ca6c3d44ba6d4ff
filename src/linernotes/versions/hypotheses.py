"""Transposition and tempo ratio that make two recordings most alike, dimension by dimension.

Harmony and melody are compared at all twelve transpositions and a handful of tempo ratios; rhythm at shifts
of its
logarithmic lag axis. *Overall* is harmony and melody side by side: weak, different evidence added beats
either alone.

Conventions
-----------
*Transposition* is B's pitch minus A's in semitones, -5..6; *ratio* is seconds of B per second of A.

References
----------
Serrà, Gómez, Herrera (2008), "Transposing chroma representations to a common key", CS and Music Conf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence import Dimension
from linernotes.versions.alignment import AlignmentConfig, Matrix, best_score, evidence, resampled
from linernotes.versions.features import Features, centred

MELODY_WEIGHT = 0.4  # part of melody in the overall correlation
PITCHED = AlignmentConfig()
RHYTHM = AlignmentConfig(width=9, threshold=0.7, usual=0.0)
LARGEST_LAG_SHIFT = 9


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way of reading B as a version of A, and how good it is.

    ``contrast`` is the logarithm of the score over the median score of the other transpositions: unrelated
    music is about as alike in any key.
    """

    transposition: int
    ratio: float
    score: float
    contrast: float

    @property
    def speeds(self) -> tuple[float, float]:
        """How many times as fast A and B are played to meet: the slower one is sped up."""
        return speeds(self.ratio)


def speeds(ratio: float) -> tuple[float, float]:
    """Return how many times as fast A and B are played to meet at a tempo ratio.

    Examples
    --------
    >>> speeds(1.25), speeds(0.5)
    ((1.0, 1.25), (2.0, 1.0))
    """
    return max(1.0, 1 / ratio), max(1.0, ratio)


def sequence(features: Features, dimension: Dimension, transposition: int = 0) -> Matrix:
    """Return the vectors of one dimension, transposed *down* by so many semitones.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> piece = Features(x, x, x, 0.25, 3.0)
    >>> int(sequence(piece, "harmony", transposition=2)[7].argmax())
    5
    """
    if dimension == "rhythm":
        return features.rhythm
    parts = {"harmony": features.harmony, "melody": features.melody}
    if dimension in parts:
        return np.ascontiguousarray(np.roll(parts[dimension], -transposition, axis=1))
    both = [np.roll(part, -transposition, axis=1) for part in parts.values()]
    scales = block_scales(dimension)
    return np.ascontiguousarray(np.hstack([p * scale for p, scale in zip(both, scales, strict=True)]))


def block_scales(dimension: Dimension) -> tuple[np.float32, ...]:
    """Return the length of each block of twelve in a pitched sequence: harmony, then melody, in *overall*.

    Examples
    --------
    >>> [round(float(scale) ** 2, 2) for scale in block_scales("overall")]
    [0.6, 0.4]
    """
    if dimension == "overall":
        return np.float32(np.sqrt(1 - MELODY_WEIGHT)), np.float32(np.sqrt(MELODY_WEIGHT))
    return (np.float32(1.0),)


def search(
    a: Features, b: Features, dimension: Dimension, ratios: tuple[float, ...] = PITCHED.ratios
) -> Hypothesis:
    """Return the best hypothesis of one pitched dimension.

    Parameters
    ----------
    a, b : Features
        Two recordings.
    dimension : {"overall", "melody", "harmony"}
        What is compared.
    ratios : tuple of float, optional
        Tempo ratios tried.
    """
    scores = np.zeros((len(ratios), PITCH_CLASSES))
    for row, ratio in enumerate(ratios):
        left, right = (
            resampled(sequence(x, dimension), speed) for x, speed in zip((a, b), speeds(ratio), strict=True)
        )
        keyed = right.reshape(len(right), -1, PITCH_CLASSES)
        for steps in range(PITCH_CLASSES):
            turned = np.roll(keyed, -steps, axis=2).reshape(len(right), -1)
            scores[row, steps] = best_score(evidence(left, turned, PITCHED), PITCHED.gap)
    row, steps = divmod(int(scores.argmax()), PITCH_CLASSES)
    others = np.delete(scores[row], steps)
    contrast = float(np.log((scores[row, steps] + 1) / (np.median(others) + 1)))
    transposition = steps if steps <= 6 else steps - PITCH_CLASSES
    return Hypothesis(transposition, ratios[row], float(scores[row, steps]), contrast)


def aligned_sequences(
    a: Features, b: Features, dimension: Dimension, chosen: Hypothesis
) -> tuple[Matrix, Matrix]:
    """Return the vectors of a dimension, brought to A's key and a common tempo by a hypothesis."""
    speed_a, speed_b = chosen.speeds
    left = resampled(sequence(a, dimension), speed_a)
    right = resampled(sequence(b, dimension, chosen.transposition), speed_b)
    if dimension == "rhythm":
        right = shifted_lags(right, rhythm_shift(a, b, chosen.ratio))
    return left, right


def dimension_evidence(a: Features, b: Features, dimension: Dimension, chosen: Hypothesis) -> Matrix:
    """Return the evidence matrix of a dimension under a hypothesis [shape=(n_left, n_right), float32]."""
    pair = aligned_sequences(a, b, dimension, chosen)
    return evidence(*pair, RHYTHM if dimension == "rhythm" else PITCHED)


def rhythm_shift(a: Features, b: Features, ratio: float) -> int:
    """Return the shift of B's lag axis near *ratio* that makes the mean patterns most alike, in lag steps."""
    mean_a, mean_b = a.rhythm.mean(axis=0, keepdims=True), b.rhythm.mean(axis=0, keepdims=True)
    near = round(12 * float(np.log2(ratio)))
    steps = range(max(-LARGEST_LAG_SHIFT, near - 2), min(LARGEST_LAG_SHIFT, near + 2) + 1)
    likeness = {
        step: float((centred(mean_a) @ shifted_lags(centred(mean_b), step).T)[0, 0]) for step in steps
    }
    return max(likeness, key=lambda step: likeness[step])


def shifted_lags(rhythm: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return patterns as if played ``2 ** (step / 12)`` times as fast: lags move down, the gap stays empty.

    Examples
    --------
    >>> shifted_lags(np.arange(4, dtype=np.float32).reshape(1, 4), 1).argmax()
    np.int64(2)
    """
    halves = []
    for half in np.split(rhythm, 2, axis=1):
        moved = np.roll(half, -step, axis=1)
        if step > 0:
            moved[:, -step:] = moved[:, -step - 1 : -step]
        elif step < 0:
            moved[:, :-step] = moved[:, -step : -step + 1]
        halves.append(moved)
    return centred(np.hstack(halves))
