"""Count the chord successions and melodic runs of POP909 and write ``src/linernotes/versions/figures.npz``.

    python benchmarks/versions/make_figures.py POP909_FOLDER

POP909_FOLDER holds ``001`` to ``909`` with ``melody.txt`` and ``finalized_chord.txt``. Only songs 1 to 660 (train
and development split) are counted; figures of a single song are left out. No song can be rebuilt from counts.
"""

from __future__ import annotations

import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np

from linernotes.versions.figures import N_CHORDS, RUNS, Chord, chord_code, intervals_of, run_code

PACKAGE = Path(__file__).parents[2] / "src/linernotes/versions"
LAST_SONG = 660
PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def melody_of(song: Path) -> list[int]:
    """Return the pitch classes of a song's notes, rests left out."""
    rows = [line.split() for line in (song / "melody.txt").read_text(encoding="utf-8").splitlines()]
    return [int(row[0]) % 12 for row in rows if row and int(row[0]) > 0]


def chords_of(song: Path) -> list[Chord]:
    """Return a song's chords as triads, equal neighbours as one."""
    chords: list[Chord] = []
    for line in (song / "finalized_chord.txt").read_text(encoding="utf-8").splitlines():
        name = line.split()[0]
        if name == "N":
            continue
        root, quality = name.split(":")
        pitch = (PITCHES[root[0]] + root.count("#") - root[1:].count("b")) % 12
        chord = (pitch, quality.startswith(("min", "dim", "hdim")))
        if not chords or chords[-1] != chord:
            chords.append(chord)
    return chords


def main(folder: Path) -> None:
    counted: dict[int, Counter[int]] = {kind: Counter() for kind in (0, *RUNS)}
    songs = [folder / f"{number:03d}" for number in range(1, LAST_SONG + 1)]
    for song in songs:
        chords, intervals = chords_of(song), intervals_of(melody_of(song))
        counted[0].update({chord_code(chords[i : i + N_CHORDS]) for i in range(len(chords) - N_CHORDS + 1)})
        for n in RUNS:
            counted[n].update({run_code(intervals[i : i + n]) for i in range(len(intervals) - n + 1)})
    arrays = {"n_songs": np.array(len(songs))}
    for kind, counter in counted.items():
        known = sorted(code for code, count in counter.items() if count > 1)
        arrays[f"codes_{kind}"] = np.array(known, np.uint32)
        arrays[f"counts_{kind}"] = np.array([counter[code] for code in known], np.uint16)
    stream = BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    (PACKAGE / "figures.npz").write_bytes(stream.getvalue())
    print(f"{len(songs)} songs, {len(stream.getvalue())} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
