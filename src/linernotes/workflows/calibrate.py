"""Make ``calibration.json``: retrain a generator without artists, score, fit, test, and keep it beside the generator.

Two files join the generator's folder: ``left_out.npz`` (losses of every retrained model, so that a further method is
calibrated in minutes) and ``calibration.json`` (what `attribute` turns scores into statements with). The retraining
resumes when interrupted: finished models' losses lie in the workspace.

Conventions
-----------
Outputs are generated for prompts taken from the corpus' own tags, unless they are given. Null queries are real
recordings from outside the corpus, of a folder or of the workspace's catalogue; the middle of each is taken, as long
as an output.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from linernotes.attribution.base import Attributor, EncodedCorpus, ItemScores, Query
from linernotes.attribution.encoding import DisclosedGenerator, candidates, encode_corpus
from linernotes.attribution.statements.abstention import CorpusFit, corpus_fit
from linernotes.audio.files import read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError, UnsupportedGenerator
from linernotes.evaluation.abstaining import AbstentionReport, cross_abstention
from linernotes.evaluation.calibrating import CoverageReport, calibrate, cross_coverage
from linernotes.evaluation.left_out import LeaveOutConfig, LeftOut, leave_out
from linernotes.evaluation.likeness import likeness_of
from linernotes.evaluation.removals import Removals
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.folds import Runner
from linernotes.generators.reference.adapter import ReferenceGenerator, training_items
from linernotes.generators.reference.training import TrainingItem
from linernotes.workflows.attribute import SEGMENTS_PER_SHARD, clusters_of
from linernotes.workflows.calibrate_outputs import outputs_of
from linernotes.workflows.calibrate_plan import DEFAULT, CalibrateRequest, Plan, read_plan
from linernotes.workflows.calibration import store_calibration
from linernotes.workflows.left_out import FILE as LOSSES
from linernotes.workflows.left_out import save_left_out
from linernotes.workflows.outside import outside_queries
from linernotes.workspace import Workspace

__all__ = ["CalibrateRequest", "calibrate_generator", "remarks_of"]


@one_thread()
def calibrate_generator(
    request: CalibrateRequest, *, n_workers: int | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Retrain without groups (once), score every method, fit, test, and write both files.

    Returns
    -------
    dict
        What was measured, as JSON: ``methods`` holds coverage, abstention, note and remarks of each.

    Raises
    ------
    CorpusError
        If the sealed corpus is not exactly what the generator was trained on, or stored losses do not fit.
    InputError
        If there are too few groups or recordings from outside, or the generator has learnt nothing.
    UnsupportedGenerator
        If it cannot be retrained, and no losses lie beside it.
    """
    plan = read_plan(request)
    with Workspace.open(request.workspace) as opened:
        kept = opened.folder("calibration")
        nulls = outside_queries(
            plan.generator, opened, request.outside, plan.config.output_segments, progress
        )
    encoded = encode_corpus(plan.generator, plan.corpus, progress)
    fit = _fit_or_refuse(plan.generator, encoded)
    outputs = outputs_of(plan, kept, progress)
    workers, store = n_workers or os.cpu_count() or 1, ShardStore(kept)
    with ProcessRunner(workers, SEGMENTS_PER_SHARD, store, progress) as runner:
        left_out = plan.stored or _retrain(plan, outputs, runner)
        removals = _removals(left_out, encoded, outputs, request)
        scored = {
            method.name: _scored(method, plan.generator, encoded, [*outputs, *nulls], runner)
            for method in plan.methods
        }
    like = _likeness(plan.generator, encoded, [*outputs, *nulls])
    report = _facts(plan, left_out, removals, nulls, fit)
    clusters = clusters_of(plan.generator, plan.corpus)
    for method in plan.methods:
        report["methods"][method.name] = _calibrated(
            plan, method, scored[method.name], removals, like, clusters, len(nulls)
        )
    return report


def _fit_or_refuse(generator: DisclosedGenerator, encoded: EncodedCorpus) -> CorpusFit:
    # asked before hours of retraining, not after
    fit = corpus_fit(generator, encoded)
    if fit.why_nobody is not None:
        raise InputError(
            f"generator {generator.generator_id}: {fit.why_nobody}; nobody can be credited by it, calibrated or not: "
            "train it longer"
        )
    return fit


def _retrain(plan: Plan, outputs: Sequence[Query], run: Runner) -> LeftOut:
    generator = plan.generator
    if not isinstance(generator, ReferenceGenerator):  # refused before, with what to do
        raise UnsupportedGenerator(f"generator {generator.generator_id}: no recipe is known")
    found = leave_out(
        _training_items(generator, plan.corpus),
        plan.group_of,
        [query.query_id for query in outputs],
        [query.segments for query in outputs],
        generator.noise_draws(plan.config.n_draws, plan.config.output_seed),
        plan.config,
        run,
    )
    save_left_out(plan.request.generator, found, generator, plan.config, plan.output_hashes)
    return found


def _training_items(generator: ReferenceGenerator, corpus: SealedCorpus) -> list[TrainingItem]:
    recordings = [
        (
            item.item_id,
            read_audio(corpus.audio_path(item), generator.sample_rate, allow_silence=True),
            " ".join(item.recording.tags),
        )
        for item in candidates(generator, corpus)
    ]
    return training_items(generator.representation, generator.vocabulary, recordings)


