import datetime as dt

import pytest

from linernotes.catalog.consent_bridge import doubt, records_of_rights_row
from linernotes.catalog.consent_engine import decide
from linernotes.catalog.consent_record import ConsentRecord, consent
from linernotes.catalog.subjects import location_matches, subject_key
from linernotes.corpus.gaps import GAP_KINDS
from linernotes.errors import InputError

TRAINING = dt.date(2026, 1, 1)


def said(record_id, **fields):
    usual = {
        "subject_kind": "recording",
        "subject": "rain",
        "layer": "master",
        "use": "generative-training",
        "value": "allow",
        "authority": "owner",
        "given_on": "2025-03-01",
        "granted_by": "North Label",
        "evidence": "contract 17",
    }
    return ConsentRecord(record_id=record_id, **(usual | fields))


def ask(
    *records, layer="master", use="generative-training", on=TRAINING, subject=("recording", "rain"), **more
):
    return decide(records, subjects=[subject], layer=layer, use=use, on=on, **more)


def test_absence_is_unknown():
    assert ask().value == "unknown"


def test_consent_given_after_training_never_counts_even_if_backdated():
    late = said("c1", given_on="2026-01-02", valid_from="2020-01-01")
    decision = ask(late)
    assert decision.value == "unknown"
    assert [(one.record_id, one.code) for one in decision.set_aside] == [("c1", "given-later")]
    assert ask(late, on=dt.date(2026, 1, 2)).value == "allow"


def test_an_undated_yes_counts_for_nothing_and_an_undated_no_is_heeded():
    assert ask(said("c1", given_on=None)).value == "unknown"
    assert ask(said("c1", given_on=None, value="deny")).value == "deny"


def test_consent_logged_after_training_does_not_count_where_the_log_is_asked():
    record = said("c1")
    assert ask(record, recorded={"c1": "2025-03-02"}).value == "allow"
    assert ask(record, recorded={"c1": "2026-05-01"}).set_aside[0].code == "recorded-later"
    assert ask(record, recorded={}).value == "unknown"


@pytest.mark.parametrize("layer", ["publishing", "performer", "voice-likeness"])
def test_a_label_speaks_for_its_master_only(layer):
    decision = ask(said("c1", layer="all"), said("c2", layer=layer), layer=layer)
    assert decision.value == "unknown"
    assert {one.code for one in decision.set_aside} == {"no-authority"}


def test_the_most_restrictive_wins_and_the_conflict_is_listed():
    decision = ask(
        said("c1"), said("c2", value="deny", granted_by="South Label"), said("c3", value="conditional")
    )
    assert (decision.value, decision.deciding, decision.granted) == ("deny", ("c2",), False)
    assert {conflict.code for conflict in decision.conflicts} >= {"deny-against-allow", "terms-against-allow"}


def test_a_contract_overrides_a_signal_and_both_are_shown():
    contract = said("c1", signed_contract=True)
    signal = said("s1", value="deny", source="cawg rain.wav", authority="unknown", granted_by="")
    decision = ask(contract, signal)
    assert (decision.value, decision.deciding, decision.overridden) == ("allow", ("c1",), ("s1",))
    assert decision.conflicts[0].code == "contract-against-signal"
    assert decision.conflicts[0].records == ("c1", "s1")


def test_a_contract_without_evidence_overrides_nothing():
    contract = said("c1", signed_contract=True, evidence="")
    assert (
        ask(contract, said("s1", value="deny", source="cawg rain.wav", authority="unknown")).value == "deny"
    )


def test_a_contract_does_not_override_a_party_s_own_words():
    contract = said("c1", signed_contract=True)
    assert ask(contract, said("c2", value="deny", source="letter.csv")).value == "deny"


@pytest.mark.parametrize("authority", ["performer", "agent"])
def test_a_contract_does_not_override_a_performer_s_no_to_their_own_part(authority):
    contract = said("c1", signed_contract=True, layer="performer", authority="performer")
    signal = said("s1", value="deny", layer="performer", authority=authority, source="cawg rain.wav")
    assert ask(contract, signal, layer="performer").value == "deny"
    anonymous = said("s1", value="deny", layer="performer", authority="unknown", source="cawg rain.wav")
    assert ask(contract, anonymous, layer="performer").value == "allow"


