"""A small but real dossier: recordings of the demo corpus, sealed, ranked, settled and logged."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus
from linernotes.attribution.where.maps import SegmentMap
from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.auditlog import Receipt
from linernotes.catalog.registry import Registry
from linernotes.corpus.seal import SealedCorpus
from linernotes.evaluation.localisation import MaskCheck
from linernotes.evaluation.sequential import Tally
from linernotes.evaluation.verification import Means, verify_claims
from linernotes.evidence.identification import Match
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.evidence.spans import Span
from linernotes.evidence.versions import VersionMatch, VersionSegment
from linernotes.generators.base import Segments
from linernotes.reports.dossier import DossierInputs, OutputFacts
from linernotes.reports.further import FurtherEvidence
from linernotes.workflows.group_scores import group_rows, holders_of
from linernotes.workflows.seal import seal_corpus
from linernotes.workflows.settle import settle
from linernotes.workspace import Workspace

DEMO = Path(__file__).parents[3] / "demo" / "corpus"
GENERATOR_ID = "reference-0123456789ab"
PROMPTS = {"march": "orchestral epic march", "night": "calm ambient night", "lullaby": "piano lullaby"}
METHODS = ("tracin", "unlearning", "similarity")


@dataclass(frozen=True)
class Scene:
    """A workspace with everything in it, and the inputs of its dossier."""

    workspace: Path
    inputs: DossierInputs
    settled: Path


def copy_corpus(folder: Path, n_items: int) -> None:
    """Copy the first recordings of the demo corpus with their rights rows."""
    with (DEMO / "rights.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))[:n_items]
    (folder / "audio").mkdir(parents=True)
    for row in rows:
        shutil.copy(DEMO / "audio" / row["file"], folder / "audio")
    rows[0] |= {"consent": "yes", "consent_date": "2025-03-01", "consent_evidence": "contract 17"}
    rows[1] |= {"consent": "", "consent_evidence": ""}
    with (folder / "rights.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def reliability(method: str, root: str) -> Reliability:
    """Return figures as a measurement would give them, one kind of verdict per method."""
    lds = {"tracin": 0.34, "unlearning": 0.21, "similarity": 0.18}[method]
    return Reliability(
        method=method,
        generator_id=GENERATOR_ID,
        corpus_root=root,
        lds=lds,
        interval=(lds - 0.09, lds + 0.08),
        ceiling=0.62,
        baselines={"random": 0.01, "label_only": 0.11, "similarity": 0.18},
        n_subsets=48,
        n_seeds=2,
        n_queries=8,
    )


def ranking(query_id: str, method: str, root: str, ids: list[str], seed: int) -> InfluenceRanking:
    """Return a ranking drawn at random; the last query credits nobody."""
    random = np.random.default_rng([seed, METHODS.index(method)])
    base = np.random.default_rng(seed).normal(size=len(ids))
    scores = base + 0.7 * random.normal(size=len(ids))
    order = np.argsort(-scores)
    shares = (0.22, 0.13, 0.08, 0.05, 0.02)
    credited = {} if query_id == "lullaby" else dict(zip(order[:5], shares, strict=True))
    rows = [
        Influence(
            item_id=ids[i],
            score=float(scores[i]),
            share=credited.get(i, 0.0),
            interval=(credited.get(i, 0.0) * 0.6, credited.get(i, 0.0) * 1.5),
            rank=rank,
        )
        for rank, i in enumerate(order, start=1)
    ]
    return InfluenceRanking(
        query_id=query_id,
        method=method,
        unit="nats",
        generator_id=GENERATOR_ID,
        corpus_root=root,
        seed=seed,
        influences=tuple(rows),
        unattributed_share=1.0 - sum(credited.values()),
        reliability=reliability(method, root),
    )


def versions(query_id: str, item_id: str) -> tuple[str, VersionMatch]:
    """Return a musical relation in three dimensions, two spans of melody."""

    def segment(dimension: Any, a: float, b: float, score: float, common: float | None) -> VersionSegment:
        return VersionSegment(
            dimension=dimension, a=Span(a, a + 3), b=Span(b, b + 3.2), score=score, commonplace=common
        )

    return item_id, VersionMatch(
        a_id=query_id,
        b_id=item_id,
        score=0.71,
        probability=0.64,
        transposition_semitones=-2,
        method="chroma-alignment",
        segments=(
            segment("melody", 1.0, 4.0, 0.6, 0.02),
            segment("melody", 5.0, 9.0, 0.8, 0.15),
            segment("harmony", 2.0, 8.0, 0.9, 0.4),
            segment("rhythm", 0.0, 2.0, 0.5, None),
        ),
    )


def match(query_id: str, recording_id: str) -> Match:
    """Return an identification."""
    return Match(
        query_id=query_id,
        recording_id=recording_id,
        score=212.0,
        false_match_rate=1e-6,
        query=Span(0.4, 8.2),
        reference=Span(10.4, 18.2),
        time_ratio=1.0,
        pitch_shift_semitones=0.0,
        method="landmarks-1",
        unit="aligned hashes",
    )


def drawn_map(query_id: str, item_id: str, n_rows: int, n_columns: int, seed: int) -> SegmentMap:
    """Return a map of random cells, one second each, with one that stands out."""
    random = np.random.default_rng(seed)
    cells = random.normal(size=(n_rows, n_columns)) * 1e-5
    cells[2, 3] = 9e-5
    spans = [tuple(Span(float(i), float(i + 1)) for i in range(n)) for n in (n_rows, n_columns)]
    return SegmentMap(
        query_id=query_id,
        item_id=item_id,
        query_spans=spans[0],
        item_spans=spans[1],
        cells=cells,
        errors=np.full(cells.shape, 1e-5),
        whole=float(cells.sum()) * 1.01,
        unit="rise of the loss",
    )


def maps_of(ranked: InfluenceRanking) -> list[dict[str, Any]]:
    """Return what ``where.json`` holds of one query: the first two recordings, one of them tested."""
    first, second = (one.item_id for one in ranked.influences[:2])
    maps = [drawn_map(ranked.query_id, first, 10, 24, 1), drawn_map(ranked.query_id, second, 10, 24, 2)]
    rows = [one.as_json() for one in maps]
    rows[0]["masked"] = MaskCheck(Tally(11, 1), 2e-4, 5e-5).as_json()
    rows[1]["masked"] = None
    return rows


def tested_claims(ranked: InfluenceRanking, strengths: tuple[float, ...]) -> list[dict[str, Any]]:
    """Test the first claims by a measure made up of strengths and noise, with the real sequential test."""
    ids = tuple(sorted(one.item_id for one in ranked.influences))
    n = len(ids)
    segments = Segments(torch.zeros(n, 2, 2), torch.ones(n, 2).bool(), torch.zeros(n, 1), (0.0,) * n)
    corpus = EncodedCorpus(ids, segments, np.arange(n), ranked.corpus_root)
    order = [one.item_id for one in ranked.influences]
    strong = {ids.index(name): strength for name, strength in zip(order, strengths, strict=False)}
    random = np.random.default_rng(5)
    means = Means(
        "tail-patch",
        "a few training steps",
        lambda trials: np.array([strong.get(one.item, 0.0) + random.normal() for one in trials]),
        "loss after forgetting minus after learning",
        {"patches": 1, "training_steps": 8},
    )
    return [one.as_json() for one in verify_claims(corpus, order, len(strengths), means)]


def further_of(ranked: InfluenceRanking, corpus: SealedCorpus) -> FurtherEvidence:
    """Return all that can be asked of a ranking beyond itself, as the command's JSON gives it."""
    answer = ranked.as_json() | {
        "verification": tested_claims(ranked, (9.0, -9.0, 0.9)),
        "groups": group_rows(ranked.as_json(), holders_of(corpus, "artist", Registry()), "artist"),
    }
    return FurtherEvidence.of(answer, maps_of(ranked))


