"""The queries of the grid, made once and kept, so that every system is asked with the same samples.

A *row* is a kind of damage; where it has two directions (a semitone up, a semitone down), they alternate.
A *cell* is a row at one length: an array of 16-bit samples and a list of what is true of each query.
All rows of one length are made from the same excerpts.

Folder: ``HALF-nCOUNT-sSEED/LENGTHs/ROW.npy`` and ``ROW.json``; a length that is half done is made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from benchmarks.identify.material import (
    CONDITIONS,
    RATE,
    Samples,
    Source,
    damaged,
    excerpts,
    other_music,
)

LENGTHS = (3, 5, 10, 30)
SLOWEST = 1.25  # seconds of recording that the fastest condition uses in a second of query, and a margin
ROWS: dict[str, tuple[str, ...]] = {
    name: (name,)
    for name in (
        "clean", "MP3 64k", "MP3 32k", "Opus 24k", "equaliser", "telephone", "reverb", "noise 10 dB",
        "noise 0 dB", "noise -6 dB", "under 0 dB", "under -6 dB", "embedded",
    )
}  # fmt: skip
ROWS |= {f"pitch ±{n}": (f"pitch +{n}", f"pitch -{n}") for n in (1, 3)}
ROWS |= {f"tempo ±{n} %": (f"tempo +{n} %", f"tempo -{n} %") for n in (5, 10, 20)}
ROWS |= {f"speed ±{n} %": (f"speed +{n} %", f"speed -{n} %") for n in (5, 10)}
ROWS["pitch ±2 tempo ∓10 %"] = ("pitch +2 tempo -10 %", "pitch -2 tempo +10 %")


@dataclass(frozen=True)
class Query:
    """One question and what is true of it."""

    query_id: str
    row: str
    condition: str
    seconds: float
    recording_id: str
    artist: str
    start_s: float

    def reference_s(self, query_s: float) -> float:
        """Return where in the recording a moment of the query comes from."""
        rule = CONDITIONS[self.condition]
        return self.start_s + (query_s - rule.begins * self.seconds) * rule.consumes


@dataclass(frozen=True)
class Cell:
    """The queries of one row at one length."""

    row: str
    seconds: int
    queries: tuple[Query, ...]
    samples_path: Path
    places: tuple[int, ...]

    def samples(self, number: int) -> Samples:
        """Return the samples of one query."""
        stored = np.load(self.samples_path, mmap_mode="r")
        return np.asarray(stored[self.places[number]], np.float32) / np.float32(32767)


@dataclass(frozen=True)
class Plan:
    """Which queries to make.

    Parameters
    ----------
    half : str
        ``dev`` or ``report``, for the name of the folder.
    rows : tuple of str
        Keys of `ROWS`.
    counts : dict of int to int
        Queries of each row, per length in seconds.
    seed : int
        Draws excerpts and damage.
    """

    half: str
    rows: tuple[str, ...]
    counts: dict[int, int]
    seed: int

    def folder(self, root: Path, seconds: int) -> Path:
        """Return where the cells of one length lie."""
        return root / f"{self.half}-n{self.counts[seconds]}-s{self.seed}" / f"{seconds}s"


def prepare(
    plan: Plan, seconds: int, chosen: Sequence[Source], others: Sequence[Source], root: Path
) -> list[Cell]:
    """Return the cells of one length; what is not on disk yet is made."""
    folder = plan.folder(root, seconds)
    missing = [row for row in plan.rows if not (folder / f"{_slug(row)}.json").is_file()]
    if missing:
        _make(plan, seconds, missing, chosen, others, folder)
    submixes = {one.recording_id for one in chosen if one.is_submix}
    return [_load(folder, row, seconds, submixes) for row in plan.rows]


def _make(
    plan: Plan,
    seconds: int,
    rows: Sequence[str],
    chosen: Sequence[Source],
    others: Sequence[Source],
    folder: Path,
) -> None:
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    drawn = list(excerpts(chosen, seconds * SLOWEST + 0.25, plan.counts[seconds], plan.seed + seconds))
    facts: dict[str, list[Query]] = {row: [] for row in rows}
    for row in rows:
        length = seconds * RATE * (3 if CONDITIONS[ROWS[row][0]].begins else 1)
        stored = open_memmap(partial / f"{_slug(row)}.npy", "w+", np.int16, (len(drawn), length))
        for number, (source, start, samples) in enumerate(drawn):
            condition = ROWS[row][number % len(ROWS[row])]
            rng = np.random.default_rng([plan.seed, seconds, number])
            other = other_music(others, rng)
            out = damaged(samples, seconds, condition, rng, other)
            stored[number, : len(out)] = np.clip(out * 32767, -32768, 32767)
            name = f"{_slug(row)}/{seconds}s/{number}"
            query = Query(name, row, condition, seconds, source.recording_id, source.artist, start)
            facts[row].append(query)
        stored.flush()
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        os.replace(partial / f"{_slug(row)}.npy", folder / f"{_slug(row)}.npy")
        listing = partial / f"{_slug(row)}.json"
        listing.write_text(json.dumps([asdict(query) for query in facts[row]]) + "\n", encoding="utf-8")
        os.replace(listing, folder / listing.name)  # last: its presence says that the cell is whole
    shutil.rmtree(partial)


def _load(folder: Path, row: str, seconds: int, left_out: set[str]) -> Cell:
    listed = json.loads((folder / f"{_slug(row)}.json").read_text(encoding="utf-8"))
    kept = [k for k, one in enumerate(listed) if one["recording_id"] not in left_out]
    queries = tuple(Query(**listed[k]) for k in kept)
    return Cell(row, seconds, queries, folder / f"{_slug(row)}.npy", tuple(kept))


def _slug(row: str) -> str:
    return row.replace("±", "").replace("∓", "").replace(" %", "pc").replace(" ", "-")


def numbered(cells: Sequence[Cell]) -> Iterator[tuple[Cell, int]]:
    """Give every query of some cells as its cell and its number."""
    for cell in cells:
        for number in range(len(cell.queries)):
            yield cell, number
