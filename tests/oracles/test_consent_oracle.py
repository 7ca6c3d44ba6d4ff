"""The consent engine against its slow twin, and the promises that it makes whatever the records are."""

from __future__ import annotations

import datetime as dt
import importlib.util
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.catalog.authority import SINGLE_LAYERS
from linernotes.catalog.consent_engine import decide
from linernotes.catalog.consent_record import AUTHORITIES, LAYERS, USES, ConsentRecord

_spec = importlib.util.spec_from_file_location("slow_consent", Path(__file__).with_name("slow_consent.py"))
slow = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(slow)

DAYS = [None, "2024-01-01", "2025-01-01", "2025-06-01", "2026-01-01", "2026-06-01"]
TERRITORIES = ["", "DE", "FR DE", "EU", "US", "EU US"]
SUBJECTS = {
    "recording": ("recording", "rain"),
    "work": ("work", "rain-work"),
    "party": ("party", "ada"),
    "contribution": ("contribution", "rain/ada/vocalist"),
    "location": ("location", "https://example.org/rain.mp3"),
}


def often(usual, others):
    """Mostly the usual value, so that records meet each other; sometimes any other."""
    return st.one_of(st.just(usual), st.just(usual), st.sampled_from(others))


@st.composite
def records(draw, subject, layer="performer"):
    opens, closes = draw(often(None, DAYS)), draw(often(None, DAYS))
    if opens and closes and closes < opens:
        opens, closes = closes, opens
    return ConsentRecord(
        record_id=f"c{draw(st.integers(0, 5))}",
        subject_kind=subject[0],
        subject=subject[1],
        layer=draw(often(layer, LAYERS)),
        use=draw(often("generative-training", ["all", "data-mining", *USES])),
        value=draw(st.sampled_from(["allow", "deny", "conditional", "allow", "deny", "unknown"])),
        terms=draw(st.sampled_from(["", "10 EUR"])),
        granted_by=draw(st.sampled_from(["Ada", "ada ", "", "North Label"])),
        authority=draw(
            often("performer" if layer in ("performer", "voice-likeness") else "owner", AUTHORITIES)
        ),
        evidence=draw(st.sampled_from(["", "contract 17"])),
        given_on=draw(often("2025-01-01", DAYS)),
        valid_from=opens,
        valid_until=closes,
        revoked_on=draw(often(None, DAYS)),
        territory=draw(often("", TERRITORIES)),
        source=draw(st.sampled_from(["", "consent.csv", "cawg rain.wav", "rsl licence.xml"])),
        signed_contract=draw(st.booleans()),
    )


MAY_GRANT = {  # who may say yes to a layer, about which kinds of subject
    "master": ("owner", ("recording", "location")),
    "publishing": ("publisher", sorted(SUBJECTS)),
    "performer": ("performer", sorted(SUBJECTS)),
    "voice-likeness": ("performer", sorted(SUBJECTS)),
}


@st.composite
def contracts_and_signals(draw, subject, layer, use):
    """A signed contract that holds, and a signal against it: the contract wins over some, and not over others.

    Drawn at random from `records` the two meet too rarely to tell a wrong rule from a right one.
    """
    speaker = MAY_GRANT[layer][0]
    common = {"subject_kind": subject[0], "subject": subject[1], "layer": layer, "use": use}
    contract = ConsentRecord(
        record_id="c0", value="allow", granted_by="North Label", authority=speaker,
        evidence=draw(st.sampled_from(["contract 17", "contract 17", ""])),
        given_on="2024-01-01", signed_contract=True, **common,
    )  # fmt: skip
    value = draw(st.sampled_from(["deny", "allow", "conditional"]))
    signal = ConsentRecord(
        record_id="c1",
        value=value,
        granted_by=draw(st.sampled_from(["Ada", "", "North Label"])),
        authority=draw(st.sampled_from([speaker, "agent", "unknown"])),
        given_on="2024-01-01",
        revoked_on=draw(st.sampled_from(["2025-01-01", None, "2026-01-01"])),
        source=draw(st.sampled_from(["cawg rain.wav", "rsl licence.xml", "consent.csv"])),
        **common,
    )
    return [contract, signal]


@st.composite
def cases(draw):
    layer = draw(st.sampled_from(SINGLE_LAYERS))
    meets = draw(st.booleans())
    subject = SUBJECTS[draw(st.sampled_from(MAY_GRANT[layer][1] if meets else sorted(SUBJECTS)))]
    question = {
        "layer": layer,
        "use": draw(often("generative-training", USES)),
        "on": dt.date(2025, 6, 1),
        "territory": draw(often("", TERRITORIES)),
    }
    if meets:
        some = draw(contracts_and_signals(subject, layer, question["use"]))
        some += draw(st.lists(records(subject, layer), max_size=1))
    else:
        some = draw(st.lists(records(subject, layer), min_size=1, max_size=5))
    return subject, question, some, draw(records(subject, layer))


def ask(found, subject, question):
    return decide(found, subjects=[subject], **question)


@settings(max_examples=500, deadline=None)
@given(cases())
def test_engine_agrees_with_its_slow_twin(case):
    subject, question, found, _ = case
    fast = ask(found, subject, question)
    expected = slow.slow_decide(
        found, subject, question["layer"], question["use"], "2025-06-01", question["territory"]
    )
    assert (fast.value, fast.granted) == expected


@settings(max_examples=100, deadline=None)
@given(cases(), st.randoms())
def test_order_does_not_matter(case, random):
    subject, question, found, _ = case
    shuffled = random.sample(found, len(found))
    assert ask(found, subject, question) == ask(shuffled, subject, question)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_adding_a_deny_never_makes_it_laxer(case):
    subject, question, found, further = case
    laxness = {"deny": 0, "unknown": 0, "conditional": 1, "allow": 2}
    before = ask(found, subject, question)
    after = ask([*found, replace(further, value="deny")], subject, question)
    assert laxness[after.value] <= laxness[before.value]
    assert after.granted <= before.granted
    assert not (before.value == "deny" and after.value != "deny")


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from(["2025-06-02", "2026-01-01", "2099-01-01"]))
def test_what_is_said_later_changes_nothing(case, later):
    subject, question, found, further = case
    late = replace(further, given_on=later)
    before, after = ask(found, subject, question), ask([*found, late], subject, question)
    assert (before.value, before.granted) == (after.value, after.granted)
    assert before.deciding == after.deciding


@settings(max_examples=100, deadline=None)
@given(cases())
def test_nothing_is_allowed_without_a_dated_yes_of_somebody_who_may_give_it(case):
    subject, question, found, _ = case
    if ask(found, subject, question).granted:
        assert any(
            r.value in ("allow", "conditional")
            and r.authority != "unknown"
            and (r.given_on or "9") <= "2025-06-01"
            and not (r.revoked_on and r.revoked_on <= "2025-06-01")
            for r in found
        )


@settings(max_examples=50, deadline=None)
@given(cases())
def test_records_about_others_change_nothing(case):
    subject, question, found, further = case
    other = replace(further, subject="somebody-else", subject_kind="work")
    before, after = ask(found, subject, question), ask([*found, other], subject, question)
    assert before == after
