"""The second look by the book: loops over frames, blocks, clocks and lags."""

from __future__ import annotations

import math

import numpy as np

FRAME, HOP = 1024, 512


def whitened(samples: np.ndarray) -> np.ndarray:
    """Divide each place of the short-time spectrum by the root mean power of the 5 by 15 places around it."""
    n = len(samples)
    n_frames = math.ceil(n / HOP) + 1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    padded = np.zeros((n_frames + 1) * HOP)
    padded[HOP : HOP + n] = samples
    spectrum = np.array([np.fft.rfft(padded[k * HOP : k * HOP + FRAME] * window) for k in range(n_frames)])
    power = np.abs(spectrum) ** 2
    n_bins = power.shape[1]
    around = np.zeros_like(power)
    for k in range(n_frames):
        near = [min(max(k + step, 0), n_frames - 1) for step in range(-2, 3)]
        column = power[near].mean(axis=0)
        for b in range(n_bins):
            around[k, b] = np.mean([column[min(max(b + step, 0), n_bins - 1)] for step in range(-7, 8)])
    spectrum /= np.sqrt(around + power.max() * 1e-8 + 1e-30)
    out = np.zeros_like(padded)
    for k in range(n_frames):
        out[k * HOP : k * HOP + FRAME] += np.fft.irfft(spectrum[k], FRAME)
    return out[HOP : HOP + n]


def envelope(heard: np.ndarray, block: np.ndarray, lag: int) -> float:
    """Return the squared envelope of the circular correlation at one lag.

    The analytic signal of the block gives it: its real part is the block, its imaginary part the Hilbert transform.
    """
    n = len(heard)
    turned = np.fft.fft(block)
    turned[1 : (n + 1) // 2] *= 2
    turned[n // 2 + 1 :] = 0
    moved = np.roll(np.fft.ifft(turned), lag)
    return float(np.abs(np.sum(heard * np.conj(moved))) ** 2)


def spread(
    heard: np.ndarray, level: np.ndarray, blocks: list[tuple[int, int, float]], lag: int, clock: float
) -> float:
    """Return the sum over blocks of squared envelopes at a lag, without the eighth part of the moments that adds most.

    A block is its first sample, its last plus one, and its usual squared envelope; a moment is 1,280 samples of it.
    """
    n = len(heard)
    turned = np.fft.fft(heard)
    turned[1 : (n + 1) // 2] *= 2
    turned[n // 2 + 1 :] = 0
    analytic = np.fft.ifft(turned)
    moments = []  # of each: block, sum, how much it adds
    for number, (first, last, usual) in enumerate(blocks):
        moved = round(clock * ((first + last) / 2 - n / 2))
        own = []
        for begin in range(first, last, 1280):
            total = 0j
            for t in range(begin, min(begin + 1280, last)):
                total += analytic[(t + lag + moved) % n] * level[t]
            own.append(total / math.sqrt(usual))
        whole = sum(own)
        moments += [(number, one, (one * whole.conjugate()).real / abs(whole)) for one in own]
    moments.sort(key=lambda moment: -moment[2])
    kept = moments[math.ceil(len(moments) / 8) :]
    return sum(
        abs(sum(one for owner, one, _ in kept if owner == number)) ** 2 for number in range(len(blocks))
    )


def nats(total: float, n_blocks: int) -> float:
    """Return the surprise of a sum of unit exponentials: minus the logarithm of Erlang's tail."""
    tail = sum(math.exp(-total + k * math.log(total) - math.lgamma(k + 1)) for k in range(n_blocks))
    return -math.log(tail)
