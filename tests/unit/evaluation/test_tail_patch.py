"""A little more training on a tiny generator that has learnt: what it was trained on shows, and where."""

import dataclasses

import numpy as np
import pytest
import torch

from linernotes.attribution.base import Query
from linernotes.attribution.where.localise import LocaliseConfig, fisher_diagonal, localise
from linernotes.errors import InputError, UnsupportedGenerator
from linernotes.evaluation.localisation import (
    Source,
    hit_rates,
    masked_check,
    random_splices,
    splice,
    window_range,
)
from linernotes.evaluation.tail_patch import TailPatchConfig, Trial, tail_patch
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.generators.reference.adapter import ReferenceGenerator
from linernotes.generators.reference.training import Recipe, TrainingItem, train_network

RUN = SerialRunner(4)
PATCH = TailPatchConfig(n_steps=3, n_examples=2, n_draws=4, learning_rate=2e-3, n_query_draws=8)
MAPS = LocaliseConfig(window_tokens=4, n_query_draws=32, n_scoring_draws=8)


@pytest.fixture(scope="module")
def learnt(tiny_generator, tiny_corpus):
    """The tiny generator after some training on the tiny corpus."""
    items = []
    for number, name in enumerate(tiny_corpus.item_ids):
        part = tiny_corpus.segments.pick(np.flatnonzero(tiny_corpus.item_of == number).tolist())
        items.append(TrainingItem(name, part.latents.flatten(0, 1), part.conditions[0]))
    recipe = Recipe(
        n_steps=200, batch_size=16, warmup_steps=5, width=32, depth=1, n_heads=2, learning_rate=5e-3
    )
    network = train_network(items, recipe, 8).requires_grad_(False)
    return ReferenceGenerator(tiny_generator.representation, network, tiny_generator.vocabulary, recipe)


@pytest.fixture(scope="module")
def taken(tiny_corpus):
    """An output that is two segments of the third recording."""
    rows = np.flatnonzero(tiny_corpus.item_of == 2)[1:3].tolist()
    return Query("taken", tiny_corpus.segments.pick(rows))


def test_what_was_trained_on_moves_the_output_most(learnt, tiny_corpus, taken):
    trials = [Trial(item, repeat) for repeat in range(3) for item in range(4)]
    contrasts = tail_patch(learnt, tiny_corpus, taken, trials, RUN, PATCH).reshape(3, 4)
    assert (contrasts.argmax(axis=1) == 2).all()
    assert (contrasts[:, 2] > 0).all(), "positive: learning it makes the output more likely"


def test_a_contrast_is_a_function_of_its_trial_alone(learnt, tiny_corpus, taken):
    trials = [Trial(0, 0), Trial(1, 0), Trial(0, 1), Trial(0, 0)]
    contrasts = tail_patch(learnt, tiny_corpus, taken, trials, RUN, PATCH)
    assert contrasts.shape == (4, 1)
    assert contrasts[0] == contrasts[3]
    assert len(set(contrasts[:3, 0].tolist())) == 3
    assert tail_patch(learnt, tiny_corpus, taken, trials[2:3], RUN, PATCH) == contrasts[2]
    before = [value.clone() for value in learnt.network.state_dict().values()]
    with ProcessRunner(2, 4) as run:
        assert np.array_equal(tail_patch(learnt, tiny_corpus, taken, trials, run, PATCH), contrasts)
    assert all(torch.equal(a, b) for a, b in zip(before, learnt.network.state_dict().values(), strict=True))
    other = dataclasses.replace(PATCH, seed=1)
    assert tail_patch(learnt, tiny_corpus, taken, trials[:1], RUN, other) != contrasts[0]


def test_windows_of_the_output_add_up_to_it(learnt, tiny_corpus, taken):
    windows = tuple(window_range(number, 4, 8) for number in range(4))
    parts = tail_patch(learnt, tiny_corpus, taken, [Trial(2, 0)], RUN, PATCH, query_windows=windows)
    whole = tail_patch(learnt, tiny_corpus, taken, [Trial(2, 0)], RUN, PATCH)
    assert parts.shape == (1, 4)
    assert float(parts.sum()) == pytest.approx(float(whole[0, 0]), rel=1e-3)


