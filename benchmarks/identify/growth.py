"""How index and query grow: 1,000, 10,000, 100,000 recordings, and what that says about 100 million.

The catalogue holds the real recordings of one report part, and made ones (see `multiply`) from music of one
development part. Known queries are cut from the former; unrelated queries are by artists of the other report part;
what lies under or around a query is from the other development part. So every answer to an unrelated query is
false, whatever the size.

The index is built as the package builds it on disk: a segment for each thousand recordings, merged into
one, opened memory-mapped. Times are CPU seconds of one core with the file in the page cache, from the samples
of the query to the answer. Growth is modelled as ``cost = a + b N`` in the number of recordings N (about 200 s each),
by least squares weighted by 1/N, *b* not below zero; the exponent of a power law through the two largest sizes is
given beside it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.identify.grid import upper_bound
from benchmarks.identify.growth_index import built_index, peaks_of
from benchmarks.identify.judge import Judge
from benchmarks.identify.material import (
    CONDITIONS,
    Source,
    as_audio,
    interferers,
    part,
    sources,
    version_groups,
)
from benchmarks.identify.multiply import Peaks
from benchmarks.identify.queries import ROWS, Cell, Plan, prepare
from benchmarks.identify.report import markdown
from benchmarks.identify.systems import DECLARED, Answer, Linernotes, code_hash, cpu_seconds
from linernotes.errors import TooShort
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.match import identify_audio

Progress = Callable[[str, int, int], None]
SECONDS = 10
KNOWN_ROWS = ("clean", "noise 0 dB", "under -6 dB", "pitch ±3", "tempo ±20 %", "speed ±10 %")
FAR = 100_000_000


def run(options: argparse.Namespace, parts: tuple[int, int], progress: Progress) -> dict[str, Any]:
    """Build, ask and model; return figures per size."""
    music = sources(options.folder)
    sizes = [20, 60] if options.smoke else [int(word) for word in options.sizes.split(",")]
    count, n_unrelated = (6, 4) if options.smoke else (options.queries, options.unrelated)
    home, away = ([one for one in music if part(one.artist) == side] for side in (parts[1], parts[0]))
    folder = options.cache / "growth" / code_hash("landmarks", "keys", "peaks", "spectrum", "index")
    outside = interferers(music, parts)
    source_part = min(part(one.artist) for one in outside)
    peaks = Peaks.of(list(peaks_of([one for one in outside if part(one.artist) == source_part])))
    others = [one for one in outside if part(one.artist) != source_part]
    n_home = min(len(home), min(sizes) // 2)
    home = home[:n_home]
    known = _cells(options, f"growth-{n_home}", home, others, KNOWN_ROWS, count)
    unrelated = _cells(options, "growth-away", away, others, tuple(ROWS), n_unrelated)
    judge = Judge({one.recording_id: one.path for one in music}, version_groups(options.folder))
    figures = []
    for size in sizes:
        segment, built = built_index(folder, size, home, peaks, options.seed, progress)
        kept = folder / f"asked-{size}-{count}-{n_unrelated}-{code_hash('*')}.json"
        if not kept.is_file():
            asked = _measure(segment.index, known, unrelated, judge, progress)
            kept.write_text(json.dumps(asked) + "\n", encoding="utf-8")
        figures.append({"recordings": size, **built, **json.loads(kept.read_text(encoding="utf-8"))})
    return {
        "half": options.half, "seed": options.seed, "identity": Linernotes().identity,
        "sizes": figures, "model": model(figures),
    }  # fmt: skip


def _cells(
    options: argparse.Namespace, name: str, chosen: Sequence[Source], others: Sequence[Source],
    rows: Sequence[str], count: int,
) -> list[Cell]:  # fmt: skip
    plan = Plan(f"{options.half}-{name}", tuple(rows), {SECONDS: count}, options.seed)
    return prepare(plan, SECONDS, chosen, others, options.cache / "queries")


def _measure(
    index: FingerprintIndex,
    known: Sequence[Cell],
    unrelated: Sequence[Cell],
    judge: Judge,
    progress: Progress,
) -> dict[str, Any]:
    """Ask known and unrelated queries, exact and with shifts; return times, recall and false matches."""
    exact: list[float] = []
    shifted: list[float] = []
    longer: list[float] = []  # an excerpt between two others: three times as long
    found: dict[str, list[int]] = {}
    false_examples: list[dict[str, Any]] = []
    false = n_unrelated = 0
    cells = [*known, *unrelated]
    _ask(cells[0], 0, index, search_shifts=True)  # compiles, and brings the file into memory
    for done, cell in enumerate(cells, start=1):
        for number, query in enumerate(cell.queries):
            matches, spent = _ask(cell, number, index, search_shifts=True)
            (longer if CONDITIONS[query.condition].begins else shifted).append(spent)
            if cell.row == "clean":
                exact.append(_ask(cell, number, index, search_shifts=False)[1])
            if done > len(known):
                n_unrelated += 1
                false += bool(matches)
                false_examples += [
                    {"query": query.query_id, "source": query.recording_id, "answer": m.recording_id,
                     "rate": m.false_match_rate} for m in matches[:1]
                ]  # fmt: skip
                continue
            counts = found.setdefault(cell.row, [0, 0])
            counts[1] += 1
            if matches:
                best = matches[0]
                answer = Answer(
                    best.recording_id, (best.query.start_s + best.query.end_s) / 2,
                    (best.reference.start_s + best.reference.end_s) / 2, 0.0, accepted=True,
                )  # fmt: skip
                counts[0] += judge.right(answer, query)
        progress(f"queries against {len(index.recordings):,}", done, len(cells))
    return {
        "exact_cpu_s": _spread(exact), "all_searches_cpu_s": _spread(shifted),
        "of_30_s_cpu_s": _spread(longer),
        "found": {row: counts for row, counts in found.items()},
        "unrelated": n_unrelated, "false": false, "false_upper_95": upper_bound(false, n_unrelated),
        "false_examples": false_examples[:10], "memory": _memory(),
    }  # fmt: skip


def _ask(
    cell: Cell, number: int, index: FingerprintIndex, *, search_shifts: bool
) -> tuple[tuple[Any, ...], float]:
    audio = as_audio(cell.samples(number))
    try:
        return cpu_seconds(
            lambda: identify_audio(audio, index, max_false_match_rate=DECLARED, search_shifts=search_shifts)
        )
    except TooShort:
        return (), 0.0


def _spread(times: Sequence[float]) -> dict[str, float]:
    each = np.array(times)
    if len(each) == 0:
        return {"median": 0.0, "mean": 0.0, "q95": 0.0, "n": 0}
    return {
        "median": round(float(np.median(each)), 4), "mean": round(float(each.mean()), 4),
        "q95": round(float(np.quantile(each, 0.95)), 4), "n": len(each),
    }  # fmt: skip


def _memory() -> dict[str, float]:
    """Return resident megabytes of this process: its own, and what is mapped from files."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return {}
    rows = (line.split() for line in status.read_text(encoding="ascii").splitlines())
    kept = {row[0]: int(row[1]) / 1024 for row in rows if row[0] in ("RssAnon:", "RssFile:")}
    return {"own_mb": round(kept.get("RssAnon:", 0)), "mapped_mb": round(kept.get("RssFile:", 0))}


