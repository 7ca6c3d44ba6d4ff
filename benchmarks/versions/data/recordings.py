"""Recorded music: groups of real versions, and recordings changed in one known way.

Maps are in seconds of the recording from where the unchanged piece starts. Real versions have no map: nobody
has annotated them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.versions.data.changes import CHANGES, Samples, at_level
from benchmarks.versions.data.ledger import Row
from benchmarks.versions.data.splits import OUT_OF_REACH, UNTOUCHED_GROUPS, is_test_artist, read_table
from benchmarks.versions.render.fluid import RATE
from linernotes.audio.files import read_audio
from linernotes.versions.background import bundled_background

_SECONDS = 60.0
_REAL_SECONDS = 90.0
_SHORTEST_S = 45.0


def load(path: Path, seconds: float) -> Samples:
    """Return the first seconds of a recording at the rate of all pieces."""
    return at_level(read_audio(path, RATE).samples[: round(seconds * RATE)])


def plain_row(name: str, tier: str, work: str, kind: str, artist: str) -> Row:
    """Return the row of a piece that no synthesiser played."""
    return {
        "id": name,
        "tier": tier,
        "work": work,
        "kind": kind,
        "transposition": 0,
        "tempo": 1.0,
        "font": "",
        "programs": [],
        "style": "recording",
        "map": [],
        "sections": [],
        "shares": dict.fromkeys(("melody", "harmony", "rhythm"), work),
        "quotes": [],
        "artist": artist,
    }


def real_groups(folder: Path, split: str) -> list[tuple[str, Row, Path]]:
    """Return name, row and file of every member of the version groups of a split."""
    artists = {row["file"]: row["artist_id"] for row in read_table(folder / "manifest.csv")}
    found = []
    for row in read_table(folder / "version_groups.csv"):
        if (row["group_id"] in UNTOUCHED_GROUPS) == (split == "test"):
            name = f"{row['group_id']}-{Path(row['file']).stem}"
            piece = plain_row(name, "real", row["group_id"], row["relation"], artists[row["file"]])
            piece["out_of_reach"] = row["group_id"] in OUT_OF_REACH
            found.append((name, piece, folder / row["file"]))
    return found


def free_recordings(folder: Path, split: str) -> list[tuple[str, str, Path]]:
    """Return name, artist and file of the recordings of a split's artists, artists taking turns.

    Recordings inside a version group, single stems, short ones and those of the bundled background are left out.
    """
    rows = read_table(folder / "manifest.csv")
    inside = set(bundled_background().names)
    artists = [row["artist_id"] for row in rows]
    turns: Counter[str] = Counter()
    chosen = []
    for row in rows:
        stem, artist = Path(row["file"]).stem, row["artist_id"]
        is_single = bool(row["version_group"]) or "stems/" in row["file"]
        if is_single or stem in inside or float(row["duration_s"]) < _SHORTEST_S:
            continue
        if is_test_artist(artists, artist) == (split == "test"):
            turns[artist] += 1
            chosen.append((turns[artist], stem, artist, folder / row["file"]))
    return [entry[1:] for entry in sorted(chosen, key=lambda entry: entry[:2])]


def changed(
    name: str, work: str, artist: str, samples: Samples, done: set[str]
) -> Iterator[tuple[Row, np.ndarray]]:
    """Yield *samples* in every known change that is not done."""
    for change in CHANGES:
        piece = f"{name}-{''.join(c if c.isalnum() else '-' for c in change.kind)}"
        if piece in done:
            continue
        row = plain_row(piece, "transformed", work, change.kind, artist)
        row["transposition"], row["tempo"] = change.semitones, round(1 / change.slower, 4)
        out = change.make(samples)
        length = len(samples) / RATE
        row["map"] = [[0.0, 0.0], [round(length * change.slower, 3), round(length, 3)]]
        row["of"] = name
        yield row, out


def original(name: str, artist: str, path: Path) -> tuple[Row, Samples]:
    """Return a recording as it is."""
    samples = load(path, _SECONDS)
    row = plain_row(name, "transformed", name, "original", artist)
    row["map"] = [[0.0, 0.0], [round(len(samples) / RATE, 3)] * 2]
    return row, samples


def real_piece(row: Row, path: Path) -> tuple[Row, Samples]:
    return row, load(path, _REAL_SECONDS)
