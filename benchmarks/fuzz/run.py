"""Send damaged inputs to the parsers of `targets`: none may crash, and no damaged proof may pass.

    python benchmarks/fuzz/run.py --inputs 1000000

Each target gets an equal share of the inputs, a slow one (above a millisecond an input) a tenth of it, a very slow
one (above ten) a hundredth. A
crash is any exception that is not a `LinernotesError`, or an answer that takes more than ten seconds of CPU. For a
proof, an accepted input must say exactly what a well-formed seed says; anything else is counted as a false
acceptance. Every finding is written with its input, so that it can be repeated.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import platform
import random
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.fuzz.mutate import damaged
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.targets import TARGETS

RESULTS = Path(__file__).parent / "results"
PART = 20_000
SLOW_S, VERY_SLOW_S, TOO_SLOW_S = 1e-3, 1e-2, 10.0


def fuzz(name: str, n_inputs: int, seed: int) -> dict[str, Any]:
    """Send *n_inputs* damaged inputs to one target and count what became of them."""
    from linernotes.errors import LinernotesError

    warnings.simplefilter("ignore")
    target = TARGETS[name]
    seeds = list(target.seeds())
    meanings = [target.read(one) for one in seeds]
    draw = random.Random(f"{name} {seed}")
    counts: Counter[str] = Counter()
    findings: list[dict[str, str]] = []
    start = time.process_time()
    for _ in range(n_inputs):
        data = damaged(draw.choice(seeds), seeds, draw)
        counts["inputs"] += 1
        fault, before = "", time.process_time()
        try:
            meaning = target.read(data)
        except LinernotesError:
            counts["refused"] += 1
        except Exception as error:
            fault = f"crash: {type(error).__name__}: {error}"
        else:
            counts["accepted"] += 1
            if target.is_proof and meaning not in meanings:
                fault = "accepted a damaged proof"
        if not fault and time.process_time() - before > TOO_SLOW_S:
            fault = f"took {time.process_time() - before:.1f} s"
        if fault:
            counts["findings"] += 1
            if len(findings) < 20:
                findings.append(
                    {"fault": fault[:300], "input_base64": base64.b64encode(data[:100_000]).decode()}
                )
    return {
        "target": name,
        "counts": dict(counts),
        "seconds": time.process_time() - start,
        "findings": findings,
    }


def plan(n_inputs: int, names: list[str]) -> list[tuple[str, int, int]]:
    """Share the inputs out: (target, inputs, seed), slow targets a tenth or a hundredth of what the others get."""
    costs = {name: _cost_s(TARGETS[name]) for name in names}
    weights = {
        name: 1.0 if cost <= SLOW_S else 0.1 if cost <= VERY_SLOW_S else 0.01 for name, cost in costs.items()
    }
    each = -(-n_inputs // max(1e-9, sum(weights.values())))
    parts = []
    for name in names:
        left, number = int(each * weights[name]) + 1, 0
        while left > 0:
            parts.append((name, min(left, PART), number))
            left, number = left - PART, number + 1
    return parts


def _cost_s(target: Target) -> float:
    from linernotes.errors import LinernotesError

    costs = []
    for one in list(target.seeds()) * 3:
        start = time.process_time()
        with contextlib.suppress(LinernotesError):
            target.read(one)
        costs.append(time.process_time() - start)
    return min(costs)


def main() -> int:
    """Run, print the table, write the results; 1 when anything was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=50_000, help="how many in all")
    parser.add_argument("--only", nargs="*", default=sorted(TARGETS), help="targets, default all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "fuzz.json")
    chosen = parser.parse_args()
    parts = plan(chosen.inputs, chosen.only)
    totals: dict[str, Counter[str]] = {name: Counter() for name in chosen.only}
    seconds: Counter[str] = Counter()
    findings = []
    with ProcessPoolExecutor(chosen.workers) as pool:
        jobs = [pool.submit(fuzz, name, n, 1000 * chosen.seed + number) for name, n, number in parts]
        for job in jobs:
            found = job.result()
            totals[found["target"]].update(found["counts"])
            seconds[found["target"]] += found["seconds"]
            findings += [{"target": found["target"], **one} for one in found["findings"]]
    rows = [
        {
            "target": name,
            "is_proof": TARGETS[name].is_proof,
            "inputs": counts["inputs"],
            "refused": counts["refused"],
            "accepted": counts["accepted"],
            "findings": counts["findings"],
            "microseconds": round(1e6 * seconds[name] / counts["inputs"]),
        }
        for name, counts in sorted(totals.items())
    ]
    result = {
        "n_inputs": sum(row["inputs"] for row in rows),
        "n_findings": sum(row["findings"] for row in rows),
        "seed": chosen.seed,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rows": rows,
        "findings": findings,
    }
    chosen.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    table = _table(result)
    chosen.out.with_suffix(".md").write_text(table, "utf-8")
    print(table)
    for one in findings[:40]:
        print(one["target"], one["fault"], file=sys.stderr)
    return 1 if result["n_findings"] else 0


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['n_inputs']:,} damaged inputs, {result['n_findings']} findings "
        f"(Python {result['python']}, seed {result['seed']}).",
        "",
        "| target | proof | inputs | refused | accepted | findings | µs an input |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['target']} | {'yes' if row['is_proof'] else ''} | {row['inputs']:,} | {row['refused']:,} "
        f"| {row['accepted']:,} | {row['findings']} | {row['microseconds']} |"
        for row in result["rows"]
    ]
    note = (
        "A proof that is accepted says what its undamaged form says (a signature of a stranger added, for example);"
        " of the others, an accepted input is a table or document that is still well-formed."
    )
    return "\n".join([*lines, "", note]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
