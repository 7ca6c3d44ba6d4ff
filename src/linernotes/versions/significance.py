"""How surprising is an alignment? Cohorts of unrelated music, commonplace, and a calibrated probability.

Two pieces on the same three chords align well without having anything to do with each other. So

- every recording carries its *cohort*: mean and spread of its scores against the bundled unrelated pieces;
- an aligned fragment's ``commonplace`` is the fraction of unrelated pieces that hold an equally good match
for it,
  in any key;
- the probability that two recordings share substance is a logistic function of the score, of the
cohort-normalised
  score on both sides and of the contrast between the best and the other transpositions.

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
sung covers by other artists the probability is an extrapolation. The cohort is small, so commonplace moves in
steps of one over its size; a background piece that is the compared recording itself is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence import Dimension
from linernotes.versions.alignment import Matrix, best_score, evidence
from linernotes.versions.background import Background, bundled_background
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import PITCHED, RHYTHM, Hypothesis, search, sequence, shifted_lags

PRIOR = 0.1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the log-odds at equal prior odds; made by ``benchmarks/versions/calibrate.py``."""

    intercept: float = -2.856
    log_score: float = 0.0
    cohort: float = 1.058
    contrast: float = 1.633


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
    terms = log_odds_terms(a, b, best)
    weights = (calibration.log_score, calibration.cohort, calibration.contrast)
    equal = calibration.intercept + sum(w * t for w, t in zip(weights, terms, strict=True))
    return with_prior(equal, PRIOR)


def log_odds_terms(a: Cohort, b: Cohort, best: Hypothesis) -> tuple[float, float, float]:
    """Return log score, cohort-normalised log score (mean of both sides) and contrast."""
    sides = [np.log1p(best.score) - np.log1p(side.mean + side.deviation) for side in (a, b)]
    return float(np.log1p(best.score)), float(np.mean(sides)), best.contrast


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


def commonplace(
    fragment: Features,
    dimension: Dimension,
    score: float,
    exclude: Sequence[bool] | None = None,
    background: Background | None = None,
) -> float | None:
    """Return the fraction of unrelated pieces that hold an equally good match for a fragment.

    Parameters
    ----------
    fragment : Features
        The aligned stretch of one recording.
    dimension : {"overall", "melody", "harmony", "rhythm"}
        What is compared.
    score : float
        Score of the alignment to be judged.
    exclude : sequence of bool, optional
        Background pieces to leave out, such as the compared recordings themselves.
    background : Background, optional
        The bundled one by default.

    Returns
    -------
    float in [0, 1] or None
        None when every piece is left out.
    """
    pieces = (background or bundled_background()).pieces
    left_out = exclude or [False] * len(pieces)
    kept = [piece for piece, out in zip(pieces, left_out, strict=True) if not out]
    if not kept:
        return None
    matcher = _rhythm_score if dimension == "rhythm" else _pitched_score
    return float(np.mean([matcher(fragment, piece, dimension) >= score for piece in kept]))


def _pitched_score(fragment: Features, piece: Features, dimension: Dimension) -> float:
    """Best score over the three transpositions that fit the mean vectors best."""
    left, right = sequence(fragment, dimension), sequence(piece, dimension)
    blocks = left.shape[1] // PITCH_CLASSES
    mean = right.mean(axis=0).reshape(blocks, PITCH_CLASSES)
    fits = [
        float(left.mean(axis=0) @ np.roll(mean, -steps, axis=1).ravel()) for steps in range(PITCH_CLASSES)
    ]
    scores = [
        best_score(evidence(left, _turned(right, blocks, int(steps)), PITCHED), PITCHED.gap)
        for steps in np.argsort(fits)[-3:]
    ]
    return max(scores)


def _turned(right: Matrix, blocks: int, steps: int) -> NDArray[np.float32]:
    turned = np.roll(right.reshape(len(right), blocks, PITCH_CLASSES), -steps, axis=2)
    return np.ascontiguousarray(turned.reshape(len(right), -1))


def _rhythm_score(fragment: Features, piece: Features, dimension: Dimension) -> float:
    """Best score over the lag shift that fits the mean patterns best."""
    mean_a, mean_b = fragment.rhythm.mean(axis=0), piece.rhythm.mean(axis=0, keepdims=True)
    best = max(range(-9, 10), key=lambda step: float(shifted_lags(mean_b, step)[0] @ mean_a))
    return best_score(evidence(fragment.rhythm, shifted_lags(piece.rhythm, best), RHYTHM), RHYTHM.gap)
