"""How much an output is like its generator: how much better than the best linear guess the generator predicts it.

A generator's loss alone says little: quiet and simple music is easy for everybody. Beside it stands the loss of the
best linear predictor, made from nothing but the means and covariances over time of the corpus (a Wiener filter).
Music that the generator made itself beats that predictor clearly; music from outside hardly does, and under random
weights nothing does.

    likeness = log(linear loss / generator loss), each a mean over the output's segments and draws

Assumptions
-----------
The generator is a rectified flow over tokens, as the reference generator is: ``x_t = (1 − t) x + t ε``, target ``ε − x``.

References
----------
Wiener (1949), "Extrapolation, interpolation, and smoothing of stationary time series"; Carlini et al. (2022),
"Membership inference attacks from first principles" (a loss means little without the difficulty of the example).

Known limits
------------
It speaks of the generator, not of any recording in its corpus. Dimensions are filtered one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from linernotes.attribution.base import EncodedCorpus, Query
from linernotes.errors import UnsupportedGenerator
from linernotes.generators.base import Generator, NoiseDraws, Segments
from linernotes.generators.reference.adapter import ReferenceGenerator

N_DRAWS = 16


def likeness_of(
    generator: Generator,
    corpus: EncodedCorpus,
    queries: Sequence[Query],
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> list[float]:
    """Return how much each query is like the generator, in nats; above nought it beats the linear predictor.

    Raises
    ------
    UnsupportedGenerator
        If the generator is no rectified flow that we know.
    """
    if not isinstance(generator, ReferenceGenerator):
        raise UnsupportedGenerator(
            f"generator {generator.generator_id}: likeness is measured for the reference generator only; "
            "calibrate without it"
        )
    draws = generator.noise_draws(n_draws, seed + 5)
    filters = wiener_filters(corpus.segments.latents, draws)
    return [
        float(
            torch.log(
                wiener_losses(query.segments, draws, *filters).mean()
                / generator.losses(generator.network, query.segments, draws).double().mean()
            )
        )
        for query in queries
    ]


def wiener_filters(latents: Tensor, draws: NoiseDraws) -> tuple[Tensor, Tensor]:
    """Return the corpus mean and the filters of every draw.

    Parameters
    ----------
    latents : Tensor [shape=(n_segments, n_tokens, n_dims), float32]
        Tokens of the corpus.

    Returns
    -------
    tuple of Tensor
        Mean [shape=(n_tokens, n_dims), float64] and filters [shape=(n_draws, n_dims, n_tokens, n_tokens), float64].
    """
    tokens = latents.double()
    mean = tokens.mean(dim=0)
    centred = (tokens - mean).permute(2, 0, 1)
    covariance = centred.mT @ centred / max(1, len(tokens) - 1)
    unit = torch.eye(tokens.shape[1], dtype=torch.float64)
    filters = []
    for level in draws.levels.double():
        mixed = (1 - level) ** 2 * covariance + level**2 * unit
        filters.append(torch.linalg.solve(mixed, level * unit - (1 - level) * covariance, left=False))
    return mean, torch.stack(filters)


def wiener_losses(segments: Segments, draws: NoiseDraws, mean: Tensor, filters: Tensor) -> Tensor:
    """Return the loss of the linear predictor [shape=(n_segments, n_draws), float64]."""
    clean = segments.latents.double()
    losses = []
    for level, noise, gain in zip(draws.levels.double(), draws.noise.double(), filters, strict=True):
        centred = (1 - level) * (clean - mean) + level * noise
        predicted = torch.einsum("dij,sjd->sid", gain, centred) - mean
        losses.append((predicted - (noise - clean)).square().mean(dim=(1, 2)))
    return torch.stack(losses, dim=1)
