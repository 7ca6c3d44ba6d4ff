"""The compiled extension of a path agrees with the one that is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.alignment import best_path, strike_out
from linernotes.versions.extension import ExtensionConfig, LogOdds, grow, regrown
from linernotes.versions.projection import Embedded

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 25),
    st.integers(1, 25),
    st.sampled_from([2.0, 8.0, 1e6]),
    st.sampled_from([0.5, 3.0]),
)
def test_growth_agrees(seed, n, m, drop, gap):
    # multiples of 1/64: sums are exact in either precision, so that ties are ties in both
    s = (np.random.default_rng(seed).normal(-0.2, 2, (n, m)) * 64).round().astype(np.float32) / 64
    a, b, _, _ = grow(s, np.array([3.0, gap, drop], np.float32))
    slow = oracle.slow_growth(s.astype(float).tolist(), 3.0, gap, drop)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == slow


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 90), st.integers(8, 90), st.sampled_from([1, 5, 32]))
def test_windows_give_what_the_whole_matrix_gives(seed, n, m, window):
    """Two sequences that are alike in places: paths are grown far, given up, and grown into the ends."""
    random = np.random.default_rng(seed)
    music = random.normal(0, 1.3, (120, 12))
    music[random.integers(0, 120, 12)] *= -1
    a, b = (music[at : at + k] + random.normal(0, 0.5, (k, 12)) for at, k in ((0, n), (20, m)))
    left, right = (Embedded(x.astype(np.float32), np.full(len(x), 3, np.float32)) for x in (a, b))
    known = LogOdds(left, right)
    config = ExtensionConfig(drop=25.0, window=window)
    whole = known.block(np.arange(n), np.arange(m))
    path = best_path(np.clip(whole, -3, 3), 1.0)
    for _ in range(2):  # the second time with the first stretch struck out
        if len(path.a) < 2:
            return
        found = regrown(path, known, config)
        slow = oracle.slow_regrowth(
            whole.astype(float).tolist(),
            list(zip(path.a.tolist(), path.b.tolist(), strict=True)),
            (config.limit, config.gap, config.drop, config.inwards),
        )
        assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == slow
        gains = np.clip(whole, -config.limit, config.limit)[found.a, found.b]
        assert found.gains == pytest.approx(gains, abs=1e-3)
        strike_out(whole, found)
        known.strike_out(found)
        path = best_path(np.clip(whole, -3, 3), 1.0)
