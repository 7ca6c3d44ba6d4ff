"""The compiled alignment agrees with the one that is written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from linernotes.versions.alignment import AlignmentConfig, best_path, best_score, gains, variant_scores
from linernotes.versions.hypotheses import log_odds_matrix
from linernotes.versions.projection import Projection, embed

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)


@pytest.mark.parametrize(("seed", "n", "m"), [(0, 12, 12), (1, 9, 17), (2, 20, 8), (3, 2, 5), (4, 30, 31)])
def test_gains_and_paths_agree(seed, n, m):
    random = np.random.default_rng(seed)
    x = random.normal(0, 8, (n, 3 * m)).astype(np.float32)
    rows, columns = (random.normal(2, 1, k).astype(np.float32) for k in (n, m))
    config = AlignmentConfig(-10.0, 12.0, 3.0)
    scores = variant_scores(x, rows, columns, config)
    for variant in range(3):
        mine = x[:, variant * m : (variant + 1) * m]
        fast = gains(mine, rows, columns, config)
        slow = oracle.slow_gains(mine.tolist(), rows.tolist(), columns.tolist(), -10.0, 12.0)
        np.testing.assert_allclose(fast, slow, atol=1e-4)
        score, path = oracle.slow_best_path(fast.astype(float).tolist(), 3.0)
        found = best_path(fast, 3.0)
        assert found.score == pytest.approx(score, abs=1e-3)
        assert best_score(fast, 3.0) == pytest.approx(score, abs=1e-3)
        assert scores[variant] == pytest.approx(score, abs=1e-3)
        assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == path


def test_projected_products_are_the_log_odds_of_correlated_gaussians():
    rho = np.array([0.9, 0.5, 0.0])
    weights = Projection(
        (0,),
        np.diag(np.sqrt(rho / (1 - rho**2))).astype(np.float32),
        np.diag(np.sqrt(rho**2 / (1 - rho**2) / 2)).astype(np.float32),
        -0.5 * float(np.log(1 - rho**2).sum()),
    )
    random = np.random.default_rng(5)
    a, b = (random.normal(0, 1, (4, 3)).astype(np.float32) for _ in range(2))
    fast = log_odds_matrix(embed(a, weights), embed(b, weights))
    for i in range(4):
        for j in range(4):
            slow = sum(oracle.slow_log_odds(x, y, r) for x, y, r in zip(a[i], b[j], rho, strict=True))
            assert fast[i, j] == pytest.approx(slow, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_paths_agree_on_noise(seed):
    s = np.random.default_rng(seed).normal(-0.2, 0.5, (14, 11)).astype(np.float32)
    score, path = oracle.slow_best_path(s.astype(float).tolist(), 0.1)
    found = best_path(s, 0.1)
    assert found.score == pytest.approx(score, abs=1e-4)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == path
