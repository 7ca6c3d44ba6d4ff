"""Passages of known recordings, planted in unrelated music: are they found, and where do they begin, where end.

A host of 30 s by an artist of one part gets a passage from a recording of the other part, which is the
catalogue; both directions. *In place*: the passage replaces the host, with fades of 20 ms. *Mixed*: the
host plays on, and the passage is as loud as it, or 3 or 6 dB weaker. Hosts without a passage must stay
unflagged.

Found is a passage that a match names with recording and place (as in `judge`), overlapping it in the
query. Error of a boundary: where the match begins or ends in the query, minus where the passage does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.identify.distort import mixed, power
from benchmarks.identify.finders import Finder, Found, finders
from benchmarks.identify.journal import Journal
from benchmarks.identify.judge import Judge
from benchmarks.identify.material import (
    RATE,
    Samples,
    Source,
    damaged,
    decoded,
    excerpts,
    part,
    sources,
    version_groups,
)
from benchmarks.identify.passages_report import as_text, summary
from benchmarks.identify.queries import SLOWEST, Query
from benchmarks.identify.systems import Answer, Linernotes, cpu_seconds

__all__ = ["as_text", "run"]

Progress = Callable[[str, int, int], None]
HOST_S = 30
LENGTHS = (2, 5, 10)
_FADE = round(0.02 * RATE)
_BATCH = 10


@dataclass(frozen=True)
class Kind:
    """How a passage is planted: its own damage, and how loud it is against the host (None: in its place)."""

    name: str
    conditions: tuple[str, ...] = ("clean",)
    ratio_db: float | None = None
    n_plants: int = 1


KINDS = (
    Kind("in place"),
    Kind("mixed, 0 dB", ratio_db=0),
    Kind("mixed, -3 dB", ratio_db=-3),
    Kind("mixed, -6 dB", ratio_db=-6),
    Kind("in place, pitch ±1", ("pitch +1", "pitch -1")),
    Kind("in place, tempo ±5 %", ("tempo +5 %", "tempo -5 %")),
    Kind("in place, MP3 64k", ("MP3 64k",)),
    Kind("two, in place", n_plants=2),
    Kind("two, one of them pitch ±1", ("clean", "pitch +1", "clean", "pitch -1"), n_plants=2),
)


@dataclass(frozen=True)
class Plant:
    """A passage: where it lies in the query, and where it comes from."""

    query: Query
    begins_s: float

    @property
    def ends_s(self) -> float:
        """End in the query."""
        return self.begins_s + self.query.seconds


@dataclass(frozen=True)
class Case:
    """One query to be made: host, and what is planted."""

    name: str
    kind: Kind | None
    seconds: int
    side: int
    number: int


@dataclass
class Task:
    """What a worker process finds in its memory when it is forked."""

    cases: list[Case]
    hosts: dict[int, list[tuple[Source, float, Samples]]]
    donors: dict[tuple[int, int], list[tuple[Source, float, Samples]]]
    prepared: dict[int, Any]
    judge: Judge
    finder: Finder
    seed: int


_task: Task | None = None


def planted(task: Task, case: Case) -> tuple[Samples, list[Plant]]:
    """Return the query, and what was planted where."""
    rng = np.random.default_rng([task.seed, case.number, case.seconds])
    host = task.hosts[case.side][case.number % len(task.hosts[case.side])][2].copy()
    if case.kind is None:
        return host, []
    plants = []
    n = case.kind.n_plants
    room = (HOST_S - n * case.seconds - 2) / n
    at = 1 + rng.uniform(0, room)
    donors = task.donors[case.side, case.seconds]
    for k in range(n):
        source, start, samples = donors[(case.number * 7 + k * 3) % len(donors)]
        condition = case.kind.conditions[(case.number * n + k) % len(case.kind.conditions)]
        passage = damaged(samples, case.seconds, condition, rng, samples)
        _put(host, passage, round(at * RATE), case.kind.ratio_db)
        query = Query(
            f"{case.name}-{k}", case.name, condition, case.seconds, source.recording_id, source.artist, start
        )
        plants.append(Plant(query, at))
        at += case.seconds + rng.uniform(0, room)
    return host / max(1.0, float(np.abs(host).max())), plants


def _put(host: Samples, passage: Samples, first: int, ratio_db: float | None) -> None:
    ramp = np.ones(len(passage), np.float32)
    ramp[:_FADE] = np.linspace(0, 1, _FADE)
    ramp[-_FADE:] = np.linspace(1, 0, _FADE)
    here = host[first : first + len(passage)]
    if ratio_db is None:
        level = np.float32(np.sqrt(power(host) / max(1e-12, power(passage))))
        here[:] = here * (1 - ramp) + level * passage * ramp
    else:
        louder = mixed(here, passage, -ratio_db) - here
        here[:] = here + louder * ramp


def run(options: argparse.Namespace, parts: tuple[int, int], progress: Progress) -> dict[str, Any]:
    """Plant, ask, count."""
    global _task  # forked workers inherit it
    music = sources(options.folder)
    count = 6 if options.smoke else options.queries
    chosen = [one for one in music if part(one.artist) in parts]
    sides = {side: [one for one in chosen if part(one.artist) == side] for side in parts}
    donor_side = {parts[0]: parts[1], parts[1]: parts[0]}
    if options.finder not in finders():
        sys.exit(f"finder '{options.finder}'; expected one of {', '.join(finders())}")
    finder = finders()[options.finder]
    n_hosts = 12 if options.smoke else max(count, options.hosts)
    _task = Task(
        cases=_cases(parts, count, n_hosts),
        hosts={s: list(excerpts(group, HOST_S, n_hosts // 2, options.seed)) for s, group in sides.items()},
        donors={
            (s, seconds): list(
                excerpts(sides[donor_side[s]], seconds * SLOWEST + 0.25, count, options.seed + 7 * seconds)
            )
            for s in parts
            for seconds in LENGTHS
        },
        prepared={
            s: finder.prepare({one.recording_id: decoded(one.path) for one in sides[donor_side[s]]})
            for s in parts
        },
        judge=Judge({one.recording_id: one.path for one in chosen}, version_groups(options.folder)),
        finder=finder,
        seed=options.seed,
    )
    journal = Journal(
        options.cache / "passages",
        f"{Linernotes().identity} {finder.identity}",
        f"{parts}-s{options.seed}-n{count}",
    )
    rows = _asked(_task, journal, options.workers, progress)
    return {
        "half": options.half, "seed": options.seed, "identity": Linernotes().identity, "finder": options.finder,
        "host_s": HOST_S, "catalogues": {str(s): len(sides[donor_side[s]]) for s in parts},
        **summary(rows),
    }  # fmt: skip


def _cases(parts: tuple[int, int], count: int, n_hosts: int) -> list[Case]:
    cases = [
        Case(f"{kind.name}|{seconds}|{number}", kind, seconds, parts[number % 2], number // 2)
        for kind in KINDS
        for seconds in LENGTHS
        for number in range(count)
    ]
    return cases + [Case(f"none|{k}", None, 0, parts[k % 2], k // 2) for k in range(n_hosts)]


def _asked(task: Task, journal: Journal, workers: int, progress: Progress) -> list[dict[str, Any]]:
    waiting = [k for k, case in enumerate(task.cases) if case.name not in journal.known]
    rows = [journal.known[case.name] for case in task.cases if case.name in journal.known]
    batches = [waiting[k : k + _BATCH] for k in range(0, len(waiting), _BATCH)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        for done, found in enumerate(pool.map(_ask, batches), start=1):
            journal.add(found)
            rows += found
            progress("planted passages", done, len(batches))
    return rows


def _ask(places: list[int]) -> list[dict[str, Any]]:
    task = _task
    if task is None:
        raise RuntimeError("workers must be forked after the task was set")
    rows = []
    for case in (task.cases[place] for place in places):
        samples, plants = planted(task, case)
        answers, spent = cpu_seconds(lambda: task.finder.find(samples, task.prepared[case.side]))  # noqa: B023
        hits = [_hit(plant, answers, task.judge) for plant in plants]
        rows.append(
            {
                "query": case.name, "kind": case.kind.name if case.kind else "none", "seconds": case.seconds,
                "plants": [asdict(plant.query) | {"begins_s": plant.begins_s} for plant in plants],
                "hits": [asdict(hit) if hit else None for hit in hits],
                "others": [asdict(one) for one in answers if one not in hits and not _fits(one, plants, task.judge)],
                "n_answers": len(answers), "cpu_s": round(spent, 4),
            }
        )  # fmt: skip
    return rows


def _hit(plant: Plant, answers: Sequence[Found], judge: Judge) -> Found | None:
    """Return the right answer that overlaps the passage most."""
    fits = [one for one in answers if _fits(one, [plant], judge)]
    return max(
        fits, key=lambda one: min(one.ends_s, plant.ends_s) - max(one.begins_s, plant.begins_s), default=None
    )


def _fits(found: Found, plants: Sequence[Plant], judge: Judge) -> bool:
    for plant in plants:
        if min(found.ends_s, plant.ends_s) <= max(found.begins_s, plant.begins_s):
            continue
        middle = (found.begins_s + found.ends_s) / 2
        place = (found.reference_begins_s + found.reference_ends_s) / 2
        if judge.right(
            Answer(found.recording_id, middle - plant.begins_s, place, 0.0, accepted=True), plant.query
        ):
            return True
    return False
