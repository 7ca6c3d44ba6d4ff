"""LDS, its bootstrap and the seed agreement against loops over scipy's own correlation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from linernotes.evaluation import lds as module
from linernotes.evaluation.lds import (
    GroundTruth,
    ceiling,
    lds,
    lds_difference,
    per_query_lds,
    seed_agreement,
)

N_BOOTSTRAP = 60  # enough to compare draw by draw


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "N_BOOTSTRAP", N_BOOTSTRAP)
        yield


def make(seed, n_subsets=12, n_items=9, n_queries=4, n_seeds=2, ties=False):
    random = np.random.default_rng(seed)
    inclusion = random.random((n_subsets, n_items)) < 0.5
    scores = random.normal(size=(n_queries, n_items))
    losses = random.normal(size=(n_subsets, n_seeds, n_queries)).astype(np.float32)
    losses[..., 0] -= (inclusion @ scores[0])[:, None]
    if ties:
        scores = scores.round()
    names = tuple(map(str, range(n_items))), tuple(map(str, range(n_queries)))
    return scores, GroundTruth(*names, inclusion, losses)


def loop(scores, truth, subsets=None):
    subsets = range(len(truth.inclusion)) if subsets is None else subsets
    values = []
    for q in range(len(truth.query_ids)):
        predicted, outcome = [], []
        for s in subsets:
            members = [i for i in range(len(truth.item_ids)) if truth.inclusion[s, i]]
            predicted.append(sum(scores[q, i] for i in members))
            outcome.append(-np.mean([float(x) for x in truth.losses[s, :, q]]))
        values.append(spearmanr(predicted, outcome).statistic)
    return np.array(values)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=8, deadline=None)
def test_lds_is_spearman_s_correlation(seed, ties):
    scores, truth = make(seed, ties=ties)
    assert per_query_lds(scores, truth) == pytest.approx(loop(scores, truth), abs=1e-9)
    assert lds(scores, truth).value == pytest.approx(loop(scores, truth).mean(), abs=1e-9)


def test_the_bootstrap_is_the_loop_over_resampled_subsets_and_queries():
    scores, truth = make(3)
    random = np.random.default_rng(0)
    values = []
    for _ in range(N_BOOTSTRAP):
        subsets = random.integers(12, size=12)
        queries = random.integers(4, size=4)
        values.append(loop(scores, truth, subsets)[queries].mean())
    found = lds(scores, truth).interval
    assert found == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-9)


def test_intervals_contain_their_estimates():
    for seed in range(6):
        scores, truth = make(seed, n_subsets=24)
        result = lds(scores, truth)
        assert result.interval[0] <= result.value <= result.interval[1]
        other = np.random.default_rng(seed + 100).normal(size=scores.shape)
        value, (low, high) = lds_difference(scores, other, truth)
        assert low <= value <= high
        assert value == pytest.approx(result.value - lds(other, truth).value)


@pytest.mark.parametrize("n_seeds", [2, 3])
def test_agreement_of_seeds_and_ceiling(n_seeds):
    _, truth = make(5, n_seeds=n_seeds, n_subsets=20)
    values = [
        spearmanr(truth.losses[:, i, q], truth.losses[:, j, q]).statistic
        for i in range(n_seeds)
        for j in range(i)
        for q in range(4)
    ]
    r = float(np.mean(values))
    assert seed_agreement(truth) == pytest.approx(r, abs=1e-9)
    assert ceiling(truth) == pytest.approx(np.sqrt(n_seeds * r / (1 + (n_seeds - 1) * r)) if r > 0 else 0.0)
