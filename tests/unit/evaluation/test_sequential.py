"""Bets against a win rate: fair under the null at every moment, decisive when it is false."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.evaluation.sequential import STAKES, Tally, evidence

LEVELS = st.floats(0.05, 0.95)
COUNTS = st.integers(0, 60)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.75])
def test_the_wealth_of_every_history_weighs_one_under_the_null(level):
    """The slow, obvious form: every history of nine pairings, weighed by its chance, each stake by itself."""
    total = 0.0
    for history in itertools.product([True, False], repeat=9):
        wealth = np.ones(len(STAKES))
        for won in history:
            wealth *= [1 + s * ((1 - level) / level if won else -1) for s in STAKES]
        n_won = sum(history)
        assert evidence(n_won, 9 - n_won, level) == pytest.approx(wealth.mean())
        total += wealth.mean() * level**n_won * (1 - level) ** (9 - n_won)
    assert total == pytest.approx(1.0)


@settings(deadline=None)
@given(COUNTS, COUNTS, LEVELS)
def test_one_more_fair_pairing_changes_nothing_on_average(n_won, n_lost, level):
    before = evidence(n_won, n_lost, level)
    after = level * evidence(n_won + 1, n_lost, level) + (1 - level) * evidence(n_won, n_lost + 1, level)
    assert after == pytest.approx(before, rel=1e-9)


@settings(deadline=None)
@given(COUNTS, COUNTS, st.tuples(LEVELS, LEVELS))
def test_a_lower_level_is_refuted_first(n_won, n_lost, levels):
    low, high = sorted(levels)
    assert evidence(n_won, n_lost, low) >= evidence(n_won, n_lost, high) * (1 - 1e-9)


def test_false_alarms_are_rarer_than_promised_however_long_one_looks():
    random, n_runs, level = np.random.default_rng(0), 2000, 0.75
    alarms = 0
    for wins in random.random((n_runs, 64)) < level:
        tally = Tally()
        for won in wins:
            tally = tally.plus(won=bool(won), lost=not won)
            if tally.against_at_most(level) >= 20:
                alarms += 1
                break
    assert alarms / n_runs <= 0.05


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_the_interval_holds_what_was_seen(n_won, n_lost, n_tied):
    tally = Tally(n_won, n_lost, n_tied)
    low, high = tally.interval()
    assert 0 <= low <= tally.win_rate + 1e-3
    assert tally.win_rate - 1e-3 <= high <= 1
    wide = tally.interval(alpha=0.001)
    assert wide[0] <= low
    assert high <= wide[1]


def test_the_interval_narrows():
    few, many = Tally(7, 3).interval(), Tally(70, 30).interval()
    assert many[0] > few[0]
    assert many[1] < few[1]
    assert Tally().interval() == (0.0, 1.0)


def test_ties_refute_nothing():
    tally = Tally(0, 0, 200)
    assert tally.against_at_most(0.5) < 1
    assert tally.against_at_least(0.5) < 1
    assert tally.win_rate == 0.5
    assert len(Tally().plus()) == 1


def test_long_histories_stay_numbers():
    assert math.isfinite(evidence(10**6, 0, 0.01))
    assert evidence(0, 10**6, 0.5) >= 0


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, float("nan")])
def test_a_level_is_a_fraction(level):
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        evidence(1, 1, level)
