"""Sanity checks of the influence methods in full: self-influence, canaries, randomisation, collapse.

    python benchmarks/sanity/run.py --generator demo/generator --workspace WS --out benchmarks/sanity/results

Writes ``sanity.json`` (for the dossier: put it beside the generator) and ``detail.json``. About fifteen
minutes on two cores; the canary generator is trained anew on the corpus and two planted copies.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from linernotes.attribution.encoding import encode_corpus
from linernotes.audio.files import read_audio
from linernotes.evaluation.canary import EXACT, TRANSFORMED, plant
from linernotes.evaluation.sanity import collapse, fresh, randomised, ranks_of, self_queries
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe
from linernotes.workflows.methods import make_method
from linernotes.workspace import Workspace
from linernotes.workspace.provenance import machine_facts

METHODS = ("mucs", "unlearning", "similarity", "random")
UNLEARNING = ("mucs", "unlearning")
N_QUERIES = 40


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generator", type=Path, default=Path("demo/generator"))
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/sanity/results"))
    parser.add_argument("--canary-steps", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    generator = ReferenceGenerator.load(options.generator)
    workspace = Workspace.open(options.workspace)
    corpus = encode_corpus(generator, workspace.corpus())
    queries, truth = self_queries(corpus, N_QUERIES)
    detail: dict[str, object] = {
        "machine": machine_facts(),
        "generator_id": generator.generator_id,
        "methods": {},
    }
    rows = {}
    store = ShardStore(workspace.folder("sanity"))
    with ProcessRunner(options.workers, 32, store) as run:
        for name in METHODS:
            started, method = time.perf_counter(), make_method(name)
            method.fit(generator, corpus, run)
            results = method.attribute(queries, run)
            ranks, alike = ranks_of(results, truth), collapse(results)
            rows[name] = {
                "mean_self_rank": float(ranks.mean()),
                "worst_self_rank": int(ranks.max()),
                "mean_correlation_between_queries": alike.mean_correlation,
                "rank_one_energy": alike.rank_one_energy,
                "n_distinct_first": alike.n_distinct_first,
                "seconds_per_query": (time.perf_counter() - started) / N_QUERIES,
            }
            if name in UNLEARNING:
                rows[name] |= _randomisation(name, results, generator, corpus, queries, run)
            print(name, json.dumps(rows[name]), flush=True)
        planted = _plant(generator, workspace, options.canary_steps)
        for name in METHODS:
            rows[name]["canary_ranks"] = planted.ranks(make_method(name), run)
            print(name, rows[name]["canary_ranks"], flush=True)
    detail["methods"] = rows
    detail["n_items"], detail["n_queries"] = len(corpus.item_ids), N_QUERIES
    detail["canary"] = {"steps": options.canary_steps, "n_items": len(planted.corpus.item_ids)}
    options.out.mkdir(parents=True, exist_ok=True)
    _write(options.out / "detail.json", detail)
    _write(options.out / "sanity.json", summary(rows, len(corpus.item_ids)))


def _randomisation(name, results, generator, corpus, queries, run):
    """How much of the scores is there without anything learnt: shuffled weights, and a fresh network."""
    few = slice(0, 10)
    found = {}
    for kind, without in (("shuffled", randomised(generator)), ("fresh", fresh(generator))):
        method = make_method(name)
        method.fit(without, corpus, run)
        scores = [r.scores for r in method.attribute(queries[few], run)]
        if all(np.ptp(row) == 0 for row in scores):
            found[f"correlation_with_{kind}"] = 0.0
            continue
        pairs = zip(results[few], scores, strict=True)
        found[f"correlation_with_{kind}"] = float(
            np.mean([spearmanr(a.scores, b).statistic for a, b in pairs])
        )
    return found


def _plant(generator, workspace, n_steps):
    rate, corpus = generator.sample_rate, workspace.corpus()
    recordings = [
        (i.item_id, read_audio(corpus.audio_path(i), rate), " ".join(i.recording.tags)) for i in corpus.items
    ]
    known = {item.item_id for item in corpus.items}
    unseen = [r for r in workspace.recordings() if r.recording_id not in known]
    first, second = (
        (
            r.recording_id,
            read_audio(workspace.recording_audio(r.recording_id), rate).excerpt(0, 24.6),
            " ".join(r.tags),
        )
        for r in (unseen[1], unseen[-2])
    )
    recipe = Recipe(n_steps=n_steps, batch_size=16, seed=77)
    return plant(recordings, first, second, recipe, generator.representation.config)


def summary(rows: dict, n_items: int) -> dict[str, dict[str, object]]:
    """Return the checks as the dossier prints them."""
    chance = (n_items + 1) / 2
    checks: dict[str, dict[str, object]] = {}
    for name in UNLEARNING:
        row = rows[name]
        checks[f"self-influence, {name}"] = {
            "value": row["mean_self_rank"],
            "expected": f"1 is perfect, at most 1.5; {chance:.0f} is chance",
            "passed": row["mean_self_rank"] <= 1.5,
            "meaning": f"mean place of a training segment's own recording among {n_items}, {N_QUERIES} segments unlearned",
        }
        checks[f"planted exact copy, {name}"] = {
            "value": row["canary_ranks"][EXACT],
            "expected": "1",
            "passed": row["canary_ranks"][EXACT] == 1,
            "meaning": "place of an exact copy of the query that was put into the training set",
        }
        checks[f"planted transformed copy, {name}"] = {
            "value": row["canary_ranks"][TRANSFORMED],
            "expected": "1; at most 3",
            "passed": row["canary_ranks"][TRANSFORMED] <= 3,
            "meaning": "place of a copy that starts later, is quieter and brighter",
        }
        checks[f"shuffled weights, {name}"] = {
            "value": row["correlation_with_shuffled"],
            "expected": "near 0",
            "passed": abs(row["correlation_with_shuffled"]) < 0.3,
            "meaning": "rank correlation of the scores with those of a network whose weights were shuffled",
        }
        checks[f"collapse, {name}"] = {
            "value": row["mean_correlation_between_queries"],
            "expected": "below 0.9",
            "passed": row["mean_correlation_between_queries"] < 0.9 and row["rank_one_energy"] < 0.95,
            "meaning": "mean rank correlation between the lists of different queries; near 1, all get the same list",
        }
    return checks


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
