"""The keyed map against one recursive function, whole and cut into buckets."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus.keyed_map import MapProof, value_of, verify_map_proof
from linernotes.corpus.map_buckets import KeyedMap, make_bucket, map_of, read_bucket, write_bucket
from linernotes.errors import VerificationError

_spec = importlib.util.spec_from_file_location(
    "slow_keyed_map", Path(__file__).with_name("slow_keyed_map.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

# few distinct leading bytes and long shared beginnings: deep trees with many empty subtrees
positions_near = st.builds(
    lambda head, tail: (bytes(head) + bytes(32))[:31] + bytes([tail]),
    st.lists(st.sampled_from([0, 1, 128, 255]), max_size=31),
    st.integers(0, 255),
)
positions_any = st.one_of(st.binary(min_size=32, max_size=32), positions_near)
keys = st.lists(st.tuples(positions_any, st.integers(0, 4)), min_size=1, max_size=24)
COMMITMENTS = np.frombuffer(b"".join(hashlib.sha256(bytes([i])).digest() for i in range(5)), np.uint8)
COMMITMENTS = COMMITMENTS.reshape(5, 32)


def leaves_of(pairs: list[tuple[bytes, int]]) -> dict[bytes, bytes]:
    owners: dict[bytes, set[int]] = {}
    for position, owner in pairs:
        owners.setdefault(position, set()).add(owner)
    return {p: value_of(COMMITMENTS[i].tobytes() for i in some) for p, some in owners.items()}


def arrays(pairs: list[tuple[bytes, int]]) -> tuple[np.ndarray, np.ndarray]:
    positions = np.frombuffer(b"".join(p for p, _ in pairs), np.uint8).reshape(-1, 32)
    return positions, np.array([owner for _, owner in pairs], np.uint32)


def in_buckets(pairs: list[tuple[bytes, int]], n_bits: int) -> KeyedMap:
    buckets = []
    for number in range(1 << n_bits):
        part = [pair for pair in pairs if int.from_bytes(pair[0], "big") >> (256 - n_bits) == number]
        buckets.append(make_bucket(*arrays(part), COMMITMENTS, n_bits) if part else None)
    tops = [(len(b.tree), b.tree.top()) if b else (0, bytes(32)) for b in buckets]
    return KeyedMap(tops, lambda number: buckets[number])


@settings(max_examples=150, deadline=None)
@given(pairs=keys, asked=positions_any, n_bits=st.sampled_from([0, 1, 3, 8]))
def test_root_and_proofs_are_those_of_the_twin(
    pairs: list[tuple[bytes, int]], asked: bytes, n_bits: int
) -> None:
    leaves = leaves_of(pairs)
    tree = in_buckets(pairs, n_bits) if n_bits else map_of(make_bucket(*arrays(pairs), COMMITMENTS))
    assert tree.root == oracle.root(leaves)
    assert len(tree) == len(leaves)
    for position in {asked, pairs[0][0]}:
        found = tree.find(position)
        assert found.proof.present == (position in leaves)
        assert list(found.proof.siblings) == oracle.siblings(leaves, position)
        verify_map_proof(position, found.proof, tree.root)
        assert set(found.owners) == {owner for p, owner in pairs if p == position}


@settings(max_examples=100, deadline=None)
@given(pairs=keys, n_left_out=st.integers(0, 5))
def test_nobody_can_show_absence_of_what_is_there(pairs: list[tuple[bytes, int]], n_left_out: int) -> None:
    leaves = leaves_of(pairs)
    root = oracle.root(leaves)
    position = pairs[0][0]
    way = oracle.siblings(leaves, position)
    shorter = tuple(way[: max(len(way) - n_left_out, 0)])
    lies = [MapProof(shorter), MapProof((*way, bytes(32)))]
    lies += [MapProof(shorter, other=leaf) for leaf in leaves.items()]
    lies += [MapProof(shorter, value=bytes(32)), MapProof(tuple(way), value=b"short")]
    for lie in lies:
        if lie.value != leaves[position]:
            with pytest.raises(VerificationError):
                verify_map_proof(position, lie, root)


def test_a_bucket_file_reads_back(tmp_path: Path) -> None:
    pairs = [(hashlib.sha256(bytes([i])).digest(), i % 5) for i in range(200)]
    bucket = make_bucket(*arrays(pairs), COMMITMENTS)
    write_bucket(tmp_path / "00.bucket", bucket)
    again = read_bucket(tmp_path / "00.bucket", 0)
    assert again.tree.top() == bucket.tree.top() == oracle.root(leaves_of(pairs))
    tree = KeyedMap([(len(again.tree), again.tree.top())], lambda _number: again)
    for position, owner in pairs:
        assert tree.find(position).owners == (owner,)
