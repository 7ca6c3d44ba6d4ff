"""How surprising is an alignment? Cohorts of unrelated music and a calibrated probability.

Two pieces on the same three chords align well without having anything to do with each other. Every dimension's score is
therefore normalised on both sides: how many standard deviations does its logarithm lie above the scores that A, and
that B, reach against the bundled unrelated pieces (the *cohort*)? The log-odds that two recordings share substance are
linear in these normalised scores and in what `linernotes.versions.terms` adds to them.

Conventions
-----------
The probability assumes `PRIOR`, the share of related pairs among those asked about; raise or lower it with
`with_prior`. Constants come from ``calibration.json``, which ``benchmarks/versions/calibrate.py`` writes.

References
----------
Auckenthaler, Carey, Lloyd-Thomas (2000), "Score normalization for text-independent speaker verification
systems", Digital Signal Processing 10 (cohort normalisation on both sides).
King, Zeng (2001), "Logistic regression in rare events data", Political Analysis 9 (prior correction).

Known limits
------------
Fitted on rendered arrangements and performances, transformed recordings and a few real version pairs: for sung covers
by other artists the probability is an extrapolation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

import numpy as np

from linernotes.evidence.versions import Dimension
from linernotes.versions.background import Background, bundled_background, comparable
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import DIMENSIONS, Hypothesis, Piece, search

PRIOR = 0.1
LEAST_DEVIATION = 0.25  # of log scores: a cohort of equals is no licence for wonder
Best = Mapping[Dimension, Hypothesis]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights by term, at equal prior odds: of shared substance, and of each shared dimension.

    ``decay``, ``composition`` and ``location`` are the constants of `linernotes.versions.expectation`, by dimension.
    """

    substance: Mapping[str, float]
    dimensions: Mapping[str, Mapping[str, float]]
    decay: Mapping[str, float]
    composition: Mapping[str, float]
    location: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Scores of a recording against unrelated pieces, one figure per dimension in the order of `DIMENSIONS`.

    ``mean`` and ``deviation`` are of ``log(1 + score)``, ``level`` is the mean score. ``related`` marks background
    pieces that are this recording or a version of it, and were left out.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    level: tuple[float, ...]
    related: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """All that comparing needs to know of one recording; ``piece`` keeps what was projected of it."""

    features: Features
    cohort: Cohort
    piece: Piece = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "piece", Piece(self.features))


@lru_cache(maxsize=1)
def bundled_calibration() -> Calibration:
    """Return the constants that the package carries.

    Examples
    --------
    >>> set(bundled_calibration().decay) == set(DIMENSIONS)
    True
    """
    text = (resources.files("linernotes.versions") / "calibration.json").read_text(encoding="utf-8")
    return Calibration(**json.loads(text))


def profile(features: Features, background: Background | None = None) -> Profile:
    """Return features with their cohort.

    Notes
    -----
    Costs about 0.1 CPU-s for 60 s. Pieces that score five times further above the median than the upper quartile does
    (the recording itself, or a version of it, among the background) are left out.
    """
    others = comparable(background or bundled_background())
    mine = Piece(features)
    scores = np.array(
        [[search(mine, other, dimension, (1.0,)).score for other in others] for dimension in DIMENSIONS]
    )
    overall = np.log1p(scores[0])
    median, upper = np.percentile(overall, [50, 75])
    related = overall > upper + 5 * max(upper - median, LEAST_DEVIATION)
    kept = scores[:, ~related]
    logs = np.log1p(kept)
    deviation = np.maximum(logs.std(axis=1), LEAST_DEVIATION)
    cohort = Cohort(
        tuple(logs.mean(axis=1).tolist()),
        tuple(deviation.tolist()),
        tuple(kept.mean(axis=1).tolist()),
        tuple(related.tolist()),
    )
    return Profile(features, cohort)


def search_all(a: Profile, b: Profile) -> dict[Dimension, Hypothesis]:
    """Return the best hypothesis of every dimension."""
    return {dimension: search(a.piece, b.piece, dimension) for dimension in DIMENSIONS}


def normalised(a: Cohort, b: Cohort, dimension: Dimension, score: float) -> float:
    """Return how many deviations a score's logarithm lies above the cohorts, mean of both sides."""
    at = DIMENSIONS.index(dimension)
    sides = [(np.log1p(score) - side.mean[at]) / side.deviation[at] for side in (a, b)]
    return float(np.mean(sides))


def log_odds(found: Mapping[str, float], weights: Mapping[str, float], prior: float = PRIOR) -> float:
    """Return natural log-odds from terms and weights.

    Examples
    --------
    >>> log_odds({"melody": 2.0}, {"intercept": -1.0, "melody": 0.5}, prior=0.5)
    0.0
    """
    total = weights.get("intercept", 0.0) + sum(found[name] * weights.get(name, 0.0) for name in found)
    return with_prior(total, prior)


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