def build_scene(folder: Path, n_items: int = 8) -> Scene:
    """Seal, rank, settle and log a small corpus for real."""
    copy_corpus(folder / "demo", n_items)
    sealed = seal_corpus(folder / "demo" / "audio", folder / "demo" / "rights.csv", folder / "ws").corpus
    ids = [item.item_id for item in sealed.items]
    outputs = tuple(
        _output(folder, sealed.audio_path(sealed.items[i]), name, prompt, i, sealed.root, ids)
        for i, (name, prompt) in enumerate(PROMPTS.items())
    )
    first = outputs[0]
    further = {"tracin": further_of(first.rankings["tracin"], sealed)}
    outputs = (replace(first, further=further), *outputs[1:])
    with Workspace.open(folder / "ws") as workspace:
        for output in outputs:
            for one in output.rankings.values():
                workspace.save_ranking(one, folder / "ws" / "runs" / "attribute-1")
    statement = settle(folder / "ws", "1000.00EUR", None, out=folder / "settled", method="tracin")
    inputs = DossierInputs(
        title="Three outputs and what they owe",
        corpus=sealed,
        identification={ids[0]: (match(ids[0], ids[0]),), ids[1]: ()},
        catalogue_size=75,
        generator_card=card(sealed.root, ids),
        outputs=outputs,
        reliability={name: reliability(name, sealed.root) for name in METHODS},
        sanity={
            "randomised_weights": {
                "value": 0.03,
                "expected": "near 0",
                "passed": True,
                "meaning": "Scores from untrained weights should not foretell anything.",
            },
            "planted_item": {
                "value": 3,
                "expected": "rank 1",
                "passed": False,
                "meaning": "A recording repeated a hundred times in training should come first.",
            },
        },
        statement=statement,
        receipt=Receipt.load(folder / "settled" / "receipt.json").as_json(),
        provenance={"linernotes": "0.1.0", "seed": 7, "cpu_count": 2},
    )
    return Scene(folder / "ws", inputs, folder / "settled")


