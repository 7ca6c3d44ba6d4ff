"""DDEX ERN and RIN into the registry: credits to the last session player, no consent from anywhere."""

from fractions import Fraction
from pathlib import Path

import pytest

from linernotes.errors import InputError
from linernotes.signals.ddex_message import ai_statements
from linernotes.signals.ddex_registry import imported
from linernotes.signals.ddex_roles import roles_of
from linernotes.signals.ddex_schemas import schema_faults
from linernotes.signals.ern import parse_ern
from linernotes.signals.origin import Origin
from linernotes.signals.rin import parse_rin

VECTORS = Path(__file__).parents[2] / "vectors" / "ddex"
ERN = (VECTORS / "ern_432_single.xml").read_bytes()
OLD = (VECTORS / "ern_382_single.xml").read_bytes()
RIN = (VECTORS / "rin_21_session.xml").read_bytes()
FILE = Origin(name="m.xml")


def credits_of(registry):
    return {
        (one.subject_kind, one.party_id, one.role, one.billing, one.instruments) for one in registry.credits
    }


def test_ern_432_credits_players_writers_and_shares():
    found = imported(parse_ern(ERN), FILE)
    registry = found.registry
    assert credits_of(registry) == {
        ("recording", "isni-000000012281955x", "main-artist", "featured", ()),
        ("recording", "cy-reed", "session-musician", "non-featured", ("Cello",)),
        ("work", "ipi-00014107338", "composer", "", ()),
        ("work", "ipi-00014107338", "lyricist", "", ()),
    }
    assert {(s.layer, s.share, s.territory) for s in registry.splits} == {
        ("master", Fraction(1), ""),
        ("publishing", Fraction("0.33333333"), "DE"),
    }
    recording = registry.recordings[0]
    assert (recording.recording_id, recording.isrc, recording.artist) == (
        "uss1z9900001",
        "USS1Z9900001",
        "Ada Ling",
    )
    release = registry.releases[0]
    assert (release.upc, release.grid, release.date, release.label) == (
        "0036000291452",
        "A12425GABC1234002M",
        "2026-06-01",
        "North Label",
    )
    assert release.recordings == ("uss1z9900001",)
    assert not found.problems


def test_no_consent_is_drawn_from_any_element():
    for message in (parse_ern(ERN), parse_ern(OLD), parse_rin(RIN)):
        assert imported(message, FILE).registry.consents == ()


def test_contains_ai_is_kept_and_its_absence_is_not_none():
    assert ai_statements(parse_ern(ERN))[0]["contains_ai"] == "Partly"
    assert ai_statements(parse_ern(OLD))[0]["contains_ai"] == "undeclared"
    said_none = ERN.replace(b"<ContainsAI>Partly", b"<ContainsAI>None")
    assert ai_statements(parse_ern(said_none))[0]["contains_ai"] == "None"
    strange = imported(parse_ern(ERN.replace(b"<ContainsAI>Partly", b"<ContainsAI>Some")), FILE)
    assert [problem.code for problem in strange.problems] == ["unknown-ai-value"]


def test_ern_3_names_its_parties_in_place():
    found = imported(parse_ern(OLD), FILE)
    assert credits_of(found.registry) == {
        ("recording", "isni-000000012281955x", "main-artist", "featured", ()),
        ("recording", "cy-reed", "session-musician", "non-featured", ("Cello",)),
        ("work", "ada-ling", "composer", "", ()),
    }
    assert [release.title for release in found.registry.releases] == ["Sun"]  # the track release is none
    assert found.registry.works[0].work_id == "t0345246801"


def test_rin_tells_sessions_players_and_shares():
    message = parse_rin(RIN)
    assert (message.version, message.sessions[0].kind, message.sessions[0].venue) == (
        "2.1",
        "Recording",
        "Hill Studio",
    )
    registry = imported(message, FILE).registry
    assert credits_of(registry) == {
        ("recording", "dee-frost", "session-musician", "", ("DrumKit", "Hang")),
        ("recording", "dee-frost", "recording-engineer", "", ()),
        ("work", "isni-000000012281955x", "composer", "", ()),
    }
    assert [(s.layer, s.share) for s in registry.splits] == [("publishing", Fraction(3, 5))]
    assert {party.kind for party in registry.parties} == {"person"}


