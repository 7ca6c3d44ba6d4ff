"""How surprising is an alignment? Cohorts of unrelated music and a calibrated probability.

Two pieces on the same three chords align well without having anything to do with each other, and an exact copy
of twelve seconds of a drone scores little. The probability that two recordings share substance is a logistic
function of four figures:

- the logarithm of the alignment's score;
- the same less that of the *cohort*: each side's mean score, plus one standard deviation, against the bundled
  unrelated pieces;
- the *contrast* between the best and the other transpositions;
- the *fidelity*: evidence of the best 16 s over what the recordings score against themselves.

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

from dataclasses import dataclass

import numpy as np

from linernotes.versions.alignment import Matrix, best_path, evidence
from linernotes.versions.background import Background, bundled_background
from linernotes.versions.features import Features
from linernotes.versions.hypotheses import PITCHED, Hypothesis, aligned_sequences, search

PRIOR = 0.1
JUDGED_STEPS = 64  # 16 s: a longer stretch would be called rare for its length alone
LEAST_OWN_EVIDENCE = 0.1  # drones and noise: below this a ratio means nothing


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the log-odds at equal prior odds; made by ``benchmarks/versions/calibrate.py``."""

    intercept: float = -2.856
    log_score: float = 0.0
    cohort: float = 1.058
    contrast: float = 1.633
    fidelity: float = 0.0


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


def log_odds(a: Profile, b: Profile, best: Hypothesis, calibration: Calibration = Calibration()) -> float:
    """Return the natural log-odds, at `PRIOR`, that the recordings share substance."""
    terms = log_odds_terms(a, b, best)
    weights = (calibration.log_score, calibration.cohort, calibration.contrast, calibration.fidelity)
    equal = calibration.intercept + sum(w * t for w, t in zip(weights, terms, strict=True))
    return with_prior(equal, PRIOR)


def log_odds_terms(a: Profile, b: Profile, best: Hypothesis) -> tuple[float, float, float, float]:
    """Return log score, cohort-normalised log score (mean of both sides), contrast and `fidelity`."""
    sides = [np.log1p(best.score) - np.log1p(x.cohort.mean + x.cohort.deviation) for x in (a, b)]
    fit = fidelity(*aligned_sequences(a.features, b.features, "overall", best))
    return float(np.log1p(best.score)), float(np.mean(sides)), best.contrast, fit


def fidelity(left: Matrix, right: Matrix) -> float:
    """Return how near the best 16 s come to what the recordings score against themselves.

    Music on one chord earns little per second even against its exact copy, because its likeness is usual. The
    evidence of the strongest stretch is therefore divided by that of each side aligned with itself.

    Parameters
    ----------
    left, right : NDArray[np.float32] [shape=(n_left, n_values)], [shape=(n_right, n_values)]
        Sequences in one key and tempo.

    Returns
    -------
    float >= 0
        About 1 for the same recording, 0 where nothing aligns; a stretch shorter than 16 s (or than the shorter
        recording) counts in proportion.

    Examples
    --------
    >>> x = np.eye(24, dtype=np.float32)[:, :12] - np.float32(1 / 12)
    >>> round(fidelity(x, x), 1)
    1.0
    """
    path = best_path(evidence(left, right, PITCHED), PITCHED.gap)
    if not len(path.a):
        return 0.0
    wanted = min(JUDGED_STEPS, len(left), len(right))
    first, end, gained = path.strongest(wanted)
    own = [_own_evidence(left)[path.a[first:end]], _own_evidence(right)[path.b[first:end]]]
    possible = float(np.mean([side.mean() for side in own]))
    return gained / wanted / max(possible, LEAST_OWN_EVIDENCE)


def _own_evidence(sequence: Matrix) -> Matrix:
    """Evidence of every frame against itself, as `evidence` has it on the main diagonal."""
    agreed = (sequence**2).sum(axis=1) - PITCHED.usual * (sequence @ sequence.mean(axis=0))
    window = np.ones(PITCHED.width) / PITCHED.width
    return np.asarray(np.convolve(agreed, window, "same") - PITCHED.threshold, np.float32)


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
