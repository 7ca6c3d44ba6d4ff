"""Kronecker-factored curvature and its influences against dense matrices, one backward call per pair."""

import copy
import types

import numpy as np
import pytest
import torch
from torch import nn

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.attribution.curvature.ekfac import EkfacConfig, EkfacInfluence, InnerProductPass
from linernotes.attribution.curvature.kronecker import (
    CovariancePass,
    CurvatureConfig,
    EigenvaluePass,
    fit_curvature,
)
from linernotes.attribution.curvature.linear import layout_of, rows_of
from linernotes.attribution.working_copy import trainable_copy
from linernotes.execution import SerialRunner
from linernotes.generators.base import NoiseDraws, Segments


def pair_gradients(generator, corpus, draws, pairs):
    """Gradients of every pair's loss, by the book [one dict per pair]."""
    network = copy.deepcopy(generator.network).eval().requires_grad_(True)
    weights = generator.updatable(network)
    made = []
    for i, k in pairs:
        loss = generator.losses(network, corpus.segments.pick([i]), draws.pick([k]))[0, 0]
        found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True, materialize_grads=True)
        made.append(dict(zip(weights, (g.double() for g in found), strict=True)))
    return made


def dense_block(block):
    """The block's matrix, over row-major weights: (U_S ⊗ U_A) diag Λ (U_S ⊗ U_A)ᵀ."""
    basis = torch.kron(block.out_basis.double(), block.in_basis.double())
    return basis @ torch.diag(block.eigenvalues.double().flatten()) @ basis.T


# -- a generator whose Fisher is exactly a Kronecker product ------------------------------------


class OneLayer:
    """Loss ⟨noise, W x⟩: the input depends on the segment alone, the gradient at the output on the draw alone."""

    generator_id = "one-layer"

    def __init__(self, bias=True, network=None):
        torch.manual_seed(5)
        self.network = (network or nn.Linear(3, 2, bias=bias)).requires_grad_(False)

    def noise_draws(self, n_draws, seed):
        random = torch.Generator().manual_seed(seed)
        return NoiseDraws(
            torch.linspace(0.1, 0.9, n_draws),
            torch.randn(n_draws, 1, 2, generator=random) * torch.tensor([1.0, 3.0]),
        )

    def losses(self, network, segments, draws, *, audible_only=False):
        n_segments, n_draws = len(segments), len(draws)
        out = network(segments.latents.repeat_interleave(n_draws, dim=0))
        return (out * draws.noise.repeat(n_segments, 1, 1)).sum(dim=(1, 2)).reshape(n_segments, n_draws)

    def updatable(self, network):
        return dict(network.named_parameters())


def make_corpus(n_segments=6, n_tokens=1, n_dims=3, n_items=3):
    random = torch.Generator().manual_seed(9)
    latents = torch.randn(n_segments, n_tokens, n_dims, generator=random) * torch.linspace(0.5, 2, n_dims)
    audible = torch.ones(n_segments, n_tokens, dtype=torch.bool)
    segments = Segments(latents, audible, torch.zeros(n_segments, 1), (0.0,) * n_segments)
    owners = np.arange(n_segments) % n_items
    return EncodedCorpus(tuple("abcdef"[:n_items]), segments, owners, "00" * 32)


