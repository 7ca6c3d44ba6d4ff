"""The linear datamodelling score: how well influence scores predict what retraining does.

For every half of the corpus, add up a query's scores over the recordings in that half: the prediction.
Retrain on that half and take the query's loss: the outcome. LDS is the rank correlation between
prediction and minus outcome, over halves, averaged over queries.

Conventions
-----------
``inclusion`` [shape=(n_subsets, n_items), bool]; ``losses`` [shape=(n_subsets, n_seeds, n_queries)];
``scores`` [shape=(n_queries, n_items)]. LDS is in [-1, 1]; 0 is chance.

Where subsets come in blocks that hold the same number of recordings of every artist, what a scorer that knows
only the artist predicts is constant within a block. The *within-artist* LDS is the same correlation after each
block's mean is taken out of predictions and outcomes: it rewards only what is known beyond the artist. The
bootstrap then draws whole blocks.

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
from dataclasses import dataclass, replace

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
    blocks : NDArray [shape=(n_subsets,), int64], optional
        Which subsets hold the same number of recordings of every artist; by default each stands alone.
    """

    item_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    inclusion: NDArray[np.bool_]
    losses: NDArray[np.float32]
    blocks: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.blocks is not None and self.blocks.shape != self.inclusion.shape[:1]:
            raise InputError(
                f"ground truth: {len(self.inclusion)} subsets, blocks {self.blocks.shape}; expected one block per subset"
            )
        expected = (self.inclusion.shape[0], self.losses.shape[1], len(self.query_ids))
        if self.losses.shape != expected or self.inclusion.shape[1] != len(self.item_ids):
            raise InputError(
                f"ground truth: inclusion {self.inclusion.shape}, losses {self.losses.shape}, "
                f"{len(self.item_ids)} items, {len(self.query_ids)} queries do not fit together"
            )

    def queries(self, wanted: list[int]) -> GroundTruth:
        """Return the ground truth of some queries."""
        return replace(
            self, query_ids=tuple(self.query_ids[i] for i in wanted), losses=self.losses[:, :, wanted]
        )

    def within_blocks(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values [shape=(n_subsets, …)] less the mean of their block.

        Raises
        ------
        InputError
            If the subsets do not come in blocks.
        """
        if self.blocks is None:
            raise InputError(
                "ground truth without blocks has no within-artist figure; draw subsets in blocks"
            )
        left = values.astype(np.float64)
        for block in np.unique(self.blocks):
            left[self.blocks == block] -= left[self.blocks == block].mean(axis=0)
        # what cancels exactly must not leave rounding to be ranked
        left[np.abs(left) < 1e-9 * np.abs(values).max(initial=0.0)] = 0.0
        return left


@dataclass(frozen=True, slots=True)
class LdsResult:
    """LDS of one scorer with its 95 % bootstrap interval, and per query [shape=(n_queries,)]."""

    value: float
    interval: tuple[float, float]
    per_query: NDArray[np.float64]


def per_query_lds(
    scores: NDArray[np.float64], truth: GroundTruth, *, within: bool = False
) -> NDArray[np.float64]:
    """Return the rank correlation of prediction and minus outcome for each query [shape=(n_queries,)].

    With ``within``, block means are taken out of both.

    Examples
    --------
    >>> inclusion = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    >>> losses = np.float32([[[1.0]], [[2.0]], [[0.5]]])
    >>> truth = GroundTruth(("a", "b"), ("q",), inclusion, losses)
    >>> per_query_lds(np.array([[3.0, 1.0]]), truth).tolist()
    [1.0]
    """
    predictions, outcomes = _sides(scores, truth, within)
    return _rank_correlation(predictions, outcomes)


def lds(scores: NDArray[np.float64], truth: GroundTruth, seed: int = 0, *, within: bool = False) -> LdsResult:
    """Return LDS, or with ``within`` the within-artist LDS, and its bootstrap interval over subsets and queries.

    Raises
    ------
    InputError
        If the scores do not fit the ground truth.
    """
    if scores.shape != (len(truth.query_ids), len(truth.item_ids)):
        raise InputError(
            f"scores {scores.shape}: expected {(len(truth.query_ids), len(truth.item_ids))} (queries × items)"
        )
    values = per_query_lds(scores, truth, within=within)
    low, high = np.quantile(_resampled(scores, truth, seed, within), [0.025, 0.975])
    return LdsResult(float(values.mean()), (float(low), float(high)), values)


def lds_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    truth: GroundTruth,
    seed: int = 0,
    *,
    within: bool = False,
) -> tuple[float, tuple[float, float]]:
    """Return how much higher the first scorer's LDS is, with the paired bootstrap interval."""
    gap = per_query_lds(first, truth, within=within) - per_query_lds(second, truth, within=within)
    value = float(np.mean(gap))
    gaps = _resampled(first, truth, seed, within) - _resampled(second, truth, seed, within)
    low, high = np.quantile(gaps, [0.025, 0.975])
    return value, (float(low), float(high))


def seed_agreement(truth: GroundTruth, *, within: bool = False) -> float:
    """Return the mean rank correlation between the losses of two seeds, over queries and pairs of seeds."""
    n_seeds = truth.losses.shape[1]
    if n_seeds < 2:
        raise InputError(
            "ground truth with one seed has no noise ceiling; retrain each subset with two or more"
        )
    pairs = [(i, j) for i in range(n_seeds) for j in range(i)]
    losses = truth.losses.astype(np.float64)
    losses = truth.within_blocks(losses) if within else losses
    return float(np.mean([_rank_correlation(losses[:, i], losses[:, j]).mean() for i, j in pairs]))


def ceiling(truth: GroundTruth, *, within: bool = False) -> float:
    """Return the LDS that a perfect predictor of the expected loss would reach."""
    agreement, n_seeds = max(0.0, seed_agreement(truth, within=within)), truth.losses.shape[1]
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


def _sides(
    scores: NDArray[np.float64], truth: GroundTruth, within: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return predictions and minus outcomes, each [shape=(n_subsets, n_queries)]."""
    predictions = truth.inclusion.astype(np.float64) @ scores.T
    outcomes = -truth.losses.astype(np.float64).mean(axis=1)
    if within:
        return truth.within_blocks(predictions), truth.within_blocks(outcomes)
    return predictions, outcomes


def _resampled(
    scores: NDArray[np.float64], truth: GroundTruth, seed: int, within: bool
) -> NDArray[np.float64]:
    """Return the LDS of every bootstrap draw [shape=(N_BOOTSTRAP,)]; one seed draws alike for all scorers.

    A draw with repetition is a weight per subset, and Spearman's correlation over the draw is Pearson's, so
    weighted, of the ranks that the weights give: one sort per query serves all draws.
    """
    times, queries = _draws(truth, seed)
    predictions, outcomes = _sides(scores, truth, within)
    columns = [
        _weighted_correlation(_ranks_in(a, times), _ranks_in(b, times), times)
        for a, b in zip(predictions.T, outcomes.T, strict=True)
    ]
    means: NDArray[np.float64] = np.take_along_axis(np.stack(columns, axis=1), queries, axis=1).mean(axis=1)
    return means


def _draws(truth: GroundTruth, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how often each draw takes each subset [shape=(N_BOOTSTRAP, n_subsets)], and its queries."""
    random = np.random.default_rng(seed)
    n_queries, members = truth.losses.shape[2], _blocks(truth)
    times = np.zeros((N_BOOTSTRAP, len(truth.inclusion)))
    queries = np.empty((N_BOOTSTRAP, n_queries), dtype=np.int64)
    for draw in range(N_BOOTSTRAP):
        taken = np.bincount(random.integers(len(members), size=len(members)), minlength=len(members))
        times[draw, members.ravel()] = np.repeat(taken, members.shape[1])
        queries[draw] = random.integers(n_queries, size=n_queries)
    return times, queries


def _ranks_in(values: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean rank of each value in each draw, less the mean of all ranks [shape as *times*]."""
    distinct, group = np.unique(values, return_inverse=True)
    # how many of the draw lie at or below each distinct value
    upto = np.zeros((len(times), len(distinct) + 1))
    for place, one in enumerate(group):
        upto[:, one + 1] += times[:, place]
    np.cumsum(upto, axis=1, out=upto)
    ranks = (upto[:, :-1] + upto[:, 1:] + 1) / 2
    centred: NDArray[np.float64] = ranks[:, group] - (times.sum(axis=1, keepdims=True) + 1) / 2
    return centred


def _weighted_correlation(
    a: NDArray[np.float64], b: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the correlation of centred ranks in each draw; 0 where either is constant."""
    weighted = a * times
    both = np.einsum("ij,ij->i", weighted, b)
    norm = np.sqrt(np.einsum("ij,ij->i", weighted, a) * np.einsum("ij,ij,ij->i", b, b, times))
    correlation: NDArray[np.float64] = both / np.where(norm > 0, norm, 1.0)
    return correlation


def _blocks(truth: GroundTruth) -> NDArray[np.int64]:
    """Return the subsets of each block [shape=(n_blocks, n_per_block)]; without blocks, each by itself."""
    if truth.blocks is None:
        return np.arange(len(truth.inclusion))[:, None]
    members = [np.flatnonzero(truth.blocks == block) for block in np.unique(truth.blocks)]
    if len({len(rows) for rows in members}) > 1:
        raise InputError("ground truth: blocks of unequal size; expected as many subsets in each")
    return np.stack(members)


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation down the columns; 0 where a column is constant."""
    ranks_a, ranks_b = rankdata(a, axis=0), rankdata(b, axis=0)
    ranks_a -= ranks_a.mean(axis=0)
    ranks_b -= ranks_b.mean(axis=0)
    norm = np.sqrt((ranks_a**2).sum(axis=0) * (ranks_b**2).sum(axis=0))
    correlation: NDArray[np.float64] = (ranks_a * ranks_b).sum(axis=0) / np.where(norm > 0, norm, 1.0)
    return correlation
