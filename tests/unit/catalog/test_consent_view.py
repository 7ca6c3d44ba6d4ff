import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.consent_view import explain
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.errors import InputError

TRAINING = dt.date(2026, 1, 1)


def said(record_id, kind, subject, **fields):
    usual = {
        "layer": "all",
        "use": "all",
        "value": "allow",
        "given_on": "2025-03-01",
        "evidence": "contract 17",
    }
    return ConsentRecord(record_id=record_id, subject_kind=kind, subject=subject, **(usual | fields))


CONSENTS = (
    said("label", "recording", "US-S1Z-99-00001", authority="owner", granted_by="North Label"),
    said("publisher", "work", "T-034.524.680-1", authority="publisher", granted_by="Hill Music"),
    said("singer", "party", "0000 0001 2281 955X", authority="performer", granted_by="Ada Ling"),
    said("drummer", "contribution", "rain/bo/session-musician", authority="performer", granted_by="Bo Drum"),
)
REGISTRY = Registry(
    recordings=(Recording(recording_id="rain", title="Rain", artist="Ada Ling", isrc="USS1Z9900001"),),
    works=(Work(work_id="w-rain", title="Rain", iswc="T-034.524.680-1", recordings=("rain",)),),
    releases=(Release(release_id="weather", title="Weather", recordings=("rain",)),),
    parties=(
        Party(party_id="ada", name="Ada Ling", kind="person", isni="000000012281955X"),
        Party(party_id="bo", name="Bo Drum", kind="person"),
        Party(party_id="north", name="North Label", kind="organisation"),
        Party(party_id="hill", name="Hill Music", kind="organisation"),
    ),
    credits=(
        Credit(
            subject_kind="recording", subject_id="rain", party_id="ada", role="vocalist", billing="featured"
        ),
        Credit(
            subject_kind="recording",
            subject_id="rain",
            party_id="bo",
            role="session-musician",
            billing="non-featured",
            instruments=("drums",),
        ),
    ),
    splits=(
        Split(
            subject_kind="recording", subject_id="rain", layer="master", party_id="north", share=Fraction(1)
        ),
        Split(
            subject_kind="work", subject_id="w-rain", layer="publishing", party_id="hill", share=Fraction(1)
        ),
    ),
    consents=CONSENTS,
)


def ask(registry=REGISTRY, **more):
    return explain(registry, "rain", **({"use": "generative-training", "on": TRAINING} | more))


def answers(found):
    return {(a.layer, a.holder): (a.decision.value, a.gaps) for a in found.answers}


def without(record_id):
    return replace(REGISTRY, consents=tuple(r for r in CONSENTS if r.record_id != record_id))


def test_allowed_when_every_layer_and_every_performer_agreed():
    found = ask()
    assert found.allowed
    assert answers(found) == {
        ("master", ""): ("allow", ()),
        ("publishing", "w-rain"): ("allow", ()),
        ("performer", "ada"): ("allow", ()),
        ("performer", "bo"): ("allow", ()),
        ("voice-likeness", "ada"): ("allow", ()),
    }
    assert [a.needed for a in found.answers] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("missing", "layer"),
    [
        ("label", ("master", "")),
        ("publisher", ("publishing", "w-rain")),
        ("singer", ("performer", "ada")),
        ("drummer", ("performer", "bo")),
    ],
)
def test_each_one_who_was_not_asked_stops_it(missing, layer):
    found = ask(without(missing))
    assert not found.allowed
    assert [key for key, (value, _) in answers(found).items() if value != "allow" and key[0] == layer[0]] == [
        layer
    ]


def test_one_performer_s_word_is_not_another_s():
    everybody = said(
        "c9", "recording", "rain", layer="performer", authority="performer", granted_by="Ada Ling"
    )
    found = ask(replace(without("drummer"), consents=(*without("drummer").consents, everybody)))
    assert answers(found)["performer", "bo"][0] == "unknown"
    refusal = replace(everybody, value="deny")
    found = ask(replace(REGISTRY, consents=(*CONSENTS, refusal)))
    assert answers(found)["performer", "ada"][0] == "deny"
    assert answers(found)["performer", "bo"][0] == "allow"


