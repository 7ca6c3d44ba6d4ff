"""The counterfactual benchmark of influence methods on real music.

    python -m benchmarks.counterfactual                    score every method on the shipped ground truth
    python -m benchmarks.counterfactual --methods dtrak,mucs
    python -m benchmarks.counterfactual removal MODELS     leave-top-K-out retraining, of what is not shipped (resumes)
    python -m benchmarks.counterfactual statements         do calibrated statements come true?
    python -m benchmarks.counterfactual retrain MODELS     train what the ground truth lacks (hours; resumes)
    python -m benchmarks.counterfactual build DATA         choose and encode the corpus anew from audio

Scoring takes minutes on two cores. Retraining takes about 20 CPU-seconds a model; ``--device cuda`` does the
arithmetic elsewhere, ``--anew`` also trains what is shipped.
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
from benchmarks.counterfactual.outputs import with_fresh
from benchmarks.counterfactual.pack import DATA, Pack, load_pack
from benchmarks.counterfactual.plan import Job, PlanConfig, artist_jobs_of, jobs_of
from benchmarks.counterfactual.report import as_text, new_output_lines
from benchmarks.counterfactual.retrain import losses_of
from benchmarks.counterfactual.rows import Row, measure
from benchmarks.counterfactual.statements import as_text as statements_text
from benchmarks.counterfactual.statements import statements
from benchmarks.counterfactual.table import (
    collapse_row,
    group_leads,
    group_rows,
    label_only,
    lds_rows,
    leads,
    split_of,
    with_ensembles,
)
from benchmarks.counterfactual.truth import Truth, known_losses, load_truth, save_truth
from linernotes.cli.output import Progress
from linernotes.execution.processes import ProcessRunner
from linernotes.workspace.provenance import machine_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results"
METHODS = (  # slow ones first, so that no process is left with one at the end
    "unrolled", "siblings", "mucs", "unlearning-ekfac", "unlearning", "version-likeness",
    "unlearning-skew:n_scoring_draws=4", "forward:n_scoring_draws=4", "ekfac", "ekfac:query_levels=1.0", "das",
    "guda", "d-trak", "trak", "grad-cos", "grad-dot", "activations", "similarity", "random",
)  # fmt: skip
BEST = "unrolled"
BEST_OF_GROUPS = "unrolled + guda"  # as seen on the reported outputs
STATED = "ekfac"  # a tenth of the cost of the best


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.counterfactual",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "action",
        nargs="?",
        default="score",
        choices=["score", "removal", "statements", "retrain", "build"],
    )
    parser.add_argument("folder", nargs="?", type=Path, help="MODELS or DATA")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--anew", action="store_true", help="retrain, removal: also what is shipped already")
    parser.add_argument(
        "--scores", type=Path, default=RESULTS / "scores", help="where finished scores are kept"
    )
    options = parser.parse_args()
    if options.action in ("removal", "retrain", "build") and options.folder is None:
        parser.error(f"{options.action}: name a folder")
    if options.action == "build":
        return build(options.folder, DATA, print)
    pack = load_pack()
    if options.action == "retrain":
        return _retrain(pack, options)
    if options.action == "statements":
        return _state(pack, options)
    if options.action == "removal":
        return _remove(with_fresh(pack, removals.N_FRESH), options)
    queries = tuple(q for places in _queries(pack).values() for q in places)
    measured = _measure(dict.fromkeys(options.methods.split(","), queries), options)
    report = _score(pack, load_truth(pack), measured)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (RESULTS / "table.md").write_text(as_text(report), encoding="utf-8")
    print(as_text(report))


def _queries(pack: Pack) -> dict[str, tuple[int, ...]]:
    return {kind: split_of(pack, kind).test for kind in ("generated", "passage")}


def _measure(
    asked: Mapping[str, tuple[int, ...]], options: argparse.Namespace, n_fresh: int = 0
) -> dict[str, Row]:
    """Let each method score its queries in a process of its own."""
    found: dict[str, Row] = {}
    processes = get_context("forkserver")
    processes.set_forkserver_preload(
        ["benchmarks.counterfactual.rows"]
    )  # imported once, not by every process
    with (
        ProcessPoolExecutor(options.workers, mp_context=processes, max_tasks_per_child=1) as pool,
        Progress() as progress,
    ):
        waiting = {
            pool.submit(measure, name, queries, options.scores, n_fresh): name
            for name, queries in asked.items()
        }
        for number, done in enumerate(as_completed(waiting), start=1):
            found[waiting[done]] = done.result()
            progress("methods", number, len(asked))
    return {name: found[name] for name in asked}


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
        report[kind] = lds_rows(with_ensembles(scores), truth, pack, queries)
        report[kind]["groups"] = group_rows(scores, truth, pack, queries)
        if BEST in scores:
            report[kind]["leads"] = leads(BEST, scores, truth, pack, queries)
    removed = RESULTS / "removal.json"
    if removed.is_file():
        report["removal"] = json.loads(removed.read_text(encoding="utf-8"))
    return report


def _retrain(pack: Pack, options: argparse.Namespace) -> None:
    """Train what the shipped ground truth lacks, or everything."""
    plan = PlanConfig()
    jobs = jobs_of(pack.artists, plan)
    known = {} if options.anew else known_losses()
    missing = [job for job in jobs if job.name not in known]
    if missing:
        asked = [place for place, kind in enumerate(pack.kinds) if kind != "outsider"]
        losses = _train(pack, missing, options, asked)
        known |= dict(zip((job.name for job in missing), losses, strict=True))
    names = tuple(job.name for job in jobs)
    save_truth(Truth(plan, names, np.stack([known[name] for name in names])))


def _remove(pack: Pack, options: argparse.Namespace) -> None:
    """Retrain without what each row of the table puts first for each new output, and without each artist."""
    queries = tuple(pack.of_kind("fresh"))
    scores = _scores_of_new_outputs(pack, queries, options)
    wanted = removals.removals_of(removals.listed(scores))
    controls = removals.controls_of(len(pack.items))
    of_artists = artist_jobs_of(pack.artists, PlanConfig())
    jobs = [*of_artists, *removals.jobs_of_removals([*controls, *wanted], len(pack.items))]
    losses = _losses_of_new_outputs(pack, jobs, queries, options)
    names = tuple(job.name for job in of_artists)
    truth = Truth(PlanConfig(), names, np.stack([losses[name] for name in names]))
    of_all = {name: rows for name, rows in scores.items() if len(rows) == len(queries)}
    asked = of_all, truth, pack, range(len(queries))
    rises = removals.effects(wanted, controls, losses)
    report: dict[str, Any] = {
        "top": removals.TOP,
        "n_controls": removals.N_CONTROLS,
        "n_queries": len(queries),
        "n_models": len(jobs),
        "best": BEST,
        "best_of_groups": BEST_OF_GROUPS,
        "machine": machine_facts(),
        "scorers": removals.rows(rises, removals.relative_controls(controls, losses), BEST),
        "groups": group_rows(*asked),
    }
    if BEST_OF_GROUPS in report["groups"]:
        report["group_leads"] = group_leads(BEST_OF_GROUPS, *asked)
    (RESULTS / "removal.json").write_text(
        json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print("\n".join(new_output_lines(report)))


def _scores_of_new_outputs(
    pack: Pack, queries: tuple[int, ...], options: argparse.Namespace
) -> dict[str, NDArray[np.float64]]:
    """Let the rivals score all new outputs, every other row of the table the first of them."""
    rivals = {*removals.RIVALS, *removals.GROUP_RIVALS}
    names = options.methods.split(",")
    asked = {name: queries if name in rivals else queries[: removals.N_OTHERS] for name in names}
    measured = _measure(asked, options, len(queries))
    return {name: row.scores for name, row in measured.items()} | {"label-only": label_only(pack, queries)}


def _losses_of_new_outputs(
    pack: Pack, jobs: Sequence[Job], queries: tuple[int, ...], options: argparse.Namespace
) -> dict[str, NDArray[np.float32]]:
    """Return the losses under the models of all jobs; train those that are not shipped, and keep them."""
    generator_id = pack.generator.generator_id
    known = {} if options.anew else removals.known_losses(generator_id)
    missing = [job for job in jobs if job.name not in known]
    if missing:
        trained = _train(pack, missing, options, queries)
        known |= dict(zip((job.name for job in missing), trained, strict=True))
        removals.save_losses(known, generator_id)
    return known


def _state(pack: Pack, options: argparse.Namespace) -> None:
    """Calibrate `STATED` on dev queries and see whether its statements come true on test queries."""
    outputs, outsiders = split_of(pack, "generated"), split_of(pack, "outsider")
    report = statements(
        pack,
        load_truth(pack),
        STATED,
        outputs.dev,
        outsiders.dev,
        outputs.test,
        outsiders.test,
        options.scores,
    ) | {"machine": machine_facts()}
    (RESULTS / "statements.json").write_text(
        json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(statements_text(report))


def _train(pack: Pack, jobs: Sequence[Job], options: argparse.Namespace, queries: Sequence[int]) -> Any:
    options.folder.mkdir(parents=True, exist_ok=True)
    with Progress() as progress, ProcessRunner(options.workers, 1, None, progress) as runner:
        return losses_of(pack, jobs, queries, options.folder, runner, options.device)


if __name__ == "__main__":
    main()
