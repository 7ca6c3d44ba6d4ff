"""The linear datamodelling score: how well influence scores predict what retraining does.

For every half of the corpus, add up a query's scores over the recordings in that half: the prediction.
Retrain on that half and take the query's loss: the outcome. LDS is the rank correlation between
prediction and minus outcome, over halves, averaged over queries.

Conventions
-----------
``inclusion`` [shape=(n_subsets, n_items), bool]; ``losses`` [shape=(n_subsets, n_seeds, n_queries)];
``scores`` [shape=(n_queries, n_items)]. LDS is in [-1, 1]; 0 is chance.

The ceiling is what a perfect predictor of the expected loss would reach, given that retraining itself
is noisy: with r the rank correlation between seeds and R seeds averaged, the reliability of the average
is ρ = R r / (1 + (R - 1) r) and the ceiling is √ρ.

References
----------
Park et al. (2023), "TRAK", section 3; Ilyas et al. (2022), "Datamodels"; Spearman (1910) and Brown
(1910) for the reliability of an average.

Known limits
------------
Halves test average influence, not the effect of removing one recording; on music with strong styles a
scorer that knows only the label does well, so its row belongs beside every figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from linernotes.errors import InputError

N_BOOTSTRAP = 1000


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Retrained losses of a set of queries.

    Parameters
    ----------
    item_ids, query_ids : tuple of str
        Columns of ``inclusion`` and last axis of ``losses``.
    inclusion : NDArray [shape=(n_subsets, n_items), bool]
        Who was in each subset.
    losses : NDArray [shape=(n_subsets, n_seeds, n_queries), float32]
        Outcome of each retraining.
    """

    item_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    inclusion: NDArray[np.bool_]
    losses: NDArray[np.float32]

    def __post_init__(self) -> None:
        expected = (self.inclusion.shape[0], self.losses.shape[1], len(self.query_ids))
        if self.losses.shape != expected or self.inclusion.shape[1] != len(self.item_ids):
            raise InputError(
                f"ground truth: inclusion {self.inclusion.shape}, losses {self.losses.shape}, "
                f"{len(self.item_ids)} items, {len(self.query_ids)} queries do not fit together"
            )

    def queries(self, wanted: list[int]) -> GroundTruth:
        """Return the ground truth of some queries."""
        return GroundTruth(
            self.item_ids, tuple(self.query_ids[i] for i in wanted), self.inclusion, self.losses[:, :, wanted]
        )


@dataclass(frozen=True, slots=True)
class LdsResult:
    """LDS of one scorer with its 95 % bootstrap interval, and per query [shape=(n_queries,)]."""

    value: float
    interval: tuple[float, float]
    per_query: NDArray[np.float64]


def per_query_lds(scores: NDArray[np.float64], truth: GroundTruth) -> NDArray[np.float64]:
    """Return the rank correlation of prediction and minus outcome for each query [shape=(n_queries,)].

    Examples
    --------
    >>> inclusion = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    >>> losses = np.float32([[[1.0]], [[2.0]], [[0.5]]])
    >>> truth = GroundTruth(("a", "b"), ("q",), inclusion, losses)
    >>> per_query_lds(np.array([[3.0, 1.0]]), truth).tolist()
    [1.0]
    """
    predictions = truth.inclusion.astype(np.float64) @ scores.T
    outcomes = -truth.losses.astype(np.float64).mean(axis=1)
    return _rank_correlation(predictions, outcomes)


def lds(scores: NDArray[np.float64], truth: GroundTruth, seed: int = 0) -> LdsResult:
    """Return LDS with its bootstrap interval over subsets and queries.

    Raises
    ------
    InputError
        If the scores do not fit the ground truth.
    """
    if scores.shape != (len(truth.query_ids), len(truth.item_ids)):
        raise InputError(
            f"scores {scores.shape}: expected {(len(truth.query_ids), len(truth.item_ids))} (queries × items)"
        )
    values = per_query_lds(scores, truth)
    resampled = [float(np.mean(v)) for (v,) in _resample([scores], truth, seed)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return LdsResult(float(values.mean()), (float(low), float(high)), values)


def lds_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], truth: GroundTruth, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return how much higher the first scorer's LDS is, with the paired bootstrap interval."""
    value = float(np.mean(per_query_lds(first, truth) - per_query_lds(second, truth)))
    resampled = [float(np.mean(a - b)) for a, b in _resample([first, second], truth, seed)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return value, (float(low), float(high))


def seed_agreement(truth: GroundTruth) -> float:
    """Return the mean rank correlation between the losses of two seeds, over queries and pairs of seeds."""
    n_seeds = truth.losses.shape[1]
    if n_seeds < 2:
        raise InputError(
            "ground truth with one seed has no noise ceiling; retrain each subset with two or more"
        )
    pairs = [(i, j) for i in range(n_seeds) for j in range(i)]
    losses = truth.losses.astype(np.float64)
    return float(np.mean([_rank_correlation(losses[:, i], losses[:, j]).mean() for i, j in pairs]))


def ceiling(truth: GroundTruth) -> float:
    """Return the LDS that a perfect predictor of the expected loss would reach."""
    agreement, n_seeds = max(0.0, seed_agreement(truth)), truth.losses.shape[1]
    return float(np.sqrt(n_seeds * agreement / (1 + (n_seeds - 1) * agreement)))


def table(
    scorers: Mapping[str, NDArray[np.float64]],
    truth: GroundTruth,
    baselines: Sequence[str] = ("similarity", "label-only"),
) -> dict[str, dict[str, float | list[float]]]:
    """Return, per scorer, LDS, interval and the paired difference to each baseline, as JSON."""
    rows: dict[str, dict[str, float | list[float]]] = {}
    for name, scores in scorers.items():
        result = lds(scores, truth)
        rows[name] = {"lds": result.value, "interval": list(result.interval)}
        for baseline in (other for other in baselines if other in scorers and other != name):
            value, interval = lds_difference(scores, scorers[baseline], truth)
            rows[name] |= {f"minus_{baseline}": value, f"minus_{baseline}_interval": list(interval)}
    return rows


def _resample(
    scorers: list[NDArray[np.float64]], truth: GroundTruth, seed: int
) -> list[list[NDArray[np.float64]]]:
    random = np.random.default_rng(seed)
    n_subsets, _, n_queries = truth.losses.shape
    predictions = [truth.inclusion.astype(np.float64) @ scores.T for scores in scorers]
    outcomes = -truth.losses.astype(np.float64).mean(axis=1)
    draws = []
    for _ in range(N_BOOTSTRAP):
        subsets = random.integers(n_subsets, size=n_subsets)
        queries = random.integers(n_queries, size=n_queries)
        chosen = np.ix_(subsets, queries)
        draws.append([_rank_correlation(p[chosen], outcomes[chosen]) for p in predictions])
    return draws


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation down the columns; 0 where a column is constant."""
    ranks_a, ranks_b = rankdata(a, axis=0), rankdata(b, axis=0)
    ranks_a -= ranks_a.mean(axis=0)
    ranks_b -= ranks_b.mean(axis=0)
    norm = np.sqrt((ranks_a**2).sum(axis=0) * (ranks_b**2).sum(axis=0))
    correlation: NDArray[np.float64] = (ranks_a * ranks_b).sum(axis=0) / np.where(norm > 0, norm, 1.0)
    return correlation
