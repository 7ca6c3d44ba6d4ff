"""Shares against a twin in plain Python, with Student's quantile found by bisection."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from linernotes.attribution.statements.ranking import share_intervals, shares_of


def student_quantile(p, freedom):
    """Invert the upper tail, half of an incomplete beta integral, by bisection; slow and obvious."""

    def tail(x):
        return 0.5 * betainc(freedom / 2, 0.5, freedom / (freedom + x * x))

    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > 1 - p else (low, middle)
    return low


def shares_in_plain_python(scores, chance=0.05):
    n = len(scores)
    median = statistics.median(scores)
    below = [median - x for x in scores if x < median]
    spread = 1.4826 * statistics.median(below) if below else 0.0
    threshold = student_quantile(1 - chance / n, n / 5.44 + 0.75) * spread
    total = sum(x - median for x in scores if x > median)
    return [(x - median) / total if x > median and x - median > threshold else 0.0 for x in scores]


values = st.integers(-64, 64).map(lambda n: n / 8)


@given(st.lists(values, min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_shares_agree(scores):
    assert shares_of(np.array(scores)) == pytest.approx(shares_in_plain_python(scores), abs=1e-12)


@pytest.mark.parametrize("n", [5, 20, 70])
def test_shares_agree_where_somebody_stands_out(n):
    scores = np.random.default_rng(n).normal(size=n)
    scores[:2] += [60.0, 20.0]
    expected = shares_in_plain_python(scores.tolist())
    assert sum(share > 0 for share in expected) >= 1
    assert shares_of(scores) == pytest.approx(expected, abs=1e-12)


def test_intervals_are_quantiles_of_resampled_means():
    replicates = np.random.default_rng(0).normal(size=(8, 6))
    replicates[3] += 6
    low, high = share_intervals(replicates, seed=1)
    random = np.random.default_rng(2)
    resampled = [shares_of(replicates[:, random.integers(6, size=6)].mean(axis=1)) for _ in range(4000)]
    expected_low, expected_high = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert low == pytest.approx(expected_low, abs=0.08)
    assert high == pytest.approx(expected_high, abs=0.08)
