"""Qmax as its authors' group publishes it, run beside ours where the library ``essentia`` is installed.

It is under the AGPL: a peer to measure against, never part of the package.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

FRAME, HOP = 4096, 2048
FRAMES_TO_ONE = 5  # 0.46 s at 22,050 Hz


def is_installed() -> bool:
    """Whether the library and what it needs can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("essentia", "six", "yaml"))


def hpcp(samples: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """Return harmonic pitch class profiles [shape=(n_frames, 12)], means of `FRAMES_TO_ONE` frames."""
    es: Any = _library()
    window, spectrum = es.Windowing(type="blackmanharris62"), es.Spectrum(size=FRAME)
    peaks = es.SpectralPeaks(
        sampleRate=rate, minFrequency=40, maxFrequency=5000, maxPeaks=100, orderBy="magnitude"
    )
    whitening = es.SpectralWhitening(sampleRate=rate, maxFrequency=5000)
    profile = es.HPCP(
        sampleRate=rate, minFrequency=100, maxFrequency=5000, size=12, harmonics=8, normalized="unitMax"
    )
    frames = []
    for frame in es.FrameGenerator(samples, frameSize=FRAME, hopSize=HOP):
        magnitudes = spectrum(window(frame))
        hz, heights = peaks(magnitudes)
        frames.append(
            profile(hz, whitening(magnitudes, hz, heights)) if len(hz) else np.zeros(12, np.float32)
        )
    whole = np.array(frames[: len(frames) // FRAMES_TO_ONE * FRAMES_TO_ONE], np.float32)
    return np.asarray(whole.reshape(-1, FRAMES_TO_ONE, 12).mean(axis=1))


def qmax(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return minus the asymmetric distance of the library, its default settings, optimal transposition on."""
    es: Any = _library()
    plot = es.ChromaCrossSimilarity(frameStackSize=9, frameStackStride=1, binarizePercentile=0.095, oti=True)(
        a, b
    )
    _, distance = es.CoverSongSimilarity(disOnset=0.5, disExtension=0.5, distanceType="asymmetric")(plot)
    return -float(distance)


def _library() -> Any:
    import essentia  # type: ignore[import-not-found]
    import essentia.standard as es  # type: ignore[import-not-found]

    essentia.log.infoActive = False
    return es
