import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from linernotes.evaluation.quality import N_AXES, clip_statistics, frechet, held_out_loss


def test_frechet_of_normals_is_the_formula():
    random = np.random.default_rng(0)
    axes = np.eye(N_AXES)
    reference = random.normal(size=(4000, N_AXES)) @ axes
    clips = 1.5 * random.normal(size=(4000, N_AXES)) + 0.3
    a, b = clips / reference.std(axis=0), reference / reference.std(axis=0)
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    gap = a.mean(axis=0) - b.mean(axis=0)
    expected = gap @ gap + np.trace(cov_a + cov_b - 2 * np.real(sqrtm(cov_a @ cov_b)))
    found = frechet(clips, reference)
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.value == pytest.approx(N_AXES * (0.25 + 0.09), rel=0.1)
    assert found.interval[0] <= found.value <= found.interval[1]


def test_statistics_have_three_parts_per_band():
    clip = torch.zeros(10, 64)
    clip[::2] = 1.0
    [row] = clip_statistics([clip])
    assert row.shape == (96,)
    assert row[:32] == pytest.approx(0.5)
    assert row[64:] == pytest.approx(1.0)


def test_predictors_that_know_more_lose_less(tiny_generator, tiny_corpus):
    held_out = tiny_corpus.segments.pick(list(range(9, 18)))
    report = held_out_loss(tiny_generator, tiny_corpus, held_out)
    assert report["linear_predictor"] < report["mean_predictor"] < report["untrained"] * 1.05
    assert report["n_segments"] == 9
    draws = tiny_generator.noise_draws(16, 0)
    with torch.no_grad():
        expected = tiny_generator.losses(tiny_generator.network, held_out, draws).double().mean()
    assert report["trained"] == pytest.approx(float(expected))
