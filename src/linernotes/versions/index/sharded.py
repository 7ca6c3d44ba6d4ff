"""Several indexes searched as one, on one machine or many.

A search is a fold over shards: each answers alone with its *k* nearest, and the nearest of all answers are the
nearest of all vectors. One index is the case of one shard.

Conventions
-----------
A shard is an index folder that every worker reads under the same path; all are of one encoder. In answers, the id of
a vector is ``shard << 47 | number << 16 | segment``.

Cost
----
A worker keeps the shards that it has opened. Query vectors travel with the fold: 0.5 kB per segment at 128
dimensions; k hits come back from each shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError, InputError
from linernotes.folds import Runner
from linernotes.versions.index.folder import IndexFacts, VersionIndex, read_facts
from linernotes.versions.index.recordings import LOG, SEGMENT_BITS, Indexed, RecordingLog
from linernotes.versions.index.store import END_OF_IDS, NOTHING, Hits, checked_k, checked_vectors, merged

SHARD_BITS = END_OF_IDS.bit_length() - 1
MOST_SHARDS = 1 << 15


@dataclass(frozen=True, eq=False)
class ShardedIndex:
    """Index folders that are searched together.

    Parameters
    ----------
    folders : tuple of str
        The shards.
    facts : IndexFacts
        What they belong to; the store is that of the first.
    logs : tuple of RecordingLog
        What each holds.
    """

    folders: tuple[str, ...]
    facts: IndexFacts
    logs: tuple[RecordingLog, ...]

    @classmethod
    def open(cls, folders: Sequence[Path | str]) -> ShardedIndex:
        """Look at every shard once.

        Raises
        ------
        InputError
            If there is no folder, or one is given twice.
        CorpusError
            If a shard is no index or is damaged, or two are of different encoders.
        """
        names = tuple(str(folder) for folder in folders)
        if not 1 <= len(names) <= MOST_SHARDS:
            raise InputError(f"{len(names)} shards; expected 1 to {MOST_SHARDS}")
        if len({Path(name).resolve() for name in names}) < len(names):
            raise InputError("a shard is given twice; give each index folder once")
        facts = [read_facts(Path(name)) for name in names]
        for name, found in zip(names, facts, strict=True):
            if (found.encoder, found.dimension) != (facts[0].encoder, facts[0].dimension):
                raise CorpusError(
                    f"{name}: made by encoder {found.encoder}, {names[0]} by {facts[0].encoder}; index one of them "
                    "again with 'linernotes versions index add --encoder'"
                )
        return cls(names, facts[0], tuple(RecordingLog(Path(name) / LOG) for name in names))

    @property
    def n_segments(self) -> int:
        """Vectors in all shards."""
        return sum(entry.n_segments for log in self.logs for entry in log.by_number.values())

    def search(self, vectors: NDArray[np.float32], k: int, run: Runner) -> Hits:
        """Return the *k* nearest of all shards to each row of *vectors*.

        Parameters
        ----------
        vectors : NDArray[np.float32] [shape=(n_queries, dimension)]
            Made by the same encoder.
        k : int >= 1
            Vectors per query.
        run : Runner
            An engine of `linernotes.execution`.

        Raises
        ------
        InputError
            If *k* is less than 1, or vectors are not finite or of another width.
        """
        fold = SearchShards(checked_vectors(vectors, self.facts.dimension), checked_k(k))
        return run(fold, list(enumerate(self.folders)), name="searching segments")

    def recording_of(self, vector_id: int) -> Indexed | None:
        """Return what a vector is of; None where its recording is not in the log."""
        shard, inside = divmod(vector_id, END_OF_IDS)
        return self.logs[shard].by_number.get(inside >> SEGMENT_BITS)


@dataclass(frozen=True, eq=False)
class SearchShards:
    """The fold of one search: items are shards with their number, the state holds their answers.

    Parameters
    ----------
    vectors : NDArray[np.float32] [shape=(n_queries, dimension)]
        The queries.
    k : int
        Vectors per query.
    """

    vectors: NDArray[np.float32]
    k: int
    shard_size: ClassVar[int] = 1

    def start(self) -> list[Hits]:
        """Return no answer."""
        return []

    def add(self, state: list[Hits], items: Sequence[tuple[int, str]]) -> list[Hits]:
        """Search one shard after the other."""
        return state + [self._search(number, folder) for number, folder in items]

    def merge(self, left: list[Hits], right: list[Hits]) -> list[Hits]:
        """Put the answers of two sets of shards together."""
        return left + right

    def finish(self, state: list[Hits]) -> Hits:
        """Return the nearest of all answers."""
        return merged(state, self.k)

    def _search(self, number: int, folder: str) -> Hits:
        log = Path(folder) / LOG
        try:
            facts = log.stat()
        except OSError as error:
            raise CorpusError(
                f"{log}: {error.strerror}; every worker must see the index under this path"
            ) from error
        found = _opened(folder, facts.st_size, facts.st_mtime_ns).store.search(self.vectors, self.k)
        return Hits(
            np.where(found.ids == NOTHING, NOTHING, found.ids + (number << SHARD_BITS)), found.distances
        )


@lru_cache(maxsize=64)
def _opened(folder: str, log_bytes: int, changed_ns: int) -> VersionIndex:
    """Return a shard, opened once per process and state of its log."""
    return VersionIndex(Path(folder))
