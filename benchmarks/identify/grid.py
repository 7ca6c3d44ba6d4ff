"""The grid: every system, every row, every length; each query asked as a known one and as an unrelated one.

Known: against the recordings of both report parts, its own among them. Unrelated: against the part of
which it is not, so that no recording there is by its artist: part 2 against part 3, and 3 against 2.

A system's *own decision* is what it calls a match by default. Its *threshold* is the highest score that any
unrelated query of the same length reached: accepted is what lies above. So every peer is shown at zero
false matches on these queries, whatever its default lets through.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import beta

from benchmarks.identify.journal import Journal
from benchmarks.identify.judge import VERSION, Judge
from benchmarks.identify.material import Source, decoded, part
from benchmarks.identify.queries import Cell, Query, numbered
from benchmarks.identify.systems import Answer, Catalogue, System, cpu_seconds

Progress = Callable[[str, int, int], None]
_BATCH = 40


@dataclass
class Rivals:
    """One system with its catalogues: all recordings, and the two halves that are unrelated to each other."""

    system: System
    everything: Catalogue
    halves: dict[int, Catalogue]


@dataclass
class Task:
    """What a worker process finds in its memory when it is forked."""

    rivals: Rivals
    cells: Sequence[Cell]
    sides: dict[str, int]
    judge: Judge
    waiting: list[tuple[str, int, int]] = field(default_factory=list)  # kind, cell, number


_task: Task | None = None


def catalogues(system: System, music: Sequence[Source], parts: tuple[int, int], folder: Path) -> Rivals:
    """Let a system index both parts together, and each of them alone."""
    named = {one.recording_id: one for one in music if part(one.artist) in parts}

    def built(sides: tuple[int, ...]) -> Catalogue:
        chosen = {k: decoded(one.path) for k, one in named.items() if part(one.artist) in sides}
        return system.build(chosen, folder / f"{system.name}-{'-'.join(map(str, sides))}")

    return Rivals(system, built(parts), {side: built((side,)) for side in parts})


def ask_all(
    rivals: Rivals,
    cells: Sequence[Cell],
    parts: tuple[int, int],
    judge: Judge,
    folder: Path,
    workers: int,
    progress: Progress,
    minutes: float = math.inf,
) -> list[dict[str, Any]]:
    """Return one row per query and kind of question, asking only what the journals do not know.

    After so many minutes no more is asked: the table then says of how many queries it is.
    """
    global _task  # forked workers inherit it, so that no catalogue is copied
    sides = {query.artist: part(query.artist) for cell in cells for query in cell.queries}
    journals = {
        kind: Journal(folder, rivals.system.identity, f"{parts}-{kind}") for kind in ("known", "unrelated")
    }
    waiting, finished = [], []
    for place, cell in enumerate(cells):
        for number, query in enumerate(cell.queries):
            for kind, journal in journals.items():
                row = journal.known.get(_key(query))
                if row is None:
                    waiting.append((kind, place, number))
                    continue
                if kind == "known" and row.get("judged_by") != VERSION:
                    row |= _judged(row, query, judge)
                finished.append(row)
    waiting.sort(key=lambda one: one[0] != "known")  # recall first, when there is little time
    _task = Task(rivals, cells, {k: _opposite(v, parts) for k, v in sides.items()}, judge, waiting)
    batches = range(0, len(waiting), _BATCH)
    latest = time.monotonic() + 60 * minutes
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        for done, rows in enumerate(pool.map(_ask_batch, batches), start=1):
            for kind, journal in journals.items():
                journal.add([row for row in rows if row["kind"] == kind])
            finished += rows
            progress(rivals.system.name, done, len(batches))
            if time.monotonic() > latest:
                pool.shutdown(cancel_futures=True)
                break
    return finished


def _key(query: Query) -> str:
    return f"{query.query_id}|{query.recording_id}|{query.start_s:.4f}"


def _opposite(side: int, parts: tuple[int, int]) -> int:
    return parts[1] if side == parts[0] else parts[0]


def _ask_batch(first: int) -> list[dict[str, Any]]:
    task = _task
    if task is None:
        raise RuntimeError("workers must be forked after the task was set")
    return [
        _ask_one(task, task.cells[place], number, kind)
        for kind, place, number in task.waiting[first : first + _BATCH]
    ]


def _ask_one(task: Task, cell: Cell, number: int, kind: str) -> dict[str, Any]:
    query, samples = cell.queries[number], cell.samples(number)
    catalogue = task.rivals.everything if kind == "known" else task.rivals.halves[task.sides[query.artist]]
    answer, spent = cpu_seconds(lambda: catalogue.ask(samples, unrelated=kind == "unrelated"))
    row: dict[str, Any] = {
        "query": _key(query), "kind": kind, "row": cell.row, "condition": query.condition,
        "seconds": cell.seconds, "recording": query.recording_id, "cpu_s": round(spent, 4),
        "answer": asdict(answer) if answer else None,
    }  # fmt: skip
    return row | _judged(row, query, task.judge) if kind == "known" else row


def _judged(row: dict[str, Any], query: Query, judge: Judge) -> dict[str, Any]:
    if row["answer"] is None:
        return {"named": False, "right": False, "judged_by": VERSION}
    answer = Answer(**row["answer"])
    return {
        "named": judge.named(answer, query),
        "right": judge.right(answer, query),
        "judged_by": VERSION,
    }


def score(row: dict[str, Any]) -> float:
    """Return the score of an answer, minus infinity for none."""
    return float(row["answer"]["score"]) if row["answer"] else -math.inf


def thresholds(rows: Sequence[dict[str, Any]]) -> dict[int, float]:
    """Return the highest score of an unrelated query, per length."""
    found: dict[int, float] = {}
    for row in rows:
        if row["kind"] == "unrelated":
            found[row["seconds"]] = max(found.get(row["seconds"], -math.inf), score(row))
    return found


def table(rows: Sequence[dict[str, Any]], *, own: bool) -> list[dict[str, Any]]:
    """Return recall and false matches per row and length.

    Parameters
    ----------
    rows : sequence of dict
        From `ask_all`, of one system.
    own : bool
        Whether the system decides itself, or the threshold of each length does.
    """
    limits = thresholds(rows)

    def accepted(row: dict[str, Any]) -> bool:
        if row["answer"] is None:
            return False
        return bool(row["answer"]["accepted"]) if own else score(row) > limits.get(row["seconds"], -math.inf)

    cells: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        empty = {"queries": 0, "found": 0, "named": 0, "wrong": 0, "unrelated": 0, "false": 0}
        cell = cells.setdefault((row["row"], row["seconds"]), empty)
        if row["kind"] == "unrelated":
            cell["unrelated"] += 1
            cell["false"] += accepted(row)
        else:
            cell["queries"] += 1
            cell["found"] += accepted(row) and row["right"]
            cell["named"] += accepted(row) and row["named"]
            cell["wrong"] += accepted(row) and not row["named"] and not row["right"]
    return [{"row": name, "seconds": seconds} | cell for (name, seconds), cell in cells.items()]


def upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """Return the exact (Clopper-Pearson) one-sided upper bound of a rate.

    Examples
    --------
    >>> round(upper_bound(0, 30_000) * 1e4, 3)
    0.999
    """
    if trials == 0 or events >= trials:
        return 1.0
    return float(beta.ppf(confidence, events + 1, trials - events))


def every(cells: Sequence[Cell]) -> Iterator[Query]:
    """Give every query."""
    for cell, number in numbered(cells):
        yield cell.queries[number]
