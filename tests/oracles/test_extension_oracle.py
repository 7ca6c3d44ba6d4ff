"""The compiled extension of a path agrees with the one that is written out."""

import importlib.util
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.versions.extension import grow

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
    s = np.random.default_rng(seed).normal(-0.2, 2, (n, m)).astype(np.float32)
    a, b = grow(s, np.array([3.0, gap, drop], np.float32))
    slow = oracle.slow_growth(s.astype(float).tolist(), 3.0, gap, drop)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == slow