def card(root: str, ids: list[str]) -> dict[str, Any]:
    """Return a generator card with measured quality."""
    return {
        "generator_id": GENERATOR_ID,
        "weights_sha256": "ab" * 32,
        "licence": "Apache-2.0",
        "paper": "Liu, Gong, Liu (2023), Flow straight and fast",
        "recipe": {"seed": 7, "n_steps": 6000, "batch_size": 32},
        "trained_on": {"corpus_root": root, "items": [{"item_id": name} for name in ids]},
        "evaluation": {
            "held_out_loss": {
                "trained": 0.61,
                "trained_on_its_own_corpus": 0.5,
                "untrained": 1.0,
                "mean_predictor": 0.83,
                "linear_predictor": 0.7,
                "n_segments": 96,
                "unit": "mean squared velocity error",
            },
            "frechet": {
                "space": "mel statistics, 24 dimensions",
                "generated": {"value": 41.0, "interval": [36.0, 47.5]},
                "held_out": {"value": 9.4, "interval": [7.0, 12.2]},
                "noise": {"value": 180.0, "interval": [171.0, 190.0]},
            },
        },
    }


def _output(
    folder: Path, source: Path, name: str, prompt: str, seed: int, root: str, ids: list[str]
) -> OutputFacts:
    audio = read_audio(source, 16000).excerpt(2, 12)
    path = folder / "outputs" / f"{name}.flac"
    write_audio(path, Audio(audio.samples[::-1].copy(), 16000))
    return OutputFacts(
        query_id=name,
        audio_path=path,
        prompt=prompt,
        seed=seed,
        duration_s=audio.duration_s,
        rankings={method: ranking(name, method, root, ids, seed) for method in METHODS},
        versions=(versions(name, ids[seed]), versions(name, ids[seed + 1])),
        matches=(match(name, ids[2]),) if name == "night" else (),
    )


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return one scene for all tests; nobody may change it."""
    return build_scene(tmp_path_factory.mktemp("scene"))
