"""Measure version identification in one run: ours, its parts, peers and chance, on every tier.

    python -m benchmarks.versions.run --split test                  # everything
    python -m benchmarks.versions.run --split dev --systems Qmax    # systems with that in their name

Pieces are made first by ``python -m benchmarks.versions.make_data``; without them the benchmark is skipped with
that reason. Writes ``results/SPLIT.json`` and ``results/SPLIT.md``; with ``--systems``, only the rows of those
are new. What was scored is kept beside the pieces, so that an interrupted run goes on; ``--again`` forgets what is
kept of ours, which must follow a change of the package. Test is for reports: look at it once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.part import Sizes, part
from benchmarks.versions.data.pool import Piece, load
from benchmarks.versions.evaluate import Answers, ask, by_group, drawn, general_limit, questions, quoted
from benchmarks.versions.matches import certainty, labels, matches, pairs, places
from benchmarks.versions.measures.rates import recall
from benchmarks.versions.search_speed import run as search_speed
from benchmarks.versions.surroundings import surroundings
from benchmarks.versions.systems.baselines import baselines
from benchmarks.versions.systems.ours import NOT_ALIGNED, Pipeline, ours
from benchmarks.versions.systems.system import System
from benchmarks.versions.table import as_markdown
from linernotes.versions.features import FEATURES_REVISION

# Queries per group, where a comparison takes 5 ms and more.
SLOW = {"Qmax, essentia": 12, "ours, alignment alone": 12}
SIZES = {"dev": Sizes(20, 3, 20, 4, 20, 15, 3), "test": Sizes(36, 4, 26, 5, 25, 24, 4)}
RESULTS = Path(__file__).with_name("results")
MILLION = 1_000_000


def figures(
    system: System, pieces: Sequence[Piece], references: Sequence[Piece], folder: Path
) -> dict[str, Any]:
    """Return every figure of one system."""
    tasks = questions(pieces, references)
    limit = SLOW.get(system.name)
    answers = {
        task: ask(system, task, drawn(queries, limit), references, folder) for task, queries in tasks.items()
    }
    strangers = np.array([float(scores[0]) for scores in answers["strangers"].scores])
    found: dict[str, Any] = {task: by_group(answers[task]) for task in ("whole", "excerpt", "changed")}
    found["quoted"] = quoted(answers["quoted"])
    found["strangers_above_limit"] = recall(strangers, general_limit(answers["whole"]))
    if isinstance(system, Pipeline):
        found["aligned_share_of_versions"] = {task: aligned_share(one) for task, one in answers.items()}
    found["ms_per_comparison"] = answers["whole"].ms
    found["queries_per_group_at_most"] = limit
    return found


def aligned_share(answers: Answers) -> float:
    """Return the share of versions that the encoder brings among those that are aligned: the ceiling of the rest."""
    rows = zip(answers.queries, answers.scores, strict=True)
    versions = np.concatenate([scores[query.truth] for query, scores in rows])
    return float(np.mean(versions > NOT_ALIGNED / 2)) if len(versions) else float("nan")


def full_comparisons(pieces: Sequence[Piece], folder: Path) -> dict[str, Any]:
    """Return the figures that only a comparison with its reasons has."""
    wanted = pairs(pieces)
    found, ms = matches(wanted, folder)
    return {
        "labels": labels(wanted, found),
        "places": places(wanted, found),
        "certainty": certainty(wanted, found),
        "ms_per_full_comparison": ms,
    }


def search_costs() -> dict[str, Any]:
    """Return what a search costs at a million segments, measured now, beside the peers measured before."""
    search_speed.main(["--sizes", str(MILLION), "--systems", "ours", "--again", "--index", "--rerank"])
    table = json.loads(search_speed.RESULTS.read_text(encoding="utf-8"))
    rows = [row for row in table["rows"] if row["n_segments"] == MILLION and "skipped" not in row]
    return {"rows": [row for row in rows if row["encoder"] == table["encoder"]]} | {
        name: table[name] for name in ("encoder", "index", "rerank")
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", choices=("dev", "test"), required=True)
    parser.add_argument(
        "--systems",
        help="comma-separated parts of names; `full` is the full comparisons, `search` the cost of a search",
    )
    parser.add_argument(
        "--all", action="store_true", help="every piece of the split, not the part in the table"
    )
    parser.add_argument("--again", action="store_true", help="forget what is kept of ours")
    options = parser.parse_args()
    everything = load(options.split)
    if not everything:
        print("skipped: no pieces; make them with python -m benchmarks.versions.make_data (see README.md)")
        return
    pieces = part(everything, None if options.all else SIZES[options.split])
    references = [piece for piece in pieces if piece.is_reference]
    kept = cache_folder() / options.split
    if options.again:
        profiles = cache_folder() / f"profiles-{FEATURES_REVISION}" / options.split
        for folder in (kept / "scores-ours", kept / "matches", profiles):
            shutil.rmtree(folder, ignore_errors=True)
    name = f"{options.split}-all" if options.all else options.split
    report = _stored(RESULTS / f"{name}.json")
    asked = options.systems.split(",") if options.systems else None
    mine = ours()
    for system in [*baselines(), *mine]:
        if asked is None or any(one in system.name for one in asked):
            started = time.process_time()
            folder = kept / ("scores-ours" if system in mine else "scores")
            report["systems"][system.name] = figures(system, pieces, references, folder)
            print(f"{system.name}: {time.process_time() - started:.0f} CPU-s", file=sys.stderr, flush=True)
    if asked is None or "full" in asked:
        report["full_comparisons"] = full_comparisons(pieces, kept / "matches")
    if asked is None or "search" in asked:
        report["search"] = search_costs()
    report |= {"split": options.split, "n_pieces": len(pieces), "n_references": len(references)}
    report["surroundings"] = surroundings()
    _write(name, report)


def _stored(path: Path) -> dict[str, Any]:
    if path.is_file():
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "systems" in report:
            return report
    return {"systems": {}, "full_comparisons": {}}


def _write(name: str, report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(_rounded(report), indent=1, sort_keys=True)
    for path, content in (
        (RESULTS / f"{name}.json", text + "\n"),
        (RESULTS / f"{name}.md", as_markdown(report)),
    ):
        partial = path.with_suffix(".partial")
        partial.write_text(content, encoding="utf-8")
        partial.replace(path)
    print(as_markdown(report))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    return value


if __name__ == "__main__":
    main()
