"""Several segments become one, in bounded memory: a merge of sorted postings, block by block.

The time axes of the sources are laid one behind the other; recordings that are dead are left out and
the axis closes up, so that the result is what indexing the living recordings anew would give, byte for
byte. Postings are merged over blocks of neighbouring keys: of each source one slice of a block is read,
dead postings are dropped, frames are moved, and the block is written before the next one is read.

Cost
----
Each source is read once (twice where recordings were removed, to count what stays) and the result is
written once. Memory: one block of two million postings, the tables of keys, and the columns of the
recordings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError
from linernotes.fingerprint.index import ARRAYS, FAMILIES, FingerprintIndex
from linernotes.fingerprint.storage.manifest import SegmentEntry
from linernotes.fingerprint.storage.recordings import COLUMNS, RecordingTable, columns_of
from linernotes.fingerprint.storage.segment import Segment, new_segment

EVENTS = "peak_times"
EVENT_COLUMNS = tuple(name for name in ARRAYS if name.startswith("peak_") and name != EVENTS)
"""Arrays with one element per peak, in the order of the peaks."""

MAX_FRAMES = 2**31
"""What a merged segment holds at most: 9,500 hours, so that places and counts stay well inside 32 bits."""
_MOST_POSTINGS = 2**32 - 1
_BLOCK = 1 << 21  # postings, or peaks, that are in memory at a time


@dataclass(frozen=True)
class Source:
    """A segment, on disk or in memory, and the positions that the result leaves out."""

    index: FingerprintIndex
    columns: Mapping[str, NDArray[Any]]
    dead: frozenset[int]

    @classmethod
    def of_segment(cls, segment: Segment, also_dead: frozenset[int] = frozenset()) -> Source:
        """Return an opened segment as a source."""
        return cls(segment.index, segment.table.columns, segment.dead | also_dead)

    @classmethod
    def of_index(cls, index: FingerprintIndex, dead: frozenset[int] = frozenset()) -> Source:
        """Return an index as a source."""
        held = index.recordings
        table = held if isinstance(held, RecordingTable) else RecordingTable(columns_of(held))
        return cls(index, table.columns, dead)

    @cached_property
    def stays(self) -> NDArray[np.bool_]:
        """Whether each recording is kept."""
        stays = np.ones(len(self.columns["recording_n_frames"]), bool)
        stays[sorted(self.dead)] = False
        return stays

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Frames that each recording takes on the new axis."""
        return np.where(self.stays, self.columns["recording_n_frames"], 0).astype(np.int64)

    @property
    def n_frames(self) -> int:
        """Frames that are kept."""
        return int(self.lengths.sum())

    def moved(self, first: int) -> NDArray[np.int64]:
        """Return how far the frames of each recording move when the first kept one starts at *first*."""
        old: NDArray[np.int64] = self.columns["recording_first_frame"]
        return first + np.cumsum(self.lengths) - self.lengths - old


def merge_segments(place: Path, sources: Sequence[Source]) -> SegmentEntry:
    """Write the living recordings of all sources as one segment at *place*.

    Raises
    ------
    CorpusError
        If they do not fit on one time axis (9,500 hours).
    """
    with new_segment(place) as writer:
        return writer.seal(*_merge(writer, sources))


def merge_in_memory(sources: Sequence[Source]) -> FingerprintIndex:
    """Return the living recordings of all sources as one index in memory.

    Raises
    ------
    CorpusError
        If they do not fit on one time axis (9,500 hours).
    """
    kept = _Memory()
    _merge(kept, sources)
    recordings = RecordingTable({name: kept.values[name] for name in COLUMNS})[:]
    return FingerprintIndex(recordings, **{name: kept.values[name] for name in ARRAYS})


class _Pieces(Protocol):
    def write(self, values: NDArray[Any]) -> None: ...


class _Writer(Protocol):
    def array(self, name: str, dtype: Any, length: int) -> AbstractContextManager[_Pieces]: ...


class _Memory:
    """Stands in for a `SegmentWriter` and keeps the arrays."""

    def __init__(self) -> None:
        self.values: dict[str, NDArray[Any]] = {}

    @contextmanager
    def array(self, name: str, dtype: Any, length: int) -> Iterator[_Pieces]:
        pieces: list[NDArray[Any]] = [np.zeros(0, dtype)]
        yield _List(pieces)
        self.values[name] = np.concatenate(pieces).astype(dtype)


class _List:
    def __init__(self, pieces: list[NDArray[Any]]) -> None:
        self._pieces = pieces

    def write(self, values: NDArray[Any]) -> None:
        self._pieces.append(np.asarray(values))


def _merge(writer: _Writer, sources: Sequence[Source]) -> tuple[int, int]:
    """Write everything, and return how many recordings and frames there are."""
    n_frames = sum(source.n_frames for source in sources)
    if n_frames > MAX_FRAMES:
        raise CorpusError(f"{n_frames} frames do not fit one segment of {MAX_FRAMES}; keep two segments")
    firsts = np.cumsum([0, *(source.n_frames for source in sources)])[:-1].tolist()
    moves = [source.moved(first) for source, first in zip(sources, firsts, strict=True)]
    for family in FAMILIES:
        _merge_family(writer, family, sources, moves)
    _merge_events(writer, sources, moves)
    return _merge_columns(writer, sources, firsts), n_frames


