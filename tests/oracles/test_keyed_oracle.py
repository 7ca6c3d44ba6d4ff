"""Scores in all keys at once agree with one product of matrices per key, and those with plain Python."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.alignment import AlignmentConfig, variant_scores
from linernotes.versions.keyed import keyed_scores, spectrum
from linernotes.versions.projection import Embedded, in_every_key

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


def _frames(random, n, n_blocks):
    return Embedded(
        random.normal(0, 1.5, (n, 12 * n_blocks)).astype(np.float32),
        random.normal(4, 1, n).astype(np.float32),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60), st.integers(1, 8))
def test_all_keys_at_once_and_one_by_one(seed, n, m, n_blocks):
    random = np.random.default_rng(seed)
    a, b = _frames(random, n, n_blocks), _frames(random, m, n_blocks)
    config = AlignmentConfig(-9.0, 11.0, 3.0)
    x = a.vectors @ in_every_key(b.vectors).T
    expected = variant_scores(x, a.costs, b.costs, config)
    found = keyed_scores(spectrum(a), spectrum(b), config)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_every_key_agrees_with_the_recursion_written_out():
    random = np.random.default_rng(7)
    a, b = _frames(random, 13, 2), _frames(random, 11, 2)
    found = keyed_scores(spectrum(a), spectrum(b), AlignmentConfig(-9.0, 11.0, 3.0))
    for key in range(12):
        x = [
            [
                sum(u[12 * k + p] * v[12 * k + (p + key) % 12] for k in range(2) for p in range(12))
                for v in b.vectors.tolist()
            ]
            for u in a.vectors.tolist()
        ]
        s = oracle.slow_gains(x, a.costs.tolist(), b.costs.tolist(), -9.0, 11.0)
        assert found[key] == pytest.approx(oracle.slow_best_path(s, 3.0)[0], abs=1e-3)
