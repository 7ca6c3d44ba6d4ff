"""Near-duplicates share credit as one, by a rule that is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.clusters import RULES, pool_of, pooled
from linernotes.attribution.statements.ranking import rank
from linernotes.errors import InputError


def scores_of(values, n_replicates=6, seed=0, names=None):
    noise = 0.01 * np.random.default_rng(seed).normal(size=(len(values), n_replicates))
    names = names or tuple(f"item-{number:02d}" for number in range(len(values)))
    return ItemScores("q", "m", "u", names, np.asarray(values, float)[:, None] + noise, np.zeros(3))


def ranked(scores, **more):
    return rank(scores, generator_id="g", corpus_root="r", seed=0, **more)


def by_item(ranking):
    return {one.item_id: one for one in ranking.influences}


BACKGROUND = np.linspace(-1, 1, 30)


def test_every_item_on_its_own_changes_no_share():
    scores = scores_of([*BACKGROUND, 20.0, 9.0])
    plain, single = ranked(scores), ranked(scores, clusters={})
    for one, other in zip(single.influences, plain.influences, strict=True):
        assert (one.item_id, one.score, one.rank) == (other.item_id, other.score, other.rank)
        assert one.share == pytest.approx(other.share, abs=1e-12)
        assert one.interval == pytest.approx(other.interval, abs=1e-12)
    assert {i.cluster_id for i in single.influences} == {i.item_id for i in plain.influences}
    assert plain.cluster_rule is None
    assert plain.influences[0].cluster_id is None


def test_members_share_equally_and_show_the_mean():
    clusters = {"item-30": "item-30", "item-31": "item-30"}
    found = ranked(scores_of([*BACKGROUND, 20.0, 10.0]), clusters=clusters)
    first, second = by_item(found)["item-30"], by_item(found)["item-31"]
    assert first.share == second.share > 0.2
    assert first.score == second.score == pytest.approx(15.0, abs=0.1)
    assert (first.cluster_id, second.cluster_id) == ("item-30", "item-30")
    assert found.cluster_rule == RULES["equal"]


def test_members_may_share_by_their_own_scores():
    clusters = {"item-30": "item-30", "item-31": "item-30"}
    found = by_item(ranked(scores_of([*BACKGROUND, 20.0, 10.0]), clusters=clusters, cluster_rule="score"))
    assert found["item-30"].share / found["item-31"].share == pytest.approx(2.0, rel=0.02)
    assert found["item-30"].score == pytest.approx(20.0, abs=0.1)


def test_the_rule_does_not_change_what_the_cluster_gets():
    clusters = {f"item-{number}": "item-30" for number in (30, 31, 32)}
    scores = scores_of([*BACKGROUND, 20.0, 10.0, -5.0])
    equal, own = (by_item(ranked(scores, clusters=clusters, cluster_rule=rule)) for rule in RULES)
    assert sum(equal[name].share for name in clusters) == pytest.approx(
        sum(own[name].share for name in clusters)
    )
    assert own["item-32"].share == 0, "below the background nothing is earned"


def test_a_weak_copy_is_carried_and_a_crowd_of_copies_does_not_stand_out_by_number():
    weak = [*BACKGROUND, *[1.2] * 16]
    names = {f"item-{number}": "item-30" for number in range(30, 46)}
    found = ranked(scores_of(weak), clusters=names)
    assert found.unattributed_share == 1.0, "sixteen copies of something ordinary are ordinary"


@given(st.integers(2, 9), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_uploading_copies_does_not_change_who_is_credited_and_earns_no_more_per_copy(n_copies, seed):
    base = [*BACKGROUND, 20.0]
    alone = by_item(ranked(scores_of(base, seed=seed), clusters={}))
    copies = scores_of([*base, *[20.0] * (n_copies - 1)], seed=seed)
    clusters = {f"item-{30 + k}": "item-30" for k in range(n_copies)}
    together = by_item(ranked(copies, clusters=clusters))
    assert {i for i, one in alone.items() if one.share} == {"item-30"}
    assert {i for i, one in together.items() if one.share} == set(clusters)
    assert all(together[name].share <= alone["item-30"].share + 1e-9 for name in clusters)


def test_an_unnamed_item_is_its_own_cluster_and_an_empty_name_too():
    pool = pool_of(["a", "b", "c"], {"a": "", "b": "a"})
    assert pool.cluster_ids == ("a", "c")
    assert pool.cluster_of.tolist() == [0, 0, 1]


def test_sums_and_means_over_members():
    pool = pool_of(["a", "b", "c"], {"c": "a"})
    assert pool.sum(np.array([[1.0, 2.0, 4.0]])).tolist() == [[5.0, 2.0]]
    assert pool.mean(np.array([1.0, 2.0, 4.0])).tolist() == [2.5, 2.0]


def test_credit_is_divided_without_loss_even_when_nobody_has_a_score():
    pool = pool_of(["a", "b", "c"], {"c": "a"})
    credit = np.array([[0.6, 0.3]])
    for rule in RULES:
        for scores in (np.array([[1.0, 0.0, 3.0]]), np.zeros((1, 3)), -np.ones((1, 3))):
            parts = pool.divide(credit, scores, rule)
            assert pool.sum(parts)[0].tolist() == pytest.approx([0.6, 0.3])


def test_an_unknown_rule_is_refused():
    scores = scores_of(BACKGROUND)
    with pytest.raises(InputError, match="cluster rule 'winner'"):
        pooled(scores, pool_of(scores.item_ids, {}), "winner")
    with pytest.raises(InputError, match="expected one of equal, score"):
        ranked(scores, clusters={}, cluster_rule="winner")
