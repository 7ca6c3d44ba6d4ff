"""Reliability of the influence methods on the demo: retrain in halves, score, compare.

    python benchmarks/reliability/run.py --workspace WS [--generator demo/generator] [--models FOLDER]

Ground truth costs one retraining per half and seed (about 65 CPU-seconds each, 64 of them) and is shipped;
scoring the methods on it costs minutes. Interrupted, it resumes. Writes ``ground_truth.npz`` and
``reliability.json`` into the generator's folder, and the figures with the machine into ``results/``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

from linernotes.cli.output import Progress
from linernotes.evaluation.reliability import ReliabilityConfig
from linernotes.workflows.reliability import measure_reliability
from linernotes.workspace.provenance import machine_facts

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--generator", type=Path, default=Path("demo/generator"))
    parser.add_argument("--models", type=Path, help="keep the retrained weights here")
    parser.add_argument("--subsets", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    with Progress() as progress:
        report = measure_reliability(
            options.generator,
            options.workspace,
            ReliabilityConfig(n_subsets=options.subsets),
            models=options.models,
            n_workers=options.workers,
            progress=progress,
        )
    peak_kib = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    report |= {
        "machine": machine_facts(),
        "wall_s_of_this_call_with_stored_parts": round(time.perf_counter() - started, 1),
        "peak_mib_of_one_process": round(peak_kib / 1024),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "reliability.json").write_text(
        json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    for part in ("dev", "test"):
        print(f"{part}: ceiling {report[part]['ceiling']:.2f}")
        for name, row in sorted(report[part]["methods"].items(), key=lambda r: -r[1]["lds"]):
            print(f"  {name:12s} {row['lds']:.3f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]")


if __name__ == "__main__":
    main()
