"""Axioms of shares, for every way in which they are computed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.by_group.groups import Groups
from linernotes.attribution.by_group.shapley import (
    Credit,
    covered_items,
    draw_coalitions,
    exact,
    kernel,
    role_shares,
    solve,
)
from linernotes.errors import InputError

seeds = st.integers(0, 10**6)


def random_game(seed, n_players):
    table = np.random.default_rng(seed).normal(size=2**n_players)
    return lambda s: float(table[int(s @ 2 ** np.arange(n_players))])


SOLVERS = {
    "exact": exact,
    "weighted": lambda value, n: exact(value, n, np.arange(1.0, n + 1)),
    "kernel, all coalitions": lambda value, n: kernel(value, n, 2**n).shares,
    "kernel, few coalitions": lambda value, n: kernel(value, n, 10, seed=1).shares,
}


@pytest.mark.parametrize("solver", SOLVERS)
@given(seed=seeds, n_players=st.integers(1, 6))
@settings(max_examples=12, deadline=None)
def test_shares_add_up_to_what_everybody_adds_to_nobody(solver, seed, n_players):
    game = random_game(seed, n_players)
    gain = game(np.ones(n_players, bool)) - game(np.zeros(n_players, bool))
    assert SOLVERS[solver](game, n_players).sum() == pytest.approx(gain, abs=1e-9)


@pytest.mark.parametrize("solver", ["exact", "weighted", "kernel, all coalitions"])
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_who_never_contributes_gets_nothing_and_games_add_up(solver, seed):
    first, second = random_game(seed, 4), random_game(seed + 1, 4)
    solve_game = SOLVERS[solver]
    idle = solve_game(lambda s: first(s & np.array([True, True, False, True])), 4)
    assert idle[2] == pytest.approx(0, abs=1e-9)
    both = solve_game(lambda s: first(s) + 2 * second(s), 4)
    assert both == pytest.approx(solve_game(first, 4) + 2 * solve_game(second, 4), abs=1e-9)


@pytest.mark.parametrize("solver", ["exact", "kernel, all coalitions"])
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_equal_roles_get_equal_shares(solver, seed):
    table = np.random.default_rng(seed).normal(size=(3, 2))
    shares = SOLVERS[solver](lambda s: float(table[int(s[0]) + int(s[1]), int(s[2])]), 3)
    assert shares[0] == pytest.approx(shares[1], abs=1e-9)


def test_shares_are_equal_where_nothing_is_known_of_the_difference():
    # one pair of coalitions says something about its players only
    coalitions = draw_coalitions(40, 2)
    shares = solve(coalitions, np.array([5.0, 5.0]), 0.0, 10.0).shares
    assert len(np.unique(shares.round(9))) <= 2
    assert shares.sum() == pytest.approx(10.0)


def test_the_estimate_nears_the_exact_shares_and_says_how_near():
    game = random_game(3, 8)
    truth = exact(game, 8)
    errors, stated = [], []
    for n_coalitions in (40, 200):
        estimates = [kernel(game, 8, n_coalitions, seed) for seed in range(8)]
        assert all(estimate.n_coalitions == n_coalitions for estimate in estimates)
        errors.append(np.sqrt(np.mean([(e.shares - truth) ** 2 for e in estimates])))
        stated.append(np.mean([e.standard_errors for e in estimates]))
    assert errors[1] < 0.7 * errors[0]
    assert 0.5 < stated[1] / errors[1] < 2.0
    assert kernel(game, 8, 300).standard_errors.max() == 0, "all 254 coalitions were taken"


def test_drawn_coalitions_are_pairs_of_complements_and_follow_the_seed():
    first = draw_coalitions(20, 100, seed=3)
    assert np.array_equal(first.members[::2], ~first.members[1::2])
    assert not first.complete
    assert np.array_equal(first.members, draw_coalitions(20, 100, seed=3).members)
    assert not np.array_equal(first.members, draw_coalitions(20, 100, seed=4).members)
    sizes = first.members.sum(axis=1)
    assert sizes.min() >= 1
    assert sizes.max() <= 19
    everyone = draw_coalitions(4, 14)
    assert everyone.complete
    assert len(np.unique(everyone.members, axis=0)) == 14


def test_replicates_are_divided_like_values():
    groups = Groups.of(("a", "b"), {"a": ["x", "y"]})
    replicates = np.array([[1.0, 3.0], [9.0, 9.0]])
    assert covered_items(replicates, groups).tolist() == [[0.5, 1.5], [0.5, 1.5]]


CREDITS = [
    Credit("song", "Ada", "writer"),
    Credit("song", "Bo", "writer"),
    Credit("song", "Ada", "performer"),
    Credit("song", "Label", "master"),
    Credit("tune", "Bo", "writer"),
]
WEIGHTS = {"master": 50.0, "writer": 30.0, "performer": 20.0, "sample": 0.0}


def test_roles_share_by_declared_weights():
    shares = role_shares(np.array([1.0, 2.0, 7.0]), ["song", "tune", "nobody's"], CREDITS, WEIGHTS)
    assert shares == pytest.approx({"Ada": 0.35, "Bo": 0.15 + 2.0, "Label": 0.5})


def test_a_role_without_weight_pays_nothing():
    credits = [*CREDITS, Credit("song", "Di", "sample"), Credit("loop", "Di", "sample")]
    shares = role_shares(np.array([1.0, 2.0, 5.0]), ["song", "tune", "loop"], credits, WEIGHTS)
    assert shares["Di"] == 0.0
    assert sum(shares.values()) == pytest.approx(3.0)


def test_the_same_credit_twice_counts_once():
    once = role_shares(np.array([1.0, 2.0]), ["song", "tune"], CREDITS, WEIGHTS)
    assert role_shares(np.array([1.0, 2.0]), ["song", "tune"], [*CREDITS, CREDITS[0]], WEIGHTS) == once


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: exact(lambda s: 0.0, 17), "exact shares need 1 to 16"),
        (lambda: exact(lambda s: 0.0, 0), "0 players"),
        (lambda: exact(lambda s: 0.0, 2, np.array([1.0, 0.0])), "above zero"),
        (lambda: exact(lambda s: 0.0, 2, np.ones(3)), "2 numbers"),
        (lambda: kernel(lambda s: 0.0, 3, 1), "1 coalitions"),
        (lambda: kernel(lambda s: float("nan"), 3), "one number for each"),
        (lambda: solve(draw_coalitions(5, 8), np.zeros(7), 0.0, 1.0), "7 values for 8 coalitions"),
        (lambda: covered_items(np.zeros(3), Groups.each_item(("a", "b"))), "each of 2 items"),
        (lambda: role_shares(np.zeros(1), ["tune"], CREDITS, WEIGHTS), "'song' is not in the corpus"),
        (lambda: role_shares(np.zeros(2), ["song", "tune"], CREDITS, {"writer": 1}), "has no weight"),
        (lambda: role_shares(np.zeros(2), ["song", "tune"], CREDITS, {"writer": -1}), "at least 0"),
        (lambda: role_shares(np.array([np.nan]), ["song"], CREDITS[:1], WEIGHTS), "one number"),
    ],
)
def test_impossible_games_are_refused(ask, says):
    with pytest.raises(InputError, match=says):
        ask()
