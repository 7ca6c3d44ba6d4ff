"""A part of a keyed map: neighbouring buckets, their hashes, and whose keys they hold; in memory or in a mapped file.

Idea
----
A map is cut by the first bits of a position, so that it can be built piece by piece in a little memory and read
without loading it. The cut does not show: root and answers are those of one tree.

Conventions
-----------
A part file is ``linernotes-map-part`` and a revision, then its height, number of entries, number of owners and width
of an entry (8 bytes each, little-endian), then rows: where each bucket's entries begin, where each entry's owners
begin, owners (4 bytes each, little-endian), the nodes in the order of a heap (28 bytes each, row 1 on top, the
children of row i in rows 2i and 2i + 1, buckets last), the entries. An *owner* is the number of an item in the order
of the manifest.

Cost
----
About 1 µs per key to build; 16 to 24 bytes per key.

Known limits
------------
A part file is read as it lies there; an answer made from a damaged one is found out by the check at its end.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linernotes.corpus.keyed_map import (
    EXACT_WIDTH,
    HANDLE_BYTES,
    HASH_BYTES,
    POSITION_BYTES,
    SKETCH_WIDTH,
    leaf_hash,
    node_hash,
)
from linernotes.errors import CorpusError

MAX_SKETCH_OWNERS = 16  # of one sketch key: a key that more items share says little about any of them
_MAGIC = b"linernotes-map-part 3\n".ljust(32, b"\0")
_HEAD = 64
Rows = NDArray[np.uint8]
Owners = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class MapPart:
    """Neighbouring buckets of a map.

    Parameters
    ----------
    entries : NDArray[np.uint8] [shape=(n, width)]
        Of all buckets, one after the other, ascending within each.
    starts : NDArray[np.uint32] [shape=(2**height + 1,)]
        Bucket i holds the entries ``starts[i]`` to ``starts[i + 1]``.
    nodes : NDArray[np.uint8] [shape=(2**(height + 1), 28)]
        Hashes in the order of a heap; row 0 is not used.
    owner_starts : NDArray[np.uint32] [shape=(n + 1,)]
        Entry i belongs to the owners ``owner_starts[i]`` to ``owner_starts[i + 1]``.
    owners : NDArray[np.uint32] [shape=(n_owners,)]
        Numbers of items.
    """

    entries: Rows
    starts: Owners
    nodes: Rows
    owner_starts: Owners
    owners: Owners

    @property
    def height(self) -> int:
        """Levels of nodes above its buckets."""
        return (len(self.starts) - 1).bit_length() - 1

    def top(self) -> bytes:
        """Return the hash that commits to the part."""
        return bytes(self.nodes[1])

    def bucket(self, number: int) -> bytes:
        """Return the entries of one bucket."""
        return bytes(self.entries[self.starts[number] : self.starts[number + 1]].tobytes())

    def node(self, level: int, number: int) -> bytes:
        """Return one hash; level 0 is the top."""
        return bytes(self.nodes[(1 << level) + number])

    def owners_of(self, number: int, entry: bytes) -> list[int]:
        """Return the items of one entry of a bucket; none where it is not there."""
        low, high = int(self.starts[number]), int(self.starts[number + 1])
        for row in range(low, high):
            if bytes(self.entries[row]) == entry:
                return [int(one) for one in self.owners[self.owner_starts[row] : self.owner_starts[row + 1]]]
        return []


def make_part(
    positions: Rows, owners: Owners, depth: int, cut: int = 0, handles: Rows | None = None
) -> MapPart:
    """Sort the keys of a part into buckets and hash them.

    Parameters
    ----------
    positions : NDArray[np.uint8] [shape=(n, 16)]
        In any order; several items may share one.
    owners : NDArray[np.uint32] [shape=(n,)]
        The item of each.
    depth : int
        Levels of the whole map.
    cut : int
        Number of leading bits by which the map is cut.
    handles : NDArray[np.uint8] [shape=(n_items, 4)], optional
        Beginnings of the commitments, by item number: this is the sketch map.

    Examples
    --------
    >>> part = make_part(np.eye(2, 16, dtype=np.uint8), np.arange(2, dtype=np.uint32), 0)
    >>> part.bucket(0) == bytes(5), part.owners_of(0, bytes(5))
    (True, [0, 1])
    """
    height = depth - cut
    if handles is not None:
        positions, owners = _first_owners(positions, owners)
    prefixes = np.ascontiguousarray(positions[:, :8]).view(">u8").ravel().astype(np.uint64)
    numbers = prefixes >> np.uint64(64 - depth) if depth else np.zeros(len(prefixes), np.uint64)
    numbers &= np.uint64((1 << height) - 1)
    codes = _codes(positions, owners, handles)
    order = np.lexsort((owners, codes, numbers))
    numbers, codes, owners = numbers[order], codes[order], owners[order]
    fresh = np.ones(len(order), bool)  # a first entry of its kind, whosever it is
    fresh[1:] = (numbers[1:] != numbers[:-1]) | (codes[1:] != codes[:-1])
    other = fresh.copy()
    other[1:] |= owners[1:] != owners[:-1]  # one item may bring the same key twice
    width = EXACT_WIDTH if handles is None else SKETCH_WIDTH
    entries = codes[fresh].astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]
    starts = np.searchsorted(numbers[fresh], np.arange((1 << height) + 1, dtype=np.uint64))
    owner_starts = np.append(np.flatnonzero(fresh[other]), other.sum())
    entries = np.ascontiguousarray(entries)
    return MapPart(
        entries,
        starts.astype(np.uint32),
        _nodes(entries, starts),
        owner_starts.astype(np.uint32),
        owners[other].astype(np.uint32),
    )


def remade_top(part: MapPart) -> bytes:
    """Return the top of a part, hashed again from its entries."""
    return bytes(_nodes(part.entries, part.starts.astype(np.int64))[1])


def write_part(path: Path, part: MapPart) -> None:
    """Write a part file, whole or not at all."""
    n, width = part.entries.shape
    sizes = (part.height, n, len(part.owners), width)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        stream.write(_MAGIC + b"".join(size.to_bytes(8, "little") for size in sizes))
        for rows in (part.starts, part.owner_starts, part.owners):
            stream.write(rows.astype("<u4").tobytes())
        stream.write(part.nodes.tobytes() + part.entries.tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def read_part(path: Path) -> MapPart:
    """Map a part file into memory; nothing of it is read yet.

    Raises
    ------
    CorpusError
        If the file is missing, or has another length than its head says.
    """
    try:
        data = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: part of the presence map is missing or empty; restore it") from error
    head = data[:_HEAD].tobytes()
    height, n, n_owners, width = (int.from_bytes(head[i : i + 8], "little") for i in range(32, 64, 8))
    n_buckets = 1 << min(height, 40)
    sizes = [4 * (n_buckets + 1), 4 * (n + 1), 4 * n_owners, 2 * HASH_BYTES * n_buckets, width * n]
    if head[:32] != _MAGIC or width not in (EXACT_WIDTH, SKETCH_WIDTH) or len(data) != _HEAD + sum(sizes):
        raise CorpusError(f"{path}: part of the presence map is damaged ({len(data)} bytes); restore it")
    ends = list(itertools.accumulate([_HEAD, *sizes]))
    starts, owner_starts, owners, nodes, entries = (data[low:high] for low, high in itertools.pairwise(ends))
    return MapPart(
        entries.reshape(-1, width),
        starts.view("<u4"),
        nodes.reshape(-1, HASH_BYTES),
        owner_starts.view("<u4"),
        owners.view("<u4"),
    )


def _first_owners(positions: Rows, owners: Owners) -> tuple[Rows, Owners]:
    """Return the keys without those of the many items that share one: the first of them stay."""
    words = np.ascontiguousarray(positions).view(">u8").reshape(-1, POSITION_BYTES // 8)
    order = np.lexsort((owners, words[:, 1], words[:, 0]))
    positions, owners = positions[order], owners[order]
    moved = np.ones(len(order), bool)
    moved[1:] = (positions[1:] != positions[:-1]).any(axis=1)
    firsts = np.flatnonzero(moved)
    rank = np.arange(len(order)) - np.repeat(firsts, np.diff(np.append(firsts, len(order))))
    kept = rank < MAX_SKETCH_OWNERS
    return positions[kept], owners[kept]


def _codes(positions: Rows, owners: Owners, handles: Rows | None) -> NDArray[np.uint64]:
    """Return each entry as a number that sorts as its bytes do."""
    width = EXACT_WIDTH if handles is None else SKETCH_WIDTH
    padded = np.zeros((len(positions), 8), np.uint8)
    padded[:, 8 - width :] = positions[:, 8 : 8 + width]
    if handles is not None:
        padded[:, 8 - HANDLE_BYTES :] ^= handles[owners]
    return padded.view(">u8").ravel().astype(np.uint64)


def _nodes(entries: Rows, starts: NDArray[np.integer]) -> Rows:
    """Return the hashes of buckets and of the nodes above, in the order of a heap."""
    raw, width = entries.tobytes(), entries.shape[1]
    bounds = (starts * width).tolist()
    levels = [[leaf_hash(raw[low:high]) for low, high in itertools.pairwise(bounds)]]
    while len(levels[-1]) > 1:
        levels.append(list(_joined(levels[-1])))
    rows = b"".join([bytes(HASH_BYTES), *(b"".join(level) for level in reversed(levels))])
    return np.frombuffer(rows, np.uint8).reshape(-1, HASH_BYTES)


def _joined(level: list[bytes]) -> Iterator[bytes]:
    below = iter(level)
    return (node_hash(left, right) for left, right in zip(below, below, strict=True))
