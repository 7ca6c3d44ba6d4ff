"""From scores to shares and rankings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.ranking import rank, share_intervals, shares_of

numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def scores_of(replicates, names=None):
    replicates = np.asarray(replicates, dtype=float)
    names = names or tuple(f"item-{i:02d}" for i in range(len(replicates)))
    return ItemScores("q", "m", "u", names, replicates, np.zeros(3))


def ranked(replicates, names=None, seed=0):
    return rank(scores_of(replicates, names), generator_id="g", corpus_root="r", seed=seed)


@given(arrays(np.float64, st.integers(1, 40), elements=numbers))
@settings(max_examples=60, deadline=None)
def test_shares_are_parts_of_one(scores):
    shares = shares_of(scores)
    assert shares.shape == scores.shape
    assert (shares >= 0).all()
    assert shares.sum() <= 1 + 1e-9
    credited = scores[shares > 0]
    if len(credited):
        assert credited.min() > np.median(scores)


@given(
    arrays(np.float64, st.integers(3, 30), elements=st.integers(-1000, 1000)),
    st.sampled_from([0.25, 2.0, 64.0]),
    st.integers(-500, 500),
)
@settings(max_examples=40, deadline=None)
def test_shares_ignore_unit_and_offset(scores, unit, offset):
    assert shares_of(scores * unit + offset) == pytest.approx(shares_of(scores), abs=1e-9)


@given(arrays(np.float64, st.integers(2, 30), elements=numbers), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_shares_follow_their_items(scores, random):
    order = list(range(len(scores)))
    random.shuffle(order)
    assert shares_of(scores[order]) == pytest.approx(shares_of(scores)[order], abs=1e-9)


def test_many_rows_are_rows_on_their_own():
    rows = np.random.default_rng(0).standard_t(3, size=(20, 11))
    assert np.array_equal(shares_of(rows), np.stack([shares_of(row) for row in rows]))


def test_two_outstanding_items_share_by_their_excess():
    noise = np.linspace(-1, 1, 50)
    shares = shares_of(np.concatenate([noise, [30.0, 10.0]]))
    assert (shares[:50] == 0).all()
    assert shares[50] / shares[51] == pytest.approx(3.0, rel=0.02)
    assert 0.7 < shares.sum() < 0.8, "what lies above the background but does not stand out is unattributed"


@pytest.mark.parametrize("scores", [[0.0] * 6, [1.0], [1.0, 2.0], [5.0, 5.0, 5.0], [0, 0, 0, 0, -3.0]])
def test_nothing_stands_out_of_nothing(scores):
    assert shares_of(np.array(scores)).sum() == 0


def test_a_stricter_chance_credits_fewer():
    rows = np.random.default_rng(1).standard_t(2, size=(300, 40))
    strict, loose = ((shares_of(rows, chance) > 0).sum() for chance in (0.01, 0.2))
    assert 0 < strict < loose


def test_a_ranking_is_complete_ordered_and_adds_up():
    replicates = np.random.default_rng(2).normal(size=(12, 16))
    replicates[4] += 40.0
    answer = ranked(replicates)
    assert [i.rank for i in answer.influences] == list(range(1, 13))
    assert {i.item_id for i in answer.influences} == {f"item-{i:02d}" for i in range(12)}
    assert answer.influences[0].item_id == "item-04"
    assert [i.score for i in answer.influences] == sorted((i.score for i in answer.influences), reverse=True)
    assert answer.unattributed_share + sum(i.share for i in answer.influences) == pytest.approx(1.0)
    assert answer.influences[0].share > 0.9


def test_ties_go_by_item_id():
    answer = ranked(np.zeros((3, 2)), ("moon", "rain", "ash"))
    assert [i.item_id for i in answer.influences] == ["ash", "moon", "rain"]
    assert answer.unattributed_share == 1.0


def test_an_interval_holds_its_share_and_repeats_for_a_seed():
    replicates = np.random.default_rng(3).normal(size=(15, 16))
    replicates[0] += 5.0
    answer = ranked(replicates, seed=4)
    for one in answer.influences:
        assert 0 <= one.interval[0] <= one.share <= one.interval[1] <= 1
    assert answer == ranked(replicates, seed=4)
    assert answer.influences[0].interval[0] < answer.influences[0].interval[1]


def test_more_replicates_give_narrower_intervals():
    random = np.random.default_rng(5)
    truth = np.concatenate([[8.0], np.linspace(-0.3, 0.3, 14)])[:, None]
    few, many = (truth + random.normal(size=(15, n)) for n in (8, 200))
    (low_few, high_few), (low_many, high_many) = (share_intervals(r, 0) for r in (few, many))
    assert high_many[0] - low_many[0] < high_few[0] - low_few[0]


def test_one_replicate_gives_an_interval_without_width():
    replicates = np.random.default_rng(6).normal(size=(9, 1))
    low, high = share_intervals(replicates, 0)
    assert np.array_equal(low, high)
    assert np.array_equal(low, shares_of(replicates[:, 0]))
