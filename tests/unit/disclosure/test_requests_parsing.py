"""What comes from outside: tables of works and private request files."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.disclosure.requests import MAX_WORKS, AskedWork, Request, parse_works
from linernotes.errors import InputError
from linernotes.workflows.requests_table import read_works

WORK = AskedWork(label="rain", codes={"isrc": ("GBAYE6900001",)})


def request(**changes):
    given_ = {
        "requester": "Ada",
        "contact": "ada@example.org",
        "authority": "owner",
        "statement": "I swear.",
        "works": (WORK,),
        "salt": "ab" * 32,
    }
    return Request(**given_ | changes)


def test_a_table_of_works():
    works = parse_works(
        "﻿Label,ISRC,iswc,file\nrain,GBAYE6900001; GBAYE6900002,,\n,,T-034.524.680-1,a.wav\n\n"
    )
    assert works[0].codes == {"isrc": ("GBAYE6900001", "GBAYE6900002")}
    assert (works[1].label, works[1].file) == ("work 2", "a.wav")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("label,isrc\n", "no row"),
        ("label,colour\nrain,blue\n", "unknown or double"),
        ("isrc,isrc\nA,B\n", "unknown or double"),
        ("label,isrc\nrain\n", "has 1 cells"),
        ("label,isrc\nrain,\n", "no key"),
        ("label,isrc\nrain,;;\n", "no key"),
        ('label,isrc\n"rain,x\n', "not readable"),
        ("label\0,isrc\nrain,x\n", "NUL"),
        ("isrc\n" + "x\n" * (MAX_WORKS + 1), "at most"),
        (f"label,isrc\n{'x' * 1001},y\n", "at most 1000"),
    ],
)
def test_a_bad_table_gives_one_clear_error(text, says):
    with pytest.raises(InputError, match=says):
        parse_works(text)


@given(st.text(max_size=200) | st.text(alphabet='label,isrc;\n\r"x ', max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        works = parse_works(text)
    except InputError:
        return
    assert all(work.codes or work.file or work.fingerprint for work in works)


def test_a_request_is_read_as_it_was_written_and_no_other_way():
    made = request(evidence=("registration 7",))
    assert Request.from_bytes(made.to_bytes()) == made
    assert made.request_id == made.sha256[:16]
    assert made.salted("Ada") != request(salt="cd" * 32).salted("Ada")
    fields = json.loads(made.to_bytes())
    for data in (
        json.dumps(fields).encode(),
        made.to_bytes()[:-1],
        b"",
        b"[]",
        b"\xff",
        json.dumps({}).encode(),
    ):
        with pytest.raises(InputError, match=r"damaged|not written by"):
            Request.from_bytes(data)


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_requests_are_refused(noise, at):
    data = request().to_bytes()
    bent = data[:at] + noise + data[at + len(noise) :]
    if bent != data:
        with contextlib.suppress(InputError):
            assert Request.from_bytes(bent).to_bytes() == bent


@pytest.mark.parametrize(
    "wrong",
    [
        {"requester": ""},
        {"contact": " "},
        {"statement": "x" * 20_001},
        {"authority": "king"},
        {"works": ()},
        {"works": (WORK, WORK)},
        {"salt": "short"},
        {"statement": "\ud800"},
        {"evidence": ("\0",)},
    ],
)
def test_what_is_no_request_is_refused(wrong):
    with pytest.raises(InputError, match="request: "):
        request(**wrong)


def test_a_work_needs_a_key_and_known_codes():
    with pytest.raises(InputError, match="no key"):
        AskedWork(label="a")
    with pytest.raises(InputError, match="expected isrc"):
        AskedWork(label="a", codes={"colour": ("x",)})
    with pytest.raises(InputError, match="damaged"):
        AskedWork.from_json({"label": "a"})


def test_a_table_is_read_from_a_file(tmp_path):
    (tmp_path / "w.csv").write_text("label,file\nrain,a.wav\n")
    assert read_works(tmp_path / "w.csv")[0].file == str(tmp_path / "a.wav")
    (tmp_path / "bad.csv").write_bytes(b"label,isrc\n\xff,x\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_works(tmp_path / "bad.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_works(tmp_path / "no.csv")
