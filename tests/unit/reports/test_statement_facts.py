"""A page may carry calibrated statements, and none without its interval."""

import pytest
from pydantic import ValidationError

from linernotes.evidence.influence import Influence
from linernotes.evidence.reliability import CalibrationNote
from linernotes.reports.schema import CalibrationFacts, InfluenceFacts

KNOWN = {"item_id": "rain", "score": 1.0, "share": 0.5, "interval": (0.25, 0.75), "rank": 1}


def test_an_influence_with_and_without_a_statement_is_accepted():
    plain = Influence(**KNOWN)
    stated = Influence(
        **KNOWN, probability=0.5, effect=0.01, effect_interval=(-0.01, 0.03), cluster_id="rain"
    )
    assert InfluenceFacts.model_validate(plain.as_json()).probability is None
    facts = InfluenceFacts.model_validate(stated.as_json())
    assert (facts.probability, facts.effect_interval, facts.cluster_id) == (0.5, (-0.01, 0.03), "rain")


@pytest.mark.parametrize(
    "change", [{"effect": 0.1}, {"effect_interval": [0.0, 1.0]}, {"probability": 1.5}, {"luck": 1}]
)
def test_half_a_statement_is_refused(change):
    with pytest.raises(ValidationError):
        InfluenceFacts.model_validate(Influence(**KNOWN).as_json() | change)


def test_what_a_statement_rests_on_is_accepted():
    note = CalibrationNote(
        confidence=0.9,
        coverage=0.91,
        effect_unit="parts",
        noise=0.01,
        matters=0.02,
        n_queries=24,
        n_removals=20,
        n_seeds=3,
    )
    assert CalibrationFacts.model_validate(note.as_json()).model_dump() == note.as_json()
