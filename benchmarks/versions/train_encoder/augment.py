"""Changes of constant-Q segments that leave the music the same: key, masks, colour, level, noise.

Conventions
-----------
Segments are square roots of magnitudes, ``[shape=(n_pieces, n_segments, n_frames, 84)]`` in [0, 1]. Whatever changes
changes all segments of a piece alike, as another recording would, except masks.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), CLEWS, ICML (transposition, stretching, masks and their probabilities).
Park et al. (2019), "SpecAugment", Interspeech.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths and probabilities; stretching happens where windows are cut (`material.Batches`)."""

    p_transpose: float = 0.5
    semitones: int = 12
    p_mask: float = 0.4
    widest_mask: float = 0.15
    p_tilt: float = 0.5
    tilt: float = 0.8  # of the logarithm of the square root, from bottom to top
    p_noise: float = 0.3
    noise: float = 0.12
    p_power: float = 0.3
    power: tuple[float, float] = (0.7, 1.5)


def augment(segments: Tensor, config: AugmentConfig, random: torch.Generator) -> Tensor:
    """Return changed copies, of the same shape."""

    def chance(p: float) -> Tensor:
        return torch.rand(n_pieces, generator=random) < p

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n_pieces, generator=random)

    n_pieces, _, _, n_bins = segments.shape
    shift = torch.randint(-config.semitones, config.semitones + 1, (n_pieces,), generator=random)
    x = transpose(segments, torch.where(chance(config.p_transpose), shift, 0))
    slope = between(-config.tilt, config.tilt) * chance(config.p_tilt)
    ramp = torch.linspace(-0.5, 0.5, n_bins)
    x = x * torch.exp(slope[:, None] * ramp)[:, None, None]
    power = torch.where(chance(config.p_power), between(*config.power), 1.0)
    x = x.clamp(min=1e-4) ** power[:, None, None, None]
    level = between(0, config.noise) * chance(config.p_noise)
    noise = torch.rand(x.shape, generator=random)
    x = torch.maximum(x, level[:, None, None, None] * noise)
    return _mask(x, config, random)


def transpose(segments: Tensor, semitones: Tensor) -> Tensor:
    """Shift bins up by *semitones* [shape=(n_pieces,)], with zeros where nothing comes in."""
    n_pieces, n_segments, n_frames, n_bins = segments.shape
    source = torch.arange(n_bins)[None] - semitones[:, None]
    inside = ((source >= 0) & (source < n_bins)).to(segments.dtype)
    index = source.clamp(0, n_bins - 1)[:, None, None].expand(n_pieces, n_segments, n_frames, n_bins)
    return segments.gather(3, index) * inside[:, None, None]


def _mask(x: Tensor, config: AugmentConfig, random: torch.Generator) -> Tensor:
    """Blank one stretch of time and one of frequency per segment."""
    n_pieces, n_segments, n_frames, n_bins = x.shape
    for size, shape in ((n_frames, (1, 1, -1, 1)), (n_bins, (1, 1, 1, -1))):
        chosen = torch.rand(n_pieces, n_segments, generator=random) < config.p_mask
        width = torch.rand(n_pieces, n_segments, generator=random) * config.widest_mask * size * chosen
        start = torch.rand(n_pieces, n_segments, generator=random) * (size - width)
        at = torch.arange(size).view(shape)
        a, b = start[:, :, None, None], (start + width)[:, :, None, None]
        x = x * ~((at >= a) & (at < b))
    return x
