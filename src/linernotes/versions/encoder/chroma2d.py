"""An encoder without learning: the magnitude of the two-dimensional Fourier transform of chroma.

Transposition turns chroma around and a shift in time moves it; both change only phases of the transform.
Its magnitudes therefore do not depend on the key, nor on where in the segment a passage begins. What
remains is the pattern: which intervals at which rate.

Conventions
-----------
Vectors are ``[shape=(n_segments, 455), float32]``, of length ``sqrt(dimension)``: distances lie in [0, 4].

Cost
----
About 0.02 CPU-s for 60 s of audio, nearly all of it for the constant-Q transform.

References
----------
Bertin-Mahieux, Ellis (2012), "Large-scale cover song recognition using the 2D Fourier transform magnitude",
ISMIR.

Known limits
------------
Tempo changes stretch the time axis of the transform: beyond about 10 % nothing is recognised. Silence is
the zero vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES, ConstantQConfig, chroma
from linernotes.audio.files import Audio
from linernotes.versions.encoder.framed import FramedEncoder

REVISION = 1
FRAME_S = 0.2
N_PITCH = PITCH_CLASSES // 2 + 1  # the transform of real values is symmetric
N_TIME = 33


@dataclass(frozen=True, slots=True)
class Chroma2d(FramedEncoder):
    """2-D Fourier magnitudes of chroma, segment by segment; see `FramedEncoder` for its settings.

    Examples
    --------
    >>> Chroma2d().dimension
    455
    """

    @property
    def name(self) -> str:
        """Name with revision."""
        return f"chroma2d-{REVISION}"

    @property
    def dimension(self) -> int:
        """Values per vector."""
        return N_PITCH * (2 * N_TIME - 1)

    def frames(self, audio: Audio) -> tuple[NDArray[np.float32], float]:
        """Return chroma and its rate."""
        return chroma(audio, ConstantQConfig(hop_s=FRAME_S)), 1 / FRAME_S

    def summaries(self, segments: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return magnitudes of length ``sqrt(455)``, or 0 for silence."""
        size = np.linalg.norm(segments, axis=2, keepdims=True)
        segments = segments / np.maximum(size, 1e-3 * max(float(size.max()), 1e-9))
        spectrum = np.abs(scipy.fft.fft2(segments, axes=(1, 2)))[:, :, :N_PITCH]
        rates = np.r_[0:N_TIME, -N_TIME + 1 : 0]  # rising and falling patterns are not the same
        values = np.sqrt(spectrum[:, rates].reshape(len(segments), -1))
        values[:, 0] = 0  # the mean says how full the sound is
        length = np.linalg.norm(values, axis=1, keepdims=True)
        scaled = np.sqrt(self.dimension) * values / np.maximum(length, 1e-6)
        return np.asarray(scaled, np.float32)
