"""Make training examples for the line reader: what it sees, and what was played.

    python -m benchmarks.versions.train_lines.examples DATA --split train --songs 300

Takes one version of every song from the rendered split (``make_data.py``), the first seconds of it, and writes
``CACHE/lines/SPLIT/ID.npz``: the pitch grid as float16 and the truth. The notes come from running the piece's recipe
again up to the point where it would sound, so they are exact. Resumable; ``--worker K --workers N`` share the work.

Truth per cell of an eighth of a second, -1 where there is none: ``melody`` and ``bass`` as MIDI pitch, ``root`` as
pitch class, ``tones`` [shape=(n_cells, 12)] the pitch classes of the chord. Pieces without accompaniment have no chord.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.arranged import excerpt_for, song_folder
from benchmarks.versions.data.ledger import Ledger, Row
from benchmarks.versions.data.splits import POP909
from benchmarks.versions.render.arrange import BASS, DRUMS, LEAD, arrange
from benchmarks.versions.render.fluid import Sound
from benchmarks.versions.render.perform import Clock, perform
from benchmarks.versions.render.recipe import draw_recipe, seeded
from benchmarks.versions.render.song import Chord, read_song
from linernotes.audio.files import Audio, read_audio
from linernotes.versions.hearing import hear
from linernotes.versions.notes.grid import CELL_S

CACHE = Path(os.environ.get("LINERNOTES_BENCH_CACHE", "/tmp/linernotes-versions"))  # noqa: S108
RENDERED_S = {"train": 70.0, "dev": 70.0, "test": 66.0}
_HIGHEST_BASS = 60

Truth = dict[str, npt.NDArray[np.int16]]


def played(root: Path, row: Row, split: str) -> tuple[list[Sound], list[tuple[float, float, Chord]]]:
    """Return the notes and chords of an arranged piece, in its own seconds and key."""
    song = read_song(song_folder(root, int(row["work"].split("-")[1])))
    random = seeded(row["id"])
    recipe = draw_recipe(random, row["style"], is_test=split == "test")
    excerpt = excerpt_for(song, recipe, RENDERED_S[split], random)
    parts = arrange(excerpt, row["style"], random)
    clock = Clock(excerpt.n_beats, excerpt.beat_s / recipe.tempo, random)
    sounds = perform(parts, clock, random, recipe.transposition, recipe.swing)
    moved = [chord.moved(recipe.transposition) for chord in excerpt.chords]
    return sounds, [(float(clock(c.start)), float(clock(c.end)), c) for c in moved]


def truth(
    sounds: list[Sound], chords: list[tuple[float, float, Chord]], n_cells: int, cell_s: float = CELL_S
) -> Truth:
    """Return what was played in each cell: a note that fills at least half of it, the lowest for the bass."""
    lead = _filled([s for s in sounds if s.channel == LEAD], n_cells, cell_s)
    low = [s for s in sounds if s.channel == BASS]
    others = [s for s in sounds if s.channel not in (LEAD, DRUMS)]
    low = low or [s for s in others if s.pitch < _HIGHEST_BASS]
    bottom = _filled(low, n_cells, cell_s) >= 0.5
    melody = np.where(lead.max(axis=1) >= 0.5, lead.argmax(axis=1), -1)
    bass = np.where(bottom.any(axis=1), bottom.argmax(axis=1), -1)
    root = np.full(n_cells, -1)
    tones = np.zeros((n_cells, 12), np.int16)
    for start, end, chord in chords if others else ():
        cells = slice(max(round(start / cell_s), 0), max(round(end / cell_s), 0))
        root[cells] = chord.tones[0]
        tones[cells] = 0
        tones[cells, list(chord.tones)] = 1
    lines = {"melody": melody, "bass": bass, "root": root, "tones": tones}
    return {name: values.astype(np.int16) for name, values in lines.items()}


def _filled(sounds: list[Sound], n_cells: int, cell_s: float) -> npt.NDArray[np.float64]:
    """Return the share of each cell that each pitch fills [shape=(n_cells, 128)]."""
    share = np.zeros((n_cells, 128))
    for sound in sounds:
        first, last = max(int(sound.start_s / cell_s), 0), min(int(sound.end_s / cell_s), n_cells - 1)
        for cell in range(first, last + 1):
            overlap = min(sound.end_s / cell_s, cell + 1) - max(sound.start_s / cell_s, cell)
            share[cell, min(sound.pitch, 127)] += max(overlap, 0.0)
    return share


def chosen(rows: list[Row], split: str, n_songs: int) -> list[Row]:
    """Return one version of each of so many songs; which, depends on the song's number."""
    by_id = {row["id"]: row for row in rows if row["tier"] == "arranged"}
    numbers = np.random.default_rng(7).permutation(np.array(POP909[split]))
    names = [f"pop909-{number:03d}-v{number % 3}" for number in numbers]
    return [by_id[name] for name in names if name in by_id][:n_songs]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", choices=("train", "dev"), default="train")
    parser.add_argument("--songs", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    ledger = Ledger(CACHE / options.split)
    folder = CACHE / "lines" / options.split
    folder.mkdir(parents=True, exist_ok=True)
    for row in chosen(ledger.rows(), options.split, options.songs)[options.worker :: options.workers]:
        path = folder / f"{row['id']}.npz"
        if path.exists():
            continue
        audio = read_audio(ledger.folder / row["audio"])
        audio = Audio(audio.samples[: int(options.seconds * audio.sample_rate)], audio.sample_rate)
        grid = hear(audio).grid
        partial = path.with_name(f"{path.name}.partial")
        with partial.open("wb") as stream:
            np.savez_compressed(
                stream,
                grid=grid.astype(np.float16),
                **truth(*played(options.data, row, options.split), grid.shape[1]),
            )
        partial.replace(path)


if __name__ == "__main__":
    main()
