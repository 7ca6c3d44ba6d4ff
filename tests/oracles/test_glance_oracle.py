"""A glance is what its definition says: every key and every second tempo, by the recursion written out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from linernotes.versions import glance as module
from linernotes.versions.background import bundled_background
from linernotes.versions.expectation import log_expected
from linernotes.versions.glance import glance
from linernotes.versions.hypotheses import PATHS
from linernotes.versions.phrases.network import bundled_network
from linernotes.versions.projection import transposed, values
from linernotes.versions.significance import Cohort, Profile

_spec = importlib.util.spec_from_file_location(
    "slow_alignment", Path(__file__).with_name("slow_alignment.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

FOUR = (4.0, 4.0, 4.0, 4.0)
COHORT = Cohort(FOUR, (1.0, 1.0, 1.0, 1.0), (60.0, 50.0, 40.0, 30.0))


def _slow_score(a, b, every):
    """Return the best score over keys and tempo ratios of features at every *every*-th frame."""
    limits, best = PATHS["overall"], 0.0
    for quarters in (-3, -1, 1, 3):
        ratio = 2 ** (quarters / 4)
        sides = []
        for features, speed in ((a, max(1, 1 / ratio)), (b, max(1, ratio))):
            one = bundled_network().embed(values(features, "overall", speed), 1)
            sides.append((one.vectors[::every], one.costs[::every].tolist()))
        (left, rows), (right, columns) = sides
        for key in range(12):
            x = (left @ transposed(right, key).T).tolist()
            s = oracle.slow_gains(x, rows, columns, limits.floor, limits.ceiling)
            best = max(best, oracle.slow_best_path(s, limits.gap)[0])
    return best


@pytest.mark.parametrize(("long", "thin"), [(1000, 1), (20, 2)])
def test_a_glance_and_its_definition(long, thin, monkeypatch):
    monkeypatch.setattr(module, "LONG", long)
    one, other = bundled_background().pieces[:2]
    a, b, c = one.excerpt(40, 80), one.excerpt(50, 85), other.excerpt(40, 80)
    for left, right in ((a, b), (a, c)):
        score = thin * _slow_score(left, right, 2 * thin)
        frames = len(left) / 2, len(right) / 2
        expected = -log_expected(score, "overall", (COHORT, COHORT), frames)
        found = glance(Profile(left, COHORT), Profile(right, COHORT))
        assert found == pytest.approx(expected, rel=1e-3, abs=5e-3)
    assert np.isfinite(found)
