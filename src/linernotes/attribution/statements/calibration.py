"""From a score to a statement that can be tested: what would happen had this recording been left out.

Generators are retrained without sets of recordings (artists, say), and the rise of each output's loss is what
influence claims to predict. Three maps are fitted on such outcomes, all monotone in the prediction ``x``:

    x_S    = Σ_{i in S} (s_i − b) / u                predicted influence of a set; see `Predictor` for b and u
    effect = g(x)                                    expected rise of the loss: centred isotonic regression
    range  = g(x) + v(g(x)) · [q_low, q_high]        conformal: quantiles of cross-fitted residuals over v
    chance = p(x)                                    that the rise exceeds retraining noise: Venn–Abers

Residuals are cross-fitted over queries *and* sets: a pair of query and set is predicted by maps that have seen
neither. ``v`` grows with the effect (isotonic regression of absolute residuals), since large effects are predicted
less exactly. The range holds the rise that retraining would *show*, mean over as many seeds as the calibration
used; it includes the noise of retraining and is wider than a range for the expectation.

Assumptions
-----------
Effects of sets add up, near enough, so that a map fitted on sets also speaks of one recording. Queries and sets asked
about are exchangeable with those calibrated on.

References
----------
Barlow et al. (1972), "Statistical inference under order restrictions"; Oron and Flournoy (2017), "Centered
isotonic regression"; Vovk and Petej (2014), "Venn–Abers predictors"; Vovk (2015), "Cross-conformal predictors";
Papadopoulos, Gammerman, Vovk (2008), "Normalized nonconformity measures".

Known limits
------------
A recording whose influence is below everything that was removed gets the smallest effect on file: maps do not
extrapolate. Statements bind to one method, generator and training set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import NullReference, signs_of
from linernotes.attribution.statements.clusters import pool_of
from linernotes.errors import CorpusError, InputError
from linernotes.evidence.reliability import CalibrationNote

N_KNOTS = 64
Predictor = Literal["sum", "excess", "relative", "relative-excess"]
PREDICTORS: tuple[Predictor, ...] = ("sum", "excess", "relative", "relative-excess")


@dataclass(frozen=True, slots=True)
class ItemStatement:
    """What a calibration says about leaving out one item, or the whole cluster that it belongs to.

    ``probability`` is the chance that the output's loss would rise by more than retraining noise; ``effect`` is the
    expected rise, and ``effect_interval`` holds the rise that retraining would show with the stated confidence.
    """

    item_id: str
    probability: float
    effect: float
    effect_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Monotone:
    """A function that never falls: straight lines between knots, level outside.

    Examples
    --------
    >>> Monotone((0.0, 1.0), (0.0, 2.0))(np.array([-1.0, 0.5, 9.0])).tolist()
    [0.0, 1.0, 2.0]
    """

    at: tuple[float, ...]
    value: tuple[float, ...]

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate [same shape]."""
        result: NDArray[np.float64] = np.interp(x, self.at, self.value)
        return result


def centred_isotonic(x: NDArray[np.float64], y: NDArray[np.float64]) -> Monotone:
    """Fit the best function that never falls; each level stands at the mean of the x that it covers.

    Examples
    --------
    >>> centred_isotonic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 4.0])).value
    (0.0, 1.5, 4.0)
    """
    places, group = np.unique(x, return_inverse=True)
    weight = np.bincount(group).astype(np.float64)
    fit = isotonic_regression(np.bincount(group, y) / weight, weights=weight)
    blocks = np.add.reduceat(places * weight, fit.blocks[:-1]) / np.add.reduceat(weight, fit.blocks[:-1])
    return Monotone(tuple(blocks.tolist()), tuple(fit.x[fit.blocks[:-1]].tolist()))


def venn_abers(x: NDArray[np.float64], happened: NDArray[np.bool_]) -> Monotone:
    """Fit the chance of an event that grows with x, calibrated also where examples are few.

    At each knot the new case is added once as if the event had happened and once as if not; isotonic regression
    gives p1 and p0, and the chance is p1 / (1 − p0 + p1), which shrinks towards one half by as much as one case can.

    Examples
    --------
    >>> x = np.arange(40.0)
    >>> chance = venn_abers(x, x >= 20)
    >>> bool(chance(np.array([0.0]))[0] < 0.1), bool(chance(np.array([39.0]))[0] > 0.9)
    (True, True)
    """
    order = np.argsort(x, kind="stable")
    ordered, outcome = x[order], happened[order].astype(np.float64)
    knots = np.unique(np.quantile(ordered, np.linspace(0, 1, N_KNOTS), method="nearest"))
    chances = []
    for knot in knots:
        place = int(np.searchsorted(ordered, knot, side="right"))
        p0, p1 = (isotonic_regression(np.insert(outcome, place, case)).x[place] for case in (0.0, 1.0))
        chances.append(float(p1 / (1 - p0 + p1)))
    # ties between knots and rounding must not make it fall
    return Monotone(tuple(knots.tolist()), tuple(np.maximum.accumulate(chances).tolist()))


