"""How many equally good matches would chance bring? Karlin-Altschul statistics, fitted on unrelated music.

The best local alignment of two unrelated sequences of m and n frames reaches a score S or more about
``E = K m n exp(-lambda S)`` times. A drone aligns with anything, so *lambda* depends on the pieces, as it does on the
composition of proteins: it is the ``decay`` of a dimension over their *level*, the mean of both cohorts' scores, to the
power of ``composition``. ``location`` is the logarithm of *K*. All are fitted to the upper tenth of unrelated pairs by
``benchmarks/versions/calibrate.py``, which writes observed against expected counts: one in ten, and rarer, come true.

Conventions
-----------
Scores are those of the coarse clock of `linernotes.versions.hypotheses`; ``lambda S`` are nats. An E-value speaks of a
*reference collection*: `REFERENCE_PIECES` unrelated recordings of `REFERENCE_S` seconds (`linernotes.evidence.versions`),
asked for the whole of A.

References
----------
Karlin, Altschul (1990), "Methods for assessing the statistical significance of molecular sequence features", PNAS 87.
Altschul, Gish (1996), "Local alignment statistics", Methods in Enzymology 266 (gapped scores, edge effects).
Schäffer et al. (2001), "Improving the accuracy of PSI-BLAST protein database searches", Nucleic Acids Research 29.

Known limits
------------
Expected counts above 0.1 per pair are too small.
Works of one artist or genre are more alike than the pairs that the constants were fitted on: E-values are then too small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.versions import REFERENCE_PIECES, REFERENCE_S, Dimension
from linernotes.versions.hypotheses import COARSE_STEP, DIMENSIONS
from linernotes.versions.significance import Calibration, Cohort, bundled_calibration

CHANCE_FRAMES = (
    16.0  # coarse frames that a chance alignment needs: it cannot begin later than this before an end
)
LEAST_LEVEL = 1.0  # silence has no level


def search_space(n_a: float, n_b: float) -> float:
    """Return the frame pairs at which an alignment can begin, in coarse frames squared.

    Examples
    --------
    >>> search_space(116, 216), search_space(10, 10)
    (20000.0, 1.0)
    """
    return float(max(n_a - CHANCE_FRAMES, 1.0) * max(n_b - CHANCE_FRAMES, 1.0))


def expected(
    score: float,
    dimension: Dimension,
    sides: tuple[Cohort, Cohort],
    frames: tuple[float, float],
    calibration: Calibration | None = None,
) -> float:
    """Return the expected number of chance matches with at least this score in one pair of recordings.

    Parameters
    ----------
    score : float
        Score on the coarse clock.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    sides : (Cohort, Cohort)
        Cohorts of A and of B.
    frames : (float, float)
        Lengths of A and of B in coarse frames.
    calibration : Calibration, optional
        The bundled constants by default.
    """
    return float(np.exp(min(log_expected(score, dimension, sides, frames, calibration), 50.0)))


def log_expected(
    score: float,
    dimension: Dimension,
    sides: tuple[Cohort, Cohort],
    frames: tuple[float, float],
    calibration: Calibration | None = None,
) -> float:
    """Return the natural logarithm of `expected`; at least 0 for a score of 0, however short the recordings are."""
    known = calibration or bundled_calibration()
    at_nothing = known.location[dimension] + np.log(search_space(*frames))
    return float(max(at_nothing, 0.0) - nats(score, dimension, sides, known))


def surprise(log_expected_matches: float) -> float:
    """Return how surprising a score is that chance brings so often: the nats by which it is rare, in logarithms.

    Twice the music alike is not twice the evidence, since neighbouring frames repeat each other.

    Examples
    --------
    >>> surprise(0.0), round(surprise(-19.0), 3), round(surprise(1.0), 3)
    (-0.0, 2.996, -0.693)
    """
    return float(-np.sign(log_expected_matches) * np.log1p(np.abs(log_expected_matches)))


def e_value(
    score: float,
    dimension: Dimension,
    sides: tuple[Cohort, Cohort],
    n_frames_a: float,
    hop_s: float,
    calibration: Calibration | None = None,
) -> float:
    """Return the expected number of matches as good by chance in the reference collection."""
    per_piece = (n_frames_a / COARSE_STEP, REFERENCE_S / hop_s / COARSE_STEP)
    return REFERENCE_PIECES * expected(score, dimension, sides, per_piece, calibration)


def nats(
    score: float,
    dimension: Dimension,
    sides: tuple[Cohort, Cohort],
    calibration: Calibration | None = None,
) -> float:
    """Return a coarse score in nats: ``lambda S``."""
    known = calibration or bundled_calibration()
    at = DIMENSIONS.index(dimension)
    level = (sides[0].level[at] + sides[1].level[at]) / 2
    return float(score * rate(level, known.decay[dimension], known.composition[dimension]))


def rate(level: float | NDArray[np.float64], decay: float, composition: float) -> float | NDArray[np.float64]:
    """Return *lambda* of pieces with a level.

    Examples
    --------
    >>> float(rate(100.0, 2.0, 0.5))
    0.2
    """
    return decay / np.maximum(level, LEAST_LEVEL) ** composition
