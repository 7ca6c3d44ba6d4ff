"""A whole keyed map: its leaves in buckets by their leading bits, in memory or in mapped files.

A map of many keys is cut by the first eight bits of a position, so that it can be built piece by piece in a
little memory and read without loading it. The cut does not show: root and proofs are those of one tree.

Conventions
-----------
A bucket file is ``linernotes-bucket`` and a line end, the number of leaves and of owners (8 bytes each,
little-endian), then rows: positions and values (32 bytes per leaf), parting nodes (32 bytes per leaf but one),
owner bounds and owners (4 bytes each). An *owner* is the number of an item in the order of the manifest.

Known limits
------------
A bucket file is read as it lies there; a proof made from a damaged one is found out by the check at its end.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linernotes.corpus.keyed_map import EMPTY, HASH_BYTES, MapProof, bit, node_hash, value_of
from linernotes.corpus.map_tree import Rows, Subtree, build_subtree
from linernotes.errors import CorpusError

_MAGIC = b"linernotes-bucket 2\n".ljust(32, b"\0")
Owners = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the map, and whose keys stand in it.

    Parameters
    ----------
    tree : Subtree
        The leaves.
    bounds : NDArray[np.uint32] [shape=(n + 1,)]
        The owners of leaf i are ``owners[bounds[i] : bounds[i + 1]]``.
    owners : NDArray[np.uint32] [shape=(n_owners,)]
        Numbers of items.
    """

    tree: Subtree
    bounds: Owners
    owners: Owners

    def owners_of(self, leaf: int) -> list[int]:
        """Return the numbers of the items under one leaf."""
        return [int(owner) for owner in self.owners[self.bounds[leaf] : self.bounds[leaf + 1]]]


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the map: its proof, and the items at the position (none when absent)."""

    proof: MapProof
    owners: tuple[int, ...]


class KeyedMap:
    """Answers for positions; `map_of` makes one of a single bucket.

    Parameters
    ----------
    tops : sequence of (int, bytes)
        Number of leaves and top hash of each bucket, 2**n_bits of them.
    bucket : callable
        Gives the bucket of a number.
    """

    def __init__(self, tops: Sequence[tuple[int, bytes]], bucket: Callable[[int], Bucket]) -> None:
        self._bucket = bucket
        self._levels = [list(tops)]
        while len(self._levels[0]) > 1:
            below = self._levels[0]
            self._levels.insert(0, [_joined(below[i], below[i + 1]) for i in range(0, len(below), 2)])

    @property
    def root(self) -> bytes:
        """The hash that commits to the whole map."""
        return self._levels[0][0][1]

    def __len__(self) -> int:
        """Return the number of positions that hold a value."""
        return self._levels[0][0][0]

    def find(self, position: bytes) -> Found:
        """Return what stands at a position, with its proof."""
        siblings: list[bytes] = []
        n_bits = len(self._levels) - 1
        place = 0
        for depth in range(n_bits):
            if self._levels[depth][place][0] <= 1:
                break
            right = bit(position, depth)
            place = 2 * place + right
            siblings.append(self._levels[depth + 1][place ^ 1][1])
        return self._end(position, siblings, place)

    def _end(self, position: bytes, siblings: list[bytes], place: int) -> Found:
        n_bits, depth = len(self._levels) - 1, len(siblings)
        count = self._levels[depth][place][0]
        if count == 0:
            return Found(MapProof(tuple(siblings)), ())
        below = range(place << (n_bits - depth), (place + 1) << (n_bits - depth))
        number = next(i for i in below if self._levels[n_bits][i][0])
        bucket = self._bucket(number)
        way, leaf = ([], 0) if count == 1 else bucket.tree.way(position)
        siblings += way
        if leaf is None:
            return Found(MapProof(tuple(siblings)), ())
        other, value = bucket.tree.leaf(leaf)
        if other != position:
            return Found(MapProof(tuple(siblings), other=(other, value)), ())
        return Found(MapProof(tuple(siblings), value=value), tuple(bucket.owners_of(leaf)))


def make_bucket(positions: Rows, owners: Owners, commitments: Rows, start: int = 0) -> Bucket:
    """Sort the keys of a bucket, join those at one position, and hash its nodes.

    Parameters
    ----------
    positions : NDArray[np.uint8] [shape=(n, 32)]
        In any order; several items may share one.
    owners : NDArray[np.uint32] [shape=(n,)]
        The item of each.
    commitments : NDArray[np.uint8] [shape=(n_items, 32)]
        By item number.
    start : int
        Number of leading bits by which the map is cut.
    """
    words = np.ascontiguousarray(positions).view(">u8").reshape(-1, 4)
    order = np.lexsort((owners, words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    positions, owners = positions[order], owners[order]
    moved = np.ones(len(order), bool)
    moved[1:] = (positions[1:] != positions[:-1]).any(axis=1)
    fresh = moved.copy()
    fresh[1:] |= owners[1:] != owners[:-1]  # one item may bring the same key twice
    positions, owners, moved = positions[fresh], owners[fresh], moved[fresh]
    firsts = np.flatnonzero(moved)
    bounds = np.append(firsts, len(owners)).astype(np.uint32)
    raw = commitments[owners].tobytes()  # one copy: a row taken alone costs more than its hash
    values = b"".join(
        value_of(raw[HASH_BYTES * i : HASH_BYTES * (i + 1)] for i in range(low, high))
        for low, high in itertools.pairwise(bounds.tolist())
    )
    rows = np.frombuffer(values, np.uint8).reshape(-1, HASH_BYTES)
    return Bucket(build_subtree(positions[firsts], rows, start), bounds, owners.astype(np.uint32))


def map_of(bucket: Bucket) -> KeyedMap:
    """Return the map whose one bucket this is.

    Examples
    --------
    >>> positions, commitments = np.eye(2, 32, dtype=np.uint8), np.zeros((1, 32), np.uint8)
    >>> bucket = make_bucket(positions, np.zeros(2, np.uint32), commitments)
    >>> found = map_of(bucket).find(positions[0].tobytes())
    >>> found.proof.present, found.owners
    (True, (0,))
    """
    return KeyedMap([(len(bucket.tree), bucket.tree.top())], lambda _number: bucket)


def write_bucket(path: Path, bucket: Bucket) -> None:
    """Write a bucket file, whole or not at all."""
    tree = bucket.tree
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        stream.write(_MAGIC + len(tree).to_bytes(8, "little") + len(bucket.owners).to_bytes(8, "little"))
        for rows in (tree.positions, tree.values, tree.nodes, bucket.bounds, bucket.owners):
            stream.write(np.ascontiguousarray(rows).tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def read_bucket(path: Path, start: int) -> Bucket:
    """Map a bucket file into memory; nothing of it is read yet.

    Raises
    ------
    CorpusError
        If the file is missing, or has another length than its head says.
    """
    try:
        data = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: part of the presence map is missing or empty; restore it") from error
    head = data[:48].tobytes()
    n, n_owners = int.from_bytes(head[32:40], "little"), int.from_bytes(head[40:48], "little")
    sizes = [HASH_BYTES * n, HASH_BYTES * n, HASH_BYTES * max(n - 1, 0), 4 * (n + 1), 4 * n_owners]
    if head[:32] != _MAGIC or len(data) != 48 + sum(sizes):
        raise CorpusError(f"{path}: part of the presence map is damaged ({len(data)} bytes); restore it")
    ends = np.cumsum([48, *sizes]).tolist()
    parts = [data[low:high] for low, high in itertools.pairwise(ends)]
    positions, values, nodes = (part.reshape(-1, HASH_BYTES) for part in parts[:3])
    tree = Subtree(positions, values, nodes, start)
    return Bucket(tree, parts[3].view(np.uint32), parts[4].view(np.uint32))


def _joined(left: tuple[int, bytes], right: tuple[int, bytes]) -> tuple[int, bytes]:
    count = left[0] + right[0]
    if count == 0:
        return 0, EMPTY
    if count == 1:
        return 1, left[1] if left[0] else right[1]
    return count, node_hash(left[1], right[1])
