"""Segment embeddings: the vectors by which versions of one work find each other.

An *encoder* gives one vector per segment. Two segments are compared by the squared Euclidean distance of
their vectors divided by the dimension (Serra et al. 2025), so that figures of one encoder do not grow with
its width. Figures of different encoders are not comparable: each has its own scale, and its own revision
in ``name``.

Conventions
-----------
``vectors`` are ``[shape=(n_segments, dimension), float32]``; row *i* stands for the seconds
``starts_s[i]`` to ``starts_s[i] + length_s``. Smaller distances mean more alike.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments
for musical version matching", ICML.

Known limits
------------
A distance says that two segments are near in a learnt or fixed space, not why, and not how likely that is by
chance: alignment and significance answer that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import InputError
from linernotes.versions.encoder.segments import segment_starts


class Encoder(Protocol):
    """What turns audio into one vector per segment.

    ``name`` tells implementation and weights apart (``mini-1a2b3c4d``): vectors of two names never mix.
    ``vectors`` returns one row for each start that `segment_starts` gives.
    """

    @property
    def name(self) -> str:
        """Name with revision or hash of the weights."""

    @property
    def dimension(self) -> int:
        """Values per vector."""

    @property
    def length_s(self) -> float:
        """Seconds per segment."""

    @property
    def hop_s(self) -> float:
        """Seconds from one segment to the next."""

    def vectors(self, audio: Audio) -> NDArray[np.float32]:
        """Return one vector per segment, [shape=(n_segments, dimension)]."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentEmbeddings:
    """The vectors of one recording; equal only to themselves.

    Parameters
    ----------
    vectors : NDArray[np.float32] [shape=(n_segments, dimension)]
        One row per segment.
    starts_s : NDArray[np.float32] [shape=(n_segments,)]
        Where segments begin.
    length_s : float
        Seconds per segment.
    model : str
        Name of the encoder, with revision or hash of its weights.
    """

    vectors: NDArray[np.float32]
    starts_s: NDArray[np.float32]
    length_s: float
    model: str

    def __len__(self) -> int:
        return len(self.vectors)


def embed(audio: Audio, encoder: Encoder | None = None) -> SegmentEmbeddings:
    """Return the segment embeddings of a recording.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate, at least 4 s.
    encoder : Encoder, optional
        The shipped one by default (`linernotes.versions.encoder.load.load_encoder`).

    Returns
    -------
    SegmentEmbeddings
        One vector per segment.

    Raises
    ------
    TooShort
        If the audio is shorter than 4 s.
    InputError
        If the audio holds values that are not finite.

    Examples
    --------
    >>> from linernotes.versions.encoder.load import load_encoder
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 8 * 8000).astype(np.float32)
    >>> one = embed(Audio(noise, 8000), load_encoder("chroma2d"))
    >>> one.vectors.shape[0], one.starts_s.tolist(), one.model
    (1, [0.0], 'chroma2d-1')
    """
    if encoder is None:
        from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder

        encoder = load_encoder(DEFAULT_ENCODER)
    if not np.isfinite(audio.samples).all():
        raise InputError("audio holds values that are not finite; expected amplitudes in [-1, 1]")
    starts = segment_starts(audio.duration_s, encoder.length_s, encoder.hop_s)
    vectors = np.ascontiguousarray(encoder.vectors(audio), np.float32)
    return SegmentEmbeddings(vectors, starts, encoder.length_s, encoder.name)


def segment_distances(a: SegmentEmbeddings, b: SegmentEmbeddings) -> NDArray[np.float32]:
    """Return the squared Euclidean distance over the dimension, for all pairs of segments.

    Parameters
    ----------
    a, b : SegmentEmbeddings
        Made by one encoder.

    Returns
    -------
    NDArray[np.float32] [shape=(n_segments_a, n_segments_b)]
        Distances >= 0.

    Raises
    ------
    InputError
        If two encoders made them.

    Examples
    --------
    >>> one = SegmentEmbeddings(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), 20.0, "x")
    >>> segment_distances(one, one).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if a.model != b.model:
        raise InputError(f"embeddings of {a.model} and {b.model}; expected one encoder, embed both anew")
    return vector_distances(a.vectors, b.vectors)


def vector_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared Euclidean distance over the dimension, for all pairs of rows.

    Parameters
    ----------
    a : NDArray[np.float32] [shape=(n_a, dimension)]
        Vectors.
    b : NDArray[np.float32] [shape=(n_b, dimension)]
        Vectors.

    Returns
    -------
    NDArray[np.float32] [shape=(n_a, n_b)]
        Distances >= 0.

    Examples
    --------
    >>> vector_distances(np.zeros((1, 4), np.float32), np.full((1, 4), 2, np.float32)).tolist()
    [[4.0]]
    """
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    squares = (wide_a**2).sum(1)[:, None] + (wide_b**2).sum(1)[None] - 2 * wide_a @ wide_b.T
    return np.asarray(np.maximum(squares, 0) / a.shape[1], np.float32)
