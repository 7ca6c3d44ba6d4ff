"""The benchmark's test of statements, on a benchmark of eight recordings that is made in a moment."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.encoding import join
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

ROOT = Path(__file__).parents[3]
N_ITEMS = 8
RECIPE = Recipe(n_steps=160, batch_size=8, warmup_steps=10, average=0.9, width=16, depth=1, n_heads=2)


@pytest.fixture(scope="module")
def benchmark():
    """The module under test; the benchmarks lie beside the package, not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        patch.setattr("linernotes.evaluation.calibrating.N_BOOTSTRAP", 60)
        from benchmarks.counterfactual import statements

        yield statements


@pytest.fixture(scope="module")
def pack(benchmark, tiny_generator, melody):
    """Five artists, one recording twice; a generator that has learnt a little; outputs, outsiders."""
    from benchmarks.counterfactual.pack import Item, Pack

    sounds = [melody(min(seed, 6), 2.1) for seed in range(N_ITEMS)]
    parts = [tiny_generator.encode(sound, "calm") for sound in sounds]
    owners = np.repeat(np.arange(N_ITEMS), [len(part) for part in parts])
    names = tuple(f"item-{number}" for number in range(N_ITEMS))
    artists = ("ada", "ada", "bo", "bo", "cy", "di", "eve", "eve")
    items = tuple(
        Item(
            name,
            "copy" if name == "item-7" else "plain",
            artist,
            "item-6" if name == "item-7" else "",
            "calm",
        )
        for name, artist in zip(names, artists, strict=True)
    )
    rows = [
        TrainingItem(n, p.latents.reshape(-1, 12), p.conditions[0]) for n, p in zip(names, parts, strict=True)
    ]
    network = train_network(rows, RECIPE, 8).requires_grad_(False)
    generator = ReferenceGenerator(
        tiny_generator.representation,
        network,
        tiny_generator.vocabulary,
        RECIPE,
        tiny_generator.trained,
        "ab" * 32,
    )
    outputs = [generator.encode(generator.generate(seed, 1.0, "calm"), "calm") for seed in range(12)]
    strangers = [generator.encode(melody(100 + seed, 1.0)) for seed in range(11)]
    queries = tuple(
        Query(f"{kind}-{number}", segments)
        for kind, found in (("generated", outputs), ("outsider", strangers))
        for number, segments in enumerate(found)
    )
    kinds = ("generated",) * 12 + ("outsider",) * 11
    corpus = EncodedCorpus(names, join(parts), owners, "ab" * 32)
    return Pack(items, corpus, generator, queries, kinds, ("",) * len(queries))


@pytest.fixture(scope="module")
def truth(benchmark, pack):
    from benchmarks.counterfactual.plan import PlanConfig
    from benchmarks.counterfactual.truth import Truth

    plan = PlanConfig(n_full=4, n_artists=5, removal_seeds=3)
    names = [f"full-{seed}" for seed in range(4)]
    names += [f"without-{number:02d}-{seed}" for number in range(5) for seed in range(3)]
    random = np.random.default_rng(0)
    losses = 1 + 0.01 * random.normal(size=(len(names), len(pack.queries)))
    losses[4:7, :4] += 0.5  # without the first artist, four outputs are much harder
    losses[0] = 9.0  # the generator itself must not be looked at
    return Truth(plan, tuple(names), losses.astype(np.float32))


@pytest.fixture(scope="module")
def asked(pack, truth, tmp_path_factory):
    own, strangers = pack.of_kind("generated"), pack.of_kind("outsider")
    folder = tmp_path_factory.mktemp("scores")
    return pack, truth, "similarity", own[:8], strangers[:7], own[8:], strangers[7:], folder


def test_outcomes_are_those_of_the_ground_truth(benchmark, pack, truth):
    queries = pack.of_kind("generated")[2:6]
    found = benchmark.removals_of(pack, truth, queries)
    base = truth.of([f"full-{seed}" for seed in range(1, 4)])[:, queries].astype(float).mean(axis=0)
    assert np.moveaxis(found.rises, 1, 0) * base == pytest.approx(np.moveaxis(truth.removals(queries), 1, 2))
    assert found.names == tuple(truth.artists(pack))
    assert found.removed.sum(axis=1).tolist() == [2, 2, 2, 1, 1]
    assert found.beyond_doubt.tolist() == [True, True, False, False]


def test_copies_are_a_cluster(benchmark, pack):
    clusters = benchmark.clusters_of(pack)
    assert clusters["item-7"] == clusters["item-6"] == "item-6"
    assert len(set(clusters.values())) == N_ITEMS - 1


def test_the_report_says_how_statements_fare(benchmark, asked):
    with torch.random.fork_rng(devices=[]):
        report = benchmark.statements(*asked)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["sizes"] == {
        "dev": 8, "dev_outsiders": 7, "test": 4, "test_outsiders": 4, "artists": 5, "seeds": 3,
    }  # fmt: skip
    assert report["corpus_fit"]["learnt"]
    for name in ("shuffled", "fresh"):
        assert report["random_weights"][name]["nobody"] == 1.0, "random weights credit nobody"
        assert not report["random_weights"][name]["corpus_fit"]["learnt"]
    assert (report["test"]["n_queries"], report["test"]["n_sets"]) == (4, 5)
    assert 0 <= report["test_outsiders"]["nobody"] <= 1
    outputs = report["test_outputs"]
    assert outputs["credited"] * 4 + sum(outputs["reasons"].values()) == 4
    text = benchmark.as_text(report)
    for words in (
        "Statements by similarity",
        "inside the 90 % interval",
        "shuffled weights",
        "fresh weights",
    ):
        assert words in text
    assert "None" not in text


def test_finished_scores_are_found_again(benchmark, asked):
    *_, folder = asked
    first = benchmark.statements(*asked)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(before) == 3, "one file per generator"
    again = benchmark.statements(*asked)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert {**again, "cpu_s": 0} == {**first, "cpu_s": 0}


def test_a_dear_method_need_not_be_fitted_through_random_weights(benchmark, asked):
    report = benchmark.statements(*asked, n_random=0)
    for row in report["random_weights"].values():
        assert row == {"corpus_fit": row["corpus_fit"], "nobody": 1.0, "n_queries": 4}
    assert "without `corpus_fit` –" in benchmark.as_text(report)
