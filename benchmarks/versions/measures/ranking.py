"""How early versions come in a ranked list: average precision, rank of the first, mean rank.

Equal scores count against the system: what is not a version comes first among equals.

References
----------
MIREX "Audio cover song identification" (MAP, MR1); Manning, Raghavan, Schütze (2008), chapter 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Ranks:
    """Of one query: average precision, rank of the first version, mean rank of all versions."""

    average_precision: float
    first: int
    mean: float


def ranks(scores: npt.NDArray[np.float64], is_version: npt.NDArray[np.bool_]) -> Ranks:
    """Rank candidates by falling score.

    Parameters
    ----------
    scores
        Larger is more alike [shape=(n,)].
    is_version
        Which candidates are versions of the query [shape=(n,)]; at least one.

    Raises
    ------
    ValueError
        No candidate is a version.

    Examples
    --------
    >>> ranks(np.array([0.9, 0.5, 0.7]), np.array([True, True, False]))
    Ranks(average_precision=0.8333333333333333, first=1, mean=2.0)
    """
    if not is_version.any():
        raise ValueError("a query needs at least one version among its candidates")
    order = np.lexsort((is_version, -scores))
    places = np.flatnonzero(is_version[order]) + 1
    precision = np.arange(1, len(places) + 1) / places
    return Ranks(float(precision.mean()), int(places[0]), float(places.mean()))