def _merge_family(
    writer: _Writer, family: str, sources: Sequence[Source], moves: Sequence[NDArray[np.int64]]
) -> None:
    n_keys, along = FAMILIES[family]
    kept = sum((_kept_per_key(source, family) for source in sources), np.zeros(n_keys, np.int64))
    starts = np.concatenate([[0], np.cumsum(kept)])
    if starts[-1] > _MOST_POSTINGS:
        raise CorpusError(
            f"{starts[-1]} postings do not fit one segment of {_MOST_POSTINGS}; keep two segments"
        )
    name = f"{family}_starts"
    with writer.array(name, ARRAYS[name], len(starts)) as array:
        array.write(starts.astype(ARRAYS[name]))
    read = sum((_starts(source, family) for source in sources), np.zeros(n_keys + 1, np.int64))
    with ExitStack() as stack:
        arrays = [stack.enter_context(writer.array(name, ARRAYS[name], int(starts[-1]))) for name in along]
        for first, last in _key_blocks(read):
            blocks = [np.empty(starts[last] - starts[first], ARRAYS[name]) for name in along]
            place = starts[first:last] - starts[first]
            for source, move in zip(sources, moves, strict=True):
                columns, counts = _kept_postings(source, family, move, first, last)
                target = np.repeat(place - (np.cumsum(counts) - counts), counts) + np.arange(len(columns[0]))
                for block, column in zip(blocks, columns, strict=True):
                    block[target] = column
                place = place + counts
            for array, block in zip(arrays, blocks, strict=True):
                array.write(block)


def _starts(source: Source, family: str) -> NDArray[np.int64]:
    return np.asarray(getattr(source.index, f"{family}_starts")).astype(np.int64)


def _kept_per_key(source: Source, family: str) -> NDArray[np.int64]:
    starts = _starts(source, family)
    if not source.dead:
        counts: NDArray[np.int64] = np.diff(starts)
        return counts
    nothing_moves = np.zeros(len(source.stays), np.int64)
    blocks = _key_blocks(starts)
    return np.concatenate([_kept_postings(source, family, nothing_moves, *block)[1] for block in blocks])


def _kept_postings(
    source: Source, family: str, move: NDArray[np.int64], first: int, last: int
) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    """Return the columns of the postings of keys ``first .. last - 1`` that stay, and how many each key has."""
    starts = getattr(source.index, f"{family}_starts")[first : last + 1].astype(np.int64)
    names = FAMILIES[family][1]
    columns = [np.asarray(getattr(source.index, name)[starts[0] : starts[-1]]) for name in names]
    counts = np.diff(starts)
    places = columns[0]
    if not len(places):
        return columns, counts
    if not source.dead:  # nothing left out: all move alike
        return [(places + move[0]).astype(places.dtype), *columns[1:]], counts
    owner = np.searchsorted(source.columns["recording_first_frame"], places, side="right") - 1
    keep = source.stays[owner]
    keys = np.repeat(np.arange(last - first), counts)[keep]
    moved = (places[keep] + move[owner[keep]]).astype(places.dtype)
    kept = [moved, *(column[keep] for column in columns[1:])]
    return kept, np.bincount(keys, minlength=last - first)


def _key_blocks(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut the keys into runs of at most a block of postings; one key is never cut."""
    n_keys, first = len(starts) - 1, 0
    while first < n_keys:
        last = int(np.searchsorted(starts, starts[first] + _BLOCK, side="right")) - 1
        last = min(n_keys, max(first + 1, last))
        yield first, last
        first = last


def _merge_events(writer: _Writer, sources: Sequence[Source], moves: Sequence[NDArray[np.int64]]) -> None:
    runs = [_event_runs(source) for source in sources]
    total = sum(end - first for found in runs for first, end, _ in found)
    with writer.array(EVENTS, ARRAYS[EVENTS], total) as array:
        for source, move, found in zip(sources, moves, runs, strict=True):
            values = getattr(source.index, EVENTS)
            for first, end, recording in found:
                for start in range(first, end, _BLOCK):
                    array.write(values[start : min(end, start + _BLOCK)] + move[recording])
    for name in EVENT_COLUMNS:
        with writer.array(name, ARRAYS[name], total) as array:
            for source, found in zip(sources, runs, strict=True):
                for first, end, _ in found:
                    for start in range(first, end, _BLOCK):
                        array.write(getattr(source.index, name)[start : min(end, start + _BLOCK)])


def _event_runs(source: Source) -> list[tuple[int, int, int]]:
    """Return stretches of events whose recordings stay and move alike: first, end, a recording of it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], source.stays, [False]]).astype(np.int8)))
    bounds = np.append(source.columns["recording_first_frame"], np.int64(2**62))
    events = getattr(source.index, EVENTS)
    runs = []
    for first, end in edges.reshape(-1, 2):
        low, high = np.searchsorted(events, bounds[[first, end]])
        runs.append((int(low), int(high), int(first)))
    return runs


def _merge_columns(writer: _Writer, sources: Sequence[Source], firsts: Sequence[int]) -> int:
    for name, dtype in COLUMNS.items():
        parts = [_kept_column(source, name, first) for source, first in zip(sources, firsts, strict=True)]
        column = np.concatenate(parts)
        if name.endswith("_ends"):
            column = np.cumsum(column, dtype=np.int64)
        with writer.array(name, dtype, len(column)) as array:
            array.write(column)
    return int(sum(source.stays.sum() for source in sources))


def _kept_column(source: Source, name: str, first: int) -> NDArray[Any]:
    """Return one column of the recordings that stay; lengths instead of ends."""
    if name == "recording_first_frame":
        return (first + np.cumsum(source.lengths) - source.lengths)[source.stays]
    if name.endswith("_bytes"):
        lengths = np.diff(source.columns[name.removesuffix("_bytes") + "_ends"], prepend=0)
        return source.columns[name][np.repeat(source.stays, lengths)]
    values = source.columns[name]
    return (np.diff(values, prepend=0) if name.endswith("_ends") else values)[source.stays]
