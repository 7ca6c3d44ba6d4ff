"""The convolutional network of the published CLEWS checkpoints; its parts also serve ``mini``.

A segment of constant-Q magnitudes is compressed by a square root and scaled to [0, 1]. Two convolutions one
octave tall read chords and steps; residual blocks, normalised *before* each convolution, half by the
statistics of the segment (which removes its colour) and half by those of training, widen the view; generalised
mean pooling over all positions forgets where in pitch and time a pattern stood; a linear map gives the vector.
Each block starts as the identity: a learned gain on its branch begins at 0.

Conventions
-----------
Input ``[shape=(batch, n_bins, n_frames), float32]`` magnitudes >= 0 (not yet compressed), *frequency first*.
Output ``[shape=(batch, dimension), float32]``, not normalised.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML (architecture).
Radenović, Tolias, Chum (2019), "Fine-tuning CNN image retrieval with no human annotation", IEEE TPAMI
(generalised mean pooling).
Pan, Luo, Shi, Tang (2018), "Two at once: enhancing learning and generalization capacities via IBN-Net", ECCV.
Bachlechner et al. (2021), "ReZero is all you need", UAI (gains that start at 0).

Known limits
------------
Published CLEWS inference adds noise of 1e-6 to the scaled input; here nothing is random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the network.

    Parameters
    ----------
    stem : tuple[int, int]
        Channels of the two convolutions that are an octave tall.
    blocks, channels, strides : tuple[int, ...]
        Residual blocks, channels and stride of each stage.
    dimension : int
        Values per vector.
    """

    stem: tuple[int, int] = (16, 24)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    channels: tuple[int, ...] = (24, 48, 96, 128)
    strides: tuple[int, ...] = (1, 2, 2, 1)
    dimension: int = 128


class Scale(nn.Module):
    """Square root, then to [0, 1] over the segment, then a learned gain and bias."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Return the scaled segment, [shape=(batch, 1, n_bins, n_frames)]."""
        x = magnitudes.clamp(min=0).sqrt()
        x = x - x.amin((1, 2), keepdim=True)
        x = x / (x.amax((1, 2), keepdim=True) + EPS)
        return (self.gain * x + self.bias)[:, None]


class HalfInstanceNorm(nn.Module):
    """Batch norm for the first half of the channels, instance norm for the second."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.n_batch = channels // 2
        self.batch = nn.BatchNorm2d(self.n_batch)
        self.instance = nn.InstanceNorm2d(channels - self.n_batch, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised maps, of the same shape."""
        return torch.cat([self.batch(x[:, : self.n_batch]), self.instance(x[:, self.n_batch :])], dim=1)


class Block(nn.Module):
    """Residual block with normalisation before each convolution and a gain that starts at 0."""

    def __init__(self, wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        inner = (max(wide_in, wide_out) // 2 + 1) // 2 * 2
        self.branch = nn.Sequential(
            HalfInstanceNorm(wide_in),
            nn.ReLU(),
            nn.Conv2d(wide_in, inner, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, wide_out, 3, 1, 1, bias=False),
        )
        self.skip: nn.Module = nn.Identity()
        if wide_in != wide_out or stride != 1:
            self.skip = nn.Sequential(
                nn.BatchNorm2d(wide_in), nn.ReLU(), nn.Conv2d(wide_in, wide_out, 3, stride, 1, bias=False)
            )
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps after this block."""
        out: Tensor = self.gain * self.branch(x) + self.skip(x)
        return out


class GeneralisedMean(nn.Module):
    """``(mean of x ** p) ** (1 / p)`` over all positions; p > 1 is learned and starts at 3."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.full((1,), math.log(math.exp(2.0) - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return one value per channel, [shape=(batch, channels)]."""
        power = 1 + nn.functional.softplus(self.raw)
        return x.float().flatten(2).clamp(min=EPS).pow(power).mean(-1).pow(1 / power)


class Network(nn.Module):
    """Segment of constant-Q magnitudes to vector."""

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:
        super().__init__()
        self.config = config
        first, wide = config.stem
        self.scale = Scale()
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, (12, 3), (1, 2), bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.Conv2d(first, wide, (12, 3), 2, bias=False),
        )
        stages: list[Block] = []
        for n_blocks, channels, stride in zip(config.blocks, config.channels, config.strides, strict=True):
            for n in range(n_blocks):
                stages.append(Block(wide, channels, stride if n == 0 else 1))
                wide = channels
        self.body = nn.Sequential(*stages)
        self.pool = GeneralisedMean()
        self.head = nn.Sequential(nn.BatchNorm1d(wide), nn.Linear(wide, config.dimension, bias=False))

    def maps(self, magnitudes: Tensor) -> Tensor:
        """Return what the body sees, position by position, [shape=(batch, channels, height, width)]."""
        out: Tensor = self.body(self.stem(self.scale(magnitudes)))
        return out

    def summary(self, maps: Tensor) -> Tensor:
        """Return vectors, [shape=(batch, dimension)]."""
        out: Tensor = self.head(self.pool(maps.float()))
        return out

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Return vectors, [shape=(batch, dimension)]."""
        return self.summary(self.maps(magnitudes))
