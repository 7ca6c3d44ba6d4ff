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
    scales = {"harmony": np.sqrt(1 - MELODY_WEIGHT), "melody": np.sqrt(MELODY_WEIGHT)}
    both = [np.roll(parts[name], -transposition, axis=1) * np.float32(scales[name]) for name in parts]
    return np.ascontiguousarray(np.hstack(both))


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
    left = sequence(a, dimension)
    right = [resampled(sequence(b, dimension), ratio) for ratio in ratios]
    scores = np.zeros((len(ratios), PITCH_CLASSES))
    blocks = left.shape[1] // PITCH_CLASSES
    for row, played in enumerate(right):
        keyed = played.reshape(len(played), blocks, PITCH_CLASSES)
        for steps in range(PITCH_CLASSES):
            turned = np.roll(keyed, -steps, axis=2).reshape(len(played), -1)
            scores[row, steps] = best_score(evidence(left, turned, PITCHED), PITCHED.gap)
    row, steps = divmod(int(scores.argmax()), PITCH_CLASSES)
    others = np.delete(scores[row], steps)
    contrast = float(np.log((scores[row, steps] + 1) / (np.median(others) + 1)))
    transposition = steps if steps <= 6 else steps - PITCH_CLASSES
    return Hypothesis(transposition, ratios[row], float(scores[row, steps]), contrast)


def dimension_evidence(a: Features, b: Features, dimension: Dimension, chosen: Hypothesis) -> Matrix:
    """Return the evidence matrix of a dimension under a hypothesis [shape=(n_a, n_b resampled), float32]."""
    if dimension == "rhythm":
        right = shifted_lags(resampled(b.rhythm, chosen.ratio), rhythm_shift(a, b, chosen.ratio))
        return evidence(a.rhythm, right, RHYTHM)
    right = resampled(sequence(b, dimension, chosen.transposition), chosen.ratio)
    return evidence(sequence(a, dimension), right, PITCHED)


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
