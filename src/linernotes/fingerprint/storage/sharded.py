"""Several index folders searched as one catalogue, on one machine or many.

A search is a fold over shards: each shard answers alone, answers are put together. What makes them one
catalogue is the false-match rate: the hours of all shards are added up first, and every shard decides as
part of that whole. As in one index, changed pitch and tempo count only where no exact match of any shard
covers the query.

Conventions
-----------
A shard is an index folder that every worker reads under the same path. Recording ids are unique over all
shards; where they are not, `ShardedCatalogue.open` says so.

Cost
----
A worker keeps the shards that it has opened. Queries travel with the fold (about 56 kB per second of
query): give many at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from linernotes.errors import CorpusError, InputError
from linernotes.evidence.identification import Match
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.landmarks import Query
from linernotes.fingerprint.match import identify_query
from linernotes.fingerprint.question import BENT
from linernotes.fingerprint.second_look import Listen
from linernotes.fingerprint.storage.catalogue import Catalogue, open_index
from linernotes.fingerprint.storage.manifest import read_manifest
from linernotes.folds import Runner

_UNDER_EXACT = 0.7  # of a changed match under an exact one: it would not have been searched for

Answer = tuple[tuple[Match, ...], tuple[Match, ...]]
"""What one shard finds for one query: by the exact search alone, and by both searches."""


@dataclass(frozen=True)
class ShardedCatalogue:
    """Index folders that are searched together.

    Parameters
    ----------
    folders : tuple of str
        The shards.
    n_recordings : int
        Recordings of all shards.
    duration_s : float
        Music in all shards, in seconds: the size that false-match rates refer to.
    """

    folders: tuple[str, ...]
    n_recordings: int
    duration_s: float

    @classmethod
    def open(cls, folders: Sequence[Path | str], *, check_ids: bool = True) -> ShardedCatalogue:
        """Look at every shard once.

        Parameters
        ----------
        folders : sequence of Path or str
            The shards; their order does not matter to what is found.
        check_ids : bool
            Whether ids are compared over all shards; it needs all of them in memory at once.

        Raises
        ------
        InputError
            If there is no folder, or one is given twice.
        CorpusError
            If a shard is no index or is damaged, or two hold one recording id.
        """
        names = tuple(str(folder) for folder in folders)
        if not names:
            raise InputError("no shards; give at least one index folder")
        if len({Path(name).resolve() for name in names}) < len(names):
            raise InputError("a shard is given twice; give each index folder once")
        n_recordings, duration_s = 0, 0.0
        owner: dict[str, str] = {}
        for name in names:
            catalogue = open_index(Path(name), verify_bytes=0)
            n_recordings += len(catalogue)
            duration_s += catalogue.duration_s
            for recording_id in catalogue.content_hashes if check_ids else ():
                if recording_id in owner:
                    raise CorpusError(
                        f"recording '{recording_id}': in two shards, {owner[recording_id]} and {name}; "
                        "remove it from one of them with 'linernotes catalog remove'"
                    )
                owner[recording_id] = name
        return cls(names, n_recordings, duration_s)

    def identify(
        self,
        queries: Sequence[tuple[str, Query]],
        run: Runner,
        *,
        max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
        search_shifts: bool = True,
        thorough: bool = False,
        listen: Listen | None = None,
    ) -> list[tuple[Match, ...]]:
        """Return the matches of each query over all shards, best first.

        Parameters
        ----------
        queries : sequence of (str, Query)
            Name and `linernotes.fingerprint.landmarks.find_query` of each.
        run : Runner
            An engine of `linernotes.execution`.
        max_false_match_rate : float in (0, 1)
            Highest chance of a false match, per query and over all shards, that is still reported.
        search_shifts : bool
            Whether changed pitch and tempo are tried where no exact match is found.
        thorough : bool
            Whether to look at ten times as many postings.
        listen : Listen, optional
            Gives the audio of recordings for a second look at what is in doubt; it travels to the workers.

        Raises
        ------
        InputError
            If the limit is not a rate.
        """
        check_limit(max_false_match_rate)
        fold = SearchShards(
            tuple(queries),
            self.duration_s,
            max_false_match_rate,
            search_shifts,
            thorough,
            listen,
            len(self.folders),
        )
        return run(fold, self.folders, name="searching shards")


@dataclass(frozen=True)
class SearchShards:
    """The fold of one search: items are shards, the state holds what was found so far, by query.

    Parameters
    ----------
    queries : tuple of (str, Query)
        Name and content of each.
    catalogue_s : float
        Seconds of music in all shards.
    limit : float
        Highest false-match rate.
    search_shifts : bool
        Whether changed pitch and tempo are tried.
    thorough : bool
        Whether to look at ten times as many postings.
    listen : Listen or None
        Gives the audio of recordings.
    n_shards : int > 0
        How many shards there are: each may take second looks.
    """

    queries: tuple[tuple[str, Query], ...]
    catalogue_s: float
    limit: float
    search_shifts: bool = True
    thorough: bool = False
    listen: Listen | None = None
    n_shards: int = 1
    shard_size: ClassVar[int] = 1

    def start(self) -> list[tuple[Answer, ...]]:
        """Return no answer to any query."""
        return [() for _ in self.queries]

    def add(self, state: list[tuple[Answer, ...]], items: Sequence[str]) -> list[tuple[Answer, ...]]:
        """Search one shard after the other."""
        for folder in items:
            state = self.merge(state, [(self._search(query, folder),) for query in self.queries])
        return state

    def merge(
        self, left: list[tuple[Answer, ...]], right: list[tuple[Answer, ...]]
    ) -> list[tuple[Answer, ...]]:
        """Put the answers of two sets of shards together."""
        return [a + b for a, b in zip(left, right, strict=True)]

    def finish(self, state: list[tuple[Answer, ...]]) -> list[tuple[Match, ...]]:
        """Rank what was found, without what one index would not have looked for."""
        return [_ranked(answers) for answers in state]

    def _search(self, query: tuple[str, Query], folder: str) -> Answer:
        catalogue = _opened(folder, read_manifest(Path(folder)).generation)

        def found(*, search_shifts: bool, listen: Listen | None = None) -> tuple[Match, ...]:
            return identify_query(
                query[1],
                catalogue,
                query_id=query[0],
                max_false_match_rate=self.limit,
                search_shifts=search_shifts,
                thorough=self.thorough,
                listen=listen,
                catalogue_s=self.catalogue_s,
                n_catalogues=self.n_shards,
            )

        return found(search_shifts=False), found(search_shifts=self.search_shifts, listen=self.listen)


def _ranked(answers: tuple[Answer, ...]) -> tuple[Match, ...]:
    kept = []
    for position, (exact, both) in enumerate(answers):
        others = [
            match
            for other in answers[:position] + answers[position + 1 :]
            for match in other[0]
            if match.pitch_shift_semitones == 0 and abs(match.time_ratio - 1) < BENT
        ]
        kept += [
            match
            for match in both
            if match in exact or not any(_share_under(match, other) >= _UNDER_EXACT for other in others)
        ]
    return tuple(sorted(kept, key=lambda match: (-match.score, match.recording_id)))


def _share_under(one: Match, other: Match) -> float:
    """Return which part of a match's stretch of the query lies under another's."""
    shared = min(one.query.end_s, other.query.end_s) - max(one.query.start_s, other.query.start_s)
    return max(0.0, shared) / max(one.query.duration_s, 1e-9)


@lru_cache(maxsize=64)
def _opened(folder: str, generation: int) -> Catalogue:
    """Return a shard, opened once per process and generation."""
    return open_index(Path(folder))
