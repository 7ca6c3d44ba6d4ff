"""What the phrase network learns from: features of the arranged training pieces, kept small.

    python -m benchmarks.versions.train_phrases.material [--follow]

Reads ``heard/train`` (``features_cache --heard-only``) and writes ``phrases/train/ID.npz`` in the benchmark's cache:
harmony, melody and bass, float16. 0.15 CPU-s a piece; ``--follow`` waits for pieces still being heard.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.versions.data.ledger import Ledger, Row, cache_folder
from benchmarks.versions.features_cache import heard_path, load_heard
from linernotes.versions.features import features_of
from linernotes.versions.notes.lines import read_lines

CHANNELS = ("harmony", "melody", "bass")
TIER = "arranged"  # performances of the training split may not shape what ships
Works = dict[str, list[tuple[Row, np.ndarray]]]


def material_path(split: str, piece: str) -> Path:
    return cache_folder() / "phrases" / split / f"{piece}.npz"


def make(split: str, piece: str) -> None:
    """Write the channels of a piece that has been heard; nothing when they stand."""
    path = material_path(split, piece)
    if path.exists() or not heard_path(split, piece).exists():
        return
    heard, _ = load_heard(split, piece)
    features = features_of(heard, read_lines(heard.grid))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez(stream, **{name: getattr(features, name).astype(np.float16) for name in CHANNELS})
    partial.replace(path)


def load_channels(path: Path) -> np.ndarray:
    """Return the channels [shape=(n_frames, 3, 12), float32]."""
    with np.load(path) as stored:
        return np.stack([stored[name] for name in CHANNELS], axis=1).astype(np.float32)


def works(split: str) -> Works:
    """Return the pieces of every work of which two or more stand."""
    found: Works = defaultdict(list)
    for row in Ledger(cache_folder() / split).rows():
        path = material_path(split, row["id"])
        if row["tier"] == TIER and path.exists():
            found[row["work"]].append((row, load_channels(path)))
    return {work: pieces for work, pieces in sorted(found.items()) if len(pieces) > 1}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", default="train")
    parser.add_argument("--follow", action="store_true")
    options = parser.parse_args()
    rows = [row for row in Ledger(cache_folder() / options.split).rows() if row["tier"] == TIER]
    while True:
        for row in rows:
            make(options.split, row["id"])
        stand = sum(material_path(options.split, row["id"]).exists() for row in rows)
        print(f"{stand} of {len(rows)} pieces", flush=True)
        if stand == len(rows) or not options.follow:
            return
        time.sleep(20)


if __name__ == "__main__":
    main()