def test_both_messages_speak_of_one_recording_and_one_work():
    both = imported(parse_ern(ERN), FILE).registry.merge(imported(parse_rin(RIN), FILE).registry)
    assert {one.recording_id for one in both.recordings} == {"uss1z9900001"}
    assert {one.work_id for one in both.works} == {"t0345246801"}


def test_a_known_recording_keeps_its_id():
    found = imported(parse_ern(ERN), FILE, {"USS1Z9900001": "rain"})
    assert {one.subject_id for one in found.registry.credits if one.subject_kind == "recording"} == {"rain"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"USS1Z9900001", b"US0000", "malformed-isrc"),
        (b"T0345246801", b"T0345246802", "malformed-iswc"),
        (b"000000012281955X", b"0000000122819550", "malformed-isni"),
        (b"00014107338", b"00014107339", "malformed-ipi-name"),
        (b"<DPID>PADPIDA2007061301U", b"<DPID>PADPIDA2007061301X", "malformed-dpid"),
        (b"0036000291452", b"0036000291453", "malformed-icpn"),
        (b"A12425GABC1234002M", b"A12425GABC1234002X", "malformed-grid"),
        (b"<ISRC>USS1Z9900001</ISRC>", b"", "missing-isrc"),
        (b"<ContributorPartyReference>P3", b"<ContributorPartyReference>P9", "unknown-reference"),
    ],
)
def test_what_is_wrong_is_reported_and_the_rest_is_read(old, new, code):
    found = imported(parse_ern(ERN.replace(old, new)), FILE)
    assert code in {problem.code for problem in found.problems}
    assert found.registry.recordings[0].title == "Rain"


def test_an_unstated_share_is_not_the_whole():
    text = ERN.replace(
        b"<RightSharePercentage>100</RightSharePercentage>", b"<RightShareUnknown>true</RightShareUnknown>"
    )
    assert {s.layer for s in imported(parse_ern(text), FILE).registry.splits} == {"publishing"}


@pytest.mark.parametrize(
    "text",
    [
        b"<a/>",
        ERN.replace(b"ern/432", b"mead/11"),
        ERN[:-40],
        ERN.replace(b"<PartyReference>P2", b"<PartyReference>P1"),
        b'<!DOCTYPE x [<!ENTITY e "x">]>' + RIN.partition(b"?>")[2],
        RIN,
    ],
)
def test_what_is_no_ern_message(text):
    with pytest.raises(InputError):
        parse_ern(text)


def test_roles_become_words_of_the_registry():
    assert roles_of("AAndRAdministrator") == ("a-and-r-administrator",)
    assert roles_of("Treatment/ProgramProposal") == ("treatment-program-proposal",)
    assert roles_of("") == roles_of("Unknown") == ("contributor",)


SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://ddex.net/xml/ern/432">
<xs:element name="NewReleaseMessage"><xs:complexType><xs:sequence>
<xs:element name="MessageHeader" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""


def test_schemas_are_the_users_own(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "release-notification.xsd").write_text(SCHEMA)
    message = (
        b'<e:NewReleaseMessage xmlns:e="http://ddex.net/xml/ern/432"><MessageHeader>x</MessageHeader>'
        b"</e:NewReleaseMessage>"
    )
    assert schema_faults(message, tmp_path) == ()
    assert schema_faults(message.replace(b"MessageHeader", b"Header"), tmp_path)
    with pytest.raises(InputError, match="no schema for RecordingInformationNotification"):
        schema_faults(RIN, tmp_path)
    (tmp_path / "deep" / "release-notification.xsd").write_text(SCHEMA.replace("xs:string", "xs:nothing"))
    with pytest.raises(InputError, match="cannot be used"):
        schema_faults(message, tmp_path)


def test_a_test_message_is_told_as_one():
    found = imported(parse_ern(ERN.replace(b"LiveMessage", b"TestMessage")), FILE)
    assert [problem.code for problem in found.problems] == ["test-message"]
