"""How often does an unrelated query get an answer? Counted on tens of thousands, with an exact bound.

Every file of both report parts is damaged in every way, and cut without overlap into queries of one
length; which length goes with which file and damage is dealt out in turn. Queries by artists of part 2
are asked against the recordings of part 3, and the other way round; what lies under or around them is by
artists of neither. So no query holds anything of its catalogue, whatever it answers is false.

They are asked at a loose limit, so that the rates themselves are put to the test: of N unrelated queries,
N/100 should get an answer whose false-match rate is at most 1/100, if that rate is what it says.

Known limits
------------
The same music is asked several times, damaged otherwise: the bound counts such queries as independent.
Files that share a sample or a loop across artists would count as false matches; examples are listed.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.identify.grid import upper_bound
from benchmarks.identify.journal import Journal
from benchmarks.identify.material import (
    CONDITIONS,
    RATE,
    Samples,
    Source,
    damaged,
    decoded,
    interferers,
    other_music,
    part,
    sounds,
    sources,
)
from benchmarks.identify.queries import LENGTHS, ROWS
from benchmarks.identify.report import markdown
from benchmarks.identify.systems import DECLARED, LOOSE, Catalogue, Linernotes, cpu_seconds

Progress = Callable[[str, int, int], None]
LEVELS = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Deal:
    """One file under one condition, cut into queries of one length."""

    source: Source
    condition: str
    seconds: int

    @property
    def name(self) -> str:
        """Key in the journal."""
        return f"{self.source.recording_id}|{self.condition}|{self.seconds}"


@dataclass
class Task:
    """What a worker process finds in its memory when it is forked."""

    deals: list[Deal]
    catalogues: dict[int, Catalogue]
    opposite: dict[int, int]
    others: list[Source]
    seed: int


_task: Task | None = None


def deals(chosen: Sequence[Source], seed: int) -> list[Deal]:
    """Return every file under every condition with one length each, in random order."""
    found = [
        Deal(source, condition, LENGTHS[(i + j) % len(LENGTHS)])
        for i, source in enumerate(chosen)
        for j, condition in enumerate(name for names in ROWS.values() for name in names)
    ]
    order = np.random.default_rng(seed).permutation(len(found))
    return [found[k] for k in order]


def pieces(samples: Samples, deal: Deal, rng: np.random.Generator, other: Samples) -> Iterator[Samples]:
    """Give the queries of a deal: the file is damaged as a whole, then cut; one that is silent is left out."""
    n = deal.seconds * RATE
    if CONDITIONS[deal.condition].begins:
        for first in range(0, len(samples) - n + 1, n):
            cut = samples[first : first + n]
            if sounds(cut):
                yield damaged(
                    cut, deal.seconds, deal.condition, rng, np.roll(other, int(rng.integers(len(other))))
                )
        return
    whole = CONDITIONS[deal.condition](samples, rng, other)
    for first in range(0, len(whole) - n + 1, n):
        if sounds(whole[first : first + n]):
            yield whole[first : first + n]


def run(options: argparse.Namespace, parts: tuple[int, int], progress: Progress) -> dict[str, Any]:
    """Ask until enough queries are answered for; return counts."""
    global _task  # forked workers inherit it
    music = sources(options.folder)
    chosen = [one for one in music if part(one.artist) in parts]
    system = Linernotes()
    named = {side: [one for one in chosen if part(one.artist) == side] for side in parts}
    built: dict[int, Catalogue] = {
        side: system.build({one.recording_id: decoded(one.path) for one in group}, options.cache)
        for side, group in named.items()
    }
    opposite = {parts[0]: parts[1], parts[1]: parts[0]}
    _task = Task(deals(chosen, options.seed), built, opposite, interferers(music, parts), options.seed)
    journal = Journal(options.cache / "negatives", system.identity, f"{parts}-s{options.seed}")
    n_wanted = 400 if options.smoke else options.negatives
    rows = _asked(_task, journal, n_wanted, options.workers, progress, options.minutes)
    return {
        "half": options.half, "seed": options.seed, "identity": system.identity,
        "catalogues": {str(side): len(group) for side, group in named.items()},
        "hours": {str(side): _hours(group) for side, group in named.items()},
        **summary(rows),
    }  # fmt: skip


def _asked(
    task: Task, journal: Journal, n_wanted: int, workers: int, progress: Progress, minutes: float
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    waiting = []
    for place, deal in enumerate(task.deals):
        known = journal.known.get(deal.name)
        if known is None:
            waiting.append(place)
        elif len(rows) < n_wanted:
            rows += known["rows"]
    latest = time.monotonic() + 60 * minutes
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        while len(rows) < n_wanted and waiting and time.monotonic() < latest:
            now, waiting = waiting[: 8 * workers], waiting[8 * workers :]
            for place, found in zip(now, pool.map(_ask, now), strict=True):
                journal.add([{"query": task.deals[place].name, "rows": found}])
                rows += found
            progress("unrelated queries", min(len(rows), n_wanted), n_wanted)
    return rows


def _ask(place: int) -> list[dict[str, Any]]:
    task = _task
    if task is None:
        raise RuntimeError("workers must be forked after the task was set")
    deal = task.deals[place]
    rng = np.random.default_rng(
        [task.seed, int.from_bytes(hashlib.sha256(deal.name.encode()).digest()[:6], "big")]
    )
    other = other_music(task.others, rng)
    side = part(deal.source.artist)
    found = []
    for number, samples in enumerate(pieces(decoded(deal.source.path), deal, rng, other)):
        catalogue = task.catalogues[task.opposite[side]]
        answer, spent = cpu_seconds(lambda: catalogue.ask(samples, unrelated=True))  # noqa: B023
        found.append(
            {
                "seconds": deal.seconds, "condition": deal.condition, "side": side,
                "query": f"{deal.source.recording_id}#{number}", "cpu_s": round(spent, 4),
                "rate": 10**-answer.score if answer else None,
                "answer": answer.recording_id if answer else None,
            }
        )  # fmt: skip
    return found


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return counts in all, per length, per direction and per condition, and the worst answers."""

    def counts(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
        reached = {
            f"{level:g}": sum(1 for row in group if row["rate"] is not None and row["rate"] <= level)
            for level in LEVELS
        }
        false = reached[f"{DECLARED:g}"]
        return {
            "queries": len(group), "answered_at": reached,
            "expected_at": {f"{level:g}": round(level * len(group), 1) for level in LEVELS},
            "upper_95": upper_bound(false, len(group)),
        }  # fmt: skip

    answered = sorted((row for row in rows if row["rate"] is not None), key=lambda row: row["rate"])
    return {
        "asked_at": LOOSE,
        "all": counts(rows),
        "lengths": {str(s): counts([row for row in rows if row["seconds"] == s]) for s in LENGTHS},
        "directions": {
            str(side): counts([row for row in rows if row["side"] == side])
            for side in sorted({row["side"] for row in rows})
        },
        "conditions": {
            name: counts([row for row in rows if row["condition"] == name])
            for name in sorted({row["condition"] for row in rows})
        },
        "worst": answered[:20],
        "mean_cpu_s": round(float(np.mean([row["cpu_s"] for row in rows])), 4) if rows else math.nan,
    }


def _hours(group: Sequence[Source]) -> float:
    return round(sum(len(decoded(one.path)) for one in group) / RATE / 3600, 3)


def as_text(result: dict[str, Any]) -> str:
    """Return the counts as tables."""

    def line(name: str, counts: dict[str, Any]) -> list[object]:
        cells = [
            f"{counts['answered_at'][key]} ({counts['expected_at'][key]:g})" for key in counts["answered_at"]
        ]
        return [name, f"{counts['queries']:,}", *cells, f"{counts['upper_95']:.1e}"]

    sides = list(result["catalogues"])
    other = dict(zip(sides, reversed(sides), strict=True))
    lines = [line("all", result["all"])]
    lines += [line(f"{s} s", counts) for s, counts in result["lengths"].items()]
    lines += [
        line(
            f"part {side} against the {result['catalogues'][other[side]]} recordings of part {other[side]}", c
        )
        for side, c in result["directions"].items()
    ]
    heads = [f"answers at a rate of {level:g} or less (expected)" for level in LEVELS]
    text = markdown(["unrelated queries", "n", *heads, f"95 % upper bound at {DECLARED:g}"], lines)
    worst = [
        [row["query"], row["condition"], f"{row['seconds']} s", row["answer"], f"{row['rate']:.1e}"]
        for row in result["worst"][:8]
    ]
    listed = markdown(["query", "damage", "length", "answer", "rate given"], worst)
    return f"{text}\n\nThe surest of the false answers:\n\n{listed}\n"
