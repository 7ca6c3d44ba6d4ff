"""The compiled alignment agrees with the one that is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from linernotes.versions.alignment import AlignmentConfig, best_path, best_score, evidence
from linernotes.versions.features import centred

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


def _sequences(seed, n, m):
    random = np.random.default_rng(seed)
    a = centred(random.random((n, 12)).astype(np.float32))
    b = centred(random.random((m, 12)).astype(np.float32))
    start = min(n, m) // 4
    b[start : start + n // 2] = a[: len(b[start : start + n // 2])]
    return a, b


@pytest.mark.parametrize(("seed", "n", "m"), [(0, 12, 12), (1, 9, 17), (2, 20, 8), (3, 2, 5), (4, 30, 31)])
@pytest.mark.parametrize("usual", [0.0, 0.6])
def test_evidence_and_paths_agree(seed, n, m, usual):
    a, b = _sequences(seed, n, m)
    config = AlignmentConfig(width=5, threshold=0.2, usual=usual)
    fast = evidence(a, b, config)
    slow = oracle.slow_evidence(a.tolist(), b.tolist(), 5, 0.2, usual)
    np.testing.assert_allclose(fast, slow, atol=1e-5)
    score, path = oracle.slow_best_path(fast.astype(float).tolist(), 0.1)
    found = best_path(fast, 0.1)
    assert found.score == pytest.approx(score, abs=1e-4)
    assert best_score(fast, 0.1) == pytest.approx(score, abs=1e-4)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == path


@pytest.mark.parametrize("seed", range(8))
def test_paths_agree_on_noise(seed):
    s = np.random.default_rng(seed).normal(-0.2, 0.5, (14, 11)).astype(np.float32)
    score, path = oracle.slow_best_path(s.astype(float).tolist(), 0.1)
    found = best_path(s, 0.1)
    assert found.score == pytest.approx(score, abs=1e-4)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == path
