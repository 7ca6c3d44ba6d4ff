import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.evaluation.exact_rates import (
    Rate,
    bound_with_misses,
    clopper_pearson,
    effective_trials,
    fisher,
    lower_bound,
    rate_ratio,
    upper_bound,
)


def test_textbook_interval():
    low, high = clopper_pearson(4, 20)
    assert (round(low, 4), round(high, 4)) == (0.0573, 0.4366)  # Fleiss, table


def test_rule_of_three():
    for n in (30, 300, 3000):
        assert upper_bound(0, n) == pytest.approx(3 / n, rel=0.06)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 400), part=st.floats(0, 1))
def test_bounds_enclose_the_rate_and_shrink(n, part):
    hits = round(part * n)
    low, high = clopper_pearson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    wide = clopper_pearson(hits, n, 0.99)
    assert wide[0] <= low
    assert high <= wide[1]
    assert lower_bound(hits, n) >= low
    assert upper_bound(hits, n) <= high


def test_no_trial_says_nothing():
    assert Rate.of(0, 0).as_json() == {
        "n_hits": 0,
        "n_trials": 0,
        "rate": None,
        "interval": [0.0, 1.0],
        "confidence": 0.95,
    }


def test_misses_make_the_bound_larger():
    sure = bound_with_misses(0, 200, 100, 100)
    half = bound_with_misses(0, 200, 50, 100)
    assert upper_bound(0, 200) < sure < half < 1
    assert bound_with_misses(0, 200, 0, 0) == 1.0, "recall that nobody measured bounds nothing"


def test_ratio_without_outside_hits_is_unbounded_above():
    found = rate_ratio(6, 100.0, 0, 100.0)
    assert found["ratio"] is None
    assert found["upper"] is None
    assert found["lower"] == pytest.approx(1.18, abs=0.02)
    assert rate_ratio(0, 10.0, 0, 10.0)["p_value"] is None


def test_twice_the_music_halves_the_ratio():
    assert rate_ratio(8, 200.0, 4, 100.0)["ratio"] == pytest.approx(1.0)


def test_fisher_is_one_sided():
    assert fisher(0, 10, 5, 10) > 0.95
    assert fisher(10, 10, 0, 10) < 1e-4


def test_clusters():
    assert effective_trials([(10, 10), (0, 10), (10, 10), (0, 10)])[0] == pytest.approx(4, rel=0.01)
    n, correlation = effective_trials([(1, 1), (0, 1), (0, 1)])
    assert (n, correlation) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("hits", "n", "confidence"), [(3, 2, 0.95), (-1, 5, 0.95), (1, 5, 1.0), (1, 5, float("nan"))]
)
def test_impossible_counts_are_refused(hits, n, confidence):
    with pytest.raises(InputError, match="expected"):
        clopper_pearson(hits, n, confidence)


def test_intervals_cover_at_least_as_often_as_they_say():
    draw = np.random.default_rng(1)
    for rate in (0.01, 0.2):
        hits = draw.binomial(60, rate, 400)
        inside = [low <= rate <= high for low, high in (clopper_pearson(int(k), 60) for k in hits)]
        assert np.mean(inside) >= 0.94
