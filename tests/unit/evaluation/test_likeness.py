"""Likeness to a generator, beside the best linear guess."""

import numpy as np
import pytest
import torch

from linernotes.attribution.base import Query
from linernotes.errors import UnsupportedGenerator
from linernotes.evaluation.likeness import likeness_of, wiener_filters, wiener_losses
from linernotes.evaluation.sanity import fresh, randomised
from linernotes.generators.base import NoiseDraws, Segments


def segments_of(latents):
    latents = latents.float()
    return Segments(
        latents,
        torch.ones(latents.shape[:2], dtype=torch.bool),
        torch.zeros(len(latents), 2),
        (0.0,) * len(latents),
    )


def draws_of(levels, n_tokens, n_dims, seed=0):
    random = torch.Generator().manual_seed(seed)
    return NoiseDraws(torch.tensor(levels), torch.randn(len(levels), n_tokens, n_dims, generator=random))


def walks(n, n_tokens=6, n_dims=3, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, n_tokens, n_dims, generator=random).cumsum(dim=1) + 2


def test_the_linear_loss_is_that_of_one_big_regression():
    latents, draws = walks(4000), draws_of([0.3, 0.7], 6, 3)
    mean, filters = wiener_filters(latents, draws)
    fresh_ones, many = walks(3000, seed=1).double(), torch.Generator().manual_seed(2)
    for number, level in enumerate((0.3, 0.7)):
        noise = torch.randn(3000, 6, 3, generator=many).double()
        mixed, target = (1 - level) * fresh_ones + level * noise, noise - fresh_ones
        # the slow twin: least squares of the velocity on the mixed tokens, dimension by dimension
        errors, ours = [], []
        for dim in range(3):
            design = torch.cat([mixed[:, :, dim], torch.ones(3000, 1, dtype=torch.float64)], dim=1)
            fitted = torch.linalg.lstsq(design, target[:, :, dim]).solution
            errors.append((design @ fitted - target[:, :, dim]).square().mean())
            centred = mixed[:, :, dim] - (1 - level) * mean[:, dim]
            predicted = centred @ filters[number, dim].T - mean[:, dim]
            ours.append((predicted - target[:, :, dim]).square().mean())
        assert torch.stack(ours).mean() == pytest.approx(float(torch.stack(errors).mean()), rel=0.03)


def test_losses_are_those_of_the_filters():
    latents, draws = walks(50), draws_of([0.2, 0.9], 6, 3)
    mean, filters = wiener_filters(latents, draws)
    losses = wiener_losses(segments_of(latents[:2]), draws, mean, filters)
    assert losses.shape == (2, 2)
    x, noise = latents[1].double(), draws.noise[0].double()
    level = draws.levels[0].double()
    mixed = (1 - level) * x + level * noise
    predicted = torch.stack(
        [filters[0, d] @ (mixed[:, d] - (1 - level) * mean[:, d]) - mean[:, d] for d in range(3)], dim=1
    )
    assert float(losses[1, 0]) == pytest.approx(float((predicted - (noise - x)).square().mean()))


def test_random_weights_are_like_nothing(tiny_generator, tiny_corpus, tiny_queries):
    for generator in (randomised(tiny_generator), fresh(tiny_generator)):
        queries = [Query("self", tiny_corpus.segments), *tiny_queries]
        assert max(likeness_of(generator, tiny_corpus, queries)) < 0


def test_likeness_repeats_and_is_finite(tiny_generator, tiny_corpus, tiny_queries):
    first = likeness_of(tiny_generator, tiny_corpus, tiny_queries)
    assert first == likeness_of(tiny_generator, tiny_corpus, tiny_queries)
    assert len(first) == len(tiny_queries)
    assert np.isfinite(first).all()


def test_other_generators_are_refused(tiny_corpus, tiny_queries):
    class Other:
        generator_id = "other-1"

    with pytest.raises(
        UnsupportedGenerator, match="other-1: likeness is measured for the reference generator"
    ):
        likeness_of(Other(), tiny_corpus, tiny_queries)
