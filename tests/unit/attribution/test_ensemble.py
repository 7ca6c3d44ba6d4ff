"""Several methods as one: what is averaged, on which scale, and what becomes of the doubt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from linernotes.attribution.base import ItemScores
from linernotes.attribution.chance import Chance
from linernotes.attribution.ensemble import Ensemble, EnsembleConfig, grouped
from linernotes.errors import InputError

ITEMS = tuple(f"item-{number}" for number in range(7))


class Said:
    """A method that answers what it is told to."""

    revision, paper, licence, unit = "1", "none", "none", "nats"

    def __init__(self, name, replicates):
        self.name, self.replicates, self.settings = name, np.asarray(replicates, dtype=np.float64), {}

    def fit(self, generator, corpus, run):
        self.fitted = True

    def attribute(self, queries, run):
        segments = np.repeat(self.replicates.mean(axis=1), 2)
        return [
            ItemScores(query, self.name, self.unit, ITEMS, self.replicates, segments) for query in queries
        ]


def joined(*members, **config):
    ensemble = Ensemble(EnsembleConfig(**config), members=members)
    ensemble.fit(None, None, None)
    (answer,) = ensemble.attribute(["q"], None)
    return answer


def rows(seed, n_replicates=4):
    return np.random.default_rng(seed).standard_normal((len(ITEMS), n_replicates))


@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-100, 100))
@pytest.mark.parametrize("by", ["score", "rank"])
def test_the_scale_of_a_member_does_not_matter(by, scale, offset):
    one, other = rows(1), rows(2)
    plain = joined(Said("a", one), Said("b", other), by=by)
    scaled = joined(Said("a", one), Said("b", scale * (other + offset)), by=by)
    np.testing.assert_allclose(scaled.replicates, plain.replicates, atol=1e-6)
    np.testing.assert_allclose(scaled.segment_scores, plain.segment_scores, atol=1e-6)


def test_scores_are_the_weighted_mean_of_standard_scores():
    one, other = rows(1), rows(2)
    z = [(each.mean(1) - each.mean(1).mean()) / each.mean(1).std() for each in (one, other)]
    found = joined(Said("a", one), Said("b", other), weights={"a": 3})
    np.testing.assert_allclose(found.scores, (3 * z[0] + z[1]) / 4, atol=1e-12)


def test_by_rank_only_order_matters():
    one, other = rows(1), rows(2)
    found = joined(Said("a", one), Said("b", other), by="rank")
    bent = np.exp(3 * one.mean(1, keepdims=True)) + np.zeros((1, 4))
    again = joined(Said("a", bent), Said("b", other), by="rank")
    np.testing.assert_allclose(again.scores, found.scores, atol=1e-12)
    twice = joined(Said("a", one), Said("b", one), by="rank")
    assert spearmanr(twice.scores, one.mean(1)).statistic == pytest.approx(1)


@pytest.mark.parametrize("by", ["score", "rank"])
def test_the_doubt_of_members_is_kept(by):
    one, other = rows(1, 8), rows(2, 8)
    found = joined(Said("a", one), Said("b", other), by=by)
    spread = [each / each.mean(1).std() for each in (one, other)]
    expected = (spread[0] + spread[1]) / 2
    np.testing.assert_allclose(found.replicates.std(axis=1), expected.std(axis=1), atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 9))
def test_fewer_replicates_keep_the_mean(many, few):
    replicates = rows(3, max(many, few))
    less = grouped(replicates, min(many, few))
    assert less.shape == (len(ITEMS), min(many, few))
    np.testing.assert_allclose(less.mean(axis=1), replicates.mean(axis=1), atol=1e-12)


def test_a_member_that_says_the_same_of_all_adds_nothing():
    one = rows(1)
    found = joined(Said("a", one), Said("b", np.full_like(one, 5.0)))
    assert spearmanr(found.scores, one.mean(1)).statistic == pytest.approx(1)


@pytest.mark.parametrize(
    ("members", "config", "said"),
    [
        ([Chance()], {}, "members random: expected two or more"),
        ([Chance(), Chance(seed=1)], {}, "of different names"),
        (None, {"weights": {"mucs": 1.0}}, "weight of 'mucs': expected one of the members ekfac"),
        (None, {"weights": {"ekfac": 0, "das": 0, "unlearning-ekfac": 0}}, "all are zero"),
    ],
)
def test_an_ensemble_that_is_none_is_refused(members, config, said):
    with pytest.raises(InputError, match=said):
        Ensemble(EnsembleConfig(**config), members=members)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"by": "vote"}, "by='vote': expected one of score, rank"),
        ({"weights": {"ekfac": -1}}, "is -1: expected a number, 0 or more"),
        ({"weights": {"ekfac": float("inf")}}, "is inf"),
    ],
)
def test_settings_that_say_nothing_are_refused(config, said):
    with pytest.raises(InputError, match=said):
        EnsembleConfig(**config)