def model(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return straight lines through bytes and query times, the exponent at the far end, and 100 million."""
    sizes = np.array([one["recordings"] for one in figures], float)
    columns = {
        "bytes": [one["bytes"] for one in figures],
        "exact_cpu_s": [one["exact_cpu_s"]["median"] for one in figures],
        "all_searches_cpu_s": [one["all_searches_cpu_s"]["median"] for one in figures],
    }
    return {name: _line(sizes, np.array(values, float)) for name, values in columns.items()}


def _line(sizes: Any, values: Any) -> dict[str, float]:
    if len(sizes) < 2:
        return {}
    weights = 1 / sizes
    rows = np.stack([np.ones_like(sizes), sizes], axis=1) * weights[:, None]
    (fixed, each), *_ = np.linalg.lstsq(rows, values * weights, rcond=None)
    if each < 0:  # what a budget bounds does not grow: noise may not make it fall for ever
        fixed, each = float((values * weights**2).sum() / (weights**2).sum()), 0.0
    exponent = np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2])
    return {
        "fixed": float(fixed), "per_recording": float(each), "exponent": round(float(exponent), 3),
        "at_100_million": float(fixed + each * FAR),
        "at_100_million_by_power_law": float(values[-1] * (FAR / sizes[-1]) ** exponent),
    }  # fmt: skip


def as_text(result: dict[str, Any]) -> str:
    """Return figures per size, recall per size, and the model."""
    heads = [
        "recordings",
        "hours",
        "bytes per hour",
        "without table of keys",
        "build, CPU s",
        "exact search, ms: median",
        ".95",
    ]
    heads += [
        "all searches, ms: median",
        "mean",
        ".95",
        "30 s query",
        "false, of unrelated",
        "memory: own, mapped (MB)",
    ]
    rows = [
        [
            f"{one['recordings']:,}", f"{one['hours']:,.0f}", f"{one['bytes_per_hour']:,}",
            f"{one['bytes_per_hour_without_key_table']:,}", f"{one['build_cpu_s']:,.0f}",
            f"{1000 * one['exact_cpu_s']['median']:.1f}", f"{1000 * one['exact_cpu_s']['q95']:.1f}",
            *(f"{1000 * one['all_searches_cpu_s'][name]:.1f}" for name in ("median", "mean", "q95")),
            f"{1000 * one['of_30_s_cpu_s']['median']:.1f}",
            f"{one['false']} of {one['unrelated']}",
            f"{one['memory'].get('own_mb', 0):,.0f}, {one['memory'].get('mapped_mb', 0):,.0f}",
        ]
        for one in result["sizes"]
    ]  # fmt: skip
    rows_of_recall = [
        [row, *[f"{one['found'][row][0]}/{one['found'][row][1]}" for one in result["sizes"]]]
        for row in (result["sizes"][0]["found"] if result["sizes"] else {})
    ]
    recall = markdown(["10 s query", *[f"{one['recordings']:,}" for one in result["sizes"]]], rows_of_recall)
    lines = [
        f"- {name}: {m['fixed']:.3g} + {m['per_recording']:.3g} N; exponent between the largest two {m['exponent']}; "
        f"at 100 million {m['at_100_million']:.3g} (power law: {m['at_100_million_by_power_law']:.3g})"
        for name, m in result["model"].items()
        if m
    ]
    return f"{markdown(heads, rows)}\n\n{recall}\n\nModel, N recordings:\n\n" + "\n".join(lines) + "\n"
