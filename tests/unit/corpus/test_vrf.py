"""The VRF against the vectors of RFC 9381, and what it must refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus import vrf
from linernotes.errors import InputError, VerificationError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc9381_vrf.json").read_text())[vrf.SUITE]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"example-{vector['example']}")
def test_the_vectors_of_the_rfc(vector: dict[str, str]) -> None:
    key = vrf.VrfKey(bytes.fromhex(vector["sk"]))
    alpha = bytes.fromhex(vector["alpha"])
    assert key.public.hex() == vector["pk"]
    assert key.prove(alpha).hex() == vector["pi"]
    assert key.output(alpha).hex() == vector["beta"]
    assert vrf.verify(key.public, alpha, bytes.fromhex(vector["pi"])).hex() == vector["beta"]


KEY = vrf.VrfKey(b"\x07" * 32)


@settings(max_examples=30, deadline=None)
@given(alpha=st.binary(max_size=80), place=st.integers(0, 8 * 80 - 1))
def test_one_flipped_bit_is_refused(alpha: bytes, place: int) -> None:
    proof = KEY.prove(alpha)
    assert vrf.verify(KEY.public, alpha, proof) == KEY.output(alpha)
    flipped = bytearray(proof)
    flipped[place // 8] ^= 1 << place % 8
    with pytest.raises(VerificationError):
        vrf.verify(KEY.public, alpha, bytes(flipped))


def test_another_key_and_another_input_are_refused() -> None:
    proof = KEY.prove(b"isrc")
    with pytest.raises(VerificationError, match="not of this key and this input"):
        vrf.verify(vrf.VrfKey(b"\x08" * 32).public, b"isrc", proof)
    with pytest.raises(VerificationError, match="not of this key and this input"):
        vrf.verify(KEY.public, b"iswc", proof)


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),  # a point of order four
        b"\x01" + bytes(31),  # the neutral element
        b"\xec" + b"\xff" * 30 + b"\x7f",  # of order two
        b"\xee" + b"\xff" * 30 + b"\x7f",  # a second encoding of the neutral element
        b"\x02" + bytes(31),  # no point
        b"",
        KEY.public[:31],
    ],
)
def test_keys_that_are_no_keys(public: bytes) -> None:
    with pytest.raises(VerificationError):
        vrf.verify(public, b"isrc", KEY.prove(b"isrc"))


@pytest.mark.parametrize("response", [ORDER, 2**256 - 1, 0])
def test_scalars_out_of_range(response: int) -> None:
    proof = KEY.prove(b"isrc")[:48] + response.to_bytes(32, "little")
    with pytest.raises(VerificationError):
        vrf.verify(KEY.public, b"isrc", proof)


@settings(max_examples=200, deadline=None)
@given(public=st.binary(min_size=32, max_size=32), proof=st.binary(min_size=78, max_size=82))
def test_any_bytes_are_refused_politely(public: bytes, proof: bytes) -> None:
    for key in (public, KEY.public):
        with pytest.raises(VerificationError):
            vrf.verify(key, b"isrc", proof)


def test_a_seed_of_another_length() -> None:
    with pytest.raises(InputError, match="expected 32"):
        vrf.VrfKey(bytes(31))
