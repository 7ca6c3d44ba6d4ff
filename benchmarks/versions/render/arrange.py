"""Arrange an excerpt: who plays what, in one of five styles.

``full`` keeps the accompaniment of the notation and adds bass and drums; ``blocks``, ``arpeggio`` and ``pad`` make
a new accompaniment from the chords; ``melody`` leaves the melody alone.

Conventions
-----------
Beats in and out. Channels: 0 lead, 1 second voice, 2 accompaniment, 3 bass, 9 drums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.versions.render.drums import drum_part, pattern
from benchmarks.versions.render.excerpt import Excerpt
from benchmarks.versions.render.midi import Note
from benchmarks.versions.render.song import Chord

STYLES = ("full", "blocks", "arpeggio", "pad", "melody")
LEAD, SECOND, COMP, BASS, DRUMS = 0, 1, 2, 3, 9
_LOWEST_BASS = 33
_LOWEST_CHORD = 53

Part = tuple[Note, int]


def arrange(excerpt: Excerpt, style: str, random: np.random.Generator) -> list[Part]:
    """Return the notes of an arrangement with their channels."""
    melody = [(replace(n, velocity=_louder(n)), LEAD) for n in excerpt.notes if n.part == "MELODY"]
    if style == "melody":
        octave = int(random.choice((0, 0, 0, 12, -12)))
        return [(replace(note, pitch=note.pitch + octave), channel) for note, channel in melody]
    if style == "full":
        parts = [(n, COMP) for n in excerpt.notes if n.part == "PIANO"]
        parts += [(n, SECOND) for n in excerpt.notes if n.part == "BRIDGE"]
        return melody + parts + bass_part(excerpt, random) + drum_part(excerpt, pattern(random))
    maker = {"blocks": _blocks, "arpeggio": _arpeggio, "pad": _pad}[style]
    parts = [(note, COMP) for note in maker(excerpt, random)]
    if random.random() < 0.6:
        parts += bass_part(excerpt, random)
    if style == "blocks" and random.random() < 0.4:
        parts += drum_part(excerpt, pattern(random))
    return melody + parts


def _louder(note: Note) -> int:
    return int(np.clip(note.velocity + 12, 70, 120))


def bass_part(excerpt: Excerpt, random: np.random.Generator) -> list[Part]:
    """Walk through the chords: held roots, root and fifth, eighths, or a syncopated figure."""
    figure = (
        ((0.0, 4.0, 0),),
        ((0.0, 2.0, 0), (2.0, 2.0, 7)),
        tuple((i / 2, 0.45, 0) for i in range(8)),
        ((0.0, 1.5, 0), (1.5, 0.5, 0), (2.0, 1.5, 0), (3.5, 0.5, 7)),
        ((0.0, 1.0, 0), (1.0, 1.0, 0), (2.0, 1.0, 7), (3.0, 1.0, 12)),
    )[int(random.integers(5))]
    parts = []
    for chord in excerpt.chords:
        low = _LOWEST_BASS + (chord.bass - _LOWEST_BASS) % 12
        for start, length, step in _repeated(figure, chord):
            pitch = low + (step if step != 7 or (chord.tones[0] == chord.bass) else 0)
            parts.append((Note(start, start + length, pitch, int(random.integers(78, 98)), "BASS"), BASS))
    return parts


def _repeated(
    figure: tuple[tuple[float, float, int], ...], chord: Chord
) -> Iterator[tuple[float, float, int]]:
    for bar in np.arange(chord.start, chord.end, 4.0):
        for start, length, step in figure:
            if bar + start < chord.end - 0.01:
                yield bar + start, min(length, chord.end - bar - start), step


def voiced(chord: Chord, lowest: int = _LOWEST_CHORD) -> list[int]:
    """Return the pitches of a close voicing, every tone at or above *lowest*."""
    return sorted(lowest + (tone - lowest) % 12 for tone in chord.tones)


def _blocks(excerpt: Excerpt, random: np.random.Generator) -> list[Note]:
    every = float(random.choice((1.0, 2.0, 4.0)))
    notes = []
    for chord in excerpt.chords:
        for start in np.arange(chord.start, chord.end - 0.01, every):
            end = min(start + every * 0.95, chord.end)
            level = int(random.integers(58, 78))
            notes += [Note(float(start), float(end), p, level, "CHORDS") for p in voiced(chord)]
    return notes


def _arpeggio(excerpt: Excerpt, random: np.random.Generator) -> list[Note]:
    step = float(random.choice((0.5, 0.5, 0.25)))
    order = ((0, 1, 2, 3), (0, 2, 1, 2), (0, 1, 2, 1), (3, 2, 1, 0), (0, 2, 3, 2))[int(random.integers(5))]
    notes = []
    for chord in excerpt.chords:
        tones = voiced(chord, _LOWEST_CHORD - 5)[:3]
        tones.append(tones[0] + 12)
        for i, start in enumerate(np.arange(chord.start, chord.end - 0.01, step)):
            pitch = tones[order[i % 4]]
            level = int(random.integers(58, 80))
            notes.append(Note(float(start), float(start) + step * 1.6, pitch, level, "CHORDS"))
    return notes


def _pad(excerpt: Excerpt, random: np.random.Generator) -> list[Note]:
    lowest = int(random.choice((48, 53, 57)))
    return [
        Note(chord.start, chord.end, pitch, int(random.integers(60, 74)), "CHORDS")
        for chord in excerpt.chords
        for pitch in voiced(chord, lowest)
    ]
