"""Change a recording in one known way: pitch, speed, coding, bandwidth, noise, length.

References
----------
Flanagan, Golden (1966), "Phase vocoder", Bell System Technical Journal 45.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from benchmarks.versions.render.fluid import RATE

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """One kind of change; *slower* is seconds of the result per second of the original."""

    kind: str
    semitones: int
    slower: float
    make: Callable[[Samples], Samples]


def stretched(samples: Samples, slower: float, semitones: float = 0.0) -> Samples:
    """Stretch by a phase vocoder and shift pitch by resampling."""
    n_fft, hop, pitch = 2048, 512, 2 ** (semitones / 12)
    window = np.hanning(n_fft).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft), n_fft)[::hop] * window
    spectrum = np.fft.rfft(frames, axis=1)
    at = np.arange(0, len(spectrum) - 2, 1 / (slower * pitch))
    low = at.astype(int)
    part = (at - low)[:, None]
    magnitude = (1 - part) * np.abs(spectrum[low]) + part * np.abs(spectrum[low + 1])
    advance = 2 * np.pi * hop * np.arange(n_fft // 2 + 1) / n_fft
    change = np.angle(spectrum[low + 1]) - np.angle(spectrum[low]) - advance
    change -= 2 * np.pi * np.round(change / (2 * np.pi))
    waves = np.fft.irfft(magnitude * np.exp(1j * np.cumsum(change + advance, axis=0)), axis=1) * window
    out = np.zeros(len(waves) * hop + n_fft, np.float32)
    for i, wave in enumerate(waves):
        out[i * hop : i * hop + n_fft] += wave.astype(np.float32)
    out = out[round(n_fft * slower * pitch) :]  # the padding before the music, stretched too
    if semitones:
        out = soxr.resample(out, RATE * pitch, RATE)
    return at_level(out[: round(len(samples) * slower)])


def at_level(samples: Samples) -> Samples:
    """Scale to a peak of 0.7."""
    return (0.7 * samples / max(float(np.abs(samples).max()), 1e-6)).astype(np.float32)


def mp3(samples: Samples) -> Samples:
    """Code as MP3 of the lowest quality the encoder offers, and decode."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp3"
        soundfile.write(path, samples, RATE, format="MP3", compression_level=0.99)
        return np.asarray(soundfile.read(path, dtype="float32")[0])


def telephone(samples: Samples) -> Samples:
    """Keep what an 8 kHz channel lets through."""
    return np.asarray(soxr.resample(soxr.resample(samples, RATE, 8000), 8000, RATE), np.float32)


def noisy(samples: Samples, noise_db: float = 15.0) -> Samples:
    """Add white noise, the same in every run."""
    noise = np.random.default_rng(15).standard_normal(len(samples), np.float32)
    return at_level(samples + noise * float(samples.std()) * 10 ** (-noise_db / 20))


CHANGES = (
    Change("+2 semitones", 2, 1.0, lambda x: stretched(x, 1.0, 2)),
    Change("-3 semitones", -3, 1.0, lambda x: stretched(x, 1.0, -3)),
    Change("10 % slower", 0, 1.1, lambda x: stretched(x, 1.1)),
    Change("15 % faster", 0, 0.85, lambda x: stretched(x, 0.85)),
    Change(
        "played 6 % faster",
        1,
        2 ** (-1 / 12),
        lambda x: at_level(soxr.resample(x, RATE * 2 ** (1 / 12), RATE)),
    ),
    Change("re-encoded", 0, 1.0, mp3),
    Change("8 kHz", 0, 1.0, telephone),
    Change("15 dB noise", 0, 1.0, noisy),
)
