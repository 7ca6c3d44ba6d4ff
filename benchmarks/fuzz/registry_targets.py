"""Parsers of the registry, of disclosure documents and of requests."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from fractions import Fraction

from benchmarks.fuzz.target import DEMO, Target, mapping, text
from linernotes import ids
from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Imported, Registry
from linernotes.catalog.rights_files import parse_csv, parse_json, parse_xlsx
from linernotes.catalog.shares import parse_share
from linernotes.catalog.subjects import location_matches, plain, subject_key
from linernotes.catalog.territory import parse_territory
from linernotes.disclosure.foreign import parse_summary
from linernotes.disclosure.provider import parse_provider
from linernotes.disclosure.requests import parse_works

CONSENTS = (
    b"record_id,subject_kind,subject,layer,use,value,granted_by,authority,evidence,given_on,valid_from\n"
    b"c1,recording,rain,master,generative-training,allow,A Ltd,owner,contract 7,2025-01-10,2025-02-01\n"
    b"c2,party,ada,voice-likeness,voice-model,deny,Ada,performer,letter,2025-01-10,\n"
)
SHEET = "xl/worksheets/sheet1.xml"
CODES = {
    "isrc": "US-S1Z-99-00001",
    "iswc": "T-034.524.680-1",
    "ipi": "00014107338",
    "isni": "0000 0001 2281 955X",
    "upc": "036000291452",
    "mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69",
    "content_hash": "ab" * 32,
    "ipi_base": "I-001068130-6",
    "grid": "A1-2425G-ABC1234002-M",
    "dpid": "PADPIDA2014120301L",
    "ipn": "IPN 1234 5678",
}


@functools.cache
def _workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "consent"
    for line in CONSENTS.decode().splitlines():
        sheet.append(line.split(","))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _sheet() -> bytes:
    with zipfile.ZipFile(io.BytesIO(_workbook())) as book:
        return book.read(SHEET)


def _with_sheet(data: bytes) -> Imported:
    """Read a workbook whose one sheet is *data*: damage to the archive itself never comes so far."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook())) as whole, zipfile.ZipFile(stream, "w") as book:
        for name in whole.namelist():
            book.writestr(name, data if name == SHEET else whole.read(name))
    return parse_xlsx(stream.getvalue(), "rights.xlsx")


def _registry() -> bytes:
    """Return a registry with an entry of every kind."""
    work = Work(work_id="w", title="Rain", iswc="T0345246801", writers=("Ada",), recordings=("rain",))
    by_code = Identifier(subject_kind="recording", subject_id="rain", kind="isrc", value="QZES81912346")
    whole = Registry(
        recordings=(Recording(recording_id="rain", title="Rain", artist="Ada", tags=("calm",)),),
        works=(work,),
        releases=(Release(release_id="l", title="Weather", date="2019"),),
        parties=(Party(party_id="ada", name="Ada", isni="000000012281955X"),),
        credits=(Credit(subject_kind="recording", subject_id="rain", party_id="ada", role="singer"),),
        splits=(
            Split(
                subject_kind="work", subject_id="w", layer="publishing", party_id="ada", share=Fraction(1, 3)
            ),
        ),
        identifiers=(by_code,),
    )
    consents = parse_csv(CONSENTS, "consent.csv").registry
    return json.dumps(whole.merge(consents).as_json(), sort_keys=True).encode()


def _summary() -> bytes:
    fields = [{"id": "2.3.a", "answer": False}, {"id": "1.1.a", "answer": "A provider"}]
    return json.dumps({"format": "linernotes-article53", "fields": fields}).encode()


def _consent() -> bytes:
    return json.dumps(parse_csv(CONSENTS, "consent.csv").registry.consents[0].as_json()).encode()


def _subjects(said: str) -> list[tuple[str, str]]:
    found = [subject_key(kind, said) for kind in ("recording", "work", "release", "party", "location")]
    return [*found, ("plain", plain(said))]


def _covered(pattern: str) -> list[bool]:
    places = ("https://example.org/music/a/rain.mp3", "/café/~b", pattern)
    return [location_matches(one, place) for place in places for one in (pattern, place)]


REGISTRY_TARGETS = {
    "rights-csv": Target(lambda data: parse_csv(data, "consent.csv"), lambda: [CONSENTS]),
    "rights-xlsx": Target(lambda data: parse_xlsx(data, "rights.xlsx"), lambda: [_workbook()]),
    "rights-xlsx-sheet": Target(_with_sheet, lambda: [_sheet()]),
    "rights-json": Target(lambda data: parse_json(data, "rights.json"), lambda: [_registry()]),
    "registry": Target(mapping(Registry.from_json), lambda: [_registry()]),
    "consent-record": Target(mapping(ConsentRecord.from_json), lambda: [_consent()]),
    "share": Target(text(parse_share), lambda: [b"33.25%", b"1/3", b"250bp"]),
    "territory": Target(text(parse_territory), lambda: [b"de, at", b"Worldwide", b"EU US"]),
    "subject": Target(
        text(_subjects), lambda: [b"ISRC us-s1z-99-00001", b"0000 0001 2281 955X", b"Ada Ling"]
    ),
    "location-pattern": Target(
        text(_covered), lambda: [b"/music/*.mp3$", b"https://example.org/music/*", b"/caf\xc3\xa9/%7e*"]
    ),
    "provider-toml": Target(parse_provider, lambda: [(DEMO / "provider.toml").read_bytes()]),
    "summary-article53": Target(parse_summary, lambda: [_summary()]),
    "request-works": Target(
        text(parse_works),
        lambda: [b"label,isrc,iswc\nrain,USS1Z9900001;USS1Z9900002,\nsun,,T-034.524.680-1\n"],
    ),
    **{
        f"id-{name.replace('_', '-')}": Target(
            text(getattr(ids, f"parse_{name}")), lambda code=code: [code.encode()]
        )
        for name, code in CODES.items()
    },
}
