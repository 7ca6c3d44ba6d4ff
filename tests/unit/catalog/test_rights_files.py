import contextlib
import io
import json
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from linernotes.catalog.cells import guarded, joined, listed, unguarded
from linernotes.catalog.consent_record import AUTHORITIES, LAYERS, USES, VALUES, ConsentRecord
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.catalog.rights_export import to_csv, to_xlsx, write_rights_file, write_template
from linernotes.catalog.rights_files import parse_csv, parse_json, parse_xlsx, read_rights_file
from linernotes.catalog.shares import format_share, parse_share
from linernotes.catalog.sheets import SHEETS
from linernotes.errors import InputError, LinernotesError

printable = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\ufffe\uffff"), max_size=12
)
texts = st.one_of(
    printable, st.sampled_from(["=1+1", "+49", "-x", "@sum", "'=a", "a;b", "a\\;b", "0123", "1e5"])
).map(lambda text: " ".join(text.split()))
names = texts.filter(bool)
lists = st.lists(names.filter(lambda n: n.strip("; \\")), max_size=3).map(tuple)
days = st.one_of(st.none(), st.dates().map(str))


@st.composite
def registries(draw):
    source = draw(names)
    return Registry(
        recordings=(
            Recording(
                recording_id="r1", title=draw(names), artist=draw(texts), isrc=draw(names), tags=draw(lists),
                rightsholder=draw(texts), release=draw(texts) or None,
            ),
        ),
        works=(Work(work_id="w1", title=draw(names), writers=draw(lists), recordings=("r1",), source=source),),
        releases=(Release(release_id="l1", title=draw(names), date="2019-05", upc=draw(names), source=source),),
        parties=(Party(party_id=draw(names), name=draw(names), names=draw(lists), ipn="12345", source=source),),
        credits=(
            Credit(
                subject_kind="recording", subject_id="r1", party_id="p", role="session-musician",
                billing="non-featured", instruments=draw(lists), source=source,
            ),
        ),
        splits=(
            Split(
                subject_kind="work", subject_id="w1", layer="publishing", party_id="p", territory="AT DE",
                share=draw(st.fractions(0, 1, max_denominator=999)), valid_from=draw(days), source=source,
            ),
        ),
        consents=(
            ConsentRecord(
                record_id="c1", subject_kind="recording", subject=draw(names), layer=draw(st.sampled_from(LAYERS)),
                use=draw(st.sampled_from(USES)), value=draw(st.sampled_from(VALUES)), terms=draw(texts),
                authority=draw(st.sampled_from(AUTHORITIES)), given_on=draw(days), evidence_sha256="ab" * 32,
                source=source, signed_contract=draw(st.booleans()),
            ),
        ),
        identifiers=(
            Identifier(subject_kind="recording", subject_id="r1", kind="isrc", value=draw(names), source=source),
        ),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(registries())
def test_csv_and_json_come_back_as_they_went(registry):
    parts = [parse_csv(to_csv(registry, sheet), f"{sheet.name}.csv") for sheet in SHEETS]
    back = parts[0].merge(*parts[1:])
    assert back.problems == ()
    assert back.registry == registry
    assert parse_json(json.dumps(registry.as_json()).encode(), "x.json").registry == registry


@settings(max_examples=8, deadline=None)
@given(registries())
def test_a_workbook_comes_back_as_it_went(registry):
    back = parse_xlsx(to_xlsx(registry), "rights.xlsx")
    assert back.problems == ()
    assert back.registry == registry


@given(st.text(max_size=20))
def test_no_cell_that_is_written_can_run(text):
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text


@given(lists)
def test_lists_survive_their_separator(entries):
    assert listed(joined(entries)) == entries


@given(st.fractions(0, 1, max_denominator=10**15 - 1))
def test_shares_survive_print(share):
    assert parse_share(format_share(share)) == share


@pytest.mark.parametrize(
    "text", ["0.5", "50", "101%", "1/0", "-1%", "1/2/3", "٥٠%", "1e2%", "", "nan%", "5" * 99 + "%"]
)
def test_a_share_without_unit_or_beyond_the_whole_is_refused(text):
    with pytest.raises(InputError, match="expected"):
        parse_share(text)


def test_the_template_is_documented_and_its_example_is_right(tmp_path):
    path = write_template(tmp_path / "rights.xlsx")
    book = load_workbook(path)
    assert book.sheetnames == ["read me", *(sheet.name for sheet in SHEETS)]
    assert "required" in book["splits"]["E1"].comment.text
    found = read_rights_file(path)
    assert found.problems == ()
    assert {p.severity for p in found.registry.check()} == {"low"}  # the example has a second ISRC
    assert not {"malformed-identifier", "sample-identifier"} & {p.code for p in found.registry.check()}
    assert found.registry.splits[0].share == Fraction(1)


def test_export_to_every_form_and_back(tmp_path):
    registry = Registry(parties=(Party(party_id="ada", name="=cmd|' /C calc'!A0", source="x"),))
    for out in (tmp_path / "a.xlsx", tmp_path / "a.json", tmp_path / "tables"):
        write_rights_file(registry, out)
        assert read_rights_file(out).registry == registry
    assert not list(tmp_path.rglob("*.partial"))
    cell = load_workbook(tmp_path / "a.xlsx")["parties"]["B2"]
    assert (cell.data_type, cell.value[:2]) == ("s", "'=")
    with pytest.raises(InputError, match=r"expected \.xlsx, \.json"):
        write_rights_file(registry, tmp_path / "a.pdf")
    bad = Registry(parties=(Party(party_id="ada", name="a\x07b"),))
    with pytest.raises(InputError, match="sheet 'parties', row 2: a text holds a control character"):
        write_rights_file(bad, tmp_path / "b.xlsx")
    assert not (tmp_path / "b.xlsx").exists()


def workbook(**sheets):
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return book


def packed(book):
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_numbers_dates_and_percentages_of_a_workbook_are_read_exactly():
    import datetime as dt

    book = workbook(
        splits=[
            ["subject_kind", "subject_id", "layer", "party_id", "share", "valid_from"],
            ["recording", 7, "Master", "ada", 0.35, dt.datetime(2025, 3, 1)],
        ],
        charts=[["a"]],
    )
    book["splits"]["E2"].number_format = "0%"
    found = parse_xlsx(packed(book), "rights.xlsx")
    split = found.registry.splits[0]
    assert (split.subject_id, split.share, split.valid_from) == ("7", Fraction(35, 100), "2025-03-01")
    assert [(p.code, p.severity) for p in found.problems] == [("unknown-sheet", "low")]


def test_every_bad_cell_is_named_by_sheet_row_and_column():
    book = workbook(
        splits=[
            ["subject_kind", "subject_id", "layer", "party_id", "share", "valid_from", "colour"],
            ["song", "rain", "masters", "ada", "50", "1.3.2025", "red"],
            [],
            ["recording", "rain", "master", "ada", "=1/2", "2025-02-30", None],
            ["recording", "rain", "master", "", "1/2", None, None],
            ["recording", "rain", "master", "bo", "1/2", None, None],
        ]
    )
    found = parse_xlsx(packed(book), "rights.xlsx")
    assert [(p.code, p.where.removeprefix("rights.xlsx: sheet 'splits', ")) for p in found.problems] == [
        ("unknown-column", "row 1, column colour"),
        ("unknown-word", "row 2, column subject_kind"),
        ("unknown-word", "row 2, column layer"),
        ("bad-share", "row 2, column share"),
        ("bad-date", "row 2, column valid_from"),
        ("formula-cell", "row 4, column share"),
        ("bad-date", "row 4, column valid_from"),
        ("empty-cell", "row 5, column party_id"),
    ]
    assert [split.party_id for split in found.registry.splits] == ["bo"]
    assert not found.is_clean


def test_further_codes_in_a_cell_become_claims_with_their_source():
    escaped = b"recording_id,title,artist,isrc\nrain,Rain,Ada,QZES81912345\\; QZES81912346\n"
    assert parse_csv(escaped, "a.csv").registry.recordings[0].isrc == "QZES81912345; QZES81912346"
    found = parse_csv(
        b"recording_id,title,artist,isrc,mbid\nrain,Rain,Ada,QZES81912345;QZES81912346,x\n", "a.csv"
    )
    assert found.registry.recordings[0].isrc == "QZES81912345"
    assert [(c.kind, c.value, c.source) for c in found.registry.identifiers] == [
        ("isrc", "QZES81912346", "a.csv"),
        ("mbid", "x", "a.csv"),
    ]


def test_which_sheet_a_table_is():
    consent = b"subject_kind,subject,layer,use,value\nrecording,rain,master,all,deny\n"
    assert parse_csv(consent, "whatever.csv").registry.consents[0].value == "deny"
    with pytest.raises(InputError, match="cannot tell which sheet"):
        parse_csv(b"a,b\n1,2\n", "whatever.csv")
    with pytest.raises(InputError, match="sheet 'works': missing columns work_id, title"):
        parse_csv(consent, "whatever.csv", "works")
    with pytest.raises(InputError, match="sheet 'charts': unknown"):
        parse_csv(consent, "whatever.csv", "charts")


def test_the_same_row_twice_is_one_and_another_under_its_id_is_a_problem():
    rows = b"party_id,name\nada,Ada\nada,Ada\nada,Bo\n"
    found = parse_csv(rows, "parties.csv")
    assert len(found.registry.parties) == 1
    assert [(p.code, p.where) for p in found.problems] == [
        ("duplicate-row", "parties.csv: sheet 'parties', row 4")
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an XLSX workbook"),
        (b"PK\x03\x04 and so on", "not an XLSX workbook"),
        (b"recording_id,title", "not an XLSX workbook"),
    ],
)
def test_what_is_no_workbook_is_refused(data, words):
    with pytest.raises(InputError, match=words):
        parse_xlsx(data, "rights.xlsx")


