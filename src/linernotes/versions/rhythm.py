"""Rhythm of a recording as onset periodicities on a logarithmic lag axis.

The autocorrelation of onset strength over six seconds, in two registers. On a logarithmic axis a change of tempo is a
shift, so patterns compare at any tempo (Jensen, Holzapfel).

Conventions
-----------
Arrays are ``[shape=(n_frames, n_values), float32]``.

References
----------
Jensen, Christensen, Ellis, Jensen (2009), "Quantitative analysis of a common audio similarity measure"; and
Holzapfel, Stylianou (2009), "A scale transform based method for rhythmic similarity of music", ICASSP.
Böck, Widmer (2013), "Maximum filter vibrato suppression for onset detection", DAFx (spectral flux).

Known limits
------------
Rhythm keeps the pattern of periodicities, not the position in the bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from linernotes.audio.files import Audio


@dataclass(frozen=True, slots=True)
class RhythmConfig:
    """Settings of `rhythm_patterns`.

    Parameters
    ----------
    hop_s : float
        Seconds between patterns.
    window_s : float
        Length of audio behind one pattern.
    lags_per_octave : int
        Resolution of the logarithmic lag axis.
    """

    hop_s: float = 0.25
    window_s: float = 6.0
    lags_per_octave: int = 12


def rhythm_patterns(
    audio: Audio, n_frames: int, config: RhythmConfig = RhythmConfig()
) -> NDArray[np.float32]:
    """Return onset periodicity around each frame on a logarithmic lag axis, low register then high.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    n_frames : int
        Frames wanted, ``config.hop_s`` apart.
    config : RhythmConfig, optional
        Window and resolution.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, 2 * n_lags)]
        Autocorrelation in [-1, 1] at lags from 0.15 s to 2.4 s.
    """
    rate = 100.0
    onsets = onset_strength(audio, rate)
    length = round(config.window_s * rate)
    lags = rhythm_lags(config) * rate
    columns = []
    for band in onsets.T:
        padded = np.pad(band, length)
        starts = np.round((np.arange(n_frames) + 0.5) * config.hop_s * rate).astype(np.int64) + length // 2
        starts = np.minimum(starts, len(padded) - length)
        windows = np.lib.stride_tricks.sliding_window_view(padded, length)[starts] * np.hanning(length)
        windows = windows - windows.mean(axis=1, keepdims=True)
        power = np.abs(scipy.fft.rfft(windows, 2 * length, axis=1)) ** 2
        correlation = scipy.fft.irfft(power, axis=1)[:, :length]
        correlation /= np.maximum(correlation[:, :1], 1e-9)
        low = np.floor(lags).astype(np.int64)
        part = lags - low
        columns.append((1 - part) * correlation[:, low] + part * correlation[:, low + 1])
    return np.concatenate(columns, axis=1).astype(np.float32)


def rhythm_lags(config: RhythmConfig = RhythmConfig()) -> NDArray[np.float64]:
    """Return the lags of one register of `rhythm_patterns` in seconds, four octaves from 0.15 s.

    Examples
    --------
    >>> rhythm_lags()[[0, 12, 47]].round(2).tolist()
    [0.15, 0.3, 2.27]
    """
    return np.asarray(0.15 * 2 ** (np.arange(4 * config.lags_per_octave) / config.lags_per_octave))


def onset_strength(audio: Audio, rate: float = 100.0) -> NDArray[np.float32]:
    """Return half-wave rectified spectral flux below and above 250 Hz.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    rate : float
        Frames per second.

    Returns
    -------
    NDArray[np.float32] [shape=(n_onset_frames, 2)]
        Flux of the log magnitude less its running mean over half a second, >= 0.
    """
    target, n_fft = 11025, 512
    samples = audio.samples
    if audio.sample_rate != target:
        samples = soxr.resample(samples, audio.sample_rate, target, quality="MQ")
    starts = np.round(np.arange(int(len(samples) / target * rate)) * target / rate).astype(np.int64)
    padded = np.pad(samples.astype(np.float32), (n_fft // 2, n_fft))
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[starts] * np.hanning(n_fft).astype(
        np.float32
    )
    spectrum = np.abs(scipy.fft.rfft(windows, axis=1))
    loud = float(np.percentile(spectrum, 99)) or 1.0
    compressed = np.log1p(100 * spectrum / loud)
    flux = np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0)
    split = round(250 / target * n_fft)
    bands = np.stack([flux[:, :split].mean(axis=1), flux[:, split:].mean(axis=1)], axis=1)
    local = scipy.ndimage.uniform_filter1d(bands, round(rate / 2), axis=0)
    return np.asarray(np.maximum(bands - local, 0), np.float32)