@pytest.mark.parametrize("kind", ["ekfac", "kfac"])
@pytest.mark.parametrize("bias", [True, False])
def test_where_the_fisher_is_a_kronecker_product_influence_is_the_dense_one(kind, bias):
    generator, corpus = OneLayer(bias), make_corpus()
    query = Query("q", corpus.segments.pick([1, 4]))
    config = EkfacConfig(
        kind, n_repeats=64, damping=0.03, n_query_draws=5, query_levels=1.0, n_scoring_draws=7
    )
    method = EkfacInfluence(config)
    method.fit(generator, corpus, SerialRunner(4))
    [result] = method.attribute([query], SerialRunner(4))

    pool = generator.noise_draws(64, config.seed + 2)
    pairs = [(i, k) for i in range(6) for k in range(64)]

    def flat(gradients):
        return torch.stack([torch.cat([v.reshape(-1) for v in one.values()]) for one in gradients])

    per_pair = flat(pair_gradients(generator, corpus, pool, pairs))
    fisher = per_pair.T @ per_pair / len(pairs)
    damped = fisher + config.damping * fisher.diagonal().mean() * torch.eye(len(fisher))
    query_draws = generator.noise_draws(5, config.seed + 3)
    g_query = flat(
        pair_gradients(generator, corpus, query_draws, [(i, k) for i in (1, 4) for k in range(5)])
    ).mean(dim=0)
    scoring = generator.noise_draws(7, config.seed + 1)
    g_corpus = flat(pair_gradients(generator, corpus, scoring, [(i, k) for i in range(6) for k in range(7)]))
    expected = (g_corpus @ torch.linalg.solve(damped, g_query)).reshape(6, 7)
    assert np.allclose(result.replicates, corpus.per_item(expected.numpy()), rtol=1e-3, atol=1e-4)
    assert np.allclose(result.segment_scores, expected.mean(dim=1).numpy(), rtol=1e-3, atol=1e-4)


# -- the transformer: every step by the book ----------------------------------------------------


@pytest.fixture(scope="module")
def config():
    return CurvatureConfig(gradients="empirical", n_repeats=2, damping=0.05)


@pytest.fixture(scope="module")
def curvature(tiny_generator, tiny_corpus, config):
    return fit_curvature(tiny_generator, tiny_corpus, SerialRunner(7), config)


