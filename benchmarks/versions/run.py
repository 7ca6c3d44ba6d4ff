"""Measure version identification in one run: ours, its parts, peers and chance, on every tier.

    python -m benchmarks.versions.run --split dev --baselines       # peers alone, ten CPU-minutes
    python -m benchmarks.versions.run --split test

Pieces are made first by ``python -m benchmarks.versions.make_data``; without them the benchmark is skipped with
that reason. Writes ``results/SPLIT.json`` and ``results/SPLIT.md``. What was scored is kept beside the pieces, so
that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import load
from benchmarks.versions.evaluate import ask, by_group, drawn, general_limit, questions, quoted
from benchmarks.versions.measures.rates import recall
from benchmarks.versions.systems.baselines import baselines

SLOW = {"Qmax, essentia": 30}  # queries per group; one comparison takes 7 ms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", choices=("dev", "test"), required=True)
    parser.add_argument("--systems", help="comma-separated part of the names; all when absent")
    options = parser.parse_args()
    pieces = load(options.split)
    if not pieces:
        print("skipped: no pieces; make them with python -m benchmarks.versions.make_data (see README.md)")
        return
    references = [piece for piece in pieces if piece.is_reference]
    tasks = questions(pieces, references)
    folder = cache_folder() / options.split / "scores"
    report = {}
    for system in baselines():
        if options.systems and not any(part in system.name for part in options.systems.split(",")):
            continue
        started = time.process_time()
        answers = {
            task: ask(system, task, drawn(queries, SLOW.get(system.name)), references, folder)
            for task, queries in tasks.items()
        }
        limit = general_limit(answers["whole"])
        strangers = [float(scores[0]) for scores in answers["strangers"].scores]
        import numpy as np

        report[system.name] = {
            "whole": by_group(answers["whole"]),
            "excerpt": by_group(answers["excerpt"]),
            "changed": by_group(answers["changed"]),
            "quoted": quoted(answers["quoted"]),
            "strangers_above_limit": recall(np.array(strangers), limit),
            "ms": answers["whole"].ms,
        }
        print(system.name, f"{time.process_time() - started:.0f} CPU-s", file=sys.stderr, flush=True)
    Path(f"/tmp/{options.split}-report.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
