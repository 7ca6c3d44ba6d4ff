"""The counterfactual benchmark of influence methods on real music.

    python -m benchmarks.counterfactual                    score every method on the shipped ground truth
    python -m benchmarks.counterfactual --methods dtrak,mucs
    python -m benchmarks.counterfactual removal MODELS     leave-top-K-out retraining of the scored methods
    python -m benchmarks.counterfactual retrain MODELS     make the ground truth anew (hours; resumes)
    python -m benchmarks.counterfactual build DATA         choose and encode the corpus anew from audio

Scoring takes minutes on two cores. Retraining takes about 20 CPU-seconds a model; ``--device cuda`` does the
arithmetic elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.counterfactual import removal as removals
from benchmarks.counterfactual.build import build
from benchmarks.counterfactual.pack import DATA, Pack, load_pack
from benchmarks.counterfactual.plan import Job, PlanConfig, jobs_of
from benchmarks.counterfactual.report import as_text
from benchmarks.counterfactual.retrain import losses_of
from benchmarks.counterfactual.rows import Row, measure
from benchmarks.counterfactual.table import (
    collapse_row,
    group_rows,
    label_only,
    lds_rows,
    leads,
    split_of,
)
from benchmarks.counterfactual.truth import Truth, load_truth, save_truth
from linernotes.cli.output import Progress
from linernotes.execution.processes import ProcessRunner
from linernotes.workspace.provenance import machine_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"
METHODS = (  # slow ones early, so that no process is left with one at the end
    "unlearning", "mucs", "siblings", "ekfac", "ekfac:query_levels=1.0", "das", "unlearning-ekfac", "unlearning-skew",
    "forward", "d-trak", "trak", "grad-cos", "grad-dot", "activations", "similarity", "random",
)  # fmt: skip
BEST = "siblings"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.counterfactual",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "action", nargs="?", default="score", choices=["score", "removal", "retrain", "build"]
    )
    parser.add_argument("folder", nargs="?", type=Path, help="MODELS or DATA")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--scores", type=Path, default=RESULTS / "scores", help="where finished scores are kept"
    )
    options = parser.parse_args()
    if options.action != "score" and options.folder is None:
        parser.error(f"{options.action}: name a folder")
    if options.action == "build":
        return build(options.folder, DATA, print)
    pack = load_pack()
    if options.action == "retrain":
        plan = PlanConfig()
        jobs = jobs_of(pack.artists, plan)
        losses = _train(pack, jobs, options)
        return save_truth(Truth(plan, tuple(job.name for job in jobs), losses))
    measured = _measure(options.methods.split(","), pack, options)
    if options.action == "removal":
        return _remove(pack, measured, options)
    report = _score(pack, load_truth(pack), measured)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (RESULTS / "table.md").write_text(as_text(report), encoding="utf-8")
    print(as_text(report))


def _queries(pack: Pack) -> dict[str, tuple[int, ...]]:
    return {kind: split_of(pack, kind).test for kind in ("generated", "look-alike")}


def _measure(names: Sequence[str], pack: Pack, options: argparse.Namespace) -> dict[str, Row]:
    """Score all methods, each in a process of its own."""
    queries = tuple(q for places in _queries(pack).values() for q in places)
    found: dict[str, Row] = {}
    with (
        ProcessPoolExecutor(options.workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool,
        Progress() as progress,
    ):
        waiting = {pool.submit(measure, name, queries, options.scores): name for name in names}
        for number, done in enumerate(as_completed(waiting), start=1):
            found[waiting[done]] = done.result()
            progress("methods", number, len(names))
    return {name: found[name] for name in names}


def _score(pack: Pack, truth: Truth, measured: dict[str, Row]) -> dict[str, Any]:
    report: dict[str, Any] = {
        "generator_id": pack.generator.generator_id,
        "n_items": len(pack.items),
        "n_artists": len(set(pack.artists)),
        "n_models": len(truth.names),
        "machine": machine_facts(),
        "methods": {
            name: row.facts
            | {
                "self_rank_mean": float(row.self_ranks.mean()),
                "self_rank_worst": int(row.self_ranks.max()),
                "collapse": collapse_row(row, row.scores[: len(_queries(pack)["generated"])], pack),
            }
            for name, row in measured.items()
        },
    }
    first = 0
    for kind, queries in _queries(pack).items():
        scores = {name: row.scores[first : first + len(queries)] for name, row in measured.items()}
        first += len(queries)
        scores["label-only"] = label_only(pack, queries)
        report[kind] = lds_rows(scores, truth, pack, queries)
        report[kind]["groups"] = group_rows(scores, truth, pack, queries)
        if BEST in scores:
            report[kind]["leads"] = leads(BEST, scores, truth, pack, queries)
    stored = RESULTS / "removal.json"
    if stored.is_file():
        report["removal"] = json.loads(stored.read_text(encoding="utf-8"))
    return report


def _remove(pack: Pack, measured: dict[str, Row], options: argparse.Namespace) -> None:
    queries = _queries(pack)["generated"]
    scores = {name: row.scores[: len(queries)] for name, row in measured.items()}
    wanted = removals.removals_of(scores, queries)
    everyone = np.ones(len(pack.items), dtype=bool)
    full = [Job(f"full-{seed}", everyone, seed) for seed in removals.SEEDS]
    jobs = full + removals.jobs_of_removals(wanted, len(pack.items))
    losses = dict(zip([job.name for job in jobs], _train(pack, jobs, options), strict=True))
    found = removals.effects(wanted, losses, np.stack([losses[job.name] for job in full]))
    report = {
        "top": removals.TOP,
        "n_queries": len(queries),
        "seeds": list(removals.SEEDS),
        "scorers": removals.rows(found),
    }
    (RESULTS / "removal.json").write_text(
        json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(json.dumps(report["scorers"], indent=1))


def _train(pack: Pack, jobs: Sequence[Job], options: argparse.Namespace) -> Any:
    options.folder.mkdir(parents=True, exist_ok=True)
    with Progress() as progress, ProcessRunner(options.workers, 1, None, progress) as runner:
        return losses_of(pack, jobs, options.folder, runner, options.device)


if __name__ == "__main__":
    main()
