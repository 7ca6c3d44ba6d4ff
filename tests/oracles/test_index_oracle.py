"""The scan, the ridge and the sketch beside slow obvious twins."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.curvature.kronecker import CurvatureConfig, fit_curvature
from linernotes.attribution.fast.distillation import _cut, _directions, _solve, _theory
from linernotes.attribution.fast.features import FeatureReader, diagonal_of
from linernotes.attribution.fast.quantise import quantise_items, quantise_query
from linernotes.attribution.fast.search import best, scan
from linernotes.execution import SerialRunner


@st.composite
def corpora(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**31 - 1)))
    sizes = np.array(draw(st.lists(st.integers(1, 5), min_size=1, max_size=9)))
    n_dims = draw(st.integers(1, 40))
    rows = random.standard_normal((sizes.sum(), n_dims)) * 10.0 ** random.integers(-6, 6, (sizes.sum(), 1))
    rows[random.random(len(rows)) < 0.1] = 0.0
    return rows.astype(np.float32), np.concatenate([[0], np.cumsum(sizes)]), random.standard_normal(n_dims)


@settings(deadline=None)  # the first call compiles
@given(corpora())
def test_the_scan_is_two_loops_over_whole_numbers(corpus):
    rows, starts, query = corpus
    codes, scales = quantise_items(rows)
    asked, scale = quantise_query(query)
    found = scan(codes, scales, starts, asked, scale)
    for item in range(len(starts) - 1):
        total = 0.0
        for row in range(starts[item], starts[item + 1]):
            exact = sum(int(a) * int(b) for a, b in zip(codes[row], asked, strict=True))
            score = float(exact) * float(scales[row]) * scale
            assert found.segments[row] == np.float32(score)
            total += score
        assert found.items[item] == total / (starts[item + 1] - starts[item])


@settings(deadline=None)
@given(corpora())
def test_rounding_to_bytes_costs_no_more_than_half_a_step_per_dimension(corpus):
    rows, starts, query = corpus
    codes, scales = quantise_items(rows)
    asked, scale = quantise_query(query)
    exact = rows.astype(np.float64) @ query
    bound = (
        0.51 * scales * np.abs(query).sum() + 0.51 * scale * np.abs(rows).sum(axis=1) + 1e-4 * np.abs(exact)
    )
    assert (np.abs(scan(codes, scales, starts, asked, scale).segments - exact) <= bound + 1e-9).all()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(0, 35))
def test_the_best_are_those_of_a_full_sort(values, n_best):
    scores = np.array(values, dtype=float)
    assert best(scores, n_best).tolist() == sorted(range(len(values)), key=lambda i: (-values[i], i))[:n_best]


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_the_form_is_ridge_regression_on_every_pair(penalty):
    random = np.random.default_rng(5)
    x, y = random.standard_normal((9, 4)), random.standard_normal((11, 5))
    target, theory = random.standard_normal((9, 11)), _theory(3, 4, 5)
    form = _solve(x, y, target, theory, penalty)
    design = np.array([np.outer(x[q], y[i]).ravel() for q in range(9) for i in range(11)])
    prior = design @ theory.ravel()
    multiple = (prior @ target.ravel()) / (prior @ prior)
    sx, sy = np.linalg.svd(x, compute_uv=False), np.linalg.svd(y, compute_uv=False)
    weight = penalty * np.square(np.outer(sx, sy)).mean()
    inner = design.T @ design + weight * np.eye(20)
    slow = multiple * theory.ravel() + np.linalg.solve(inner, design.T @ (target.ravel() - multiple * prior))
    assert np.allclose(form.ravel(), slow, atol=1e-8)


def test_a_cut_form_keeps_the_largest_part_of_the_scores():
    random = np.random.default_rng(6)
    form, rows = random.standard_normal((7, 6)), random.standard_normal((50, 6))
    query_map, item_map = _cut(form, rows, 7)
    assert np.allclose(query_map @ item_map, form)
    query_map, item_map = _cut(form, rows, 2)
    kept = np.linalg.svd(form @ rows.T, compute_uv=False)
    gap = (query_map @ item_map - form) @ rows.T
    assert np.isclose(np.square(gap).sum(), np.square(kept[2:]).sum())


def test_directions_are_right_singular_vectors():
    rows = np.random.default_rng(7).standard_normal((8, 30))
    _, _, right = np.linalg.svd(rows, full_matrices=False)
    found = _directions(rows, 5)
    assert np.allclose(np.abs(np.sum(found * right[:5], axis=1)), 1.0)


@pytest.mark.parametrize("kind", ["diagonal", "Kronecker blocks"])
def test_a_sketch_is_signed_buckets_of_the_whitened_gradient(kind, tiny_generator, tiny_corpus):
    if kind == "diagonal":
        random = torch.Generator().manual_seed(1)
        weights = tiny_generator.updatable(tiny_generator.network)
        curvature = diagonal_of(
            {name: torch.rand(w.shape, generator=random) for name, w in weights.items()}, 0.1
        )
    else:
        curvature = fit_curvature(tiny_generator, tiny_corpus, SerialRunner(8), CurvatureConfig(n_repeats=1))
    reader = FeatureReader(tiny_generator, curvature, n_item_draws=3, n_query_draws=3, n_buckets=64, seed=4)
    segment = tiny_corpus.segments.pick([2])
    row = reader.of_items(segment)
    loss = tiny_generator.losses(reader._network, segment, tiny_generator.noise_draws(3, 8)).mean()
    gradient = dict(
        zip(reader._weights, torch.autograd.grad(loss, list(reader._weights.values())), strict=True)
    )
    whitened = torch.cat([w.flatten() for w in curvature.whiten(gradient).values()]).numpy()
    slow = np.zeros(64)
    for value, bucket, sign in zip(whitened, reader._buckets.numpy(), reader._signs.numpy(), strict=True):
        slow[bucket] += float(value) * int(sign)
    assert np.allclose(row.sketch[0], slow, rtol=1e-4, atol=1e-5 * np.abs(slow).max())
    through_inverse = sum(
        float((gradient[name].double() * solved.double()).sum())
        for name, solved in curvature.solve(gradient).items()
    )
    assert np.isclose(row.strength[0], through_inverse, rtol=1e-3)
    assert np.isclose(row.loss[0], float(loss.detach()))
