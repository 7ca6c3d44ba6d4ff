"""What a recording does from moment to moment on a quarter-tone axis: the ground of segment matching.

Log power in 96 quarter-tone bands, ten times a second, less its mean over the two seconds around: what
sounds all the time (a drone, an equaliser, the colour of a voice) falls out, and what *changes* stays.
Each frame is then freed of its mean and scaled to length 1, so that the product of two frames is a
correlation. A change of pitch moves a frame along the axis; a change of tempo stretches time.

Conventions
-----------
Frames are ``[shape=(n_frames, 96), float32]``; frame *t* stands for ``[t, t + 1) * hop_s`` seconds. Band
*b* is centred on ``220 * 2 ** (b / 24)`` Hz.

Cost
----
About 1,000 times faster than real time on one core. Stored as whole numbers: 3.5 MB per hour.

References
----------
Bralios et al. (2024), "Generation or replication: auscultating audio latent diffusion models", ICASSP
(spectrogram similarity finds copied training data more reliably than learned embeddings).

Known limits
------------
Sound that never changes has no frames to compare. Below 220 Hz and above 3.5 kHz nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from linernotes.audio.files import Audio
from linernotes.audio.spectra import band_power, log_frequency_filterbank
from linernotes.errors import TooShort

Floats = NDArray[np.float32]

FEATURES_REVISION = 1
SAMPLE_RATE = 8000
FRAME_LENGTH = 1024
HOP_LENGTH = 400
POOL = 2  # spectra averaged into one frame
HOP_S = HOP_LENGTH * POOL / SAMPLE_RATE
LOWEST_HZ = 220.0
N_BANDS = 96
BANDS_PER_SEMITONE = 2
SHORTEST_S = 1.0

_SURROUNDINGS_S = 2.0
_FLOOR = 1e-6  # of the loudest band: -60 dB
_SCALE = 127


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFeatures:
    """The frames of one recording; equal only to themselves.

    Parameters
    ----------
    frames : NDArray[np.float32] [shape=(n_frames, 96)]
        Centred, of length 1, or 0 where nothing changes.

    Examples
    --------
    >>> SegmentFeatures(np.zeros((25, 96), np.float32)).duration_s
    2.5
    """

    frames: Floats

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def duration_s(self) -> float:
        """Length in seconds, to the frame."""
        return round(len(self.frames) * HOP_S, 6)

    def packed(self) -> NDArray[np.int8]:
        """Return the frames as whole numbers, 127 for 1.0, to be stored."""
        return np.round(self.frames * _SCALE).astype(np.int8)

    @classmethod
    def unpacked(cls, stored: NDArray[np.int8]) -> SegmentFeatures:
        """Return what `packed` gave, within 1/254 of each value."""
        return cls((stored.astype(np.float32) / np.float32(_SCALE)).astype(np.float32))


class PackedFeatures(Mapping[str, SegmentFeatures]):
    """Features by recording id, kept as whole numbers (3.5 MB per hour) and unpacked when they are asked for.

    Examples
    --------
    >>> known = PackedFeatures({"a": SegmentFeatures(np.eye(96, dtype=np.float32)).packed()})
    >>> len(known["a"]), known.n_frames
    (96, 96)
    """

    def __init__(self, packed: Mapping[str, NDArray[np.int8]]) -> None:
        self._packed = dict(packed)

    def __getitem__(self, name: str) -> SegmentFeatures:
        return SegmentFeatures.unpacked(self._packed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    @property
    def n_frames(self) -> int:
        """Frames of all recordings."""
        return sum(len(frames) for frames in self._packed.values())

    def duration_of(self, name: str) -> float:
        """Return the length of one recording in seconds."""
        return round(len(self._packed[name]) * HOP_S, 6)

    def without(self, names: AbstractSet[str]) -> PackedFeatures:
        """Return the same without some recordings."""
        return PackedFeatures({name: frames for name, frames in self._packed.items() if name not in names})


def segment_features(audio: Audio, *, name: str = "audio") -> SegmentFeatures:
    """Return the frames of audio at any sample rate.

    Parameters
    ----------
    audio : Audio
        Mono, at least one second.
    name : str
        What to call the audio in an error.

    Raises
    ------
    TooShort
        If there is less than one second.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = Audio(rng.normal(0, 0.1, 16000).astype(np.float32), 8000)
    >>> features = segment_features(noise)
    >>> features.frames.shape, round(float((features.frames[3] ** 2).sum()), 3)
    ((20, 96), 1.0)
    """
    if audio.duration_s < SHORTEST_S:
        raise TooShort(f"{name}: {audio.duration_s:.2f} s; passages need at least {SHORTEST_S:g} s of audio")
    samples = audio.samples
    if audio.sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, audio.sample_rate, SAMPLE_RATE, quality="HQ").astype(np.float32)
    power = band_power(samples, _filterbank(), FRAME_LENGTH, HOP_LENGTH)
    level = np.log(power + max(float(power.max()), 1e-12) * _FLOOR)
    level -= uniform_filter1d(
        level, round(_SURROUNDINGS_S * SAMPLE_RATE / HOP_LENGTH) | 1, axis=0, mode="nearest"
    )
    n_frames = len(level) // POOL
    pooled = level[: n_frames * POOL].reshape(n_frames, POOL, N_BANDS).mean(axis=1)
    return SegmentFeatures(_unit_rows(pooled - pooled.mean(axis=1, keepdims=True)))


def moved(frames: Floats, bands: int) -> Floats:
    """Return frames whose content lies *bands* higher; what leaves the axis is lost.

    Examples
    --------
    >>> moved(np.array([[1.0, 2.0, 3.0]], np.float32), 1).tolist()
    [[0.0, 1.0, 2.0]]
    """
    out = np.zeros_like(frames)
    if bands > 0:
        out[:, bands:] = frames[:, :-bands]
    elif bands < 0:
        out[:, :bands] = frames[:, -bands:]
    else:
        out[:] = frames
    return out


def stretched(frames: Floats, ratio: float) -> Floats:
    """Return frames read *ratio* times as fast, interpolated: frame *k* is taken at ``k * ratio``.

    Examples
    --------
    >>> stretched(np.array([[0.0], [2.0], [4.0]], np.float32), 0.5)[:, 0].tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if ratio == 1.0 or len(frames) < 2:
        return frames
    at = np.arange(int((len(frames) - 1) / ratio + 1e-9) + 1) * ratio
    low = np.minimum(at.astype(np.int64), len(frames) - 2)
    part = (at - low)[:, None].astype(np.float32)
    between: Floats = (1 - part) * frames[low] + part * frames[low + 1]
    return between


def _unit_rows(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-3, rows / np.maximum(length, 1e-3), 0), np.float32)


@lru_cache(maxsize=1)
def _filterbank() -> Floats:
    return log_frequency_filterbank(
        SAMPLE_RATE,
        FRAME_LENGTH,
        lowest_hz=LOWEST_HZ,
        n_bands=N_BANDS,
        bands_per_octave=12 * BANDS_PER_SEMITONE,
    )