def pairs_of(corpus, n_repeats, n_draws=64):
    return [
        (i, (i + r * n_draws // n_repeats) % n_draws)
        for i in range(len(corpus.segments))
        for r in range(n_repeats)
    ]


def test_covariances_are_those_of_inputs_and_gradients(tiny_generator, tiny_corpus, config):
    draws = tiny_generator.noise_draws(64, 2)
    layout = layout_of(tiny_generator, tiny_corpus.segments.pick([0]))
    assert layout.together
    assert [layer.module for layer in layout.layers] == [
        f"layers.0.{n}" for n in ("qkv", "out", "up", "down", "steer")
    ]
    fold = CovariancePass(tiny_generator, tiny_corpus, draws, layout, config, None)
    found = SerialRunner(5)(fold, range(len(tiny_corpus.segments)))

    network = trainable_copy(tiny_generator)
    linear = network.get_submodule("layers.0.up")
    kept = {}
    linear.register_forward_hook(lambda m, given, out: kept.update(x=given[0].detach()))
    linear.register_full_backward_hook(lambda m, g_in, g_out: kept.update(g=g_out[0].detach()))
    in_sum, out_sum = 0, 0
    pairs = pairs_of(tiny_corpus, 2)
    for i, k in pairs:
        tiny_generator.losses(network, tiny_corpus.segments.pick([i]), draws.pick([k])).sum().backward()
        for x, g in zip(kept["x"][0], kept["g"][0], strict=True):
            a = torch.cat([x, torch.ones(1)]).double()
            in_sum, out_sum = in_sum + torch.outer(a, a), out_sum + torch.outer(g.double(), g.double())
    assert torch.allclose(found["in/layers.0.up"], in_sum / len(pairs), rtol=1e-4, atol=1e-5)
    expected = out_sum / len(pairs)
    assert torch.allclose(
        found["out/layers.0.up"], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max())
    )


def test_eigenvalues_are_second_moments_in_the_basis(tiny_generator, tiny_corpus, curvature):
    gradients = pair_gradients(
        tiny_generator, tiny_corpus, tiny_generator.noise_draws(64, 2), pairs_of(tiny_corpus, 2)
    )
    for block in curvature.blocks:
        turned = [
            block.out_basis.double().T @ block.layer.join(one) @ block.in_basis.double() for one in gradients
        ]
        expected = torch.stack(turned).square().mean(dim=0)
        found = block.eigenvalues.double()
        assert torch.allclose(found, expected, rtol=1e-2, atol=1e-5 * float(expected.max())), block.layer


def test_solving_is_the_dense_inverse(curvature, tiny_generator, tiny_queries):
    from linernotes.attribution.unlearning.diagonal import query_gradient

    _, gradient = query_gradient(tiny_generator, tiny_queries[0], tiny_generator.noise_draws(4, 3))
    for scope in ("layer", "network"):
        solved = curvature.with_damping(0.05, scope).solve(gradient)
        every = torch.cat([block.eigenvalues.flatten() for block in curvature.blocks])
        for block in curvature.blocks:
            mean = float((block.eigenvalues if scope == "layer" else every).mean())
            matrix = dense_block(block)
            g = block.layer.join(gradient).double().flatten()
            expected = torch.linalg.solve(matrix + 0.05 * mean * torch.eye(len(matrix)), g)
            found = block.layer.join(solved).double().flatten()
            assert float((found - expected).norm() / expected.norm()) < 1e-3, block.layer


def test_inner_products_are_those_of_gradients_taken_one_by_one(tiny_generator, tiny_corpus):
    draws = tiny_generator.noise_draws(19, 1)  # more than go through together
    network = tiny_generator.network
    random = torch.Generator().manual_seed(1)
    directions = tuple(
        {
            name: torch.randn(w.shape, generator=random)
            for name, w in tiny_generator.updatable(network).items()
        }
        for _ in range(3)
    )
    layout = layout_of(tiny_generator, tiny_corpus.segments.pick([0]))
    pairs = [(i, k) for i in (0, 7, 17) for k in range(19)]
    gradients = pair_gradients(tiny_generator, tiny_corpus, draws, pairs)
    products = [[sum(float((g[name] * d[name]).sum()) for name in d) for g in gradients] for d in directions]
    expected = torch.tensor(products).reshape(3, 3, 19)
    losses = tiny_generator.losses(network, tiny_corpus.segments.pick([0, 7, 17]), draws)
    for of_logarithm in (False, True):
        fold = InnerProductPass(tiny_generator, tiny_corpus, draws, layout, directions, of_logarithm)
        found = torch.from_numpy(SerialRunner(2)(fold, [0, 7, 17]))
        right = expected / losses if of_logarithm else expected
        assert torch.allclose(found, right.float(), rtol=1e-3, atol=1e-3 * float(right.abs().max()))


def test_sampled_curvature_is_that_of_a_mean_squared_error(tiny_generator, tiny_corpus):
    """The trace over all layers is (2/n) ‖J‖² on average, J the Jacobian of the outputs."""
    fitted = fit_curvature(
        tiny_generator, tiny_corpus, SerialRunner(18), CurvatureConfig(gradients="sampled", n_repeats=16)
    )
    found = sum(float(block.eigenvalues.sum()) for block in fitted.blocks)
    draws = tiny_generator.noise_draws(64, 2)
    network = trainable_copy(tiny_generator)
    weights = list(tiny_generator.updatable(network).values())
    traces = []
    for i, k in [(0, 3), (5, 20), (9, 40), (13, 11), (17, 60), (2, 31), (7, 50), (11, 26)]:
        out = tiny_generator.outputs(network, tiny_corpus.segments.pick([i]), draws.pick([k])).flatten()
        rows = [torch.autograd.grad(value, weights, retain_graph=True) for value in out]
        traces.append(sum(float(g.square().sum()) for row in rows for g in row) * 2 / len(out))
    assert found == pytest.approx(np.mean(traces), rel=0.2)


# -- what may not be assumed of a network -------------------------------------------------------


class TokensFirst(nn.Module):
    """Puts tokens on the leading axis, so that draws may not go through together."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x.transpose(0, 1)).transpose(0, 1)


class Mixed(nn.Module):
    """A Linear layer, one whose weight is also used elsewhere, one never called, and weights in no layer."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.tied = nn.Linear(4, 4, bias=False)
        self.idle = nn.Linear(2, 2)
        self.scale = nn.Parameter(torch.randn(4))
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        hidden = torch.tanh(self.linear(x)) * self.scale
        return self.last(self.tied(hidden) + hidden @ self.tied.weight)


class Twice(nn.Module):
    """One Linear layer called twice in a row."""

    def __init__(self):
        super().__init__()
        self.again = nn.Linear(3, 3)
        self.last = nn.Linear(3, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.again(torch.tanh(self.again(x)))))


