"""Rank the disclosed recordings by influence on each output, resumably and repeatably.

Everything the result depends on is in the run folder's ``run.toml``; finished shards of the passes are
kept until the run is finished, so an interrupted run continues, and gives the same bytes as one that
was never interrupted.

Checks of a ranking (`verify`) and scores of groups stand on the finished ranking: asked with them, the same
ranking is made or found first, in a run folder of its own, and the answer goes into another.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from linernotes.attribution.base import EncodedCorpus, ItemScores, Query
from linernotes.attribution.encoding import DisclosedGenerator, candidates, encode_corpus, scope_of
from linernotes.attribution.statements.abstention import corpus_fit
from linernotes.attribution.statements.calibration import Calibration
from linernotes.attribution.statements.ranking import rank
from linernotes.audio.files import file_sha256
from linernotes.corpus.seal import SealedCorpus
from linernotes.evaluation.likeness import likeness_of
from linernotes.evaluation.reliability import reliability_of
from linernotes.evidence.influence import InfluenceRanking
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.workflows.calibration import FILE as CALIBRATION
from linernotes.workflows.calibration import calibration_of
from linernotes.workflows.group_scores import Holders, group_rows, holders_of
from linernotes.workflows.leads_records import refuse_attribution
from linernotes.workflows.question import (
    SEGMENTS_PER_SHARD,
    AttributeRequest,
    Question,
    config_of,
    read_question,
)
from linernotes.workflows.verify import (
    VERIFIED,
    WHERE,
    Checks,
    Subject,
    locate,
    verify_rankings,
    where_rows,
)
from linernotes.workspace import Workspace
from linernotes.workspace.rows import ranking_from_json
from linernotes.workspace.runs import RunFolder

__all__ = [
    "SEGMENTS_PER_SHARD",
    "AttributeRequest",
    "attribute",
    "attribute_in_full",
    "attribute_run",
    "repeat",
]

RESULT = "rankings.json"
SEGMENTS = "segments.json"
GROUPS = "groups.json"


def attribute(
    request: AttributeRequest,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
    parent: Path | None = None,
) -> list[InfluenceRanking]:
    """Rank influence on each file and keep the rankings in the workspace.

    Raises
    ------
    InputError
        If a file or the generator is not usable, or the method is not installed.
    TooShort
        If an output holds less than one segment of the generator.
    CorpusError
        If no corpus is sealed in the workspace.
    NotDisclosed
        If the generator was trained on nothing that this corpus holds, or a contradiction lead says that part of
        a file agrees with a recording outside it.
    UnsupportedGenerator
        If the generator's adapter is not installed, or lacks what was asked.
    """
    answers = attribute_in_full(request, n_workers=n_workers, progress=progress, parent=parent)
    return [ranking_from_json(answer) for answer in answers]


def attribute_in_full(
    request: AttributeRequest,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
    parent: Path | None = None,
) -> list[dict[str, Any]]:
    """Do as `attribute` does and return the rankings as JSON, with what was asked beyond them.

    Fields beyond those of a ranking: ``verification`` (a list, one entry per tested claim), ``where`` (the best
    cells of the segment maps) and ``groups``, each only when it was asked for.
    """
    with Workspace.open(request.workspace) as workspace:
        for file in request.files:
            refuse_attribution(workspace, file)
    run = attribute_run(request, n_workers=n_workers, progress=progress, parent=parent)
    answers: list[dict[str, Any]] = run.read_json(RESULT)
    with Workspace.open(request.workspace) as workspace:
        for answer in answers:
            workspace.save_ranking(ranking_from_json(answer), run.path)
    return answers


@one_thread()
def attribute_run(
    request: AttributeRequest,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
    parent: Path | None = None,
) -> RunFolder:
    """Do the work of `attribute_in_full` and return its finished run folder."""
    question = read_question(request, n_workers, progress, parent)
    ranked = _ranking_run(question)
    if question.request == question.request.bare:
        return ranked
    return _checked_run(question, ranked)


def repeat(config: dict[str, Any], parent: Path) -> Path:
    """Repeat a run from its stored configuration; the door that ``linernotes rerun`` uses."""
    known = {name: config[name] for name in AttributeRequest.__dataclass_fields__ if name in config}
    known |= {name: tuple(known[name]) for name in ("files", "prompts") if name in known}
    return attribute_run(AttributeRequest(**known), parent=parent).path


def _ranking_run(question: Question) -> RunFolder:
    """Make or find the ranking alone."""
    request, method, generator = question.request.bare, question.method, question.generator
    reliability = reliability_of(Path(request.generator), method, generator, question.corpus.root)
    # its annotation is narrower than what it does: it asks for the weights' name and what they were trained on
    calibration = calibration_of(Path(request.generator), method, generator, question.corpus.root)
    clusters = clusters_of(generator, question.corpus)
    inputs = question.inputs() | {
        "reliability": json.dumps(reliability.as_json(), sort_keys=True) if reliability else "not measured",
    }
    if clusters:
        inputs["clusters"] = json.dumps(clusters, sort_keys=True)
    if calibration:
        inputs["calibration"] = file_sha256(Path(request.generator) / CALIBRATION)
    config = config_of(request) | {"settings": method.settings, "segments_per_shard": SEGMENTS_PER_SHARD}
    run = RunFolder.begin(question.runs, "attribute", config, inputs)
    if run.finished:
        return run
    encoded = encode_corpus(generator, question.corpus, question.progress)
    with question.runner(run) as runner:
        method.fit(generator, encoded, runner)
        results = method.attribute(question.queries, runner)
    scope, fit = scope_of(generator, question.corpus), corpus_fit(generator, encoded)
    likenesses = _likenesses(calibration, generator, encoded, question.queries)
    rankings = [
        replace(
            rank(
                scores,
                generator_id=generator.generator_id,
                corpus_root=question.corpus.root,
                seed=request.seed,
                reliability=reliability,
                calibration=calibration,
                clusters=clusters,
                likeness=likeness,
                fit=fit,
            ),
            scope=scope,
        )
        for scores, likeness in zip(results, likenesses, strict=True)
    ]
    run.write_json(RESULT, [ranking.as_json() for ranking in rankings])
    run.write_json(
        SEGMENTS,
        [_segment_rows(scores, encoded.segments.start_s, encoded.item_of, generator) for scores in results],
    )
    run.finish()
    return run


def _checked_run(question: Question, ranked: RunFolder) -> RunFolder:
    """Add to a finished ranking what was asked beyond it, in a run folder of its own."""
    request, checks = question.request, question.request.checks
    config = config_of(request) | checks.settings()
    inputs = question.inputs() | {"ranking": file_sha256(ranked.path / RESULT)}
    holders = _holders(question)
    if request.group_by == "label":  # of the rights registry, which the seal of the corpus does not cover
        inputs["labels"] = hashlib.sha256(json.dumps(holders, sort_keys=True).encode()).hexdigest()
    run = RunFolder.begin(question.runs, "attribute", config, inputs)
    if run.finished:
        return run
    answers: list[dict[str, Any]] = ranked.read_json(RESULT)
    if request.group_by:
        groups = [group_rows(answer, holders, request.group_by) for answer in answers]
        _attach(run, GROUPS, "groups", answers, groups)
    if checks.n_verified or checks.where:
        _run_checks(question, checks, run, answers)
    shutil.copyfile(ranked.path / SEGMENTS, run.path / SEGMENTS)
    run.write_json(RESULT, answers)
    run.finish()
    return run


def _holders(question: Question) -> Holders:
    if not question.request.group_by:
        return {}
    with Workspace.open(question.request.workspace) as workspace:
        return holders_of(question.corpus, question.request.group_by, workspace.registry())


def _run_checks(
    question: Question, checks: Checks, run: RunFolder, answers: Sequence[dict[str, Any]]
) -> None:
    orders = [[row["item_id"] for row in answer["influences"]] for answer in answers]
    encoded = encode_corpus(question.generator, question.corpus, question.progress)
    subject = Subject(question.generator, question.corpus, encoded, question.queries, question.durations_s)
    with question.runner(run) as runner:
        if checks.n_verified:
            found = verify_rankings(subject, orders, checks, runner)
            rows = [[one.as_json() for one in claims] for claims in found]
            _attach(run, VERIFIED, "verification", answers, rows)
        if checks.where:
            places = locate(subject, orders, checks, runner, run)
            run.write_json(WHERE, places)
            for answer, place in zip(answers, places, strict=True):
                answer["where"] = where_rows(place)


def _attach(
    run: RunFolder, file: str, field: str, answers: Sequence[dict[str, Any]], values: Sequence[Any]
) -> None:
    """Put a further answer into the rankings' JSON and into a file of its own."""
    for answer, value in zip(answers, values, strict=True):
        answer[field] = value
    run.write_json(
        file,
        [
            {"query": answer["query"], "method": answer["method"], field: value}
            for answer, value in zip(answers, values, strict=True)
        ],
    )


