from dataclasses import replace
from fractions import Fraction

import pytest

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.identifier_faults import corrections, fault, sample_reason, valid_as
from linernotes.catalog.problem_kinds import PROBLEM_KINDS
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry


def recording(recording_id, **fields):
    return Recording(**({"recording_id": recording_id, "title": recording_id, "artist": "Ada"} | fields))


def found(registry, *codes):
    return [p for p in registry.check() if p.code in codes]


def places(registry, *codes):
    return [(p.code, p.where) for p in found(registry, *codes)]


def test_one_isrc_on_unlike_recordings_is_a_conflict_of_each():
    registry = Registry(
        recordings=(recording("rain", isrc="QZES81912345"), recording("sun", isrc="qz-es8-19-12345"))
    )
    problems = found(registry, "identifier-conflict")
    assert [p.where for p in problems] == ["recording 'rain', isrc", "recording 'sun', isrc"]
    assert "recording 'sun'" in problems[0].expected
    assert problems[0].severity == "high"


def test_one_isrc_on_the_same_recording_entered_twice_is_only_a_double():
    one = recording("rain", title="Rain", isrc="QZES81912345")
    registry = Registry(recordings=(one, replace(one, recording_id="rain-2", title="RAIN")))
    assert not found(registry, "identifier-conflict")
    assert len(found(registry, "duplicate-entry")) == 2


def test_several_isrcs_of_one_recording_are_told():
    claim = Identifier(subject_kind="recording", subject_id="rain", kind="isrc", value="QZES81912346")
    registry = Registry(recordings=(recording("rain", isrc="QZES81912345"),), identifiers=(claim,))
    assert found(registry, "several-codes")[0].value == "QZES81912345, QZES81912346"
    same = replace(claim, value="QZ-ES8-19-12345")
    assert not found(replace(registry, identifiers=(same,)), "several-codes")


def test_an_isrc_assigned_after_its_release_is_told():
    release = Release(release_id="weather", title="Weather", date="2012-05", recordings=("rain", "old"))
    registry = Registry(
        recordings=(recording("rain", isrc="QZES81912345"), recording("old", isrc="GBAYE6900531")),
        releases=(release,),
    )
    assert places(registry, "isrc-later-than-release") == [
        ("isrc-later-than-release", "recording 'rain', isrc")
    ]


def test_one_foreign_registrant_on_a_release_is_told():
    codes = ["QZES81900001", "QZES81900002", "QZES81900003", "GBAYE1900004"]
    registry = Registry(
        recordings=tuple(recording(f"r{i}", isrc=code) for i, code in enumerate(codes)),
        releases=(Release(release_id="weather", title="W", recordings=tuple(f"r{i}" for i in range(4))),),
    )
    assert places(registry, "isrc-registrant-differs") == [
        ("isrc-registrant-differs", "recording 'r3', isrc")
    ]


def test_an_iswc_with_other_writers_is_grave():
    works = (
        Work(work_id="w1", title="Rain", iswc="T-010.433.006-4", writers=("Ada Ling",)),
        Work(work_id="w2", title="Rain", iswc="T0104330064"),
    )
    credit = Credit(subject_kind="work", subject_id="w2", party_id="bo", role="composer")
    registry = Registry(works=works, parties=(Party(party_id="bo", name="Bo Drum"),), credits=(credit,))
    assert len(found(registry, "iswc-writers-differ")) == 2
    same = replace(registry, parties=(Party(party_id="bo", name="ADA LING"),))
    assert not found(same, "iswc-writers-differ")


def test_codes_in_the_wrong_column_are_told():
    registry = Registry(
        recordings=(recording("rain", isrc="T-010.433.006-4", iswc="5099902894829"),),
        works=(Work(work_id="w1", title="Rain", iswc="036000291452", writers=("Ada",)),),
    )
    problems = {p.where: p.next_step for p in found(registry, "swapped-field")}
    assert problems == {
        "recording 'rain', isrc": "It is a valid ISWC: move it to the field of that name.",
        "work 'rain', iswc": "It is a valid UPC: move it to the field of that name.",
        "work 'w1', iswc": "It is a valid UPC: move it to the field of that name.",
    }


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("iswc", "T-O10.433.006-4", "T0104330064"),
        ("iswc", "T-010.343.006-4", "T0104330064"),
        ("iswc", "T-010.433.006-8", "T0104330064"),
        ("isni", "0000 0001 2281 9551", "000000012281955X"),
        ("upc", "5099902894892", "5099902894829"),
        ("ipi-name", "00014107383", "00014107338"),
        ("dpid", "PADPIDA2011072101S", "PADPIDA2011072101T"),
        ("grid", "A1-2425G-ABC1234002-W", "A12425GABC1234002M"),
    ],
)
def test_the_likely_correction_is_among_those_offered(kind, wrong, right):
    assert fault(kind, wrong)
    offered = corrections(kind, wrong)
    assert all(fault(kind, code) is None for code in offered)
    assert right in offered


def test_a_code_without_check_digit_is_not_guessed_at():
    assert corrections("isrc", "US-S1Z-99-0000") == ()
    assert valid_as("iswc", "not a code") is None