@pytest.mark.parametrize(
    ("make", "n_layers", "others", "together"),
    [
        (TokensFirst, 1, (), False),
        (Mixed, 3, ("scale", "tied.weight"), False),
        (Twice, 2, (), True),
    ],
)
def test_any_network_is_taken_as_it_is(make, n_layers, others, together):
    torch.manual_seed(3)
    generator, corpus = OneLayer(network=make()), make_corpus(n_tokens=4)
    generator.noise_draws = types.MethodType(
        lambda self, n, seed: NoiseDraws(
            torch.linspace(0.1, 0.9, n), torch.randn(n, 4, 2, generator=torch.Generator().manual_seed(seed))
        ),
        generator,
    )
    layout = layout_of(generator, corpus.segments.pick([0]))
    assert (len(layout.layers), sorted(layout.others), layout.together) == (
        n_layers,
        sorted(others),
        together,
    )
    draws = generator.noise_draws(3, 8)
    [*shown] = rows_of(
        generator, trainable_copy(generator), layout, corpus.segments.pick([2]), draws,
        lambda network, segment, draws: generator.losses(network, segment, draws)[0],
    )  # fmt: skip
    expected = pair_gradients(generator, corpus, draws, [(2, k) for k in range(3)])
    for layer in layout.layers:
        found = torch.cat([rows.matrix(layer.module) for rows in shown])
        right = torch.stack([layer.join(one) for one in expected]).float()
        assert torch.allclose(found, right, rtol=1e-4, atol=1e-5), layer
    for name in layout.others:
        found = torch.cat([rows.others[name] for rows in shown])
        assert torch.allclose(
            found, torch.stack([one[name] for one in expected]).float(), rtol=1e-4, atol=1e-5
        )

    fitted = fit_curvature(generator, corpus, SerialRunner(4), CurvatureConfig(n_repeats=2, damping=0.1))
    pool = pair_gradients(generator, corpus, generator.noise_draws(64, 2), pairs_of(corpus, 2))
    for name in others:
        fisher = torch.stack([one[name] for one in pool]).square().mean(dim=0)
        assert torch.allclose(fitted.diagonal[name].double(), fisher, rtol=1e-3, atol=1e-8)
        solved = fitted.solve({n: torch.ones_like(w) for n, w in generator.network.named_parameters()})[name]
        assert torch.allclose(solved.double(), 1 / (fisher + 0.1 * fisher.mean()), rtol=1e-3)


def test_any_merge_tree_gives_the_same(tiny_generator, tiny_corpus, config, curvature):
    draws = tiny_generator.noise_draws(64, 2)
    layout = layout_of(tiny_generator, tiny_corpus.segments.pick([0]))
    bases = {block.layer.module: (block.out_basis, block.in_basis) for block in curvature.blocks}
    for fold in (
        CovariancePass(tiny_generator, tiny_corpus, draws, layout, config, None),
        EigenvaluePass(tiny_generator, tiny_corpus, draws, layout, config, None, bases),
    ):
        parts = [fold.add(fold.start(), numbers) for numbers in ([0, 1], [2], [3, 4, 5])]
        left = fold.finish(fold.merge(fold.merge(parts[0], parts[1]), parts[2]))
        right = fold.finish(fold.merge(parts[0], fold.merge(parts[1], parts[2])))
        assert all(torch.allclose(value, right[name], rtol=1e-6) for name, value in left.items())
        nothing = fold.finish(fold.merge(fold.start(), fold.merge(parts[1], fold.start())))
        alone = fold.finish(parts[1])
        assert all(torch.equal(nothing[name], alone[name]) for name in alone)
