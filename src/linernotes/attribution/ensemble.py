"""Several methods as one: the mean of their scores, each brought to one scale, or of their ranks.

Methods err in different ways. Where their errors are unlike, a mean errs less than most of its members; where one member
is much better than the rest, it errs more than that one. So an ensemble is measured like any method
(``docs/methods/counterfactual.md``), and its members are named in its settings.

    score:  z_m = (s_m − mean) / deviation over the items,   score = Σ w_m z_m / Σ w_m
    rank:   r_m = normal deviate of the item's rank,         score = Σ w_m r_m / Σ w_m

Conventions
-----------
Ranks are those of an item's mean score; ties share the mean of their ranks. Replicates of a member are averaged into as
many groups as the member with the fewest has, and divided by the same deviation as its scores: the spread of the
ensemble's replicates is its members' own, as if they measured independently. An ensemble by rank has replicates of that
spread around its ranks. A member whose scores are all equal says nothing, and adds nothing.

Cost
----
That of its members, one after another.

References
----------
Dietterich (2000), "Ensemble methods in machine learning"; van der Waerden (1952), "Order tests for the two-sample
problem" (ranks as normal deviates).

Known limits
------------
Weights are settings, not learnt here. Members that share their errors gain nothing from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from linernotes.attribution.base import Attributor, EncodedCorpus, ItemScores, Query
from linernotes.attribution.curvature.ekfac import EkfacInfluence
from linernotes.attribution.gradients.das import Das
from linernotes.attribution.unlearning.kronecker import EkfacUnlearning
from linernotes.errors import InputError, NotFitted
from linernotes.folds import Runner
from linernotes.generators.base import Generator

BY = ("score", "rank")
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class EnsembleConfig:
    """How members are joined.

    Parameters
    ----------
    by : {"score", "rank"}
        What is averaged.
    weights : mapping of str to float >= 0, optional
        By name of the member; one that is not named weighs 1.
    """

    by: str = "score"
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.by not in BY:
            raise InputError(f"by='{self.by}': expected one of {', '.join(BY)}")
        for name, weight in (self.weights or {}).items():
            if not 0 <= weight < np.inf:
                raise InputError(f"weight of '{name}' is {weight}: expected a number, 0 or more")


class Ensemble:
    """Several methods, fitted and asked one after another.

    Parameters
    ----------
    config : EnsembleConfig, optional
        How they are joined.
    members : sequence of Attributor, optional
        Two or more, of different names; by default the three that unlearn or differentiate through curvature
        and are cheap beside retraining.
    seed : int
        Seed of the default members.

    Examples
    --------
    >>> Ensemble().settings["members"][0]["name"]
    'ekfac'
    """

    name = "ensemble"
    revision = "1"
    paper = "Dietterich (2000); members: see settings"
    licence = "Apache-2.0"

    def __init__(
        self,
        config: EnsembleConfig | None = None,
        *,
        members: Sequence[Attributor] | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config or EnsembleConfig()
        self.members: tuple[Attributor, ...] = tuple(
            members or (EkfacInfluence(seed=seed), EkfacUnlearning(seed=seed), Das(seed=seed))
        )
        names = [member.name for member in self.members]
        if len(set(names)) != len(names) or len(names) < 2:
            raise InputError(f"members {', '.join(names)}: expected two or more methods of different names")
        if unknown := set(self.config.weights or ()) - set(names):
            raise InputError(f"weight of '{min(unknown)}': expected one of the members {', '.join(names)}")
        self._weights = np.array([(self.config.weights or {}).get(name, 1.0) for name in names])
        if not self._weights.sum() > 0:
            raise InputError("weights: all are zero; expected at least one above zero")
        self._fitted = False

    @property
    def unit(self) -> str:
        """What a score is measured in."""
        return "deviations over the items" if self.config.by == "score" else "normal deviates of ranks"

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the scores depend on."""
        members = [
            {"name": one.name, "revision": one.revision, "weight": float(weight), "settings": one.settings}
            for one, weight in zip(self.members, self._weights, strict=True)
        ]
        return {"by": self.config.by, "members": members}

    def cost(self, n_segments: int, n_query_segments: int) -> tuple[int, int]:
        """Return forward and backward passes of all members.

        Raises
        ------
        InputError
            If a member does not tell its cost.
        """
        costs = [self._cost_of(member)(n_segments, n_query_segments) for member in self.members]
        return sum(forwards for forwards, _ in costs), sum(backwards for _, backwards in costs)

    def _cost_of(self, member: Attributor) -> Callable[[int, int], tuple[int, int]]:
        told = getattr(member, "cost", None)
        if not callable(told):
            raise InputError(f"{self.name}: its member '{member.name}' does not tell its cost")
        cost: Callable[[int, int], tuple[int, int]] = told
        return cost

    def fit(self, generator: Generator, corpus: EncodedCorpus, run: Runner) -> None:
        """Fit every member."""
        for member in self.members:
            member.fit(generator, corpus, run)
        self._fitted = True

    def attribute(self, queries: Sequence[Query], run: Runner) -> list[ItemScores]:
        """Ask every member and join their answers.

        Raises
        ------
        NotFitted
            If `fit` was not called.
        """
        if not self._fitted:
            raise NotFitted(f"{self.name}: fit it on a sealed corpus first")
        answers = [member.attribute(queries, run) for member in self.members]
        return [self._joined(of_query) for of_query in zip(*answers, strict=True)]

    def _joined(self, answers: Sequence[ItemScores]) -> ItemScores:
        weights = self._weights / self._weights.sum()
        n_replicates = min(answer.replicates.shape[1] for answer in answers)
        replicates = sum(
            weight * _on_one_scale(grouped(answer.replicates, n_replicates), self.config.by)
            for weight, answer in zip(weights, answers, strict=True)
        )
        segments = sum(
            weight * _on_one_scale(answer.segment_scores[:, None], self.config.by)[:, 0]
            for weight, answer in zip(weights, answers, strict=True)
        )
        first = answers[0]
        return ItemScores(
            first.query_id, self.name, self.unit, first.item_ids, np.asarray(replicates), np.asarray(segments)
        )


def grouped(replicates: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
    """Average columns to fewer; the mean of a row stays what it was.

    Returns
    -------
    NDArray [shape=(n_items, n_groups), float64]

    Examples
    --------
    >>> grouped(np.array([[1.0, 3.0, 5.0, 11.0]]), 2)
    array([[2., 8.]])
    """
    parts = np.array_split(np.arange(replicates.shape[1]), n_groups)
    means = np.stack([replicates[:, part].mean(axis=1) for part in parts], axis=1)
    kept: NDArray[np.float64] = means + (replicates.mean(axis=1) - means.mean(axis=1))[:, None]
    return kept


def _on_one_scale(replicates: NDArray[np.float64], by: str) -> NDArray[np.float64]:
    """Return replicates whose means have deviation 1 over the items, or are normal deviates of ranks."""
    scores = replicates.mean(axis=1)
    deviation = float(scores.std())
    if deviation <= _TINY * max(1.0, float(np.abs(scores).max())):
        return np.zeros_like(replicates)
    around = (replicates - scores[:, None]) / deviation
    ranks = ndtri(rankdata(scores) / (len(scores) + 1))
    middle = ranks if by == "rank" else (scores - scores.mean()) / deviation
    scaled: NDArray[np.float64] = middle[:, None] + around
    return scaled
