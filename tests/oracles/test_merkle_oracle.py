"""The tree of RFC 6962 as its text defines it, recursively over lists, against the fast one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.auditlog.merkle import (
    Tree,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from linernotes.errors import VerificationError


def mth(data: list[bytes]) -> bytes:
    """Merkle Tree Hash, RFC 6962 section 2.1."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = largest_power_below(len(data))
    return hashlib.sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: list[bytes]) -> list[bytes]:
    """Merkle audit path, section 2.1.1."""
    if len(data) == 1:
        return []
    k = largest_power_below(len(data))
    if m < k:
        return [*path(m, data[:k]), mth(data[k:])]
    return [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m: int, data: list[bytes], whole: bool) -> list[bytes]:
    """Merkle consistency proof, section 2.1.2."""
    if m == len(data):
        return [] if whole else [mth(data)]
    k = largest_power_below(len(data))
    if m <= k:
        return [*subproof(m, data[:k], whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], False), mth(data[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


@pytest.mark.parametrize("size", range(1, 34))
def test_fast_tree_agrees_with_the_recursive_one(size):
    data = [bytes([i]) * i for i in range(size)]
    tree = Tree([leaf_hash(one) for one in data])
    assert tree.root() == mth(data)
    for index in range(size):
        proof = tree.inclusion(index)
        assert proof == path(index, data)
        verify_inclusion(leaf_hash(data[index]), index, size, proof, mth(data))
    for old in range(1, size + 1):
        proof = tree.consistency(old)
        assert proof == subproof(old, data, True)
        verify_consistency(old, size, mth(data[:old]), mth(data), proof)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 40), st.data())
def test_nothing_but_the_right_statement_verifies(size, data):
    leaves = [leaf_hash(bytes([i])) for i in range(size)]
    tree = Tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof, root = tree.inclusion(index), tree.root()
    other_index = data.draw(st.integers(-1, size + 1).filter(lambda i: i != index))
    other_proof = corrupt(proof, data)
    for leaf, i, hashes, head in (
        (leaf_hash(b"other"), index, proof, root),
        (leaves[index], other_index, proof, root),
        (leaves[index], index, other_proof, root),
        (leaves[index], index, proof, leaf_hash(root)),
    ):
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, i, size, hashes, head)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 40), st.data())
def test_no_other_history_passes_for_the_same(size, data):
    tree = Tree([leaf_hash(bytes([i])) for i in range(size)])
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    fork = Tree([leaf_hash(bytes([i]) if i != changed else b"forged") for i in range(size)])
    with pytest.raises(VerificationError):
        verify_consistency(old, size, tree.root(old), fork.root(), fork.consistency(old))
    with pytest.raises(VerificationError):
        verify_consistency(old, size, tree.root(old), tree.root(), corrupt(tree.consistency(old), data))
    with pytest.raises(VerificationError):
        verify_consistency(size, old - 1, tree.root(), tree.root(old - 1), [])


def corrupt(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """Flip a bit of one hash, drop one, or add one."""
    how = data.draw(st.sampled_from(["flip", "drop", "add"] if proof else ["add"]))
    where = data.draw(st.integers(0, max(len(proof) - 1, 0)))
    if how == "add":
        return [*proof[:where], bytes(32), *proof[where:]]
    if how == "drop":
        return proof[:where] + proof[where + 1 :]
    flipped = bytes([proof[where][0] ^ 1]) + proof[where][1:]
    return [*proof[:where], flipped, *proof[where + 1 :]]
