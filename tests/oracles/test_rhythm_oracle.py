"""Prewhitening by Fourier transforms and coincidence by arrays agree with what is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from linernotes.audio.files import Audio
from linernotes.versions.coincidence import CAP, coincidence
from linernotes.versions.rhythm import (
    BAND_EDGES_HZ,
    FLUX_PER_S,
    FLUX_RATE,
    N_BANDS,
    N_FFT,
    RhythmConfig,
    in_cells,
    onset_strength,
    without_loops,
)

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


@pytest.mark.parametrize("at_once", [1, 7, 100, 8192])
def test_flux_in_blocks_is_the_flux_of_the_whole(at_once):
    random = np.random.default_rng(5)
    swelling = np.repeat(random.uniform(0, 1, 20), 1500)[:29000]
    samples = (swelling * random.normal(0, 0.2, 29000)).astype(np.float32)
    flux = oracle.slow_flux(samples, FLUX_RATE, FLUX_PER_S, N_FFT, BAND_EDGES_HZ)
    flux = np.maximum(flux - uniform_filter1d(flux, 50, axis=0), 0)
    begun_s = np.arange(len(flux)) / FLUX_PER_S - 1 / FLUX_PER_S
    slow = np.column_stack([in_cells(begun_s, flux[:, band], 40) for band in range(N_BANDS)])
    found = onset_strength(Audio(samples, FLUX_RATE), 40, at_once)
    np.testing.assert_allclose(found, slow, atol=1e-4)
    assert found.max() > 0.5
