"""Do onsets coincide? The likeness of two rhythms along an alignment, and what both have in common there.

Along a path the correlation of prewhitened cells (`linernotes.versions.rhythm`) is asked for in every layer. For
recordings that only keep the same time it is about normal with variance one over the number of cells; times the root of
that number it counts deviations. Layers are capped before they are averaged, so that a drum loop with the same fills,
which fills two or three layers, does not weigh more than notes that coincide in all.

Conventions
-----------
Cells are ``[shape=(n_cells, n_layers), float32]`` at the speeds at which both recordings meet.

References
----------
Haugh (1976), "Checking the independence of two covariance-stationary time series", J. American Statistical Association
71.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.versions.rhythm import CELLS, Cells

CAP = 8.0  # deviations that one layer can count
SLACK = (-1, 0, 1)  # cells by which all of B may be early or late


def coincidence(a: Cells, b: Cells, at_a: NDArray[np.int64], at_b: NDArray[np.int64]) -> float:
    """Return by how many deviations aligned cells are more alike than those of strangers, mean over layers.

    Parameters
    ----------
    a, b : NDArray[np.float32] [shape=(n_cells, n_layers)]
        Two rhythms.
    at_a, at_b : NDArray[np.int64] [shape=(n_aligned,)]
        Aligned cells.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> x, y = (random.normal(size=(100, 8)).astype(np.float32) for _ in range(2))
    >>> at = np.arange(100)
    >>> coincidence(x, x, at, at), coincidence(x, y, at, at) < 2
    (8.0, True)
    """
    if len(at_a) == 0:
        return 0.0
    found = []
    for late in SLACK:
        inside = (at_a < len(a)) & (at_b + late >= 0) & (at_b + late < len(b))
        left, right = a[at_a[inside]], b[at_b[inside] + late]
        energy = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
        found.append((left * right).sum(axis=0) / np.maximum(energy, 1e-9))
    deviations = np.max(found, axis=0) * np.sqrt(len(at_a))
    return float(np.clip(deviations, -CAP, CAP).mean())


def common_frames(a: Cells, b: Cells, at_a: NDArray[np.int64], at_b: NDArray[np.int64]) -> Cells:
    """Return the average of aligned cells with the energy of one side, as frames of a quarter second.

    Examples
    --------
    >>> x, at = np.eye(8, dtype=np.float32), np.arange(8)
    >>> common_frames(x, x, at, at).shape
    (2, 32)
    """
    inside = (at_a < len(a)) & (at_b < len(b))
    left, right = a[at_a[inside]], b[at_b[inside]]
    both = left + right
    energy = np.sqrt((left**2).mean(axis=0)), np.sqrt((both**2).mean(axis=0))
    both *= energy[0] / np.maximum(energy[1], 1e-9)
    whole = len(both) // CELLS * CELLS
    return np.asarray(np.clip(both[:whole], -1, 1), np.float32).reshape(whole // CELLS, -1)