def _likenesses(
    calibration: Calibration | None,
    generator: DisclosedGenerator,
    encoded: EncodedCorpus,
    queries: Sequence[Query],
) -> Sequence[float | None]:
    """Measure how much the outputs are like the generator, where the calibration weighs that."""
    if calibration is None or calibration.nulls is None or "likeness" not in calibration.nulls.signs:
        return [None] * len(queries)
    return likeness_of(generator, encoded, queries)


def clusters_of(generator: DisclosedGenerator, corpus: SealedCorpus) -> dict[str, str] | None:
    """Return each candidate's cluster of near-duplicates; None where nobody has a near-duplicate."""
    found = {item.item_id: item.cluster_id or item.item_id for item in candidates(generator, corpus)}
    return found if len(set(found.values())) < len(found) else None


def _segment_rows(
    scores: ItemScores, starts: tuple[float, ...], item_of: Any, generator: DisclosedGenerator
) -> Any:
    """Say which seconds of which recording moved most: the ten best segments of each query."""
    best = sorted(range(len(starts)), key=lambda i: (-scores.segment_scores[i], i))[:10]
    rows = [
        {
            "item_id": scores.item_ids[int(item_of[i])],
            "start_s": starts[i],
            "end_s": starts[i] + generator.segment_s,
            "score": float(scores.segment_scores[i]),
        }
        for i in best
    ]
    return {"query": scores.query_id, "method": scores.method, "unit": scores.unit, "segments": rows}
