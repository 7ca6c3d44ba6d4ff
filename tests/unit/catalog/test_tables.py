import pytest

from linernotes.catalog.tables import read_catalogue_table, read_rights_table
from linernotes.errors import InputError

HEADER = "file,title,artist,rightsholder,licence,consent,consent_date,consent_evidence"
ROW = "a.wav,Rain,Ada,Ada Ltd,contract,yes,2025-01-31,contract 7"


def _write(folder, text, encoding="utf-8"):
    path = folder / "rights.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def test_reads_a_row_with_every_optional_column(tmp_path):
    (tmp_path / "a.wav").touch()
    extra = ",licence_url,attribution,isrc,iswc,release,tags,consent_scope,consent_until,mood"
    path = _write(
        tmp_path,
        f'{HEADER}{extra}\n{ROW},http://l,"Rain, by Ada",BAD,T1,Album,jazz; piano ;,train,2027-01-01,sad\n',
    )
    table = read_rights_table(path, tmp_path)
    (row,) = table.rows
    assert (row.line, row.file, row.recording.recording_id) == (2, "a.wav", "a")
    assert row.recording.attribution == "Rain, by Ada"
    assert row.recording.isrc == "BAD"
    assert row.recording.tags == ("jazz", "piano")
    assert row.consent["consent_until"] == "2027-01-01"
    assert table.ignored == ("mood",)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_reads_byte_order_mark_and_other_separators(tmp_path, separator):
    text = f"{HEADER}\r\n{ROW}\r\n\r\n".replace(",", separator)
    assert read_rights_table(_write(tmp_path, text, "utf-8-sig")).rows[0].recording.title == "Rain"


def test_lines_are_counted_past_line_breaks_inside_cells(tmp_path):
    text = f'{HEADER}\n"a.wav","Rain\nand sun",Ada,x,y,yes,2025-01-01,z\nb.wav,B,B,x,y,maybe,,\n'
    with pytest.raises(InputError, match="line 4: column 'consent': value 'maybe'"):
        read_rights_table(_write(tmp_path, text))


def test_names_are_compared_after_composition(tmp_path):
    (tmp_path / "cafe\u0301.wav").touch()
    row = ROW.replace("a.wav", "caf\u00e9.wav")
    path = _write(tmp_path, f"{HEADER}\n{row}\n")
    assert read_rights_table(path, tmp_path).rows[0].file == "cafe\u0301.wav"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the table is empty"),
        (b"\n\n", "the table is empty"),
        (HEADER, "a header but no row"),
        ("file,title\na.wav,x\n", "missing columns artist, rightsholder, licence, consent, consent_date"),
        (HEADER.replace("licence", "license") + f"\n{ROW}\n", "line 1: missing column licence;"),
        (f"{HEADER},Title\n{ROW},x\n", r"column 'title' stands twice \(columns 2 and 9\)"),
        (f"{HEADER}\n{ROW}\nb.wav,B,B,B,B,no,,\n{ROW}\n", "line 4: file 'a.wav' stands already on line 2"),
        (f"{HEADER}\n{ROW},more\n", "line 2: 9 cells, expected 8"),
        (f"{HEADER}\na.wav,x\n", "line 2: 2 cells, expected 8"),
        (
            f"{HEADER}\n{ROW.replace('2025-01-31', '31.01.2025')}\n",
            "line 2: column 'consent_date': value '31.01.2025'",
        ),
        (
            f"{HEADER}\n{ROW.replace('2025-01-31', '2025-02-30')}\n",
            "value '2025-02-30'; expected a day as yyyy-mm-dd",
        ),
        (f"{HEADER}\n{ROW.replace('2025-01-31', '20250131')}\n", "value '20250131'"),
        (f"{HEADER}\n{ROW.replace('yes', 'YES')}\n", "value 'YES'; expected yes, no, licence"),
        (f"{HEADER}\n{ROW.replace('a.wav', '')}\n", "line 2: column 'file' is empty"),
        (f"{HEADER}\n{ROW.replace('a.wav', '../a.wav')}\n", "line 2: file '../a.wav': expected a path below"),
        (f"{HEADER}\n{ROW.replace('Rain', 'a' + chr(0))}\n", "NUL character"),
        (f'{HEADER}\n"a.wav,Rain\n', "line 2: not readable as CSV"),
        (
            f"{HEADER}\n{ROW}\n{ROW.replace('a.wav', 'b.wav')}".encode() + b"\xe9\n",
            "line 3: byte 0xe9 at offset 192",
        ),
    ],
)
def test_each_fault_has_its_own_error(tmp_path, text, message):
    path = _write(tmp_path, text)
    with pytest.raises(InputError, match=message) as raised:
        read_rights_table(path)
    assert str(path) in str(raised.value)


def test_a_row_without_its_audio_file_is_named(tmp_path):
    path = _write(tmp_path, f"{HEADER}\n{ROW}\n")
    with pytest.raises(InputError, match=r"line 2: file 'a\.wav': no such file"):
        read_rights_table(path, tmp_path)


def test_missing_table_and_missing_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_rights_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no such folder"):
        read_rights_table(_write(tmp_path, f"{HEADER}\n{ROW}\n"), tmp_path / "none")


def test_catalogue_table_needs_three_columns_only(tmp_path):
    path = tmp_path / "catalog.csv"
    path.write_text("File,Title,Artist,tags\nb/x.ogg,X,Ada,live\na/x.ogg,X,Ada,\n", "utf-8")
    rows = read_catalogue_table(path).rows
    assert [row.file for row in rows] == ["b/x.ogg", "a/x.ogg"]
    assert len({row.recording.recording_id for row in rows}) == 2
    assert rows[0].consent == {}
