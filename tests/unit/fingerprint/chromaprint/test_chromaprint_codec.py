"""The compressed form: what fpcalc printed is read and written to the letter, and any array survives."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint import codec
from linernotes.fingerprint.chromaprint.codec import decode, encode, from_bytes, to_bytes
from linernotes.fingerprint.chromaprint.prints import ITEM_S, Chromaprint, centre_s, n_items
from linernotes.fingerprint.chromaprint.simhash import simhash

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "chromaprint_fpcalc.json").read_text())

words = st.integers(0, 2**32 - 1)
alike = st.lists(st.integers(0, 31), max_size=30)  # bits flipped one after the other, as in music


@pytest.mark.parametrize("case", VECTORS["compressed"], ids=lambda case: str(case["values"]))
def test_small_fingerprints_have_the_published_bytes(case):
    fingerprint = Chromaprint.of(case["values"], case["algorithm"])
    assert to_bytes(fingerprint).hex() == case["bytes"]
    assert from_bytes(bytes.fromhex(case["bytes"])).values.tolist() == case["values"]


@pytest.mark.parametrize("case", VECTORS["files"], ids=lambda case: case["file"])
def test_strings_of_fpcalc_are_written_back_to_the_letter(case):
    fingerprint = decode(case["fingerprint"])
    assert fingerprint.algorithm == 1
    assert encode(fingerprint) == case["fingerprint"]


def test_a_string_of_fpcalc_holds_the_numbers_that_fpcalc_prints():
    assert decode(VECTORS["files"][0]["fingerprint"]).values.tolist() == VECTORS["raw"]
    assert decode(VECTORS["trimmed"]).algorithm == 3


@given(st.lists(words, max_size=60), st.integers(0, 255))
def test_any_numbers_survive(values, algorithm):
    found = decode(encode(Chromaprint.of(values, algorithm)))
    assert found.values.tolist() == values
    assert found.algorithm == algorithm
    assert found.values.dtype == np.uint32


@given(words, alike)
def test_neighbours_that_differ_in_one_bit_survive_and_take_few_bytes(first, flips):
    values = np.bitwise_xor.accumulate([first, *(1 << bit for bit in flips)])
    data = to_bytes(Chromaprint.of(values))
    assert from_bytes(data).values.tolist() == values.tolist()
    assert len(data) <= 4 + 13 + 20 + 1 + len(flips) * 11 / 8 + 1


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_and_what_is_read_has_the_promised_length(data):
    try:
        found = from_bytes(data)
    except InputError:
        return
    assert len(found) == int.from_bytes(data[1:4], "big")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InputError):
        decode(text)


def test_padding_and_outer_space_are_allowed():
    assert decode(" AAAAAQE=\n").values.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("AQAA+Q", "URL-safe"),
        ("AQAA", "3 bytes"),
        ("AQAAAg", "cut off"),
        ("AQAAAQ", "cut off"),
        ("AAAAAQEB", "follow its end"),
        ("AQAAZZZZ", "cut off"),
        ("fingerprint with words", "URL-safe"),
        ("ä", "URL-safe"),
    ],
)
def test_malformed_strings_are_named(text, word):
    with pytest.raises(InputError, match=word):
        decode(text)


def test_a_cut_exception_list_is_named():
    whole = to_bytes(Chromaprint.of([256], 0))
    with pytest.raises(InputError, match="holds 5 bytes of 6"):
        from_bytes(whole[:-1])


def test_a_bit_beyond_32_is_named():
    gaps = np.array([7, 7, 0], np.uint8)
    data = bytes([1, 0, 0, 1]) + codec._pack(gaps, 3) + codec._pack(np.array([20, 20], np.uint8), 5)
    with pytest.raises(InputError, match="beyond 32"):
        from_bytes(data)


def test_a_long_wrong_string_is_shown_in_part():
    with pytest.raises(InputError) as refused:
        decode("!" * 5000)
    assert len(str(refused.value)) < 200


def test_numbers_that_do_not_fit_are_refused():
    for values in ([1 << 32], [-(1 << 31) - 1], [-1, 1 << 31], [10**30]):
        with pytest.raises(InputError, match=r"32-bit|whole numbers"):
            Chromaprint.of(values)
    with pytest.raises(InputError, match="whole numbers"):
        Chromaprint.of([0.5])
    with pytest.raises(InputError, match="0 to 255"):
        Chromaprint.of([1], 256)
    with pytest.raises(InputError, match="row of uint32"):
        Chromaprint(np.zeros((2, 2), np.uint32))


def test_an_empty_fingerprint_survives():
    assert encode(Chromaprint.of([])) == "AQAAAA"
    assert len(decode("AQAAAA")) == 0
    assert Chromaprint.of([]).duration_s == 0
    assert simhash(Chromaprint.of([])) == 0


def test_times_follow_from_the_settings():
    assert n_items(4096 + 18 * 1365) == 0
    assert n_items(4096 + 19 * 1365) == 1
    assert n_items(10) == 0
    assert centre_s(2) - centre_s(1) == pytest.approx(ITEM_S)
