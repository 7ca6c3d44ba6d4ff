"""Constant-Q bands of every piece of a split, kept as bytes: what training and measuring read.

    python -m benchmarks.versions.train_encoder.cqt_cache train --follow 1500
    python -m benchmarks.versions.train_encoder.cqt_cache real --recordings DATA/audio

Reads ``CACHE/SPLIT/pieces.jsonl`` (``LINERNOTES_BENCH_CACHE``, made by ``benchmarks/versions/render``) and writes
``CACHE/encoder/cqt/SPLIT/ID.npy``, uint8 [shape=(n_frames, 84)]: the square root of the magnitude, the loudest
band of the piece at 255. A file that stands is kept, so an interrupted run goes on where it stopped;
``--follow`` waits for pieces that are still being rendered.

``real`` takes recordings of artists that are not test artists, without stems and without groups of real versions; the
others are not read.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.splits import is_test_artist
from linernotes.audio.files import read_audio
from linernotes.errors import LinernotesError
from linernotes.versions.encoder.cqt import constant_q_bands

CACHE = cache_folder()


def to_bytes(bands: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the square root of magnitudes, the loudest at 255."""
    root = np.sqrt(bands)
    return np.asarray(np.round(255 * root / max(float(root.max()), 1e-9)), np.uint8)


def cache_split(split: str) -> int:
    """Cache the pieces that are listed and not yet cached; return how many are listed."""
    listed = CACHE / split / "pieces.jsonl"
    if not listed.is_file():
        return 0
    lines = listed.read_text(encoding="utf-8").splitlines()
    folder = CACHE / "encoder" / "cqt" / split
    for line in lines:
        try:
            piece = json.loads(line)
        except json.JSONDecodeError:  # the last line may still be growing
            continue
        audio = CACHE / split / piece["audio"]
        if audio.is_file():
            keep(folder / f"{piece['id']}.npy", audio)
    return len(lines)


def cache_recordings(recordings: Path) -> int:
    """Cache real recordings of train and dev artists, and list them as pieces of their own works."""
    folder, pieces = CACHE / "encoder" / "cqt" / "real", []
    with (recordings / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    artists = [row["artist_id"] for row in rows]
    rows = [row for row in rows if not is_test_artist(artists, row["artist_id"])]
    for row in rows:
        if row["version_group"] or "stems/" in row["file"] or float(row["duration_s"]) < 30:
            continue  # version groups are measured on, not trained on
        path = recordings / row["file"]
        path = path if path.is_file() else recordings.parent / row["file"]
        name = Path(row["file"]).stem
        if keep(folder / f"{name}.npy", path):
            pieces.append({"id": name, "tier": "recording", "work": f"recording-{name}", "style": "recorded"})
    lines = "".join(json.dumps(piece) + "\n" for piece in pieces)
    (folder / "pieces.jsonl").write_text(lines, encoding="utf-8")
    return len(pieces)


def keep(target: Path, audio: Path) -> bool:
    """Write the bands of *audio* to *target* unless it stands; return whether it stands now."""
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            bands = constant_q_bands(read_audio(audio))
        except LinernotesError as error:
            print(f"left out: {error}", flush=True)
            return False
        partial = target.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.save(stream, to_bytes(bands))
        os.replace(partial, target)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("split", choices=["train", "dev", "test", "real"])
    parser.add_argument("--recordings", type=Path, help="folder with manifest.csv, for `real`")
    parser.add_argument("--follow", type=float, default=0.0, help="seconds to wait for more pieces")
    options = parser.parse_args()
    if options.split == "real":
        print(f"{cache_recordings(options.recordings)} recordings")
        return
    until = time.monotonic() + options.follow
    while True:
        n = cache_split(options.split)
        if time.monotonic() > until:
            print(f"{options.split}: {n} pieces")
            return
        time.sleep(10)


if __name__ == "__main__":
    main()
