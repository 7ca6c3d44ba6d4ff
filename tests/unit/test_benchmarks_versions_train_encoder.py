"""The training recipe of the encoder: what it draws, changes, minimises, keeps and ships."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # the benchmarks lie beside the package, not in it

from benchmarks.versions.train_encoder.augment import AugmentConfig, augment, transpose
from benchmarks.versions.train_encoder.cqt_cache import to_bytes
from benchmarks.versions.train_encoder.export import packed
from benchmarks.versions.train_encoder.loss import LossConfig, Memory, best_pairs_mean, version_loss
from benchmarks.versions.train_encoder.material import Batches, Draw, Piece, Sizes, _passed, _played, mirror
from benchmarks.versions.train_encoder.train import Run, TrainConfig, train
from benchmarks.versions.train_encoder.whiten import fold, whitening
from linernotes.versions.encoder.circle import CircleConfig, CircleNetwork
from linernotes.versions.encoder.reduce import bpwr


def piece(work, version, speed=1.0, style="full", place=None):
    """A piece whose frames say which beat of the notation they are: beat 1 lasts one second over *speed*."""
    n = round(600 / speed)
    seconds = np.arange(n) / 10
    beats = np.clip(seconds * speed, 0, 60)
    frames = np.repeat(np.round(4 * beats)[:, None], 84, axis=1).astype(np.uint8)
    anchors = (np.array([0.0, n / 10]), np.array([0.0, 60.0])) if place is None else place
    return Piece(f"{work}-{version}", work, "arranged", style, frames, *anchors)


PLAIN = Draw(recorded=0.0, p_stretch=0.0)


def songs(n=4):
    return [piece(f"song{i}", v, speed) for i in range(n) for v, speed in enumerate((1.0, 0.8))]


def test_segments_of_two_versions_are_centred_on_the_same_beats():
    batch = Batches(songs(), Sizes(3, 4), 7, PLAIN).batch(5)
    assert batch.segments.shape == (3 * 2 * 4, 200, 84)
    assert batch.aligned.all()
    middle = batch.segments[:, 100, 0].reshape(3, 2, 4)
    second = 4 / 255  # windows at the edge move by up to two seconds
    np.testing.assert_allclose(middle[:, 0], middle[:, 1], atol=2.5 * second)
    assert (np.diff(middle, axis=2) > -0.02).all()


def test_the_batch_of_a_step_depends_on_seed_and_step_alone():
    draw = Draw(backwards=0.5, mirrored=0.5, p_stretch=0.5, p_rubato=0.5)
    one, two = Batches(songs(), Sizes(3, 2), 7, draw), Batches(songs(), Sizes(3, 2), 7, draw)
    one.batch(0)
    assert np.array_equal(one.batch(4).segments, two.batch(4).segments)
    assert not np.array_equal(one.batch(5).segments, two.batch(4).segments)


def test_both_versions_are_played_backwards_and_mirrored_together():
    plain, turned, both = (
        Batches(songs(), Sizes(2, 2), 7, Draw(0.0, backwards, mirrored, p_stretch=0.0)).batch(1)
        for backwards, mirrored in ((0, 0), (1, 0), (1, 1))
    )
    assert np.array_equal(turned.segments, plain.segments[:, ::-1])
    assert np.array_equal(both.segments, mirror(turned.segments))
    keys = [set(batch.keys.tolist()) for batch in (plain, turned, both)]
    assert not keys[0] & keys[1]
    assert not keys[1] & keys[2]


def test_mirrored_intervals_have_the_other_direction():
    window = np.zeros((1, 1, 84), np.float32)
    window[..., [40, 44, 47]] = 1, 2, 3  # a major chord
    at = np.flatnonzero(mirror(window)[0, 0])
    assert at.tolist() == [30, 33, 37]  # and its mirror, a minor one
    assert mirror(window)[0, 0, at].tolist() == [3, 2, 1]


def test_rubato_sways_between_start_middle_and_end():
    passed = _passed(50, 200, 0.3, np.random.default_rng(3))
    assert (np.diff(passed, axis=1) > 0).all()
    np.testing.assert_allclose(passed[:, [0, 100, -1]], np.tile([0, 0.5, 1], (50, 1)), atol=1e-12)
    assert np.abs(passed - np.linspace(0, 1, 200)).max() > 0.02
    straight = _passed(2, 201, 0.0, np.random.default_rng(3))
    np.testing.assert_allclose(straight, np.tile(np.linspace(0, 1, 201), (2, 1)), atol=1e-12)


def test_a_dropped_section_is_no_place_to_meet():
    jump = (np.array([0.0, 10.0, 10.01, 20.0]), np.array([0.0, 10.0, 50.0, 60.0]))
    places = np.array([5.0, 9.0, 30.0, 49.0, 55.0])
    assert _played(piece("a", 1, place=jump), places).tolist() == [True, True, False, False, True]
    assert _played(piece("a", 0), places).all()


def test_a_melody_alone_counts_half():
    pieces = [piece("a", 0, style="melody"), piece("a", 1), piece("b", 0), piece("b", 1)]
    weights = Batches(pieces, Sizes(2, 2), 1, PLAIN).batch(0).weights
    assert sorted(weights.tolist()) == [0.5, 1.0]


def test_transposition_moves_bins_and_lets_nothing_in():
    x = torch.arange(84.0).expand(2, 1, 3, 84) + 1
    up = transpose(x, torch.tensor([2, -3]))
    assert up[0, 0, 0, :3].tolist() == [0, 0, 1]
    assert up[1, 0, 0, -4:].tolist() == [84, 0, 0, 0]


def test_augmentation_without_chances_changes_nothing():
    x = torch.rand(3, 2, 20, 84) + 0.01
    none = AugmentConfig(p_transpose=0, p_mask=0, p_tilt=0, p_noise=0, p_power=0)
    torch.testing.assert_close(augment(x, none, torch.Generator()), x)
    some = augment(x, AugmentConfig(), torch.Generator().manual_seed(1))
    assert some.shape == x.shape
    assert not torch.equal(some, x)


def test_the_mean_of_best_pairs_is_that_of_the_package():
    distances = torch.rand(6, 4, 5, generator=torch.Generator().manual_seed(2))
    found = best_pairs_mean(distances, 3)
    np.testing.assert_allclose(found, [bpwr(d.numpy(), 3) for d in distances], rtol=1e-5)


def test_the_decoupled_loss_is_its_formula():
    vectors = torch.randn(3, 2, 2, 5, generator=torch.Generator().manual_seed(3))
    config = LossConfig("decoupled", "bpwr", 2, "min", 5.0, 1e-6)
    weights = torch.tensor([1.0, 0.5, 1.0])
    found, _, _ = version_loss(vectors, weights, torch.ones(3, dtype=torch.bool), config)
    v = vectors.double().numpy()

    def matrix(a, b):
        return ((a[:, None] - b[None]) ** 2).sum(2) / 5

    near = [bpwr(matrix(*v[w]).astype(np.float32), 2) for w in range(3)]
    far = [
        matrix(v[w][i], v[u][j]).min()
        for w in range(3)
        for u in range(3)
        for i in range(2)
        for j in range(2)
        if u != w
    ]
    expected = np.average(near, weights=weights) + math.log(1e-6 + np.mean(np.exp(-5 * np.array(far))))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_with_own_negatives_is_its_formula():
    vectors = torch.randn(3, 2, 2, 5, generator=torch.Generator().manual_seed(3))
    found, _, _ = version_loss(vectors, torch.ones(3), torch.ones(3, dtype=torch.bool), LossConfig(gamma=2.0))
    v, losses = vectors.double().numpy(), []
    for w in range(3):
        for i in range(2):
            for s in range(2):
                anchor = v[w, i, s]
                near = math.exp(-2 * ((anchor - v[w, 1 - i, s]) ** 2).mean())
                others = np.delete(v, w, axis=0).reshape(-1, 5)
                far = np.exp(-2 * ((anchor - others) ** 2).mean(axis=1)).sum()
                losses.append(-math.log(near / (near + far)))
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_remembered_segments_of_other_works_are_negatives_too():
    random = torch.Generator().manual_seed(3)
    vectors, past = torch.randn(2, 2, 2, 5, generator=random), torch.randn(3, 5, generator=random)
    memory = Memory(past, torch.tensor([7, 1, 9]), torch.tensor([1, 2]))  # the second is of our first work
    one = torch.ones(2)
    found, _, _ = version_loss(vectors, one, one.bool(), LossConfig(gamma=2.0), memory)
    v, losses = vectors.double().numpy(), []
    for w, others in ((0, [0, 2]), (1, [0, 1, 2])):
        for i in range(2):
            for s in range(2):
                negatives = np.concatenate([v[1 - w].reshape(-1, 5), past.double().numpy()[others]])
                near = math.exp(-2 * ((v[w, i, s] - v[w, 1 - i, s]) ** 2).mean())
                far = np.exp(-2 * ((v[w, i, s] - negatives) ** 2).mean(axis=1)).sum()
                losses.append(-math.log(near / (near + far)))
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)


def small_run(folder):
    network = CircleConfig(stem=4, channels=(4,), strides=(2,), dimension=6)
    config = TrainConfig(
        network,
        Sizes(2, 2),
        AugmentConfig(),
        LossConfig(),
        memory=20,
        memory_from=1,
        dropout=0.2,
        bfloat16=False,
    )
    folder.mkdir(exist_ok=True)
    run = Run(folder, config, songs(), songs(2))
    run.resume()
    return run


def test_a_run_that_was_stopped_ends_where_it_would_have(tmp_path):
    train(small_run(tmp_path / "whole"), {"steps": 4}, 2)
    half = small_run(tmp_path / "half")
    for step in range(2):
        half.network.train()
        half.advance(step / 4)
    half.save()
    train(small_run(tmp_path / "half"), {"steps": 4}, 2)
    one, two = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "half"))
    assert one["step"] == two["step"] == 4
    for name, value in one["network"].items():
        torch.testing.assert_close(value, two["network"][name], msg=name)


def test_bytes_keep_the_square_root():
    bands = np.linspace(0, 3, 84, dtype=np.float32)[None] ** 2
    assert to_bytes(bands).max() == 255
    np.testing.assert_allclose(to_bytes(bands) / 255, np.sqrt(bands) / 3, atol=0.003)


def test_matrices_are_shipped_in_half_precision_and_counters_not_at_all(tmp_path):
    found = packed(small_run(tmp_path / "run").average.state_dict())
    assert {v.dtype for v in found.values() if v.ndim > 1} == {torch.float16}
    assert {v.dtype for v in found.values() if v.ndim <= 1} == {torch.float32}
    assert not any("num_batches" in name for name in found)


def test_whitening_folded_into_the_last_layer_is_whitening_of_its_output():
    network = CircleNetwork(CircleConfig(stem=4, channels=(8,), strides=(2,), dimension=6, unit=False)).eval()
    x = torch.rand(40, 84, 60, generator=torch.Generator().manual_seed(5)) ** 4
    with torch.no_grad():
        plain = network(x).double().numpy()
        mean, matrix = whitening(plain, 0.5)
        fold(network.state_dict(), mean, matrix)
        found = network(x).double().numpy()
    expected = (plain - mean) @ matrix
    factor = np.linalg.norm(found) / np.linalg.norm(expected)
    np.testing.assert_allclose(found, factor * expected, atol=1e-3 * np.abs(found).max())
    spread, before = (np.linalg.eigvalsh(np.cov(v.T)) for v in (expected, plain))
    assert spread.max() / spread.min() < before.max() / before.min()
