"""From scores to a ranking with shares, intervals and an honest "nobody in particular".

Most recordings have next to nothing to do with any one output. Their scores show what chance looks
like: the median is the background, the spread below the median is the noise. A recording is credited
only when it stands out of that noise by more than n recordings are likely to do by luck; its share is
its part of everything above the background. What is left over is unattributed, and is shown.

    credited_i = score_i > m + t σ,   t = T_ν⁻¹(1 − α / n),   ν = n / 5.44 + 0.75
    share_i    = (score_i − m) / Σ_j max(0, score_j − m)   for credited i, else 0

The spread σ is itself an estimate from half of the n scores, hence Student's t rather than the normal: the
median of n / 2 deviations has relative variance 1 / (2 ν) with ν = n / 5.44 for large n, and the constant
0.75 was fitted to simulated normal scores for n from 3 to 1000. With the normal quantile one query in six
without any influence credited somebody among 70 recordings, one in four among 10; with this one in twenty.

With a `calibration`, every recording carries a tested statement of what leaving it out would do, and null queries
decide whether anybody is credited at all (`abstention`). With ``clusters``, near-duplicates are judged by their
mean, credited with their sum, and share it by a named rule (`clusters`). Without them nothing changes.

Assumptions
-----------
At least half of the recordings have no particular influence on the query, and noise is about
symmetric and normal around the background.

References
----------
Rousseeuw and Croux (1993), "Alternatives to the median absolute deviation"; Bonferroni's bound for the
largest of n; Student (1908), "The probable error of a mean"; Efron and Tibshirani (1993), "An introduction
to the bootstrap" (percentile intervals).

Known limits
------------
Shares describe the scores of one method; they are not calibrated probabilities (a calibration's are). The interval
of a share covers the noise of the measurement (which draws of noise were taken), not the error of the method: for that,
read the reliability beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import CorpusFit
from linernotes.attribution.statements.calibration import Calibration
from linernotes.attribution.statements.clusters import RULES, CreditRule, Pool, pool_of, pooled
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability

FALSE_CREDIT = 0.05  # expected number of falsely credited queries in twenty: α over all recordings together
N_BOOTSTRAP = 400


def shares_of(
    scores: NDArray[np.float64],
    false_credit: float = FALSE_CREDIT,
    sizes: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return each item's share of the positive influence, zero where it does not stand out.

    Parameters
    ----------
    scores : NDArray [shape=(n_items,) or (n_resamples, n_items), float64]
        Influence scores of one query.
    false_credit : float in (0, 1)
        Chance that any item is credited when none has influence.
    sizes : NDArray [shape=(n_items,), int64], optional
        How many recordings each score is the mean of; a share counts all of them.

    Returns
    -------
    NDArray [shape as scores, float64]
        Shares in [0, 1]; they add up to at most 1.

    Examples
    --------
    >>> shares_of(np.array([0.0, 0.1, -0.1, 0.05, -0.05, 3.0])).round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.97]
    """
    rows = np.atleast_2d(scores)
    background = np.median(rows, axis=1, keepdims=True)
    excess = rows - background
    threshold = _threshold(rows.shape[1], false_credit) * _noise(excess)
    mass = np.maximum(0.0, excess)
    if sizes is not None:
        mass = mass * sizes
    total = mass.sum(axis=1, keepdims=True)
    credited = np.where((excess > threshold) & (mass > 0), mass, 0.0)
    shares: NDArray[np.float64] = credited / np.where(total > 0, total, 1)
    return shares.reshape(scores.shape)


