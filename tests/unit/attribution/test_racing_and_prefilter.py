"""Races decide what a full scan would; a shortlist of everybody gives the full scan's answer for less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.fast.prefilter import (
    PrefilterConfig,
    Prefiltered,
    measured_recall,
    recall_of,
)
from linernotes.attribution.fast.racing import RaceConfig, judge
from linernotes.attribution.fast.search import best
from linernotes.attribution.fast.shortlist_race import Measured, background, line_to
from linernotes.attribution.likeness.similarity import Similarity
from linernotes.attribution.unlearning.diagonal import FisherUnlearning, UnlearningConfig
from linernotes.attribution.unlearning.partial import PartialUnlearning
from linernotes.errors import InputError, NotFitted
from linernotes.execution import SerialRunner
from linernotes.testing import check_attributor

TEACHER = UnlearningConfig(n_query_draws=8, n_scoring_draws=8)


def make_method(n_best=1, n_shortlisted=4, **race):
    return Prefiltered(
        PrefilterConfig(n_best, n_shortlisted, RaceConfig(**({"draws_per_round": 2} | race))),
        exact=PartialUnlearning(TEACHER),
        shortlister=Similarity(),
    )


def run_race(values, n_best, per_round, risk=0.05):
    n_items, n_draws = values.shape
    decided = np.zeros(n_items, np.int8)
    taken = 0
    for first in range(0, n_draws, per_round):
        shown = np.full_like(values, np.nan)
        running = decided == 0
        shown[running, : first + per_round] = values[running, : first + per_round]
        taken += int(running.sum()) * min(per_round, n_draws - first)
        decided = judge(
            shown[:, : first + per_round], decided, n_best, n_draws, -(-n_draws // per_round), risk
        )
        if (decided != 0).all():
            break
    return decided, taken


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    n_items=st.integers(2, 12),
    n_draws=st.integers(2, 16),
    n_best=st.integers(1, 14),
    per_round=st.integers(2, 6),
)
def test_a_race_ends_with_exactly_the_wanted_number(seed, n_items, n_draws, n_best, per_round):
    values = np.random.default_rng(seed).standard_normal((n_items, n_draws))
    decided, taken = run_race(values, n_best, per_round)
    assert (decided != 0).all()
    assert (decided == 1).sum() == min(n_best, n_items)
    assert taken <= values.size


@settings(deadline=None)
@given(seed=st.integers(0, 2**31 - 1), shift=st.floats(-5, 5), size=st.floats(0.1, 10))
def test_noise_shared_by_all_items_changes_no_decision(seed, shift, size):
    random = np.random.default_rng(seed)
    values = random.standard_normal((6, 12)) + 2 * np.arange(6)[:, None]
    shared = shift + size * random.standard_normal(12)
    assert run_race(values, 2, 3)[0].tolist() == run_race(values + shared, 2, 3)[0].tolist()


def test_races_are_seldom_wrong_and_save_draws_where_items_differ():
    random = np.random.default_rng(7)
    wrong, spent = 0, 0.0
    for _ in range(200):
        values = random.standard_normal((20, 32)) + 0.5 * np.arange(20)[:, None]
        decided, taken = run_race(values, 5, 4)
        wrong += set(np.flatnonzero(decided == 1)) != set(best(values.mean(axis=1), 5).tolist())
        spent += taken / values.size / 200
    assert wrong <= 0.05 * 200
    assert spent < 0.6


def test_equal_items_are_measured_to_the_end():
    values = np.zeros((4, 8)) + np.array([1.0, -1.0] * 4)
    decided, taken = run_race(values, 2, 2)
    assert decided.tolist() == [1, 1, -1, -1]  # ties go to the earlier
    assert taken == values.size


def test_the_method_keeps_the_contract(tiny_generator, tiny_corpus, tiny_queries):
    check_attributor(make_method, tiny_generator, tiny_corpus, tiny_queries, SerialRunner)


def test_a_race_among_all_gives_the_full_scan(tiny_generator, tiny_corpus, tiny_queries):
    run = SerialRunner(8)
    method, full = make_method(n_best=2, risk=1e-9), FisherUnlearning(TEACHER)
    method.fit(tiny_generator, tiny_corpus, run)
    full.fit(tiny_generator, tiny_corpus, run)
    for result, exact in zip(
        method.attribute(tiny_queries, run), full.attribute(tiny_queries, run), strict=True
    ):
        assert np.allclose(np.sort(result.replicates, axis=1), np.sort(exact.replicates, axis=1), atol=1e-6)
        assert np.allclose(result.segment_scores, exact.segment_scores, atol=1e-6)
        assert result.unit == exact.unit
    assert all(spent.fraction == 1.0 for spent in method.spent)
    recall = measured_recall(method, tiny_queries, run)
    assert (recall.of_shortlist, recall.of_answer, recall.fraction) == (1.0, 1.0, 1.0)


def test_outsiders_of_the_shortlist_never_overtake_the_best(tiny_generator, tiny_corpus, tiny_queries):
    run = SerialRunner(8)
    method = make_method(n_best=1, n_shortlisted=2)
    method.fit(tiny_generator, tiny_corpus, run)
    result = method.attribute(tiny_queries[:1], run)[0]
    guess = method.shortlister.attribute(tiny_queries[:1], run)[0].scores
    assert int(np.argmax(result.scores)) in best(guess, 2)
    assert method.spent[0].fraction < 0.8


@pytest.mark.parametrize("slope", [1.0, 0.0, -1.0])
def test_the_background_is_as_wide_as_exact_scores_whatever_the_shortlister(slope):
    random = np.random.default_rng(5)
    exact = random.standard_normal(400)
    guess = slope * exact + 0.5 * random.standard_normal(400)
    shortlist = random.permutation(400)[:100]
    values = np.full((400, 4), np.nan)
    values[shortlist] = exact[shortlist, None]
    race = Measured(values, values, shortlist, np.zeros(400, np.int8), 10, 1)
    wide = background(guess, *line_to(guess, race), race)
    assert 0.8 < wide.std() / exact.std() < 1.25
    assert np.array_equal(np.argsort(wide), np.argsort(guess))


def test_there_is_an_answer_after_every_round(tiny_generator, tiny_corpus, tiny_queries):
    run = SerialRunner(8)
    method = make_method(n_best=2, risk=1e-9)
    method.fit(tiny_generator, tiny_corpus, run)
    spent = [
        spent.n_forward for standing, spent in method.rounds(tiny_queries[0], run) if len(standing.best) == 2
    ]
    assert len(spent) == 4
    assert spent == sorted(spent)


def test_recall_counts_what_was_wanted():
    assert recall_of([np.array([1, 2])], [np.array([2, 9])]) == 0.5


def test_settings_are_checked():
    with pytest.raises(InputError, match="n_best"):
        PrefilterConfig(n_best=5, n_shortlisted=4)
    with pytest.raises(InputError, match="2 draws"):
        RaceConfig(draws_per_round=1)
    with pytest.raises(NotFitted):
        make_method().attribute([], SerialRunner(8))
