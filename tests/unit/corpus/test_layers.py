"""Consent by layer: table and registry together, asked on the day of training."""

import datetime as dt

import pytest

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit
from linernotes.catalog.entities import Identifier, Party, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.corpus.consent import Consent
from linernotes.corpus.gaps import gap
from linernotes.corpus.layers import consent_by_layer, layer_gaps
from linernotes.corpus.source import Source

DAY = dt.date(2026, 3, 1)
AGREED = Consent(status="yes", date="2026-01-05", evidence="contract 7")
GIVEN = {"use": "generative-training", "given_on": "2026-01-02", "evidence": "letter"}
CREDIT = Credit(subject_kind="recording", subject_id="item-0001", party_id="ada", role="vocalist")
WORK = Work(work_id="w1", title="Song", recordings=("item-0001",))


def _record(**changes):
    fields = {
        "record_id": "c1",
        "subject_kind": "recording",
        "subject": "item-0001",
        "layer": "master",
        "value": "allow",
        "authority": "owner",
        **GIVEN,
    }
    return ConsentRecord(**(fields | changes))


def _layers(items, registry, day=DAY):
    return {one.layer: one for one in consent_by_layer(items, registry, day)}


def _gaps(items, registry, known=()):
    layers = consent_by_layer(items, registry, DAY)
    return {(one.code, one.detail) for one in layer_gaps(items, layers, registry, known)}


def test_the_table_speaks_for_the_recording_and_for_nothing_else(new_item):
    layers = _layers([new_item(1, consent=AGREED)], Registry())
    assert layers["master"].value == "allow"
    assert {layers[name].value for name in ("publishing", "performer", "voice-likeness")} == {"unknown"}
    assert _gaps([new_item(1, consent=AGREED)], Registry()) == {
        ("work-unknown", "publishing"),
        ("performers-unknown", "performer"),
        ("no-identifier", ""),
    }


def test_each_layer_is_asked_of_its_own_holder(new_item):
    said = (
        _record(record_id="p", subject_kind="work", subject="w1", layer="publishing", authority="publisher"),
        _record(record_id="a", subject_kind="party", subject="ada", layer="performer", authority="performer"),
    )
    registry = Registry(
        works=(WORK,),
        parties=(Party(party_id="ada", name="Ada"),),
        credits=(CREDIT,),
        consents=said,
        identifiers=(Identifier(subject_kind="recording", subject_id="item-0001", kind="mbid", value="x"),),
    )
    item = new_item(1, consent=AGREED)
    layers = _layers([item], registry)
    assert [layers[name].value for name in ("master", "publishing", "performer")] == ["allow"] * 3
    assert layers["performer"].deciding == ("a",)
    assert _gaps([item], registry) == set()


@pytest.mark.parametrize(
    ("changes", "value", "code"),
    [
        ({"value": "deny"}, "deny", "consent-refused"),
        ({"value": "conditional", "terms": "credit"}, "conditional", "consent-conditional"),
        ({"given_on": "2026-03-02"}, "unknown", "consent-after-training"),
        ({"revoked_on": "2026-02-01"}, "deny", "consent-revoked"),
        ({"valid_until": "2026-02-01"}, "unknown", "consent-expired"),
        ({"given_on": None}, "unknown", "consent-undated"),
        ({"evidence": ""}, "allow", "consent-no-evidence"),
        ({"use": "data-mining"}, "unknown", "consent-missing"),
    ],
)
def test_what_is_no_consent_is_a_gap_of_its_layer(new_item, changes, value, code):
    item = new_item(1)
    registry = Registry(consents=(_record(**changes),))
    assert _layers([item], registry)["master"].value == value
    found = {one for one in _gaps([item], registry) if one[1].startswith("master")}
    assert {name for name, _ in found} == {code}


def test_an_opt_out_at_the_address_stands_against_a_consent(new_item):
    source = Source(source_class="crawled", url="https://example.org/music/rain.mp3")
    item = new_item(1, consent=AGREED, source=source)
    opt_out = _record(
        record_id="robots",
        subject_kind="location",
        subject="/music/",
        layer="all",
        value="deny",
        authority="unknown",
        source="aipref robots.txt",
    )
    layers = _layers([item], Registry(consents=(opt_out,)))
    assert layers["master"].value == "deny"
    assert layers["master"].n_conflicts == 1
    assert ("opt-out-conflict", "master") in _gaps([item], Registry(consents=(opt_out,)))


def test_one_performer_who_refuses_outweighs_one_who_agrees(new_item):
    ben = Credit(subject_kind="recording", subject_id="item-0001", party_id="ben", role="musician")
    said = tuple(
        _record(
            record_id=who,
            subject_kind="party",
            subject=who,
            layer="performer",
            authority="performer",
            value=value,
        )
        for who, value in (("ada", "allow"), ("ben", "deny"))
    )
    registry = Registry(
        parties=(Party(party_id="ada", name="Ada"), Party(party_id="ben", name="Ben")),
        credits=(CREDIT, ben),
        consents=said,
    )
    layers = _layers([new_item(1, consent=AGREED)], registry)
    assert layers["performer"].value == "deny"
    assert ("consent-refused", "performer Ben") in _gaps([new_item(1, consent=AGREED)], registry)


def test_what_sealing_found_is_not_said_twice(new_item):
    item = new_item(1, consent=Consent(status="no"))
    known = (gap("consent-refused", "item-0001"),)
    assert ("consent-refused", "master") in _gaps([item], Registry())
    assert ("consent-refused", "master") not in _gaps([item], Registry(), known)


def test_a_public_licence_is_no_consent(new_item):
    layers = _layers(
        [new_item(1, consent=Consent(status="licence", evidence="https://example.org"))], Registry()
    )
    assert layers["master"].value == "conditional"
    assert layers["master"].by_licence


def test_the_registrys_own_entry_of_a_recording_is_kept(new_item):
    held = Recording(recording_id="item-0001", title="Held", artist="Ada", isrc="GBAYE6900001")
    said = _record(subject="GB-AYE-69-00001")
    assert _layers([new_item(1)], Registry(recordings=(held,), consents=(said,)))["master"].value == "allow"
