"""Measure how far each influence method can be trusted for one generator, and keep the figures beside it.

Two files join the generator's folder: ``ground_truth.npz`` (losses of every retrained model, so that a
new method is scored in minutes) and ``reliability.json`` (what `attribute` attaches to its rankings).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.attribution.encoding import encode_corpus
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError
from linernotes.evaluation.lds import GroundTruth
from linernotes.evaluation.reliability import (
    FILE,
    ReliabilityConfig,
    label_scores,
    make_queries,
    method_scores,
    retrain,
    summary,
    training_set_sha256,
)
from linernotes.execution.processes import ProcessRunner
from linernotes.execution.resume import ShardStore
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.workflows.attribute import SEGMENTS_PER_SHARD
from linernotes.workflows.generators import load_reference
from linernotes.workflows.methods import make_method
from linernotes.workspace import Workspace

TRUTH = "ground_truth.npz"
DEFAULT_METHODS = ("mucs", "unlearning", "similarity", "random")


@one_thread()
def measure_reliability(
    generator_folder: Path,
    workspace: Path,
    config: ReliabilityConfig | None = None,
    *,
    methods: Sequence[str] = DEFAULT_METHODS,
    models: Path | None = None,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Retrain in halves (once), score every method, and write both files.

    Parameters
    ----------
    generator_folder, workspace : Path
        The generator, and the workspace with the corpus that it was trained on.
    config : ReliabilityConfig, optional
        Sizes of the measurement.
    methods : sequence of str
        Names of installed methods.
    models : Path, optional
        Folder that keeps the retrained weights; without it they are dropped.
    n_workers : int, optional
        Processes; the result does not depend on it.

    Raises
    ------
    CorpusError
        If the sealed corpus is not exactly what the generator was trained on, or stored ground truth is of
        another generator or configuration.
    """
    config = config or ReliabilityConfig()
    generator = load_reference(generator_folder, "measuring reliability")
    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
        store = ShardStore(opened.folder("reliability"))
    _refuse_other_corpus(generator, corpus)
    queries = make_queries(generator, corpus, config)
    bare = [query for query, _ in queries]
    with ProcessRunner(n_workers or os.cpu_count() or 1, SEGMENTS_PER_SHARD, store, progress) as runner:
        path = generator_folder / TRUTH
        if path.is_file():
            truth = load_truth(path, generator, config)
        else:
            truth = retrain(generator, corpus, bare, config, runner, models)
            save_truth(path, truth, generator, config)
        made = [make_method(name) for name in methods]
        scores = method_scores(made, generator, encode_corpus(generator, corpus), bare, runner)
    scores["label-only"] = label_scores(corpus, [prompt for _, prompt in queries])
    report = summary(scores, truth, generator, made, config)
    partial = generator_folder / (FILE + ".partial")
    partial.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, generator_folder / FILE)
    return report


def _refuse_other_corpus(generator: ReferenceGenerator, corpus: SealedCorpus) -> None:
    # said before hours of retraining, not after
    trained = {entry.content_sha256 for entry in generator.trained}
    sealed = {item.content_sha256 for item in corpus.items}
    if trained != sealed:
        raise CorpusError(
            f"generator {generator.generator_id}: trained on {len(trained)} files, "
            f"of which {len(trained & sealed)} are among the {len(sealed)} of the sealed corpus; "
            "reliability is measured on exactly the training set: seal that, or train a generator on this corpus"
        )


def save_truth(
    path: Path, truth: GroundTruth, generator: ReferenceGenerator, config: ReliabilityConfig
) -> None:
    """Write ground truth with what it belongs to."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        item_ids=np.array(truth.item_ids),
        query_ids=np.array(truth.query_ids),
        inclusion=truth.inclusion,
        losses=truth.losses,
        belongs_to=np.array(_belongs_to(generator, config)),
    )
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)


def load_truth(path: Path, generator: ReferenceGenerator, config: ReliabilityConfig) -> GroundTruth:
    """Read ground truth and check that it is this generator's and this configuration's.

    Raises
    ------
    CorpusError
        If it is not, or the file is damaged.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            belongs_to = str(stored["belongs_to"])
            truth = GroundTruth(
                tuple(str(i) for i in stored["item_ids"]),
                tuple(str(q) for q in stored["query_ids"]),
                stored["inclusion"],
                stored["losses"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path}: not ground truth ({error}); remove it to measure anew") from error
    if belongs_to != _belongs_to(generator, config):
        raise CorpusError(
            f"{path}: ground truth of another generator, training set or configuration; remove it to measure anew"
        )
    return truth


def _belongs_to(generator: ReferenceGenerator, config: ReliabilityConfig) -> str:
    return json.dumps(
        [generator.generator_id, training_set_sha256(generator), asdict(config)], sort_keys=True
    )
