"""What happens to a render after the synthesiser: spectral tilt, low-pass, noise, level, FLAC."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
import soundfile

from benchmarks.versions.render.fluid import RATE
from benchmarks.versions.render.recipe import Recipe

_FADE_S = 0.05
_PIVOT_HZ = 800.0
_LIMIT_DB = 18.0


def finish(
    samples: npt.NDArray[np.float32], recipe: Recipe, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return the samples as the recipe wants them, peak at its level."""
    n_fft = scipy.fft.next_fast_len(len(samples), real=True)
    hz = scipy.fft.rfftfreq(n_fft, 1 / RATE).astype(np.float32)
    octaves = np.log2(np.maximum(hz, 20.0) / _PIVOT_HZ)
    gain = 10 ** (np.clip(recipe.tilt_db * octaves, -_LIMIT_DB, _LIMIT_DB) / 20)
    if recipe.low_pass_hz is not None:  # the magnitude of a Butterworth filter of order six
        gain /= np.sqrt(1 + (hz / recipe.low_pass_hz) ** 12)
    out = scipy.fft.irfft(scipy.fft.rfft(samples, n_fft) * gain.astype(np.float32), n_fft)[: len(samples)]
    if recipe.noise_db is not None:
        noise = random.standard_normal(len(out), np.float32)
        out += noise * float(out.std()) * 10 ** (-recipe.noise_db / 20)
    n_fade = int(_FADE_S * RATE)
    out[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return np.asarray(recipe.level / max(float(np.abs(out).max()), 1e-6) * out, np.float32)


def write_flac(path: Path, samples: npt.NDArray[np.float32]) -> None:
    """Write mono 16-bit FLAC, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    soundfile.write(partial, samples, RATE, format="FLAC", subtype="PCM_16")
    partial.replace(path)
