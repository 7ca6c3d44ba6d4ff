"""Fitting the maps of a calibration, with every pair judged by maps that saw neither its query nor its set.

Conventions
-----------
Pairs are ``[shape=(n_queries, n_sets)]``. A block holds the pairs of one fold of queries and one fold of sets.

References
----------
As `linernotes.attribution.statements.calibration`; Owen (2007), "The pigeonhole bootstrap", for data crossed by two factors.

Known limits
------------
A fit for one block uses little more than half of all pairs, so that cross-fitted figures are a little pessimistic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.statements.abstention import FALSE_CREDIT
from linernotes.attribution.statements.calibration import (
    PREDICTORS,
    EffectMaps,
    Monotone,
    Predictor,
    centred_isotonic,
    venn_abers,
)
from linernotes.errors import InputError
from linernotes.evaluation.removals import Removals

Pairs = tuple[NDArray[np.intp], ...]


@dataclass(frozen=True, slots=True)
class CalibrationConfig:
    """Settings of the fit.

    ``predictor`` of None takes the one whose cross-fitted effects miss the outcomes least.
    """

    confidence: float = 0.9
    n_query_folds: int = 4
    n_set_folds: int = 5
    predictor: Predictor | None = None
    false_credit: float = FALSE_CREDIT
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1 or min(self.n_query_folds, self.n_set_folds) < 2:
            raise InputError(f"{self}: expected a confidence in [0.5, 1) and at least 2 folds each way")


def _folds(count: int, n_folds: int, random: np.random.Generator) -> NDArray[np.int64]:
    folds: NDArray[np.int64] = random.permutation(np.arange(count) % min(n_folds, count))
    return folds


def choose_predictor(
    x: dict[Predictor, NDArray[np.float64]], effects: NDArray[np.float64], config: CalibrationConfig
) -> Predictor:
    """Return the predictor whose cross-fitted effects have the least mean square error; ties go to the first."""
    errors = {
        name: float(((cross_effects(values, effects, config) - effects) ** 2).mean())
        for name, values in x.items()
    }
    return min(errors, key=lambda name: (errors[name], PREDICTORS.index(name)))


def blocks(shape: tuple[int, int], config: CalibrationConfig) -> list[tuple[Pairs, Pairs]]:
    """Return (held out, fitted on) as indices of pairs [shape=(n_queries, n_sets)], block by block.

    A block holds the pairs of one fold of queries and one fold of sets; it is predicted by pairs that share neither.

    Examples
    --------
    >>> pairs = blocks((4, 5), CalibrationConfig(n_query_folds=2, n_set_folds=5))
    >>> every = np.zeros((4, 5))
    >>> for held, _ in pairs:
    ...     every[held] += 1
    >>> len(pairs), bool((every == 1).all())
    (10, True)
    """
    random = np.random.default_rng(config.seed)
    rows = _folds(shape[0], config.n_query_folds, random)
    columns = _folds(shape[1], config.n_set_folds, random)
    if len(set(rows)) < 2 or len(set(columns)) < 2:
        raise InputError(f"calibration on {shape[0]} queries and {shape[1]} sets; expected 2 or more of each")
    return [
        (
            np.ix_(np.flatnonzero(rows == r), np.flatnonzero(columns == c)),
            np.ix_(np.flatnonzero(rows != r), np.flatnonzero(columns != c)),
        )
        for r in range(rows.max() + 1)
        for c in range(columns.max() + 1)
    ]


def cross_effects(
    x: NDArray[np.float64], effects: NDArray[np.float64], config: CalibrationConfig
) -> NDArray[np.float64]:
    """Return effects predicted by maps that saw neither the query nor the set [shape as effects]."""
    predicted = np.empty_like(effects)
    for held, rest in blocks(effects.shape, config):
        predicted[held] = centred_isotonic(x[rest].ravel(), effects[rest].ravel())(x[held])
    return predicted


def fit_maps(
    x: NDArray[np.float64],
    effects: NDArray[np.float64],
    mattered: NDArray[np.bool_],
    config: CalibrationConfig,
) -> EffectMaps:
    """Fit effect, width, conformal quantiles and chance on all pairs given [each shape=(n_queries, n_sets)]."""
    normal = np.empty_like(effects)
    for held, rest in blocks(effects.shape, config):
        effect, width = _effect_and_width(x[rest], effects[rest])
        predicted = effect(x[held])
        normal[held] = (effects[held] - predicted) / width(predicted)
    effect, width = _effect_and_width(x, effects)
    residuals = _conformal(np.sort(normal.ravel()), config.confidence)
    return EffectMaps(effect, width, residuals, venn_abers(x.ravel(), mattered.ravel()))


def _effect_and_width(x: NDArray[np.float64], effects: NDArray[np.float64]) -> tuple[Monotone, Monotone]:
    effect = centred_isotonic(x.ravel(), effects.ravel())
    predicted = effect(x).ravel()
    residuals = np.abs(effects.ravel() - predicted)
    width = centred_isotonic(predicted, residuals)
    floor = 0.25 * float(np.median(residuals)) + 1e-12  # a width of nought would promise certainty
    return effect, Monotone(width.at, tuple(max(value, floor) for value in width.value))


def _conformal(ordered: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Return the ends that hold a new residual with at least the confidence, half of the rest on either side."""
    count = len(ordered)
    rank = min(count, int(np.ceil((count + 1) * (1 + confidence) / 2)))
    return float(ordered[count - rank]), float(ordered[rank - 1])


def cross_fitted(
    x: dict[Predictor, NDArray[np.float64]],
    removals: Removals,
    config: CalibrationConfig,
) -> dict[str, NDArray[np.float64]]:
    """Predict every pair by a whole calibration (choice of predictor included) that saw neither query nor set.

    Returns
    -------
    dict of str to NDArray [shape=(n_queries, n_sets)]
        ``effect``, ``low``, ``high``, ``chance``, and ``inside``, ones where the outcome lies in the range.
    """
    effects, mattered = removals.effects, removals.mattered
    out = {name: np.empty_like(effects) for name in ("effect", "low", "high", "chance")}
    for held, rest in blocks(effects.shape, config):
        inner = {name: values[rest] for name, values in x.items()}
        chosen = choose_predictor(inner, effects[rest], config)
        maps = fit_maps(inner[chosen], effects[rest], mattered[rest], config)
        place = x[chosen][held]
        out["effect"][held], out["low"][held], out["high"][held] = maps.ranges(place)
        out["chance"][held] = maps.chance(place)
    out["inside"] = ((effects >= out["low"]) & (effects <= out["high"])).astype(np.float64)
    return out
