"""Training material in memory: cached bands, which pieces share a work, where they correspond, and batches.

A batch is some works x 2 versions x some segments. Where both versions carry a map to the notation, segment
*i* of one and segment *i* of the other are centred on the same place of the music (one place drawn from each of
as many equal stretches as there are segments); otherwise both are spread evenly. The batch of step *n* depends on the
seed and *n* alone, so an interrupted run goes on as if nothing had happened.

Works are what training is short of, so new ones are made of old ones: both versions of a work played backwards (other
progressions), their pitches mirrored (every interval turned over: other melodies, other chords), or both. A *key*
tells these from each other and from the work they were made of.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_S = 10
EDGE_S = 8.0
MIRROR_DOWN = 6  # semitones that mirrored windows are moved down: the middle of what music uses stays there


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
    keys: NDArray[np.int64]  # one per work: what is no negative of what


@dataclass(frozen=True)
class Sizes:
    """Shape of a batch."""

    works: int = 8
    segments: int = 5
    length_s: float = 20.0


@dataclass(frozen=True)
class Draw:
    """How works and their segments are drawn.

    Parameters
    ----------
    recorded : float
        Share of works drawn from single recordings.
    backwards, mirrored : float
        Share of works of which both versions are played backwards, or have their pitches mirrored.
    stretch, p_stretch : tuple[float, float], float
        Range of a window's length, and how often it is changed.
    rubato, p_rubato : float
        Largest logarithm of the tempo inside a window, which sways as a player does, and how often.
    melody : float
        Weight of positives in which one side is a melody alone.
    """

    recorded: float = 0.1
    backwards: float = 0.0
    mirrored: float = 0.0
    stretch: tuple[float, float] = (0.6, 1.8)
    p_stretch: float = 0.3
    rubato: float = 0.3
    p_rubato: float = 0.0
    melody: float = 0.5


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


def split_material(cache: Path, without: Sequence[str], held_out: int) -> tuple[list[Piece], list[Piece]]:
    """Return what is trained on, and what weights are chosen on: versions of the dev split, or held-out works.

    Parameters
    ----------
    cache : Path
        Where bands are cached.
    without : Sequence[str]
        Tiers of the train split to leave out.
    held_out : int
        Works of the train split to choose on instead of the dev split, if any.
    """
    pieces = [piece for piece in load_pieces(cache, "train") if piece.tier not in without]
    if (cache / "encoder" / "cqt" / "real" / "pieces.jsonl").is_file():
        pieces += load_pieces(cache, "real")
    if not held_out:
        dev = [piece for piece in load_pieces(cache, "dev") if piece.tier in ("arranged", "performed")]
        return pieces, [piece for group in by_work(dev) if len(group) >= 2 for piece in group]
    groups = by_work(pieces)
    with_versions = [group for group in groups if len(group) >= 2]
    held = with_versions[:: max(1, len(with_versions) // held_out)][:held_out]
    names = {group[0].work for group in held}
    return [p for p in pieces if p.work not in names], [p for group in held for p in group]


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
    draw : Draw
        How it is drawn.
    """

    def __init__(self, pieces: list[Piece], sizes: Sizes, seed: int, draw: Draw) -> None:
        groups = by_work(pieces)
        self.pairs = [group for group in groups if len(group) >= 2]
        self.singles = [group for group in groups if len(group) == 1 and group[0].tier == "recording"]
        self.sizes, self.seed, self.draw = sizes, seed, draw

    def batch(self, step: int) -> Batch:
        """Return the batch of one step."""
        random = np.random.default_rng([self.seed, step])
        n_single = int(random.binomial(self.sizes.works, self.draw.recorded)) if self.singles else 0
        every = self.pairs + self.singles
        chosen = _some(0, len(self.pairs), self.sizes.works - n_single, random)
        chosen += _some(len(self.pairs), len(every), n_single, random)
        segments, weights, aligned, keys = [], [], [], []
        for number in chosen:
            group = every[number]
            two = [group[i] for i in random.permutation(len(group))[:2]]
            a, b = two if len(two) == 2 else (two[0], two[0])
            backwards = random.random() < self.draw.backwards
            mirrored = random.random() < self.draw.mirrored
            centres_a, centres_b, matched = _centres(a, b, self.sizes.segments, random)
            for piece, centres in ((a, centres_a), (b, centres_b)):
                windows = self._windows(piece, centres, random)
                windows = windows[:, ::-1] if backwards else windows
                segments.append(mirror(windows) if mirrored else windows)
            weights.append(self.draw.melody if "melody" in (a.style + b.style) else 1.0)
            aligned.append(matched)
            keys.append(4 * number + 2 * backwards + mirrored)
        stacked = np.concatenate(segments) / np.float32(255)
        return Batch(stacked, np.array(weights, np.float32), np.array(aligned), np.array(keys, np.int64))

    def _windows(
        self, piece: Piece, centres: NDArray[np.float64], random: np.random.Generator
    ) -> NDArray[np.float32]:
        """Cut windows of some other length and bring them to the length, by linear interpolation."""
        draw, n = self.draw, round(self.sizes.length_s * FRAMES_PER_S)
        factor = float(random.uniform(*draw.stretch)) if random.random() < draw.p_stretch else 1.0
        sway = draw.rubato if random.random() < draw.p_rubato else 0.0
        span = min(n * factor, len(piece.frames) - 1.0)
        first = np.clip(centres * FRAMES_PER_S - span / 2, 0, len(piece.frames) - 1 - span)
        at = first[:, None] + span * _passed(len(centres), n, sway, random)
        low = at.astype(np.int64)
        part = (at - low)[:, :, None].astype(np.float32)
        high = np.minimum(low + 1, len(piece.frames) - 1)
        return (1 - part) * piece.frames[low] + part * piece.frames[high]


def mirror(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn pitch upside down around the middle of what music uses; nothing comes in from outside."""
    out = np.zeros_like(windows)
    out[..., :-MIRROR_DOWN] = windows[..., ::-1][..., MIRROR_DOWN:]
    return out


def _passed(n_windows: int, n: int, sway: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return which part of a window has passed at each frame, [shape=(n_windows, n)], from 0 to 1.

    Tempo sways in two slow waves; the middle is reached in the middle, so that windows stay centred.
    """
    waves = random.integers(1, 4, (n_windows, 2, 1)) * np.linspace(0, 2, n - 1) * np.pi
    waves = np.sin(waves + random.uniform(0, 2 * np.pi, (n_windows, 2, 1))).sum(1)
    speed = np.exp(sway / 2 * waves)
    passed = np.concatenate([np.zeros((n_windows, 1)), np.cumsum(speed, axis=1)], axis=1)
    middle, end = passed[:, n // 2, None], passed[:, -1:]
    early = 0.5 * passed / middle
    late = 0.5 + 0.5 * (passed - middle) / (end - middle)
    return np.asarray(np.where(passed <= middle, early, late))


def _some(first: int, end: int, n: int, random: np.random.Generator) -> list[int]:
    return (first + random.choice(end - first, n, replace=n > end - first)).tolist() if n else []


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