def predictions(scores: ItemScores, sets: NDArray[np.float64], predictor: Predictor) -> NDArray[np.float64]:
    """Return the predicted influence of sets of items [shape=(n_sets,)].

    ``sum`` adds scores up; ``excess`` adds up what they have above their median; ``relative`` and
    ``relative-excess`` divide by the mean absolute score, for methods whose unit differs from query to query.

    Parameters
    ----------
    sets : NDArray [shape=(n_sets, n_items), float64]
        Ones for members.
    """
    values = scores.scores
    if predictor.endswith("excess"):
        values = values - np.median(values)
    if predictor.startswith("relative"):
        size = float(np.abs(values).mean())
        values = values / size if size > 0 else values
    result: NDArray[np.float64] = sets @ values
    return result


@dataclass(frozen=True, slots=True)
class EffectMaps:
    """The fitted maps from a prediction to effect, range and chance; see the module's header."""

    effect: Monotone
    width: Monotone
    residuals: tuple[float, float]
    chance: Monotone

    def ranges(
        self, x: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return effect, lower and upper end [each of the shape of x]."""
        effect = self.effect(x)
        width = self.width(effect)
        return effect, effect + self.residuals[0] * width, effect + self.residuals[1] * width


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything needed to turn one method's scores into statements, for one generator and training set."""

    method: str
    predictor: Predictor
    maps: EffectMaps
    note: CalibrationNote
    nulls: NullReference | None = None

    def statements(
        self, scores: ItemScores, clusters: Mapping[str, str] | None = None
    ) -> list[ItemStatement]:
        """Say of every item what leaving it out, or its whole cluster, would do; in the order of the scores."""
        pool = pool_of(scores.item_ids, clusters or {})
        members = (pool.cluster_of[None] == np.arange(len(pool.cluster_ids))[:, None]).astype(np.float64)
        effect, low, high, chance = self.of_sets(scores, members)
        return [
            ItemStatement(
                item_id, float(chance[c]), float(effect[c]), (float(low[c]), float(high[c]))
            )
            for item_id, c in zip(scores.item_ids, pool.cluster_of, strict=True)
        ]  # fmt: skip

    def of_sets(
        self, scores: ItemScores, sets: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return effect, both ends of its range, and chance of leaving out each set [each shape=(n_sets,)].

        Raises
        ------
        InputError
            If the scores are another method's.
        """
        if scores.method != self.method:
            raise InputError(
                f"query {scores.query_id}: scores of '{scores.method}', calibration of '{self.method}'; "
                "a calibration never travels to another method"
            )
        x = predictions(scores, sets, self.predictor)
        return *self.maps.ranges(x), self.maps.chance(x)

    def nobody(self, scores: ItemScores, likeness: float | None = None) -> bool:
        """Whether the output looks like music that this generator did not make: nobody in particular."""
        return self.why_nobody(scores, likeness) is not None

    def why_nobody(self, scores: ItemScores, likeness: float | None = None) -> str | None:
        """Return the reason, or None where somebody may be credited."""
        if self.nulls is None:
            return None
        chance = self.nulls.p_value(signs_of(scores, likeness))
        if chance <= self.nulls.false_credit:
            return None
        return (
            f"recordings from outside the corpus look like this with probability {chance:.2g} "
            f"(credit needs {self.nulls.false_credit:g} or less)"
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain fields."""
        maps = self.maps
        return {
            "method": self.method,
            "predictor": self.predictor,
            "effect": asdict(maps.effect),
            "width": asdict(maps.width),
            "residuals": list(maps.residuals),
            "chance": asdict(maps.chance),
            "note": self.note.as_json(),
            "nulls": self.nulls.as_json() if self.nulls else None,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Calibration:
        """Read what `as_json` wrote.

        Raises
        ------
        CorpusError
            If a field is missing or damaged.
        """
        try:
            low, high = fields["residuals"]
            maps = EffectMaps(
                _monotone(fields["effect"]), _monotone(fields["width"]), (float(low), float(high)),
                _monotone(fields["chance"]),
            )  # fmt: skip
            if fields["predictor"] not in PREDICTORS or not low <= high:
                raise ValueError(f"predictor {fields['predictor']!r}, residuals {low} to {high}")
            nulls = NullReference.from_json(fields["nulls"]) if fields["nulls"] else None
            note = CalibrationNote(**fields["note"])
            return cls(str(fields["method"]), fields["predictor"], maps, note, nulls)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorpusError(
                f"calibration: damaged ({error!r}); calibrate again or remove the file"
            ) from error


def _monotone(fields: Mapping[str, Sequence[float]]) -> Monotone:
    at, value = np.array(fields["at"], dtype=float), np.array(fields["value"], dtype=float)
    sound = at.ndim == 1 and at.shape == value.shape and len(at) and np.isfinite([at, value]).all()
    if not sound or (np.diff(at) <= 0).any() or (np.diff(value) < 0).any():
        raise ValueError("a map that falls, or is no map")
    return Monotone(tuple(at.tolist()), tuple(value.tolist()))
