"""Ours: alignment alone, and the search as it runs: the encoder first, a glance at the nearest, alignment of the best.

The encoder alone is `train_encoder.encoded.Encoded`. Features and profiles are computed once per piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import Piece
from benchmarks.versions.features_cache import describe, features_path, listen, load_features
from benchmarks.versions.systems.system import System
from benchmarks.versions.train_encoder.encoded import Encoded, Vectors
from linernotes.versions.compare import quick_log_odds
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.features import FEATURES_REVISION
from linernotes.versions.glance import glance
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, profile
from linernotes.workflows.version_search import SearchConfig

Scores = npt.NDArray[np.float64]
N_CANDIDATES = SearchConfig().n_candidates
N_ALIGNED = SearchConfig().n_aligned
NOT_ALIGNED = -1e6  # added to the encoder's score of what comes behind all that were aligned
_GLANCED = 1e3  # so much better is what was glanced at


def profile_of(piece: Piece) -> Profile:
    """Return the profile of a piece or of its excerpt, from disk when it stands there."""
    split = piece.folder.name
    if not features_path(split, piece.name).is_file():
        listen(piece.folder, piece.row)
        describe(split, piece.name)
    if piece.cut_s is not None:
        features = load_features(split, piece.name)
        first, end = (round(second / features.hop_s) for second in piece.cut_s)
        return profile(features.excerpt(max(first, 0), end))
    path = profile_path(piece)
    stored = load_profile(path) if path.is_file() else None
    if stored is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_profile(path, profile(load_features(split, piece.name)))
        stored = load_profile(path)
        if stored is None:
            raise ValueError(f"{path}: a profile that was just written cannot be read")
    return stored


def profile_path(piece: Piece) -> Path:
    """Return where the profile of a whole piece is kept."""
    return cache_folder() / f"profiles-{FEATURES_REVISION}" / piece.folder.name / f"{piece.name}.npz"


@dataclass(frozen=True)
class Alignment:
    """The log-odds that a search ranks by, of every pair."""

    name: str = "ours, alignment alone"

    def prepare(self, piece: Piece) -> Profile:
        """Return the profile of a piece."""
        return profile_of(piece)

    def scores(self, query: Profile, candidates: Sequence[Profile]) -> Scores:
        """Align one by one."""
        return np.array([quick_log_odds(query, candidate) for candidate in candidates])


@dataclass(frozen=True)
class Both:
    """What the pipeline keeps of a piece."""

    piece: Piece
    vectors: Vectors


@dataclass(frozen=True)
class Pipeline:
    """Encoder first, a glance at the nearest `N_CANDIDATES`, alignment of the best `N_ALIGNED`.

    Candidates are taken in turn from two orders, as the package's index does: best pairs of segments, and the
    single nearest pair. Pieces that are not aligned come behind all that are, in the order of the glance, and those that
    were not even glanced at last, in the encoder's order.
    """

    encoder: Encoded
    name: str = "ours"
    n_candidates: int = N_CANDIDATES
    n_aligned: int = N_ALIGNED

    def prepare(self, piece: Piece) -> Both:
        """Return the segment vectors of a piece; its profile is made when it is first aligned."""
        return Both(piece, self.encoder.prepare(piece))

    def scores(self, query: Both, candidates: Sequence[Both]) -> Scores:
        """Rank by the encoder, glance at the first, align the best."""
        vectors = [candidate.vectors for candidate in candidates]
        near = self.encoder.scores(query.vectors, vectors)
        chosen = in_turns(near, nearest_pairs(query.vectors, vectors))[: self.n_candidates]
        asking = profile_of(query.piece)
        out = near + NOT_ALIGNED
        if len(chosen) > self.n_aligned:
            out[chosen] = [glance(asking, profile_of(candidates[i].piece)) for i in chosen]
            out[chosen] += NOT_ALIGNED + _GLANCED
            chosen = sorted(chosen, key=lambda i: -out[i])[: self.n_aligned]
        for i in chosen:
            out[i] = quick_log_odds(asking, profile_of(candidates[i].piece))
        return np.asarray(out, np.float64)


def ours() -> list[System]:
    """Return the pipeline and its parts."""
    encoder = Encoded(load_encoder(DEFAULT_ENCODER))
    return [encoder, Alignment(), Pipeline(encoder=encoder)]


def in_turns(near: Scores, nearest: Scores) -> list[int]:
    """Return all candidates, taken in turn from two orders of falling score."""
    turns = np.stack([np.argsort(-near, kind="stable"), np.argsort(-nearest, kind="stable")], axis=1)
    return list(dict.fromkeys(turns.ravel().tolist()))


def nearest_pairs(query: Vectors, candidates: Sequence[Vectors]) -> Scores:
    """Return minus the distance of the nearest pair of segments for each candidate."""
    every = ((query[:, None, :] - np.concatenate(list(candidates))[None, :, :]) ** 2).mean(axis=2).min(axis=0)
    starts = np.cumsum([0, *map(len, candidates)])[:-1]
    return -np.minimum.reduceat(every, starts).astype(np.float64)
