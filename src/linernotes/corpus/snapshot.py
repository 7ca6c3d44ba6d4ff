"""A sealed corpus on disk: one folder per snapshot, read in place however large it is.

::

    ROOT/                 named by the corpus root
    ├── seal.json         header, times, counts, tops of the map's buckets
    ├── secret.key        the secret of salts and positions; private
    ├── items.jsonl       one canonical entry per item, in the order of the ids; private
    ├── items.offsets     where each begins (8 bytes each, little-endian, one more than items)
    ├── commitments.bin   32 bytes per item, and after them the tree heads over each 1,024
    ├── gaps.jsonl        what is missing
    └── map/exact-00.part, sketch-00.part …   the keyed maps (`linernotes.corpus.map_part`)

Conventions
-----------
A snapshot appears whole: it is written under a name that ends in ``.partial``, flushed to disk, and renamed.

Known limits
------------
`Snapshot.check` computes commitments and roots again, not the positions: that takes the time of a seal and is
what `linernotes.corpus.seal.SealedCorpus.verify` does for a corpus in memory.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.corpus.commitment import commitment_of, leaf_of, vrf_key_of
from linernotes.corpus.commitment_tree import BLOCK, CommitmentTree, tree_head
from linernotes.corpus.gaps import Gap, gap
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import HASH_BYTES, depth_of
from linernotes.corpus.manifest import Item
from linernotes.corpus.map_part import MapPart, read_part, remade_top
from linernotes.corpus.map_whole import KeyedMap
from linernotes.corpus.vrf import VrfKey
from linernotes.errors import CorpusError, InputError, NewerRevision, VerificationError

FORMAT = "linernotes-snapshot"
REVISION = 3
SEAL_FILE, SECRET_FILE, ITEMS_FILE, OFFSETS_FILE = "seal.json", "secret.key", "items.jsonl", "items.offsets"
COMMITMENTS_FILE, GAPS_FILE, MAP_FOLDER = "commitments.bin", "gaps.jsonl", "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFacts:
    """What is known about a snapshot without reading its items.

    Parameters
    ----------
    root : str
        Corpus root.
    sealed_at : str
        UTC time, ISO 8601.
    stage : str
        ``before-training`` or ``after-training``.
    audio_dir : str
        Folder that the items' paths are relative to; empty for a corpus sealed from facts alone.
    n_without_consent : int
        Items whose consent does not count on the day of training (or of sealing).
    duration_s : float
        Of all items.
    gap_counts : dict of str to int
        By gap code.
    exact_tops, sketch_tops : tuple of str
        Top of each part of the two maps.
    """

    root: str
    sealed_at: str
    stage: str
    audio_dir: str = ""
    n_without_consent: int = 0
    duration_s: float = 0.0
    gap_counts: Mapping[str, int] = field(default_factory=dict)
    exact_tops: tuple[str, ...] = ()
    sketch_tops: tuple[str, ...] = ()


class Snapshot:
    """One sealed snapshot, opened in place; `Snapshot.open` reads its ``seal.json`` and no more.

    Parameters
    ----------
    folder : Path
        Where it lies.
    header : Header
        Public header.
    facts : SealFacts
        Counts and times.
    """

    def __init__(self, folder: Path, header: Header, facts: SealFacts) -> None:
        self.folder, self.header, self.facts = folder, header, facts
        self._parts: dict[str, MapPart] = {}

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """Open a snapshot.

        Raises
        ------
        CorpusError
            If it is damaged or missing.
        NewerRevision
            If a later revision wrote it.
        """
        path = folder / SEAL_FILE
        try:
            content = json.loads(path.read_bytes())
            if content["format"] != FORMAT or content["revision"] != REVISION:
                newer = type(content["revision"]) is int and content["revision"] > REVISION
                raise (NewerRevision if newer else CorpusError)(
                    f"{path}: {content['format']} of revision {content['revision']}; expected {REVISION}: "
                    + ("upgrade Linernotes" if newer else "its root stands; seal again into a new workspace")
                )
            facts = content["facts"]
            tops = {name: tuple(map(_top, facts[name])) for name in ("exact_tops", "sketch_tops")}
            if any(len(some) & (len(some) - 1) or not some for some in tops.values()):
                raise ValueError("a number of parts that is no power of two")
            return cls(folder, Header.from_json(content["header"]), SealFacts(**(facts | tops)))
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror}); restore the snapshot") from error
        except (ValueError, KeyError, TypeError, RecursionError, VerificationError) as error:
            raise CorpusError(f"{path}: damaged ({error!r}); restore the snapshot") from error

    def __len__(self) -> int:
        """Return the number of items."""
        return self.header.n_items

    @cached_property
    def secret(self) -> bytes:
        """The secret of salts and positions."""
        path = self.folder / SECRET_FILE
        try:
            return bytes.fromhex(path.read_text("ascii").strip())
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path}: the snapshot's secret is missing or damaged; restore it") from error

    @cached_property
    def vrf_key(self) -> VrfKey:
        """The key that computes positions; refused when it is not the one of the header."""
        key = vrf_key_of(self.secret)
        if key.public.hex() != self.header.vrf_public:
            raise VerificationError(
                f"{self.folder}: the secret gives another key than the sealed one; restore {SECRET_FILE}"
            )
        return key

    @cached_property
    def exact(self) -> KeyedMap:
        """The map of exact keys, read in place."""
        return self._map("exact", self.facts.exact_tops, self.header.n_exact_keys)

    @cached_property
    def sketch(self) -> KeyedMap:
        """The map of sketch keys, read in place."""
        return self._map("sketch", self.facts.sketch_tops, self.header.n_sketch_keys)

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""
        return bytes(self._commitments[number])

    def opening(self, number: int) -> tuple[bytes, list[bytes]]:
        """Return the leaf of one item, and the hashes that lead from its commitment to the manifest's root."""
        heads = [bytes(row) for row in self._stored_commitments[len(self) :]]
        tree = CommitmentTree(len(self), self.commitment, heads)
        return leaf_of(self._checked_entry(number), self.secret), tree.path(number)

    def item(self, number: int) -> Item:
        """Return one item by its number."""
        return Item.from_json(json.loads(self._checked_entry(number)))

    def items(self) -> Iterator[Item]:
        """Yield the items in the order of their ids."""
        return (self.item(number) for number in range(len(self)))

    def ids(self) -> Iterator[tuple[str, bytes]]:
        """Yield id and commitment of every item, in the order of the ids."""
        for number in range(len(self)):
            yield str(json.loads(self._checked_entry(number))["item_id"]), self.commitment(number)

    def gaps(self, limit: int | None = None) -> list[Gap]:
        """Return what is missing, or the first *limit* of it.

        Raises
        ------
        CorpusError
            If the list is damaged or missing.
        """
        path = self.folder / GAPS_FILE
        try:
            with path.open("rb") as stream:
                return [gap(**json.loads(line)) for line in itertools.islice(stream, limit)]
        except (OSError, ValueError, TypeError, RecursionError, InputError) as error:
            raise CorpusError(f"{path}: damaged or missing ({error!r}); restore the snapshot") from error

    def check(self) -> None:
        """Compute commitments and roots again from the stored items and the map's parts.

        Raises
        ------
        VerificationError
            If anything differs from what was sealed.
        """
        made = (commitment_of(leaf_of(self._checked_entry(n), self.secret)) for n in range(len(self)))
        made_maps = {name: self._remade(name) for name in ("exact", "sketch")}
        wrong = {
            "an item or the secret": tree_head(made).hex() != self.header.manifest_root,
            "the map of exact keys": made_maps["exact"] != self.header.exact_root,
            "the map of sketch keys": made_maps["sketch"] != self.header.sketch_root,
            "the header": self.header.root != self.facts.root,
            "the key": self.vrf_key.public.hex() != self.header.vrf_public,
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise VerificationError(
                    f"{self.folder}: {name} was changed after sealing; restore the snapshot from a copy"
                )

    def _map(self, name: str, tops: tuple[str, ...], n_keys: int) -> KeyedMap:
        depth = depth_of(n_keys)
        return KeyedMap([bytes.fromhex(top) for top in tops], depth, lambda number: self._part(name, number))

    def _part(self, name: str, number: int) -> MapPart:
        file = f"{name}-{number:02x}.part"
        if file not in self._parts:
            found = read_part(self.folder / MAP_FOLDER / file)
            tops = getattr(self.facts, f"{name}_tops")
            depth = depth_of(getattr(self.header, f"n_{name}_keys"))
            if found.height != depth - (len(tops).bit_length() - 1):
                raise CorpusError(f"{self.folder}: {file} is part of another map; restore the snapshot")
            self._parts[file] = found
        return self._parts[file]

    def _remade(self, name: str) -> str:
        """Return the root of a map as its parts give it."""
        n_parts = len(getattr(self.facts, f"{name}_tops"))
        tops = [remade_top(self._part(name, number)) for number in range(n_parts)]
        return KeyedMap(tops, n_parts.bit_length() - 1, lambda number: self._part(name, number)).root.hex()

    @cached_property
    def _stored_commitments(self) -> NDArray[np.uint8]:
        n_rows = len(self) + -(-len(self) // BLOCK)
        return self._mapped(COMMITMENTS_FILE, 32 * n_rows).reshape(-1, 32)

    @cached_property
    def _commitments(self) -> NDArray[np.uint8]:
        return self._stored_commitments[: len(self)]

    @cached_property
    def _offsets(self) -> NDArray[np.uint64]:
        return self._mapped(OFFSETS_FILE, 8 * (len(self) + 1)).view("<u8")

    @cached_property
    def _entries(self) -> mmap.mmap:
        with (self.folder / ITEMS_FILE).open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def _entry(self, number: int) -> bytes:
        low, high = int(self._offsets[number]), int(self._offsets[number + 1])
        return self._entries[low : high - 1]

    def _checked_entry(self, number: int) -> bytes:
        """Return an entry whose commitment is the stored one: anything else is damage."""
        entry = self._entry(number)
        if commitment_of(leaf_of(entry, self.secret)) != self.commitment(number):
            raise CorpusError(f"{self.folder}: item {number} is not what was sealed; restore the snapshot")
        return entry

    def _mapped(self, name: str, size: int) -> NDArray[np.uint8]:
        path = self.folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise CorpusError(f"{path}: missing or of another size than {size} bytes; restore the snapshot")
        return np.memmap(path, np.uint8, "r")


def _top(text: Any) -> str:
    found = bytes.fromhex(text)
    if len(found) != HASH_BYTES:
        raise ValueError("a top of another length")
    return found.hex()


def gap_line(found: Gap) -> bytes:
    """Return a gap as it is stored: what its code does not say by itself."""
    content = {"code": found.code, "item_id": found.item_id, "detail": found.detail}
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def write_seal(folder: Path, header: Header, facts: SealFacts, secret: bytes) -> None:
    """Write the secret and ``seal.json`` of a snapshot whose other files are there, and flush all to disk."""
    secret_path = folder / SECRET_FILE
    with open(os.open(secret_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(secret.hex() + "\n")
    content = {"format": FORMAT, "revision": REVISION, "header": header.as_json(), "facts": asdict(facts)}
    (folder / SEAL_FILE).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")
    for path in (*folder.iterdir(), folder / MAP_FOLDER, folder):
        flush_to_disk(path)


def flush_to_disk(path: Path) -> None:
    """Have the system write a file or a folder's list of names to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
