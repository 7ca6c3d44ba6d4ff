"""Rectified flow: the training loss, the loss of a silent network, and sampling.

A straight path joins clean tokens x to noise ε: ``x_t = (1 - t) x + t ε``; the network learns the
velocity ``ε - x``. Its loss is the mean squared error over tokens and dimensions, so an untrained
network, which outputs zero, scores ``mean (ε - x)²``, about 2 for tokens of unit variance.

Conventions
-----------
Losses are in squared token units, smaller is more likely; ``t`` in (0, 1), 1 is pure noise.

References
----------
Liu, Gong, Liu (2023), "Flow straight and fast"; Esser et al. (2024), "Scaling rectified flow
transformers" (logit-normal levels); Ho and Salimans (2022), "Classifier-free diffusion guidance";
Bar-Tal et al. (2023), "MultiDiffusion" (overlapping windows for lengths beyond training).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from linernotes.generators.base import NoiseDraws, Segments


def noise_draws(n_draws: int, n_tokens: int, n_dims: int, seed: int) -> NoiseDraws:
    """Return noise with one level from each of *n_draws* equal slices of the training distribution.

    Examples
    --------
    >>> draws = noise_draws(4, n_tokens=2, n_dims=3, seed=0)
    >>> bool((draws.levels.diff() > 0).all()), draws.noise.shape
    (True, torch.Size([4, 2, 3]))
    """
    random = torch.Generator().manual_seed(seed)
    slices = (torch.arange(n_draws) + torch.rand(n_draws, generator=random)) / n_draws
    levels = torch.sigmoid(torch.special.ndtri(slices.double().clamp(1e-4, 1 - 1e-4))).float()
    return NoiseDraws(levels, torch.randn(n_draws, n_tokens, n_dims, generator=random))


def pair_losses(
    network: nn.Module, segments: Segments, draws: NoiseDraws, *, audible_only: bool = False, batch: int = 64
) -> Tensor:
    """Return the loss of every segment under every draw [shape=(n_segments, n_draws)].

    ``audible_only`` leaves padding and silence out of the mean; a segment without any sound keeps all.
    """
    weights = _weights(segments, audible_only)

    def losses(segment_of: Tensor, draw_of: Tensor) -> Tensor:
        per_token = _token_losses_of_pairs(network, segments, draws, segment_of, draw_of)
        return _over_tokens(per_token, weights[segment_of])

    return _of_pairs(losses, segments, draws, batch)


def token_losses(network: nn.Module, segments: Segments, draws: NoiseDraws, *, batch: int = 64) -> Tensor:
    """Return the loss of every token [shape=(n_segments, n_draws, n_tokens)]; `pair_losses` is its mean."""
    return _of_pairs(
        lambda s, d: _token_losses_of_pairs(network, segments, draws, s, d), segments, draws, batch
    )


def paired_losses(network: nn.Module, segments: Segments, draws: NoiseDraws) -> Tensor:
    """Return the loss of segment i under draw i [shape=(n_segments,)]."""
    each = torch.arange(len(segments))
    return _token_losses_of_pairs(network, segments, draws, each, each).mean(dim=-1)


def outputs(network: nn.Module, segments: Segments, draws: NoiseDraws, *, batch: int = 64) -> Tensor:
    """Return the predicted velocity [shape=(n_segments, n_draws, n_tokens, n_dims)]."""

    def predicted(segment_of: Tensor, draw_of: Tensor) -> Tensor:
        return _predict_pairs(network, segments, draws, segment_of, draw_of)[0].cpu()

    return _of_pairs(predicted, segments, draws, batch)


def null_losses(segments: Segments, draws: NoiseDraws, *, audible_only: bool = False) -> Tensor:
    """Return the loss of a network that outputs zero [shape=(n_segments, n_draws)]."""
    velocity = draws.noise[None] - segments.latents[:, None]
    per_token = velocity.square().mean(dim=-1)
    return _over_tokens(per_token, _weights(segments, audible_only)[:, None].expand_as(per_token))


def _of_pairs(
    value: Callable[[Tensor, Tensor], Tensor], segments: Segments, draws: NoiseDraws, batch: int
) -> Tensor:
    """Evaluate every pair of segment and draw, some at a time [shape=(n_segments, n_draws, …)]."""
    n_segments, n_draws = len(segments), len(draws)
    segment_of = torch.arange(n_segments).repeat_interleave(n_draws)
    draw_of = torch.arange(n_draws).repeat(n_segments)
    parts = [
        value(segment_of[i : i + batch], draw_of[i : i + batch]) for i in range(0, len(segment_of), batch)
    ]
    values = torch.cat(parts)
    return values.reshape(n_segments, n_draws, *values.shape[1:])


def _predict_pairs(
    network: nn.Module, segments: Segments, draws: NoiseDraws, segment_of: Tensor, draw_of: Tensor
) -> tuple[Tensor, Tensor]:
    """Return predicted and true velocity of pairs [shape=(n_pairs, n_tokens, n_dims)], where the network lies."""
    place = next(network.parameters()).device
    chosen = segments.latents[segment_of], draws.noise[draw_of], draws.levels[draw_of]
    clean, noise, levels = (tensor.to(place) for tensor in chosen)
    mixed = torch.lerp(clean, noise, levels[:, None, None])
    return network(mixed, levels, segments.conditions[segment_of].to(place)), noise - clean


def _token_losses_of_pairs(
    network: nn.Module, segments: Segments, draws: NoiseDraws, segment_of: Tensor, draw_of: Tensor
) -> Tensor:
    predicted, velocity = _predict_pairs(network, segments, draws, segment_of, draw_of)
    return (predicted - velocity).square().mean(dim=-1).cpu()


def _weights(segments: Segments, audible_only: bool) -> Tensor:
    if not audible_only:
        return torch.ones_like(segments.audible, dtype=torch.float32)
    heard = segments.audible.float()
    return torch.where(heard.sum(dim=1, keepdim=True) > 0, heard, torch.ones_like(heard))


def _over_tokens(per_token: Tensor, weights: Tensor) -> Tensor:
    return (per_token * weights).sum(dim=-1) / weights.sum(dim=-1)


@torch.no_grad()
def sample(
    network: nn.Module,
    words: Tensor,
    *,
    n_tokens: int,
    window: int,
    n_dims: int,
    seed: int,
    n_steps: int = 50,
    guidance: float = 2.0,
) -> Tensor:
    """Make tokens by integrating the velocity field from noise, with overlapping windows.

    Parameters
    ----------
    words : Tensor [shape=(n_words,)]
        The condition.
    n_tokens, window : int
        Tokens wanted, and tokens that the network was trained on; longer pieces are made by
        half-overlapping windows whose velocities are averaged with triangular weights at every step.
    guidance : float >= 0
        1 follows the words as trained; larger exaggerates them.

    Returns
    -------
    Tensor [shape=(n_tokens, n_dims)]
        Clean tokens.
    """
    random = torch.Generator().manual_seed(seed)
    total = max(n_tokens, window)
    x = torch.randn(total, n_dims, generator=random)
    starts = sorted({*range(0, total - window + 1, window // 2), total - window})
    ramp = torch.minimum(torch.arange(1, window + 1), torch.arange(window, 0, -1)).float()[:, None]
    both_words = torch.stack([words, torch.zeros_like(words)]).repeat_interleave(len(starts), dim=0)
    # finer steps near the end, where detail is decided
    times = 1 - torch.linspace(0, 1, n_steps + 1) ** 0.9
    for now, after in pairwise(times):
        views = torch.stack([x[s : s + window] for s in starts])
        level = now.expand(2 * len(starts))
        with_words, without = network(views.repeat(2, 1, 1), level, both_words).chunk(2)
        velocity = without + guidance * (with_words - without)
        summed, weight = torch.zeros_like(x), torch.zeros(total, 1)
        for start, part in zip(starts, velocity, strict=True):
            summed[start : start + window] += part * ramp
            weight[start : start + window] += ramp
        x = x + (after - now) * summed / weight
    return x[:n_tokens]
