"""From features to log-odds: linear projections under which a scalar product says how much likelier *same* is.

Two frames of the same moment of a work, played twice, are correlated; frames of unrelated pieces are not. If both are
Gaussian, the log-odds of *same* against *unrelated* is a scalar product of two projected vectors less a cost of each:
probabilistic linear discriminant analysis, with two covariances. The projections see three or four seconds around a
frame. Their covariances commute with transposition, so they are estimated per frequency of the discrete Fourier
transform over pitch classes, and transposing a piece is rolling its projected vectors.

``log-odds[i, j] = a.vectors[i] · b.vectors[j] - a.costs[i] - b.costs[j]``

The matrices are fitted by ``benchmarks/versions/fit_projection.py`` on rendered versions of the training works.

Conventions
-----------
Projected vectors are ``[shape=(n_frames, 12 * n_kept), float32]``, blocks of twelve pitch classes (rhythm: no blocks,
and cells instead of frames). *Speed* is how many times as fast a piece is played before it is projected. ``sharp``
projections see three frames only: they say where a stretch begins and ends.

References
----------
Prince, Elder (2007), "Probabilistic linear discriminant analysis for inferences about identity", ICCV.
Brümmer, de Villiers (2010), "The speaker partitioning problem", Odyssey (the two-covariance model).
Bertin-Mahieux, Ellis (2012), "Large-scale cover song recognition using the 2D Fourier transform magnitude", ISMIR.

Known limits
------------
Neighbouring frames share context, so sums of log-odds along a path overstate the evidence; scores are calibrated
after the alignment. Real frames are not Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.errors import NotFitted
from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import Matrix
from linernotes.versions.features import FEATURES_REVISION, Features
from linernotes.versions.rhythm import CELLS

CHANNELS: dict[Dimension, tuple[str, ...]] = {
    "overall": ("harmony", "melody", "bass"),
    "melody": ("melody",),
    "harmony": ("harmony", "bass"),
    "rhythm": ("rhythm",),
}
WIDE_TAPS = (-8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8)
SHARP_TAPS = (-1, 0, 1)
RHYTHM_TAPS = tuple(range(-32, 33, 2))  # cells: two seconds on either side


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Matrices of one dimension.

    ``vectors`` and ``costs`` are [shape=(n_values, n_out)]; a frame costs the squared length of ``values @ costs`` less
    half of ``constant``.
    """

    taps: tuple[int, ...]
    vectors: Matrix
    costs: Matrix
    constant: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A piece at one speed: ``vectors`` [shape=(n_frames, n_out)] and ``costs`` [shape=(n_frames,)]."""

    vectors: Matrix
    costs: Matrix

    def __len__(self) -> int:
        return len(self.costs)


@lru_cache(maxsize=1)
def bundled_projections() -> dict[str, Projection]:
    """Return the projections that the package carries, ``"melody"``, ``"melody-sharp"`` and so on.

    Raises
    ------
    NotFitted
        If they were fitted on another revision of the features.

    Examples
    --------
    >>> bundled_projections()["melody"].vectors.shape[0] == 12 * len(WIDE_TAPS)
    True
    """
    return unpack_projections((resources.files("linernotes.versions") / "projection.npz").read_bytes())


def pack_projections(
    circulants: Mapping[str, tuple[Sequence[int], NDArray[np.float64], NDArray[np.float64], float]],
) -> bytes:
    """Return the bytes of a projections file.

    Parameters
    ----------
    circulants : mapping
        For each name: taps, responses of vectors and of costs to a one in pitch class 0 (or in each rhythm value)
        [shape=(n_inputs, n_kept, 12)], and the constant.
    """
    stream = BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {"revision": np.array(FEATURES_REVISION)}
    for name, (taps, vectors, costs, constant) in circulants.items():
        arrays[f"{name}/taps"] = np.array(taps, np.int16)
        arrays[f"{name}/vectors"] = np.asarray(vectors, np.float32)
        arrays[f"{name}/costs"] = np.asarray(costs, np.float32)
        arrays[f"{name}/constant"] = np.array(constant, np.float64)
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def unpack_projections(data: bytes) -> dict[str, Projection]:
    """Read what `pack_projections` wrote.

    Raises
    ------
    NotFitted
        If the revision of the features differs.
    """
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        revision = int(stored["revision"])
        if revision != FEATURES_REVISION:
            raise NotFitted(
                f"projections of revision {revision}, features of revision {FEATURES_REVISION}; "
                "fit them again with benchmarks/versions/fit_projection.py"
            )
        names = sorted({key.rpartition("/")[0] for key in stored.files if "/" in key})
        return {
            name: Projection(
                tuple(int(tap) for tap in stored[f"{name}/taps"]),
                _full(stored[f"{name}/vectors"]),
                _full(stored[f"{name}/costs"]),
                float(stored[f"{name}/constant"]),
            )
            for name in names
        }


def values(features: Features, dimension: Dimension, speed: float = 1.0) -> Matrix:
    """Return the feature vectors of a dimension side by side, played *speed* times as fast.

    Rhythm comes in cells, four to a frame.

    Examples
    --------
    >>> x = np.eye(12, dtype=np.float32)
    >>> values(Features(x, x, x, 0.25, 3.0), "overall").shape
    (12, 36)
    """
    frames = np.hstack([getattr(features, name) for name in CHANNELS[dimension]])
    if dimension == "rhythm":
        frames = frames.reshape(CELLS * len(frames), -1)
    return resampled(frames, speed)


def embed(frames: Matrix, projection: Projection, step: int = 1, first: int = 0) -> Embedded:
    """Return every *step*-th frame, projected, from *first* on.

    Parameters
    ----------
    frames : NDArray[np.float32] [shape=(n_frames, n_values)]
        Result of `values`.
    projection : Projection
        Of the same dimension.
    step : int
        Frames from one to the next.
    first : int
        Where to begin.

    Examples
    --------
    >>> one = Projection((0,), np.eye(2, dtype=np.float32), np.zeros((2, 1), np.float32), 1.0)
    >>> embed(np.eye(2, dtype=np.float32), one).costs.tolist()
    [-0.5, -0.5]
    """
    centres = np.arange(first, len(frames), step)
    around = np.clip(centres[:, None] + np.array(projection.taps)[None, :], 0, len(frames) - 1)
    seen = frames[around].reshape(len(centres), -1)
    costs = ((seen @ projection.costs) ** 2).sum(axis=1) - projection.constant / 2
    return Embedded((seen @ projection.vectors).astype(np.float32), costs.astype(np.float32))


def transposed(vectors: Matrix, steps: int) -> Matrix:
    """Return projected vectors transposed down by semitones.

    Examples
    --------
    >>> transposed(np.eye(12, dtype=np.float32)[3:4], 2).argmax()
    np.int64(1)
    """
    blocks = vectors.reshape(len(vectors), -1, PITCH_CLASSES)
    return np.ascontiguousarray(np.roll(blocks, -steps, axis=2).reshape(len(vectors), -1))


def in_every_key(vectors: Matrix) -> Matrix:
    """Return projected vectors transposed down by 0, 1, .. 11 semitones, one after another.

    Examples
    --------
    >>> in_every_key(np.eye(12, dtype=np.float32)[3:4]).argmax(axis=1)[:4].tolist()
    [3, 2, 1, 0]
    """
    return np.concatenate([transposed(vectors, steps) for steps in range(PITCH_CLASSES)])


def resampled(sequence: Matrix, ratio: float) -> Matrix:
    """Return the sequence played *ratio* times as fast, by linear interpolation.

    Examples
    --------
    >>> resampled(np.arange(4, dtype=np.float32)[:, None], 2.0)[:, 0].tolist()
    [0.5, 2.5]
    """
    if ratio == 1.0:
        return sequence
    n_frames = max(2, round(len(sequence) / ratio))
    at = np.clip((np.arange(n_frames) + 0.5) * ratio - 0.5, 0, len(sequence) - 1)
    low = np.minimum(at.astype(np.int64), max(len(sequence) - 2, 0))
    part = (at - low).astype(np.float32)[:, None]
    return np.asarray(
        (1 - part) * sequence[low] + part * sequence[np.minimum(low + 1, len(sequence) - 1)],
        np.float32,
    )


def _full(responses: NDArray[np.float32]) -> Matrix:
    """Return the matrix whose every column is a response turned to its pitch class (circulant blocks)."""
    n_inputs, n_kept, n_turns = responses.shape
    if n_turns == 1:
        return np.ascontiguousarray(responses[:, :, 0], np.float32)
    full = np.zeros((n_inputs, n_turns, n_kept, n_turns), np.float32)
    for turn in range(n_turns):
        full[:, turn] = np.roll(responses, turn, axis=2)
    return np.ascontiguousarray(full.reshape(n_inputs * n_turns, n_kept * n_turns))
