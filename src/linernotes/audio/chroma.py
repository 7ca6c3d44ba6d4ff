"""Constant-Q spectrum, tuning and chroma: pitch content on a musical frequency axis.

Every spectral kernel of Brown and Puckette is a windowed complex exponential whose length is a fixed
number of periods, so a semitone is as wide in the bass as in the treble. The kernels are applied in
the frequency domain, where they are sparse. Magnitudes are compressed and freed of the recording's
colour (the mean over an octave around each bin), tuning is read off the energy-weighted phase of the
three bins of a semitone, and bins are folded to the twelve pitch classes.

Conventions
-----------
Spectra are ``[shape=(n_frames, n_bins), float32]``, time first. Bin *k* has its centre at
``lowest_hz * 2 ** (k / 36)``. Frame *t* is centred on ``t * hop_s`` seconds. Chroma column 0 is C.

Assumptions
-----------
Twelve-tone equal temperament around one tuning per recording.

Cost
----
About 0.25 CPU-s for 60 s of audio.

References
----------
Brown, Puckette (1992), "An efficient algorithm for the calculation of a constant Q transform", JASA 92(5).
Schörkhuber et al. (2014), "A Matlab toolbox for efficient perfect reconstruction time-frequency transforms
with log-frequency resolution", AES 53 (the shortest kernel is bounded, as there).
Müller, Ewert (2011), "Chroma toolbox", ISMIR (compression and smoothing of chroma).
Zhu, Kankanhalli, Gao (2005), "Music key detection for musical audio", MMM (tuning from sub-semitone bins).

Known limits
------------
Drifting tuning and microtonal music are read as the nearest semitone. Kernels are at least 0.1 s long,
so trills and fast runs blur.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.sparse
import soxr
from numpy.typing import NDArray

from linernotes.audio.files import Audio

BINS_PER_SEMITONE = 3
BINS_PER_OCTAVE = 12 * BINS_PER_SEMITONE
PITCH_CLASSES = 12


@dataclass(frozen=True, slots=True)
class ConstantQConfig:
    """Settings of `constant_q`.

    Parameters
    ----------
    sample_rate : int
        Rate of analysis in Hz; other rates are resampled.
    hop_s : float
        Seconds between frames.
    lowest_hz : float
        Centre of bin 0; the default is C2.
    n_octaves : int
        Octaves covered.
    quality : float
        Periods per kernel, centre frequency over bandwidth.
    shortest_s : float
        Lower bound of a kernel's length.
    n_fft : int
        Length of the transform in samples; must hold the longest kernel.
    """

    sample_rate: int = 11025
    hop_s: float = 0.05
    lowest_hz: float = 65.40639
    n_octaves: int = 6
    quality: float = 34.0
    shortest_s: float = 0.1
    n_fft: int = 8192

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return self.n_octaves * BINS_PER_OCTAVE


def constant_q(audio: Audio, config: ConstantQConfig = ConstantQConfig()) -> NDArray[np.float32]:
    """Return the magnitudes of a constant-Q transform.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate.
    config : ConstantQConfig, optional
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, n_bins)]
        Magnitudes >= 0; a sine of amplitude 1 on a bin's centre reads about 0.5.

    References
    ----------
    Brown, Puckette (1992).

    Examples
    --------
    >>> time_s = np.arange(22050) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> int(constant_q(tone)[20].argmax())  # A4 lies 33 semitones above C2
    99
    """
    samples = audio.samples
    if audio.sample_rate != config.sample_rate:
        samples = soxr.resample(samples, audio.sample_rate, config.sample_rate, quality="HQ")
    hop = config.hop_s * config.sample_rate
    n_frames = max(1, int(len(samples) / hop))
    padded = np.pad(samples.astype(np.float32), (config.n_fft // 2, config.n_fft))
    windows = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)
    kernels = _kernels(config)
    magnitudes = np.empty((n_frames, config.n_bins), np.float32)
    starts = np.round(np.arange(n_frames) * hop).astype(np.int64)
    for first in range(0, n_frames, 128):  # blocks bound the memory
        block = windows[starts[first : first + 128]]
        spectrum = scipy.fft.rfft(block, axis=1, overwrite_x=False)
        magnitudes[first : first + 128] = np.abs((kernels @ spectrum.T).T)
    return magnitudes


def whiten(magnitudes: NDArray[np.float32], compression: float = 200.0) -> NDArray[np.float32]:
    """Compress magnitudes and remove the recording's colour.

    ``log(1 + compression * x / loud)``, where *loud* is the 99th percentile, less its mean over the octave
    around each bin, floored at zero.

    Parameters
    ----------
    magnitudes : NDArray[np.float32] [shape=(n_frames, n_bins)]
        Output of `constant_q`.
    compression : float > 0
        Larger values raise quiet partials.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, n_bins)]
        Prominence of each bin, >= 0; unchanged when the input is scaled.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.random((5, 72)).astype(np.float32)
    >>> bool(np.allclose(whiten(x), whiten(2 * x), atol=1e-5))
    True
    """
    loud = float(np.percentile(magnitudes, 99)) or 1.0
    compressed = np.log1p(compression * magnitudes / loud)
    colour = scipy.ndimage.uniform_filter1d(compressed, BINS_PER_OCTAVE, axis=1, mode="nearest")
    return np.asarray(np.maximum(compressed - colour, 0), np.float32)


def estimate_tuning(spectrum: NDArray[np.float32]) -> float:
    """Return the tuning of a recording in semitones away from A4 = 440 Hz, in [-0.5, 0.5).

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, n_bins)]
        Output of `constant_q`. Whitened spectra are cut at zero, which pulls the figure towards the nearest
        bin.

    Notes
    -----
    The weight of the spectrum is summed as a vector that turns once per semitone; the direction of the
    sum is the tuning (Zhu, Kankanhalli, Gao 2005).

    Examples
    --------
    >>> time_s = np.arange(22050) / 11025
    >>> sharp = 440 * 2 ** (0.2 / 12)
    >>> tone = Audio(np.sin(2 * np.pi * sharp * time_s).astype(np.float32), 11025)
    >>> round(estimate_tuning(constant_q(tone)), 1)
    0.2
    """
    weight = np.asarray(spectrum, np.float64).sum(axis=0)
    turns = np.exp(2j * np.pi * np.arange(len(weight)) / BINS_PER_SEMITONE)
    total = complex((weight * turns).sum())
    return 0.0 if abs(total) == 0 else float(np.angle(total) / (2 * np.pi))


def semitones(spectrum: NDArray[np.float32], tuning: float) -> NDArray[np.float32]:
    """Sample the spectrum at semitones, shifted by the tuning.

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, n_bins)]
        36 bins per octave.
    tuning : float
        In semitones.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, n_bins // 3)]
        Row weights are a Hann bump one semitone wide to each side.

    Examples
    --------
    >>> semitones(np.ones((2, 72), np.float32), 0.0).shape
    (2, 24)
    """
    n_bins = spectrum.shape[1]
    centres = (np.arange(n_bins // BINS_PER_SEMITONE) + tuning) * BINS_PER_SEMITONE
    distance = np.abs(np.arange(n_bins)[:, None] - centres[None, :]) / BINS_PER_SEMITONE
    weights = np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * distance), 0)
    return np.asarray(spectrum @ (weights / BINS_PER_SEMITONE), np.float32)


def fold_octaves(
    pitches: NDArray[np.float32], weights: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Sum semitones over octaves into chroma.

    Parameters
    ----------
    pitches : NDArray[np.float32] [shape=(n_frames, n_semitones)]
        Starting at a C, as `constant_q` does by default; *n_semitones* is a multiple of 12.
    weights : NDArray[np.float32] [shape=(n_semitones,)], optional
        Emphasis of registers.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, 12)]
        Chroma, not normalised.

    Examples
    --------
    >>> fold_octaves(np.eye(24, dtype=np.float32)).argmax(axis=1)[[0, 9, 12, 23]].tolist()
    [0, 9, 0, 11]
    """
    weighted = pitches if weights is None else pitches * weights
    folded = weighted.reshape(len(weighted), -1, PITCH_CLASSES).sum(axis=1)
    return np.asarray(folded, np.float32)


