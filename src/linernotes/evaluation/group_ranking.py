"""How well group scores agree with removing each group for real.

The truth is leave-one-group-out: retrain without group k, and take how much a query's loss rises. A method's
group scores are compared with it query by query.

=========  =====================================================================================
figure     what it asks
=========  =====================================================================================
top-1      is the group that the method puts first the one whose removal hurts most?
ndcg@3     how much of the best three does it put first, where the true first, second and third
           are worth 3, 2 and 1, the rest nothing, and places are discounted by log₂(1 + place)
mrr        one over the place at which it puts the true first
spearman   rank correlation over all groups
=========  =====================================================================================

Conventions
-----------
Scores and effects are ``[shape=(n_queries, n_groups)]``, larger is more influence; an effect is loss without
the group minus loss with it. The ceiling compares one seed of the truth with the mean of the other seeds, in
turn: a method is compared with the mean of all, so it may pass the ceiling.

Ties are never decided by position. Groups that a method ties stand in random order: every figure is the
expectation over that order, so a constant scorer gets what chance gets (for `mrr`, where several groups are truly
first, the most favourable of them counts). Groups that the truth ties share the mean of their worths, and any of those
that are first counts as first. A constant row has rank correlation 0.

References
----------
Murata et al. (2026), "GUDA", arXiv:2601.22651 (leave-one-group-out as the estimand, and the figures); Järvelin
and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques"; McSherry and Najork (2008),
"Computing information retrieval performance measures efficiently in the presence of tied scores"; Efron and
Tibshirani (1993), "An introduction to the bootstrap".

Known limits
------------
Groups whose removal does nothing measurable are ordered by noise in the truth: `spearman` suffers most, `top-1` least.
Intervals are over queries; they do not cover the choice of groups or of the generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from linernotes.errors import InputError

N_BOOTSTRAP = 1000
FIGURES = ("top-1", "ndcg@3", "mrr", "spearman")


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries with its 95 % bootstrap interval, and per query [shape=(n_queries,)]."""

    value: float
    interval: tuple[float, float]
    per_query: NDArray[np.float64]