def test_leaving_out_the_source_moves_the_output_less(learnt, tiny_corpus):
    query = Query("taken", tiny_corpus.segments.pick(np.flatnonzero(tiny_corpus.item_of == 2)[1:2].tolist()))
    trials = [Trial(2, repeat, left) for repeat in range(6) for left in ((8, 16), (24, 32))]
    config = dataclasses.replace(PATCH, n_examples=4)
    values = tail_patch(learnt, tiny_corpus, query, trials, RUN, config)[:, 0].reshape(6, 2)
    assert (values[:, 0] < values[:, 1]).sum() >= 5
    assert values[:, 0].mean() < values[:, 1].mean()


def test_a_trial_must_name_a_recording_and_leave_some_of_it(learnt, tiny_corpus, taken):
    with pytest.raises(InputError, match="recording number 4: expected 0 to 3"):
        tail_patch(learnt, tiny_corpus, taken, [Trial(4, 0)], RUN, PATCH)
    for left_out in ((0, 32), (5, 5), (-1, 3), (30, 33)):
        with pytest.raises(InputError, match=r"c: tokens .* left out of 32"):
            tail_patch(learnt, tiny_corpus, taken, [Trial(2, 0, left_out)], RUN, PATCH)
    with pytest.raises(InputError, match="expected positive settings"):
        TailPatchConfig(n_steps=0)


def test_seconds_need_token_losses(learnt, tiny_corpus, taken):
    class Mute:
        generator_id = "mute-1"

    with pytest.raises(UnsupportedGenerator, match="mute-1: its adapter has no token_losses"):
        tail_patch(Mute(), tiny_corpus, taken, [Trial(0, 0, (0, 4))], RUN, PATCH)


# -- planted seconds --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(learnt, tiny_corpus):
    """Maps of all four recordings for splices of one segment each: half of it by one, half by another."""
    fisher = fisher_diagonal(learnt, tiny_corpus, RUN, MAPS)
    splices = random_splices(learnt, tiny_corpus, 6, 4, seed=1)
    maps = [
        localise(learnt, tiny_corpus, one.query, tiny_corpus.item_ids, fisher, RUN, MAPS) for one in splices
    ]
    return splices, maps


def test_maps_point_at_the_sources_of_a_splice(mapped):
    found = hit_rates(*mapped, MAPS.window_tokens)
    assert found.n_windows == 12
    assert found.n_items == 4
    assert found.item > 0.5, "chance is a quarter"
    assert found.time > found.chance_time
    assert set(found.as_json()) == {"item", "time", "chance_time", "n_windows", "n_items"}


def test_a_splice_is_what_it_says(learnt, tiny_corpus):
    made = splice(learnt, tiny_corpus, [Source("a", 3), Source("c", 20)], 8)
    tokens = {
        name: tiny_corpus.segments.latents[np.flatnonzero(tiny_corpus.item_of == row).tolist()].flatten(0, 1)
        for row, name in ((0, "a"), (2, "c"))
    }
    assert torch.equal(made.query.segments.latents[0], tokens["a"][3:11])
    assert torch.equal(made.query.segments.latents[1], tokens["c"][20:28])
    assert made.query.segments.start_s == (0.0, learnt.segment_s)
    with pytest.raises(InputError, match="a multiple of a segment's 8"):
        splice(learnt, tiny_corpus, [Source("a", 0)], 5)
    with pytest.raises(InputError, match="splice from 'zebra'"):
        splice(learnt, tiny_corpus, [Source("zebra", 0)], 8)
    with pytest.raises(InputError, match="tokens 45 to 53 of 48"):
        splice(learnt, tiny_corpus, [Source("a", 45)], 8)
    with pytest.raises(InputError, match="a splice needs two"):
        random_splices(learnt, tiny_corpus, 1, 48)


def test_the_best_cell_can_be_tested_by_leaving_it_out(learnt, tiny_corpus, mapped):
    splices, maps = mapped
    one = next(found for found in maps[0] if found.item_id == splices[0].sources[0].item_id)
    check = masked_check(learnt, tiny_corpus, splices[0].query, one, RUN, 4, n_pairs=4, config=PATCH)
    assert len(check.tally) == 4
    assert 0 <= check.as_json()["win_interval"][0] <= check.as_json()["win_rate"] <= 1
    again = masked_check(learnt, tiny_corpus, splices[0].query, one, RUN, 4, n_pairs=4, config=PATCH)
    assert check == again
    empty = dataclasses.replace(one, cells=np.zeros_like(one.cells))
    with pytest.raises(InputError, match="nothing to leave out"):
        masked_check(learnt, tiny_corpus, splices[0].query, empty, RUN, 4, n_pairs=4, config=PATCH)
