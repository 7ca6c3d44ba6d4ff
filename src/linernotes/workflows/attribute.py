"""Rank the disclosed recordings by influence on each output, resumably and repeatably.

Everything the result depends on is in the run folder's ``run.toml``; finished shards of the passes are
kept until the run is finished, so an interrupted run continues, and gives the same bytes as one that
was never interrupted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linernotes.attribution.base import ItemScores
from linernotes.attribution.encoding import encode_corpus, encode_query, scope_of
from linernotes.attribution.ranking import rank
from linernotes.audio.files import file_sha256, read_audio
from linernotes.errors import InputError
from linernotes.evaluation.reliability import reliability_of
from linernotes.evidence import InfluenceRanking
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.methods import make_method
from linernotes.workspace import Workspace
from linernotes.workspace.rows import ranking_from_json
from linernotes.workspace.runs import RunFolder

RESULT = "rankings.json"
SEGMENTS = "segments.json"
SEGMENTS_PER_SHARD = 32  # decides the order of additions, so it never follows the number of workers


@dataclass(frozen=True, slots=True)
class AttributeRequest:
    """What to attribute, and with what.

    Parameters
    ----------
    files : tuple of str
        Outputs under study.
    workspace, generator : str
        Where the sealed corpus and the generator's folder lie.
    method : str
        Name of an installed method.
    prompts : tuple of str
        What the generator was asked for, per file; empty where nobody knows.
    seed : int
        Seed of everything random.
    """

    files: tuple[str, ...]
    workspace: str
    generator: str
    method: str = "unlearning"
    prompts: tuple[str, ...] = ()
    seed: int = 0


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
        If the generator was trained on nothing that this corpus holds.
    """
    run = attribute_run(request, n_workers=n_workers, progress=progress, parent=parent)
    rankings = [ranking_from_json(entry) for entry in run.read_json(RESULT)]
    with Workspace.open(request.workspace) as workspace:
        for ranking in rankings:
            workspace.save_ranking(ranking, run.path)
    return rankings


@one_thread()
def attribute_run(
    request: AttributeRequest,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
    parent: Path | None = None,
) -> RunFolder:
    """Do the work of `attribute` and return its finished run folder."""
    if not request.files:
        raise InputError("no files to attribute; name at least one output")
    repeated = [name for name, n_times in Counter(request.files).items() if n_times > 1]
    if repeated:
        raise InputError(f"{repeated[0]}: named more than once; each output is attributed, and paid on, once")
    request = replace(request, prompts=_prompts(request))
    method = make_method(request.method, request.seed)
    generator = ReferenceGenerator.load(Path(request.generator))
    with Workspace.open(request.workspace) as workspace:
        corpus = workspace.corpus()
        runs = parent or workspace.folder("runs")
    queries = [
        _query(generator, name, prompt) for name, prompt in zip(request.files, request.prompts, strict=True)
    ]
    reliability = reliability_of(Path(request.generator), method, generator, corpus.root)
    inputs = {f"query {i}": file_sha256(Path(name)) for i, name in enumerate(request.files)}
    inputs |= {
        "corpus": corpus.root,
        "generator": generator.weights_sha256,
        "generator card": file_sha256(Path(request.generator) / "card.json"),
        "reliability": json.dumps(reliability.as_json(), sort_keys=True) if reliability else "not measured",
    }
    config = _config(request) | {"settings": method.settings, "segments_per_shard": SEGMENTS_PER_SHARD}
    run = RunFolder.begin(runs, "attribute", config, inputs)
    if run.finished:
        return run
    store = ShardStore(run.shards)
    encoded = encode_corpus(generator, corpus, progress)
    with ProcessRunner(n_workers or _n_workers(), SEGMENTS_PER_SHARD, store, progress) as runner:
        method.fit(generator, encoded, runner)
        results = method.attribute(queries, runner)
    scope = scope_of(generator, corpus)
    rankings = [
        replace(
            rank(
                scores,
                generator_id=generator.generator_id,
                corpus_root=corpus.root,
                seed=request.seed,
                reliability=reliability,
            ),
            scope=scope,
        )
        for scores in results
    ]
    run.write_json(RESULT, [ranking.as_json() for ranking in rankings])
    run.write_json(
        SEGMENTS,
        [_segment_rows(scores, encoded.segments.start_s, encoded.item_of, generator) for scores in results],
    )
    run.finish()
    return run


def repeat(config: dict[str, Any], parent: Path) -> Path:
    """Repeat a run from its stored configuration; the door that ``linernotes rerun`` uses."""
    known = {name: config[name] for name in AttributeRequest.__dataclass_fields__ if name in config}
    known |= {name: tuple(known[name]) for name in ("files", "prompts") if name in known}
    return attribute_run(AttributeRequest(**known), parent=parent).path


def _prompts(request: AttributeRequest) -> tuple[str, ...]:
    """Take prompts as given; else from the record that ``linernotes generate`` leaves beside its output."""
    if request.prompts and len(request.prompts) not in (1, len(request.files)):
        raise InputError(
            f"{len(request.prompts)} prompts for {len(request.files)} files; give one, or one per file"
        )
    if request.prompts:
        return request.prompts * (len(request.files) if len(request.prompts) == 1 else 1)
    return tuple(_recorded_prompt(Path(name)) for name in request.files)


def _recorded_prompt(path: Path) -> str:
    record = path.with_name(path.name + ".json")
    if not record.is_file():
        return ""
    try:
        return str(json.loads(record.read_text(encoding="utf-8")).get("prompt", ""))
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"{record}: not a generation record ({error}); remove it or give --prompt"
        ) from error


def _query(generator: ReferenceGenerator, name: str, prompt: str) -> Any:
    return encode_query(generator, name, read_audio(name, generator.sample_rate), prompt)


def _config(request: AttributeRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in AttributeRequest.__dataclass_fields__}


def _segment_rows(
    scores: ItemScores, starts: tuple[float, ...], item_of: Any, generator: ReferenceGenerator
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


def _n_workers() -> int:
    return max(1, min(os.cpu_count() or 1, 8))
