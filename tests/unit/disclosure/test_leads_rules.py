"""When a lead is raised, and the reason when it is not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.disclosure.leads import LeadConfig, Observation, decide, lead_words, refused_parts
from linernotes.disclosure.leads_keys import (
    EXACT_KEYS,
    KeyCheck,
    checked_words,
    exact_checks,
    is_absent,
    is_present,
)
from linernotes.errors import InputError

ABSENT = (KeyCheck("isrc", "absent", 5), KeyCheck("fingerprint", "absent", 5))
CONFIG = LeadConfig()


def sound(**changes):
    given_ = {
        "kind": "passage",
        "query": (2.0, 8.0),
        "reference": (10.0, 16.0),
        "method": "m",
        "false_match_rate": 1e-12,
    }
    return Observation(**given_ | changes)


def version(**changes):
    given_ = {"probability": 0.95, "commonplace": 0.0, "control_rank": (0, 20)}
    return sound(kind="version", false_match_rate=None, **given_ | changes)


def test_sound_and_music_raise_leads():
    assert decide([sound()], ABSENT).raised
    assert decide([version()], ABSENT).raised
    both = decide([sound(), version(probability=0.5)], ABSENT)
    assert [one.kind for one in both.observations] == ["passage"], "what is too weak is not part of the lead"


@pytest.mark.parametrize("kind", [*EXACT_KEYS, "sketch", "fingerprint", "chromaprint", "passage", "version"])
def test_any_key_that_is_present_is_enough(kind):
    verdict = decide([sound()], (*ABSENT, KeyCheck(kind, "present", 5, ("rain",))))
    assert (verdict.raised, verdict.code) == (False, "disclosed")
    assert "rain" in verdict.words


def test_codes_alone_do_not_show_absence():
    checks = (KeyCheck("isrc", "absent", 5), KeyCheck("fingerprint", "not-checked"))
    assert decide([sound()], checks).code == "not-comparable"
    assert not is_absent(checks)
    assert not is_present(checks)


@pytest.mark.parametrize(
    "weak",
    [
        sound(false_match_rate=2e-3),
        sound(query=(2.0, 3.0)),
        version(probability=0.5),
        version(commonplace=0.2),
        version(commonplace=None),
        version(control_rank=(1, 20)),
        version(control_rank=None),
    ],
)
def test_what_is_weak_or_common_raises_none(weak):
    verdict = decide([weak], ABSENT)
    assert (verdict.raised, verdict.code) == (False, "common-pattern")


def test_a_control_counts_when_it_is_nearly_as_strong():
    assert decide([sound()], ABSENT, control_rates=[1e-3], n_controls=20).raised
    verdict = decide([sound()], ABSENT, control_rates=[1e-7], n_controls=20)
    assert (verdict.code, "1 of 20" in verdict.words) == ("seen-in-controls", True)
    assert decide([version()], ABSENT, control_rates=[1e-4], n_controls=20).code == "seen-in-controls"


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 20)), max_size=8))
def test_refused_parts_are_the_union_of_what_was_seen(spans):
    parts = refused_parts([sound(query=(start, start + length)) for start, length in spans])
    ends = [(part["start_s"], part["end_s"]) for part in parts]
    assert ends == sorted(ends)
    assert all(first[1] < second[0] for first, second in itertools.pairwise(ends))
    for start, length in spans:
        assert any(low <= start and start + length <= high for low, high in ends)
    assert all("cannot be attributed" in part["words"] for part in parts)


def test_the_words_name_keys_and_rates_and_claim_no_more():
    words = lead_words("Rain", "", [version()], (*ABSENT, KeyCheck("iswc", "not-checked")))
    assert "'Rain' (as the same music, played otherwise; probability 0.95" in words
    assert "not checked: ISWC" in words
    assert "a reason to ask" in words
    for word in ("copied", "stolen", "proves", "trained on"):
        assert word not in words


@given(st.dictionaries(st.sampled_from(list(EXACT_KEYS)), st.lists(st.sampled_from("abc"), max_size=2)))
def test_exact_keys_agree_with_the_obvious_loop(own):
    corpus = {"isrc": {"a": ["one"], "b": ["two"]}, "content_sha256": {"c": ["one"]}}
    for check in exact_checks(own, corpus):
        mine, known = own.get(check.kind, []), corpus.get(check.kind, {})
        expected = (
            "not-checked" if not mine or not known else "present" if set(mine) & set(known) else "absent"
        )
        assert check.status == expected
    assert checked_words(exact_checks(own, corpus)).startswith("checked: ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_false_match_rate": 0.0},
        {"max_false_match_rate": 1.0},
        {"least_probability": float("nan")},
        {"max_commonplace": 1.0},
        {"least_s": 0.0},
        {"n_controls": -1},
    ],
)
def test_limits_that_are_none_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        LeadConfig(**wrong)
