"""What the result types refuse, and the names that their JSON may never lose."""

import json
import math

import pytest

from linernotes.errors import CorpusError, InputError
from linernotes.evidence.identification import Match
from linernotes.evidence.influence import SCOPE_INFLUENCE, Influence, InfluenceRanking
from linernotes.evidence.reliability import CalibrationNote, Reliability
from linernotes.evidence.spans import Span
from linernotes.evidence.versions import DimensionEvidence, Figure, VersionMatch, VersionSegment

RELIABILITY = Reliability(
    method="mucs", generator_id="g", corpus_root="ab", lds=0.3, interval=(0.2, 0.4), ceiling=0.8
)


def influence(share, item_id="rain", rank=1):
    return Influence(item_id=item_id, score=1.5, share=share, interval=(0.0, 1.0), rank=rank)


def ranking(**changes):
    fields = {
        "query_id": "out.wav",
        "method": "mucs",
        "unit": "skew",
        "generator_id": "g",
        "corpus_root": "ab" * 32,
        "seed": 3,
        "influences": (influence(0.25),),
        "unattributed_share": 0.75,
    }
    return InfluenceRanking(**(fields | changes))


@pytest.mark.parametrize("unattributed", [0.0, 0.74, 0.76, 1.0, -0.25, math.nan, math.inf])
def test_shares_that_do_not_add_up_are_refused(unattributed):
    with pytest.raises(InputError, match="add to"):
        ranking(unattributed_share=unattributed)


def test_a_share_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="add to nan"):
        ranking(influences=(influence(math.nan),))


def test_rounding_in_the_last_digits_is_accepted():
    assert ranking(unattributed_share=0.75 + 1e-9).unattributed_share > 0.75


def test_no_ranking_without_a_sealed_corpus():
    with pytest.raises(CorpusError, match="seal it first"):
        ranking(corpus_root="")


def test_nobody_in_particular_is_a_ranking():
    empty = ranking(influences=(influence(0.0),), unattributed_share=1.0)
    assert empty.as_json()["unattributed_share"] == 1.0


def test_influence_has_the_fields_of_the_contract():
    answer = ranking(reliability=RELIABILITY).as_json()
    assert {
        "query",
        "method",
        "unit",
        "reliability",
        "unattributed_share",
        "influences",
        "scope",
    } <= answer.keys()
    assert {"lds", "interval", "ceiling"} <= answer["reliability"].keys()
    assert answer["influences"] == [
        {"item_id": "rain", "score": 1.5, "share": 0.25, "interval": [0.0, 1.0], "rank": 1}
    ]
    assert answer["scope"] == SCOPE_INFLUENCE
    assert ranking().as_json()["reliability"] is None


def test_every_scope_says_what_the_figure_does_not_say():
    assert "not proof of copying" in SCOPE_INFLUENCE
    assert "cannot find recordings nobody disclosed" in SCOPE_INFLUENCE


def test_match_has_the_fields_of_the_contract():
    match = Match(
        query_id="q",
        recording_id="rain",
        score=40.0,
        false_match_rate=1e-6,
        query=Span(0, 3),
        reference=Span(10, 13),
        time_ratio=1.0,
        pitch_shift_semitones=0.0,
        method="landmarks",
        unit="nats",
    )
    wanted = {"recording_id", "score", "false_match_rate", "query_start_s", "query_end_s"}
    wanted |= {"reference_start_s", "reference_end_s", "time_ratio", "pitch_shift_semitones", "scope"}
    assert wanted <= match.as_json().keys()
    assert (match.as_json()["reference_start_s"], match.as_json()["reference_end_s"]) == (10, 13)


