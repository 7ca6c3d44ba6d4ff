"""Gaps of corpus, log and provider, and checks that could not be made."""

import dataclasses
import datetime as dt

import pytest

from linernotes.corpus.source import Source
from linernotes.disclosure.bundle import build
from linernotes.disclosure.facts import LogFacts
from linernotes.disclosure.wide_gaps import wide_checks
from linernotes.evidence.reliability import Reliability

LOG = LogFacts(origin="example.org/log", n_witnesses=2, seal_index=0, seal_time="2026-02-01T12:00:00Z")


def _wide(scene, **changes):
    return wide_checks(scene.facts(**changes))


def _codes(made):
    return {(one.code, one.item_id) for one in made.gaps}


@pytest.mark.parametrize(
    ("training", "logged", "expected"),
    [
        (dt.date(2026, 3, 1), "2026-02-01T12:00:00Z", set()),
        (dt.date(2026, 2, 1), "2026-02-01T12:00:00Z", {"committed-after-training"}),
        (dt.date(2026, 3, 1), "2026-03-02T12:00:00Z", {"committed-after-training"}),
        (None, "2026-02-01T12:00:00Z", {"training-date-unknown"}),
    ],
)
def test_a_list_fixed_after_training_is_a_gap(scene, training, logged, expected):
    corpus = scene.sealed(scene.items(), training_date=training)
    made = _wide(scene, corpus=corpus, log=dataclasses.replace(LOG, seal_time=logged))
    dated = {"committed-after-training", "training-date-unknown"}
    assert {code for code, _ in _codes(made)} & dated == expected


def test_witnesses_are_counted(scene):
    assert ("unwitnessed-log", "") not in _codes(_wide(scene, log=LOG))
    assert ("unwitnessed-log", "") in _codes(_wide(scene, log=dataclasses.replace(LOG, n_witnesses=0)))
    without = _wide(scene, log=None)
    assert "log-witnesses" not in without.ran
    assert "no audit log" in without.notes["log-witnesses"]


def test_synthetic_items_want_their_generators_summary(scene):
    made_by = Source(source_class="synthetic", synthetic_from="Other Music 2")
    corpus = scene.sealed([scene.make_item(1, source=made_by), scene.make_item(2)])
    assert ("synthetic-upstream", "hidden-file-1") in _codes(_wide(scene, corpus=corpus))
    text = '[synthetic]\nmarket_models = [{ name = "Other Music 2", summary = "https://example.org/2" }]\n'
    assert not _codes(_wide(scene, corpus=corpus, provider=scene.provider(text))) & {
        ("synthetic-upstream", "hidden-file-1")
    }
    stated = "[synthetic]\nused = true\n"
    assert ("synthetic-upstream", "") in _codes(_wide(scene, provider=scene.provider(stated)))


def test_what_is_declared_and_not_sealed_is_a_gap(scene):
    corpus = scene.sealed([scene.make_item(1)])
    text = '[public]\nused = true\n[content]\nother_modalities = [{ modality = "text", amount = "1 million tokens" }]\n'
    found = [one for one in _wide(scene, corpus=corpus, provider=scene.provider(text)).gaps]
    details = {one.detail for one in found if one.code == "undisclosed-corpus"}
    assert details == {
        "text: 1 million tokens, declared only",
        "public: stated as used, no sealed recording has it",
    }


def test_what_was_not_looked_at_is_said(scene):
    made = _wide(scene)
    for check in ("identification", "reliability", "leads"):
        assert check not in made.ran
        assert made.notes[check]


def test_identification_reliability_and_leads_are_read(scene):
    measured = Reliability(
        method="m", generator_id="g", corpus_root="r", ceiling=0.5, lds=0.2, interval=(-0.1, 0.4)
    )
    made = _wide(
        scene,
        unmatched=frozenset({"hidden-file-1"}),
        n_identified=6,
        reliability=(measured,),
        n_rankings=1,
        leads=("lead 0a",),
    )
    codes = _codes(made)
    assert codes >= {
        ("unmatched-audio", "hidden-file-1"),
        ("low-reliability", ""),
        ("contradiction-lead", ""),
    }
    better = dataclasses.replace(measured, interval=(0.1, 0.4))
    assert ("low-reliability", "") not in _codes(_wide(scene, reliability=(better,), n_rankings=1))
    assert ("low-reliability", "") in _codes(_wide(scene, n_rankings=1))


def test_keys_that_no_recording_has_are_named(scene):
    (found,) = [one for one in _wide(scene).gaps if one.code == "keys-not-checked"]
    assert "sketch" in found.detail


def test_a_disclosure_without_gaps_says_which_checks_ran(scene, monkeypatch):
    import linernotes.disclosure.bundle as module

    facts = dataclasses.replace(scene.facts(), gaps=())
    monkeypatch.setattr(module, "DOCUMENT_CODES", ())
    monkeypatch.setattr(module, "wide_checks", lambda facts: module_wide(facts))

    def module_wide(facts):
        made = wide_checks(facts)
        made.gaps.clear()
        return made

    found = build(facts).gap_list
    assert found.n_gaps == 0
    assert found.words.startswith("No gap was found. Checks made: rights-row; audio;")
    assert "Not made:" in found.words
