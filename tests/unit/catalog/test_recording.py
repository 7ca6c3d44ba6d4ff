import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.catalog.recording import Recording, slug, unique_ids
from linernotes.errors import InputError


def test_recording_survives_json():
    recording = Recording(recording_id="r", title="T", artist="A", isrc="x", tags=("a", "b"))
    assert Recording.from_json(recording.as_json()) == recording


def test_recording_from_json_names_what_is_missing():
    with pytest.raises(InputError, match=r"missing \['artist'\]"):
        Recording.from_json({"recording_id": "r", "title": "T"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café (Live) 2", "cafe-live-2"),
        ("雨 の歌", "雨-の歌"),
        ("한국", "한국"),
        ("__", "untitled"),
        ("Straße", "strasse"),
    ],
)
def test_slug(text, expected):
    assert slug(text) == expected


@given(st.text(max_size=30))
def test_slug_is_stable_under_unicode_form_and_repetition(text):
    assert slug(unicodedata.normalize("NFC", text)) == slug(unicodedata.normalize("NFD", text))
    assert slug(text) != ""


@given(st.lists(st.from_regex(r"[ab]/[xyXY ]{1,2}\.(wav|ogg)", fullmatch=True), max_size=12))
def test_ids_are_unique_and_do_not_depend_on_order(paths):
    ids = unique_ids(paths)
    assert len(set(ids.values())) == len(set(paths))
    assert unique_ids(reversed(paths)) == ids


def test_a_name_that_looks_like_a_made_up_id_still_gets_its_own():
    clash = unique_ids(["a/x.wav", "b/x.wav"])["a/x.wav"]
    ids = unique_ids(["a/x.wav", "b/x.wav", f"{clash}.wav"])
    assert len(set(ids.values())) == 3