@pytest.mark.parametrize(
    ("kind", "code", "sample"),
    [
        ("upc", "2012345678909", True),
        ("upc", "9521234543213", True),
        ("upc", "0200000000004", True),
        ("upc", "5099902894829", False),
        ("isrc", "USS1Z9900001", True),
        ("isrc", "QZES81912345", False),
        ("isrc", "QZES80000000", True),
        ("iswc", "T0345246801", True),
        ("iswc", "T1111111111", True),
        ("ipi-name", "00014107338", False),
    ],
)
def test_sample_and_test_ranges_are_known(kind, code, sample):
    assert bool(sample_reason(kind, code)) is sample


def split(party_id, share, **fields):
    usual = {"subject_kind": "recording", "subject_id": "rain", "layer": "master"}
    return Split(party_id=party_id, share=Fraction(share), **(usual | fields))


@pytest.mark.parametrize(
    ("splits", "wrong"),
    [
        ([split("a", "1/3"), split("b", "1/3"), split("c", "1/3")], []),
        ([split("a", "1/3"), split("b", "1/3"), split("c", "333/1000")], [("2999/3000", "")]),
        ([split("a", 1), split("b", 1)], [("200%", "")]),
        ([split("a", 1, valid_until="2024-12-31"), split("b", 1, valid_from="2025-01-01")], []),
        (
            [split("a", 1, valid_until="2025-01-01"), split("b", 1, valid_from="2025-01-01")],
            [("200%", " from 2025-01-01")],
        ),
        ([split("a", 1), split("b", "1/2", territory="DE")], [("50%", " in DE")]),
        ([split("a", "1/2"), split("a", "1/2", layer="performer")], [("50%", ""), ("50%", "")]),
        ([split("a", 0)], [("0%", "")]),
        ([split("a", 1, valid_until="9999-12-31")], []),
    ],
)
def test_the_shares_of_a_layer_make_the_whole_on_every_day(splits, wrong):
    problems = found(Registry(splits=tuple(splits)), "splits-not-whole")
    assert [p.value for p in problems] == [value for value, _ in wrong]
    for problem, (_, place) in zip(problems, wrong, strict=True):
        assert problem.where.endswith(place)


def test_ids_that_name_nothing_and_ids_that_name_two_things():
    registry = Registry(
        recordings=(recording("rain"), recording("rain", title="Another")),
        works=(Work(work_id="w1", title="Rain", recordings=("sun",), writers=("Ada",)),),
        credits=(Credit(subject_kind="recording", subject_id="rain", party_id="nobody", role="singer"),),
        splits=(split("nobody", 1),),
        identifiers=(Identifier(subject_kind="party", subject_id="x", kind="ipn", value="12345"),),
    )
    assert places(registry, "duplicate-id") == [("duplicate-id", "recording 'rain'")]
    assert {(p.where, p.value) for p in found(registry, "unknown-reference")} == {
        ("work 'w1', recordings", "sun"),
        ("credit rain/nobody/singer", "nobody"),
        ("split of 'nobody' on recording 'rain'", "nobody"),
        ("identifier ipn 12345", "x"),
    }


def test_people_whom_nobody_entered_are_gaps():
    registry = Registry(recordings=(recording("rain"),), works=(Work(work_id="w1", title="Rain"),))
    assert {p.code for p in registry.check()} == {
        "performers-unknown",
        "owners-unknown",
        "work-unknown",
        "writers-unknown",
    }


def said(record_id, **fields):
    usual = {
        "subject_kind": "recording",
        "subject": "rain",
        "layer": "master",
        "use": "all",
        "value": "allow",
        "authority": "owner",
        "given_on": "2025-01-01",
        "evidence": "contract",
    }
    return ConsentRecord(record_id=record_id, **(usual | fields))


def test_statements_that_cannot_count_or_contradict_each_other():
    registry = Registry(
        recordings=(recording("rain"),),
        consents=(
            said("fine"),
            said("no", value="deny", use="voice-model"),
            said("undated", given_on=None),
            said("bare", evidence=""),
            said("label-for-voice", layer="voice-likeness"),
            said("about-nothing", subject="sun"),
            said("site", subject_kind="location", subject="/"),
        ),
    )
    named = {(p.code, p.where.split("'")[1]) for p in registry.check() if p.code.startswith("consent")}
    assert named == {
        *{("consent-conflict", name) for name in ("fine", "undated", "bare")},
        ("consent-undated", "undated"),
        ("consent-no-evidence", "bare"),
        ("consent-authority", "label-for-voice"),
        ("consent-about-unknown", "about-nothing"),
    }


def test_one_party_code_on_two_names_is_told():
    parties = tuple(
        Party(party_id=name, name=name, isni="0000 0001 2281 955X") for name in ("Ada Ling", "Bo Drum")
    )
    assert len(found(Registry(parties=parties), "party-code-conflict")) == 2


def test_every_problem_says_who_and_what_next():
    for kind in PROBLEM_KINDS.values():
        assert kind.who in ("provider", "rightsholder")
        assert kind.next_step.endswith(".")
    order = [kind.severity for kind in PROBLEM_KINDS.values()]
    assert order == sorted(order, key=["high", "medium", "low"].index)
