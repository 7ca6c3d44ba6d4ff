"""Make the bundled background of unrelated music and its attribution list.

    python -m benchmarks.versions.make_background DATA_AUDIO_FOLDER

DATA_AUDIO_FOLDER holds ``manifest.csv`` (columns file, licence, artist_id, version_group, duration_s, attribution)
and the recordings. Only CC0, CC BY and public-domain recordings outside every version group are taken, by artists of
the development half, and none that the development split changes and asks about; artists take turns, 40 s each from
10 s into the file. The excerpts and what is heard in them are kept in the benchmark's cache, so that a change of the
later stages of the features costs little. About one CPU-minute the first time.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from benchmarks.versions.data.ledger import Ledger, cache_folder
from benchmarks.versions.data.recordings import plain_row
from benchmarks.versions.data.splits import is_test_artist, read_table
from benchmarks.versions.features_cache import describe, listen, load_features
from linernotes.audio.files import read_audio
from linernotes.versions.background import pack

PACKAGE = Path(__file__).parents[2] / "src/linernotes/versions"
FREE = ("CC0", "CC-BY-3.0", "CC-BY-4.0", "Public domain")
N_PIECES, SECONDS, SKIP_S, RATE = 60, 40.0, 10.0, 22050


def choose(folder: Path) -> list[dict[str, str]]:
    """Return the manifest's rows of the recordings to take."""
    rows = read_table(folder / "manifest.csv")
    artists = [row["artist_id"] for row in rows]
    changed = {
        row["of"]
        for row in Ledger(cache_folder() / "dev").rows()
        if row["tier"] == "transformed" and "of" in row
    }
    eligible = [
        row
        for row in rows
        if row["licence"].startswith(FREE)
        and not row["version_group"]
        and float(row["duration_s"]) >= SECONDS + SKIP_S
        and not is_test_artist(artists, row["artist_id"])
        and Path(row["file"]).stem not in changed
    ]
    turns: Counter[str] = Counter()
    placed = []
    for row in eligible:  # round robin, so that many artists come before many pieces
        placed.append((turns[row["artist_id"]], row))
        turns[row["artist_id"]] += 1
    return [row for _, row in sorted(placed, key=lambda one: one[0])][:N_PIECES]


def main(folder: Path) -> None:
    chosen = choose(folder)
    ledger = Ledger(cache_folder() / "background")
    done = ledger.ids()
    pieces = []
    for row in chosen:
        name = Path(row["file"]).stem
        if name not in done:
            audio = read_audio(folder / row["file"], RATE).excerpt(SKIP_S, SKIP_S + SECONDS)
            ledger.add(plain_row(name, "background", name, "original", row["artist_id"]), audio.samples)
    known = {line["id"]: line for line in ledger.rows()}
    names = [Path(row["file"]).stem for row in chosen]
    for name in names:
        listen(ledger.folder, known[name])
    if "--heard-only" in sys.argv:  # the rest waits for the line reader
        return
    for name in names:
        describe("background", name)
        pieces.append(load_features("background", name))
    data = pack(names, pieces)
    (PACKAGE / "background.npz").write_bytes(data)
    credits = "\n".join(row["attribution"] for row in chosen)
    (PACKAGE / "background_attribution.txt").write_text(
        "Numbers (pitch and rhythm sequences, no audio) computed from 40 s of each recording:\n\n"
        f"{credits}\n",
        encoding="utf-8",
    )
    n_artists = len({row["artist_id"] for row in chosen})
    print(f"{len(chosen)} recordings by {n_artists} artists, {len(data)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
