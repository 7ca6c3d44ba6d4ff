"""How common is a shared stretch: the fraction of unrelated pieces that hold an equally good match.

A four-chord loop aligns with half the world's music. What two recordings *share* along an aligned stretch, the
average of both, is searched for in every piece of the background, in all keys.

Conventions
-----------
A fragment is a `Features` of one frame per step of the alignment (rhythm: half a frame), in A's key and tempo. It is
the same, up to key, whichever recording is called A.

Cost
----
About 5 CPU-ms per fragment of 16 s against 50 pieces of 40 s.

Known limits
------------
The figure moves in steps of one over the number of pieces. Fragments are searched for at their own tempo
within the factor of two that a path can bend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import Matrix
from linernotes.versions.background import Background, bundled_background, comparable
from linernotes.versions.coincidence import common_frames
from linernotes.versions.features import Features, centred
from linernotes.versions.hypotheses import Piece, cells_of, lates, search
from linernotes.versions.projection import resampled, values
from linernotes.versions.rhythm import CELLS, N_LAYERS

MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Commonness:
    """``fraction`` of the pieces searched that hold as good a match, and the names of the best of them."""

    fraction: float
    found_in: tuple[str, ...]


def shared(
    a: Features,
    b: Features,
    at_a: NDArray[np.int64],
    at_b: NDArray[np.int64],
    speeds: tuple[float, float],
    transposition: int,
) -> Features:
    """Return what aligned frames have in common but rhythm: the average of both, in A's key.

    Parameters
    ----------
    a, b : Features
        Two recordings.
    at_a, at_b : NDArray[np.int64] [shape=(n_steps,)]
        Aligned frames, each side at its speed.
    speeds : (float, float)
        How many times as fast A and B were played to meet.
    transposition : int
        B's pitch minus A's.

    Examples
    --------
    >>> x, at = np.eye(12, dtype=np.float32), np.arange(12)
    >>> one = Features(x, x, x, 0.25, 3.0)
    >>> shared(one, one, at, at, (1.0, 1.0), 0).harmony.argmax(axis=1)[:3].tolist()
    [0, 1, 2]
    """

    def both(name: str) -> Matrix:
        left = resampled(getattr(a, name), speeds[0])[at_a]
        right = resampled(getattr(b, name), speeds[1])[at_b]
        return centred(left + np.roll(right, -transposition, axis=1))

    harmony, melody, bass = (both(name) for name in ("harmony", "melody", "bass"))
    rhythm = np.zeros((len(at_a), CELLS * N_LAYERS), np.float32)
    return Features(harmony, melody, rhythm, a.hop_s, len(at_a) * a.hop_s, bass)


def shared_rhythm(
    a: Features,
    b: Features,
    at_a: NDArray[np.int64],
    at_b: NDArray[np.int64],
    speeds: tuple[float, float],
    late: int,
) -> Features:
    """Return what aligned steps of two rhythms have in common, and nothing else of them.

    Parameters
    ----------
    a, b : Features
        Two recordings.
    at_a, at_b : NDArray[np.int64] [shape=(n_steps,)]
        Aligned steps of a rhythm's path, each side at its speed.
    speeds : (float, float)
        How many times as fast A and B were played to meet.
    late : int
        Cells by which B's steps begin later; where it is negative, A's do.

    Examples
    --------
    >>> x, rhythm, at = np.eye(12, dtype=np.float32), np.ones((12, 32), np.float32), np.arange(12)
    >>> one = Features(x, x, rhythm, 0.25, 3.0)
    >>> len(shared_rhythm(one, one, at, at, (1.0, 1.0), 0))
    6
    """
    left, right = values(a, "rhythm", speeds[0]), values(b, "rhythm", speeds[1])
    late_a, late_b = lates(late)
    rhythm = common_frames(left, right, cells_of(at_a, late_a), cells_of(at_b, late_b))
    none = np.zeros((len(rhythm), PITCH_CLASSES), np.float32)
    return Features(none, none, rhythm, a.hop_s, len(rhythm) * a.hop_s)


def commonplace(
    fragment: Features,
    dimension: Dimension,
    score: float,
    exclude: Sequence[bool] | None = None,
    background: Background | None = None,
) -> Commonness | None:
    """Return which unrelated pieces hold an equally good match for a fragment.

    Parameters
    ----------
    fragment : Features
        Result of `shared`.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    score : float
        Score, on the coarse clock, of the alignment to be judged.
    exclude : sequence of bool, optional
        Background pieces to leave out, such as the compared recordings themselves.
    background : Background, optional
        The bundled one by default.

    Returns
    -------
    Commonness or None
        None when every piece is left out.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> commonplace(Features(x, x, np.ones((12, 96), np.float32), 0.25, 3.0), "harmony", score=0.0).fraction
    1.0
    """
    known = background or bundled_background()
    kept = [not left_out for left_out in exclude] if exclude else [True] * len(known.names)
    if not any(kept):
        return None
    asked = Piece(fragment)
    found = [
        (search(asked, piece, dimension, (1.0,)).score, name)
        for piece, name, is_kept in zip(comparable(known), known.names, kept, strict=True)
        if is_kept
    ]
    as_good = sorted((one for one in found if one[0] >= score), key=lambda one: (-one[0], one[1]))
    return Commonness(len(as_good) / len(found), tuple(name for _, name in as_good[:MOST_NAMES]))
