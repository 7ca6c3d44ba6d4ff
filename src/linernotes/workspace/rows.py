"""Between the house's dataclasses and the rows that keep them.

An `InfluenceRanking` is kept as the JSON of its contract and read back from it; floats survive exactly,
because Python prints the shortest text that reads back to the same number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import CalibrationNote, Reliability


def canonical_json(value: object) -> str:
    r"""Return JSON with sorted keys, two spaces of indent and a final newline.

    Raises
    ------
    ValueError
        If the value holds NaN or infinity, which JSON cannot say.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": "é"})
    '{\n  "a": "é",\n  "b": 1\n}\n'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def ranking_from_json(fields: Mapping[str, Any]) -> InfluenceRanking:
    """Return the ranking whose `InfluenceRanking.as_json` gave *fields*.

    Examples
    --------
    >>> ranking = InfluenceRanking(query_id="q", method="m", unit="nats", generator_id="g", corpus_root="00",
    ...                            seed=1, influences=(), unattributed_share=1.0)
    >>> ranking_from_json(ranking.as_json()) == ranking
    True
    """
    reliability, calibration = fields["reliability"], fields.get("calibration")
    return InfluenceRanking(
        query_id=fields["query"],
        method=fields["method"],
        unit=fields["unit"],
        generator_id=fields["generator_id"],
        corpus_root=fields["corpus_root"],
        seed=fields["seed"],
        influences=tuple(_influence(one) for one in fields["influences"]),
        unattributed_share=fields["unattributed_share"],
        reliability=_reliability(reliability) if reliability else None,
        scope=fields["scope"],
        calibration=CalibrationNote(**calibration) if calibration else None,
        nobody_because=fields.get("nobody_because"),
        cluster_rule=fields.get("cluster_rule"),
    )


def _influence(fields: Mapping[str, Any]) -> Influence:
    low, high = fields["interval"]
    effect = fields.get("effect_interval")
    return Influence(
        **{**fields, "interval": (low, high), "effect_interval": (effect[0], effect[1]) if effect else None}
    )


def _reliability(fields: Mapping[str, Any]) -> Reliability:
    low, high = fields["interval"]
    return Reliability(**{**fields, "interval": (low, high)})
