"""Groups of items, and aggregation of item scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.base import ItemScores
from linernotes.attribution.by_group.groups import Groups, aggregate
from linernotes.errors import InputError

ITEMS = ("rain", "sun", "wind", "snow", "hail")
CREDITS = {"rain": ["Ada", "Bo"], "sun": "Ada", "wind": "Ada", "snow": ("Cy ", ""), "hail": "Ada"}
RULES = ("sum", "mean", "max", "top-3", "positive")


def item_scores(replicates, items=ITEMS):
    return ItemScores("q", "mucs", "skew", items, np.asarray(replicates, float), np.zeros(9))


def test_groups_come_from_names_sorted_and_overlap():
    groups = Groups.of(ITEMS, CREDITS)
    assert groups.names == ("Ada", "Bo", "Cy")
    assert groups.membership.astype(int).tolist() == [[1, 1, 1, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert groups.sizes.tolist() == [4, 1, 1]
    assert not groups.is_partition
    assert groups.pick(["Cy", "Ada"]).membership.sum(axis=1).tolist() == [1, 4]


def test_every_item_can_be_its_own_group():
    groups = Groups.each_item(ITEMS)
    assert groups.is_partition
    assert groups.names == ITEMS
    scores = item_scores(np.random.default_rng(0).normal(size=(5, 3)))
    for how in ("sum", "mean", "max", "top-3"):
        assert np.array_equal(aggregate(scores, groups, how).replicates, scores.replicates)


def test_what_each_rule_says():
    scores = item_scores([[4.0], [-1.0], [2.0], [-3.0], [1.0]])
    groups = Groups.of(ITEMS, CREDITS)
    found = {how: aggregate(scores, groups, how).scores.tolist() for how in RULES}
    assert found == {
        "sum": [6.0, 4.0, -3.0],
        "mean": [1.5, 4.0, -3.0],
        "max": [4.0, 4.0, -3.0],
        "top-3": [pytest.approx(7 / 3), 4.0, -3.0],
        "positive": [7.0, 4.0, 0.0],
    }


@pytest.mark.parametrize("how", RULES)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_score_of_a_group_is_the_aggregate_of_its_items_scores(how, seed):
    random = np.random.default_rng(seed)
    replicates = random.normal(size=(5, 4))
    groups = Groups.of(ITEMS, CREDITS)
    alone = item_scores(replicates.mean(axis=1, keepdims=True))
    assert aggregate(item_scores(replicates), groups, how).scores == pytest.approx(
        aggregate(alone, groups, how).scores
    )
    # the order of the items is of no matter
    order = random.permutation(5)
    shuffled = tuple(ITEMS[i] for i in order)
    again = aggregate(item_scores(replicates[order], shuffled), Groups.of(shuffled, CREDITS), how)
    assert again.scores == pytest.approx(aggregate(item_scores(replicates), groups, how).scores)


def test_aggregates_keep_what_the_scores_were():
    result = aggregate(item_scores(np.ones((5, 2))), Groups.of(ITEMS, CREDITS))
    assert (result.query_id, result.method, result.unit) == ("q", "mucs", "skew")
    assert result.replicates.shape == (3, 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Groups(("a",), ITEMS, np.zeros((1, 5), bool)), "'a': holds no item"),
        (lambda: Groups(("a",), ITEMS, np.ones((1, 4), bool)), "one row per name and one column per item"),
        (lambda: Groups(("a",), ITEMS, np.ones((1, 5))), "of bool"),
        (lambda: Groups(("a", "a"), ITEMS, np.ones((2, 5), bool)), "group 'a' is listed twice"),
        (lambda: Groups(("a",), ("x", "x"), np.ones((1, 2), bool)), "item 'x' is listed twice"),
        (lambda: Groups((), ITEMS, np.ones((0, 5), bool)), "no groups"),
        (lambda: Groups.of(ITEMS, {"fog": "Ada"}), "'fog' is not in the corpus"),
        (lambda: Groups.of(ITEMS, {"rain": " "}), "no item has a name"),
        (lambda: Groups.of(ITEMS, CREDITS).pick(["Di"]), "no group 'Di'"),
    ],
)
def test_impossible_groups_are_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()


def test_scores_of_other_items_and_unknown_rules_are_refused():
    groups = Groups.of(ITEMS, CREDITS)
    with pytest.raises(InputError, match="another order"):
        aggregate(item_scores(np.ones((5, 1)), ITEMS[::-1]), groups)
    with pytest.raises(InputError, match="'median': expected one of sum, mean, max, top-3, positive"):
        aggregate(item_scores(np.ones((5, 1))), groups, "median")
