"""The likeness of music as music: the embedding by which versions of one work find each other, as a baseline of influence.

Two recordings of one song lie near in it although everything that `similarity` hears differs. Whether that says anything
of influence is what the counterfactual benchmark tells. Stretches are of 8 s, the length of that benchmark's queries; on
its tuning queries neither these, nor 16 s, nor the encoder without learning predicted influence overall.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.likeness.embedded import EmbeddedLikeness
from linernotes.audio.files import Audio
from linernotes.versions.encoder.embed import Encoder
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.encoder.segments import SHORTEST_S


@dataclass(frozen=True, slots=True)
class VersionEmbedding:
    """One vector per stretch by an encoder of `linernotes.versions`, loaded where it is used.

    Parameters
    ----------
    spec : str
        As `load_encoder` takes it.
    length_s : float
        Seconds that are embedded together; what is shorter than the encoder's segments is repeated until it fills one.
    """

    spec: str = DEFAULT_ENCODER
    length_s: float = 8.0

    @property
    def name(self) -> str:
        """The encoder's name with the hash of its weights, and the seconds."""
        return f"{_encoder(self.spec).name}, {self.length_s:g} s"

    def vector(self, audio: Audio) -> NDArray[np.float32]:
        """Return the mean vector of a stretch; one too short for the encoder is repeated."""
        shortest = int(np.ceil(SHORTEST_S * audio.sample_rate))
        times = -(-shortest // len(audio.samples))
        vectors = _encoder(self.spec).vectors(Audio(np.tile(audio.samples, times), audio.sample_rate))
        mean: NDArray[np.float32] = vectors.mean(axis=0)
        return mean

    def distances(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return squared Euclidean distances divided by the dimension, as the encoder was made for."""
        squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
        found: NDArray[np.float64] = np.maximum(squares, 0) / left.shape[1]
        return found


class VersionLikeness(EmbeddedLikeness):
    """Minus the distance of version embeddings, nearest stretch per recording."""

    name = "version-likeness"
    paper = "baseline; embedding after Serra et al. (2025), ICML"
    unit = "minus distance of version embeddings"

    def __init__(self, spec: str = DEFAULT_ENCODER, *, seed: int = 0) -> None:
        super().__init__(VersionEmbedding(spec), seed=seed)


@cache
def _encoder(spec: str) -> Encoder:
    return load_encoder(spec)
