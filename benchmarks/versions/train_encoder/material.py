"""Training material in memory: cached bands, which pieces share a work, where they correspond, and batches.

A batch is some works x 2 versions x some segments. Where both versions carry a map to the notation, segment
*i* of one and segment *i* of the other are centred on the same place of the music (one place drawn from each of
as many equal stretches as there are segments); otherwise both are spread evenly. The batch of step *n* depends on the
seed and *n* alone, so an interrupted run goes on as if nothing had happened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_S = 10
EDGE_S = 8.0
MELODY_ONLY = 0.5  # weight of positives in which one side is a melody alone


@dataclass(frozen=True)
class Piece:
    """One version: its bands as bytes, and its map from seconds to the notation (rising, maybe empty)."""

    name: str
    work: str
    tier: str
    style: str
    frames: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    place: NDArray[np.float64]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.frames) / FRAMES_PER_S


@dataclass(frozen=True)
class Batch:
    """Segments of all pieces, [shape=(n_works * 2 * n_segments, n_frames, 84)], in that order of axes."""

    segments: NDArray[np.float32]
    weights: NDArray[np.float32]  # one per work
    aligned: NDArray[np.bool_]  # one per work: segments correspond one by one


@dataclass(frozen=True)
class Sizes:
    """Shape of a batch."""

    works: int = 8
    segments: int = 5
    length_s: float = 20.0


def load_pieces(cache: Path, split: str) -> list[Piece]:
    """Return the pieces of a split whose bands are cached."""
    folder = cache / "encoder" / "cqt" / split
    listed = folder / "pieces.jsonl" if split == "real" else cache / split / "pieces.jsonl"
    pieces = []
    for line in listed.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = folder / f"{row['id']}.npy"
        if path.is_file():
            anchors = np.array(row.get("map") or np.zeros((0, 2)), float)
            frames = np.load(path)
            style = str(row.get("style", ""))
            pieces.append(Piece(row["id"], row["work"], row["tier"], style, frames, *anchors.T))
    return pieces


def by_work(pieces: list[Piece]) -> list[list[Piece]]:
    """Return groups of one work each, in order of first appearance."""
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.duration_s >= 25:
            groups.setdefault(piece.work, []).append(piece)
    return list(groups.values())


class Batches:
    """Draws batches: mostly works with two versions, sometimes a recording with itself (augmented apart).

    Parameters
    ----------
    pieces : list[Piece]
        All material.
    sizes : Sizes
        Shape of a batch.
    seed : int
        Of everything drawn.
    recorded : float
        Share of works drawn from single recordings.
    backwards : float
        Share of works of which both versions are played backwards: a work of its own, with other progressions.
    """

    def __init__(
        self, pieces: list[Piece], sizes: Sizes, seed: int, recorded: float, backwards: float = 0.0
    ) -> None:
        groups = by_work(pieces)
        self.pairs = [group for group in groups if len(group) >= 2]
        self.singles = [group for group in groups if len(group) == 1 and group[0].tier == "recording"]
        self.backwards = backwards
        self.sizes, self.seed, self.recorded = sizes, seed, recorded if self.singles else 0.0

    def batch(self, step: int, stretch: tuple[float, float], p_stretch: float) -> Batch:
        """Return the batch of one step; window lengths vary by *stretch* with probability *p_stretch*."""
        random = np.random.default_rng([self.seed, step])
        n_single = int(random.binomial(self.sizes.works, self.recorded))
        chosen = _some(self.pairs, self.sizes.works - n_single, random)
        chosen += _some(self.singles, n_single, random)
        segments, weights, aligned = [], [], []
        for group in chosen:
            two = [group[i] for i in random.permutation(len(group))[:2]]
            a, b = two if len(two) == 2 else (two[0], two[0])
            turn = -1 if random.random() < self.backwards else 1
            centres_a, centres_b, matched = _centres(a, b, self.sizes.segments, random)
            for piece, centres in ((a, centres_a), (b, centres_b)):
                factor = float(random.uniform(*stretch)) if random.random() < p_stretch else 1.0
                segments.append(self._windows(piece, centres, factor)[:, ::turn])
            weights.append(MELODY_ONLY if "melody" in (a.style + b.style) else 1.0)
            aligned.append(matched)
        stacked = np.concatenate(segments).astype(np.float32) / 255
        return Batch(stacked, np.array(weights, np.float32), np.array(aligned))

    def _windows(self, piece: Piece, centres: NDArray[np.float64], factor: float) -> NDArray[np.float32]:
        """Cut windows *factor* times the length and bring them to the length, by linear interpolation."""
        n = round(self.sizes.length_s * FRAMES_PER_S)
        span = min(n * factor, len(piece.frames) - 1.0)
        first = np.clip(centres * FRAMES_PER_S - span / 2, 0, len(piece.frames) - 1 - span)
        at = first[:, None] + np.linspace(0, span, n)[None]
        low = at.astype(np.int64)
        part = (at - low)[:, :, None].astype(np.float32)
        high = np.minimum(low + 1, len(piece.frames) - 1)
        return (1 - part) * piece.frames[low] + part * piece.frames[high]


def _some(groups: list[list[Piece]], n: int, random: np.random.Generator) -> list[list[Piece]]:
    return [groups[i] for i in random.choice(len(groups), n, replace=n > len(groups))] if n else []


def _centres(
    a: Piece, b: Piece, n: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return centres of segments in seconds of both pieces, and whether they correspond one by one."""
    strata = (np.arange(n) + random.random(n)) / n
    if a is b:
        centres = 5 + strata * max(a.duration_s - 10, 1)
        return centres, centres, True
    if len(a.place) >= 2 and len(b.place) >= 2:
        low, high = max(a.place[0], b.place[0]), min(a.place[-1], b.place[-1])
        places = np.sort(random.uniform(low, max(low, high), 16 * n))
        places = places[_played(a, places) & _played(b, places)]
        inside = places[_inside(a, places) & _inside(b, places)]
        places = inside if len(inside) >= n else places
        if len(places) >= n:
            places = places[(strata * len(places)).astype(int)]
            return np.interp(places, a.place, a.seconds), np.interp(places, b.place, b.seconds), True
    return strata * a.duration_s, random.permutation(strata) * b.duration_s, False


def _inside(piece: Piece, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether most of a segment around these places fits into a piece, so that its window need not move."""
    seconds = np.interp(places, piece.place, piece.seconds)
    return (seconds > EDGE_S) & (seconds < piece.duration_s - EDGE_S)


def _played(piece: Piece, places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a piece plays these places of the notation; a dropped section is a jump in its map."""
    passed, taken = np.diff(piece.place), np.diff(piece.seconds)
    speed = passed / np.maximum(taken, 1e-6)
    steady = speed < 4 * np.median(speed[passed > 0])
    at = np.clip(np.searchsorted(piece.place, places, "right") - 1, 0, len(steady) - 1)
    return steady[at]