def test_a_withdrawal_beats_the_contract_that_it_withdraws_even_through_a_signal():
    contract = said("c1", signed_contract=True)
    withdrawn = said("c2", source="cawg rain.wav", revoked_on="2025-12-31")
    decision = ask(contract, withdrawn)
    assert (decision.value, decision.withdrawn) == ("deny", ("c2",))
    assert "withdrawal-against-contract" in {conflict.code for conflict in decision.conflicts}
    assert ask(contract.revoked("2025-12-31")).value == "deny"
    assert ask(contract.revoked("2026-01-02")).value == "allow"  # it still stood on the day


def test_who_agrees_anew_after_a_withdrawal_has_agreed():
    withdrawn = said("c1", revoked_on="2025-05-01")
    assert ask(withdrawn, said("c2", given_on="2025-06-01")).value == "allow"
    assert ask(withdrawn, said("c2", given_on="2025-05-01")).value == "deny"  # not after it
    assert ask(withdrawn, said("c2", given_on="2025-06-01", granted_by="Ada")).value == "deny"


def test_a_withdrawn_no_is_silence():
    assert ask(said("c1", value="deny", revoked_on="2025-05-01")).value == "unknown"


def test_both_ends_of_a_term_are_inclusive():
    assert ask(said("c1", valid_from="2026-01-01", valid_until="2026-01-01")).value == "allow"
    assert ask(said("c1", valid_until="2025-12-31")).set_aside[0].code == "expired"
    assert ask(said("c1", valid_from="2026-01-02")).set_aside[0].code == "not-yet-valid"


def test_a_yes_must_cover_the_territory_and_a_no_need_only_touch_it():
    german = said("c1", territory="DE")
    assert ask(german).value == "unknown"
    assert ask(german, territory="DE").value == "allow"
    assert ask(said("c1", territory="EU"), territory="DE FR").value == "allow"
    assert ask(said("c1"), said("c2", value="deny", territory="DE")).value == "deny"
    assert ask(said("c1"), said("c2", value="deny", territory="US"), territory="DE").value == "allow"


def test_terms_of_an_unknown_party_restrict_a_yes_but_are_none():
    terms = said("r1", value="conditional", authority="unknown", source="rsl licence.xml", terms="10 EUR")
    assert (ask(terms).value, ask(terms).granted) == ("conditional", False)
    decision = ask(said("c1"), terms)
    assert (decision.value, decision.granted, decision.terms) == ("conditional", True, ("10 EUR",))


def test_a_reservation_of_data_mining_reserves_training_unless_its_source_says_otherwise():
    place = {"subject_kind": "location", "subject": "https://example.org/", "layer": "all", "granted_by": ""}
    mining = said("t1", value="deny", use="data-mining", authority="unknown", source="tdmrep", **place)
    asked = {"subject": ("location", "https://example.org/rain.mp3")}
    assert ask(mining, **asked).value == "deny"
    training = said("t2", authority="owner", source="tdmrep", **place)
    assert ask(mining, training, **asked).value == "allow"
    assert ask(mining, training, use="data-mining", **asked).value == "deny"


def test_a_more_specific_laxer_rule_of_the_same_source_counts():
    place = {"subject_kind": "location", "layer": "all", "granted_by": "", "source": "aipref robots.txt"}
    site = said("a1", value="deny", authority="unknown", **place | {"subject": "https://example.org/"})
    free = said("a2", authority="owner", **place | {"subject": "https://example.org/free/"})
    asked = {"subject": ("location", "https://example.org/free/rain.mp3")}
    assert ask(site, free, **asked).value == "allow"
    assert (
        ask(
            site, said("a3", **place | {"subject": "https://example.org/free/", "source": "rsl"}), **asked
        ).value
        == "deny"
    )
    assert ask(site, free, subject=("location", "https://example.org/rain.mp3")).value == "deny"


def test_all_uses_need_a_yes_to_all_uses():
    assert ask(said("c1"), use="all").value == "unknown"
    assert ask(said("c1", use="all"), use="voice-model").value == "allow"
    assert ask(said("c1", use="all"), said("c2", value="deny"), use="all").value == "deny"


def test_a_wrong_question_is_refused():
    for wrong in ({"layer": "all"}, {"use": "training"}, {"territory": "Germany"}):
        with pytest.raises(InputError, match="expected"):
            ask(said("c1"), **wrong)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"layer": "masters"}, "layer 'masters'; expected one of"),
        ({"given_on": "1.3.2025"}, "given_on '1.3.2025'; expected yyyy-mm-dd"),
        ({"given_on": "2025-02-30"}, "given_on"),
        ({"valid_from": "2025-02-02", "valid_until": "2025-02-01"}, "before valid_from"),
        ({"evidence_sha256": "AB"}, "64 lower-case"),
        ({"territory": "Deutschland"}, "two-letter"),
        ({"subject": ""}, "empty"),
        ({"terms": 17}, "expected text"),
        ({"signed_contract": "yes"}, "true or false"),
        ({"evidence": "x" * 10_001}, "at most 10000"),
    ],
)
def test_a_malformed_record_is_refused(fields, words):
    with pytest.raises(InputError, match=words):
        said("c1", **fields)


