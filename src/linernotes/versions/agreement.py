"""Do tune and chords agree in one place? What a dimension says along the path that another one found.

Melodies and harmonies are aligned each by itself, and chance finds something for either. In a version both lie on one
path. Along the paths that *overall*, melody and harmony found, melody and harmony are asked two things:

- *along*: their log-odds there, whichever dimension found the path;
- *beyond*: their log-odds there, less those of other places of the same path where the *other* dimension agrees as well.
  Any tune fits its chord a little, so a new tune over the old chords gathers log-odds; only the old tune says more at its
  own place than at every place with that chord. In statistics: the likeness of tunes is compared with what it is given
  the likeness of chords.

Conventions
-----------
Log-odds are clipped as in the alignment, paths are on the coarse clock of `hypotheses`. A term *in roots* is the mean over a
path times the square root of its steps, so that length counts as it does for noise.

References
----------
Dawid (1979), "Conditional independence in statistical theory", J. Royal Statistical Society B 41.

Known limits
------------
A stretch shorter than `APART` on one chord holds no other place to compare with: nothing is said to be *beyond* there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.versions import Dimension
from linernotes.versions.alignment import Matrix, Path, best_path
from linernotes.versions.hypotheses import PATHS, Hypothesis, Piece, log_odds_matrix
from linernotes.versions.projection import Embedded, transposed

PATHS_ASKED: Final[tuple[Dimension, ...]] = ("overall", "melody", "harmony")
PAIRED: Final[tuple[tuple[Dimension, Dimension], ...]] = (("melody", "harmony"), ("harmony", "melody"))
APART: Final = 4  # coarse steps: nearer places share their notes
SOFTNESS: Final = 2.0  # nats of the other dimension that a place may lack, at a weight of 1/e
MOST_STEPS: Final = 512  # of a path that are compared with each other


def agreement(a: Piece, b: Piece, best: Mapping[Dimension, Hypothesis]) -> dict[str, float]:
    """Return what melody and harmony say along the best paths.

    Parameters
    ----------
    a, b : Piece
        Two recordings.
    best : mapping
        The best hypotheses of overall, melody and harmony.

    Returns
    -------
    dict
        ``"melody along overall"`` is a mean, ``"melody beyond harmony along overall"`` and the like are in roots,
        and so are ``"melody along melody"`` and ``"melody along harmony"``. All are 0 where no path is.

    Examples
    --------
    >>> from linernotes.versions.features import Features
    >>> silence = np.zeros((40, 12), np.float32)
    >>> piece = Piece(Features(silence, silence, np.zeros((40, 32), np.float32), 0.25, 10.0))
    >>> best = {dimension: Hypothesis(0, 1.0, 0.0, 0.0) for dimension in PATHS_ASKED}
    >>> len(agreement(piece, piece, best))
    12
    """
    found: dict[str, float] = {}
    for finder in PATHS_ASKED:
        path = _path(a, b, finder, best[finder])
        n_steps = len(path.a)
        sides = {one: _sides(a, b, one, best[finder], path) for one, _ in PAIRED} if n_steps else {}
        for one, other in PAIRED:
            said = along(*sides[one]).mean() if n_steps else 0.0
            more = beyond(sides[one], sides[other], path.a).mean() if n_steps else 0.0
            found[f"{one} along {finder}"] = float(said * (1 if finder == "overall" else n_steps**0.5))
            found[f"{one} beyond {other} along {finder}"] = float(more * n_steps**0.5)
    return found


def along(a: Embedded, b: Embedded) -> NDArray[np.float32]:
    """Return the clipped log-odds of aligned frames [shape=(n_steps,)]."""
    return _clipped(np.einsum("td,td->t", a.vectors, b.vectors) - a.costs - b.costs)


def beyond(
    one: tuple[Embedded, Embedded], other: tuple[Embedded, Embedded], at: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return by how much one dimension says more at its own place than where the other agrees as well.

    Parameters
    ----------
    one, other : tuple of Embedded
        Aligned frames of both recordings, of the dimension that is judged and of the other one.
    at : NDArray[np.int64] [shape=(n_steps,)]
        When the frames are, in coarse steps of A.

    Returns
    -------
    NDArray[np.float32] [shape=(at most MOST_STEPS,)]
        In nats; 0 where the path holds no other place.
    """
    chosen = np.unique(np.linspace(0, len(at) - 1, min(len(at), MOST_STEPS)).astype(np.int64))
    judged, given = (
        _clipped(log_odds_matrix(_rows(left, chosen), _rows(right, chosen))) for left, right in (one, other)
    )
    apart = np.abs(at[chosen][:, None] - at[chosen][None, :]) > APART
    lacking = np.minimum(given - np.maximum(np.diagonal(given), 0)[:, None], 0)
    weights = apart * np.maximum(np.exp(lacking / SOFTNESS), 1e-9)
    total = weights.sum(axis=1)
    elsewhere = (weights * judged).sum(axis=1) / np.maximum(total, 1e-30)
    return np.asarray(np.where(total > 0, np.diagonal(judged) - elsewhere, 0), np.float32)


def _path(a: Piece, b: Piece, finder: Dimension, chosen: Hypothesis) -> Path:
    speed_a, speed_b = chosen.speeds
    right = b.embedded(finder, speed_b)
    turned = Embedded(transposed(right.vectors, chosen.transposition), right.costs)
    limits = PATHS[finder]
    s = log_odds_matrix(a.embedded(finder, speed_a), turned)
    return best_path(np.clip(s, limits.floor, limits.ceiling), limits.gap)


def _sides(
    a: Piece, b: Piece, dimension: Dimension, chosen: Hypothesis, path: Path
) -> tuple[Embedded, Embedded]:
    speed_a, speed_b = chosen.speeds
    left, right = _rows(a.embedded(dimension, speed_a), path.a), _rows(b.embedded(dimension, speed_b), path.b)
    return left, Embedded(transposed(right.vectors, chosen.transposition), right.costs)


def _rows(embedded: Embedded, at: NDArray[np.int64]) -> Embedded:
    return Embedded(embedded.vectors[at], embedded.costs[at])


def _clipped(gains: NDArray[np.float32]) -> Matrix:
    limits = PATHS["melody"]
    return np.asarray(np.clip(gains, limits.floor, limits.ceiling), np.float32)
