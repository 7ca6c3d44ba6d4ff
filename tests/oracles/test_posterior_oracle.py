"""The posterior over item effects against the textbook formulas, written out over items."""

import numpy as np
import pytest

from linernotes.attribution.retraining.posterior import Posterior

N_ITEMS, N_OUTCOMES = 6, 10


@pytest.fixture
def material():
    random = np.random.default_rng(8)
    item_of = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 5])
    features = random.normal(size=(len(item_of), 7))
    shown = random.random((N_OUTCOMES, N_ITEMS)) < 0.5
    return features @ features.T, item_of, shown, random


def by_items(kernel, item_of, shown, likeness, outcome, ridge, own, noise):
    n = len(kernel)
    scale = np.trace(kernel) / n
    influence = np.linalg.inv(kernel + ridge * scale * np.eye(n)) @ likeness
    average = np.zeros((N_ITEMS, n))
    for segment, item in enumerate(item_of):
        average[item, segment] = 1 / np.sum(item_of == item)
    tau, prior = average @ influence, average @ (kernel + own * scale * np.eye(n)) @ average.T
    design = shown - shown.mean(axis=0)
    y = outcome - outcome.mean()
    slope = max(0.0, (design @ tau) @ y / ((design @ tau) @ (design @ tau)))
    covariance = design @ prior @ design.T
    sigma2 = noise * np.trace(covariance) / len(covariance)
    gain = np.linalg.inv(covariance + sigma2 * np.eye(len(covariance)))
    return slope * tau + prior @ design.T @ gain @ (y - slope * design @ tau)


@pytest.mark.parametrize("own", [0.0, 0.8])
@pytest.mark.parametrize("sign", [1, -1])
def test_items_get_the_textbook_posterior(material, sign, own):
    kernel, item_of, shown, random = material
    likeness = random.normal(size=len(item_of))
    outcome = sign * random.normal(size=N_OUTCOMES)
    posterior = Posterior.of(kernel, item_of, shown, ridge=0.7, own=own, noise=0.4)
    scores = posterior.segment_scores(likeness[:, None], outcome[:, None])[:, 0]
    items = np.array([scores[item_of == item].mean() for item in range(N_ITEMS)])
    expected = by_items(kernel, item_of, shown, likeness, outcome, 0.7, own, 0.4)
    assert items == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_with_much_noise_only_the_influence_function_is_left(material):
    kernel, item_of, shown, random = material
    likeness = random.normal(size=(len(item_of), 1))
    posterior = Posterior.of(kernel, item_of, shown, ridge=1.0, own=0.0, noise=1e9)
    influence = posterior.inverse @ likeness
    outcomes = shown[:, item_of] / np.bincount(item_of)[item_of] @ influence  # what it predicts, exactly
    assert posterior.segment_scores(likeness, outcomes) == pytest.approx(influence, rel=1e-6)


def test_effects_that_the_kernel_can_hold_are_found_from_outcomes_alone():
    random = np.random.default_rng(9)
    features = random.normal(size=(N_ITEMS, N_ITEMS))
    shown = random.random((200, N_ITEMS)) < 0.5
    effect = random.normal(size=N_ITEMS)
    posterior = Posterior.of(features @ features.T, np.arange(N_ITEMS), shown, ridge=1.0, own=0.0, noise=1e-6)
    found = posterior.segment_scores(np.zeros((N_ITEMS, 1)), (shown @ effect)[:, None])[:, 0]
    assert found == pytest.approx(effect, abs=1e-3)


def test_nothing_learnt_gives_nothing_and_no_warning():
    posterior = Posterior.of(
        np.zeros((4, 4)), np.array([0, 0, 1, 1]), np.eye(2, dtype=bool), ridge=1.0, own=0.0, noise=0.3
    )
    assert posterior.segment_scores(np.zeros((4, 2)), np.ones((2, 2))).tolist() == [[0.0, 0.0]] * 4
