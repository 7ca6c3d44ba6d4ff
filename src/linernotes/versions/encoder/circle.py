"""The network behind ``mini``: it hears pitch as a circle, so a key change cannot change its vector.

A segment of constant-Q magnitudes is compressed, freed of its colour (the mean over an octave around each bin)
and folded to twelve pitch classes in overlapping registers, bass to treble. All convolutions go round the
circle; nothing in the body knows where the circle begins. Generalised mean pooling over pitch and time then forgets
the key. What a large network learns from transposed copies, this one has by construction, and its few
parameters are free for melody and harmony. Blocks, norms, gains and pooling are those of
`linernotes.versions.encoder.network`.

Conventions
-----------
Input ``[shape=(batch, 84, n_frames), float32]`` magnitudes >= 0, ten frames a second, bin 0 is a C.
Output ``[shape=(batch, dimension), float32]``, not normalised.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML (blocks, pooling, loss).
Yesiler, Serrà, Gómez (2020), "Accurate and scalable version identification using musically-motivated
embeddings", ICASSP (transposition invariance by convolutions one octave tall).
Cohen, Welling (2016), "Group equivariant convolutional networks", ICML.

Known limits
------------
Notes that change register when transposed move between channels, softly: invariance is exact for the
pitch classes of each register, near for the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linernotes.versions.encoder.network import EPS, GeneralisedMean, HalfInstanceNorm

PITCH_CLASSES = 12
N_BINS = 84


@dataclass(frozen=True, slots=True)
class CircleConfig:
    """Sizes of the network.

    Parameters
    ----------
    registers : int
        Overlapping registers that octaves are folded into.
    stem : int
        Channels after the first convolution, which halves the frame rate.
    channels, strides : tuple[int, ...]
        Channels and stride in time of each residual block.
    dimension : int
        Values per vector.
    unit : bool
        Whether vectors are scaled to length ``sqrt(dimension)``, so that distances lie in [0, 4].
    """

    registers: int = 4
    stem: int = 32
    channels: tuple[int, ...] = (32, 64, 96, 128)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    dimension: int = 128
    unit: bool = True


class Fold(nn.Module):
    """Constant-Q magnitudes to whitened pitch classes in registers."""

    windows: Tensor

    def __init__(self, registers: int) -> None:
        super().__init__()
        centres = torch.linspace(12, N_BINS - 18, registers)
        width = float(centres[1] - centres[0]) if registers > 1 else float(N_BINS)
        away = (torch.arange(N_BINS)[None] - centres[:, None]).abs() / width
        self.register_buffer("windows", (1 - away).clamp(min=0), persistent=False)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Return pitch classes, [shape=(batch, registers, 12, n_frames)]."""
        x = magnitudes.clamp(min=0).sqrt()
        colour = nn.functional.avg_pool1d(
            x.transpose(1, 2), PITCH_CLASSES + 1, 1, PITCH_CLASSES // 2, count_include_pad=False
        )
        x = (x - colour.transpose(1, 2)).clamp(min=0)
        x = x / (x.amax((1, 2), keepdim=True) + EPS)
        octaves = x.reshape(len(x), -1, PITCH_CLASSES, x.shape[2])
        windows = self.windows.reshape(len(self.windows), -1, PITCH_CLASSES)
        return torch.einsum("bopt,rop->brpt", octaves, windows)


class CircularConv(nn.Module):
    """Convolution over the whole circle of pitch and some frames; no bias."""

    def __init__(self, wide_in: int, wide_out: int, frames: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            wide_in, wide_out, (PITCH_CLASSES, frames), (1, stride), (0, frames // 2), bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same height."""
        out: Tensor = self.conv(torch.cat([x, x[:, :, : PITCH_CLASSES - 1]], dim=2))
        return out


class CircleBlock(nn.Module):
    """Residual block: intervals and steps on the circle, then time alone; a gain that starts at 0."""

    def __init__(self, wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        inner = max(wide_in, wide_out) // 2
        self.branch = nn.Sequential(
            HalfInstanceNorm(wide_in),
            nn.ReLU(),
            CircularConv(wide_in, inner, 3, stride),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, wide_out, (1, 3), 1, (0, 1), bias=False),
        )
        self.skip: nn.Module = nn.Identity()
        if wide_in != wide_out or stride != 1:
            self.skip = nn.Sequential(
                nn.BatchNorm2d(wide_in),
                nn.ReLU(),
                nn.Conv2d(wide_in, wide_out, (1, 3), (1, stride), (0, 1), bias=False),
            )
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps after this block."""
        out: Tensor = self.gain * self.branch(x) + self.skip(x)
        return out


class CircleNetwork(nn.Module):
    """Segment of constant-Q magnitudes to vector."""

    def __init__(self, config: CircleConfig = CircleConfig()) -> None:
        super().__init__()
        self.config = config
        self.fold = Fold(config.registers)
        self.stem = nn.Sequential(
            nn.BatchNorm2d(config.registers), CircularConv(config.registers, config.stem, 5, 2)
        )
        wide, blocks = config.stem, []
        for channels, stride in zip(config.channels, config.strides, strict=True):
            blocks.append(CircleBlock(wide, channels, stride))
            wide = channels
        self.body = nn.Sequential(*blocks)
        self.pool = GeneralisedMean()
        self.head = nn.Sequential(nn.BatchNorm1d(wide), nn.Linear(wide, config.dimension, bias=False))

    def maps(self, magnitudes: Tensor) -> Tensor:
        """Return what the body sees, position by position, [shape=(batch, channels, 12, n_positions)]."""
        out: Tensor = self.body(self.stem(self.fold(magnitudes)))
        return out

    def summary(self, maps: Tensor) -> Tensor:
        """Return vectors, [shape=(batch, dimension)]."""
        out: Tensor = self.head(self.pool(maps.float()))
        if self.config.unit:
            out = nn.functional.normalize(out, dim=1) * self.config.dimension**0.5
        return out

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Return vectors, [shape=(batch, dimension)]."""
        return self.summary(self.maps(magnitudes))
