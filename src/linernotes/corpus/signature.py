"""A compact signature of a sound, for finding the same recording twice in one corpus.

Idea
----
At 8 kHz, the log energy in 20 bands from 100 to 3400 Hz, eight times a second, with everything taken
out that copying changes: the level of each frame (gain, compression), and each band's own running
mean over some seconds (equaliser, codec slope). What is left is how the spectrum *moves*, quantised
to one byte a value: 160 bytes per second.

Conventions
-----------
``int8 [shape=(n_frames, 20)]``, in steps of a quarter decibel, clipped at ±32 dB.

References
----------
Haitsma and Kalker (2002), "A highly robust audio fingerprinting system", for energy differences in
bands below 3.4 kHz as what survives coding; the correlation on top is our own.

Known limits
------------
Speed and pitch changes move the bands and are not undone. Sound that does not move, such as a held
tone, leaves an empty signature and is compared by its hash only.
"""

from __future__ import annotations

import functools

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from linernotes.audio.files import Audio

SAMPLE_RATE = 8000
FRAME = 2048
HOP = 1000
FRAMES_PER_SECOND = SAMPLE_RATE / HOP
N_BANDS = 20
LOWEST_HZ, HIGHEST_HZ = 100.0, 3400.0
FLOOR_DB = -50.0  # below the loud parts of the file: what lies deeper is codec noise
MEAN_FRAMES = 65  # running mean over 8 s
STEP_DB = 0.25


def signature(audio: Audio) -> NDArray[np.int8]:
    """Return the signature of a sound.

    Parameters
    ----------
    audio : Audio
        Mono sound at any rate.

    Returns
    -------
    NDArray[np.int8] [shape=(n_frames, 20)]
        Movement of the spectrum in quarter decibels, eight frames a second.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=16000).astype(np.float32) / 8
    >>> loud, soft = signature(Audio(noise, 8000)), signature(Audio(noise / 2, 8000))
    >>> loud.shape, int(np.abs(loud.astype(int) - soft).max()) <= 1
    ((16, 20), True)
    """
    samples = audio.samples
    if audio.sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, audio.sample_rate, SAMPLE_RATE, quality="MQ")
    levels = _levels(samples)
    levels = levels - levels.mean(axis=1, keepdims=True)
    moving = levels - uniform_filter1d(levels, MEAN_FRAMES, axis=0, mode="nearest")
    quantised: NDArray[np.int8] = np.clip(np.rint(moving / STEP_DB), -127, 127).astype(np.int8)
    return quantised


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return band energies in dB above the floor [shape=(n_frames, 20)]."""
    padded = np.pad(samples, (FRAME // 2, FRAME))
    n_frames = max(1, len(samples) // HOP)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:n_frames]
    bands, window = _bands(), np.hanning(FRAME).astype(np.float32)
    energy = np.empty((n_frames, N_BANDS), np.float32)
    for first in range(0, n_frames, 256):  # a bounded stretch at a time: an hour needs no gigabyte
        spectrum = np.fft.rfft(frames[first : first + 256] * window, axis=1)
        energy[first : first + 256] = (spectrum.real**2 + spectrum.imag**2) @ bands
    loud = float(np.percentile(energy, 95))
    levels: NDArray[np.float32] = 10 * np.log10(energy + max(loud, 1e-20) * 10 ** (FLOOR_DB / 10))
    return levels


@functools.cache
def _bands() -> NDArray[np.float32]:
    """Return triangular weights on a logarithmic frequency axis [shape=(FRAME // 2 + 1, 20)]."""
    centres = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 2)
    frequencies = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)[:, None]
    rising = (frequencies - centres[:-2]) / (centres[1:-1] - centres[:-2])
    falling = (centres[2:] - frequencies) / (centres[2:] - centres[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
