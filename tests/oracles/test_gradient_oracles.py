"""Gradient methods against full gradients by one backward call per pair, and algebra written out.

No sketch, no grouping, no triangular solves: the loss is written out from the definition of rectified flow,
and the inverse is taken as it stands in the formula.
"""

import copy

import numpy as np
import pytest
import torch

from linernotes.attribution.gradients.das import Das, DasConfig
from linernotes.attribution.gradients.dtrak import DTrak
from linernotes.attribution.gradients.per_item import GradientConfig
from linernotes.attribution.gradients.tracin import GradCos, GradDot
from linernotes.attribution.gradients.trak import Trak, TrakConfig
from linernotes.attribution.likeness.activations import Activations, ActivationsConfig
from linernotes.execution import SerialRunner
from linernotes.generators.reference.adapter import ReferenceGenerator

N_DRAWS, N_QUERY_DRAWS, N_REPLICATES, DAMPING, SEED = 3, 4, 2, 0.05, 7
ALL_WEIGHTS = 10**6  # more slots than weights: nothing is sketched
CONFIG = GradientConfig(N_DRAWS, N_QUERY_DRAWS, N_REPLICATES, ALL_WEIGHTS, SEED)
TRAK_CONFIG = TrakConfig(N_DRAWS, N_QUERY_DRAWS, N_REPLICATES, ALL_WEIGHTS, SEED, DAMPING)
DAS_CONFIG = DasConfig(N_DRAWS, N_QUERY_DRAWS, N_REPLICATES, ALL_WEIGHTS, SEED, DAMPING, n_directions=2)
RTOL = 1e-3  # of the largest score: single precision in another order of additions


def predicted(network, segments, number, draws, k):
    x, noise, t = segments.latents[number], draws.noise[k], draws.levels[k]
    mixed = (1 - t) * x + t * noise
    return network(mixed[None], t[None], segments.conditions[number][None])[0], noise - x


def loss(out, velocity):
    return ((out - velocity) ** 2).mean(dim=-1)


def square(out, velocity):
    return (out**2).mean(dim=-1)


def plain(out, velocity):
    return out.mean(dim=-1)


SIGNS = 1 - 2 * torch.from_numpy(np.random.default_rng([SEED, 1]).random((8, 12)) < 0.5).float()


def signed(out, velocity):
    return (SIGNS * out).mean(dim=-1)


def gradient_of_pair(network, scalar, segments, number, draws, k, heard):
    network.zero_grad()
    scalar(*predicted(network, segments, number, draws, k))[heard].mean().backward()
    weights = [
        w for name, w in network.named_parameters() if name.startswith(("layers.0.out", "layers.0.up"))
    ]
    return torch.cat([w.grad.flatten() for w in weights]).double().numpy()


class TwoMatrices(ReferenceGenerator):
    """Lets only some weights take part, so that the inverse can be written out."""

    def updatable(self, network):
        return {
            name: w for name, w in super().updatable(network).items() if ".out." in name or ".up." in name
        }


@pytest.fixture(scope="module")
def generator(tiny_generator):
    narrowed = copy.copy(tiny_generator)
    narrowed.__class__ = TwoMatrices
    return narrowed


@pytest.fixture(scope="module")
def network(tiny_generator):
    return copy.deepcopy(tiny_generator.network).requires_grad_(True)


@pytest.fixture(scope="module")
def gradients(network, generator, tiny_corpus, tiny_queries):
    """For each scalar: of all segments [n_segments, n_weights], of all queries [n_queries, n_draws, n_weights]."""
    draws, asked = generator.noise_draws(N_DRAWS, SEED + 1), generator.noise_draws(4, SEED + 3)
    found = {}
    for scalar in (loss, square, plain, signed):
        corpus = [
            np.mean([
                gradient_of_pair(network, scalar, tiny_corpus.segments, i, draws, k, slice(None))
                for k in range(N_DRAWS)
            ], axis=0)
            for i in range(len(tiny_corpus.segments))
        ]  # fmt: skip
        queries = [
            [
                np.mean([
                    gradient_of_pair(network, scalar, q.segments, i, asked, k, q.segments.audible[i])
                    for i in range(len(q.segments))
                ], axis=0)
                for k in range(N_QUERY_DRAWS)
            ]
            for q in tiny_queries
        ]  # fmt: skip
        found[scalar] = np.array(corpus), np.array(queries)
    return found


def inverse(rows):
    damping = DAMPING * np.mean([row @ row for row in rows])
    return np.linalg.inv(rows.T @ rows + damping * np.eye(rows.shape[1]))


def agrees(method, expected, generator, corpus, queries):
    """Compare with expected [shape=(n_queries, n_segments, n_replicates)]."""
    run = SerialRunner(5)
    method.fit(generator, corpus, run)
    for result, values in zip(method.attribute(queries, run), expected, strict=True):
        scale = np.abs(values).max()
        assert np.allclose(result.segment_scores, values.mean(axis=1), atol=RTOL * scale, rtol=0)
        items = np.array([values[corpus.item_of == item].mean(axis=0) for item in range(4)])
        assert np.allclose(result.replicates, items, atol=RTOL * scale, rtol=0)


def grouped(queries):
    """Mean over draws 0, 2 and over draws 1, 3 [shape=(n_queries, n_replicates, n_weights)]."""
    return np.stack([queries[:, 0::2].mean(axis=1), queries[:, 1::2].mean(axis=1)], axis=1)


