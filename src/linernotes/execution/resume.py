"""Finished shards on disk, so that an interrupted run goes on where it stopped.

A shard's state is stored under the hash of everything it depends on: the fold (with its configuration,
weights and the source text of its class), the package's version and the items of the
shard. A shard is written beside its place and renamed, so a killed run leaves whole shards or none.

Conventions
-----------
A shard file is one line ``linernotes-shard 1 <sha256 of the rest>``, then a pickle (protocol 5).

Known limits
------------
A change in a function that the fold calls is not seen before the package's version changes: delete the
folder after such a change. Pickle executes what it reads: a store
holds this machine's own intermediate states and is no exchange format; the hash finds damage, not malice.

Examples
--------
>>> import tempfile
>>> from linernotes.testing.folds import FloatSum
>>> with tempfile.TemporaryDirectory() as folder:
...     store = ShardStore(Path(folder))
...     [key] = store.keys(FloatSum(), [[1.0, 2.0]], "sum")
...     store.save(key, 3.0)
...     store.load(key)
3.0
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError
from linernotes.execution.digest import content_digest

MAGIC = b"linernotes-shard 1 "
HEADER_LENGTH = len(MAGIC) + 64 + 1


@dataclass(frozen=True)
class ShardStore:
    """A folder of finished shard states.

    Parameters
    ----------
    folder : Path
        Where shard files lie; made when the first one is saved.
    """

    folder: Path

    def keys(self, fold: object, shards: Sequence[Sequence[object]], name: str) -> list[str]:
        """Return one file name per shard, from the content of the fold and of the shard.

        Raises
        ------
        InputError
            If the fold or an item holds something without content, such as an open file.
        """
        label = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "pass"
        of_fold = content_digest((fold, _code_of(fold)))
        digests = (content_digest((of_fold, list(shard))) for shard in shards)
        return [f"{label}-{digest[:40]}.shard" for digest in digests]

    def has(self, key: str) -> bool:
        """Tell whether the shard was finished."""
        return (self.folder / key).is_file()

    def save(self, key: str, state: object) -> None:
        """Keep a finished shard's state; the file appears whole or not at all."""
        self.save_pickled(key, pickle.dumps(state, protocol=5))

    def save_pickled(self, key: str, body: bytes) -> None:
        """Keep a state that a worker has pickled already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{key}.{os.getpid()}.partial"
        with partial.open("wb") as stream:
            stream.write(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n")
            stream.write(body)
        os.replace(partial, self.folder / key)

    def load(self, key: str) -> Any:
        """Return a finished shard's state.

        Raises
        ------
        CorpusError
            If the file is damaged or is not a shard file.
        """
        path = self.folder / key
        raw = path.read_bytes()
        header, body = raw[:HEADER_LENGTH], raw[HEADER_LENGTH:]
        if not header.startswith(MAGIC) or not header.endswith(b"\n"):
            raise CorpusError(f"{path}: not a shard file of this revision; delete it and run again")
        promised = header[len(MAGIC) : -1].decode("ascii", "replace")
        found = hashlib.sha256(body).hexdigest()
        if promised != found:
            raise CorpusError(
                f"{path}: damaged: its header promises SHA-256 {promised[:16]}…, its {len(body)} bytes have "
                f"{found[:16]}…; delete the file and run again, only this shard is computed anew"
            )
        return pickle.loads(body)  # noqa: S301  (our own intermediate state, see Known limits)


def _code_of(fold: object) -> tuple[str, str]:
    try:
        return version("linernotes"), inspect.getsource(type(fold))
    except (OSError, TypeError):  # compiled or made at run time: the version stands for it
        return version("linernotes"), ""
