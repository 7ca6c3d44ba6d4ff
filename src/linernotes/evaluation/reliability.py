"""Measured reliability of influence methods for one generator and corpus, start to end.

Queries are outputs of the generator itself, for prompts taken from the corpus' own tags. The corpus is
retrained in halves (`counterfactuals`); every method scores every query; LDS compares the two. Half of
the queries are for tuning (dev), the other half is reported (test).

Conventions
-----------
Figures bind to one generator (its weights' hash) and one training set (`training_set_sha256`): they
are never attached to another.

Cost
----
``n_subsets * n_seeds`` retrainings; for the demo about 70 CPU-seconds each.

References
----------
As `lds` and `counterfactuals`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.base import Attributor, EncodedCorpus, Query
from linernotes.attribution.encoding import DisclosedGenerator, encode_query
from linernotes.audio.files import read_audio
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import CorpusError, InputError
from linernotes.evaluation.counterfactuals import RetrainPass, draw_subsets
from linernotes.evaluation.lds import GroundTruth, ceiling, seed_agreement, table
from linernotes.evidence.reliability import Reliability
from linernotes.folds import Runner
from linernotes.generators.reference.adapter import ReferenceGenerator, training_items
from linernotes.generators.reference.training import Recipe

FILE = "reliability.json"


@dataclass(frozen=True, slots=True)
class ReliabilityConfig:
    """Sizes of the measurement; the defaults are the demo's."""

    n_subsets: int = 32
    n_seeds: int = 2
    alpha: float = 0.5
    n_queries: int = 32
    query_segments: int = 2
    n_draws: int = 64
    subset_seed: int = 20
    query_seed: int = 500
    recipe: Recipe = field(default_factory=lambda: Recipe(n_steps=1200, batch_size=16))

    def __post_init__(self) -> None:
        if self.n_subsets < 4 or self.n_seeds < 2 or self.n_queries < 2 or not 0 < self.alpha < 1:
            raise InputError(
                f"{self.n_subsets} subsets × {self.n_seeds} seeds, {self.n_queries} queries, alpha {self.alpha}: "
                "expected at least 4 subsets, 2 seeds, 2 queries and 0 < alpha < 1"
            )


def make_queries(
    generator: ReferenceGenerator, corpus: SealedCorpus, config: ReliabilityConfig
) -> list[tuple[Query, str]]:
    """Generate the outputs under study, each with its prompt, as the sound that `attribute` would be given."""
    random = np.random.default_rng(config.query_seed)
    made = []
    for number in range(config.n_queries):
        item = corpus.items[int(random.integers(len(corpus.items)))]
        prompt = " ".join(item.recording.tags)
        audio = generator.generate(
            config.query_seed + number, config.query_segments * generator.segment_s, prompt
        )
        made.append((encode_query(generator, f"generated-{number:03d}", audio, prompt), prompt))
    return made


def retrain(
    generator: ReferenceGenerator,
    corpus: SealedCorpus,
    queries: Sequence[Query],
    config: ReliabilityConfig,
    run: Runner,
    models: Path | None = None,
) -> GroundTruth:
    """Retrain on random parts of the corpus and return every query's losses."""
    recordings = [
        (
            item.item_id,
            read_audio(corpus.audio_path(item), generator.sample_rate),
            " ".join(item.recording.tags),
        )
        for item in corpus.items
    ]
    items = training_items(generator.representation, generator.vocabulary, recordings)
    inclusion = draw_subsets(len(items), config.n_subsets, config.alpha, config.subset_seed)
    draws = generator.noise_draws(config.n_draws, config.query_seed)
    fold = RetrainPass(
        tuple(items),
        inclusion,
        config.recipe,
        config.n_seeds,
        tuple(q.segments for q in queries),
        draws,
        models,
    )
    jobs = [(subset, seed) for subset in range(config.n_subsets) for seed in range(config.n_seeds)]
    losses = run(fold, jobs, name="retraining")
    return GroundTruth(
        tuple(item.item_id for item in items), tuple(q.query_id for q in queries), inclusion, losses
    )


def label_scores(corpus: SealedCorpus, prompts: Sequence[str]) -> NDArray[np.float64]:
    """Score items by nothing but how many words their tags share with the prompt (Jaccard)."""
    tags = [frozenset(" ".join(item.recording.tags).split()) for item in corpus.items]
    rows = [[len(t & set(p.split())) / max(1, len(t | set(p.split()))) for t in tags] for p in prompts]
    return np.asarray(rows, dtype=np.float64)


def method_scores(
    methods: Sequence[Attributor],
    generator: ReferenceGenerator,
    corpus: EncodedCorpus,
    queries: Sequence[Query],
    run: Runner,
) -> dict[str, NDArray[np.float64]]:
    """Return each method's score matrix [shape=(n_queries, n_items)]."""
    scores = {}
    for method in methods:
        method.fit(generator, corpus, run)
        scores[method.name] = np.stack([result.scores for result in method.attribute(queries, run)])
    return scores


def summary(
    scores: Mapping[str, NDArray[np.float64]],
    truth: GroundTruth,
    generator: ReferenceGenerator,
    methods: Sequence[Attributor],
    config: ReliabilityConfig,
) -> dict[str, Any]:
    """Return LDS of every method on dev and test queries, with ceiling and baselines, as JSON."""
    half = len(truth.query_ids) // 2
    parts = {"dev": list(range(half)), "test": list(range(half, len(truth.query_ids)))}
    report: dict[str, Any] = {
        "generator_id": generator.generator_id,
        "training_set_sha256": training_set_sha256(generator),
        "config": asdict(config),
        "settings": {method.name: settings_without_seed(method) for method in methods},
        "n_items": len(truth.item_ids),
    }
    for part, rows in parts.items():
        chosen = truth.queries(rows)
        report[part] = {
            "n_queries": len(rows),
            "ceiling": ceiling(chosen),
            "seed_agreement": seed_agreement(chosen),
            "methods": table({name: matrix[rows] for name, matrix in scores.items()}, chosen),
        }
    return report


def training_set_sha256(generator: DisclosedGenerator) -> str:
    """Return one hash for the set of files that a generator was trained on, in any order."""
    hashes = sorted({entry.content_sha256 for entry in generator.trained})
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def reliability_of(
    folder: Path, method: Attributor, generator: DisclosedGenerator, corpus_root: str
) -> Reliability | None:
    """Return the measured reliability stored beside a generator, if it is for this generator and method.

    Raises
    ------
    CorpusError
        If the file is there but cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        same = (
            report["generator_id"] == generator.generator_id
            and report["training_set_sha256"] == training_set_sha256(generator)
            and report["settings"].get(method.name) == settings_without_seed(method)
        )
        if not same:
            return None
        test = report["test"]
        row = test["methods"][method.name]
        return Reliability(
            method=method.name,
            generator_id=generator.generator_id,
            corpus_root=corpus_root,
            lds=row["lds"],
            interval=(row["interval"][0], row["interval"][1]),
            ceiling=test["ceiling"],
            baselines={
                name: test["methods"][name]["lds"]
                for name in ("random", "label-only", "similarity")
                if name != method.name
            },
            n_subsets=report["config"]["n_subsets"],
            n_seeds=report["config"]["n_seeds"],
            n_queries=test["n_queries"],
            alpha=report["config"]["alpha"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path}: not a reliability file ({error!r}); measure again with 'linernotes generator evaluate' or remove it"
        ) from error


def settings_without_seed(method: Attributor) -> dict[str, Any]:
    """Return what a measured reliability binds to: every setting of a method but its seed."""
    return {name: value for name, value in method.settings.items() if name != "seed"}