def test_a_zip_of_other_things_a_bomb_and_an_entity_attack_are_refused():
    def zipped(**entries):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed_file:
            for name, content in entries.items():
                packed_file.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
        return buffer.getvalue()

    with pytest.raises(InputError, match="not readable as an XLSX"):
        parse_xlsx(zipped(a="b"), "rights.xlsx")
    good = zipfile.ZipFile(io.BytesIO(packed(workbook(parties=[["party_id", "name"], ["ada", "Ada"]]))))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bad:
        for entry in good.infolist():
            content = good.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                head = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
                content = head + content.replace(b"<sheetData>", b"<sheetData>&b;")
            bad.writestr(entry, content)
    with pytest.raises(InputError, match=r"rights\.xlsx"):
        parse_xlsx(buffer.getvalue(), "rights.xlsx")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([sheet.name for sheet in SHEETS]))
def test_any_bytes_are_read_or_refused_with_one_error(data, name):
    for parse, file in ((parse_csv, f"{name}.csv"), (parse_json, "x.json"), (parse_xlsx, "x.xlsx")):
        with contextlib.suppress(LinernotesError):
            parse(data, file)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([sheet.part for sheet in SHEETS]), st.lists(json_values, max_size=2)))
def test_any_json_is_read_or_refused_with_one_error(content):
    with contextlib.suppress(LinernotesError):
        parse_json(json.dumps(content).encode(), "x.json")