def _removals(
    left_out: LeftOut, encoded: EncodedCorpus, outputs: Sequence[Query], request: CalibrateRequest
) -> Removals:
    ids = tuple(query.query_id for query in outputs)
    if left_out.item_ids != encoded.item_ids or left_out.output_ids != ids:
        raise CorpusError(
            f"{request.generator / LOSSES}: losses of {len(left_out.output_ids)} outputs and {len(left_out.item_ids)} "
            f"recordings, expected the {len(ids)} and {len(encoded.item_ids)} of this corpus, by the same names; "
            "remove it to retrain"
        )
    return left_out.removals


def _scored(
    method: Attributor,
    generator: DisclosedGenerator,
    encoded: EncodedCorpus,
    queries: Sequence[Query],
    run: Runner,
) -> list[ItemScores]:
    method.fit(generator, encoded, run)
    return method.attribute(queries, run)


def _likeness(generator: DisclosedGenerator, encoded: EncodedCorpus, queries: Sequence[Query]) -> list[float]:
    try:
        return likeness_of(generator, encoded, queries)
    except UnsupportedGenerator:
        return []  # a remark says so


# -- what is fitted, and what is said of it ---------------------------------------------------------


def _facts(
    plan: Plan, left_out: LeftOut, removals: Removals, nulls: Sequence[Query], fit: CorpusFit
) -> dict[str, Any]:
    effects, mattered = removals.effects, removals.mattered
    return {
        "generator_id": plan.generator.generator_id,
        "corpus_root": plan.corpus.root,
        "config": asdict(plan.config),
        "n_models": plan.config.n_models,
        "retrained": plan.stored is None,
        "corpus_fit": asdict(fit),
        "outside": [query.query_id for query in nulls],
        "groups": [
            {
                "name": name,
                "n_items": int(left_out.removed[number].sum()),
                "effect": float(effects[:, number].mean()),
                "mattered": float(mattered[:, number].mean()),
            }
            for number, name in enumerate(removals.names)
        ],
        "methods": {},
    }


def _calibrated(
    plan: Plan,
    method: Attributor,
    scores: list[ItemScores],
    removals: Removals,
    like: list[float],
    clusters: dict[str, str] | None,
    n_nulls: int,
) -> dict[str, Any]:
    own, nulls = scores[:-n_nulls], scores[-n_nulls:]
    likeness, null_likeness = (like[:-n_nulls], like[-n_nulls:]) if like else ([], [])
    calibration = calibrate(own, removals, nulls=nulls, likeness=likeness, null_likeness=null_likeness)
    held = cross_coverage(own, removals)
    nobody = cross_abstention(calibration, own, removals, nulls, likeness, null_likeness, clusters)
    measured = {
        "coverage": held.as_json(),
        "abstention": nobody.as_json(),
        "likeness": bool(like),
        "remarks": remarks_of(held, nobody, plan.config, plan.generator, bool(like)),
    }
    path = store_calibration(plan.request.generator, method, plan.generator, calibration, measured)
    return measured | {"note": calibration.note.as_json(), "file": str(path)}


def remarks_of(
    held: CoverageReport,
    nobody: AbstentionReport,
    config: LeaveOutConfig,
    generator: DisclosedGenerator,
    likeness: bool,
    confidence: float = 0.9,
) -> list[str]:
    """Say in words what a reader of the statements must know; nothing where all is as promised."""
    told = []
    low, high = held.interval
    if not low <= confidence <= high:
        told.append(
            f"the {confidence:.0%} intervals held {held.coverage:.0%} of outcomes left out of the fit "
            f"({low:.0%} to {high:.0%}): read them as such"
        )
    if config.n_groups < DEFAULT.n_groups or config.n_outputs < DEFAULT.n_outputs:
        told.append(
            f"few data: {config.n_groups} groups left out × {config.n_seeds} seeds, {config.n_outputs} outputs; coverage "
            f"lies between {low:.0%} and {high:.0%}"
        )
    if held.brier > 0.95 * held.brier_base:
        told.append(
            f"the chance that somebody matters says hardly more than how often that is so ({held.mattered:.0%}): "
            f"Brier score {held.brier:.3f}, beside {held.brier_base:.3f} for always saying that"
        )
    own = getattr(generator, "recipe", None)
    if own is not None and (own.n_steps, own.batch_size) != (config.recipe.n_steps, config.recipe.batch_size):
        told.append(
            f"retrained with {config.recipe.n_steps} steps of {config.recipe.batch_size} segments, the generator with "
            f"{own.n_steps} of {own.batch_size}: effects are those in models of the former kind"
        )
    if nobody.null_queries < 0.95:
        told.append(
            f"somebody was credited for {1 - nobody.null_queries:.0%} of {nobody.n_null_queries} recordings from outside"
        )
    if nobody.n_null_queries < 49:
        told.append(
            f"{nobody.n_null_queries} recordings from outside say little about rarer ones: 49 or more do"
        )
    if not likeness:
        told.append(
            "likeness cannot be measured for this generator: fewer outputs are credited than could be"
        )
    return told
