"""Losses of pairs and the loss pass against three nested loops."""

import numpy as np
import pytest
import torch

from linernotes.attribution.measurement import LossPass, measure, network_with
from linernotes.execution import SerialRunner
from linernotes.generators.reference import flow


def loss_of_one(network, segments, i, draws, k, audible_only):
    """Mean over tokens and dimensions of the squared velocity error, one number at a time."""
    x, noise, t = segments.latents[i], draws.noise[k], draws.levels[k]
    with torch.no_grad():
        out = network(((1 - t) * x + t * noise)[None], t[None], segments.conditions[i][None])[0]
    heard = [bool(h) for h in segments.audible[i]] if audible_only else [True] * len(x)
    if not any(heard):
        heard = [True] * len(x)
    total, count = 0.0, 0
    for token in range(len(x)):
        if heard[token]:
            for dim in range(x.shape[1]):
                total += (float(out[token, dim]) - (float(noise[token, dim]) - float(x[token, dim]))) ** 2
                count += 1
    return total / count


@pytest.mark.parametrize("audible_only", [False, True])
def test_pair_losses_are_the_triple_loop(audible_only, tiny_generator, tiny_corpus):
    segments = tiny_corpus.segments.pick([0, 14, 15, 17])  # among them partly and wholly silent ones
    assert not segments.audible.all()
    draws = tiny_generator.noise_draws(3, 2)
    found = flow.pair_losses(tiny_generator.network, segments, draws, audible_only=audible_only)
    for i in range(4):
        for k in range(3):
            expected = loss_of_one(tiny_generator.network, segments, i, draws, k, audible_only)
            assert float(found[i, k]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shard_size", [1, 7, 64])
def test_the_loss_pass_is_the_loop_over_networks(shard_size, tiny_generator, tiny_corpus):
    draws = tiny_generator.noise_draws(4, 3)
    some = {name: w * 1.1 for name, w in tiny_generator.updatable(tiny_generator.network).items()}
    found = measure(tiny_generator, tiny_corpus, draws, [{}, some], SerialRunner(shard_size), "losses")
    assert found.shape == (2, len(tiny_corpus.segments), 4)
    assert found.dtype == np.float32
    for n, weights in enumerate(({}, some)):
        network = network_with(tiny_generator, weights)
        for i in (0, 9, 17):
            expected = loss_of_one(network, tiny_corpus.segments, i, draws, 2, audible_only=False)
            assert float(found[n, i, 2]) == pytest.approx(expected, rel=1e-4)
    assert not np.allclose(found[0], found[1])


def test_any_split_of_the_loss_pass_keeps_the_order(tiny_generator, tiny_corpus):
    draws = tiny_generator.noise_draws(2, 3)
    fold = LossPass(tiny_generator, tiny_corpus, draws, ({},))
    whole = fold.finish(fold.add(fold.start(), range(10)))
    parts = [fold.add(fold.start(), numbers) for numbers in (range(3), range(3, 4), range(4, 10))]
    left = fold.finish(fold.merge(fold.merge(parts[0], parts[1]), parts[2]))
    right = fold.finish(fold.merge(parts[0], fold.merge(parts[1], parts[2])))
    assert np.array_equal(left, right)
    assert np.allclose(left, whole, rtol=1e-5)


def test_replaced_weights_leave_the_generator_alone(tiny_generator):
    name = next(iter(tiny_generator.updatable(tiny_generator.network)))
    before = tiny_generator.network.state_dict()[name].clone()
    changed = network_with(tiny_generator, {name: before + 1})
    assert torch.equal(changed.state_dict()[name], before + 1)
    assert torch.equal(tiny_generator.network.state_dict()[name], before)
