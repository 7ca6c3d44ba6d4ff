"""The chroma image: how much of each pitch class sounds, eight times a second.

The power spectrum between 28 and 3,520 Hz is summed into twelve pitch classes, smoothed over five
frames, and each row brought to unit length, so that loudness falls out.

Conventions
-----------
Column 0 is A (27.5 Hz and its octaves); a bin belongs to the semitone at or below its frequency. Rows
of (nearly) nothing are zero. Frames follow one another every `HOP_LENGTH` samples.

References
----------
Lalinský (2011), "How does Chromaprint work?". Bartsch and Wakefield (2001), "To catch a chorus: using
chroma-based representations for audio thumbnailing", WASPAA.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from linernotes.fingerprint.chromaprint.prints import FRAME_LENGTH, HOP_LENGTH, N_SMOOTHED, SAMPLE_RATE

LOWEST_HZ, HIGHEST_HZ = 28, 3520
REFERENCE_HZ = 440 / 16
N_PITCHES = 12
SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
LEAST_NORM = 0.01
FULL_SCALE = 32767

_BLOCK = 256  # frames transformed at once: 4 MB


def chroma_image(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the smoothed, normalised chroma of audio at 11,025 Hz.

    Parameters
    ----------
    samples : NDArray[np.int16] [shape=(n_samples,)]
        Mono audio.

    Returns
    -------
    NDArray[np.float64] [shape=(n_frames - 4, 12)]
        Rows of unit length, or zero; no row when the audio is too short.

    Examples
    --------
    >>> t = np.arange(30_000) / SAMPLE_RATE
    >>> image = chroma_image((9_000 * np.sin(2 * np.pi * 445 * t)).astype(np.int16))
    >>> image.shape, int(image[0].argmax())
    ((15, 12), 0)
    """
    if len(samples) < FRAME_LENGTH:
        return np.zeros((0, N_PITCHES))
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_LENGTH)[::HOP_LENGTH]
    chroma = np.concatenate([_pitches(frames[i : i + _BLOCK]) for i in range(0, len(frames), _BLOCK)])
    n = max(0, len(chroma) - N_SMOOTHED + 1)
    smooth = np.zeros((n, N_PITCHES))
    for delay, weight in enumerate(SMOOTHING):
        smooth += weight * chroma[delay : delay + n]
    norms = np.sqrt(np.square(smooth).sum(axis=1, keepdims=True))
    return np.where(norms < LEAST_NORM, 0.0, smooth / np.maximum(norms, LEAST_NORM))


def integral_image(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums over all rows and columns before a place, so that any rectangle is four look-ups.

    Examples
    --------
    >>> integral_image(np.ones((1, 12)))[1, :3].tolist()
    [0.0, 1.0, 2.0]
    """
    integral = np.zeros((len(image) + 1, N_PITCHES + 1))
    np.cumsum(image, axis=0, out=integral[1:, 1:])
    np.cumsum(integral[1:, 1:], axis=1, out=integral[1:, 1:])
    return integral


def _pitches(frames: NDArray[np.int16]) -> NDArray[np.float64]:
    window, first, last, fold = _constants()
    spectrum = rfft(frames * window, axis=1)[:, first:last]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(power @ fold, np.float64)


@lru_cache(maxsize=1)
def _constants() -> tuple[NDArray[np.float32], int, int, NDArray[np.float32]]:
    window = (np.hamming(FRAME_LENGTH) / FULL_SCALE).astype(np.float32)
    first = round(FRAME_LENGTH * LOWEST_HZ / SAMPLE_RATE)
    last = round(FRAME_LENGTH * HIGHEST_HZ / SAMPLE_RATE)
    octaves = np.log2(np.arange(first, last) * SAMPLE_RATE / FRAME_LENGTH / REFERENCE_HZ)
    pitch = (N_PITCHES * (octaves - np.floor(octaves))).astype(int)
    return window, first, last, np.eye(N_PITCHES, dtype=np.float32)[pitch]
