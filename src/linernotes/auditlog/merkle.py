"""Merkle tree of RFC 6962: one hash that commits to a whole list, and short proofs about it.

A leaf is hashed as ``SHA-256(0x00 || data)`` and an inner node as ``SHA-256(0x01 || left || right)``,
so that no leaf can pass for a node. The tree over n leaves splits at the largest power of two below
n. An *inclusion proof* shows that one leaf is in the tree of a given root; a *consistency proof*
shows that an older tree is a prefix of a newer one, that is: nothing was changed or removed.

Conventions
-----------
Hashes are 32 raw bytes. Indices start at 0. ``nodes(level, index)`` gives the hash of the *complete*
subtree over the leaves ``[index << level, (index + 1) << level)``; level 0 holds the leaf hashes.
The root of the empty tree is SHA-256 of nothing.

Cost
----
A proof holds at most about log2(n) hashes; making one reads O(log² n) stored nodes.

References
----------
RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2 (the verifying loops).

Known limits
------------
A root fixes the list, not the truth of what the list says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

from linernotes.errors import InputError, VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Nodes = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf, ``SHA-256(0x00 || data)`` [32 bytes].

    Examples
    --------
    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, ``SHA-256(0x01 || left || right)`` [32 bytes]."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def range_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """Return the hash of the subtree over the leaves [start, end), start being where a subtree begins."""
    parts, position = [], start
    for level in reversed(range((end - start).bit_length())):
        if (end - start) >> level & 1:
            parts.append(nodes(level, position >> level))
            position += 1 << level
    digest = parts.pop()
    while parts:
        digest = node_hash(parts.pop(), digest)
    return digest


def tree_root(nodes: Nodes, size: int) -> bytes:
    """Return the root of the tree over the first *size* leaves."""
    return range_hash(nodes, 0, size) if size else EMPTY_ROOT


def prove_inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Return the sibling hashes from leaf *index* up to the root of the tree of *size* leaves.

    Raises
    ------
    InputError
        If *index* is not in [0, size).
    """
    if not 0 <= index < size:
        raise InputError(f"leaf index {index}: the tree has {size} leaves, expected 0 <= index < {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_hash(nodes, middle, end))
            end = middle
        else:
            proof.append(range_hash(nodes, start, middle))
            start = middle
    return proof[::-1]


def prove_consistency(nodes: Nodes, old_size: int, new_size: int) -> list[bytes]:
    """Return the hashes that show the tree of *old_size* leaves to be a prefix of that of *new_size*.

    Raises
    ------
    InputError
        If *old_size* is negative or above *new_size*.
    """
    if not 0 <= old_size <= new_size:
        raise InputError(f"old size {old_size}: expected 0 <= old size <= {new_size}, the new size")
    if old_size in (0, new_size):
        return []
    proof: list[bytes] = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(range_hash(nodes, middle, end))
            end = middle
        else:
            proof.append(range_hash(nodes, start, middle))
            start = middle
    if start:  # the old tree ends inside: its last subtree is not a root that the verifier already holds
        proof.append(range_hash(nodes, start, end))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash *leaf* stands at *index* in the tree of *size* leaves with *root*.

    Raises
    ------
    VerificationError
        If it does not.

    Examples
    --------
    >>> tree = Tree([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")])
    >>> verify_inclusion(leaf_hash(b"b"), 1, 3, tree.inclusion(1), tree.root())
    """
    if not 0 <= index < size:
        raise VerificationError(f"inclusion proof: leaf index {index} is outside a tree of {size} leaves")
    _check_lengths("inclusion proof", [leaf, root, *proof])
    first, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError(
                f"inclusion proof: {len(proof)} hashes are too many for a tree of {size} leaves"
            )
        if first & 1 or first == last:
            digest = node_hash(sibling, digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise VerificationError(
            f"inclusion proof: {len(proof)} hashes are too few for a tree of {size} leaves"
        )
    if not hmac.compare_digest(digest, root):
        raise VerificationError(
            f"inclusion proof: leads to root {digest.hex()}, the signed root is {root.hex()}"
        )


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree (*old_size*, *old_root*) is a prefix of the tree (*new_size*, *new_root*).

    Raises
    ------
    VerificationError
        If it is not: an entry was changed or removed, or the log was rolled back.
    """
    if not 0 <= old_size <= new_size:
        raise VerificationError(f"the log has {new_size} entries and once had {old_size}: it was rolled back")
    _check_lengths("consistency proof", [old_root, new_root, *proof])
    if old_size in (0, new_size):
        if proof:
            raise VerificationError(f"consistency proof: {len(proof)} hashes where none is needed")
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if not hmac.compare_digest(old_root, expected):
            raise VerificationError(f"two roots for the same {old_size} entries: the log was rewritten")
        if new_size == 0 and not hmac.compare_digest(new_root, EMPTY_ROOT):
            raise VerificationError("the root of an empty log is not SHA-256 of nothing")
        return
    from_old, from_new = _fold_consistency(old_size, new_size, old_root, proof)
    if not (hmac.compare_digest(from_old, old_root) and hmac.compare_digest(from_new, new_root)):
        raise VerificationError(
            f"consistency proof: the first {old_size} of {new_size} entries are not the ones once signed"
        )


class Tree:
    """A Merkle tree in memory, for lists that fit there.

    Parameters
    ----------
    leaves : sequence of bytes
        Leaf *hashes*, each from `leaf_hash`.

    Examples
    --------
    >>> tree = Tree([leaf_hash(bytes([i])) for i in range(5)])
    >>> len(tree), len(tree.inclusion(2)), len(tree.consistency(3))
    (5, 3, 4)
    """

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        for level, digest in enumerate(completed_nodes(self.node, len(self), leaf)):
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(digest)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of one complete subtree."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first *size* leaves, over all by default."""
        return tree_root(self.node, len(self) if size is None else size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the inclusion proof of leaf *index* in the tree of the first *size* leaves."""
        return prove_inclusion(self.node, index, len(self) if size is None else size)

    def consistency(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """Return the proof that the first *old_size* leaves are a prefix."""
        return prove_consistency(self.node, old_size, len(self) if new_size is None else new_size)


def completed_nodes(nodes: Nodes, index: int, leaf: bytes) -> list[bytes]:
    """Return the hashes of the subtrees that leaf *index* completes, level 0 (the leaf itself) first.

    Over all leaves in turn this gives every complete subtree once.
    """
    completed = [leaf]
    while index >> (level := len(completed) - 1) & 1:
        completed.append(node_hash(nodes(level, (index >> level) - 1), completed[-1]))
    return completed


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def _check_lengths(what: str, hashes: Sequence[bytes]) -> None:
    for digest in hashes:
        if len(digest) != HASH_BYTES:
            raise VerificationError(f"{what}: a hash of {len(digest)} bytes, expected {HASH_BYTES}")


def _fold_consistency(
    old_size: int, new_size: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    # An old tree of 2**k leaves is itself a subtree of the new one, and its proof leaves it out.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        raise VerificationError("consistency proof: empty")
    first, last = old_size - 1, new_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError(f"consistency proof: {len(proof)} hashes are too many")
        if first & 1 or first == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise VerificationError(f"consistency proof: {len(proof)} hashes are too few")
    return from_old, from_new
