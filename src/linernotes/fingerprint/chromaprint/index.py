"""Imported fingerprints and, for each half of a sub-fingerprint, the places where it occurs.

All fingerprints lie one after the other in one row of 32-bit numbers. Two tables lead from 16 bits (the
upper half, the lower half) to the positions that hold them: noise rarely spoils both halves of many
neighbours at once. An index is a value: adding and removing return a new one.

Conventions
-----------
``key_starts`` is ``[shape=(131073,), int64]``: postings of upper half *k* lie between entries *k* and
*k* + 1, those of lower half *k* between 65536 + *k* and 65537 + *k*. ``postings`` holds positions in
``values``, rising within a key.

Cost
----
12 bytes per sub-fingerprint, 0.35 MB per hour of audio. Building takes about 0.1 s per million and
24 bytes of memory each.

Known limits
------------
At most 4,294,967,295 sub-fingerprints (4.5 million recordings of two minutes). Building sorts in memory;
adding builds anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.chromaprint.prints import Chromaprint

HALF_BITS = 16
N_HALF = 1 << HALF_BITS
N_KEYS = 2 * N_HALF
ARRAYS: dict[str, type] = {"values": np.uint32, "key_starts": np.int64, "postings": np.uint32}
COMPARABLE = {1: "TEST2", 3: "TEST4"}  # TEST4 is TEST2 without the silence at the beginning

_MAX_ITEMS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Imported:
    """What is known about one imported fingerprint, and where its numbers lie.

    Parameters
    ----------
    recording : Recording
        Names, codes, rightsholder.
    duration_s : float
        Length of the whole recording as its owner states it; the fingerprint may cover less.
    algorithm : int
        Number of the algorithm.
    first, n : int
        Position of its first sub-fingerprint, and their number.
    """

    recording: Recording
    duration_s: float
    algorithm: int
    first: int
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class PrintIndex:
    """Fingerprints of recordings, ready to be searched.

    Parameters
    ----------
    entries : tuple of Imported
        In the order of their numbers.
    values, key_starts, postings : numpy arrays
        See the module's conventions.
    starts : NDArray[np.int64] [shape=(n_entries + 1,)]
        Where the numbers of each entry begin; the last is the number of all.

    Examples
    --------
    >>> rain = Recording(recording_id="rain", title="Rain", artist="Ada")
    >>> index = PrintIndex.empty().add([(rain, 61.5, Chromaprint.of([5, 9]))])
    >>> len(index.values), index.fingerprint("rain").values.tolist()
    (2, [5, 9])
    """

    entries: tuple[Imported, ...]
    values: NDArray[np.uint32]
    key_starts: NDArray[np.int64]
    postings: NDArray[np.uint32]
    starts: NDArray[np.int64]

    @classmethod
    def empty(cls) -> PrintIndex:
        """Return an index without fingerprints."""
        return _build((), np.zeros(0, np.uint32))

    def add(self, entries: Sequence[tuple[Recording, float, Chromaprint]]) -> PrintIndex:
        """Return an index that also holds these; one whose id is there already is replaced.

        Parameters
        ----------
        entries : sequence of (Recording, float, Chromaprint)
            The recording, its duration in seconds, its fingerprint.

        Raises
        ------
        InputError
            If an id is given twice, a fingerprint is empty or of an algorithm that cannot be compared, or
            there are more sub-fingerprints than an index can hold.
        """
        ids = [recording.recording_id for recording, _, _ in entries]
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise InputError(f"recording '{twice}': given twice; keep one fingerprint of it")
        for recording, _, fingerprint in entries:
            check_comparable(fingerprint, recording.recording_id)
        kept = [entry for entry in self.entries if entry.recording.recording_id not in set(ids)]
        parts = [self.values[entry.first : entry.first + entry.n] for entry in kept]
        parts += [fingerprint.values for _, _, fingerprint in entries]
        kept += [
            Imported(recording, float(duration_s), fingerprint.algorithm, 0, len(fingerprint))
            for recording, duration_s, fingerprint in entries
        ]
        return _build(tuple(kept), np.concatenate([np.zeros(0, np.uint32), *parts]))

    def without(self, recording_ids: Collection[str]) -> PrintIndex:
        """Return an index without these recordings; unknown ids are passed over."""
        gone = set(recording_ids)
        kept = tuple(entry for entry in self.entries if entry.recording.recording_id not in gone)
        if len(kept) == len(self.entries):
            return self
        parts = [self.values[entry.first : entry.first + entry.n] for entry in kept]
        return _build(kept, np.concatenate([np.zeros(0, np.uint32), *parts]))

    def fingerprint(self, recording_id: str) -> Chromaprint:
        """Return one fingerprint.

        Raises
        ------
        CorpusError
            If there is none of that id.
        """
        for entry in self.entries:
            if entry.recording.recording_id == recording_id:
                return self.fingerprint_of(entry)
        raise CorpusError(
            f"recording '{recording_id}': no imported fingerprint; "
            "add it with 'linernotes catalog import-fingerprints'"
        )

    def fingerprint_of(self, entry: Imported) -> Chromaprint:
        """Return the fingerprint of an entry of this index."""
        return Chromaprint(np.array(self.values[entry.first : entry.first + entry.n]), entry.algorithm)


def starts_of(entries: Sequence[Imported]) -> NDArray[np.int64]:
    """Return where the numbers of each entry begin, and the number of all."""
    starts = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([entry.n for entry in entries], out=starts[1:])
    return starts


def check_comparable(fingerprint: Chromaprint, name: str) -> None:
    """Refuse a fingerprint that cannot be searched for.

    Raises
    ------
    InputError
        If it is empty, or of another algorithm than those of `COMPARABLE`.

    Examples
    --------
    >>> check_comparable(Chromaprint.of([1]), "rain")
    """
    if len(fingerprint) == 0:
        raise InputError(f"{name}: its fingerprint is empty; the audio was shorter than 2.7 s")
    if fingerprint.algorithm not in COMPARABLE:
        known = " or ".join(f"{number} ({label})" for number, label in COMPARABLE.items())
        raise InputError(
            f"{name}: its fingerprint is of algorithm {fingerprint.algorithm}; expected {known}; "
            "make it again with fpcalc's default algorithm"
        )


def keys_of(values: NDArray[np.uint32]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the upper and the lower half of each sub-fingerprint.

    Examples
    --------
    >>> [half.tolist() for half in keys_of(np.array([0x00050009], np.uint32))]
    [[5], [9]]
    """
    return (values >> np.uint32(HALF_BITS)).astype(np.uint16), (values & np.uint32(N_HALF - 1)).astype(
        np.uint16
    )


def _build(entries: tuple[Imported, ...], values: NDArray[np.uint32]) -> PrintIndex:
    if len(values) > _MAX_ITEMS:
        raise InputError(
            f"{len(values)} sub-fingerprints: one index holds {_MAX_ITEMS}; split the catalogue over workspaces"
        )
    first, placed = 0, []
    for entry in entries:
        placed.append(replace(entry, first=first))
        first += entry.n
    counts, orders = [], []
    for keys in keys_of(values):
        counts.append(np.bincount(keys, minlength=N_HALF))
        orders.append(np.argsort(keys, kind="stable").astype(np.uint32))  # a radix sort for 16 bits
    key_starts = np.zeros(N_KEYS + 1, np.int64)
    np.cumsum(np.concatenate(counts), out=key_starts[1:])
    return PrintIndex(tuple(placed), values, key_starts, np.concatenate(orders), starts_of(placed))
