"""Statistics with known truth: nobody is credited by luck more often than declared, perfect is perfect, chance is chance."""

import numpy as np
import pytest

from linernotes.attribution.base import ItemScores
from linernotes.attribution.statements.ranking import rank, shares_of
from linernotes.evaluation import lds as module
from linernotes.evaluation.counterfactuals import draw_subsets
from linernotes.evaluation.lds import GroundTruth, ceiling, lds, per_query_lds


@pytest.mark.parametrize("n_items", [5, 10, 31, 70, 300])
@pytest.mark.parametrize("declared", [0.05, 0.01])
def test_false_credit_is_what_is_declared(n_items, declared):
    rows = np.random.default_rng(n_items).standard_normal((4000, n_items))
    credited = (shares_of(rows, declared).sum(axis=1) > 0).mean()
    assert credited <= 1.35 * declared + 0.003
    assert credited >= 0.2 * declared, "so strict a threshold would never credit anybody"


def test_false_credit_of_whole_rankings(monkeypatch):
    monkeypatch.setattr("linernotes.attribution.statements.ranking.N_BOOTSTRAP", 20)
    random = np.random.default_rng(7)
    credited = 0
    for number in range(500):
        replicates = random.standard_normal((40, 16))
        names = tuple(f"item-{i}" for i in range(40))
        scores = ItemScores(f"q{number}", "m", "u", names, replicates, np.zeros(3))
        credited += rank(scores, generator_id="g", corpus_root="r", seed=0).unattributed_share < 1
    assert credited / 500 <= 0.08


def test_real_influence_is_credited():
    random = np.random.default_rng(8)
    rows = random.standard_normal((500, 70))
    rows[:, 3] += 10.0
    shares = shares_of(rows)
    assert ((shares > 0).argmax(axis=1) == 3).mean() > 0.98
    assert (shares[:, 3] > 0).mean() > 0.98


def value(scores, truth):
    return float(per_query_lds(scores, truth).mean())


def simulated(seed, n_subsets=200, n_items=40, n_queries=12, n_seeds=2, noise=1.0):
    """Losses that are linear in who was there, plus the noise of retraining."""
    random = np.random.default_rng(seed)
    inclusion = draw_subsets(n_items, n_subsets, 0.5, seed)
    influence = random.standard_normal((n_queries, n_items))
    expected = -(inclusion @ influence.T)
    spread = expected.std(axis=0)
    losses = expected[:, None, :] + noise * spread * random.standard_normal((n_subsets, n_seeds, n_queries))
    names = tuple(map(str, range(n_items))), tuple(map(str, range(n_queries)))
    return influence, GroundTruth(*names, inclusion, losses.astype(np.float32))


@pytest.mark.parametrize("n_seeds", [2, 3])
@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_a_perfect_predictor_reaches_the_ceiling(noise, n_seeds):
    influence, truth = simulated(1, noise=noise, n_seeds=n_seeds)
    reached = value(influence, truth)
    assert reached == pytest.approx(ceiling(truth), abs=0.05)
    assert reached == pytest.approx(np.sqrt(1 / (1 + noise**2 / n_seeds)), abs=0.05)


def test_without_retraining_noise_perfect_is_one():
    influence, truth = simulated(2, noise=0.0)
    assert value(influence, truth) == pytest.approx(1.0, abs=1e-6)
    assert ceiling(truth) == pytest.approx(1.0)


def test_random_scores_earn_zero_within_their_interval(monkeypatch):
    monkeypatch.setattr(module, "N_BOOTSTRAP", 120)
    holds = 0
    for seed in range(10):
        _, truth = simulated(seed, n_subsets=32)
        scores = np.random.default_rng(1000 + seed).standard_normal((12, 40))
        low, high = lds(scores, truth).interval
        holds += low <= 0 <= high
        assert abs(value(scores, truth)) < 0.25
    assert holds >= 8


def test_blurred_scores_lie_between_chance_and_ceiling():
    influence, truth = simulated(3)
    random = np.random.default_rng(4)
    noise = random.standard_normal(influence.shape)
    values = [value(influence + blur * noise, truth) for blur in (0, 1, 3, 30)]
    assert values == sorted(values, reverse=True)


def test_pure_noise_has_no_ceiling_to_speak_of():
    _, truth = simulated(5, noise=1e6)
    assert ceiling(truth) < 0.35
