r"""A compact keyed Merkle map: what its hashes are, and how one answer about several keys is checked.

Idea
----
Every key has a *position*, 16 bytes that look random (`linernotes.corpus.lookup_keys`). The first bits of a position
say in which *bucket* it stands, the bytes after them what is written there::

    depth  = smallest d with n_keys <= 8 · 2^d            (n_keys stands in the header)
    bucket = the first d bits of the position
    tag    = position[8:13] in the exact map, position[8:11] in the sketch map
    entry  = tag                                                          (exact map, 5 bytes)
    entry  = tag ‖ (first 4 bytes of the item's commitment XOR position[11:15])   (sketch map, 7 bytes)

    leaf   = SHA-224(0x10 ‖ entry ‖ … ‖ entry)            of one bucket, ascending, each once
    node   = SHA-224(0x11 ‖ left ‖ right)                 over all 2^depth buckets in order; the top is the map's root

A bucket holds four to eight entries. Whether a key is there is read off its bucket: whoever shows the bucket shows all
of it, and the depth is fixed. So a root has one answer about each position, whoever built the tree and however. An
answer about several keys shows each bucket once, and each hash beside the ways that the buckets do not give.

A tag decides: a key that is not in the exact map looks as if it were with a chance of eight in 2^40, a sketch key
with eight in 2^24, far below what unrelated music shares.

Conventions
-----------
Buckets are numbered from the left. ``siblings`` are in the order in which the root is computed: level by level from
the buckets upward, from left to right. This module needs nothing but the standard library.

SHA-224 keeps a file of six answers below 4,096 bytes at a million recordings. Who wants two contents of one root must
find a collision (2^112 hashes) before he publishes it; afterwards only a second preimage helps (2^224).

References
----------
Merkle (1987), "A digital signature based on a conventional encryption function"; FIPS 180-4 (SHA-224); Melara et al.
(2015), "CONIKS" (positions from a VRF); RFC 6962 (order of hashes); Fan, Andersen, Kaminsky, Mitzenmacher (2014),
"Cuckoo filter" (short fingerprints in buckets).

Known limits
------------
A map shows what was entered. What its maker left out is absent, and the proof of that is valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from linernotes.errors import VerificationError

HASH_BYTES = 28
POSITION_BYTES = 16
HANDLE_BYTES = 4
BUCKET_KEYS = 8  # at most, on average
MAX_DEPTH = 48
EXACT_TAG, SKETCH_TAG = 5, 3
EXACT_WIDTH, SKETCH_WIDTH = EXACT_TAG, SKETCH_TAG + HANDLE_BYTES
_PREFIX_BYTES = 8
_LEAF, _NODE = b"\x10", b"\x11"


def depth_of(n_keys: int) -> int:
    """Return how many levels a map of so many keys has.

    Examples
    --------
    >>> [depth_of(n) for n in (0, 8, 9, 6_000_000)]
    [0, 0, 1, 20]
    """
    return max(-(-n_keys // BUCKET_KEYS) - 1, 0).bit_length()


def bucket_of(position: bytes, depth: int) -> int:
    """Return the number of the bucket of a position.

    Examples
    --------
    >>> bucket_of(bytes([0b10110000]) + bytes(15), 3)
    5
    """
    return int.from_bytes(position[:_PREFIX_BYTES], "big") >> (8 * _PREFIX_BYTES - depth)


def leaf_hash(entries: bytes) -> bytes:
    """Return the hash of a bucket.

    Examples
    --------
    >>> leaf_hash(b"").hex()[:8]
    '4220fa73'
    """
    return hashlib.sha224(_LEAF + entries).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha224(_NODE + left + right).digest()


def is_entered(position: bytes, entries: bytes) -> bool:
    """Tell whether the exact map's bucket holds a position."""
    tag = position[_PREFIX_BYTES : _PREFIX_BYTES + EXACT_TAG]
    return tag in split(entries, EXACT_WIDTH)


def handles_of(position: bytes, entries: bytes) -> list[bytes]:
    """Return the beginnings of the commitments of the items that stand under a position of the sketch map."""
    tag = position[_PREFIX_BYTES : _PREFIX_BYTES + SKETCH_TAG]
    return [
        masked(position, entry[SKETCH_TAG:])
        for entry in split(entries, SKETCH_WIDTH)
        if entry[:SKETCH_TAG] == tag
    ]


def masked(position: bytes, handle: bytes) -> bytes:
    """Return four bytes that only who knows the position can read; applied twice, they are as before."""
    start = _PREFIX_BYTES + SKETCH_TAG
    mask = position[start : start + HANDLE_BYTES]
    return bytes(one ^ other for one, other in zip(handle, mask, strict=True))


def split(entries: bytes, width: int) -> list[bytes]:
    """Return the entries of a bucket.

    Raises
    ------
    VerificationError
        If they are not whole, in order, and each there once.
    """
    found = [entries[i : i + width] for i in range(0, len(entries), width)]
    if len(entries) % width or found != sorted(set(found)):
        raise VerificationError("presence proof: the entries of a bucket are not whole, in order, each once")
    return found


def root_from(buckets: Mapping[int, bytes], siblings: Sequence[bytes], depth: int) -> bytes:
    """Return the root that some buckets and the hashes beside their ways lead to.

    Parameters
    ----------
    buckets : mapping of int to bytes
        Entries by bucket number.
    siblings : sequence of bytes
        Level by level from the buckets upward, from left to right.
    depth : int
        Levels of the map.

    Raises
    ------
    VerificationError
        If there are more or fewer hashes than the ways need, or one has another length.

    Examples
    --------
    >>> beside = leaf_hash(b"other")
    >>> root_from({0: b"entry"}, [beside], 1) == node_hash(leaf_hash(b"entry"), beside)
    True
    """
    level = {number: leaf_hash(buckets[number]) for number in sorted(buckets)}
    if not level or any(len(one) != HASH_BYTES for one in siblings):
        raise VerificationError("presence proof: shows no bucket, or a hash of another length")
    waiting = iter(siblings)
    for _ in range(depth):
        above: dict[int, bytes] = {}
        for number, found in level.items():
            if number >> 1 in above:
                continue  # done together with its left neighbour
            beside = level.get(number ^ 1)
            if beside is None and (beside := next(waiting, None)) is None:
                raise VerificationError("presence proof: a hash beside a way is missing")
            above[number >> 1] = node_hash(beside, found) if number & 1 else node_hash(found, beside)
        level = above
    if next(waiting, None) is not None or set(level) != {0}:
        raise VerificationError("presence proof: shows hashes that no way needs")
    return level[0]


def needed_siblings(buckets: Sequence[int], depth: int) -> list[tuple[int, int]]:
    """Return the hashes that an answer about buckets must show, as (depth, number), in their order.

    Examples
    --------
    >>> needed_siblings([0, 1, 6], 3)
    [(3, 7), (2, 1), (2, 2)]
    """
    found, level = [], sorted(set(buckets))
    for at in range(depth, 0, -1):
        here = set(level)
        found += [(at, number ^ 1) for number in level if number ^ 1 not in here]
        level = sorted({number >> 1 for number in level})
    return found
