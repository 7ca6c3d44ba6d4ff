"""Many vectors that lie as real ones do: recordings are clusters, their segments smaller clusters within.

Each made-up recording is a real one with an offset and each of its segments with a further one. Offsets are drawn with
the covariance that real recordings have among each other, and that their segments have within them, scaled by
`BETWEEN` and `WITHIN`. Independent random vectors would be no test: in 128 dimensions all of them are equally far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PER_RECORDING = 30  # segments: a recording of 165 s
BETWEEN, WITHIN = 0.5, 0.5
VERSION = 0.7  # how far a query is from the recording that it is made of
_AT_ONCE = 2000

Vectors = NDArray[np.float32]


def multiplied(real: Sequence[Vectors], n: int, seed: int) -> Vectors:
    """Return *n* vectors [shape=(n, dimension)], recording after recording."""
    random = np.random.default_rng(seed)
    between, within = factors(real)
    centre = np.mean([one.mean(axis=0) for one in real], axis=0)
    found = np.empty((n, len(centre)), np.float32)
    for first in range(0, n, _AT_ONCE * PER_RECORDING):
        block = found[first : first + _AT_ONCE * PER_RECORDING]
        n_recordings = -(-len(block) // PER_RECORDING)
        chosen = random.integers(0, len(real), n_recordings)
        rows = np.concatenate([_stretched(real[i], random) for i in chosen])
        offsets = BETWEEN * _drawn(between, n_recordings, random)
        rows += np.repeat(offsets, PER_RECORDING, axis=0) + WITHIN * _drawn(within, len(rows), random)
        block[:] = rows[: len(block)]
    return found


def questions(stored: Vectors, real: Sequence[Vectors], n_files: int, seed: int) -> list[Vectors]:
    """Return files of segments to search for: stored recordings, played otherwise."""
    random = np.random.default_rng(seed)
    _, within = factors(real)
    starts = random.integers(0, len(stored) // PER_RECORDING, n_files) * PER_RECORDING
    return [
        stored[start : start + PER_RECORDING] + VERSION * _drawn(within, PER_RECORDING, random)
        for start in starts
    ]


def factors(real: Sequence[Vectors]) -> tuple[Vectors, Vectors]:
    """Return square roots of the covariance among recordings and within them."""
    means = np.stack([one.mean(axis=0) for one in real])
    inside = np.concatenate([one - one.mean(axis=0) for one in real if len(one) > 1])
    return _root(means), _root(inside)


def _root(rows: Vectors) -> Vectors:
    values, axes = np.linalg.eigh(np.cov(rows.astype(np.float64), rowvar=False))
    return np.asarray(axes * np.sqrt(np.maximum(values, 0)), np.float32)


def _drawn(root: Vectors, n: int, random: np.random.Generator) -> Vectors:
    return random.standard_normal((n, root.shape[1]), dtype=np.float32) @ root.T


def _stretched(one: Vectors, random: np.random.Generator) -> Vectors:
    """Return as many segments as a recording has, between those of a real one."""
    places = np.sort(random.uniform(0, len(one) - 1, PER_RECORDING))
    low = np.minimum(places.astype(int), max(len(one) - 2, 0))
    high = np.minimum(low + 1, len(one) - 1)
    part = (places - low).astype(np.float32)[:, None]
    return (1 - part) * one[low] + part * one[high]
