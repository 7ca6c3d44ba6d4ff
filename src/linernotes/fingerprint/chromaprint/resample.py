"""Audio at 11,025 Hz, through the same kind of filter as the reference program uses.

Sub-fingerprints hang on thresholds, so another low-pass filter flips bits. The reference resamples with
a sinc cut off at 0.8 of the lower Nyquist frequency under a Kaiser window (beta 9) that spans 16 zero
crossings; so does this, with the exact ratio of the rates. (A steeper filter flips five times as many
bits; see ``docs/methods/chromaprint.md``.)

References
----------
Kaiser and Schafer (1980), "On the use of the I0-sinh window for spectrum analysis", IEEE TASSP 28(1).
The four settings are those of Chromaprint 1.5.1 (``FFmpegAudioProcessor::SetCompatibleMode``).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.prints import SAMPLE_RATE

CUTOFF = 0.8
N_CROSSINGS = 16
KAISER_BETA = 9.0
LOWEST_RATE, HIGHEST_RATE = 1000, 768_000


def to_fingerprint_rate(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.int16]:
    """Return mono audio as 16-bit samples at 11,025 Hz.

    Parameters
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Amplitude in [-1, 1]; what lies outside is clipped.
    sample_rate : int
        Hz.

    Returns
    -------
    NDArray[np.int16] [shape=(ceil(n_samples * 11025 / sample_rate),)]
        The same audio.

    Raises
    ------
    InputError
        If the rate is below 1,000 or above 768,000 Hz.

    Examples
    --------
    >>> to_fingerprint_rate(np.full(8000, 0.5, np.float32), 8000)[5000:5003].tolist()
    [16384, 16384, 16384]
    """
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"sample rate {sample_rate} Hz: expected {LOWEST_RATE} to {HIGHEST_RATE}; convert the file first"
        )
    if sample_rate != SAMPLE_RATE and len(samples):
        samples = _resample(samples, sample_rate)
    return np.asarray(np.clip(np.rint(samples * 32768.0), -32768, 32767), np.int16)


def _resample(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    from scipy.signal import upfirdn

    kernel, up, down, half = _kernel(sample_rate)
    margin = min(half, len(samples) - 1)  # the reference mirrors both ends
    padded = np.pad(samples, margin, mode="reflect") if margin else samples
    # output m of upfirdn lies at m * down; the kernel's centre is brought to a multiple of down
    reach = half * up
    lead = -(reach + margin * up) % down
    filtered = upfirdn(np.concatenate([np.zeros(lead, np.float32), kernel]), padded, up, down)
    first = (lead + reach + margin * up) // down
    wanted = -(-len(samples) * up // down)
    return np.asarray(filtered[first : first + wanted], np.float32)


@lru_cache(maxsize=4)
def _kernel(sample_rate: int) -> tuple[NDArray[np.float32], int, int, int]:
    """Return the kernel at `up` points a sample, the two factors, and its reach in samples."""
    shared = math.gcd(SAMPLE_RATE, sample_rate)
    up, down = SAMPLE_RATE // shared, sample_rate // shared
    factor = min(1.0, CUTOFF * SAMPLE_RATE / sample_rate)
    n_taps = math.ceil(N_CROSSINGS / factor)
    half = -(-n_taps // 2)
    times = np.arange(-half * up, half * up + 1) / up
    inside = np.clip(1 - np.square(2 * times / n_taps), 0, None)
    kernel = np.where(
        np.abs(times) <= n_taps / 2, np.sinc(factor * times) * np.i0(KAISER_BETA * np.sqrt(inside)), 0.0
    )
    phases = np.zeros(-(-len(kernel) // up) * up)
    phases[: len(kernel)] = kernel
    gains = phases.reshape(-1, up).sum(axis=0)  # each phase passes a constant unchanged
    return (phases / np.tile(gains, len(phases) // up)).astype(np.float32), up, down, half
