"""Short-time spectra: power, a logarithmic frequency axis and mel bands.

A windowed Fourier transform gives power per linear frequency bin. Two banks of triangular filters
turn it into bands: logarithmic ones, spaced like notes (24 per octave are quarter tones), and mel
ones, spaced like hearing. Both banks are plain matrices, so a spectrum in bands is one product.

Conventions
-----------
Spectra are ``[shape=(n_frames, n_bins), float32]``: time goes down, frequency to the right. Frame *k*
is centred on sample ``k * hop_length``; the edges are padded with zeros. Power is the squared
magnitude under a periodic Hann window, divided by the squared sum of the window: a full-scale sine
has power 1/4 in its bin, whatever the frame length.

Cost
----
One core turns 8 kHz audio into quarter-tone power about 2,000 times faster than real time.

References
----------
Brown (1991), "Calculation of a constant Q spectral transform", JASA 89 (the logarithmic axis; here
it is a resampled Fourier spectrum, not a constant-Q transform). Slaney (1998), "Auditory Toolbox"
(the mel scale: linear below 1 kHz, logarithmic above).

Known limits
------------
Where bands lie closer than the Fourier bins (low notes, short frames), neighbours are interpolated:
the axis is fine, the resolution is still that of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from linernotes.errors import InputError

Floats = NDArray[np.float32]

_FRAMES_PER_BLOCK = 4096  # bounds the memory: a block of 1024-sample frames is 16 MiB
_MEL_BREAK_HZ = 1000.0
_MEL_LINEAR_HZ = 200.0 / 3
_MEL_LOG_STEP = math.log(6.4) / 27


def stft_power(samples: Floats, frame_length: int, hop_length: int) -> Floats:
    """Return the power of each frame in linear frequency bins.

    Parameters
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Mono audio.
    frame_length, hop_length : int > 0
        Window and step, in samples.

    Returns
    -------
    NDArray[np.float32] [shape=(1 + n_samples // hop_length, 1 + frame_length // 2)]
        Squared magnitude; bin *b* is centred on ``b * sample_rate / frame_length`` Hz.

    Raises
    ------
    InputError
        If there are no samples, or a length is not positive.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    >>> power = stft_power(tone, frame_length=1024, hop_length=128)
    >>> power.shape, int(power[30].argmax()), round(float(power[30].max()), 3)
    ((63, 513), 128, 0.25)
    """
    return np.concatenate(list(_power_blocks(samples, frame_length, hop_length)))


def band_power(samples: Floats, filterbank: Floats, frame_length: int, hop_length: int) -> Floats:
    """Return the power of each frame in the bands of a filterbank, block by block.

    The same as ``stft_power(...) @ filterbank.T`` without ever holding the whole linear spectrum.

    Parameters
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Mono audio.
    filterbank : NDArray[np.float32] [shape=(n_bands, 1 + frame_length // 2)]
        From `log_frequency_filterbank` or `mel_filterbank`.
    frame_length, hop_length : int > 0
        Window and step, in samples.

    Returns
    -------
    NDArray[np.float32] [shape=(1 + n_samples // hop_length, n_bands)]
        Power per band.

    Raises
    ------
    InputError
        As `stft_power`, or if the filterbank was made for another frame length.

    Examples
    --------
    >>> bank = mel_filterbank(8000, frame_length=512, n_bands=40)
    >>> band_power(np.ones(4000, np.float32), bank, frame_length=512, hop_length=250).shape
    (17, 40)
    """
    if filterbank.shape[1] != 1 + frame_length // 2:
        raise InputError(
            f"filterbank for {filterbank.shape[1]} frequency bins; frames of {frame_length} samples have "
            f"{1 + frame_length // 2}; make it with the same frame_length"
        )
    weights = np.ascontiguousarray(filterbank.T)
    return np.concatenate([block @ weights for block in _power_blocks(samples, frame_length, hop_length)])


def log_frequency_filterbank(
    sample_rate: int, frame_length: int, *, lowest_hz: float, n_bands: int, bands_per_octave: int = 24
) -> Floats:
    """Return triangular filters on a logarithmic frequency axis.

    Band *b* is centred on ``lowest_hz * 2 ** (b / bands_per_octave)``. Its triangle reaches to its
    neighbours' centres, and never less than one Fourier bin to each side; its weights add to one, so a
    flat spectrum stays flat.

    Returns
    -------
    NDArray[np.float32] [shape=(n_bands, 1 + frame_length // 2)]
        Non-negative weights; each row adds to 1.

    Raises
    ------
    InputError
        If a band lies outside 0 to ``sample_rate / 2``.

    Examples
    --------
    >>> bank = log_frequency_filterbank(8000, 1024, lowest_hz=220.0, n_bands=96)
    >>> bank.shape, int(bank[24].argmax()) * 8000 / 1024
    ((96, 513), 437.5)
    """
    centres = lowest_hz * 2.0 ** (np.arange(-1, n_bands + 1) / bands_per_octave)
    if lowest_hz <= 0 or n_bands < 1 or centres[-2] >= sample_rate / 2:
        raise InputError(
            f"{n_bands} bands from {lowest_hz} Hz reach {centres[-2]:.0f} Hz; "
            f"expected bands between 0 and {sample_rate / 2:.0f} Hz"
        )
    bin_hz = sample_rate / frame_length
    below = np.maximum(centres[1:-1] - centres[:-2], bin_hz)
    above = np.maximum(centres[2:] - centres[1:-1], bin_hz)
    return _triangles(centres[1:-1], below, above, bin_hz, frame_length)


def mel_filterbank(
    sample_rate: int,
    frame_length: int,
    *,
    n_bands: int,
    lowest_hz: float = 0.0,
    highest_hz: float | None = None,
) -> Floats:
    """Return triangular filters on Slaney's mel scale; each row adds to 1.

    Parameters
    ----------
    sample_rate, frame_length, n_bands : int > 0
        Rate in Hz, window in samples, number of bands.
    lowest_hz, highest_hz : float
        Edges of the first and last triangle; the default for the highest is half the sample rate.

    Returns
    -------
    NDArray[np.float32] [shape=(n_bands, 1 + frame_length // 2)]
        Non-negative weights.

    Raises
    ------
    InputError
        If the edges do not lie in order between 0 and half the sample rate.

    Examples
    --------
    >>> bank = mel_filterbank(16000, 1024, n_bands=80)
    >>> bank.shape, round(float(bank.sum(axis=1).min()), 5)
    ((80, 513), 1.0)
    """
    top = sample_rate / 2 if highest_hz is None else highest_hz
    if not 0 <= lowest_hz < top <= sample_rate / 2 or n_bands < 1:
        raise InputError(
            f"{n_bands} mel bands from {lowest_hz} to {top} Hz; "
            f"expected at least one band with 0 <= lowest < highest <= {sample_rate / 2:.0f} Hz"
        )
    edges = _mel_to_hz(np.linspace(_hz_to_mel(lowest_hz), _hz_to_mel(top), n_bands + 2))
    bin_hz = sample_rate / frame_length
    below, above = np.diff(edges)[:-1], np.diff(edges)[1:]
    return _triangles(edges[1:-1], np.maximum(below, bin_hz), np.maximum(above, bin_hz), bin_hz, frame_length)


def _power_blocks(samples: Floats, frame_length: int, hop_length: int) -> Iterator[Floats]:
    if frame_length < 2 or hop_length < 1:
        raise InputError(
            f"frame_length {frame_length}, hop_length {hop_length}: expected at least 2 and 1 samples"
        )
    if len(samples) == 0:
        raise InputError("0 samples: expected audio to take a spectrum of")
    n_frames = 1 + len(samples) // hop_length
    half = frame_length // 2
    padded = np.zeros((n_frames - 1) * hop_length + frame_length, np.float32)
    usable = min(len(samples), len(padded) - half)
    padded[half : half + usable] = samples[:usable]
    window = get_window("hann", frame_length).astype(np.float32)
    window /= window.sum()
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame_length)[::hop_length]
    for first in range(0, n_frames, _FRAMES_PER_BLOCK):
        spectrum = rfft(frames[first : first + _FRAMES_PER_BLOCK] * window, axis=1)
        yield spectrum.real**2 + spectrum.imag**2


def _triangles(
    centres: NDArray[np.float64],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    bin_hz: float,
    frame_length: int,
) -> Floats:
    distance = np.arange(1 + frame_length // 2) * bin_hz - centres[:, None]
    reach = np.where(distance < 0, below[:, None], above[:, None])
    weights = np.maximum(0.0, 1.0 - np.abs(distance) / reach)
    bank: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return bank


def _hz_to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _MEL_LINEAR_HZ
    return _MEL_BREAK_HZ / _MEL_LINEAR_HZ + math.log(hz / _MEL_BREAK_HZ) / _MEL_LOG_STEP


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = _MEL_BREAK_HZ / _MEL_LINEAR_HZ
    return np.where(
        mel < break_mel, mel * _MEL_LINEAR_HZ, _MEL_BREAK_HZ * np.exp((mel - break_mel) * _MEL_LOG_STEP)
    )
