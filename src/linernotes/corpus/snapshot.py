"""A sealed corpus on disk: one folder per snapshot, read in place however large it is.

::

    ROOT/                 named by the corpus root
    ├── seal.json         header, times, counts, tops of the map's buckets
    ├── secret.key        the secret of salts and positions; private
    ├── items.jsonl       one canonical entry per item, in the order of the ids; private
    ├── items.offsets     where each begins (8 bytes each, little-endian, one more than items)
    ├── commitments.bin   32 bytes per item
    ├── gaps.jsonl        what is missing
    └── map/00.bucket …   the keyed map (`linernotes.corpus.map_buckets`)

Conventions
-----------
A snapshot appears whole: it is written under a name that ends in ``.partial``, flushed to disk, and renamed.

Known limits
------------
`Snapshot.check` computes commitments and roots again, not the positions: that takes the time of a seal and is
what `linernotes.corpus.seal.SealedCorpus.verify` does for a corpus in memory.
"""

from __future__ import annotations

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

from linernotes.corpus.commitment import commitment_of, leaf_of, tree_head, vrf_key_of
from linernotes.corpus.gaps import Gap, gap
from linernotes.corpus.header import Header
from linernotes.corpus.manifest import Item
from linernotes.corpus.map_buckets import Bucket, KeyedMap, read_bucket
from linernotes.corpus.vrf import VrfKey
from linernotes.errors import CorpusError, NewerRevision, VerificationError

FORMAT = "linernotes-snapshot"
REVISION = 2
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
    buckets : tuple of (int, str)
        Number of leaves and top of each part of the map.
    """

    root: str
    sealed_at: str
    stage: str
    audio_dir: str = ""
    n_without_consent: int = 0
    duration_s: float = 0.0
    gap_counts: Mapping[str, int] = field(default_factory=dict)
    buckets: tuple[tuple[int, str], ...] = ()


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
        self._buckets: dict[int, Bucket] = {}

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
                    f"{path}: {content['format']} of revision {content['revision']}; expected {REVISION}"
                )
            facts = content["facts"]
            buckets = tuple((int(n), str(top)) for n, top in facts["buckets"])
            return cls(
                folder, Header.from_json(content["header"]), SealFacts(**(facts | {"buckets": buckets}))
            )
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
    def map(self) -> KeyedMap:
        """The keyed map, read in place."""
        tops = [(n, bytes.fromhex(top)) for n, top in self.facts.buckets]
        return KeyedMap(tops, self._bucket)

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""
        return bytes(self._commitments[number])

    def opening(self, number: int) -> dict[str, Any]:
        """Return what opens the commitment to one item."""
        content = json.loads(leaf_of(self._checked_entry(number), self.secret))
        return dict(content)

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
        """Return what is missing, or the first *limit* of it."""
        found: list[Gap] = []
        with (self.folder / GAPS_FILE).open("rb") as stream:
            for line in stream:
                if limit is not None and len(found) >= limit:
                    break
                found.append(gap(**json.loads(line)))
        return found

    def check(self) -> None:
        """Compute commitments and roots again from the stored items and the map's parts.

        Raises
        ------
        VerificationError
            If anything differs from what was sealed.
        """
        made = (commitment_of(leaf_of(self._checked_entry(n), self.secret)) for n in range(len(self)))
        tops = [self._bucket(i).tree.top().hex() for i, (n, _) in enumerate(self.facts.buckets) if n]
        held = [top for n, top in self.facts.buckets if n]
        wrong = {
            "an item or the secret": tree_head(made).hex() != self.header.manifest_root,
            "the map": tops != held or self.map.root.hex() != self.header.map_root,
            "the header": self.header.root != self.facts.root,
            "the key": self.vrf_key.public.hex() != self.header.vrf_public,
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise VerificationError(
                    f"{self.folder}: {name} was changed after sealing; restore the snapshot from a copy"
                )

    def _bucket(self, number: int) -> Bucket:
        if number not in self._buckets:
            start = (len(self.facts.buckets) - 1).bit_length()
            path = self.folder / MAP_FOLDER / f"{number:02x}.bucket"
            self._buckets[number] = read_bucket(path, start)
        return self._buckets[number]

    @cached_property
    def _commitments(self) -> NDArray[np.uint8]:
        return self._mapped(COMMITMENTS_FILE, 32 * len(self)).reshape(-1, 32)

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
