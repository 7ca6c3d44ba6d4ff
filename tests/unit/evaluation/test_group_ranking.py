"""Figures of group rankings against loops, ties, ceilings."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from linernotes.errors import InputError
from linernotes.evaluation import group_ranking
from linernotes.evaluation.group_ranking import (
    FIGURES,
    chance,
    differences,
    figures,
    per_query,
    removal_effects,
    seed_ceiling,
    table,
)


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_ranking, "N_BOOTSTRAP", 60)
        yield


def in_order(order, true):
    """Top-1, NDCG@3 and reciprocal rank of one strict order of the groups."""
    best = sorted(range(len(true)), key=lambda i: -true[i])
    worth = {group: max(0, 3 - place) for place, group in enumerate(best)}
    gained = sum(worth[group] / np.log2(2 + place) for place, group in enumerate(order[:3]))
    most = sum(worth[group] / np.log2(2 + place) for place, group in enumerate(best[:3]))
    return float(order[0] == best[0]), gained / most, 1 / (1 + order.index(best[0]))


def over_all_orders(said, true):
    rows = [
        in_order(order, true)
        for order in map(list, permutations(range(len(said))))
        if all(said[a] >= said[b] for a, b in pairwise(order))
    ]
    return np.mean(rows, axis=0)


@given(st.integers(0, 10**6), st.integers(2, 5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_figures_are_expectations_over_the_order_of_ties(seed, n_groups, ties):
    random = np.random.default_rng(seed)
    said = random.integers(0, 3, n_groups).astype(float) if ties else random.normal(size=n_groups)
    true = random.permutation(n_groups).astype(float)
    row = per_query(said[None], true[None])
    found = [row[name][0] for name in ("top-1", "ndcg@3", "mrr")]
    assert found == pytest.approx(over_all_orders(said, true), abs=1e-12)
    if len(set(said)) > 1:
        assert row["spearman"][0] == pytest.approx(spearmanr(said, true).statistic)


def test_the_truth_itself_is_perfect_and_its_opposite_is_not():
    true = np.random.default_rng(0).normal(size=(6, 8))
    assert {name: figure.value for name, figure in figures(true, true).items()} == pytest.approx(
        dict.fromkeys(FIGURES, 1.0)
    )
    worst = figures(-true, true)
    assert worst["top-1"].value == worst["ndcg@3"].value == 0.0
    assert worst["mrr"].value == pytest.approx(1 / 8)
    assert worst["spearman"].value == pytest.approx(-1.0)


def test_only_the_order_of_scores_counts():
    random = np.random.default_rng(1)
    said, true = random.normal(size=(4, 7)), random.normal(size=(4, 7))
    for name, figure in figures(said, true).items():
        assert figures(np.exp(3 * said) - 5, true)[name].value == pytest.approx(figure.value)


def test_a_constant_scorer_gets_what_chance_gets():
    true = np.random.default_rng(2).normal(size=(5, 10))
    found = chance(true)
    assert found["top-1"].value == pytest.approx(1 / 10)
    assert found["mrr"].value == pytest.approx(np.mean(1 / np.arange(1, 11)))
    assert found["spearman"].value == 0.0
    random = np.random.default_rng(3)
    many = [per_query(random.normal(size=(5, 10)), true)["ndcg@3"].mean() for _ in range(300)]
    assert found["ndcg@3"].value == pytest.approx(np.mean(many), abs=0.02)


def test_ties_in_the_truth_share_their_worth():
    said, true = np.array([[2.0, 1.0, 0.0, -1.0]]), np.array([[5.0, 5.0, 1.0, 0.0]])
    assert per_query(said, true)["top-1"][0] == 1.0
    swapped = said[:, [1, 0, 2, 3]]
    for name in FIGURES:
        assert per_query(said, true)[name][0] == pytest.approx(per_query(swapped, true)[name][0])
    assert per_query(said, np.zeros((1, 4)))["top-1"][0] == 1.0, "every group is as good as the best"


def test_intervals_resample_queries():
    random = np.random.default_rng(4)
    said, true = random.normal(size=(9, 6)), random.normal(size=(9, 6))
    values = [spearmanr(a, b).statistic for a, b in zip(said, true, strict=True)]
    draws = np.random.default_rng(5).integers(9, size=(60, 9))
    expected = np.quantile([np.mean([values[i] for i in row]) for row in draws], [0.025, 0.975])
    assert figures(said, true, seed=5)["spearman"].interval == pytest.approx(tuple(expected))


def test_effects_are_paired_by_seed_and_averaged():
    random = np.random.default_rng(6)
    full, without = random.normal(size=(2, 3)), random.normal(size=(4, 2, 3))
    effects = removal_effects(full, without)
    assert effects.shape == (2, 3, 4)
    assert effects[1, 2, 3] == pytest.approx(without[3, 1, 2] - full[1, 2])
    said = random.normal(size=(3, 4))
    together, mean = figures(said, effects), figures(said, effects.mean(axis=0))
    assert all(together[name].value == mean[name].value for name in FIGURES)


def test_the_ceiling_is_one_seed_against_the_others():
    random = np.random.default_rng(7)
    effects = random.normal(size=(3, 4, 5))
    expected = [
        per_query(effects[s], effects[[o for o in range(3) if o != s]].mean(axis=0))["ndcg@3"]
        for s in range(3)
    ]
    assert seed_ceiling(effects)["ndcg@3"].value == pytest.approx(np.mean(expected))
    same = np.repeat(effects[:1], 2, axis=0)
    assert seed_ceiling(same)["spearman"].value == pytest.approx(1.0)
    assert set(table({"a": effects[0]}, effects)) == {"a", "chance", "ceiling"}
    assert set(table({"a": effects[0]}, effects[0])) == {"a", "chance"}


def test_differences_are_paired():
    random = np.random.default_rng(8)
    a, b, true = random.normal(size=(3, 6, 5))
    found = differences(a, b, true)
    for name in FIGURES:
        expected = figures(a, true)[name].value - figures(b, true)[name].value
        assert found[name].value == pytest.approx(expected)
    assert differences(a, a, true)["mrr"].interval == (0.0, 0.0)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: figures(np.zeros((2, 3)), np.zeros((2, 4))), r"expected \(queries, groups\)"),
        (lambda: figures(np.zeros(3), np.zeros(3)), "expected"),
        (lambda: figures(np.zeros((0, 3)), np.zeros((0, 3))), "expected"),
        (lambda: figures(np.full((1, 2), np.nan), np.zeros((1, 2))), "not numbers"),
        (lambda: seed_ceiling(np.zeros((1, 2, 3))), "at least two seeds"),
        (lambda: removal_effects(np.zeros((3, 2)), np.zeros((4, 2, 2))), "expected"),
    ],
)
def test_what_does_not_fit_together_is_refused(ask, says):
    with pytest.raises(InputError, match=says):
        ask()
