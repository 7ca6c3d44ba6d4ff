"""Gradient methods beside those of dattri, another library of them, on one tiny generator without projection.

Deng et al. (2024), "dattri: a library for efficient data attribution", arXiv:2410.04555 (MIT).
"""

import copy

import numpy as np
import pytest
import torch
from dattri.algorithm.tracin import TracInAttributor
from dattri.algorithm.trak import TRAKAttributor
from dattri.task import AttributionTask
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, TensorDataset

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.gradients.dtrak import DTrak
from linernotes.attribution.gradients.per_item import GradientConfig
from linernotes.attribution.gradients.tracin import GradCos, GradDot
from linernotes.attribution.gradients.trak import Trak, TrakConfig
from linernotes.execution import SerialRunner

N_DRAWS, DAMPING, SEED = 4, 0.05, 7
ALL_WEIGHTS = 10**6  # more slots than weights: nothing is sketched
WHOLE = {"proj_type": "identity", "proj_dim": ALL_WEIGHTS}
RTOL = 1e-5  # of the largest score


@pytest.fixture(scope="module")
def corpus(tiny_corpus):
    segments = tiny_corpus.segments.pick(range(8))
    return EncodedCorpus(tuple("abcdefgh"), segments, np.arange(8), tiny_corpus.root)


@pytest.fixture(scope="module")
def queries(tiny_corpus):
    """Whole segments that dattri can take one by one: of one segment each, audible throughout."""
    picked = [tiny_corpus.segments.pick([i]) for i in range(len(tiny_corpus.segments))]
    whole = [segment for segment in picked if segment.audible.all()][-3:]
    return [Query(f"query-{i}", segment) for i, segment in enumerate(whole)]


def loss(out, velocity):
    return ((out - velocity) ** 2).mean()


def square(out, velocity):
    return (out**2).mean()


def mean_over(draws, scalar, network):
    """A function of weights and one segment: the scalar's mean over the draws, in dattri's form."""

    def of_segment(weights, data):
        latents, words = data
        mixed = torch.stack(
            [(1 - t) * latents + t * e for t, e in zip(draws.levels, draws.noise, strict=True)]
        )
        with sdpa_kernel(SDPBackend.MATH):  # the one that torch knows how to batch
            out = functional_call(network, weights, (mixed, draws.levels, words.expand(len(draws), -1)))
        return scalar(out, draws.noise - latents)

    return of_segment


@pytest.fixture(scope="module")
def asked(tiny_generator, corpus, queries):
    """A maker of dattri's task, its two loaders, and the weights that take part, for a scalar of the output."""

    def make(scalar):
        network = copy.deepcopy(tiny_generator.network).requires_grad_(True)
        ours = [tiny_generator.noise_draws(N_DRAWS, SEED + offset) for offset in (1, 3)]
        train, test = (mean_over(draws, scalar, network) for draws in ours)
        task = AttributionTask(train, network, network.state_dict(), target_func=test)
        rows = [corpus.segments, *(query.segments for query in queries)]
        items, outputs = (
            DataLoader(
                TensorDataset(torch.cat([p.latents for p in some]), torch.cat([p.conditions for p in some])),
                batch_size=8,
            )
            for some in (rows[:1], rows[1:])
        )
        return task, items, outputs, list(tiny_generator.updatable(network))

    return make


def ours(method, generator, corpus, queries):
    run = SerialRunner(3)
    method.fit(generator, corpus, run)
    return np.stack([result.scores for result in method.attribute(queries, run)], axis=1)


def agrees(found, expected):
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, atol=RTOL * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize(("make", "normalised"), [(GradDot, False), (GradCos, True)])
def test_tracin(make, normalised, tiny_generator, corpus, queries, asked):
    task, items, outputs, layers = asked(loss)
    peer = TracInAttributor(task, torch.ones(1), normalised, WHOLE, layer_name=layers)
    expected = peer.attribute(items, outputs).numpy()
    config = GradientConfig(N_DRAWS, N_DRAWS, 2, ALL_WEIGHTS, SEED)
    agrees(ours(make(config), tiny_generator, corpus, queries), expected)


@pytest.mark.parametrize(("make", "scalar"), [(Trak, loss), (DTrak, square)])
def test_trak_family(make, scalar, tiny_generator, corpus, queries, asked):
    task, items, outputs, layers = asked(scalar)
    weights, _ = task.get_param(layer_name=layers)
    gradients = task.get_grad_loss_func(in_dims=(None, 0), layer_name=layers, ckpt_idx=0)
    (batch,) = items
    length = gradients(weights, tuple(batch)).detach().square().sum(dim=1).mean().item()
    n_all = sum(weight.numel() for weight in task.get_model().parameters())
    peer = TRAKAttributor(
        task,
        lambda _weights, _data: torch.zeros(1),  # no weighting by how sure the network is
        WHOLE,
        layer_name=layers,
        regularization=DAMPING * length / n_all,  # dattri divides squares by the number of all weights
    )
    peer.cache(items)
    expected = peer.attribute(outputs).numpy()
    config = TrakConfig(N_DRAWS, N_DRAWS, 2, ALL_WEIGHTS, SEED, DAMPING)
    agrees(ours(make(config), tiny_generator, corpus, queries), expected)
