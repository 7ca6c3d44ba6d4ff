"""How often nobody is credited, and how often rightly: for outputs, and for music from outside.

Every query is judged by a reference that it was left out of: null queries would otherwise be measured by themselves.

References
----------
As `linernotes.attribution.statements.abstention`; Stone (1974), "Cross-validatory choice and assessment of statistical
predictions".

Known limits
------------
The maps of the calibration are fitted on all outputs; only the reference is fitted anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.abstention import null_reference, signs_of
from linernotes.attribution.statements.calibration import Calibration
from linernotes.errors import InputError
from linernotes.evaluation.calibrating import is_nobody
from linernotes.evaluation.removals import Removals


@dataclass(frozen=True, slots=True)
class AbstentionReport:
    """How often nobody is credited, every query judged by a reference that did not see it.

    Parameters
    ----------
    null_queries : float
        Part of the recordings from outside for which nobody is credited; 1 is what is wanted.
    outputs : float
        Part of the generator's outputs for which nobody is credited.
    mattering : float or None
        The same among outputs for which somebody mattered beyond doubt; None where there are none.
    credited_mattering : float or None
        Part of the credited outputs for which somebody mattered beyond doubt; None where none is credited.
    n_null_queries, n_outputs, n_mattering : int
        How many there are of each.
    shares_alone : float
        Part of the recordings from outside for which nobody is credited without any calibration.
    """

    null_queries: float
    outputs: float
    mattering: float | None
    credited_mattering: float | None
    n_null_queries: int
    n_outputs: int
    n_mattering: int
    shares_alone: float

    def as_json(self) -> dict[str, Any]:
        """Return plain fields."""
        return asdict(self)


def cross_abstention(
    calibration: Calibration,
    scores: Sequence[ItemScores],
    removals: Removals,
    nulls: Sequence[ItemScores],
    likeness: Sequence[float] = (),
    null_likeness: Sequence[float] = (),
    clusters: Mapping[str, str] | None = None,
) -> AbstentionReport:
    """Test by leaving out: every output and null query by a reference learnt from all others.

    Parameters
    ----------
    calibration : Calibration
        Fitted with null queries.
    scores, removals
        What it was fitted on, in any order.
    nulls : sequence of ItemScores
        The null queries that it was fitted on; one more than the fewest that a reference takes.
    clusters : mapping of str to str, optional
        Item id to cluster id of near-duplicates.

    Raises
    ------
    InputError
        If there are too few null queries to judge each by the others.
    """
    if calibration.nulls is None:
        raise InputError("abstention: fitted without null queries; calibrate with recordings from outside")
    limit = calibration.nulls.false_credit
    likes, null_likes = _filled(likeness, scores), _filled(null_likeness, nulls)
    own = [signs_of(one, like) for one, like in zip(scores, likes, strict=True)]
    theirs = [signs_of(one, like) for one, like in zip(nulls, null_likes, strict=True)]

    def nobody(number: int, among: Sequence[ItemScores], of: Sequence[float | None], outputs: bool) -> bool:
        rest = [signs for place, signs in enumerate(own if outputs else theirs) if place != number]
        reference = null_reference(rest, theirs, limit) if outputs else null_reference(own, rest, limit)
        return is_nobody(replace(calibration, nulls=reference), among[number], of[number], None, clusters)

    abstained = np.array([nobody(number, scores, likes, True) for number in range(len(scores))])
    doubtless = dict(zip(removals.query_ids, removals.beyond_doubt, strict=True))
    mattering = np.array([doubtless[one.query_id] for one in scores])
    return AbstentionReport(
        null_queries=float(np.mean([nobody(n, nulls, null_likes, False) for n in range(len(nulls))])),
        outputs=float(abstained.mean()),
        mattering=float(abstained[mattering].mean()) if mattering.any() else None,
        credited_mattering=float(mattering[~abstained].mean()) if not abstained.all() else None,
        n_null_queries=len(nulls),
        n_outputs=len(scores),
        n_mattering=int(mattering.sum()),
        shares_alone=float(np.mean([is_nobody(None, one, None, None, clusters) for one in nulls])),
    )


def _filled(values: Sequence[float], like: Sequence[ItemScores]) -> Sequence[float | None]:
    return list(values) if len(values) else [None] * len(like)
