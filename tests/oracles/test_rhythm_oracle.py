"""Prewhitening by Fourier transforms and coincidence by arrays agree with what is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from linernotes.versions.coincidence import CAP, coincidence
from linernotes.versions.rhythm import RhythmConfig, without_loops

_spec = importlib.util.spec_from_file_location("slow_rhythm", Path(__file__).with_name("slow_rhythm.py"))
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


@pytest.mark.parametrize(("seed", "n_cells", "n_layers"), [(0, 30, 1), (1, 41, 3), (2, 12, 2)])
def test_loops_are_taken_away_alike(seed, n_cells, n_layers):
    layers = np.random.default_rng(seed).normal(0, 1, (n_cells, n_layers)).astype(np.float32)
    layers += np.tile([[2.0], [-1.0], [-1.0]], (n_cells, 1))[:n_cells].astype(np.float32)
    config = RhythmConfig(nearest=2, farthest=7, ridge=0.1)
    slow = oracle.slow_without_loops(layers.tolist(), 2, 7, 0.1)
    np.testing.assert_allclose(without_loops(layers, config), slow, atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_coincidence_agrees(seed):
    random = np.random.default_rng(seed)
    a, b = random.normal(0, 1, (40, 5)), random.normal(0, 1, (33, 5))
    b[3:30, :3] += a[5:32, :3]
    at_a = np.arange(4, 34)
    at_b = np.minimum(at_a - 2 + (at_a > 20), 32)
    slow = oracle.slow_coincidence(a.tolist(), b.tolist(), at_a.tolist(), at_b.tolist(), CAP)
    fast = coincidence(a.astype(np.float32), b.astype(np.float32), at_a, at_b)
    assert fast == pytest.approx(slow, abs=1e-4)
