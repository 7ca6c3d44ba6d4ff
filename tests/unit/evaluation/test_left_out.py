"""Retraining without groups: who is left out, with which seeds, and that the fold does what a plain loop does."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from linernotes.errors import InputError
from linernotes.evaluation.counterfactuals import query_losses
from linernotes.evaluation.left_out import (
    LeaveOutConfig,
    LeaveOutPass,
    LeftOut,
    Retraining,
    largest_groups,
    leave_out,
    retrainings,
)
from linernotes.execution import SerialRunner
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

RECIPE = Recipe(n_steps=3, batch_size=4, width=16, depth=1, n_heads=2)
CONFIG = LeaveOutConfig(n_groups=4, n_seeds=2, n_full=2, n_outputs=8, recipe=RECIPE)
GROUPS = ("bo", "ada", "ada", "cy", "di", "")


@pytest.fixture(scope="module")
def items():
    random = torch.Generator().manual_seed(0)
    return [
        TrainingItem(f"item-{number}", torch.randn(12, 12, generator=random), torch.eye(2)[number % 2])
        for number in range(len(GROUPS))
    ]


@pytest.fixture(scope="module")
def measured(items, tiny_generator, tiny_queries):
    outputs = [query.segments for query in tiny_queries]
    draws = tiny_generator.noise_draws(4, 0)
    return leave_out(items, GROUPS, ["x", "y"], outputs, draws, CONFIG, SerialRunner(7))


def test_every_group_is_left_out_whole_the_largest_first(measured):
    assert measured.names == ("ada", "bo", "cy", "di")
    assert measured.removed.tolist() == [[group == name for group in GROUPS] for name in measured.names]
    assert measured.without.shape == (4, 2, 2)
    assert measured.full.shape == (2, 2)
    assert measured.item_ids == tuple(f"item-{number}" for number in range(6))


def test_the_fold_does_what_a_plain_loop_does(measured, items, tiny_generator, tiny_queries):
    draws, outputs = tiny_generator.noise_draws(4, 0), [query.segments for query in tiny_queries]
    jobs = retrainings(measured.removed, 2, 2)
    slow = []
    for job in jobs:
        kept = [item for number, item in enumerate(items) if number not in job.left_out]
        network = train_network(kept, dataclasses.replace(RECIPE, seed=job.seed), 8)
        slow.append(query_losses(network, outputs, draws))
    assert np.array_equal(measured.full, np.stack(slow[:2]))
    assert np.array_equal(measured.without.reshape(8, 2), np.stack(slow[2:]))


def test_outcomes_are_the_mean_rise_beside_everybody(measured):
    base = measured.full.astype(float).mean(axis=0)
    expected = (measured.without.astype(float).mean(axis=1) - base) / base
    assert pytest.approx(expected) == measured.removals.effects.T
    assert measured.removals.names == measured.names


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_a_larger_measurement_takes_over_the_models_of_a_smaller_one(n_groups, n_seeds, n_full, more):
    removed = np.eye(n_groups + more, dtype=bool)
    small = retrainings(removed[:n_groups], n_seeds, n_full)
    large = retrainings(removed, n_seeds + more, n_full + more)
    assert set(small) <= set(large)
    assert len({job.seed for job in large}) == len(large), "no seed is used twice"


def test_groups_are_taken_by_size_and_names_that_are_empty_are_nobodys():
    assert largest_groups(GROUPS, 3) == ["ada", "bo", "cy"]
    with pytest.raises(InputError, match="5 groups to leave out, but the recordings name 4"):
        largest_groups(GROUPS, 5)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"by": "genre"}, "expected one of artist, rightsholder"),
        ({"n_groups": 3}, "expected at least 4 groups"),
        ({"n_seeds": 1}, "2 to 99 seeds"),
        ({"n_seeds": 100}, "2 to 99 seeds"),
        ({"n_full": 1}, "2 models of everybody"),
        ({"n_outputs": 7}, "at least 8 outputs"),
        ({"output_segments": 0}, "1 segment"),
        ({"n_draws": 0}, "1 draw"),
    ],
)
def test_sizes_that_say_nothing_are_refused(sizes, said):
    with pytest.raises(InputError, match=said):
        dataclasses.replace(CONFIG, **sizes)


def test_the_models_are_counted():
    assert LeaveOutConfig(n_groups=10, n_seeds=2, n_full=4).n_models == 24


def test_shards_are_single_models(items, tiny_generator, tiny_queries):
    fold = LeaveOutPass(
        tuple(items), RECIPE, tuple(q.segments for q in tiny_queries), tiny_generator.noise_draws(2, 0)
    )
    assert fold.shard_size == 1
    state = fold.merge(
        fold.add(fold.start(), [Retraining((), 1)]), fold.add(fold.start(), [Retraining((0,), 2)])
    )
    assert fold.finish(state).shape == (2, 2)


def test_doubt_is_about_the_noise_of_each_output():
    names = tuple(f"artist-{number}" for number in range(5))
    full = np.array([[1.0, 1.0], [1.02, 1.02], [0.98, 0.98]], dtype=np.float32)
    without = np.ones((5, 3, 2), dtype=np.float32)
    without += np.array([-0.01, 0.0, 0.01], dtype=np.float32)[None, :, None]
    without[2, :, 1] += 0.5
    found = LeftOut(("a",) * 5, ("x", "y"), names, np.eye(5, dtype=bool), without, full).removals
    assert found.beyond_doubt.tolist() == [False, True]
    assert all(above > below for below, above in pairwise(found.effects.max(axis=1)))
