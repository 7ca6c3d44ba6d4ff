"""Make the bundled background of unrelated music and its attribution list.

    python benchmarks/versions/make_background.py DATA_AUDIO_FOLDER

DATA_AUDIO_FOLDER holds ``manifest.csv`` (columns file, licence, artist_id, version_group, duration_s,
attribution)
and the recordings. Only CC0, CC BY and public-domain recordings outside every version group are taken, at
most three per artist, 40 s each from 10 s into the file.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

from linernotes.audio.files import read_audio
from linernotes.versions.background import pack
from linernotes.versions.features import extract

PACKAGE = Path(__file__).parents[2] / "src/linernotes/versions"
FREE = ("CC0", "CC-BY-3.0", "CC-BY-4.0", "Public domain")
PER_ARTIST, N_PIECES, SECONDS, SKIP_S = 3, 60, 40.0, 10.0


def main(folder: Path) -> None:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    taken: Counter[str] = Counter()
    chosen = []
    for turn in range(PER_ARTIST):  # round robin, so that many artists come before many pieces
        for row in rows:
            fits = row["licence"].startswith(FREE) and not row["version_group"]
            long_enough = float(row["duration_s"]) >= SECONDS + SKIP_S
            if fits and long_enough and taken[row["artist_id"]] == turn and row not in chosen:
                taken[row["artist_id"]] += 1
                chosen.append(row)
    chosen = chosen[:N_PIECES]
    pieces = [extract(read_audio(folder / row["file"]).excerpt(SKIP_S, SKIP_S + SECONDS)) for row in chosen]
    data = pack([Path(row["file"]).stem for row in chosen], pieces)
    (PACKAGE / "background.npz").write_bytes(data)
    credits = "\n".join(row["attribution"] for row in chosen)
    (PACKAGE / "background_attribution.txt").write_text(
        "Numbers (pitch and rhythm sequences, no audio) computed from 40 s of each recording:\n\n"
        f"{credits}\n",
        encoding="utf-8",
    )
    print(f"{len(chosen)} recordings by {len(taken)} artists, {len(data)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
