"""The chance model: monotone in every way that it should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.fingerprint.decision import CHANGED_CHANCE, EXACT_CHANCE, NullModel, query_false_match_rate

SECONDS = st.floats(1, 1e9)


@given(st.floats(0, 2000), SECONDS, SECONDS)
def test_it_is_a_rate(score: float, query_s: float, catalogue_s: float) -> None:
    assert 0 <= query_false_match_rate(score, query_s, catalogue_s, EXACT_CHANCE) <= 1


@given(st.floats(0, 200), SECONDS, SECONDS)
def test_more_score_is_rarer_and_a_larger_search_less_so(
    score: float, query_s: float, catalogue_s: float
) -> None:
    rate = query_false_match_rate(score, query_s, catalogue_s, CHANGED_CHANCE)
    assert query_false_match_rate(score + 1, query_s, catalogue_s, CHANGED_CHANCE) <= rate
    assert query_false_match_rate(score, query_s, 2 * catalogue_s, CHANGED_CHANCE) >= rate
    assert query_false_match_rate(score, 3 * query_s, catalogue_s, CHANGED_CHANCE) >= rate


def test_small_rates_are_proportional_to_the_search() -> None:
    model = NullModel(rate=2.0, log_k=-5.0)
    once = model.false_match_rate(20.0, 10, 1000)
    assert model.false_match_rate(20.0, 10, 7000) == pytest.approx(7 * once, rel=1e-6)
