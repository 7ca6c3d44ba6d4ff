"""The reductions of segment distances agree with those that are written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from linernotes.versions.encoder.embed import vector_distances
from linernotes.versions.encoder.reduce import best_pairs, bpwr, mean_of_minima, minimum

_spec = importlib.util.spec_from_file_location(
    "slow_best_pairs", Path(__file__).with_name("slow_best_pairs.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)
matrices = hnp.arrays(np.float32, shapes, elements=st.floats(0, 4, width=16))


@settings(max_examples=150, deadline=None)
@given(matrices, st.integers(1, 8))
def test_the_best_pairs_are_those_of_the_slow_twin(distances, r):
    pairs = [tuple(pair) for pair in best_pairs(distances, r).tolist()]
    assert pairs == oracle.slow_best_pairs(distances.tolist(), r)
    assert bpwr(distances, r) == pytest.approx(np.mean([distances[p] for p in pairs]), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_the_other_reductions_are_those_of_the_slow_twin(distances):
    assert minimum(distances) == min(map(min, distances.tolist()))
    assert mean_of_minima(distances) == pytest.approx(
        oracle.slow_mean_of_minima(distances.tolist()), abs=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(matrices, st.integers(1, 8))
def test_the_order_of_two_recordings_does_not_matter(distances, r):
    # Ties may be struck in another order, so only matrices without ties have one answer.
    distances = distances + np.arange(distances.size, dtype=np.float32).reshape(distances.shape) / 512
    if len(np.unique(distances)) == distances.size:
        assert bpwr(distances, r) == pytest.approx(bpwr(distances.T, r), abs=1e-6)


def test_distances_of_vectors_are_those_of_the_slow_twin():
    random = np.random.default_rng(5)
    a, b = random.normal(0, 1, (3, 7)).astype(np.float32), random.normal(0, 1, (4, 7)).astype(np.float32)
    slow = [[oracle.slow_distance(u, v) for v in b.tolist()] for u in a.tolist()]
    np.testing.assert_allclose(vector_distances(a, b), slow, atol=1e-6)
