"""Segment maps against the slow, obvious form: one inner product of two gradients per cell."""

import copy

import pytest
import torch

from linernotes.attribution.where.localise import LocaliseConfig, fisher_diagonal, localise
from linernotes.execution import SerialRunner

CONFIG = LocaliseConfig(window_tokens=4, n_query_draws=4, n_scoring_draws=3, relative_rise=0.005)


def gradient_of_window(generator, segments, number, draws, first, scale):
    network = copy.deepcopy(generator.network).requires_grad_(True)
    weights = generator.updatable(network)
    per_token = generator.token_losses(network, segments.pick([number]), draws)[0]
    loss = per_token[:, first : first + CONFIG.window_tokens].mean(dim=0).sum() * scale
    return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True)), float(
        loss.detach()
    )


def test_a_cell_is_the_inner_product_of_two_gradients(tiny_generator, tiny_corpus, tiny_queries):
    query, run = tiny_queries[0], SerialRunner(4)
    fisher = fisher_diagonal(tiny_generator, tiny_corpus, run, CONFIG)
    [one] = localise(tiny_generator, tiny_corpus, query, ["b"], fisher, run, CONFIG)
    damping = 0.1 * torch.cat([value.flatten() for value in fisher.values()]).mean()

    n_segments, n_tokens = query.segments.latents.shape[:2]
    draws = tiny_generator.noise_draws(4, 3)
    rows = [
        gradient_of_window(tiny_generator, query.segments, s, draws, first, 1 / (n_tokens * n_segments))
        for s in range(n_segments)
        for first in (0, 4)
    ]
    whole = {name: sum(row[name] for row, _ in rows) for name in fisher}
    slope = sum(float((g.double() ** 2 / (fisher[n] + damping).double()).sum()) for n, g in whole.items())
    eta = 0.005 * sum(loss for _, loss in rows) / slope

    own = [int(i) for i in (tiny_corpus.item_of == 1).nonzero()[0]]
    draws = tiny_generator.noise_draws(3, 1)
    columns = [
        gradient_of_window(tiny_generator, tiny_corpus.segments, s, draws, first, 1 / (n_tokens * len(own)))[
            0
        ]
        for s in own
        for first in (0, 4)
    ]
    expected = [
        [
            eta * sum(float((row[n] * column[n] / (fisher[n] + damping)).double().sum()) for n in fisher)
            for column in columns
        ]
        for row, _ in rows
    ]
    size = abs(one.cells).max()
    assert size > 0
    assert one.cells == pytest.approx(torch.tensor(expected).numpy(), abs=0.01 * size)
    assert one.total == pytest.approx(sum(map(sum, expected)), abs=0.02 * abs(one.cells).sum())
