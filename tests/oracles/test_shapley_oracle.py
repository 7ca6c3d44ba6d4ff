"""Shapley values against their definition: every order in which players can join, one by one."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.by_group.groups import Groups
from linernotes.attribution.by_group.shapley import Credit, covered_items, exact, kernel, role_shares


def by_all_orders(value, n_players, weights=None):
    """Mean marginal contribution; with weights, orders are drawn from the last place to the first in
    proportion to the weights of those still to be placed (Kalai and Samet, 1987)."""
    weights = [Fraction(1)] * n_players if weights is None else [Fraction(w) for w in weights]
    shares = np.zeros(n_players)
    for order in permutations(range(n_players)):
        chance, left = Fraction(1), sum(weights)
        for player in reversed(order):
            chance *= weights[player] / left
            left -= weights[player]
        present = np.zeros(n_players, dtype=bool)
        worth = value(present.copy())
        for player in order:
            present[player] = True
            now = value(present.copy())
            shares[player] += float(chance) * (now - worth)
            worth = now
    return shares


def random_game(seed, n_players):
    table = np.random.default_rng(seed).normal(size=2**n_players)
    return lambda s: float(table[sum(2**i for i in range(n_players) if s[i])])


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_enumeration_is_the_mean_over_all_orders(seed, n_players):
    game = random_game(seed, n_players)
    expected = by_all_orders(game, n_players)
    assert exact(game, n_players) == pytest.approx(expected, abs=1e-9)
    assert kernel(game, n_players, 2**n_players).shares == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_weighted_shares_are_the_mean_over_weighted_orders(seed):
    game = random_game(seed, 4)
    weights = np.random.default_rng(seed).integers(1, 6, size=4)
    expected = by_all_orders(game, 4, weights.tolist())
    assert exact(game, 4, weights.astype(float)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_covered_items_are_shared_equally_whether_any_or_all_holders_are_needed(seed):
    random = np.random.default_rng(seed)
    membership = random.random((4, 5)) < 0.4
    membership[np.arange(4), random.integers(5, size=4)] = True
    values = random.normal(size=5)
    groups = Groups(tuple("wxyz"), tuple("abcde"), membership)

    def any_holder(s):
        return sum(values[i] for i in range(5) if any(s[g] and membership[g, i] for g in range(4)))

    def all_holders(s):
        held = [i for i in range(5) if membership[:, i].any()]
        return sum(values[i] for i in held if all(s[g] for g in range(4) if membership[g, i]))

    shares = covered_items(values, groups)
    assert shares == pytest.approx(by_all_orders(any_holder, 4), abs=1e-9)
    assert shares == pytest.approx(by_all_orders(all_holders, 4), abs=1e-9)
    assert shares == pytest.approx(exact(any_holder, 4), abs=1e-9)


def test_roles_are_the_weighted_value_of_the_game_in_which_all_are_needed():
    credits = [
        Credit("song", "Ada", "writer"),
        Credit("song", "Bo", "writer"),
        Credit("song", "Ada", "performer"),
        Credit("song", "Cy", "master"),
    ]
    found = role_shares(np.array([3.0]), ["song"], credits, {"master": 5, "writer": 3, "performer": 2})
    weights = [3 / 2 + 2, 3 / 2, 5]  # Ada, Bo, Cy
    expected = by_all_orders(lambda s: 3.0 * float(s.all()), 3, weights)
    assert list(found.values()) == pytest.approx(expected.tolist())
