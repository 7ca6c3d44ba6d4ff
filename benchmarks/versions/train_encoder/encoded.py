"""An encoder as a system of the benchmark: segment vectors, best pairs without replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.kept import kept
from benchmarks.versions.data.pool import Piece
from linernotes.audio.files import read_audio
from linernotes.versions.encoder.embed import Encoder, embed, vector_distances
from linernotes.versions.encoder.reduce import bpwr

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Encoded:
    """Scores are the negative of bpwr-r between the segments of two pieces; *r* grows with them when None."""

    encoder: Encoder
    r: int | None = None

    @property
    def name(self) -> str:
        """Name of the encoder and reduction."""
        return f"{self.encoder.name}, bpwr-{self.r or 'n'}"

    def prepare(self, piece: Piece) -> Vectors:
        """Return the segment vectors of a piece, of its excerpt where it has one."""
        if piece.cut_s is None:
            return kept(piece, self.encoder.name, lambda path: embed(read_audio(path), self.encoder).vectors)
        start_s, end_s = piece.cut_s

        def excerpt(path: Path) -> Vectors:
            return embed(read_audio(path).excerpt(start_s, end_s), self.encoder).vectors

        return kept(piece, f"{self.encoder.name}-{start_s:.2f}-{end_s:.2f}", excerpt)

    def scores(self, query: Vectors, candidates: Sequence[Vectors]) -> npt.NDArray[np.float64]:
        """Compare with all candidates at once."""
        ends = np.cumsum([0, *map(len, candidates)])
        every = vector_distances(query, np.concatenate(list(candidates)))
        return np.array([-bpwr(every[:, a:b], self.r) for a, b in pairwise(ends)])
