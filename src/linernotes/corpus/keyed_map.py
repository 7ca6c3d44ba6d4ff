r"""A compact keyed Merkle map: what its hashes are, and how one answer about one position is checked.

Idea
----
A map holds values at 256-bit positions. Think of the complete binary tree in which bit 0 (the highest) of a
position says left or right at the root, bit 1 at the next node, and so on. A subtree without any leaf is
*empty*; one with a single leaf *is* that leaf, however high it stands; all others are nodes::

    empty = 32 zero bytes
    leaf  = SHA-256(0x10 ‖ position ‖ value)
    node  = SHA-256(0x11 ‖ left ‖ right)
    value = SHA-256(0x12 ‖ commitment ‖ … ‖ commitment)         (in ascending order, each once)

An answer walks from the root along the bits of the position. It ends at the position's own leaf (present),
at an empty subtree, or at another leaf that begins with the same bits (absent both). As the three kinds of
hash cannot stand for one another, the walk ends in one way only: whoever made the tree, and however he built
it, cannot show both presence and absence of one position under one root.

Conventions
-----------
``siblings`` go from the root downward, 32 bytes each. This module needs nothing but the standard library.

References
----------
Merkle (1987), "A digital signature based on a conventional encryption function"; Dahlberg, Pulls, Peeters
(2016), "Efficient sparse Merkle trees"; Melara et al. (2015), "CONIKS" (positions from a VRF); Amsden et al.
(2019), "The Libra blockchain" (collapsing subtrees with one leaf).

Known limits
------------
A map shows what was entered. What its maker left out is absent, and the proof of that is valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from linernotes.errors import VerificationError

HASH_BYTES = 32
POSITION_BITS = 256
EMPTY = bytes(HASH_BYTES)
_LEAF, _NODE, _VALUE = b"\x10", b"\x11", b"\x12"


@dataclass(frozen=True, slots=True)
class MapProof:
    """Where the walk along a position ends, and the hashes beside the way.

    Parameters
    ----------
    siblings : tuple of bytes
        From the root downward; `EMPTY` where nothing stands beside the way.
    value : bytes, optional
        Value at the position; None when it is absent.
    other : (bytes, bytes), optional
        Position and value of the other leaf at which the way ends; None when it ends at the position's own
        leaf or at an empty subtree.
    """

    siblings: tuple[bytes, ...]
    value: bytes | None = None
    other: tuple[bytes, bytes] | None = None

    @property
    def present(self) -> bool:
        """Whether the position holds a value."""
        return self.value is not None


def leaf_hash(position: bytes, value: bytes) -> bytes:
    """Return the hash of a leaf.

    Examples
    --------
    >>> leaf_hash(bytes(32), bytes(32)).hex()[:8]
    'fc41b6ea'
    """
    return hashlib.sha256(_LEAF + position + value).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two subtrees."""
    return hashlib.sha256(_NODE + left + right).digest()


def value_of(commitments: Iterable[bytes]) -> bytes:
    """Return the value that stands for the items under one key."""
    return hashlib.sha256(_VALUE + b"".join(sorted(set(commitments)))).digest()


def bit(position: bytes, depth: int) -> int:
    r"""Return one bit of a position, the highest first.

    Examples
    --------
    >>> [bit(b"\xa0" + bytes(31), depth) for depth in range(4)]
    [1, 0, 1, 0]
    """
    return position[depth >> 3] >> (7 - (depth & 7)) & 1


def root_of(position: bytes, proof: MapProof) -> bytes:
    """Return the root that a proof leads to.

    Raises
    ------
    VerificationError
        If the proof is longer than a position, or shows a leaf that does not lie on the way.
    """
    depth = len(proof.siblings)
    if depth > POSITION_BITS or any(len(sibling) != HASH_BYTES for sibling in proof.siblings):
        raise VerificationError(f"map proof: a way of {depth} steps; expected at most {POSITION_BITS} hashes")
    found = _end_of_way(position, proof, depth)
    for step in range(depth - 1, -1, -1):
        sibling = proof.siblings[step]
        found = node_hash(sibling, found) if bit(position, step) else node_hash(found, sibling)
    return found


def verify_map_proof(position: bytes, proof: MapProof, root: bytes) -> None:
    """Check that the map of a root answers so about a position.

    Raises
    ------
    VerificationError
        If it does not.

    Examples
    --------
    >>> verify_map_proof(bytes(32), MapProof((), value=bytes(32)), leaf_hash(bytes(32), bytes(32)))
    >>> verify_map_proof(bytes(32), MapProof(()), leaf_hash(bytes(32), bytes(32)))
    Traceback (most recent call last):
    linernotes.errors.VerificationError: map proof: leads to root 000000000000…, the map has fc41b6eae4ac…
    """
    found = root_of(position, proof)
    if found != root:
        raise VerificationError(
            f"map proof: leads to root {found.hex()[:12]}…, the map has {root.hex()[:12]}…"
        )


def _end_of_way(position: bytes, proof: MapProof, depth: int) -> bytes:
    if proof.value is not None:
        if proof.other is not None or len(proof.value) != HASH_BYTES:
            raise VerificationError("map proof: needs one value of 32 bytes and no other leaf")
        return leaf_hash(position, proof.value)
    if proof.other is None:
        return EMPTY
    other, value = proof.other
    if len(other) != HASH_BYTES or len(value) != HASH_BYTES or other == position:
        raise VerificationError("map proof: the other leaf is malformed, or stands at the position asked for")
    shift = POSITION_BITS - depth
    if int.from_bytes(other, "big") >> shift != int.from_bytes(position, "big") >> shift:
        raise VerificationError("map proof: the other leaf does not lie on the way to the position asked for")
    return leaf_hash(other, value)
