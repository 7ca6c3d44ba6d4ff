"""Is there anything to compare? How much of the music around a frame sounds.

Two frames in which nothing sounds are alike, and in music that is evidence: a tune rests where it rested. But recordings
in which a dimension is empty throughout, noise or a single click, are alike in nothing else. A frame therefore speaks
only as far as something sounds within eight seconds of it.

- *Melody* sounds where the line reader hears one.
- *Harmony*, and all together, sound where a line is heard or a frame's harmony is that of a neighbour: in noise it
  changes from frame to frame.

Conventions
-----------
Presence is ``[shape=(n_frames,), float32]`` in [0, 1] on the clock of the features. It scales projected vectors, and
costs where they are negative; music that sounds throughout is left as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.versions import Dimension
from linernotes.versions.features import Features
from linernotes.versions.projection import Embedded

REACH_S = 8.0
LEAST_LIKENESS = 0.7  # of neighbouring harmonies; of noise a tenth, of music nine tenths are as much alike
MELODY_SHARES = (0.0, 0.05)  # of frames that sound: presence rises from 0 to 1
SHARES = (0.15, 0.35)


def presence(features: Features, dimension: Dimension) -> NDArray[np.float32]:
    """Return how far each frame is among music.

    Examples
    --------
    >>> tone = np.tile(np.eye(12, dtype=np.float32)[:1], (80, 1))
    >>> silence = np.zeros_like(tone)
    >>> rhythm = np.zeros((80, 32), np.float32)
    >>> one = Features(tone, silence, rhythm, 0.25, 20.0)
    >>> float(presence(one, "overall").min()), float(presence(one, "melody").max())
    (1.0, 0.0)
    """
    if dimension == "rhythm":
        return np.ones(len(features), np.float32)
    sounds: NDArray[np.bool_] = np.any(features.melody, axis=1)
    low, high = MELODY_SHARES
    if dimension != "melody":
        likeness = (features.harmony[1:] * features.harmony[:-1]).sum(axis=1) >= LEAST_LIKENESS
        sounds |= np.any(features.bass, axis=1)
        sounds[1:] |= likeness
        sounds[:-1] |= likeness
        low, high = SHARES
    share = around(sounds, max(1, round(REACH_S / features.hop_s)))
    return np.asarray(np.clip((share - low) / (high - low), 0, 1), np.float32)


def around(sounds: NDArray[np.bool_], reach: int) -> NDArray[np.float64]:
    """Return the share of frames that sound within *reach* frames of each.

    Examples
    --------
    >>> around(np.array([True, False, False, False]), 1).round(2).tolist()
    [0.5, 0.33, 0.0, 0.0]
    """
    at = np.arange(len(sounds))
    sums = np.concatenate([[0], np.cumsum(sounds)])
    first, end = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(sounds))
    return np.asarray((sums[end] - sums[first]) / (end - first), np.float64)


def weighed(embedded: Embedded, present: NDArray[np.float32]) -> Embedded:
    """Return projected frames that speak as far as they are among music.

    Examples
    --------
    >>> frames = Embedded(np.ones((2, 12), np.float32), np.array([-3.0, 3.0], np.float32))
    >>> weighed(frames, np.zeros(2, np.float32)).costs.tolist()
    [0.0, 3.0]
    """
    if present.min(initial=1.0) >= 1.0:
        return embedded
    costs = np.where(embedded.costs < 0, embedded.costs * present, embedded.costs)
    vectors = embedded.vectors * present[:, None]
    return Embedded(np.asarray(vectors, np.float32), np.asarray(costs + 0.0, np.float32))
