"""The published CLEWS networks as an encoder, rebuilt in PyTorch alone.

Audio at 16 kHz is cut into segments of 20 s. The constant-Q magnitudes are two convolutions with the kernels that
travel in the checkpoint, times the root of each kernel's length; five frames of 20 ms are averaged into one.
`linernotes.versions.encoder.network` does the rest at its full size (197 million parameters).

Conventions
-----------
Vectors are ``[shape=(n_segments, 1024 or 2048), float32]``, not normalised. Compare two recordings by
`linernotes.versions.encoder.reduce.bpwr` with r = 10, as published.

Cost
----
About 0.4 CPU-s per segment and 1.8 GB of memory; use ``device="cuda"`` for more than a few recordings.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML.
Cheuk et al. (2020), "nnAudio", IEEE Access (constant-Q by convolution).

Known limits
------------
The tail of a recording is a segment flush with its end, where the published code repeats the beginning.
Distances are uncalibrated: their null distribution differs from that of every other encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.versions.encoder.clews.convert import Weights, read_weights
from linernotes.versions.encoder.clews.layout import KERNELS, N_FFT, Layout, their_name
from linernotes.versions.encoder.learnt import LearntEncoder, placed

if TYPE_CHECKING:
    from torch import Tensor

RATE = 16000
HOP = 320
POOL = 5
SEGMENTS_AT_ONCE = 4  # at 0.4 GB each


@dataclass(frozen=True, eq=False)
class Clews(LearntEncoder):
    """A published network as an encoder; see `LearntEncoder` for the rest.

    Parameters
    ----------
    kernels : Tensor [shape=(168, 1, 16384)]
        Real and imaginary constant-Q kernels, scaled.
    licence : str
        Text that lay beside the checkpoint.
    """

    kernels: Tensor
    licence: str

    def frames(self, audio: Audio) -> tuple[NDArray[np.float32], float]:
        """Return samples at 16 kHz and their rate."""
        samples = np.asarray(audio.samples, np.float32)
        if audio.sample_rate != RATE:
            samples = soxr.resample(samples, audio.sample_rate, RATE, quality="HQ")
        return samples[:, None], RATE

    def magnitudes(self, segments: Tensor) -> Tensor:
        """Return constant-Q magnitudes, five frames averaged."""
        return constant_q(segments[:, :, 0], self.kernels)


def load_clews(path: Path, device: str = "cpu", layout: Layout | None = None) -> Clews:
    """Return a published network as an encoder.

    Parameters
    ----------
    path : Path
        The checkpoint as downloaded, or one that `linernotes.versions.encoder.clews.convert` wrote.
    device : str, optional
        Where the network runs, as torch names it.
    layout : Layout, optional
        Sizes expected; those of the published networks by default.

    Raises
    ------
    InputError
        If the file is not a CLEWS checkpoint, or the device is not there.
    """
    import torch

    from linernotes.versions.encoder.network import Network

    weights = read_weights(path, layout)
    network = Network(weights.network)
    state = {
        name: torch.from_numpy(weights.arrays[their_name(name)]).reshape(value.shape).to(value.dtype)
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(state)
    network = placed(network, device)
    name = f"clews-{weights.sha256[:8]}"
    return Clews(
        network, name, _scaled_kernels(weights).to(device), weights.licence, at_once=SEGMENTS_AT_ONCE
    )


def constant_q(waves: Tensor, kernels: Tensor) -> Tensor:
    """Return pooled constant-Q magnitudes.

    Parameters
    ----------
    waves : Tensor [shape=(n_segments, n_samples)]
        At 16 kHz.
    kernels : Tensor [shape=(2 * n_bins, 1, n_fft)]
        Real, then imaginary.

    Returns
    -------
    Tensor [shape=(n_segments, n_bins, n_samples // 1600)]
        Magnitudes of frames of 100 ms.
    """
    import torch

    half = kernels.shape[2] // 2
    padded = torch.nn.functional.pad(waves[:, None], (half, half), mode="reflect")
    both = torch.nn.functional.conv1d(padded, kernels, stride=HOP)
    real, imaginary = both.chunk(2, dim=1)
    return torch.nn.functional.avg_pool1d((real.square() + imaginary.square()).sqrt(), POOL)


def _scaled_kernels(weights: Weights) -> Tensor:
    import torch

    lengths, real, imaginary = (weights.arrays[name] for name in KERNELS)
    if not (lengths > 0).all():
        raise InputError(f"{KERNELS[0]}: lengths of {N_FFT}-sample kernels must be positive")
    root = np.sqrt(lengths)[:, None, None]
    return torch.from_numpy(np.concatenate([real * root, imaginary * root]).astype(np.float32))
