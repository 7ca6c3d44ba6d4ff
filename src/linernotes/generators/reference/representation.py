"""What the reference generator sees and makes: patches of a log-mel spectrogram on principal axes.

Eight spectrogram frames (128 ms) are one token. A linear projection fitted on the corpus keeps the
strongest directions of variation, and scales each by the square root of its standard deviation ("half
whitening"), so that quiet detail counts without drowning the loud. Encoding and decoding are exact up
to the directions dropped: an autoencoder that cannot fail to train. Sound comes back by Griffin-Lim.

Conventions
-----------
Log-mel is natural log of magnitude, ``[shape=(n_frames, n_mels), float32]``; tokens are
``[shape=(n_tokens, n_dims), float32]`` with unit overall variance over the corpus.

References
----------
Griffin and Lim (1984), "Signal estimation from modified short-time Fourier transform"; Perraudin,
Balazs, Søndergaard (2013), "A fast Griffin-Lim algorithm"; Slaney (1998), "Auditory toolbox".

Known limits
------------
Phase is invented, so transients smear; the projection is fitted on the corpus as a whole, as the
frozen autoencoder of a latent diffusion model is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linernotes.errors import InputError, NotFitted


@dataclass(frozen=True, slots=True)
class RepresentationConfig:
    """Sizes of the representation; the defaults give 32 tokens per 4.096 s."""

    sample_rate: int = 24000
    n_fft: int = 1536
    hop: int = 384
    n_mels: int = 128
    lowest_hz: float = 30.0
    patch_frames: int = 8
    n_dims: int = 128
    segment_tokens: int = 32
    floor: float = 1e-4
    griffin_lim_steps: int = 48

    @property
    def token_samples(self) -> int:
        """Audio samples per token."""
        return self.hop * self.patch_frames

    @property
    def segment_samples(self) -> int:
        """Audio samples per segment."""
        return self.token_samples * self.segment_tokens

    @property
    def segment_s(self) -> float:
        """Seconds per segment."""
        return self.segment_samples / self.sample_rate


def mel_filters(n_mels: int, n_fft: int, sample_rate: int, lowest_hz: float) -> NDArray[np.float32]:
    """Return triangular filters on the Slaney mel scale, each with unit area.

    Parameters
    ----------
    n_mels : int > 0
        Number of bands.
    n_fft : int > 0
        Transform length in samples.
    sample_rate : int > 0
        In Hz; the highest band ends at half of it.
    lowest_hz : float >= 0
        Lower edge of the lowest band.

    Returns
    -------
    NDArray [shape=(n_mels, n_fft // 2 + 1), float32]
        Weights per band and frequency bin.

    Examples
    --------
    >>> mel_filters(20, 512, 16000, 50.0).shape
    (20, 257)
    """
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(lowest_hz), _hz_to_mel(sample_rate / 2), n_mels + 2))
    bins_hz = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    lower, centre, upper = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    # a band narrower than one bin can miss every bin centre: it then listens to the nearest
    empty = triangles.sum(axis=1) == 0
    nearest = np.abs(bins_hz[None, :] - centre[empty]).argmin(axis=1)
    triangles[np.flatnonzero(empty), nearest] = 1.0
    return (triangles * (2.0 / (upper - lower))).astype(np.float32)


def _hz_to_mel(hz: float) -> float:
    linear = hz * 3 / 200
    return linear if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))


class Representation:
    """Audio to tokens and back, once `fit` or loaded from stored tensors.

    Parameters
    ----------
    config : RepresentationConfig
        Sizes.
    tensors : dict of str to Tensor, optional
        ``mean``, ``axes`` and ``scale`` as `tensors` gives them.
    """

    def __init__(self, config: RepresentationConfig, tensors: dict[str, Tensor] | None = None) -> None:
        self.config = config
        self._tensors = tensors
        filters = mel_filters(config.n_mels, config.n_fft, config.sample_rate, config.lowest_hz)
        self._filters = torch.from_numpy(filters)
        self._window = torch.hann_window(config.n_fft)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The fitted projection, for storing beside the weights."""
        if self._tensors is None:
            raise NotFitted("the representation has no projection yet; fit it on a corpus or load weights")
        return self._tensors

    def log_mel(self, samples: NDArray[np.float32]) -> Tensor:
        """Return the log-mel spectrogram, padded to whole tokens [shape=(n_frames, n_mels)]."""
        config = self.config
        n_tokens = max(1, -(-len(samples) // config.token_samples))
        padded = torch.zeros(n_tokens * config.token_samples)
        padded[: len(samples)] = torch.from_numpy(np.ascontiguousarray(samples))
        spectrum = torch.stft(
            padded, config.n_fft, config.hop, window=self._window, center=True, return_complex=True
        ).abs()
        mel = self._filters @ spectrum[:, : n_tokens * config.patch_frames]
        return torch.log(mel.clamp_min(config.floor)).T

    def fit(self, spectrograms: list[Tensor]) -> None:
        """Choose the projection from log-mel spectrograms of a corpus.

        Raises
        ------
        InputError
            If the corpus holds fewer tokens than the projection has dimensions.
        """
        patches = torch.cat([self._patches(spectrogram) for spectrogram in spectrograms]).double()
        if len(patches) <= self.config.n_dims:
            raise InputError(
                f"corpus: {len(patches)} tokens of {self.config.token_samples / self.config.sample_rate:.3f} s; "
                f"expected more than {self.config.n_dims}; add audio"
            )
        mean = patches.mean(dim=0)
        variance, axes = torch.linalg.eigh(torch.cov((patches - mean).T))
        variance, axes = variance.flip(0)[: self.config.n_dims], axes.flip(1)[:, : self.config.n_dims]
        scale = variance.clamp_min(1e-8) ** 0.25  # square root of the standard deviation: half whitening
        overall = (variance / scale**2).mean().sqrt()
        self._tensors = {
            "mean": mean.float(),
            "axes": axes.float().contiguous(),
            "scale": (scale * overall).float(),
        }

    def tokens(self, spectrogram: Tensor) -> Tensor:
        """Project a log-mel spectrogram [shape=(n_frames, n_mels)] to tokens [shape=(n_tokens, n_dims)]."""
        fitted = self.tensors
        return ((self._patches(spectrogram) - fitted["mean"]) @ fitted["axes"]) / fitted["scale"]

    def spectrogram(self, tokens: Tensor) -> Tensor:
        """Return the log-mel spectrogram [shape=(n_frames, n_mels)] of tokens."""
        fitted = self.tensors
        patches = (tokens * fitted["scale"]) @ fitted["axes"].T + fitted["mean"]
        return patches.reshape(-1, self.config.n_mels).clamp_min(float(np.log(self.config.floor)))

    def audible(self, spectrogram: Tensor) -> Tensor:
        """Tell which tokens hold sound [shape=(n_tokens,), bool]: any band 20 dB above the floor."""
        level = self._patches(spectrogram).amax(dim=1)
        return level > float(np.log(self.config.floor * 10))

    def samples(self, spectrogram: Tensor, seed: int = 0) -> NDArray[np.float32]:
        """Turn a log-mel spectrogram into sound by fast Griffin-Lim from a seeded random phase.

        Returns
        -------
        NDArray [shape=(n_frames * hop,), float32]
            Peak-limited samples.
        """
        config = self.config
        magnitude = torch.linalg.pinv(self._filters.double()).float() @ torch.exp(spectrogram.T)
        magnitude = self._refine(magnitude.clamp_min(0), torch.exp(spectrogram.T))
        magnitude = torch.cat([magnitude, magnitude[:, -1:]], dim=1)
        random = torch.Generator().manual_seed(seed)
        phase = torch.exp(2j * np.pi * torch.rand(magnitude.shape, generator=random))
        estimate, previous = magnitude * phase, torch.zeros_like(magnitude * phase)
        length = spectrogram.shape[0] * config.hop
        for _ in range(config.griffin_lim_steps):
            sound = torch.istft(estimate, config.n_fft, config.hop, window=self._window, length=length)
            rebuilt = torch.stft(sound, config.n_fft, config.hop, window=self._window, return_complex=True)
            leap = rebuilt + 0.99 * (rebuilt - previous)
            estimate, previous = magnitude * leap / leap.abs().clamp_min(1e-8), rebuilt
        sound = torch.istft(estimate, config.n_fft, config.hop, window=self._window, length=length)
        peak = float(sound.abs().max())
        result: NDArray[np.float32] = (sound / peak * 0.98 if peak > 0.98 else sound).numpy()
        return result

    def _refine(self, magnitude: Tensor, mel: Tensor) -> Tensor:
        """Multiplicative updates toward a non-negative spectrum that has this mel spectrum (Lee and Seung, 2001)."""
        magnitude = magnitude + 1e-6
        target = self._filters.T @ mel
        for _ in range(20):
            magnitude = magnitude * target / (self._filters.T @ (self._filters @ magnitude)).clamp_min(1e-9)
        return magnitude

    def _patches(self, spectrogram: Tensor) -> Tensor:
        frames = self.config.patch_frames
        whole = spectrogram.shape[0] // frames * frames
        return spectrogram[:whole].reshape(-1, frames * self.config.n_mels)
