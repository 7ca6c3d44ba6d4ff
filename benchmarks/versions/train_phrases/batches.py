"""Batches for the phrase network: two versions of each of several works, cut, made alike in key and near in tempo.

A *scene* holds one side's channels [shape=(n_frames, 3, 12)]; both sides of a work come with the frames of each that
sound the same moment. Sides meet as in a comparison, at one of a few tempo ratios: what remains is a mismatch of up to
9 %. Works backwards and upside down count as further works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.versions.data.ledger import Row
from benchmarks.versions.fit_projection import same_moments
from benchmarks.versions.train_phrases.material import Works
from linernotes.versions.features import centred
from linernotes.versions.hypotheses import speeds
from linernotes.versions.projection import resampled

HOP_S = 0.25
LEAST_MOMENTS = 24
Side = tuple[Row, np.ndarray]


@dataclass(frozen=True)
class Scene:
    """Two versions of a stretch of a work and which frames sound the same moment."""

    work: str
    a: np.ndarray
    b: np.ndarray
    at_a: np.ndarray
    at_b: np.ndarray


def scenes(works: Works, names: list[str], n_frames: int, random: np.random.Generator) -> list[Scene]:
    """Return a scene of every named work that has two versions with enough in common."""
    found = []
    for name in names:
        pieces = works[name]
        first, second = random.choice(len(pieces), 2, replace=False)
        one = scene(pieces[first], pieces[second], n_frames, random)
        if one is not None:
            found.append(one)
    return found


def scene(a: Side, b: Side, n_frames: int, random: np.random.Generator) -> Scene | None:
    """Return a stretch of *n_frames* of two versions around a random moment; None when they share too little."""
    (row_a, x), (row_b, y) = a, b
    true_ratio = row_a["tempo"] / row_b["tempo"]
    speed_a, speed_b = speeds(float(true_ratio * 2 ** random.uniform(-1 / 8, 1 / 8)))
    both = float(2 ** random.uniform(-0.3, 0.3)) if random.random() < 0.5 else 1.0
    speed_a, speed_b = speed_a * both, speed_b * both
    x = _played(x, speed_a, row_a["transposition"])
    y = _played(y, speed_b, row_b["transposition"])
    at_a, at_b = same_moments(row_a, row_b, HOP_S, speed_a, speed_b, len(x), len(y))
    if len(at_a) < LEAST_MOMENTS:
        return None
    middle = int(random.integers(len(at_a)))
    low_a = _start(int(at_a[middle]), len(x), n_frames, random)
    low_b = _start(int(at_b[middle]), len(y), n_frames, random)
    x, y = _cut(x, low_a, n_frames), _cut(y, low_b, n_frames)
    at_a, at_b = at_a - low_a, at_b - low_b
    inside = (at_a >= 0) & (at_a < n_frames) & (at_b >= 0) & (at_b < n_frames)
    at_a, at_b = at_a[inside], at_b[inside]
    if len(at_a) < LEAST_MOMENTS:
        return None
    if random.random() < 0.25:
        x, y = x[::-1], y[::-1]
        at_a, at_b = n_frames - 1 - at_a[::-1], n_frames - 1 - at_b[::-1]
    if random.random() < 0.25:
        x, y = np.roll(x[:, :, ::-1], 1, axis=2), np.roll(y[:, :, ::-1], 1, axis=2)
    turn = int(random.integers(12))
    x, y = np.roll(x, turn, axis=2), np.roll(y, turn, axis=2)
    return Scene(row_a["work"], worn(x, random), worn(y, random), at_a, at_b)


def worn(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return channels as a worse recording would give them: noise, gaps, a line missing."""
    x = np.array(x, np.float32)
    silent = ~x.any(axis=2)
    if random.random() < 0.5:
        x += random.normal(0, random.uniform(0, 0.15), x.shape).astype(np.float32)
    for channel, chance in ((1, 0.1), (2, 0.15)):
        if random.random() < chance:
            x[:, channel] = 0
        elif random.random() < 0.2:
            low = int(random.integers(len(x)))
            x[low : low + int(random.integers(8, 60)), channel] = 0
    if random.random() < 0.1:  # notes of one moment smeared over the next
        x[1:] += np.float32(random.uniform(0.2, 0.8)) * x[:-1]
    x[silent] = 0
    return centred(x.reshape(-1, 12)).reshape(x.shape)


def _played(x: np.ndarray, speed: float, transposition: int) -> np.ndarray:
    turned = np.roll(x, -transposition, axis=2)
    return resampled(turned.reshape(len(x), -1), speed).reshape(-1, *x.shape[1:])


def _start(middle: int, length: int, n_frames: int, random: np.random.Generator) -> int:
    low = middle - n_frames // 2 + int(random.integers(-n_frames // 5, n_frames // 5 + 1))
    return max(min(low, length - n_frames), 0)


def _cut(x: np.ndarray, low: int, n_frames: int) -> np.ndarray:
    piece = x[low : low + n_frames]
    return np.pad(piece, ((0, n_frames - len(piece)), (0, 0), (0, 0)))