def test_a_record_survives_json_and_refuses_other_fields():
    record = said("c1", territory="DE AT", revoked_on="2025-04-01")
    assert ConsentRecord.from_json(record.as_json()) == record
    with pytest.raises(InputError, match="unknown \\['colour'\\]"):
        ConsentRecord.from_json(record.as_json() | {"colour": "red"})
    with pytest.raises(InputError, match="before it was given"):
        said("c1").revoked("2025-02-01")


def test_a_content_id_depends_on_content_alone_and_survives_a_revocation():
    fields = {"subject_kind": "work", "subject": "w", "layer": "all", "use": "all", "value": "deny"}
    assert consent(**fields).record_id == consent(**fields, revoked_on="2025-01-01").record_id
    assert consent(**fields).record_id != consent(**fields, terms="x").record_id


def test_spellings_of_one_identifier_are_one_subject():
    isrc = said("c1", subject="ISRC US-S1Z-99-00001")
    assert ask(isrc, subject=("recording", "uss1z9900001")).value == "allow"
    assert subject_key("party", "0000 0001 2281 955x") == subject_key("party", "000000012281955X")
    assert subject_key("work", "T-034.524.680-1") == subject_key("work", "T0345246801")
    assert subject_key("party", "14107338") != subject_key("party", "00014107338")  # may be any number


@pytest.mark.parametrize(
    ("pattern", "location", "expected"),
    [
        ("/", "https://example.org/a", True),
        ("/a*c$", "https://example.org/abcc", True),
        ("/a*c$", "https://example.org/abcd", False),
        ("/a$", "https://example.org/ab", False),
        ("https://example.org", "https://example.org.evil.net/a", False),
        ("https://EXAMPLE.org/a", "http://example.org/a/b", True),
        ("/caf%C3%A9", "https://example.org/café/x", True),
        ("audio/rain.wav", "audio/rain.wav.bak", False),
        ("*" * 5000 + "z$", "https://example.org/" + "a" * 5000, False),
        ("/x*$", "https://example.org/x", True),
    ],
)
def test_location_patterns(pattern, location, expected):
    assert location_matches(pattern, location) is expected


@pytest.mark.parametrize(
    ("row", "on", "gap"),
    [
        ({"status": "yes", "date": "2025-01-01", "evidence": "contract 1"}, TRAINING, None),
        ({"status": "yes", "date": "2025-01-01"}, TRAINING, "consent-no-evidence"),
        ({"status": "yes", "evidence": "contract 1"}, TRAINING, "consent-undated"),
        ({"status": "yes", "date": "2026-01-02", "evidence": "c"}, TRAINING, "consent-after-training"),
        ({"status": "yes", "date": "2025-01-01", "until": "2025-02-01"}, TRAINING, "consent-expired"),
        ({"status": "no"}, TRAINING, "consent-refused"),
        ({"status": "licence", "licence": "CC BY 4.0"}, TRAINING, "consent-by-licence-only"),
        ({"status": ""}, TRAINING, "consent-unknown"),
    ],
)
def test_a_rights_row_means_to_the_engine_what_it_meant_before(row, on, gap):
    records = records_of_rights_row("rain", **row)
    decision = ask(*records, on=on)
    assert doubt(decision, records) == gap
    assert gap is None or gap in GAP_KINDS


def test_every_gap_code_of_the_bridge_is_a_code_of_the_corpus():
    from linernotes.catalog.consent_bridge import _UNKNOWN_BECAUSE

    assert set(_UNKNOWN_BECAUSE.values()) <= GAP_KINDS.keys()
    assert {"consent-revoked", "consent-conditional", "opt-out-conflict"} <= GAP_KINDS.keys()


def test_the_scope_of_a_rights_row_may_name_uses():
    records = records_of_rights_row("rain", status="no", scope="voice-model; style-prompt")
    assert [record.use for record in records] == ["voice-model", "style-prompt"]
    assert records_of_rights_row("rain", status="yes", scope="research only")[0].terms == "research only"
