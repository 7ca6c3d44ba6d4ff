"""Melody and chords of a POP909 song on half beats, where the notation is at hand."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.versions.data.arranged import song_folder
from benchmarks.versions.measures.ends import HALF_BEAT, Notation
from benchmarks.versions.render.song import Song, read_song


@lru_cache(maxsize=256)
def notation_of(work: str) -> Notation | None:
    """Return the notation of ``pop909-NNN``; None without the data folder that LINERNOTES_DATA names."""
    root, number = os.environ.get("LINERNOTES_DATA"), work.removeprefix("pop909-")
    if not root or not number.isdigit() or not song_folder(Path(root), int(number)).is_dir():
        return None
    return sampled(read_song(song_folder(Path(root), int(number))))


def sampled(song: Song) -> Notation:
    """Return what a song's melody and chords are in every half beat."""
    n = int(max(note.end for note in song.notes) / HALF_BEAT) + 1
    melody, chords = np.full(n, -1), np.zeros((n, 12))
    for note in song.notes:
        if note.part == "MELODY":
            melody[_cells(note.start, note.end)] = note.pitch % 12
    for chord in song.chords:
        chords[_cells(chord.start, chord.end), list(chord.tones)] = 1.0
    return Notation(melody, chords)


def _cells(start: float, end: float) -> slice:
    return slice(max(0, round(start / HALF_BEAT)), max(0, round(end / HALF_BEAT)))
