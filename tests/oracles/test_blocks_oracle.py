"""Alignment in blocks agrees with alignment at once, and with the recursion written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions import blocks
from linernotes.versions.alignment import AlignmentConfig, best_path, gains, variant_scores
from linernotes.versions.background import bundled_background
from linernotes.versions.blocks import product_path, product_scores
from linernotes.versions.hypotheses import Piece, search
from linernotes.versions.projection import Embedded

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


CONFIG = AlignmentConfig(-10.0, 12.0, 3.0)


def _frames(random, n, n_costs):
    return Embedded(
        random.normal(0, 2, (n, 24)).astype(np.float32), random.normal(3, 1, n_costs).astype(np.float32)
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 12),
    m=st.integers(1, 12),
    n_variants=st.integers(1, 4),
    most_cells=st.integers(1, 300),
)
def test_scores_in_blocks_and_all_at_once(seed, n, m, n_variants, most_cells):
    random = np.random.default_rng(seed)
    a, b = _frames(random, n, n), _frames(random, n_variants * m, m)
    found = product_scores(a, b, CONFIG, most_cells)
    x = a.vectors @ b.vectors.T
    np.testing.assert_allclose(found, variant_scores(x, a.costs, b.costs, CONFIG), rtol=1e-5, atol=1e-3)
    s = oracle.slow_gains(x[:, -m:].tolist(), a.costs.tolist(), b.costs.tolist(), -10.0, 12.0)
    assert found[-1] == pytest.approx(oracle.slow_best_path(s, 3.0)[0], rel=1e-4, abs=1e-2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 16),
    m=st.integers(1, 16),
    n_rows=st.integers(1, 20),
    level=st.sampled_from([0.0, 2.0, 9.0]),
)
def test_a_path_in_blocks_of_any_height(seed, n, m, n_rows, level):
    random = np.random.default_rng(seed)
    a, b = _frames(random, n, n), _frames(random, m, m)
    a = Embedded(a.vectors, a.costs + np.float32(level))
    s = gains(a.vectors @ b.vectors.T, a.costs, b.costs, CONFIG)
    wanted = best_path(s, 3.0)
    found = product_path(a, b, CONFIG, n_rows * m)
    np.testing.assert_array_equal(found.a, wanted.a)
    np.testing.assert_array_equal(found.b, wanted.b)
    np.testing.assert_allclose(found.gains, wanted.gains, atol=1e-4)
    score, path = oracle.slow_best_path(s.astype(float).tolist(), 3.0)
    assert found.score == pytest.approx(score, rel=1e-5, abs=1e-3)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == path


@pytest.mark.parametrize("dimension", ["overall", "melody", "rhythm"])
def test_a_search_in_small_blocks_is_the_search(dimension, monkeypatch):
    a, b = (Piece(features) for features in bundled_background().pieces[3:5])
    wanted = search(a, b, dimension), search(a, a, dimension)
    heights = []
    for name in ("extend_rows", "_filled"):
        real = getattr(blocks, name)
        monkeypatch.setattr(blocks, name, lambda *all, real=real: heights.append(all) or real(*all))
    monkeypatch.setattr(blocks, "MOST_CELLS", 600)
    for other, expected in zip((b, a), wanted, strict=True):
        found = search(a, other, dimension)
        assert (found.transposition, found.ratio, found.late) == (
            expected.transposition,
            expected.ratio,
            expected.late,
        )
        assert found.score == pytest.approx(expected.score, rel=1e-5)
        assert found.contrast == pytest.approx(expected.contrast, rel=1e-4, abs=1e-6)
    assert len(heights) > 100


def test_no_more_of_the_product_than_allowed_is_held(monkeypatch):
    seen = []
    real = blocks.extend_rows
    monkeypatch.setattr(
        blocks, "extend_rows", lambda state, x, *rest: (seen.append(x.size), real(state, x, *rest))
    )
    random = np.random.default_rng(0)
    product_scores(_frames(random, 50, 50), _frames(random, 120, 40), CONFIG, most_cells=100)
    assert sum(seen) == 50 * 120
    assert max(seen) <= 100
