"""The rubric: what a field is worth, and why."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.disclosure.answer import Answer, computed, not_applicable, stated, unknown
from linernotes.disclosure.answers53 import answers53
from linernotes.disclosure.completeness import WEIGHTS, score_answers
from linernotes.disclosure.fields53 import FIELD_BY_ID, FIELDS_53
from linernotes.disclosure.foreign import parse_summary, read_summary
from linernotes.errors import InputError


def _one(name, answer, **others):
    scored = score_answers({name: answer, **{k.replace("_", "."): v for k, v in others.items()}})
    return next(one for one in scored.fields if one.id == name), {
        gap.code for gap in scored.gaps if f"field {name}:" in gap.detail
    }


def test_weights_are_ours_and_lie_between_1_and_25():
    assert set(WEIGHTS) <= set(FIELD_BY_ID)
    assert min(WEIGHTS.values()) >= 1
    assert max(WEIGHTS, key=WEIGHTS.__getitem__) == "2.3.h"
    assert max(WEIGHTS.values()) == 25


def test_a_blank_form_has_no_points_and_every_field_is_a_gap():
    scored = score_answers({})
    assert scored.score == 0
    assert len(scored.gaps) == len(FIELDS_53)
    assert all(gap.item_id == "" for gap in scored.gaps)


def test_the_untouched_template_has_no_points_for_what_it_asks():
    scored = score_answers({one.field_id: unknown("not filled in yet") for one in FIELDS_53})
    assert scored.score == 0


@pytest.mark.parametrize(
    ("name", "answer", "score", "codes"),
    [
        ("2.3.h", stated(["example.org", "music.example.net"]), 1.0, set()),
        ("2.3.h", stated("repositories and forums"), 0.0, {"vague-list-field"}),
        ("2.3.h", stated(["repositories", "public forums"]), 0.0, {"vague-list-field"}),
        ("2.3.h", stated(["example.org", "public forums"]), 0.5, {"vague-list-field"}),
        ("2.1.c", stated([{"name": "Open Set", "link": "https://example.org"}]), 1.0, set()),
        ("2.1.c", stated([{"name": "Open Set", "version": "2"}]), 1.0, set()),
        ("2.1.c", stated([{"name": "Open Set"}]), 0.5, set()),
        ("2.1.c", stated([{"name": "various netlabels"}]), 0.0, {"vague-list-field"}),
        ("2.1.c", stated("Several public datasets."), 0.0, {"vague-list-field"}),
        ("1.2.b", stated([{"name": "Base 3", "summary": "https://example.org/base"}]), 1.0, set()),
        ("1.2.b", stated([{"name": "Base 3"}]), 0.5, {"base-model-undisclosed"}),
        ("1.2.b", unknown("the maker does not say"), 0.5, {"field-unknown", "base-model-undisclosed"}),
        ("1.2.b", not_applicable("trained from random weights"), 1.0, set()),
        ("2.5.c", stated([{"name": "Other 2"}]), 0.5, {"synthetic-upstream"}),
        ("1.3.b", stated([{"modality": "audio", "amount": "29.2 hours"}]), 1.0, set()),
        ("1.3.b", stated([{"modality": "audio", "band": "more than 1 million hours"}]), 1.0, set()),
        ("1.3.b", stated([{"modality": "audio", "amount": "a large amount"}]), 0.0, {"vague-range"}),
        ("1.3.b", stated([{"modality": "audio", "amount": "more than 10 hours"}]), 0.5, {"vague-range"}),
        (
            "1.3.b",
            stated([{"modality": "audio", "amount": "between 10 and 20,000,000 hours"}]),
            0.5,
            {"vague-range"},
        ),
        ("1.3.b", stated([{"modality": "video", "amount": "90 hours"}]), 0.5, {"audio-inside-video"}),
        ("1.3.b", stated([{"modality": "video", "amount": "90 hours", "sound_inside": "none"}]), 1.0, set()),
        ("1.3.d", stated("2026-05-31"), 1.0, set()),
        ("1.3.d", stated("2026"), 0.5, {"vague-range"}),
        ("1.3.d", stated("recently"), 0.0, {"vague-range"}),
        ("2.3.a", stated(True), 1.0, set()),
        ("2.3.a", stated("partly"), 0.5, set()),
        ("2.3.a", computed(True, reason="3 recordings; provider.toml says no"), 0.0, set()),
        ("2.4.b", stated(True), 1.0, {"other-service-user-data"}),
        ("2.4.b", unknown("not asked yet"), 0.5, {"field-unknown", "other-service-user-data"}),
        ("3.1.b", stated("Various measures such as robots.txt."), 0.5, set()),
        ("3.1.b", stated("robots.txt and TDMRep are read before every crawl."), 1.0, set()),
        ("1.1.a", stated({"name": "Lab", "contact": "unknown"}), 0.5, {"field-unknown"}),
    ],
)
def test_points(name, answer, score, codes):
    field, found = _one(name, answer)
    assert (field.score, found) == (score, codes), field.why
    assert field.why


def test_a_list_that_a_yes_promises_and_nobody_gives_is_worth_nothing():
    field, _ = _one("2.3.h", unknown("too long to print"), **{"2_3_a": stated(True)})
    assert field.score == 0
    assert field.why.startswith("2.3.a says yes, and the list is not given")
    contradicted, _ = _one("2.3.h", not_applicable("none"), **{"2_3_a": stated(True)})
    assert (contradicted.score, contradicted.consistency) == (0, 0)
    other, _ = _one("2.3.h", stated(["example.org"]), **{"2_3_a": stated(False)})
    assert (other.score, other.consistency) == (0, 0)


def test_a_no_earns_nothing():
    asked = {"2.3.a": stated(False)} | {
        one.field_id: not_applicable("no") for one in FIELDS_53 if one.gate == "2.3.a"
    }
    scored = score_answers(asked)
    assert not next(one for one in scored.fields if one.id == "2.3.h").counted
    assert sum(one.weight for one in scored.fields if one.counted and one.score == 1) == WEIGHTS["2.3.a"]


def test_what_the_seal_computed_can_be_checked_and_the_rest_cannot(scene):
    scored = score_answers(answers53(scene.facts()))
    marks = {one.id: one.traceability for one in scored.fields}
    assert marks["2.3.h"] == marks["1.3.b"] == 1.0
    assert marks["1.1.a"] == 0.0
    assert 0 < scored.mean("traceability") < scored.score < 1


def test_better_answers_never_cost_points(scene):
    answers = answers53(scene.facts())
    base = score_answers(answers).score
    assert score_answers(answers | {"3.2.a": stated("Hash lists of known files.")}).score > base
    assert score_answers(answers | {"2.3.h": stated("forums")}).score < base


ANSWERS = st.one_of(
    st.none(),
    st.text(max_size=12).filter(str.strip).map(stated),
    st.booleans().map(stated),
    st.lists(st.text(max_size=8), min_size=1, max_size=3).map(stated),
    st.lists(
        st.dictionaries(
            st.sampled_from(["name", "link", "modality", "amount"]), st.text(max_size=6), min_size=1
        ),
        min_size=1,
        max_size=2,
    ).map(stated),
    st.just(unknown("not known")),
    st.just(not_applicable("no")),
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from([one.field_id for one in FIELDS_53]), ANSWERS, max_size=12))
def test_any_form_has_a_score_and_a_reason_for_every_point(answers):
    scored = score_answers(answers)
    assert 0 <= scored.score <= 1
    assert [one.id for one in scored.fields] == [one.field_id for one in FIELDS_53]
    for one in scored.fields:
        assert one.score == min(one.completeness, one.clarity, one.consistency)
        assert one.why


def test_somebody_elses_summary_is_read(tmp_path):
    form = {
        "format": "linernotes-article53",
        "provider": "somebody",
        "fields": [
            {"id": "2.3.a", "answer": True},
            {"id": "2.3.h", "answer": "news sites and repositories"},
            {"id": "2.4.b", "answer": {"state": "unknown", "reason": "not told"}},
            {"id": "1.2.a", "answer": None},
            {"id": "3.2.a", "answer": ""},
        ],
    }
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(form))
    found = read_summary(file)
    assert found["2.3.h"] == Answer(
        state="stated", value="news sites and repositories", source="provider.toml"
    )
    assert found["2.4.b"].state == "unknown"
    assert found["1.2.a"] is found["3.2.a"] is found["1.1.a"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected"),
        ("{}", "expected"),
        ('{"format": "linernotes-article53"}', "expected"),
        ('{"format": "linernotes-article53", "fields": [1]}', "field 'None'"),
        ('{"format": "linernotes-article53", "fields": [{"id": "9.9"}]}', r"field '9\.9'"),
        ('{"format": "linernotes-article53", "fields": [{"id": "0"}, {"id": "0"}]}', "twice"),
        (
            '{"format": "linernotes-article53", "fields": [{"id": "0", "answer": {"state": "unknown"}}]}',
            "needs a reason",
        ),
        ('{"format": "linernotes-article53", "fields": [{"id": "0", "answer": NaN}]}', "NaN"),
        ('{"format": "linernotes-article53", "format": "x", "fields": []}', "twice"),
        ("[" * 100_000, "not readable JSON"),
        ("\x00", "not readable JSON"),
        ('{"format": "linernotes-article53", "fields": [{"id": "0", "answer": "\\ud800"}]}', "surrogates"),
    ],
)
def test_what_is_no_summary_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_summary(text.encode())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_summary(tmp_path / "none.json")


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=120) | st.text(max_size=120).map(str.encode))
def test_any_bytes_are_a_summary_or_refused(data):
    with pytest.raises(InputError):
        parse_summary(data)
