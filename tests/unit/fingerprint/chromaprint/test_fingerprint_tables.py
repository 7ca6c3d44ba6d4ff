"""Tables of fingerprints in every form that people have, read to the same rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.catalog.recording import Recording
from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.codec import encode
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.table import (
    Refused,
    Row,
    csv_header,
    csv_line,
    json_line,
    read_fingerprints,
)

VALUES = [2705979767, 2705979766, 1]
TEXT = encode(Chromaprint.of(VALUES))
SIGNED = ",".join(str(v - (1 << 32) if v >= 1 << 31 else v) for v in VALUES)


def read(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_fingerprints(path))


FORMS = {
    "csv": f"recording_id,title,artist,duration,fingerprint\nrain,Rain,Ada,61.5,{TEXT}\n",
    "csv with a mark and other line ends": (
        f"\ufefftitle;artist;recording_id;duration_s;FINGERPRINT\r\nRain;Ada;rain;61.5;{TEXT}\r\n"
    ),
    "csv with raw numbers": f'recording_id,title,artist,duration,fingerprint\nrain,Rain,Ada,61.5,"{SIGNED}"\n',
    "tabs and blank lines": f"\n\nrecording_id\ttitle\tartist\tduration\tfingerprint\n\nrain\tRain\tAda\t61.5\t{TEXT}\n\n",
    "json lines": json.dumps(
        {"recording_id": "rain", "title": "Rain", "artist": "Ada", "duration": 61.5, "fingerprint": TEXT}
    ),
    "json lines with numbers": json.dumps(
        {"recording_id": "rain", "title": "Rain", "artist": "Ada", "duration_s": 61.5, "fingerprint": VALUES}
    ),
    "a json array": json.dumps(
        [{"recording_id": "rain", "title": "Rain", "artist": "Ada", "duration": "61.5", "fingerprint": TEXT}]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_row(tmp_path, form):
    (row,) = read(tmp_path, FORMS[form])
    assert isinstance(row, Row), row
    assert row.recording == Recording(recording_id="rain", title="Rain", artist="Ada")
    assert row.duration_s == 61.5
    assert row.fingerprint.values.tolist() == VALUES


@pytest.mark.parametrize(
    ("text", "ids", "durations"),
    [
        (
            f"DURATION=61\nFINGERPRINT={TEXT}\n\nDURATION=62\nFINGERPRINT={TEXT}\n",
            ["cat-1", "cat-4"],
            [61, 62],
        ),
        (f"FILE=/x/Blue Moon.flac\nDURATION=61\nFINGERPRINT={TEXT}\n", ["blue-moon"], [61]),
        (
            f"FILE=a.mp3\nDURATION=6\nFINGERPRINT={TEXT}\nFILE=b.mp3\nDURATION=7\nFINGERPRINT={TEXT}",
            ["a", "b"],
            [6, 7],
        ),
        (f"DURATION=61\nFINGERPRINT={SIGNED}\n", ["cat-1"], [61]),
        (f'{{"duration": 61.2, "fingerprint": "{TEXT}"}}\n', ["cat-1"], [61.2]),
        (f'{{"duration": 61.2, "fingerprint": {VALUES}}}\n', ["cat-1"], [61.2]),
        (f"{TEXT}\n{TEXT}\n", ["cat-1", "cat-2"], [2.972, 2.972]),
        (f"{SIGNED}\n", ["cat-1"], [2.972]),
    ],
)
def test_what_fpcalc_prints_is_read(tmp_path, text, ids, durations):
    rows = read(tmp_path, text, "cat.txt")
    assert [row.recording.recording_id for row in rows] == ids
    assert [row.duration_s for row in rows] == pytest.approx(durations, abs=1e-3)
    assert all(row.fingerprint.values.tolist() == VALUES for row in rows)


def test_all_facts_are_read(tmp_path):
    header = "title,artist,duration,fingerprint,isrc,iswc,release,rightsholder,licence,licence_url,attribution,tags,shelf"
    (row,) = read(
        tmp_path, f"{header}\nRain,Ada,6,{TEXT},USRC17607839,,Sky,Ada Ltd,CC0,http://x,by Ada,slow; wet,9\n"
    )
    found = row.recording
    assert found.recording_id == "ada-rain"
    assert (found.isrc, found.iswc, found.release) == ("USRC17607839", None, "Sky")
    assert (found.rightsholder, found.licence, found.attribution) == ("Ada Ltd", "CC0", "by Ada")
    assert found.tags == ("slow", "wet")


def test_one_bad_row_does_not_cost_the_others(tmp_path):
    rows = read(
        tmp_path,
        "recording_id,title,artist,duration,fingerprint\n"
        f"a,A,X,60,{TEXT}\n"
        "b,B,X,60,not-a-fingerprint\n"
        f"c,C,X,soon,{TEXT}\n"
        f"a,A again,X,60,{TEXT}\n"
        f"d,D,X,60\n"
        "e,E,X,60,\n"
        f"f,F,X,60,{TEXT}\n",
    )
    assert [row.recording.recording_id for row in rows if isinstance(row, Row)] == ["a", "f"]
    reasons = [row.reason for row in rows if isinstance(row, Refused)]
    assert [row.line for row in rows if isinstance(row, Refused)] == [3, 4, 5, 6, 7]
    for reason, word in zip(
        reasons,
        ["not-a-fingerprint", "'soon'; expected seconds", "already on line 2", "4 cells", "empty"],
        strict=True,
    ):
        assert word in reason


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("[1]", "object"),
        ('{"title": "A", "fingerprint": [true]}', "'fingerprint' is empty"),
        ('{"title": {}, "fingerprint": [1]}', "'title' is {}"),
        ('{"title": "A", "fingerprint": [99999999999]}', "32-bit"),
        ('{"title": "A", "fingerprint": [1], "duration": -3}', "'-3'"),
        ('{"title": "A", "fingerprint": [1], "duration": NaN}', "'nan'"),
        ('{"title": "A", "fingerprint": [1], "tags": 4}', "'tags' is 4"),
        ('{"title": "A", "fingerprint": "AAAAAQE"}', "algorithm 0"),
        ('{"title": "A", "fingerprint": "AQAAAA"}', "empty"),
        ('{"title": ', "not readable as JSON"),
        ('{"fingerprint": ' + "[" * 100_000, "not readable as JSON"),
        ('{"fingerprint": [' + "9" * 5000 + "]}", "not readable as JSON"),
    ],
)
def test_bad_json_lines_are_named(tmp_path, line, word):
    good = json.dumps({"recording_id": "good", "title": "G", "fingerprint": [1]})
    rows = read(tmp_path, good + "\n" + line + "\n", "t.jsonl")
    assert isinstance(rows[0], Row)
    assert isinstance(rows[1], Refused)
    assert word in rows[1].reason
    assert rows[1].line == 2


numbers = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5)
printed = st.text(max_size=20)


@given(st.lists(st.tuples(printed, printed, st.floats(0.1, 9999), numbers), min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("tables")
    clean = [
        tuple("".join(c for c in text if c.isprintable()).strip() for text in case[:2]) for case in cases
    ]
    made = [
        (
            Recording(recording_id=f"r{i}", title=title, artist=artist, tags=("a", "b")),
            round(case[2], 3),
            case[3],
        )
        for i, ((title, artist), case) in enumerate(zip(clean, cases, strict=True))
    ]
    for name, head, line in (("t.csv", csv_header(), csv_line), ("t.jsonl", "", json_line)):
        path = folder / name
        path.write_text(
            head + "".join(line(r, d, Chromaprint.of(v)) for r, d, v in made), encoding="utf-8", newline=""
        )
        rows = list(read_fingerprints(path))
        assert [(row.recording, row.duration_s, row.fingerprint.values.tolist()) for row in rows] == made


def test_control_characters_in_names_become_spaces(tmp_path):
    line = json.dumps({"recording_id": "a", "title": "A\x1b[2J\nB", "fingerprint": [1]})
    assert read(tmp_path, line, "t.jsonl")[0].recording.title == "A [2J B"


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv: no such file"):
        list(read_fingerprints(tmp_path / "nothing.csv"))


def test_the_limit_of_the_csv_module_is_put_back(tmp_path):
    import csv

    before = csv.field_size_limit()
    long = encode(Chromaprint.of(list(range(60_000))))
    assert len(long) > before // 2
    rows = read(tmp_path, f'title,artist,duration,fingerprint\nA,X,9,"{",".join(map(str, range(60_000)))}"\n')
    assert len(rows[0].fingerprint) == 60_000
    assert csv.field_size_limit() == before
