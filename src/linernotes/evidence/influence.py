"""Which disclosed recordings moved the generator toward an output? A ranking that never leaves its corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from linernotes.errors import CorpusError, InputError
from linernotes.evidence.reliability import CalibrationNote, Reliability

SCOPE_INFLUENCE = (
    "Ranks influence among the disclosed recordings of one sealed corpus for one generator; "
    "it is not proof of copying, and cannot find recordings nobody disclosed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """One disclosed recording's estimated influence on one output.

    ``score`` is positive when training on the item made the output more likely, in the unit of the
    ranking; ``share`` is the part of the output's positive influence credited to the item, in [0, 1];
    ``interval`` is the 95 % bootstrap interval of ``share``; ``rank`` starts at 1.

    With a calibration: ``effect`` is the expected rise of the output's loss had the item been left out of the
    training, in the unit of the calibration, ``effect_interval`` holds the rise that retraining would show with
    the calibration's confidence, and ``probability`` is the chance that the rise exceeds retraining noise. For
    a member of a cluster of near-duplicates, ``cluster_id``, all three are about leaving out the whole cluster.
    Without a calibration or clusters they are None, and are not in the JSON.
    """

    item_id: str
    score: float
    share: float
    interval: tuple[float, float]
    rank: int
    probability: float | None = None
    effect: float | None = None
    effect_interval: tuple[float, float] | None = None
    cluster_id: str | None = None

    def __post_init__(self) -> None:
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise InputError(f"item {self.item_id}: probability {self.probability}, expected 0 to 1")

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        interval = list(self.effect_interval) if self.effect_interval is not None else None
        return {
            "item_id": self.item_id,
            "score": self.score,
            "share": self.share,
            "interval": list(self.interval),
            "rank": self.rank,
        } | _stated(
            probability=self.probability,
            effect=self.effect,
            effect_interval=interval,
            cluster_id=self.cluster_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceRanking:
    """All disclosed recordings ranked for one output, best first.

    ``unattributed_share`` is what no recording could be credited with beyond noise; shares and it
    add up to 1. An empty credit (``unattributed_share == 1``) reads "nobody in particular";
    ``nobody_because`` then says why, where a calibration or a check of the generator decided.
    ``cluster_rule`` names how near-duplicates share credit, where they do.
    """

    query_id: str
    method: str
    unit: str
    generator_id: str
    corpus_root: str
    seed: int
    influences: tuple[Influence, ...]
    unattributed_share: float
    reliability: Reliability | None = None
    scope: str = SCOPE_INFLUENCE
    calibration: CalibrationNote | None = None
    nobody_because: str | None = None
    cluster_rule: str | None = None

    def __post_init__(self) -> None:
        if not self.corpus_root:
            raise CorpusError(
                f"query {self.query_id}: influence without a sealed corpus; "
                "seal it first with 'linernotes corpus seal'"
            )
        total = self.unattributed_share + sum(i.share for i in self.influences)
        if not abs(total - 1.0) <= 1e-6:  # so written, it refuses NaN too
            raise InputError(
                f"query {self.query_id}: shares and the unattributed part add to {total}, expected 1"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "query": self.query_id,
            "method": self.method,
            "unit": self.unit,
            "generator_id": self.generator_id,
            "corpus_root": self.corpus_root,
            "seed": self.seed,
            "reliability": self.reliability.as_json() if self.reliability else None,
            "unattributed_share": self.unattributed_share,
            "influences": [influence.as_json() for influence in self.influences],
            "scope": self.scope,
        } | _stated(
            calibration=self.calibration.as_json() if self.calibration else None,
            nobody_because=self.nobody_because,
            cluster_rule=self.cluster_rule,
        )


def _stated(**fields: Any) -> dict[str, Any]:
    """Leave out what was not stated: a ranking without a calibration reads as it always did."""
    return {name: value for name, value in fields.items() if value is not None}