def removal_effects(full: NDArray[np.floating], without: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how much each query's loss rises without each group, seed by seed.

    Parameters
    ----------
    full : NDArray [shape=(n_seeds, n_queries)]
        Losses under the models trained on everything.
    without : NDArray [shape=(n_groups, n_seeds, n_queries)]
        Losses under the models trained without each group, paired with *full* by seed.

    Returns
    -------
    NDArray [shape=(n_seeds, n_queries, n_groups), float64]

    Raises
    ------
    InputError
        If the shapes do not fit together.

    Examples
    --------
    >>> removal_effects(np.array([[1.0, 2.0]]), np.array([[[1.5, 2.0]], [[1.0, 1.75]]])).tolist()
    [[[0.5, 0.0], [0.0, -0.25]]]
    """
    if without.ndim != 3 or full.shape != without.shape[1:]:
        raise InputError(
            f"losses: full {full.shape}, without {without.shape}; expected (seeds, queries), (groups, seeds, queries)"
        )
    return (without.astype(np.float64) - full).transpose(1, 2, 0)


def figures(scores: NDArray[np.float64], effects: NDArray[np.float64], seed: int = 0) -> dict[str, Figure]:
    """Return all four figures of a method's group scores.

    Parameters
    ----------
    scores : NDArray [shape=(n_queries, n_groups)]
        What the method says.
    effects : NDArray [shape=(n_queries, n_groups) or (n_seeds, n_queries, n_groups)]
        What removal does; seeds are averaged.

    Raises
    ------
    InputError
        If they do not fit together, or hold values that are not numbers.

    Examples
    --------
    >>> truth = np.array([[3.0, 2.0, 1.0, 0.0]])
    >>> {name: round(figure.value, 3) for name, figure in figures(truth[:, ::-1], truth).items()}
    {'top-1': 0.0, 'ndcg@3': 0.342, 'mrr': 0.25, 'spearman': -1.0}
    """
    rows = per_query(scores, effects)
    resampled = _resample(len(scores), seed)
    return {name: _figure(values, resampled) for name, values in rows.items()}


def differences(
    first: NDArray[np.float64], second: NDArray[np.float64], effects: NDArray[np.float64], seed: int = 0
) -> dict[str, Figure]:
    """Return how much higher the first scorer's figures are, with paired intervals."""
    a, b = per_query(first, effects), per_query(second, effects)
    resampled = _resample(len(first), seed)
    return {name: _figure(a[name] - b[name], resampled) for name in FIGURES}


def seed_ceiling(effects: NDArray[np.float64], seed: int = 0) -> dict[str, Figure]:
    """Return the figures that one seed of the truth reaches against the mean of the others.

    Parameters
    ----------
    effects : NDArray [shape=(n_seeds, n_queries, n_groups)]
        From `removal_effects`.

    Raises
    ------
    InputError
        If there are fewer than two seeds.
    """
    if effects.ndim != 3 or len(effects) < 2:
        raise InputError(f"effects {effects.shape}: a ceiling needs at least two seeds; retrain with more")
    rows = [per_query(one, np.delete(effects, number, axis=0)) for number, one in enumerate(effects)]
    resampled = _resample(effects.shape[1], seed)
    return {name: _figure(np.mean([row[name] for row in rows], axis=0), resampled) for name in FIGURES}


def chance(effects: NDArray[np.float64], seed: int = 0) -> dict[str, Figure]:
    """Return the figures of a scorer that knows nothing: it ties all groups."""
    return figures(np.zeros(effects.shape[-2:]), effects, seed)


def table(
    scorers: Mapping[str, NDArray[np.float64]], effects: NDArray[np.float64], seed: int = 0
) -> dict[str, dict[str, dict[str, float | list[float]]]]:
    """Return the figures of each scorer as JSON, with those of chance and the ceiling where there are seeds."""
    rows = {name: figures(scores, effects, seed) for name, scores in scorers.items()}
    rows["chance"] = chance(effects, seed)
    if effects.ndim == 3 and len(effects) > 1:
        rows["ceiling"] = seed_ceiling(effects, seed)
    return {
        name: {key: {"value": f.value, "interval": list(f.interval)} for key, f in row.items()}
        for name, row in rows.items()
    }


def per_query(scores: NDArray[np.float64], effects: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return every figure for each query [shape=(n_queries,)]."""
    truth = effects.mean(axis=0) if effects.ndim == 3 else effects
    if scores.ndim != 2 or scores.shape != truth.shape or scores.size == 0:
        raise InputError(
            f"scores {scores.shape}, effects {effects.shape}: expected (queries, groups) for both"
        )
    if not (np.isfinite(scores).all() and np.isfinite(truth).all()):
        raise InputError("group scores or effects hold values that are not numbers; score the queries again")
    rows = [_of_query(said, true) for said, true in zip(scores, truth, strict=True)]
    return {name: np.array([row[number] for row in rows]) for number, name in enumerate(FIGURES)}


def _of_query(said: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float, float, float]:
    n = len(said)
    places = np.arange(1, n + 1)
    worth = _shared(true, np.maximum(0.0, 4.0 - places))
    discount = 1 / np.log2(1.0 + places) * (places <= 3)
    gained, best = worth @ _shared(said, discount), np.sort(worth)[::-1] @ discount
    reciprocal = _shared(said, 1.0 / places)
    first_true = true == true.max()
    top = float(first_true[said == said.max()].mean())
    return top, float(gained / best), float(reciprocal[first_true].max()), _rank_correlation(said, true)


def _shared(values: NDArray[np.float64], by_place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each value's place is worth, largest value first; equal values share."""
    first = rankdata(-values, method="min").astype(int) - 1
    last = rankdata(-values, method="max").astype(int)
    sums = np.concatenate([[0.0], np.cumsum(by_place)])
    shared: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)
    return shared


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    x, y = rankdata(a) - (len(a) + 1) / 2, rankdata(b) - (len(b) + 1) / 2
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0


def _resample(n_queries: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(n_queries, size=(N_BOOTSTRAP, n_queries))


def _figure(values: NDArray[np.float64], resampled: NDArray[np.int64]) -> Figure:
    low, high = np.quantile(values[resampled].mean(axis=1), [0.025, 0.975])
    return Figure(float(values.mean()), (float(low), float(high)), values)
