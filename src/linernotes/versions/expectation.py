"""How many equally good matches would chance bring? Karlin-Altschul statistics, fitted on unrelated music.

The best local alignment of two unrelated sequences of m and n frames reaches a score S or more about
``E = K m n exp(-lambda S)`` times. *lambda* is the ``decay`` of a dimension; ``log K`` is a ``location`` less ``slope``
times the mean cohort scores of both pieces, because a drone aligns with anything (the adjustment for composition
that protein searches make). Both are fitted on unrelated pairs by ``benchmarks/versions/calibrate.py``, which writes
observed against expected counts.

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
Works of one artist or genre are more alike than the pairs that the constants were fitted on: E-values are then too small.
"""

from __future__ import annotations

import numpy as np

from linernotes.evidence.versions import REFERENCE_PIECES, REFERENCE_S, Dimension
from linernotes.versions.hypotheses import COARSE_STEP, DIMENSIONS
from linernotes.versions.significance import Calibration, Cohort, bundled_calibration

CHANCE_FRAMES = (
    16.0  # coarse frames that a chance alignment needs: it cannot begin later than this before an end
)


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
    """Return the natural logarithm of `expected`."""
    known = calibration or bundled_calibration()
    at = DIMENSIONS.index(dimension)
    level = (sides[0].level[at] + sides[1].level[at]) / 2
    log_k = known.location[dimension] + known.slope[dimension] * level
    return float(log_k + np.log(search_space(*frames)) - known.decay[dimension] * score)


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


def nats(score: float, dimension: Dimension, calibration: Calibration | None = None) -> float:
    """Return a coarse score in nats: ``lambda S``."""
    return (calibration or bundled_calibration()).decay[dimension] * score
