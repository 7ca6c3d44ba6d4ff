"""Sealing a corpus that does not fit in memory: two passes over shards, each a fold.

Idea
----
The first pass takes some thousand items at a time: it reads them, commits to each, computes the positions of
their keys (nearly all of the work) and writes them sorted. The second takes one of 256 parts of the map at a
time: it gathers that part's positions from all shards, sorts them and hashes the nodes. Both are folds whose
states are a few numbers, so a runner may spread them over processes, and an interrupted seal goes on with the
shards that are missing.

Conventions
-----------
Shard ``n`` writes ``n.items`` (canonical entries, one per line), ``n.lengths`` (4 bytes each), ``n.commitments``,
``n.keys`` (256 + 1 bounds of 8 bytes, then positions, then owners of 4 bytes) and ``n.gaps``, each whole or
not at all.

Cost
----
About 0.12 ms per exact key, and 0.1 ms per item besides; a few hundred megabytes per process.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from linernotes.corpus.checks import find_gaps
from linernotes.corpus.commitment import canonical, commitment_of, leaf_of, vrf_key_of
from linernotes.corpus.facts import FactsFile
from linernotes.corpus.lookup_keys import position_of
from linernotes.corpus.manifest import Item
from linernotes.corpus.map_buckets import Owners, make_bucket, write_bucket
from linernotes.corpus.map_tree import Rows
from linernotes.corpus.snapshot import gap_line
from linernotes.errors import CorpusError

N_BUCKETS, BUCKET_BITS = 256, 8
ITEMS_PER_SHARD = 4096


@dataclass(frozen=True)
class Sealed:
    """What a pass over items found, without the items."""

    n_items: int = 0
    n_without_consent: int = 0
    duration_s: float = 0.0
    gap_counts: tuple[tuple[str, int], ...] = ()
    key_kinds: tuple[str, ...] = ()
    shards: tuple[int, ...] = ()


@dataclass(frozen=True)
class SealShards:
    """The first pass: commit to items and compute the positions of their keys.

    Parameters
    ----------
    facts, places : str
        The manifest, and where its lines lie (`linernotes.corpus.facts.index_facts`), as paths.
    digest : str
        SHA-256 of the manifest.
    folder : str
        Where shards are written.
    secret : bytes
        Of salts and positions.
    used_on : date
        Day on which consent must have stood.
    """

    facts: str
    places: str
    digest: str
    folder: str
    secret: bytes
    used_on: date
    shard_size: int = 1

    def start(self) -> Sealed:
        """Return the state before any shard."""
        return Sealed()

    def add(self, state: Sealed, items: Sequence[int]) -> Sealed:
        """Seal the shards of these numbers."""
        places = np.load(self.places, mmap_mode="r")
        file = FactsFile(Path(self.facts), places)
        for number in items:
            first = number * ITEMS_PER_SHARD
            found = [file.item(i) for i in range(first, min(first + ITEMS_PER_SHARD, len(places)))]
            state = self.merge(state, self._seal(number, first, found))
        return state

    def merge(self, left: Sealed, right: Sealed) -> Sealed:
        """Join two states."""
        return Sealed(
            left.n_items + right.n_items,
            left.n_without_consent + right.n_without_consent,
            left.duration_s + right.duration_s,
            tuple(sorted((Counter(dict(left.gap_counts)) + Counter(dict(right.gap_counts))).items())),
            tuple(sorted({*left.key_kinds, *right.key_kinds})),
            left.shards + right.shards,
        )

    def finish(self, state: Sealed) -> Sealed:
        """Return the state, which is the result."""
        return state

    def _seal(self, number: int, first: int, items: Sequence[Item]) -> Sealed:
        vrf_key = vrf_key_of(self.secret)
        entries = [canonical(item.as_json()) for item in items]
        keys = [item.lookup_keys() for item in items]
        positions = b"".join(position_of(*key, vrf_key) for some in keys for key in some)
        owners = np.repeat(
            np.arange(first, first + len(items), dtype=np.uint32), [len(some) for some in keys]
        )
        gaps = find_gaps(items, self.used_on)
        commitments = b"".join(commitment_of(leaf_of(entry, self.secret)) for entry in entries)
        folder = Path(self.folder)
        _write(folder / f"{number}.items", b"\n".join(entries) + b"\n")
        _write(folder / f"{number}.lengths", np.array([len(e) + 1 for e in entries], "<u4").tobytes())
        _write(folder / f"{number}.commitments", commitments)
        _write(folder / f"{number}.gaps", b"".join(map(gap_line, gaps)))
        _write(folder / f"{number}.keys", _keys_file(positions, owners))
        doubted = sum(i.consent is None or i.consent.doubt(self.used_on) is not None for i in items)
        kinds = tuple(sorted({kind for some in keys for kind, _ in some}))
        counts = tuple(sorted(Counter(one.code for one in gaps).items()))
        return Sealed(len(items), doubted, sum(i.duration_s for i in items), counts, kinds, (number,))


@dataclass(frozen=True)
class SealBuckets:
    """The second pass: sort and hash one part of the map at a time.

    Parameters
    ----------
    shards : str
        Folder that the first pass wrote.
    n_shards : int
        How many.
    commitments : str
        File of the commitments of all items.
    folder : str
        Where buckets are written.
    digest : str
        SHA-256 of the manifest.
    """

    shards: str
    n_shards: int
    commitments: str
    folder: str
    digest: str
    shard_size: int = 1

    def start(self) -> dict[int, tuple[int, str]]:
        """Return the state before any part."""
        return {}

    def add(self, state: dict[int, tuple[int, str]], items: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Hash the parts of these numbers."""
        commitments = np.memmap(self.commitments, np.uint8, "r").reshape(-1, 32)
        found = dict(state)
        for number in items:
            positions, owners = self._gather(number)
            if len(positions):
                bucket = make_bucket(positions, owners, commitments, BUCKET_BITS)
                write_bucket(Path(self.folder) / f"{number:02x}.bucket", bucket)
                found[number] = (len(bucket.tree), bucket.tree.top().hex())
            else:
                found[number] = (0, bytes(32).hex())
        return found

    def merge(
        self, left: dict[int, tuple[int, str]], right: dict[int, tuple[int, str]]
    ) -> dict[int, tuple[int, str]]:
        """Join two states."""
        return left | right

    def finish(self, state: dict[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
        """Return number of leaves and top of each part."""
        return state

    def _gather(self, number: int) -> tuple[Rows, Owners]:
        positions, owners = [], []
        for shard in range(self.n_shards):
            with (Path(self.shards) / f"{shard}.keys").open("rb") as stream:
                bounds = np.frombuffer(stream.read(8 * (N_BUCKETS + 1)), "<u8")
                low, high, n = int(bounds[number]), int(bounds[number + 1]), int(bounds[-1])
                stream.seek(8 * (N_BUCKETS + 1) + 32 * low)
                positions.append(stream.read(32 * (high - low)))
                stream.seek(8 * (N_BUCKETS + 1) + 32 * n + 4 * low)
                owners.append(stream.read(4 * (high - low)))
        rows = np.frombuffer(b"".join(positions), np.uint8).reshape(-1, 32)
        return rows, np.frombuffer(b"".join(owners), "<u4")


def check_shards(folder: Path, n_shards: int) -> None:
    """Raise CorpusError when a finished shard's files are gone."""
    for number in range(n_shards):
        for name in ("items", "lengths", "commitments", "gaps", "keys"):
            if not (folder / f"{number}.{name}").is_file():
                raise CorpusError(
                    f"{folder}: shard {number} lacks its {name}; delete {folder.parent} and seal again"
                )


def _keys_file(positions: bytes, owners: Owners) -> bytes:
    rows = np.frombuffer(positions, np.uint8).reshape(-1, 32)
    order = np.argsort(rows[:, 0], kind="stable")
    bounds = np.searchsorted(rows[order, 0], np.arange(N_BUCKETS + 1)).astype("<u8")
    return bounds.tobytes() + rows[order].tobytes() + owners[order].astype("<u4").tobytes()


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
