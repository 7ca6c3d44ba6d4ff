"""Identification on real music: ours beside other fingerprinters, on the same queries, in one run.

    python -m benchmarks.identify MUSIC_FOLDER              the grid: lengths x damage, every system, and costs
    python -m benchmarks.identify MUSIC_FOLDER --smoke      the same in two minutes, with few queries
    python -m benchmarks.identify negatives MUSIC_FOLDER    false matches on many unrelated queries (ours)
    python -m benchmarks.identify growth MUSIC_FOLDER       index and query against 1k, 10k, 100k recordings
    python -m benchmarks.identify passages MUSIC_FOLDER     passages planted in unrelated music

MUSIC_FOLDER (or the environment variable LINERNOTES_DATA) holds music by 8 artists or more, named
artist__title.ext or with a manifest.csv. Peers: ``fpcalc`` if it is installed; ``--audfprint PATH`` and
``--olaf PATH`` are checkouts. Queries, decoded audio and answers are kept in the folder ``--cache``: an
interrupted run goes on, and only systems that changed are asked again. Costs are measured anew in each run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.identify.grid import Rivals, ask_all, catalogues, table, thresholds, upper_bound
from benchmarks.identify.judge import Judge
from benchmarks.identify.material import (
    DEVELOPMENT,
    RATE,
    REPORT,
    Source,
    decoded,
    interferers,
    part,
    sources,
    version_groups,
)
from benchmarks.identify.peers import Audfprint, Chromaprint, Olaf
from benchmarks.identify.queries import LENGTHS, ROWS, Cell, Plan, prepare
from benchmarks.identify.report import grid_tables
from benchmarks.identify.speed import measure
from benchmarks.identify.systems import DECLARED, Linernotes, System
from linernotes.cli.output import Progress
from linernotes.workspace.provenance import machine_facts

RESULTS = Path(__file__).parent / "results"
PARTS = {"dev": DEVELOPMENT, "report": REPORT}
LIBRARIES = ("linernotes", "numpy", "scipy", "numba", "soxr", "av", "soundfile")


def main() -> None:
    actions: dict[str, Callable[[argparse.Namespace], None]] = {
        "grid": grid, "negatives": _negatives, "growth": _growth, "passages": _passages,
    }  # fmt: skip
    parser = _parser(tuple(actions))
    options = parser.parse_args()
    words = list(options.what)
    options.action = words.pop(0) if words and words[0] in actions else "grid"
    options.folder = words.pop(0) if words else None
    if words:
        parser.error(f"'{words[0]}': expected at most an action ({', '.join(actions)}) and a folder")
    os.environ["LINERNOTES_BENCH_CACHE"] = str(options.cache)
    try:
        actions[options.action](options)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)


def _parser(actions: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.identify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", help=f"[{'|'.join(actions)}] [MUSIC_FOLDER]")
    kept = os.environ.get("LINERNOTES_BENCH_CACHE") or Path(tempfile.gettempdir()) / "linernotes-identify"
    parser.add_argument("--cache", type=Path, default=Path(kept), help="queries and answers are kept here")
    parser.add_argument(
        "--half", choices=tuple(PARTS), default="report", help="artists: dev tunes, report reports"
    )
    parser.add_argument("--rows", default="", help="comma-separated; default: all")
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS)), help="seconds")
    parser.add_argument(
        "--queries", type=int, default=80, help="of each row at each length; 10 s get twice as many"
    )
    parser.add_argument(
        "--first", type=int, default=0, help="ask only so many of the queries of each row and length"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="stop asking a system after so long, unrelated queries last",
    )
    parser.add_argument("--smoke", action="store_true", help="few queries of few rows")
    parser.add_argument("--systems", default="", help="comma-separated; default: all that can be started")
    parser.add_argument("--audfprint", type=Path, help="a checkout of audfprint")
    parser.add_argument("--olaf", type=Path, help="a checkout of Olaf, with bin/olaf_core made")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--negatives", type=int, default=30000, help="negatives: unrelated queries")
    parser.add_argument("--hosts", type=int, default=300, help="passages: hosts without a passage")
    parser.add_argument("--finder", default="identify", help="passages: door to look through")
    parser.add_argument("--unrelated", type=int, default=60, help="growth: unrelated queries of each row")
    parser.add_argument("--sizes", default="1000,10000", help="growth: recordings")
    parser.add_argument("--out", type=Path, help="name of the results, without suffix")
    return parser


def grid(options: argparse.Namespace) -> None:
    """Run the grid and write table and figures."""
    parts = PARTS[options.half]
    music = sources(options.folder, submixes=True)
    cells = _cells(options, music, [one for one in music if part(one.artist) in parts])
    chosen = [one for one in music if part(one.artist) in parts and not one.is_submix]
    judge = Judge({one.recording_id: one.path for one in chosen}, version_groups(options.folder))
    hours = sum(len(decoded(one.path)) for one in chosen) / RATE / 3600
    result: dict[str, Any] = {
        "half": options.half,
        "seed": options.seed,
        "declared_false_match_rate": DECLARED,
        "catalogue": {
            "recordings": len(chosen), "hours": round(hours, 3), "artists": len({one.artist for one in chosen}),
        },
        "rows": list(dict.fromkeys(cell.row for cell in cells)),
        **facts(),
        "systems": {},
    }  # fmt: skip
    with Progress() as progress:
        for system in _systems(options):
            rivals = catalogues(system, chosen, parts, options.cache / "catalogues")
            told = rivals.system.identity
            answers = options.cache / "answers" / f"{options.half}-s{options.seed}"
            rows = ask_all(rivals, cells, parts, judge, answers, options.workers, progress, options.minutes)
            result["systems"][system.name] = _summary(rivals, rows) | {
                "cost": measure(rivals, cells, hours, 3 if options.smoke else 10), "identity": told,
            }  # fmt: skip
    _write(options, "smoke" if options.smoke else "grid", result, grid_tables(result))


def _summary(rivals: Rivals, rows: list[dict[str, Any]]) -> dict[str, Any]:
    unrelated = [row for row in rows if row["kind"] == "unrelated"]
    wrong = [row for row in unrelated if row["answer"] and row["answer"]["accepted"]]
    return {
        "decision": rivals.system.decision,
        "decides": not rivals.system.decision.startswith("none"),
        "own": table(rows, own=True),
        "threshold": table(rows, own=False),
        "highest_unrelated_score": {str(s): v for s, v in sorted(thresholds(rows).items())},
        "unrelated_queries": len(unrelated),
        "false_matches": len(wrong),
        "false_match_rate_upper_95": upper_bound(len(wrong), len(unrelated)),
        "false_match_examples": [
            {"query": row["query"], "condition": row["condition"], "answer": row["answer"]}
            for row in wrong[:20]
        ],
    }


def _cells(options: argparse.Namespace, music: list[Source], chosen: list[Source]) -> list[Cell]:
    lengths = [int(word) for word in options.lengths.split(",")]
    rows = tuple(options.rows.split(",")) if options.rows else tuple(ROWS)
    count = options.queries
    if options.smoke:
        rows, lengths, count = ("clean", "noise 0 dB", "pitch ±1", "tempo ±10 %"), [3, 10], 12
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        sys.exit(f"row '{unknown[0]}': expected one of {', '.join(ROWS)}")
    plan = Plan(options.half, rows, {s: 2 * count if s == 10 else count for s in lengths}, options.seed)
    others = [one for one in interferers(music, PARTS[options.half]) if not one.is_submix]
    cells = []
    with Progress() as progress:
        for done, seconds in enumerate(lengths, start=1):
            cells += prepare(plan, seconds, chosen, others, options.cache / "queries")
            if options.first:
                cells = [replace(cell, queries=cell.queries[: options.first]) for cell in cells]
            progress("queries", done, len(lengths))
    return cells


def _systems(options: argparse.Namespace) -> list[System]:
    wanted = options.systems.split(",") if options.systems else []
    makers: dict[str, Callable[[], System]] = {
        "Linernotes": Linernotes,
        "Linernotes-index": lambda: Linernotes(listens=False),
        "Chromaprint": Chromaprint,
    }
    if options.audfprint:
        makers["audfprint"] = lambda: Audfprint(options.audfprint)
    if options.olaf:
        makers["Olaf"] = lambda: Olaf(options.olaf)
    found = []
    for name, make in makers.items():
        if wanted and name not in wanted:
            continue
        try:
            found.append(make())
        except (FileNotFoundError, ImportError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    if not found:
        sys.exit(f"no system to run; expected some of {', '.join(makers)}")
    return found


def facts() -> dict[str, Any]:
    """Return machine and versions of libraries."""
    return {"machine": machine_facts(), "libraries": {name: version(name) for name in LIBRARIES}}


def _write(options: argparse.Namespace, name: str, result: dict[str, Any], text: str) -> None:
    place = options.out or (options.cache / name if options.smoke else RESULTS / name)
    place.parent.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((".json", json.dumps(result, indent=1, sort_keys=True) + "\n"), (".md", text)):
        partial = Path(f"{place}{suffix}.partial")
        partial.write_text(content, encoding="utf-8")
        os.replace(partial, Path(f"{place}{suffix}"))
    print(text)
    print(f"written: {place}.json and .md")


def _negatives(options: argparse.Namespace) -> None:
    from benchmarks.identify import negatives

    with Progress() as progress:
        result = negatives.run(options, PARTS[options.half], progress) | facts()
    _write(options, "negatives", result, negatives.as_text(result))


def _growth(options: argparse.Namespace) -> None:
    from benchmarks.identify import growth

    with Progress() as progress:
        result = growth.run(options, PARTS[options.half], progress) | facts()
    _write(options, "growth", result, growth.as_text(result))


def _passages(options: argparse.Namespace) -> None:
    from benchmarks.identify import passages

    with Progress() as progress:
        result = passages.run(options, PARTS[options.half], progress) | facts()
    _write(options, "passages", result, passages.as_text(result))


if __name__ == "__main__":
    main()
