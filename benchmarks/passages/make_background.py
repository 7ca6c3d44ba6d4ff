"""Make the bundled background of unrelated music for segment matching, and its attribution list.

    python benchmarks/passages/make_background.py DATA_AUDIO_FOLDER

DATA_AUDIO_FOLDER holds ``manifest.csv`` (columns file, licence, artist_id, version_group, duration_s,
attribution) and the recordings. One freely licensed recording outside every version group is taken of each artist
of the development half, half a minute from 10 s into the file.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path

from linernotes.audio.files import read_audio
from linernotes.fingerprint.passages.background import pack
from linernotes.fingerprint.passages.features import segment_features

PACKAGE = Path(__file__).parents[2] / "src/linernotes/fingerprint/passages"
FREE = ("CC0", "CC-BY-3.0", "CC-BY-4.0", "Public domain")
SECONDS, SKIP_S = 30.0, 10.0


def main(folder: Path) -> None:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    chosen = {}
    for row in rows:
        development = hashlib.sha256(f"linernotes/{row['artist_id']}".encode()).digest()[0] % 4 < 2
        fits = row["licence"].startswith(FREE) and not row["version_group"] and "stems/" not in row["file"]
        if development and fits and float(row["duration_s"]) >= SECONDS + SKIP_S:
            chosen.setdefault(row["artist_id"], row)
    pieces = [
        segment_features(read_audio(folder / row["file"]).excerpt(SKIP_S, SKIP_S + SECONDS))
        for row in chosen.values()
    ]
    data = pack(pieces)
    (PACKAGE / "background.npz").write_bytes(data)
    credits = "\n".join(row["attribution"] for row in chosen.values())
    (PACKAGE / "background_attribution.txt").write_text(
        "Numbers (changes of a spectrum in quarter tones, no audio) computed from 30 s of each recording:\n\n"
        f"{credits}\n",
        encoding="utf-8",
    )
    print(f"{len(chosen)} recordings by as many artists, {len(data)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
