"""Profiles of all pieces and the three figures of every pair; shared by calibration and report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dataset import Piece, pieces

from linernotes.versions.features import extract
from linernotes.versions.hypotheses import search
from linernotes.versions.significance import Profile, log_odds_terms, profile


@dataclass(frozen=True)
class Known:
    """A piece with its profile; the audio is dropped."""

    collection: str
    work: str
    kind: str
    profile: Profile


def load(root: Path, split: str, size: int) -> list[Known]:
    """Return every piece of a split with its profile."""
    known = []
    for piece in pieces(root, split, size):
        known.append(_known(piece))
        print(f"{len(known)} {piece.collection} {piece.work} {piece.kind}", file=sys.stderr, flush=True)
    return known


def _known(piece: Piece) -> Known:
    return Known(piece.collection, piece.work, piece.kind, profile(extract(piece.audio)))


def queries(known: list[Known]) -> list[tuple[int, list[int]]]:
    """Return each query with its candidates: the same collection, without the host of a quotation.

    Transformed and quoted pieces are asked about the originals, so that no figure is won by easy copies.
    """
    asked = []
    for i, query in enumerate(known):
        if query.kind in ("original", "full"):
            continue
        wanted = {"transformed": "original", "arranged": "full"}.get(query.collection)
        candidates = [
            j
            for j, other in enumerate(known)
            if j != i
            and other.collection == query.collection
            and (wanted is None or other.kind == wanted)
            and not query.kind.endswith(f"quoted in {other.work}")
        ]
        asked.append((i, candidates))
    return asked


def terms(a: Known, b: Known) -> tuple[float, float, float]:
    """Return log score, cohort-normalised log score and contrast of a pair."""
    best = search(a.profile.features, b.profile.features, "overall")
    return log_odds_terms(a.profile.cohort, b.profile.cohort, best)


def related(a: Known, b: Known) -> bool:
    """Whether two pieces are versions of one work."""
    return a.collection == b.collection and a.work == b.work


def table(known: list[Known]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs [shape=(n, 2)], their terms [shape=(n, 3)] and whether they are related [shape=(n,)]."""
    index = [(i, j) for i, candidates in queries(known) for j in candidates]
    values = np.array([terms(known[i], known[j]) for i, j in index])
    truth = np.array([related(known[i], known[j]) for i, j in index])
    return np.array(index), values, truth
