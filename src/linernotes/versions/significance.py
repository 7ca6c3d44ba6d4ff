"""How surprising is an alignment? Cohorts of unrelated music and a calibrated probability.

Two pieces on the same three chords align well without having anything to do with each other. The probability
that two recordings share substance is therefore a logistic function of two figures:

- the logarithm of the alignment's score less that of the *cohort*: each side's mean score, plus one standard
  deviation, against the bundled unrelated pieces;
- the *contrast* between the best and the other transpositions: unrelated music is about as alike in any key.

Conventions
-----------
The probability assumes `PRIOR`, the share of related pairs among those asked about; raise or lower it with
`with_prior`. Its constants come from ``benchmarks/versions/calibrate.py``.

References
----------
Auckenthaler, Carey, Lloyd-Thomas (2000), "Score normalization for text-independent speaker verification
systems", Digital Signal Processing 10 (cohort normalisation on both sides).
King, Zeng (2001), "Logistic regression in rare events data", Political Analysis 9 (prior correction).

Known limits
------------
Fitted on transformed recordings, a few real version pairs and rendered arrangements and performances: for
sung covers by other artists the probability is an extrapolation. Short copies of music on one chord earn
little, because what they agree in is usual. An a cappella and an instrumental mix share little that shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linernotes.versions.background import Background, bundled_background
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import Hypothesis, search

PRIOR = 0.1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the log-odds at equal prior odds; made by ``benchmarks/versions/calibrate.py``."""

    intercept: float = -5.057
    cohort: float = 2.53
    contrast: float = 2.278


@dataclass(frozen=True, slots=True)
class Cohort:
    """Mean and standard deviation of a recording's overall scores against unrelated pieces.

    ``related`` marks background pieces that are this recording or a version of it, and were left out.
    """

    mean: float
    deviation: float
    related: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """All that comparing needs to know of one recording."""

    features: Features
    cohort: Cohort


def profile(features: Features, background: Background | None = None) -> Profile:
    """Return features with their cohort.

    Notes
    -----
    Costs about 0.15 CPU-s for 60 s. Scores above the upper quartile by more than five times its distance
    from the median (the recording itself, or a version of it, among the background) are left out.
    """
    pieces = (background or bundled_background()).pieces
    scores = np.array([search(features, piece, "overall", (1.0,)).score for piece in pieces])
    median, upper = np.percentile(scores, [50, 75])
    related = scores > upper + 5 * max(upper - median, 2.0)
    kept = scores[~related]
    return Profile(features, Cohort(float(kept.mean()), float(max(kept.std(), 1.0)), tuple(related.tolist())))


def log_odds(a: Cohort, b: Cohort, best: Hypothesis, calibration: Calibration = Calibration()) -> float:
    """Return the natural log-odds, at `PRIOR`, that the recordings share substance."""
    normalised, contrast = log_odds_terms(a, b, best)
    equal = calibration.intercept + calibration.cohort * normalised + calibration.contrast * contrast
    return with_prior(equal, PRIOR)


def log_odds_terms(a: Cohort, b: Cohort, best: Hypothesis) -> tuple[float, float]:
    """Return the cohort-normalised log score (mean of both sides) and the contrast."""
    sides = [np.log1p(best.score) - np.log1p(side.mean + side.deviation) for side in (a, b)]
    return float(np.mean(sides)), best.contrast


def with_prior(log_odds_at_even: float, prior: float) -> float:
    """Move log-odds from even prior odds to another prior.

    Examples
    --------
    >>> with_prior(0.0, 0.5)
    0.0
    """
    return float(log_odds_at_even + np.log(prior / (1 - prior)))


def probability(log_odds_value: float) -> float:
    """Return the probability of natural log-odds.

    Examples
    --------
    >>> probability(0.0)
    0.5
    """
    return float(1 / (1 + np.exp(-np.clip(log_odds_value, -50, 50))))
