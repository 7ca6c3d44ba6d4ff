"""The recipe of the phrase network: what is trained is what the package runs, and the losses say what they should."""

from importlib import resources

import numpy as np
import pytest
import torch

from benchmarks.versions.train_phrases.batches import scene
from benchmarks.versions.train_phrases.evaluate import LINEAR, linear
from benchmarks.versions.train_phrases.export import arrays_of
from benchmarks.versions.train_phrases.loss import path_loss, path_scores
from benchmarks.versions.train_phrases.network import PhraseNetwork, from_linear
from linernotes.versions.alignment import AlignmentConfig
from linernotes.versions.phrases.network import PhraseNetwork as Shipped
from linernotes.versions.projection import Embedded


def _pieces(seed, n_frames=80):
    x = np.random.default_rng(seed).normal(0, 0.3, (n_frames, 3, 12)).astype(np.float32)
    return x - x.mean(axis=2, keepdims=True)


def _run(network, channels):
    with torch.no_grad():
        vectors, costs = network(torch.from_numpy(channels.transpose(1, 0, 2).copy())[None])
    return Embedded(vectors[0].numpy(), costs[0].numpy())


def test_the_package_runs_what_was_trained():
    torch.manual_seed(0)
    network = PhraseNetwork(channels=8, dilations=(1, 2))
    torch.nn.init.normal_(network.cost.weight, std=0.3)
    weights = {name: values.astype(np.float32) for name, values in arrays_of(network).items()}
    channels = _pieces(1, 20)
    trained, shipped = _run(network, channels), Shipped(weights, (1, 2)).embed(channels.reshape(20, 36))
    np.testing.assert_allclose(trained.vectors, shipped.vectors, atol=5e-3)
    np.testing.assert_allclose(trained.costs, shipped.costs, atol=5e-3)


def test_training_starts_as_the_linear_projection():
    network = PhraseNetwork()
    from_linear(network, LINEAR)
    for layer in (network.head.conv,):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    channels = _pieces(2)
    start, projected = _run(network, channels), linear()(channels, 1.0, 1)
    np.testing.assert_allclose(start.vectors, projected.vectors, atol=1e-3)
    np.testing.assert_allclose(start.costs, projected.costs, atol=1e-2)


def test_scores_of_paths_are_those_of_the_alignment_and_can_be_learnt():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    works = [random.normal(0, 1, (24, 24)).astype(np.float32) for _ in range(3)]
    noisy = [w + 0.8 * random.normal(0, 1, w.shape).astype(np.float32) for w in works]
    vectors = torch.from_numpy(np.stack([x for pair in zip(works, noisy, strict=True) for x in pair]))
    vectors.requires_grad_()
    costs = torch.full((6, 24), 5.0)
    scores = path_scores(vectors, costs, AlignmentConfig())
    assert torch.equal(scores, scores.T)
    assert (scores.argmax(1) == torch.arange(6) ^ 1).all()
    loss, first = path_loss(scores, torch.tensor(2.0), torch.tensor(4.0))
    assert first == 1.0
    loss.backward()
    assert vectors.grad.abs().sum() > 0
    with torch.no_grad():
        again, _ = path_loss(
            path_scores(vectors - 0.5 * vectors.grad, costs, AlignmentConfig()),
            torch.tensor(2.0),
            torch.tensor(4.0),
        )
    assert again < loss


@pytest.mark.parametrize("seed", range(8))
def test_both_sides_of_a_scene_sound_the_same(seed):
    """Two versions of one sequence, transposed and at other tempi: what is said to be the same moment is alike."""
    music = np.repeat(np.eye(12, dtype=np.float32)[np.random.default_rng(5).integers(12, size=60)], 4, axis=0)
    sides = []
    for tempo, transposition in ((1.0, 2), (1.5, -3)):
        at = np.minimum((np.arange(int(240 / tempo)) * tempo).astype(int), 239)
        channels = np.repeat(np.roll(music[at], transposition, axis=1)[:, None], 3, axis=1)
        seconds = len(channels) * 0.25
        row = {
            "work": "w",
            "tempo": tempo,
            "transposition": transposition,
            "map": [[0.0, 0.0], [seconds, 60.0]],
        }
        sides.append((row, channels))
    found = scene(*sides, 96, np.random.default_rng(seed))
    assert found is not None
    assert found.a.shape == found.b.shape == (96, 3, 12)
    alike = (found.a[found.at_a, 0] * found.b[found.at_b, 0]).sum(axis=1)
    assert np.mean(alike) > 0.6


def test_the_shipped_card_names_its_data():
    text = (resources.files("linernotes.versions.phrases") / "weights" / "phrases.json").read_text("utf-8")
    assert "POP909" in text
    assert "ASAP" not in text
