"""The VRF on libsodium against plain whole-number arithmetic, and that against RFC 9381."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus import vrf
from linernotes.errors import VerificationError

_spec = importlib.util.spec_from_file_location("slow_vrf", Path(__file__).with_name("slow_vrf.py"))
assert _spec is not None
assert _spec.loader is not None
slow_vrf = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(slow_vrf)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc9381_vrf.json").read_text())
CASES = [
    (suite, vector)
    for suite, name in ((slow_vrf.TAI, vrf.SUITE), (slow_vrf.ELL2, "ECVRF-EDWARDS25519-SHA512-ELL2"))
    for vector in VECTORS[name]
]


@pytest.mark.parametrize(("suite", "vector"), CASES, ids=lambda case: str(case)[:20])
def test_the_twin_gives_the_vectors_of_the_rfc(suite: int, vector: dict[str, str]) -> None:
    public, alpha, proof = (bytes.fromhex(vector[name]) for name in ("pk", "alpha", "pi"))
    assert slow_vrf.encode(slow_vrf.encode_to_curve(suite, public, alpha)).hex() == vector["h"]
    assert slow_vrf.prove(suite, bytes.fromhex(vector["sk"]), alpha) == proof
    assert slow_vrf.verify(suite, public, alpha, proof).hex() == vector["beta"]


@settings(max_examples=8, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), alpha=st.binary(max_size=60))
def test_both_give_the_same(seed: bytes, alpha: bytes) -> None:
    key = vrf.VrfKey(seed)
    proof = key.prove(alpha)
    assert proof == slow_vrf.prove(slow_vrf.TAI, seed, alpha)
    assert slow_vrf.verify(slow_vrf.TAI, key.public, alpha, proof) == key.output(alpha)


@settings(max_examples=8, deadline=None)
@given(place=st.integers(0, 8 * 112 - 1))
def test_both_refuse_the_same(place: int) -> None:
    key = vrf.VrfKey(b"\x07" * 32)
    both = bytearray(key.public + key.prove(b"isrc"))
    both[place // 8] ^= 1 << place % 8
    public, proof = bytes(both[:32]), bytes(both[32:])
    with pytest.raises(VerificationError):
        vrf.verify(public, b"isrc", proof)
    with pytest.raises(slow_vrf.BadProof):
        slow_vrf.verify(slow_vrf.TAI, public, b"isrc", proof)