def chroma(audio: Audio, config: ConstantQConfig = ConstantQConfig()) -> NDArray[np.float32]:
    """Return tuned, whitened chroma of a recording.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate.
    config : ConstantQConfig, optional
        Settings of the constant-Q transform; its lowest bin must be a C.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, 12)]
        Non-negative; column 0 is C.

    Examples
    --------
    >>> time_s = np.arange(11025) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> int(chroma(tone)[10].argmax())  # A
    9
    """
    magnitudes = constant_q(audio, config)
    return fold_octaves(semitones(whiten(magnitudes), estimate_tuning(magnitudes)))


@lru_cache(maxsize=4)
def _kernels(config: ConstantQConfig) -> scipy.sparse.csr_matrix:
    """Return the conjugate spectral kernels, [shape=(n_bins, n_fft // 2 + 1), complex64]."""
    rows = np.zeros((config.n_bins, config.n_fft // 2 + 1), np.complex64)
    for k in range(config.n_bins):
        hz = config.lowest_hz * 2 ** (k / BINS_PER_OCTAVE)
        seconds = max(config.quality / hz, config.shortest_s)
        length = min(int(seconds * config.sample_rate), config.n_fft)
        window = np.hanning(length)
        phase = 2j * np.pi * hz / config.sample_rate * (np.arange(length) - length // 2)
        kernel = np.zeros(config.n_fft, np.complex128)
        start = (config.n_fft - length) // 2
        kernel[start : start + length] = window / window.sum() * np.exp(phase)
        spectral = np.fft.fft(kernel)[: config.n_fft // 2 + 1].conj() / config.n_fft
        spectral[np.abs(spectral) < 0.005 * np.abs(spectral).max()] = 0
        rows[k] = spectral
    return scipy.sparse.csr_matrix(rows)
