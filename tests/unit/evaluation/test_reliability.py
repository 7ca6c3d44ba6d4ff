"""What a measured reliability binds to, and how retraining is counted."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.unlearning.mucs import Mucs
from linernotes.errors import CorpusError, InputError
from linernotes.evaluation.counterfactuals import RetrainPass, draw_subsets, query_losses
from linernotes.evaluation.lds import GroundTruth
from linernotes.evaluation.reliability import (
    FILE,
    ReliabilityConfig,
    reliability_of,
    summary,
    training_set_sha256,
)
from linernotes.execution import SerialRunner
from linernotes.generators.reference.adapter import ReferenceGenerator, Trained
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network
from linernotes.workflows.reliability import load_truth, save_truth

CONFIG = ReliabilityConfig(n_subsets=6, n_queries=4)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("linernotes.evaluation.lds.N_BOOTSTRAP", 40)


@pytest.fixture(scope="module")
def truth():
    random = np.random.default_rng(0)
    losses = random.normal(size=(6, 2, 4)).astype(np.float32)
    return GroundTruth(tuple("abcd"), tuple("wxyz"), draw_subsets(4, 6, 0.5, 0), losses)


def write(folder, generator, truth, methods):
    random = np.random.default_rng(1)
    names = [method.name for method in methods] + ["random", "label-only", "similarity"]
    scores = {name: random.normal(size=(4, 4)) for name in names}
    report = summary(scores, truth, generator, methods, CONFIG)
    (folder / FILE).write_text(json.dumps(report))
    return report


def trained_on(generator, *hashes):
    items = [Trained(f"item-{number}", value) for number, value in enumerate(hashes)]
    return ReferenceGenerator(
        generator.representation, generator.network, generator.vocabulary, generator.recipe, items, "ab"
    )


def test_a_reliability_is_read_from_the_test_queries(tmp_path, tiny_generator, truth):
    method = Mucs()
    report = write(tmp_path, tiny_generator, truth, [method, Similarity()])
    assert report["dev"]["n_queries"] == report["test"]["n_queries"] == 2
    found = reliability_of(tmp_path, method, tiny_generator, "cd" * 32)
    assert found.lds == report["test"]["methods"]["mucs"]["lds"]
    assert found.interval == tuple(report["test"]["methods"]["mucs"]["interval"])
    assert found.ceiling == report["test"]["ceiling"]
    assert found.baselines.keys() == {"random", "label-only", "similarity"}
    assert (found.n_subsets, found.n_seeds, found.n_queries, found.alpha) == (6, 2, 2, 0.5)
    assert (found.method, found.corpus_root) == ("mucs", "cd" * 32)
    assert "similarity" not in reliability_of(tmp_path, Similarity(), tiny_generator, "cd").baselines


def test_a_figure_never_travels(tmp_path, tiny_generator, truth):
    from linernotes.attribution.unlearning.mucs import MucsConfig
    from linernotes.evaluation.sanity import randomised

    write(tmp_path, tiny_generator, truth, [Mucs()])
    assert reliability_of(tmp_path, Mucs(), tiny_generator, "cd") is not None
    assert reliability_of(tmp_path, Mucs(seed=9), tiny_generator, "cd") is not None, (
        "only the seed may differ"
    )
    assert reliability_of(tmp_path, Mucs(MucsConfig(n_steps=41)), tiny_generator, "cd") is None
    assert reliability_of(tmp_path, Similarity(), tiny_generator, "cd") is None, "it was not measured"
    assert reliability_of(tmp_path, Mucs(), randomised(tiny_generator), "cd") is None
    assert reliability_of(tmp_path, Mucs(), trained_on(tiny_generator, "a" * 64), "cd") is None
    assert reliability_of(tmp_path / "nowhere", Mucs(), tiny_generator, "cd") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_damaged_file_is_refused(tmp_path, tiny_generator, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(CorpusError, match="not a reliability file"):
        reliability_of(tmp_path, Mucs(), tiny_generator, "cd")


def test_the_training_set_is_a_set(tiny_generator):
    one, two = trained_on(tiny_generator, "a" * 64, "b" * 64), trained_on(tiny_generator, "b" * 64, "a" * 64)
    assert training_set_sha256(one) == training_set_sha256(two)
    assert training_set_sha256(one) != training_set_sha256(trained_on(tiny_generator, "a" * 64))


@pytest.mark.parametrize(
    "wrong", [{"n_subsets": 3}, {"n_seeds": 1}, {"n_queries": 1}, {"alpha": 0.0}, {"alpha": 1.0}]
)
def test_too_small_a_measurement_is_refused(wrong):
    with pytest.raises(InputError, match="expected at least 4 subsets"):
        ReliabilityConfig(**wrong)


def test_ground_truth_is_kept_with_what_it_belongs_to(tmp_path, tiny_generator, truth):
    path = tmp_path / "ground_truth.npz"
    save_truth(path, truth, tiny_generator, CONFIG)
    again = load_truth(path, tiny_generator, CONFIG)
    assert np.array_equal(again.losses, truth.losses)
    assert np.array_equal(again.inclusion, truth.inclusion)
    assert (again.item_ids, again.query_ids) == (truth.item_ids, truth.query_ids)
    with pytest.raises(CorpusError, match="another generator, training set or configuration"):
        load_truth(path, tiny_generator, dataclasses.replace(CONFIG, n_draws=7))
    whole = path.read_bytes()
    for damaged in (whole[:100], whole[:-30], b"", b"music"):
        path.write_bytes(damaged)
        with pytest.raises(CorpusError, match="not ground truth"):
            load_truth(path, tiny_generator, CONFIG)


@pytest.mark.parametrize(("n_items", "alpha"), [(7, 0.5), (10, 0.5), (10, 0.25)])
def test_subsets_have_one_size_and_treat_items_alike(n_items, alpha):
    inclusion = draw_subsets(n_items, 2000, alpha, 3)
    assert (inclusion.sum(axis=1) == round(alpha * n_items)).all()
    share = round(alpha * n_items) / n_items
    assert np.abs(inclusion.mean(axis=0) - share).max() < 0.05
    assert np.array_equal(inclusion, draw_subsets(n_items, 2000, alpha, 3))


def test_retraining_is_training_on_the_subset(tmp_path, tiny_generator, tiny_corpus, tiny_queries):
    segments = tiny_corpus.segments.latents
    items = tuple(
        TrainingItem(name, segments[tiny_corpus.item_of == number].flatten(0, 1), torch.zeros(2))
        for number, name in enumerate(tiny_corpus.item_ids)
    )
    recipe = Recipe(n_steps=3, batch_size=2, warmup_steps=1, width=16, depth=1, n_heads=2)
    inclusion = np.array([[True, True, False, False], [False, True, False, True]])
    draws = tiny_generator.noise_draws(4, 0)
    queries = tuple(query.segments for query in tiny_queries)
    fold = RetrainPass(items, inclusion, recipe, 2, queries, draws, tmp_path)
    losses = SerialRunner()(fold, [(0, 0), (0, 1), (1, 0), (1, 1)])
    assert losses.shape == (2, 2, 2)
    own = train_network([items[1], items[3]], dataclasses.replace(recipe, seed=1002), 8)
    assert np.array_equal(losses[1, 0], query_losses(own, queries, draws))
    assert len(set(losses[:, :, 0].ravel().tolist())) == 4, "every subset and seed is another model"
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert sorted(before) == [f"m{s:03d}_{r}.safetensors" for s in (0, 1) for r in (0, 1)]
    assert np.array_equal(SerialRunner()(fold, [(0, 0), (0, 1), (1, 0), (1, 1)]), losses)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before, (
        "kept, not retrained"
    )
