"""The Fisher pass against one backward call per sample, written out."""

import copy

import pytest
import torch

from linernotes.attribution.curvature.fisher import FisherPass
from linernotes.execution import SerialRunner


@pytest.fixture(scope="module")
def draws(tiny_generator):
    return tiny_generator.noise_draws(5, 11)


@pytest.fixture(scope="module")
def loop(tiny_generator, tiny_corpus, draws):
    network = copy.deepcopy(tiny_generator.network)
    for weight in network.parameters():
        weight.requires_grad_(True)
    sums = {name: torch.zeros_like(w, dtype=torch.float64) for name, w in network.named_parameters()}
    n_segments = len(tiny_corpus.segments)
    for i in range(n_segments):
        network.zero_grad()
        x, noise = tiny_corpus.segments.latents[i], draws.noise[i % 5]
        t = draws.levels[i % 5]
        mixed = (1 - t) * x + t * noise
        out = network(mixed[None], t[None], tiny_corpus.segments.conditions[i][None])[0]
        ((out - (noise - x)) ** 2).mean().backward()
        for name, weight in network.named_parameters():
            sums[name] += weight.grad.double() ** 2
    return {name: value / n_segments for name, value in sums.items() if name.startswith("layers.")}


@pytest.mark.parametrize("shard_size", [1, 4, 18, 50])
def test_the_fisher_diagonal_is_the_mean_squared_gradient(
    shard_size, loop, tiny_generator, tiny_corpus, draws
):
    fold = FisherPass(tiny_generator, tiny_corpus, draws)
    fisher = SerialRunner(shard_size)(fold, range(len(tiny_corpus.segments)))
    assert fisher.keys() == loop.keys()
    for name, value in fisher.items():
        assert torch.allclose(value.double(), loop[name], rtol=1e-3, atol=1e-12), name
        assert bool((value >= 0).all())


def test_any_merge_tree_gives_the_same(tiny_generator, tiny_corpus, draws):
    fold = FisherPass(tiny_generator, tiny_corpus, draws)
    parts = [fold.add(fold.start(), numbers) for numbers in ([0, 1], [2], [3, 4, 5])]
    left = fold.finish(fold.merge(fold.merge(parts[0], parts[1]), parts[2]))
    right = fold.finish(fold.merge(parts[0], fold.merge(parts[1], parts[2])))
    for name, value in left.items():
        assert torch.allclose(value, right[name], rtol=1e-6)
    with_nothing = fold.finish(fold.merge(fold.start(), fold.merge(parts[1], fold.start())))
    alone = fold.finish(parts[1])
    assert all(torch.equal(with_nothing[name], alone[name]) for name in alone)


def test_the_generator_is_left_as_it_was(tiny_generator, tiny_corpus, draws):
    before = {name: w.clone() for name, w in tiny_generator.network.named_parameters()}
    FisherPass(tiny_generator, tiny_corpus, draws).add(({}, 0), [0, 1])
    for name, weight in tiny_generator.network.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None
        assert not weight.requires_grad
