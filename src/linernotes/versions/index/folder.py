"""The index of one collection by one encoder: a vector store, a log of recordings, and what they belong to.

::

    index/mini-1a2b3c4d/
    ├── index.json            encoder, segment length and hop, which store; replaced whole
    ├── recordings.log        which recordings are in it, one line each
    ├── vectors/ …            the embedded store, unless the vectors are on a server
    └── writer.lock

Adding a recording puts its vectors into the store and then its line into the log. A process killed in between leaves
vectors without a line: nobody finds them, and the next writer removes them. Building an index is adding what is not
in the log yet, and so it resumes by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from linernotes.errors import CorpusError, InputError
from linernotes.versions.encoder.embed import Encoder, SegmentEmbeddings
from linernotes.versions.index.embedded import EmbeddedStore
from linernotes.versions.index.recordings import (
    LOG,
    MOST_SEGMENTS,
    SEGMENT_BITS,
    Indexed,
    RecordingLog,
    number_of,
)
from linernotes.versions.index.sealed import AGAIN, read_sealed, write_sealed, writer_lock
from linernotes.versions.index.store import END_OF_IDS, VectorStore

HEADER = "index.json"
FORMAT, REVISION = "linernotes-version-index", 1
VECTORS = "vectors"
EMBEDDED = "embedded"
QDRANT = "qdrant:"


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What an index belongs to.

    Parameters
    ----------
    encoder : str
        Name of the encoder, with revision or hash of its weights.
    dimension : int
        Values per vector.
    length_s, hop_s : float
        Its segments.
    store : str
        ``embedded``, or ``qdrant:`` and a collection and address.
    """

    encoder: str
    dimension: int
    length_s: float
    hop_s: float
    store: str = EMBEDDED

    @classmethod
    def of(cls, encoder: Encoder, store: str = EMBEDDED) -> Self:
        """Return the facts of an index that an encoder fills."""
        return cls(encoder.name, encoder.dimension, encoder.length_s, encoder.hop_s, store)


