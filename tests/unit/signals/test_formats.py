"""Telling a file's kind, reading it, and never anything but a clear error."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import InputError, LinernotesError
from linernotes.signals.attribution_assertion import json_schema, parse_attribution
from linernotes.signals.formats import FORMATS, read_signal
from linernotes.signals.kinds import KINDS, kind_of
from linernotes.signals.locations import holding_at
from linernotes.signals.origin import Origin
from linernotes.signals.wire import json_of, text_of, xml_of

ROOT = Path(__file__).parents[2]
DDEX = ROOT / "vectors" / "ddex"
SAMPLES = {
    "robots": b"User-agent: *\nDisallow: /a\nContent-Usage: /b train-ai=n\nLicense: https://a.org/l.xml",
    "content-usage": b"train-ai=n;x=1, search=y",
    "http-head": b"HTTP/1.1 200 OK\r\nContent-Usage: train-ai=n\r\ntdm-reservation: 1\r\n\r\n",
    "tdmrep": b'[{"location": "/a/*", "tdm-reservation": 1}]',
    "tdmrep-html": b'<!doctype html><meta name="tdm-reservation" content="1">',
    "rsl": b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license><permits type="usage">ai-train'
    b'</permits><payment type="royalty"><amount currency="USD">1</amount></payment></license></content></rsl>',
    "cawg": b'{"entries": {"cawg.ai_training": {"use": "constrained", "constraint_info": "x"}}}',
    "c2pa-report": b'{"active_manifest": "m", "manifests": {"m": {"assertions": [{"label": "cawg.training-mining", '
    b'"data": {"entries": {"cawg.ai_training": {"use": "allowed"}}}}]}}, "validation_state": "Valid"}',
    "tdm-ai": b'{"iscc": "ISCC:KACT4EBWK27737D2", "all": "false"}',
    "ddex-ern": (DDEX / "ern_432_single.xml").read_bytes(),
    "ddex-rin": (DDEX / "rin_21_session.xml").read_bytes(),
}


def test_every_kind_has_a_sample():
    assert set(SAMPLES) == set(FORMATS) == set(KINDS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_kind_is_told_from_the_content(kind):
    assert kind_of(SAMPLES[kind], "file.dat") == kind
    reading = read_signal(SAMPLES[kind], Origin(name="file.dat", target="rain"))
    json.dumps(reading.as_json(), allow_nan=False)
    assert reading.imported.registry.consents or kind.startswith("ddex")


def test_utf16_messages_are_read():
    text = SAMPLES["ddex-ern"].decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert read_signal(text.encode("utf-16"), Origin(name="m.xml")).kind == "ddex-ern"


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b"[]", b"<svg/>", b"\xff\xfe\x00", b"a=b\nc=d\n"])
def test_what_is_of_no_kind(data):
    with pytest.raises(InputError, match="--kind"):
        kind_of(data, "x")


def test_files_speak_for_their_own_site_only():
    origin = Origin(name="tdmrep.json", target="http://a.org/")
    assert holding_at("tdmrep", SAMPLES["tdmrep"], "https://a.org/a/x", origin)  # http and https are one
    assert not holding_at("tdmrep", SAMPLES["tdmrep"], "https://b.org/a/x", origin)
    assert not holding_at("tdmrep", SAMPLES["tdmrep"], "https://a.org/z", origin)


def test_a_head_speaks_for_its_own_address_only():
    origin = Origin(name="h", target="https://a.org/x.wav")
    assert holding_at("http-head", SAMPLES["http-head"], "https://a.org/x.wav", origin)
    assert not holding_at("http-head", SAMPLES["http-head"], "https://a.org/y.wav", origin)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"a\\u0000": 1}',
        "[" * 200 + "]" * 200,
        "[" * 9999,
    ],
)
def test_json_that_is_refused(text):
    with pytest.raises(InputError):
        json_of(text, "file")


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 200 + b"</a>" * 200,
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a",
        b"",
        b"\x00",
    ],
)
def test_xml_that_is_refused(data):
    with pytest.raises(InputError):
        xml_of(data, "file")


def test_limits_are_kept():
    with pytest.raises(InputError, match="1000003 tags"):
        xml_of(b"<a>" + b"<b/>" * 1_000_001 + b"</a>", "file")
    with pytest.raises(InputError, match="at most 10"):
        text_of(b"x" * 11, "file", 10)
    with pytest.raises(InputError, match="not UTF-8 at byte 1"):
        text_of(b"a\xff", "file")


edits = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 12), st.binary(max_size=12)), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), edits)
def test_edited_files_are_read_or_refused(kind, changes):
    data = SAMPLES[kind]
    for place, n_gone, put in changes:
        place %= len(data) + 1
        data = data[:place] + put + data[place + n_gone :]
    origin = Origin(name="f", target="https://a.org/a/x")
    with suppress(LinernotesError):
        json.dumps(read_signal(data, origin, kind).as_json(), allow_nan=False).encode()
    with suppress(LinernotesError):
        holding_at(kind, data, "https://a.org/a/x", origin)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)), st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode))
)
def test_any_bytes_are_read_or_refused(kind, data):
    for way in (kind, "auto"):
        with suppress(LinernotesError):
            read_signal(data, Origin(name="f", target="rain"), way)
    with suppress(LinernotesError):
        parse_attribution(data)


def test_the_schema_in_the_manual_is_the_one_in_the_program():
    manual = (ROOT.parent / "docs" / "methods" / "attribution-assertion.schema.json").read_text()
    assert json.loads(manual) == json_schema()
