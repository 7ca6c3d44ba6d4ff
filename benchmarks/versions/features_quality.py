"""How right the features are, where it is known what was played.

    python -m benchmarks.versions.features_quality DATA --split dev --songs 30

On one version of each song of the arranged tier (`train_lines.examples.chosen`), per frame of a quarter second:
- melody, bass: share of frames whose strongest pitch class is the one played, over the frames where one is;
- voicing: share of frames where the melody's presence or absence is right;
- root, root + third: the best of 24 major and minor templates on harmony averaged over 1.25 s;
- separation, on the controlled tier (aligned through the source, transposed back): mean correlation of harmony with
  the piece that has the same chords, and with the one that has only the same melody; of melody likewise.

Uses the cache of ``features_cache.py``; pieces that are not in it are left out and counted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from benchmarks.versions.data.ledger import Ledger, Row
from benchmarks.versions.features_cache import CACHE, load_features
from benchmarks.versions.train_lines.examples import chosen, played, truth
from linernotes.versions.features import FEATURES_REVISION, Features, centred

Array = npt.NDArray[np.float32]


def piece_figures(root: Path, row: Row, split: str, features: Features) -> dict[str, float]:
    """Return the shares of right frames of one piece."""
    known = truth(*played(root, row, split), len(features), features.hop_s)
    figures = {name: right_classes(getattr(features, name), known[name]) for name in ("melody", "bass")}
    sounds = np.abs(features.melody).max(axis=1) > 0
    figures["voicing"] = float((sounds == (known["melody"] >= 0)).mean())
    with_chord = known["root"] >= 0
    if with_chord.any():
        root_class, is_major = best_triads(features.harmony)
        right = root_class == known["root"]
        frames = np.arange(len(right))
        third = known["tones"][frames, (known["root"] + 4) % 12] > 0
        figures["root"] = float(right[with_chord].mean())
        figures["root and third"] = float((right & (is_major == third))[with_chord].mean())
        tones = centred(known["tones"].astype(np.float32))
        figures["harmony"] = float((features.harmony * tones).sum(axis=1)[with_chord].mean())
    return figures


def right_classes(line: Array, pitches: npt.NDArray[np.int16]) -> float:
    """Return the share of sounding frames whose pitch class is right; silence counts as wrong."""
    sounding = pitches >= 0
    right = (line.argmax(axis=1) == pitches % 12) & (np.abs(line).max(axis=1) > 0)
    return float(right[sounding].mean()) if sounding.any() else float("nan")


def best_triads(harmony: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return root and major or minor of the likeliest triad of each frame."""
    major, minor = np.zeros(12, np.float32), np.zeros(12, np.float32)
    major[[0, 4, 7]] = minor[[0, 3, 7]] = 1
    templates = centred(np.stack([np.roll(shape, root) for shape in (major, minor) for root in range(12)]))
    likeness = scipy.ndimage.uniform_filter1d(harmony @ templates.T, 5, axis=0)
    best = likeness.argmax(axis=1)
    return best % 12, best < 12


def likeness(a: Row, b: Row, left: Features, right: Features) -> dict[str, float] | None:
    """Return the mean correlation of two pieces of one source, frame by frame along their maps."""
    maps = [np.array(row["map"], float) for row in (a, b)]
    first, last = max(m[0, 1] for m in maps), min(m[-1, 1] for m in maps)
    if last - first < 8:
        return None
    beats = np.arange(first, last, 0.25)
    steps = [
        np.minimum((np.interp(beats, m[:, 1], m[:, 0]) / f.hop_s).astype(int), len(f) - 1)
        for m, f in zip(maps, (left, right), strict=True)
    ]
    turn = a["transposition"] - b["transposition"]
    found = {}
    for name in ("melody", "harmony", "bass"):
        x, y = getattr(left, name)[steps[0]], np.roll(getattr(right, name)[steps[1]], turn, axis=1)
        both = (np.abs(x).max(axis=1) > 0) & (np.abs(y).max(axis=1) > 0)
        found[name] = float((x * y).sum(axis=1)[both].mean()) if both.any() else float("nan")
    return found


def separation(rows: list[Row], split: str) -> dict[str, dict[str, float]]:
    """Return mean likenesses of controlled pieces with the songs that they take something from."""
    by_work = {
        row["work"]: row for row in reversed(rows) if row["tier"] == "arranged" and row["style"] != "melody"
    }
    found: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        source = by_work.get(row.get("of", ""))
        if row["tier"] != "controlled" or source is None or not row.get("map"):
            continue
        try:
            pair = load_features(split, row["id"]), load_features(split, source["id"])
        except FileNotFoundError:
            continue
        alike = likeness(row, source, *pair)
        if alike is not None:
            found.setdefault(row["kind"], []).append(alike)
    return {kind: _means(values) | {"pairs": len(values)} for kind, values in found.items()}


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    names = sorted({name for row in rows for name in row})
    return {name: round(float(np.nanmean([row.get(name, np.nan) for row in rows])), 3) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", choices=("train", "dev"), default="dev")
    parser.add_argument("--songs", type=int, default=30)
    options = parser.parse_args()
    rows = Ledger(CACHE / options.split).rows()
    figures, missing = [], 0
    for row in chosen(rows, options.split, options.songs):
        try:
            features = load_features(options.split, row["id"])
        except FileNotFoundError:
            missing += 1
            continue
        figures.append(piece_figures(options.data, row, options.split, features))
    means = {"revision": FEATURES_REVISION, "pieces": len(figures), "missing": missing} | _means(figures)
    print(json.dumps({"right": means, "separation": separation(rows, options.split)}, indent=1))


if __name__ == "__main__":
    main()
