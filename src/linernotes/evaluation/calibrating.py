"""Fitting a calibration on retrained removals, and testing whether its statements come true.

A calibration is fitted on pairs of output and removal (`removals`), and is tested on pairs that share neither output nor
removal with those of the fit (`cross_coverage`), or on outputs kept for the purpose (`coverage`).

References
----------
As `linernotes.attribution.statements.calibration`; Brier (1950), "Verification of forecasts expressed in
terms of probability".

Known limits
------------
Pairs of one query, or of one set, go together, so that the effective number of examples is far below the number of
pairs: the interval of a coverage resamples queries and sets, not pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import CorpusFit, null_reference, signs_of
from linernotes.attribution.statements.calibration import (
    PREDICTORS,
    Calibration,
    EffectMaps,
    Predictor,
    predictions,
)
from linernotes.attribution.statements.ranking import rank
from linernotes.errors import InputError
from linernotes.evaluation.cross_fitting import CalibrationConfig, choose_predictor, cross_fitted, fit_maps
from linernotes.evaluation.removals import MATTERS, Removals
from linernotes.evidence.reliability import CalibrationNote

N_BOOTSTRAP = 1000


def calibrate(
    scores: Sequence[ItemScores],
    removals: Removals,
    *,
    nulls: Sequence[ItemScores] = (),
    likeness: Sequence[float] = (),
    null_likeness: Sequence[float] = (),
    config: CalibrationConfig | None = None,
) -> Calibration:
    """Fit a calibration.

    Parameters
    ----------
    scores : sequence of ItemScores
        One per query of the removals, in any order; outputs of the generator.
    removals : Removals
        The outcomes.
    nulls : sequence of ItemScores
        Scores of null queries, real recordings from outside the corpus; without them nothing abstains.
    likeness, null_likeness : sequence of float
        How much each query and null query is like the generator (`likeness.likeness_of`), where measured.

    Raises
    ------
    InputError
        If scores and removals do not speak of the same items and queries.
    """
    config = config or CalibrationConfig()
    ordered = _in_order(scores, removals)
    predictor, maps, covered = _fit(ordered, removals, config)
    note = CalibrationNote(
        confidence=config.confidence,
        coverage=covered,
        effect_unit=removals.unit,
        noise=float(np.sqrt((removals.noise**2).mean())),
        matters=float(MATTERS * np.sqrt((removals.noise**2).mean())),
        n_queries=len(removals.query_ids),
        n_removals=len(removals.names),
        n_seeds=removals.rises.shape[1],
    )
    reference = None
    if nulls:
        own = [signs_of(one, like) for one, like in zip(scores, _or_none(likeness, scores), strict=True)]
        null = [signs_of(one, like) for one, like in zip(nulls, _or_none(null_likeness, nulls), strict=True)]
        reference = null_reference(own, null, config.false_credit)
    return Calibration(ordered[0].method, predictor, maps, note, reference)


def _or_none(values: Sequence[float], like: Sequence[ItemScores]) -> Sequence[float | None]:
    return list(values) if len(values) else [None] * len(like)


def _in_order(scores: Sequence[ItemScores], removals: Removals) -> list[ItemScores]:
    by_query = {one.query_id: one for one in scores}
    missing = [name for name in removals.query_ids if name not in by_query]
    if missing or not scores:
        raise InputError(
            f"calibration: no scores for {len(missing)} of {len(removals.query_ids)} queries "
            f"({', '.join(missing[:3])}); score every query that was retrained for"
        )
    ordered = [by_query[name] for name in removals.query_ids]
    for one in ordered:
        if one.item_ids != removals.item_ids or one.method != ordered[0].method:
            raise InputError(
                f"calibration: query {one.query_id} was scored by '{one.method}' on {len(one.item_ids)} items; "
                f"expected '{ordered[0].method}' on the {len(removals.item_ids)} items of the removals, in order"
            )
    return ordered


def _fit(
    scores: Sequence[ItemScores], removals: Removals, config: CalibrationConfig
) -> tuple[Predictor, EffectMaps, float]:
    """Choose the predictor by cross-fitted error, fit its maps, and measure their coverage by nested cross-fitting."""
    sets = removals.removed.astype(np.float64)
    choices = (config.predictor,) if config.predictor else PREDICTORS
    x = {name: np.stack([predictions(one, sets, name) for one in scores]) for name in choices}
    chosen = choose_predictor(x, removals.effects, config)
    maps = fit_maps(x[chosen], removals.effects, removals.mattered, config)
    held = cross_fitted(x, removals, config)
    return chosen, maps, float(held["inside"].mean())


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """How often statements came true.

    Parameters
    ----------
    coverage : float in [0, 1]
        Part of outcomes inside their range.
    interval : (float, float)
        95 % bootstrap interval over queries and sets.
    below, above : float
        Part of outcomes below and above their range.
    by_size : dict of str to float
        Coverage for the smaller, middle and larger third of predicted effects.
    width : float
        Median width of the ranges.
    brier, brier_base : float
        Mean square error of the chance that a removal matters, and of always saying how often removals matter.
    gap : float
        Mean absolute difference between chance and frequency over five groups of equal size.
    correlation : float
        Rank correlation of predicted and measured effects over all pairs.
    """

    coverage: float
    interval: tuple[float, float]
    below: float
    above: float
    by_size: dict[str, float]
    width: float
    brier: float
    brier_base: float
    gap: float
    correlation: float
    mattered: float
    n_queries: int
    n_sets: int

    def as_json(self) -> dict[str, Any]:
        """Return plain fields."""
        return asdict(self) | {"interval": list(self.interval)}


def coverage(
    calibration: Calibration, scores: Sequence[ItemScores], removals: Removals, seed: int = 0
) -> CoverageReport:
    """Test a calibration on outcomes that it has not seen.

    Parameters
    ----------
    calibration : Calibration
        Fitted on other queries, or other removals, or both.
    scores : sequence of ItemScores
        Scores of the test queries by the calibration's method.
    removals : Removals
        Outcomes of the test queries, with the number of seeds that the calibration was fitted on.
    """
    ordered, sets = _in_order(scores, removals), removals.removed.astype(np.float64)
    effect, low, high, chance = (
        np.stack(rows) for rows in zip(*(calibration.of_sets(one, sets) for one in ordered), strict=True)
    )
    return _report(effect, low, high, chance, removals, seed)


def cross_coverage(
    scores: Sequence[ItemScores], removals: Removals, config: CalibrationConfig | None = None
) -> CoverageReport:
    """Test by cross-fitting: every outcome by a calibration that saw neither its query nor its set."""
    config = config or CalibrationConfig()
    ordered, sets = _in_order(scores, removals), removals.removed.astype(np.float64)
    choices = (config.predictor,) if config.predictor else PREDICTORS
    x = {name: np.stack([predictions(one, sets, name) for one in ordered]) for name in choices}
    held = cross_fitted(x, removals, config)
    return _report(held["effect"], held["low"], held["high"], held["chance"], removals, config.seed)


def nobody_rate(
    calibration: Calibration,
    scores: Sequence[ItemScores],
    likeness: Sequence[float] = (),
    fit: CorpusFit | None = None,
    clusters: Mapping[str, str] | None = None,
) -> float:
    """Return how often nobody is credited, all three questions asked: the generator, the query, the recordings."""
    nobody = [
        is_nobody(calibration, one, like, fit, clusters)
        for one, like in zip(scores, _or_none(likeness, scores), strict=True)
    ]
    return float(np.mean(nobody))


def is_nobody(
    calibration: Calibration | None,
    scores: ItemScores,
    likeness: float | None = None,
    fit: CorpusFit | None = None,
    clusters: Mapping[str, str] | None = None,
) -> bool:
    """Tell whether a ranking of these scores credits nobody."""
    ranking = rank(
        scores,
        generator_id="any",
        corpus_root="any",
        seed=0,
        calibration=calibration,
        clusters=clusters,
        likeness=likeness,
        fit=fit,
    )
    return ranking.unattributed_share >= 1


def _report(
    effect: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    chance: NDArray[np.float64],
    removals: Removals,
    seed: int,
) -> CoverageReport:
    from scipy.stats import spearmanr

    effects, mattered = removals.effects, removals.mattered
    inside = (effects >= low) & (effects <= high)
    thirds = np.array_split(np.argsort(effect, axis=None, kind="stable"), 3)
    fifths = np.array_split(np.argsort(chance, axis=None, kind="stable"), 5)
    gaps = [abs(float(chance.ravel()[part].mean() - mattered.ravel()[part].mean())) for part in fifths]
    base = float(mattered.mean())
    return CoverageReport(
        coverage=float(inside.mean()),
        interval=_bootstrap(inside, seed),
        below=float((effects < low).mean()),
        above=float((effects > high).mean()),
        by_size={
            name: float(inside.ravel()[part].mean())
            for name, part in zip(("smaller", "middle", "larger"), thirds, strict=True)
        },
        width=float(np.median(high - low)),
        brier=float(((chance - mattered) ** 2).mean()),
        brier_base=base * (1 - base),
        gap=float(np.mean(gaps)),
        correlation=float(spearmanr(effect.ravel(), effects.ravel()).statistic) if np.ptp(effect) else 0.0,
        mattered=base,
        n_queries=effects.shape[0],
        n_sets=effects.shape[1],
    )


def _bootstrap(inside: NDArray[np.bool_], seed: int) -> tuple[float, float]:
    random = np.random.default_rng(seed)
    n_queries, n_sets = inside.shape
    values = [
        inside[
            np.ix_(random.integers(n_queries, size=n_queries), random.integers(n_sets, size=n_sets))
        ].mean()
        for _ in range(N_BOOTSTRAP)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