def test_version_match_has_the_fields_of_the_contract():
    segment = VersionSegment(dimension="melody", a=Span(0, 4), b=Span(2, 6), score=0.9, commonplace=None)
    match = VersionMatch(a_id="a", b_id="b", score=3.0, probability=0.8, segments=(segment,), method="m")
    answer = match.as_json()
    assert {"score", "probability", "segments", "scope"} <= answer.keys()
    assert answer["segments"] == [
        {
            "dimension": "melody",
            "a_start_s": 0,
            "a_end_s": 4,
            "b_start_s": 2,
            "b_end_s": 6,
            "score": 0.9,
            "commonplace": None,
            "e_value": None,
            "transposition_semitones": 0,
            "tempo_ratio": 1.0,
            "path": [],
            "found_in": [],
            "figure": None,
        }
    ]
    assert answer["dimensions"] == answer["shares"] == []


def test_a_version_says_what_each_dimension_contributes():
    figure = Figure(name="I-V-vi-IV", share=0.31, n_songs=660)
    segment = VersionSegment(
        dimension="harmony",
        a=Span(0, 4),
        b=Span(2, 7),
        score=12.0,
        commonplace=0.2,
        e_value=0.003,
        transposition_semitones=-2,
        tempo_ratio=1.25,
        path=((0.0, 2.0), (4.0, 7.0)),
        found_in=("one",),
        figure=figure,
    )
    harmony = DimensionEvidence(
        dimension="harmony", score=4.0, probability=0.97, e_value=0.003, shared=True, log_odds=2.5
    )
    match = VersionMatch(
        a_id="a",
        b_id="b",
        score=3.0,
        probability=0.8,
        segments=(segment,),
        method="m",
        tempo_ratio=1.25,
        dimensions=(harmony,),
        shares=("harmony",),
        reference="r",
    )
    answer = json.loads(json.dumps(match.as_json()))
    assert answer["shares"] == ["harmony"]
    assert answer["tempo_ratio"] == 1.25
    assert answer["reference"] == "r"
    assert answer["dimensions"] == [
        {
            "dimension": "harmony",
            "score": 4.0,
            "probability": 0.97,
            "e_value": 0.003,
            "shared": True,
            "log_odds": 2.5,
        }
    ]
    (written,) = answer["segments"]
    assert written["path"] == [[0.0, 2.0], [4.0, 7.0]]
    assert written["figure"] == {"name": "I-V-vi-IV", "share": 0.31, "n_songs": 660}
    assert written["found_in"] == ["one"]
    assert (written["e_value"], written["transposition_semitones"]) == (0.003, -2)


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_a_span_runs_forward_from_zero(start, end):
    with pytest.raises(InputError, match="span"):
        Span(start, end)


def test_there_is_no_function_from_one_kind_of_evidence_to_another():
    for kind, others in ((Match, ("version", "influence")), (VersionMatch, ("influence",))):
        names = [name for name in dir(kind) if not name.startswith("_")]
        assert not [name for name in names if any(other in name for other in others)]


def test_what_was_not_stated_is_not_in_the_json():
    assert not {"probability", "effect", "effect_interval", "cluster_id"} & influence(0.25).as_json().keys()
    assert not {"calibration", "nobody_because", "cluster_rule"} & ranking().as_json().keys()


def test_what_was_stated_is_in_the_json():
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
    one = Influence(
        item_id="rain",
        score=1.0,
        share=0.0,
        interval=(0.0, 0.0),
        rank=1,
        probability=0.0,
        effect=0.0,
        effect_interval=(-0.5, 0.5),
        cluster_id="rain",
    )
    fields = ranking(
        influences=(one,),
        unattributed_share=1.0,
        calibration=note,
        nobody_because="outside",
        cluster_rule="equally",
    ).as_json()
    assert fields["influences"][0]["cluster_id"] == "rain"
    stated = {name: fields["influences"][0][name] for name in ("probability", "effect", "effect_interval")}
    assert stated == {"probability": 0.0, "effect": 0.0, "effect_interval": [-0.5, 0.5]}
    assert fields["calibration"]["coverage"] == 0.91
    assert (fields["nobody_because"], fields["cluster_rule"]) == ("outside", "equally")


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_a_probability_outside_its_range_is_refused(probability):
    with pytest.raises(InputError, match="item rain: probability"):
        Influence(item_id="rain", score=1.0, share=0.0, interval=(0.0, 0.0), rank=1, probability=probability)
