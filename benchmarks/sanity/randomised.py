"""Whether the scores of a network that has learnt nothing predict retraining.

    python benchmarks/sanity/randomised.py --generator demo/generator --workspace WS

The generator's weights are shuffled within each tensor (same values, nothing learnt), every method scores the
queries of the shipped ground truth through that network, and LDS is taken as for the real one. Adds its rows to
``results/sanity.json``; about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from linernotes.attribution.encoding import encode_corpus
from linernotes.evaluation.lds import lds
from linernotes.evaluation.reliability import ReliabilityConfig, make_queries
from linernotes.evaluation.sanity import randomised
from linernotes.execution.processes import ProcessRunner
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.methods import make_method
from linernotes.workflows.reliability import TRUTH, load_truth
from linernotes.workspace import Workspace
from linernotes.workspace.provenance import machine_facts

METHODS = ("unlearning", "mucs")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generator", type=Path, default=Path("demo/generator"))
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/sanity/results"))
    options = parser.parse_args()
    generator, config = ReferenceGenerator.load(options.generator), ReliabilityConfig()
    with Workspace.open(options.workspace) as workspace:
        sealed = workspace.corpus()
    truth = load_truth(options.generator / TRUTH, generator, config)
    queries = [query for query, _ in make_queries(generator, sealed, config)]
    corpus, without = encode_corpus(generator, sealed), randomised(generator)
    rows = {}
    with ProcessRunner(2, 32) as run:
        for name in METHODS:
            method = make_method(name)
            method.fit(without, corpus, run)
            scores = np.stack([result.scores for result in method.attribute(queries, run)])
            found = lds(scores, truth)
            rows[name] = {"lds": found.value, "interval": list(found.interval)}
            print(name, rows[name], flush=True)
    detail = {"machine": machine_facts(), "generator_id": generator.generator_id, "methods": rows}
    (options.out / "randomised.json").write_text(json.dumps(detail, indent=2, sort_keys=True) + "\n")
    path = options.out / "sanity.json"
    checks = json.loads(path.read_text(encoding="utf-8"))
    for name, row in rows.items():
        low, high = row["interval"]
        checks[f"LDS with shuffled weights, {name}"] = {
            "value": row["lds"],
            "expected": "an interval that holds 0",
            "passed": low <= 0 <= high,
            "meaning": f"how well scores taken through shuffled weights predict retraining; "
            f"95 % interval {low:.2f} to {high:.2f}",
        }
    path.write_text(json.dumps(checks, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