def test_grad_dot(gradients, generator, tiny_corpus, tiny_queries):
    corpus, queries = gradients[loss]
    expected = [corpus @ rows.T for rows in grouped(queries)]
    agrees(GradDot(CONFIG), expected, generator, tiny_corpus, tiny_queries)


def test_grad_cos(gradients, generator, tiny_corpus, tiny_queries):
    corpus, queries = gradients[loss]
    expected = []
    for rows, every in zip(grouped(queries), queries, strict=True):
        lengths = np.linalg.norm(corpus, axis=1) * np.linalg.norm(every.mean(axis=0))
        expected.append(corpus @ rows.T / lengths[:, None])
    agrees(GradCos(CONFIG), expected, generator, tiny_corpus, tiny_queries)


@pytest.mark.parametrize(("make", "scalar"), [(Trak, loss), (DTrak, square)])
def test_trak_and_d_trak(make, scalar, gradients, generator, tiny_corpus, tiny_queries):
    corpus, queries = gradients[scalar]
    middle = inverse(corpus)
    expected = [corpus @ middle @ rows.T for rows in grouped(queries)]
    agrees(make(TRAK_CONFIG), expected, generator, tiny_corpus, tiny_queries)


def test_das(network, gradients, generator, tiny_corpus, tiny_queries):
    n_segments = len(tiny_corpus.segments)
    draws = generator.noise_draws(N_DRAWS, SEED + 1)
    errors = np.zeros((n_segments, N_DRAWS))
    with torch.no_grad():
        for i in range(n_segments):
            for k in range(N_DRAWS):
                errors[i, k] = loss(*predicted(network, tiny_corpus.segments, i, draws, k)).mean() ** 0.5
    residual = (errors / np.sqrt((errors**2).sum(axis=1, keepdims=True))).mean(axis=1)
    expected = np.zeros((len(tiny_queries), n_segments, N_REPLICATES))
    for scalar in (plain, signed):
        corpus, queries = gradients[scalar]
        middle = inverse(corpus)
        for number, rows in enumerate(grouped(queries)):
            expected[number] += (corpus @ middle @ rows.T * residual[:, None]) ** 2 / 2
    agrees(Das(DAS_CONFIG), expected, generator, tiny_corpus, tiny_queries)


def test_a_sketch_of_many_slots_is_near_the_whole(tiny_generator, tiny_corpus, tiny_queries):
    run, found = SerialRunner(8), []
    n_weights = sum(w.numel() for w in tiny_generator.updatable(tiny_generator.network).values())
    for n_slots in (ALL_WEIGHTS, n_weights - 1):
        method = GradDot(GradientConfig(N_DRAWS, N_QUERY_DRAWS, N_REPLICATES, n_slots, SEED))
        method.fit(tiny_generator, tiny_corpus, run)
        found.append(np.concatenate([r.segment_scores for r in method.attribute(tiny_queries, run)]))
    assert not np.allclose(*found, rtol=1e-9)
    assert np.corrcoef(*found)[0, 1] > 0.99


def test_activations(tiny_generator, tiny_corpus, tiny_queries):
    network = copy.deepcopy(tiny_generator.network)
    config = ActivationsConfig(n_bands=2, n_replicates=2, layers=("layers.0", "layers.0.up"), seed=SEED)
    draws = tiny_generator.noise_draws(4, SEED + 1)

    kept = {}
    network.layers[0].register_forward_hook(lambda m, a, out: kept.__setitem__("whole", out))
    network.layers[0].up.register_forward_hook(lambda m, a, out: kept.__setitem__("up", out))

    def heard(segments):
        """Mean over tokens [n_segments][draw][layer]."""
        rows = []
        for i in range(len(segments)):
            one = []
            for k in range(4):
                predicted(network, segments, i, draws, k)
                one.append([kept[name][0].detach().double().mean(dim=0).numpy() for name in ("whole", "up")])
            rows.append(one)
        return rows

    def cosine(known, asked, mean_asked):
        return known @ asked / np.linalg.norm(known) / np.linalg.norm(mean_asked)

    corpus = heard(tiny_corpus.segments)
    method, run = Activations(config), SerialRunner(5)
    method.fit(tiny_generator, tiny_corpus, run)
    for query, result in zip(tiny_queries, method.attribute(tiny_queries, run), strict=True):
        per_query_segment = []
        for asked in heard(query.segments):
            likeness = np.zeros((len(corpus), 2))
            for i, known in enumerate(corpus):
                for layer in range(2):
                    for low, high in ((0, 1), (2, 3)):
                        mean_known = (known[low][layer] + known[high][layer]) / 2
                        mean_asked = (asked[low][layer] + asked[high][layer]) / 2
                        for replicate, k in enumerate((low, high)):
                            likeness[i, replicate] += cosine(mean_known, asked[k][layer], mean_asked) / 4
            per_query_segment.append(likeness)
        assert np.allclose(result.segment_scores, np.mean(per_query_segment, axis=(0, 2)), atol=1e-5)
        for item in range(4):
            own = np.flatnonzero(tiny_corpus.item_of == item)
            best = [likeness[own[likeness[own].mean(axis=1).argmax()]] for likeness in per_query_segment]
            assert np.allclose(result.replicates[item], np.mean(best, axis=0), atol=1e-5)
