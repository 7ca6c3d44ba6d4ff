"""The chance model: monotone in every way that it should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linernotes.fingerprint.decision import EXACT_CHANCE, SHIFTED_CHANCE, NullModel, query_false_match_rate

SIZES = st.integers(1, 10**9)


@given(st.floats(0, 2000), SIZES, SIZES, st.integers(1, 1000))
def test_it_is_a_rate(score: float, n_query: int, n_catalogue: int, n_hypotheses: int) -> None:
    assert 0 <= query_false_match_rate(score, n_query, n_catalogue, n_hypotheses, EXACT_CHANCE) <= 1


@given(st.floats(0, 200), SIZES, SIZES)
def test_more_score_is_rarer_and_a_larger_search_less_so(
    score: float, n_query: int, n_catalogue: int
) -> None:
    rate = query_false_match_rate(score, n_query, n_catalogue, 3, SHIFTED_CHANCE)
    assert query_false_match_rate(score + 5, n_query, n_catalogue, 3, SHIFTED_CHANCE) <= rate
    assert query_false_match_rate(score, n_query, 2 * n_catalogue, 3, SHIFTED_CHANCE) >= rate
    assert query_false_match_rate(score, n_query, n_catalogue, 300, SHIFTED_CHANCE) >= rate


def test_small_rates_are_proportional_to_the_search() -> None:
    model = NullModel(rate=0.5, log_k=-5.0)
    once = model.false_match_rate(80.0, 100, 1000, 1)
    assert model.false_match_rate(80.0, 100, 1000, 7) == pytest.approx(7 * once, rel=1e-6)