@pytest.mark.parametrize("place", ['r="9999999"', 'r="3"><c r="XFD3" t="n"><v>1</v></c></row><row r="4"'])
def test_a_sheet_that_claims_to_be_endless_is_refused(place):
    good = zipfile.ZipFile(io.BytesIO(packed(workbook(parties=[["party_id", "name"], ["ada", "Ada"]]))))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bad:
        for entry in good.infolist():
            content = good.read(entry).decode()
            if entry.filename == "xl/worksheets/sheet1.xml":
                content = content.replace("</sheetData>", f"<row {place}></row></sheetData>")
            bad.writestr(entry, content)
    with pytest.raises(InputError, match="at most 1048576 rows and 256 columns"):
        parse_xlsx(buffer.getvalue(), "rights.xlsx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"works": [{"work_id": "w", "title": 5}]}', "title 5; expected text"),
        ('{"works": [{"work_id": "w", "title": "x", "writers": "Ada"}]}', "writers 'Ada'; expected a list"),
        ('{"works": [], "works": []}', "stands twice"),
        ('{"works": NaN}', "NaN is no JSON"),
        ('{"works": [[]]}', "an object per entry"),
        ('{"recordings": [{"recording_id": "r", "title": "x", "artist": 1}]}', "artist 1; expected text"),
        ("[" * 100000, "not JSON"),
    ],
)
def test_json_of_other_shapes_is_refused(content, words):
    with pytest.raises(InputError, match=words):
        parse_json(content.encode(), "x.json")


MUSEUM = Path(__file__).parents[2] / "museum" / "rights_registry"
PLACES = {
    "splits_without_unit.csv": "row 2, column share",
    "credits_nameless_role.csv": "row 2, column role",
    "consent_american_date.csv": "row 2, column given_on",
    "consent_probably.csv": "row 2, column value",
    "consent_two_answers_one_id.csv": "row 3",
    "works_cell_too_many.csv": "row 2",
    "releases_month_thirteen.csv": "row 2, column date",
    "parties_kind_band.csv": "row 2, column kind",
}
REFUSED = {
    "latin1.csv": "line 2: byte 0xfc is not UTF-8",
    "open_quote.csv": "line 2: not readable as CSV",
    "column_twice.csv": "column 'name' stands twice",
    "header_misspelt.csv": "cannot tell which sheet",
    "truncated.xlsx": "not an XLSX workbook",
    "unknown_part.json": "unknown parts ..charts",
    "share_of_a_half.json": "share",
}


def test_every_exhibit_has_its_place():
    assert {path.name for path in MUSEUM.iterdir()} == {*PLACES, *REFUSED}


@pytest.mark.parametrize("name", PLACES)
def test_the_fault_of_a_row_is_found_where_it_is(name):
    found = read_rights_file(MUSEUM / name, name.split("_")[0])
    grave = [p for p in found.problems if p.severity == "high"]
    assert [p.where.partition("', ")[2] for p in grave] == [PLACES[name]]


@pytest.mark.parametrize("name", REFUSED)
def test_the_fault_of_a_file_is_one_error(name):
    with pytest.raises(InputError, match=REFUSED[name]) as raised:
        read_rights_file(MUSEUM / name)
    assert name in str(raised.value)