class VersionIndex:
    """An index that is open, for reading or for writing; use it in a ``with`` statement.

    Examples
    --------
    >>> import tempfile
    >>> facts = IndexFacts("toy-1", dimension=2, length_s=20.0, hop_s=5.0)
    >>> one = SegmentEmbeddings(np.eye(2, dtype=np.float32), np.float32([0, 5]), 20.0, "toy-1")
    >>> with tempfile.TemporaryDirectory() as place, VersionIndex.create(Path(place) / "toy-1", facts) as index:
    ...     index.add("a" * 64, one, duration_s=25.0)
    ...     len(index), "a" * 64 in index, index.store.search(one.vectors, 1).distances.max()
    (1, True, np.float32(0.0))
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.folder = folder
        self._holding: ExitStack | None = writer_lock(folder) if write and folder.is_dir() else None
        try:
            self.facts = read_facts(folder)
            self.log = RecordingLog(folder / LOG)
            self.store: VectorStore = _opened(folder, self.facts, write=write)
            if write:
                self.store.remove(self.log.next_number << SEGMENT_BITS, END_OF_IDS)
        except BaseException:
            self._release()
            raise

    @classmethod
    def create(cls, folder: Path, facts: IndexFacts) -> Self:
        """Make an empty index, open for writing.

        Raises
        ------
        CorpusError
            If there is one already, or the folder or server cannot be written to.
        """
        if (folder / HEADER).exists():
            raise CorpusError(f"{folder}: holds an index already; open it")
        folder.mkdir(parents=True, exist_ok=True)
        with writer_lock(folder):
            if facts.store == EMBEDDED:
                if not (folder / VECTORS / "store.json").exists():  # else: killed before the header below
                    EmbeddedStore.create(folder / VECTORS, facts.dimension).close()
            elif not facts.store.startswith(QDRANT):
                raise InputError(f"vector store {facts.store!r}; expected {EMBEDDED}, or {QDRANT}ADDRESS")
            (folder / LOG).touch()
            body = {name: getattr(facts, name) for name in IndexFacts.__slots__}
            write_sealed(folder / HEADER, FORMAT, REVISION, body)
        return cls(folder, write=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(entry.n_segments > 0 for entry in self.log.by_number.values())

    def __contains__(self, content_sha256: str) -> bool:
        return content_sha256 in self.log.by_content

    def close(self) -> None:
        """Let the next writer in."""
        self.store.close()
        self._release()

    def add(self, content_sha256: str, embeddings: SegmentEmbeddings, duration_s: float) -> None:
        """Add a recording; when this returns, the disk has it. One that is there already stays as it is.

        Raises
        ------
        InputError
            If another encoder made the embeddings, or there are more than 65,536.
        CorpusError
            If the index is open for reading only, or the disk is full.
        """
        self._may_write()
        if content_sha256 in self:
            return
        if embeddings.model != self.facts.encoder:
            raise InputError(
                f"embeddings of {embeddings.model}; expected {self.facts.encoder}, as in {self.folder}"
            )
        if len(embeddings) > MOST_SEGMENTS:
            raise InputError(
                f"{len(embeddings)} segments in one recording; expected up to {MOST_SEGMENTS}: cut it"
            )
        number = max(self.log.next_number, number_of(self.store.last_id) + 1)
        entry = Indexed(number, content_sha256, len(embeddings), float(duration_s))
        self.store.add(entry.first_id + np.arange(len(embeddings)), embeddings.vectors)
        self.log.add(entry)

    def add_unusable(self, content_sha256: str, reason: str) -> None:
        """Remember that a recording has no vectors, and why."""
        self._may_write()
        if content_sha256 not in self:
            number = max(self.log.next_number, number_of(self.store.last_id) + 1)
            self.log.add(Indexed(number, content_sha256, 0, reason=reason))

    def remove(self, contents: Collection[str]) -> int:
        """Take recordings out and return how many were there."""
        self._may_write()
        there = sorted(set(contents) & self.log.by_content.keys())
        for content in there:
            entry = self.log.remove(content)  # first: vectors that nobody can name are found by nobody
            self.store.remove(entry.first_id, entry.end_id)
        return len(there)

    def faults(self) -> tuple[tuple[str, str], ...]:
        """Read everything; return the content hash and a sentence for each damaged recording."""
        found: dict[str, str] = {}
        for vector_id, sentence in self.store.faults():
            entry = self.log.by_number.get(number_of(vector_id))
            if entry is not None:
                found.setdefault(entry.content_sha256, sentence)
        n_named = sum(entry.n_segments for entry in self.log.by_number.values())
        if not found and len(self.store) < n_named:
            raise CorpusError(
                f"{self.folder}: {n_named} vectors are named and {len(self.store)} are there; {AGAIN}"
            )
        return tuple(sorted(found.items()))

    def _may_write(self) -> None:
        if self._holding is None:
            raise CorpusError(f"{self.folder}: open for reading only; open it for writing")

    def _release(self) -> None:
        if self._holding is not None:
            self._holding.close()
            self._holding = None


def read_facts(folder: Path) -> IndexFacts:
    """Return what an index belongs to.

    Raises
    ------
    CorpusError
        If there is none, or it is damaged.
    NewerRevision
        If a newer Linernotes wrote it.
    """
    body: dict[str, Any] = read_sealed(folder / HEADER, FORMAT, REVISION)
    try:
        return IndexFacts(**{name: body[name] for name in IndexFacts.__slots__})
    except KeyError as error:
        raise CorpusError(f"{folder / HEADER}: damaged: no {error}; {AGAIN}") from error


def _opened(folder: Path, facts: IndexFacts, *, write: bool) -> VectorStore:
    if facts.store == EMBEDDED:
        return EmbeddedStore.open(folder / VECTORS, write=write)
    from linernotes.versions.index.qdrant import QdrantStore

    return QdrantStore.open(facts.store.removeprefix(QDRANT), facts.dimension)
