"""Constant-Q bands of a recording on the clock of the encoder: 84 semitones from C1, ten frames a second.

A constant-Q transform with pooling over time is the energy of a band, averaged over a while. By Parseval's
theorem the power spectrum of one longer window, summed over the band, says the same. Four windows (0.74 s in
the lowest octave to 0.09 s in the highest two) keep the bands apart where they are narrow and the onsets
sharp where they are wide. Bands are Hann bumps on a logarithmic axis, one semitone to each side, and follow
the tuning of the recording.

Conventions
-----------
Frames are ``[shape=(n_frames, 84), float32]``, magnitudes >= 0, time first. Frame *t* stands for the seconds
``t / 10`` to ``(t + 1) / 10``. Bin 0 is C1, bin 45 is A4.

Cost
----
About 0.05 CPU-s for 60 s of audio at 22,050 Hz.

References
----------
Brown (1991), "Calculation of a constant Q spectral transform", JASA 89(1).
Schörkhuber, Klapuri (2010), "Constant-Q transform toolbox for music processing", SMC (several resolutions).

Known limits
------------
One tuning per recording, within half a semitone of A4 = 440 Hz. Nothing above B7 is heard.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse
import soxr
from numpy.typing import NDArray

from linernotes.audio.chroma import BINS_PER_SEMITONE, estimate_tuning
from linernotes.audio.files import Audio

RATE = 11025
FRAMES_PER_S = 10
LOWEST_HZ = 440 * 2 ** (-45 / 12)
N_BINS = 84
WINDOWS = ((8192, 0, 12), (4096, 12, 36), (2048, 36, 60), (1024, 60, 84))  # FFT length, first bin, end
TUNING_BINS = (36, 72)  # C4 to B6: partials that are strong and far apart
TUNING_STEP = 0.05
BLOCK = 256  # frames; bounds the memory


def constant_q_bands(audio: Audio) -> NDArray[np.float32]:
    """Return the magnitudes of 84 semitone bands, ten times a second.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, 84)]
        Root of the energy of each band, >= 0.

    Examples
    --------
    >>> time_s = np.arange(22050) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> bands = constant_q_bands(tone)
    >>> bands.shape, int(bands[10].argmax())
    ((20, 84), 45)
    """
    samples = np.asarray(audio.samples, np.float32)
    if audio.sample_rate != RATE:
        samples = soxr.resample(samples, audio.sample_rate, RATE, quality="MQ")
    hop = RATE / FRAMES_PER_S
    n_frames = max(1, round(len(samples) / hop))
    centres = np.round((np.arange(n_frames) + 0.5) * hop).astype(np.int64)
    padded = np.pad(samples, (WINDOWS[0][0], WINDOWS[0][0] + round(hop)))
    n_fft, first, end = WINDOWS[2]
    power = _power(padded, centres, n_fft)
    tuning = tuning_of(power)
    bands = np.empty((n_frames, N_BINS), np.float32)
    for size, first, end in WINDOWS:
        spectrum = power if size == n_fft else _power(padded, centres, size)
        bands[:, first:end] = spectrum @ _bumps(size, first, end, tuning)
    return np.sqrt(np.maximum(bands, 0, out=bands), out=bands)


def tuning_of(power: NDArray[np.float32]) -> float:
    """Return the tuning of a recording in semitones away from A4 = 440 Hz, in steps of 0.05.

    Parameters
    ----------
    power : NDArray[np.float32] [shape=(n_frames, 1025)]
        Power spectra of 2,048 samples at 11,025 Hz.

    Returns
    -------
    float
        In [-0.5, 0.5].
    """
    peaks = power.mean(axis=0)
    fine = peaks @ _fine_bumps(2 * (len(peaks) - 1))
    return round(estimate_tuning(np.sqrt(fine)[None]) / TUNING_STEP) * TUNING_STEP


def _power(padded: NDArray[np.float32], centres: NDArray[np.int64], n_fft: int) -> NDArray[np.float32]:
    """Return power spectra around the centres, [shape=(n_frames, n_fft // 2 + 1)]."""
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)
    window = np.hanning(n_fft).astype(np.float32)
    window /= window.sum()
    starts = centres + WINDOWS[0][0] - n_fft // 2
    power = np.empty((len(centres), n_fft // 2 + 1), np.float32)
    for first in range(0, len(centres), BLOCK):
        spectrum = scipy.fft.rfft(windows[starts[first : first + BLOCK]] * window, axis=1)
        power[first : first + BLOCK] = spectrum.real**2 + spectrum.imag**2
    return power


@lru_cache(maxsize=128)
def _bumps(n_fft: int, first: int, end: int, tuning: float) -> scipy.sparse.csc_matrix:
    """Return Hann bumps of the bands, [shape=(n_fft // 2 + 1, end - first), float32]."""
    centres = np.asarray(np.arange(first, end) + tuning, np.float64)
    return scipy.sparse.csc_matrix(_hann(n_fft, centres, 1.0))


@lru_cache(maxsize=2)
def _fine_bumps(n_fft: int) -> NDArray[np.float32]:
    """Return bumps three to the semitone between `TUNING_BINS`."""
    low, high = TUNING_BINS
    centres = np.arange(low * BINS_PER_SEMITONE, high * BINS_PER_SEMITONE) / BINS_PER_SEMITONE
    return _hann(n_fft, centres, 0.5)


def _hann(n_fft: int, centres: NDArray[np.float64], reach: float) -> NDArray[np.float32]:
    hz = np.arange(n_fft // 2 + 1) * RATE / n_fft
    pitch = np.full(len(hz), -1e3)
    pitch[1:] = 12 * np.log2(hz[1:] / LOWEST_HZ)
    away = np.abs(pitch[:, None] - centres[None]) / reach
    return np.where(away < 1, 0.5 + 0.5 * np.cos(np.pi * away), 0).astype(np.float32)
