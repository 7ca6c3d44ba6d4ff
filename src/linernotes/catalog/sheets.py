"""The sheets of a rights workbook: their columns, what each means, and an example row.

One table of this file drives the template, the importer, the exporter and the manual, so that they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from linernotes.catalog import cells
from linernotes.catalog.consent_record import (
    AUTHORITIES,
    LAYERS,
    SUBJECT_KINDS,
    USES,
    VALUES,
    ConsentRecord,
    record_id_of,
)
from linernotes.catalog.credits import BILLINGS, SPLIT_LAYERS, Credit, Split
from linernotes.catalog.entities import (
    ENTITY_KINDS,
    IDENTIFIER_KINDS,
    PARTY_KINDS,
    Identifier,
    Party,
    Release,
    Work,
)
from linernotes.catalog.recording import Recording


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how a cell of it is read, what it means, and the example's cell."""

    name: str
    read: Callable[[str], Any]
    meaning: str
    example: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, the part of a registry that it holds, how a row becomes an entry, its columns."""

    name: str
    part: str
    make: Callable[[Mapping[str, Any]], Any]
    key: Callable[[Any], object]
    meaning: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """Return the column of a name."""
        return next((column for column in self.columns if column.name == name), None)


def _consent(values: Mapping[str, Any]) -> ConsentRecord:
    named = {name: value for name, value in values.items() if name != "record_id"}
    return ConsentRecord(record_id=values.get("record_id") or record_id_of(**named), **named)


def _list(name: str, meaning: str, example: str = "") -> Column:
    return Column(name, cells.listed, f"{meaning}; several are separated by semicolons", example)


_SOURCE = Column("source", cells.text, "Who says so; the file's name where empty", "contract 17")
_TERRITORY = Column("territory", cells.territory, "Two-letter codes, EU, or empty for the world")
_FROM = Column("valid_from", cells.day, "First day, yyyy-mm-dd", "2025-03-01")
_UNTIL = Column("valid_until", cells.day, "Last day, yyyy-mm-dd")


def _kind(words: tuple[str, ...], example: str) -> Column:
    return Column("subject_kind", cells.word(words), f"One of {', '.join(words)}", example, required=True)


def _id(name: str, meaning: str, example: str) -> Column:
    return Column(name, cells.an_id, meaning, example, required=True)


SHEETS: tuple[Sheet, ...] = (
    Sheet(
        "recordings",
        "recordings",
        lambda values: Recording(**values),
        lambda one: one.recording_id,
        "Fixed performances: what an ISRC names.",
        (
            _id("recording_id", "Short id, unique here; the slug of the file's stem in a corpus", "rain"),
            Column("title", cells.some_text, "As printed", "Rain", required=True),
            Column("artist", cells.text, "As printed", "Ada Ling", required=True),
            Column("rightsholder", cells.text, "Who is asked for permission and paid", "North Label"),
            Column("licence", cells.text, "Name of a public licence", ""),
            Column("licence_url", cells.text, "Where it stands"),
            Column("attribution", cells.text, "Line that it asks to be printed"),
            _list("isrc", "Recording code", "QZ-ES8-19-12345"),
            Column("iswc", cells.optional, "Code of the work", "T-010.433.006-4"),
            Column("release", cells.optional, "Release id, code or title", "weather"),
            _list("tags", "Free labels, such as genres; 'instrumental' says that nobody sings", "folk"),
            Column("mbid", cells.optional, "MusicBrainz recording id"),
            Column("iscc", cells.optional, "ISCC code"),
            Column("content_hash", cells.optional, "SHA-256 of the audio file"),
        ),
    ),
    Sheet(
        "works",
        "works",
        lambda values: Work(**values),
        lambda one: one.work_id,
        "Compositions: what an ISWC names.",
        (
            _id("work_id", "Short id, unique here", "w-rain"),
            Column("title", cells.some_text, "As registered", "Rain", required=True),
            _list("iswc", "Work code", "T-010.433.006-4"),
            _list("writers", "Names as printed", "Ada Ling; Bo Drum"),
            _list("recordings", "Recording ids that perform it", "rain"),
            _SOURCE,
        ),
    ),
    Sheet(
        "releases",
        "releases",
        lambda values: Release(**values),
        lambda one: one.release_id,
        "Products that carry recordings.",
        (
            _id("release_id", "Short id, unique here", "weather"),
            Column("title", cells.some_text, "As printed", "Weather", required=True),
            _list("upc", "UPC or EAN", "5099902894829"),
            Column("grid", cells.optional, "GRid"),
            Column("date", cells.partial_day, "Day, month or year of release", "2019-05-03"),
            Column("label", cells.text, "As printed", "North Label"),
            _list("recordings", "Recording ids on it", "rain"),
            _SOURCE,
        ),
    ),
    Sheet(
        "parties",
        "parties",
        lambda values: Party(**values),
        lambda one: one.party_id,
        "People, groups and organisations.",
        (
            _id("party_id", "Short id, unique here", "ada-ling"),
            Column("name", cells.some_text, "Usual name", "Ada Ling", required=True),
            Column("kind", cells.word(PARTY_KINDS, "unknown"), f"One of {', '.join(PARTY_KINDS)}", "person"),
            _list("isni", "ISNI"),
            _list("ipi_name", "IPI name number"),
            Column("ipi_base", cells.optional, "IPI base number"),
            Column("ipn", cells.optional, "International Performer Number"),
            Column("dpid", cells.optional, "DDEX party id"),
            _list("names", "Other names as credited", "A. Ling"),
            _SOURCE,
        ),
    ),
    Sheet(
        "credits",
        "credits",
        lambda values: Credit(**values),
        lambda one: (one.subject_kind, one.subject_id, one.party_id, one.role),
        "Who took part, session players and background singers included.",
        (
            _kind(("recording", "work", "release"), "recording"),
            _id("subject_id", "Id of the recording, work or release", "rain"),
            _id("party_id", "Id of the party", "ada-ling"),
            Column(
                "role", cells.role, "Such as vocalist, session musician, composer", "vocalist", required=True
            ),
            Column(
                "billing", cells.word(BILLINGS, ""), "Of performers: featured or non-featured", "featured"
            ),
            _list("instruments", "Played", "guitar"),
            Column("credited_as", cells.text, "Name as printed, where it is another"),
            _SOURCE,
        ),
    ),
    Sheet(
        "splits",
        "splits",
        lambda values: Split(**values),
        lambda one: (
            *(one.subject_kind, one.subject_id, one.layer, one.party_id),
            *(one.territory, one.valid_from),
        ),
        "Shares per rights layer; those of a subject, layer and territory sum to 100%.",
        (
            _kind(("recording", "work"), "recording"),
            _id("subject_id", "Id of the recording or work", "rain"),
            Column(
                "layer",
                cells.word(SPLIT_LAYERS),
                f"One of {', '.join(SPLIT_LAYERS)}",
                "master",
                required=True,
            ),
            _id("party_id", "Id of the party", "ada-ling"),
            Column("share", cells.share, "With its unit: 50%, 1/3 or 5000bp", "100%", required=True),
            _TERRITORY,
            _FROM,
            _UNTIL,
            _SOURCE,
        ),
    ),
    Sheet(
        "consent",
        "consents",
        _consent,
        lambda one: (one.record_id, one.revoked_on),
        "Statements on use: who allowed or refused what, for which rights layer, since when.",
        (
            Column("record_id", cells.text, "Id of the statement; made from its content where empty", "c-17"),
            _kind(SUBJECT_KINDS, "recording"),
            Column(
                "subject",
                cells.some_text,
                "Id, code, recording/party/role, or address",
                "rain",
                required=True,
            ),
            Column("layer", cells.word(LAYERS), f"One of {', '.join(LAYERS)}", "master", required=True),
            Column(
                "use", cells.word(USES), f"One of {', '.join(USES)}", "generative-training", required=True
            ),
            Column("value", cells.word(VALUES), f"One of {', '.join(VALUES)}", "allow", required=True),
            Column("terms", cells.text, "Conditions: text, ODRL or an address"),
            Column("granted_by", cells.text, "Who said so", "North Label"),
            Column(
                "authority",
                cells.word(AUTHORITIES, "unknown"),
                f"As what: {', '.join(AUTHORITIES)}",
                "owner",
            ),
            Column("evidence", cells.text, "Contract number, address or hash", "contract 17"),
            Column("evidence_sha256", cells.sha256, "SHA-256 of the document"),
            Column("given_on", cells.day, "Day on which it was said, yyyy-mm-dd", "2025-03-01"),
            _FROM,
            _UNTIL,
            Column("revoked_on", cells.day, "Day of its withdrawal, yyyy-mm-dd"),
            _TERRITORY,
            _SOURCE,
            Column("signed_contract", cells.yes_or_no, "Whether a signed contract says it: yes or no", "yes"),
        ),
    ),
    Sheet(
        "identifiers",
        "identifiers",
        lambda values: Identifier(**values),
        lambda one: (one.subject_kind, one.subject_id, one.kind, one.value, one.source),
        "Further codes claimed for an entry, each with its source.",
        (
            _kind(ENTITY_KINDS, "recording"),
            _id("subject_id", "Id of the entry", "rain"),
            Column(
                "kind", cells.word(IDENTIFIER_KINDS), f"One of {', '.join(IDENTIFIER_KINDS)}", "isrc", True
            ),
            Column("value", cells.an_id, "As written", "QZ-ES8-19-12346", required=True),
            _SOURCE,
        ),
    ),
)
"""Every sheet, in the order of the workbook."""
FURTHER_CODES = {
    "recordings": ("isrc", "mbid", "iscc", "content_hash"),
    "works": ("iswc",),
    "releases": ("upc",),
    "parties": ("isni", "ipi_name"),
}
"""For each part the columns whose cells may hold codes that the entry itself has no field for."""


def sheet(name: str) -> Sheet | None:
    """Return the sheet of a name, in any case.

    Examples
    --------
    >>> sheet("Works").part, sheet("charts") is None
    ('works', True)
    """
    return next((one for one in SHEETS if one.name == name.strip().casefold()), None)
