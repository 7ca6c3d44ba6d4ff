"""Peers and baselines on chroma: Qmax twice, subsequence DTW, 2-D Fourier, chance."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.kept import kept
from benchmarks.versions.data.pool import Piece
from benchmarks.versions.peers import essentia
from benchmarks.versions.peers.dtw import subsequence_dtw
from benchmarks.versions.peers.fourier import fourier_vector
from benchmarks.versions.peers.qmax import Chroma, qmax
from benchmarks.versions.systems.system import System
from linernotes.audio.chroma import chroma
from linernotes.audio.files import read_audio

Scores = npt.NDArray[np.float64]
_FRAMES_TO_ONE = 9  # of 50 ms
_CHROMA_S = 0.45


def package_chroma(path: Path) -> Chroma:
    """Return the package's chroma, nine frames to one: 0.45 s."""
    frames = chroma(read_audio(path))
    whole = frames[: len(frames) // _FRAMES_TO_ONE * _FRAMES_TO_ONE]
    return np.asarray(whole.reshape(-1, _FRAMES_TO_ONE, 12).mean(axis=1), np.float32)


def essentia_profiles(path: Path) -> Chroma:
    """Return harmonic pitch class profiles of the peer library, 0.46 s each."""
    audio = read_audio(path)
    return essentia.hpcp(audio.samples, audio.sample_rate)


@dataclass(frozen=True)
class Pairwise:
    """A function of two chroma sequences."""

    name: str
    kind: str
    make: Callable[[Path], Chroma]
    frame_s: float
    function: Callable[[Chroma, Chroma], float]

    def prepare(self, piece: Piece) -> Chroma:
        """Return the sequence of a piece."""
        return excerpt(kept(piece, self.kind, self.make), piece, self.frame_s)

    def scores(self, query: Chroma, candidates: Sequence[Chroma]) -> Scores:
        """Compare one by one."""
        return np.array([self.function(query, candidate) for candidate in candidates])


@dataclass(frozen=True)
class Fourier:
    """Cosine of two-dimensional Fourier magnitudes."""

    name: str
    source: Pairwise

    def prepare(self, piece: Piece) -> npt.NDArray[np.float32]:
        """Return the vector of a piece."""
        return fourier_vector(self.source.prepare(piece))

    def scores(self, query: npt.NDArray[np.float32], candidates: Sequence[npt.NDArray[np.float32]]) -> Scores:
        """Compare all at once."""
        return np.asarray(np.stack(list(candidates)) @ query, np.float64)


@dataclass(frozen=True)
class Chance:
    """Numbers drawn from the names of the pieces."""

    name: str = "random"

    def prepare(self, piece: Piece) -> str:
        """Return the name."""
        return piece.name

    def scores(self, query: str, candidates: Sequence[str]) -> Scores:
        """Draw."""
        seeds = [zlib.crc32(f"{query} {candidate}".encode()) for candidate in candidates]
        return np.array([np.random.default_rng(seed).random() for seed in seeds])


def excerpt(sequence: Chroma, piece: Piece, frame_s: float) -> Chroma:
    """Return the frames of a piece's excerpt, all when it has none."""
    if piece.cut_s is None:
        return sequence
    first, last = (round(second / frame_s) for second in piece.cut_s)
    return sequence[max(first, 0) : last]


def baselines() -> list[System]:
    """Return what can run here; the peer library joins where it is installed."""
    twin = Pairwise("Qmax, our twin, our chroma", "chroma", package_chroma, _CHROMA_S, qmax)
    found: list[System] = [Chance(), Fourier("2-D Fourier chroma", twin)]
    found.append(Pairwise("subsequence DTW", "chroma", package_chroma, _CHROMA_S, subsequence_dtw))
    found.append(twin)
    if essentia.is_installed():
        hop = essentia.HOP * essentia.FRAMES_TO_ONE / 22050
        found.append(Pairwise("Qmax, our twin, essentia HPCP", "hpcp", essentia_profiles, hop, qmax))
        found.append(Pairwise("Qmax, essentia", "hpcp", essentia_profiles, hop, essentia.qmax))
    return found
