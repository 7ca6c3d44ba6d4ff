"""The fast scan gives what one pair at a time gives: the same rows, and the same distances to the last bit."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.versions.index import scan
from linernotes.versions.index.scan import nearest, rounded

_spec = importlib.util.spec_from_file_location("slow_vectors", Path(__file__).with_name("slow_vectors.py"))
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


def _same(vectors, queries, k, removed=frozenset()):
    rows = rounded(vectors)
    norms = rows.norms
    norms[sorted(removed)] = np.inf
    found = nearest(rows, norms, queries, k)
    wanted = oracle.slow_nearest(vectors.tolist(), queries.tolist(), k, removed)
    for ids, distances, pairs in zip(found.ids, found.distances, wanted, strict=True):
        n = len(pairs)
        assert ids[:n].tolist() == [row for row, _ in pairs]
        assert distances[:n].tolist() == [float(distance) for _, distance in pairs]
        assert (ids[n:] == -1).all()
        assert np.isinf(distances[n:]).all()


@pytest.mark.parametrize("fast", [True, False])
@given(seed=st.integers(0, 2**31), n=st.integers(0, 40), d=st.integers(1, 9), k=st.integers(1, 12))
def test_scan_is_one_pair_at_a_time(fast, seed, n, d, k):
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (n, d)).astype(np.float32)  # many equal distances
    vectors *= random.choice([0.0, 1.0, 37.5], (n, 1)).astype(np.float32)
    queries = random.integers(-2, 3, (3, d)).astype(np.float32)
    removed = frozenset(np.flatnonzero(random.random(n) < 0.2).tolist())
    with pytest.MonkeyPatch.context() as patch:
        if not fast:
            patch.setattr(scan, "bytes_multiply_right", lambda dimension: False)
        _same(vectors, queries, k, removed)


@pytest.mark.parametrize("dimension", [2, 127, 128, 1500])
def test_blocks_and_extremes_do_not_show(monkeypatch, dimension):
    random = np.random.default_rng(dimension)
    vectors = random.choice([-1.0, 1.0], (70, dimension)).astype(np.float32)  # every code at its limit
    monkeypatch.setattr(scan, "ROWS_AT_ONCE", 17)
    monkeypatch.setattr(scan, "QUERIES_AT_ONCE", 2)
    _same(vectors, vectors[:5], 9)
    monkeypatch.setattr(scan, "bytes_multiply_right", lambda dimension: False)
    _same(vectors, vectors[:5], 9)