def test_a_no_from_nobody_knows_which_performer_stops_all_of_them():
    refusal = said("c9", "recording", "rain", layer="performer", authority="unknown", value="deny")
    found = ask(replace(REGISTRY, consents=(*CONSENTS, refusal)))
    assert {value for (layer, _), (value, _) in answers(found).items() if layer == "performer"} == {"deny"}
    agent = replace(refusal, authority="agent", value="allow")
    found = ask(replace(without("drummer"), consents=(*without("drummer").consents, agent)))
    assert answers(found)["performer", "bo"][0] == "unknown"  # whose agent?


def test_consent_after_training_never_shows_as_consented():
    late = replace(REGISTRY, consents=tuple(replace(r, given_on="2026-01-02") for r in CONSENTS))
    found = ask(late)
    assert not found.allowed
    assert {a.decision.value for a in found.answers} == {"unknown"}


def test_a_co_owner_who_was_not_heard_keeps_the_layer_open():
    half = replace(REGISTRY.splits[0], share=Fraction(1, 2))
    shared = replace(REGISTRY, splits=(half, replace(half, party_id="hill"), REGISTRY.splits[1]))
    found = ask(shared)
    assert answers(found)["master", ""] == ("unknown", ("co-owner-not-heard",))
    assert "Hill Music" in found.answers[0].decision.reason
    second = said("c9", "recording", "rain", authority="owner", granted_by="hill")
    assert answers(ask(replace(shared, consents=(*CONSENTS, second))))["master", ""] == ("allow", ())


def test_who_gave_consent_without_a_share_is_asked_about():
    other = replace(CONSENTS[0], granted_by="South Label")
    found = ask(replace(REGISTRY, consents=(other, *CONSENTS[1:])))
    assert answers(found)["master", ""] == ("unknown", ("grantor-not-owner",))


def test_what_nobody_entered_is_a_gap():
    bare = Registry(recordings=REGISTRY.recordings, consents=CONSENTS[:1])
    assert answers(ask(bare)) == {
        ("master", ""): ("allow", ("owners-unknown",)),
        ("publishing", ""): ("unknown", ("work-unknown",)),
        ("performer", ""): ("unknown", ("performers-unknown",)),
        ("voice-likeness", ""): ("unknown", ("performers-unknown",)),
    }
    instrumental = replace(bare, recordings=(replace(bare.recordings[0], tags=("Instrumental",)),))
    assert ("voice-likeness", "") not in answers(ask(instrumental))


def test_a_release_and_a_location_speak_for_the_master():
    no = said("c9", "release", "weather", value="deny", authority="owner", granted_by="North Label")
    assert answers(ask(replace(REGISTRY, consents=(*CONSENTS, no))))["master", ""][0] == "deny"
    site = said("s9", "location", "https://example.org/", value="deny", source="aipref robots.txt")
    signalled = replace(REGISTRY, consents=(*CONSENTS, site))
    assert ask(signalled).allowed
    assert not ask(signalled, locations=["https://example.org/rain.mp3"]).allowed


def test_a_recording_is_found_by_its_code_unless_two_claim_it():
    assert explain(REGISTRY, "US-S1Z-99-00001", use="all", on=TRAINING).recording_id == "rain"
    twin = Recording(recording_id="sun", title="Sun", artist="Ada")
    claim = Identifier(subject_kind="recording", subject_id="sun", kind="isrc", value="USS1Z9900001")
    both = replace(REGISTRY, recordings=(*REGISTRY.recordings, twin), identifiers=(claim,))
    with pytest.raises(InputError, match="claimed for several"):
        explain(both, "US-S1Z-99-00001", use="all", on=TRAINING)


def test_terms_count_only_when_they_are_accepted():
    terms = replace(CONSENTS[0], value="conditional", terms="10 EUR a year")
    priced = replace(REGISTRY, consents=(terms, *CONSENTS[1:]))
    assert not ask(priced).allowed
    assert ask(priced, accept_terms=True).allowed
    nobody = replace(terms, authority="unknown")
    assert not ask(replace(priced, consents=(nobody, *CONSENTS[1:])), accept_terms=True).allowed


def test_where_nobody_can_be_asked_nothing_is_allowed():
    silent = Recording(recording_id="rain", title="Rain", artist="Ada", tags=("instrumental",))
    found = ask(Registry(recordings=(silent,)), use="style-prompt")
    assert not [answer for answer in found.answers if answer.needed]
    assert not found.allowed