def _noise(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the spread of each row from its scores below the background; 0 where there are none."""
    # the median itself, which is one of the scores when n is odd, is no deviation
    below = np.where(excess < 0, -excess, np.inf)
    ordered = np.sort(below, axis=1)
    count = (excess < 0).sum(axis=1)
    rows = np.arange(len(excess))
    middle = (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2 * (count > 0)]) / 2
    spread: NDArray[np.float64] = np.where(count > 0, 1.4826 * middle, 0.0)[:, None]
    return spread


def _threshold(n_items: int, false_credit: float) -> float:
    """Return how many spreads above the background the largest of n noise scores passes with that chance."""
    freedom = n_items / 5.44 + 0.75
    return float(stdtrit(freedom, 1 - false_credit / n_items))


def rank(
    scores: ItemScores,
    *,
    generator_id: str,
    corpus_root: str,
    seed: int,
    reliability: Reliability | None = None,
    false_credit: float = FALSE_CREDIT,
    calibration: Calibration | None = None,
    clusters: Mapping[str, str] | None = None,
    cluster_rule: CreditRule = "equal",
    likeness: float | None = None,
    fit: CorpusFit | None = None,
) -> InfluenceRanking:
    """Turn one query's scores into a ranking of all items, best first; ties go by item id.

    Intervals of shares are 95 % percentile bootstrap over the replicates.

    Parameters
    ----------
    scores : ItemScores
        What a method measured.
    false_credit : float in (0, 1)
        Chance that any item is credited when none has influence.
    calibration : Calibration, optional
        Adds to every item the statement of what leaving it out would do, and says whether anybody is credited.
    clusters : mapping of str to str, optional
        Item id to cluster id; members share credit by ``cluster_rule``.
    likeness : float, optional
        How much the output is like the generator, where the calibration was made with it.
    fit : CorpusFit, optional
        Whether the generator has learnt its corpus; nobody is credited by one that has not.

    Raises
    ------
    InputError
        If the calibration is another method's, or the rule is not known.
    """
    pool = pool_of(scores.item_ids, clusters) if clusters is not None else None
    shown = pooled(scores, pool, cluster_rule) if pool else scores
    mean = shown.scores
    shares = _shares(scores.scores, false_credit, pool, cluster_rule)
    low, high = share_intervals(scores.replicates, seed, false_credit, pool, cluster_rule)
    because = _why_nobody(scores, shares, calibration, likeness, fit)
    if because is not None:
        shares, low, high = (np.zeros_like(shares) for _ in range(3))
    statements = calibration.statements(scores, clusters) if calibration else None
    order = sorted(range(len(mean)), key=lambda i: (-mean[i], scores.item_ids[i]))
    influences = tuple(
        Influence(
            item_id=scores.item_ids[i],
            score=float(mean[i]),
            share=float(shares[i]),
            interval=(float(min(low[i], shares[i])), float(max(high[i], shares[i]))),
            rank=place,
            probability=statements[i].probability if statements else None,
            effect=statements[i].effect if statements else None,
            effect_interval=statements[i].effect_interval if statements else None,
            cluster_id=pool.cluster_ids[pool.cluster_of[i]] if pool else None,
        )
        for place, i in enumerate(order, start=1)
    )
    return InfluenceRanking(
        query_id=scores.query_id,
        method=scores.method,
        unit=scores.unit,
        generator_id=generator_id,
        corpus_root=corpus_root,
        seed=seed,
        influences=influences,
        unattributed_share=max(0.0, 1.0 - float(shares.sum())),
        reliability=reliability,
        calibration=calibration.note if calibration else None,
        nobody_because=because,
        cluster_rule=RULES[cluster_rule] if pool else None,
    )


def _why_nobody(
    scores: ItemScores,
    shares: NDArray[np.float64],
    calibration: Calibration | None,
    likeness: float | None,
    fit: CorpusFit | None,
) -> str | None:
    """Return the first reason to credit nobody; None where somebody is, or where nothing but shares was asked."""
    because = fit.why_nobody if fit else None
    if because is None and calibration is not None:
        because = calibration.why_nobody(scores, likeness)
        if because is None and not shares.any():
            because = "no recording stands out of the noise of the measurement"
    return because


def _shares(
    rows: NDArray[np.float64], false_credit: float, pool: Pool | None, rule: CreditRule
) -> NDArray[np.float64]:
    """Return shares of items [shape as rows], by way of their clusters where there are any."""
    if pool is None:
        return shares_of(rows, false_credit)
    many = np.atleast_2d(rows)
    credit = shares_of(pool.mean(many), false_credit, pool.sizes)
    return pool.divide(credit, many, rule).reshape(rows.shape)


def share_intervals(
    replicates: NDArray[np.float64],
    seed: int,
    false_credit: float = FALSE_CREDIT,
    pool: Pool | None = None,
    cluster_rule: CreditRule = "equal",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 2.5 % and 97.5 % bootstrap quantiles of every share [shape=(n_items,)]."""
    random = np.random.default_rng(seed)
    n_replicates = replicates.shape[1]
    counts = random.multinomial(n_replicates, np.full(n_replicates, 1 / n_replicates), size=N_BOOTSTRAP)
    resampled = _shares(counts @ replicates.T / n_replicates, false_credit, pool, cluster_rule)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return low, high
