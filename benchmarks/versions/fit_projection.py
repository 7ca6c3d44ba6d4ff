"""Fit the projections of `linernotes.versions.projection` on rendered versions of the training works.

    python -m benchmarks.versions.fit_projection [--split train] [--works 120]

Reads the features that ``features_cache.py`` wrote. For every two versions of a work the frames that sound the same
moment are found through ``map``, brought to one key and near one tempo as a comparison would bring them (to the nearest
of its tempo ratios, so that the projections learn to bear the rest), and their cross-covariance is summed; all frames
give the total covariance. Per frequency of the Fourier transform over pitch classes the two are diagonalised together;
``rho`` are the correlations that remain. Rhythm is fitted on pieces that keep the onsets of a song's first version and
nothing else, cell by cell. A few CPU-seconds for a hundred works. Writes ``src/linernotes/versions/projection.npz`` and
``results/projection.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import Ledger, Row, cache_folder
from benchmarks.versions.features_cache import features_path, load_features
from linernotes.evidence.versions import Dimension
from linernotes.versions.features import FEATURES_REVISION, Features
from linernotes.versions.hypotheses import DIMENSIONS, RATIOS, RHYTHM_RATIOS, speeds
from linernotes.versions.projection import (
    RHYTHM_TAPS,
    SHARP_TAPS,
    WIDE_TAPS,
    pack_projections,
    values,
)
from linernotes.versions.rhythm import CELL_S

PACKAGE = Path(__file__).parents[2] / "src/linernotes/versions"
RESULTS = Path(__file__).with_name("results") / "projection.json"
KEPT = {"overall": 6, "melody": 6, "harmony": 6, "rhythm": 32}
RIDGE = {"overall": 2e-3, "melody": 2e-3, "harmony": 2e-3, "rhythm": 1e-2}
MARGIN = {"rhythm": 1.0}  # nats that a pair of cells has to earn: paths of strangers stay short
FREQUENCIES = np.array([1.0, 2, 2, 2, 2, 2, 1])  # how often each stands in a real transform of twelve
HIGHEST_RHO = 0.97


@dataclass
class Moments:
    """Sums over all frames and over pairs of frames; the last axis of the inputs is frequency."""

    total: np.ndarray
    paired: np.ndarray
    n_frames: int = 0
    n_pairs: int = 0

    def add(self, a: np.ndarray, b: np.ndarray, at_a: np.ndarray, at_b: np.ndarray) -> None:
        """Count all frames of two pieces, and those of them that sound the same moment."""
        for one in (a, b):
            self.total += np.einsum("ndk,nek->kde", one, one.conj(), optimize=True)
            self.n_frames += len(one)
        cross = np.einsum("ndk,nek->kde", a[at_a], b[at_b].conj(), optimize=True)
        self.paired += (cross + cross.conj().transpose(0, 2, 1)) / 2
        self.n_pairs += len(at_a)


def seen(frames: np.ndarray, taps: tuple[int, ...], n_turns: int) -> np.ndarray:
    """Return frames with their context, transformed over pitch class [shape=(n, n_inputs, n_frequencies)]."""
    around = np.clip(np.arange(len(frames))[:, None] + np.array(taps)[None, :], 0, len(frames) - 1)
    stacked = frames[around].reshape(len(frames), -1, n_turns)
    if n_turns == 1:
        return np.asarray(stacked)
    return np.asarray(np.fft.rfft(stacked, axis=2) / np.sqrt(n_turns))


def same_moments(a: Row, b: Row, hop_s: float, speed_a: float, speed_b: float, n_a: int, n_b: int) -> Any:
    """Return frames of A and of B, each at its speed, that sound the same moment."""
    map_a, map_b = np.array(a["map"]), np.array(b["map"])
    at_a = np.arange(n_a)
    beats = np.interp((at_a + 0.5) * hop_s * speed_a, map_a[:, 0], map_a[:, 1], left=np.nan, right=np.nan)
    seconds = np.interp(beats, map_b[:, 1], map_b[:, 0], left=np.nan, right=np.nan)
    moves = np.gradient(seconds) / (hop_s * speed_b)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(seconds) & (moves > 0.5) & (moves < 2)
    at_b = np.floor(seconds[good] / (hop_s * speed_b)).astype(int)
    inside = at_b < n_b
    return at_a[good][inside], at_b[inside]


def played(features: Features, dimension: Dimension, speed: float, transposition: int) -> np.ndarray:
    frames = values(features, dimension, speed)
    if dimension == "rhythm":
        return frames
    blocks = frames.reshape(len(frames), -1, 12)
    return np.roll(blocks, -transposition, axis=2).reshape(len(frames), -1)


def moments(
    pairs: list[tuple[Row, Features, Row, Features]], dimension: Dimension, taps: tuple[int, ...]
) -> Moments:
    in_rhythm = dimension == "rhythm"
    n_turns, ratios = (1, RHYTHM_RATIOS) if in_rhythm else (12, RATIOS)
    found: Moments | None = None
    for row_a, a, row_b, b in pairs:
        if dimension == "harmony" and None in (row_a["shares"]["harmony"], row_b["shares"]["harmony"]):
            continue
        true_ratio = row_a["tempo"] / row_b["tempo"]
        ratio = min(ratios, key=lambda one: abs(np.log(one / true_ratio)))
        speed_a, speed_b = speeds(ratio)
        left = seen(played(a, dimension, speed_a, row_a["transposition"]), taps, n_turns)
        right = seen(played(b, dimension, speed_b, row_b["transposition"]), taps, n_turns)
        hop_s = CELL_S if in_rhythm else a.hop_s
        at_a, at_b = same_moments(row_a, row_b, hop_s, speed_a, speed_b, len(left), len(right))
        if len(at_a) < 20:
            continue
        if found is None:
            shape = (left.shape[2], left.shape[1], left.shape[1])
            found = Moments(np.zeros(shape, left.dtype), np.zeros(shape, left.dtype))
        found.add(left, right, at_a, at_b)
    if found is None:
        raise SystemExit("no two versions of a work have features: run features_cache.py first")
    return found


def solve(
    found: Moments, n_kept: int, ridge: float
) -> tuple[np.ndarray, np.ndarray, float, list[list[float]]]:
    """Return the responses of vectors and costs, the constant, and the correlations of every frequency."""
    n_frequencies, n_inputs, _ = found.total.shape
    n_turns = 12 if n_frequencies > 1 else 1
    weight = FREQUENCIES if n_turns == 12 else np.ones(1)
    n_kept = min(n_kept, n_inputs)
    unit = np.zeros((n_inputs, n_inputs, n_turns))
    unit[np.arange(n_inputs), np.arange(n_inputs), 0] = 1
    spectrum = np.fft.rfft(unit, axis=2) / np.sqrt(n_turns)
    vectors = np.zeros((n_inputs, n_kept, n_frequencies), complex)
    costs = np.zeros_like(vectors)
    constant, correlations = 0.0, []
    for k in range(1 if n_turns == 12 else 0, n_frequencies):  # frames are centred: frequency 0 is empty
        total = found.total[k] / found.n_frames
        total = total + ridge * np.trace(total).real / n_inputs * np.eye(n_inputs)
        inverse = np.linalg.inv(np.linalg.cholesky(total))
        rho, basis = np.linalg.eigh(inverse @ (found.paired[k] / found.n_pairs) @ inverse.conj().T)
        order = np.argsort(-rho)[:n_kept]
        rho = np.clip(rho[order], 0, HIGHEST_RHO)
        image = spectrum[:, :, k] @ (basis[:, order].conj().T @ inverse).T
        vectors[:, :, k] = image * np.sqrt(rho / (1 - rho**2))
        costs[:, :, k] = image * np.sqrt(rho**2 / (1 - rho**2) / 2)
        constant -= 0.5 * weight[k] * float(np.log(1 - rho**2).sum())
        correlations.append(rho.round(3).tolist())
    if n_turns == 1:
        return vectors.real, costs.real, constant, correlations
    scale = np.sqrt(n_turns)
    return (
        np.fft.irfft(vectors, n_turns, axis=2) * scale,
        np.fft.irfft(costs, n_turns, axis=2) * scale,
        constant,
        correlations,
    )


def version_pairs(split: str, n_works: int) -> list[tuple[Row, Features, Row, Features]]:
    """Return pairs of versions whose features stand in the cache."""
    works: dict[str, list[Row]] = defaultdict(list)
    for row in Ledger(cache_folder() / split).rows():
        if row["tier"] == "arranged" and features_path(split, row["id"]).exists():
            works[row["work"]].append(row)
    chosen = [rows for _, rows in sorted(works.items()) if len(rows) > 1][:n_works]
    loaded = {row["id"]: load_features(split, row["id"]) for rows in chosen for row in rows}
    return [
        (a, loaded[a["id"]], b, loaded[b["id"]])
        for rows in chosen
        for a, b in itertools.combinations(rows, 2)
    ]


def rhythm_pairs(split: str) -> list[tuple[Row, Features, Row, Features]]:
    """Return pieces that keep the rhythm of a song's first version, with that version."""
    rows = {row["id"]: row for row in Ledger(cache_folder() / split).rows()}
    return [
        (row, load_features(split, name), rows[first], load_features(split, first))
        for name, row in sorted(rows.items())
        if row["kind"] == "rhythm kept"
        and features_path(split, name).exists()
        and features_path(split, first := f"{row['of']}-v0").exists()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", default="train")
    parser.add_argument("--works", type=int, default=120)
    parser.add_argument("--out", type=Path, default=PACKAGE / "projection.npz")
    options = parser.parse_args()
    pairs, in_rhythm = version_pairs(options.split, options.works), rhythm_pairs(options.split)
    stored, report = {}, {}
    for dimension in DIMENSIONS:
        kinds = {"": WIDE_TAPS, "-sharp": SHARP_TAPS} if dimension != "rhythm" else {"": RHYTHM_TAPS}
        for suffix, taps in kinds.items():
            found = moments(in_rhythm if dimension == "rhythm" else pairs, dimension, taps)
            vectors, costs, constant, correlations = solve(found, KEPT[dimension], RIDGE[dimension])
            stored[dimension + suffix] = (taps, vectors, costs, constant - MARGIN.get(dimension, 0.0))
            report[dimension + suffix] = {"n_pairs_of_frames": found.n_pairs, "rho": correlations}
    data = pack_projections(stored)
    partial = options.out.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(options.out)
    facts = {
        "split": options.split,
        "n_pairs": len(pairs),
        "n_pairs_in_rhythm": len(in_rhythm),
        "works": len({pair[0]["work"] for pair in pairs}),
        "features_revision": FEATURES_REVISION,
        "bytes": len(data),
    }
    RESULTS.write_text(json.dumps(facts | {"projections": report}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
