"""Drum patterns on the annotated beats of a song: one bar of sixteenths, varied at every eighth bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.versions.render.excerpt import Excerpt
from benchmarks.versions.render.midi import Note

KICK, SNARE, STICK, CLAP, CLOSED, OPEN, RIDE, CRASH, TOM = 36, 38, 37, 39, 42, 46, 51, 49, 45
_CHANNEL = 9

# (kick, snare) sixteenths of a bar of four beats.
_GROOVES = (
    ((0, 8), (4, 12)),
    ((0, 6, 8), (4, 12)),
    ((0, 7, 10), (4, 12)),
    ((0, 4, 8, 12), (4, 12)),
    ((0, 10), (8,)),
    ((0, 3, 8, 11), (4, 12)),
    ((0, 8, 14), (4, 7, 12)),
    ((0, 6, 12), (3, 10)),
)


@dataclass(frozen=True)
class Pattern:
    """Sixteenths of a bar on which each drum falls: (sixteenth, drum, velocity)."""

    hits: tuple[tuple[int, int, int], ...]


def pattern(random: np.random.Generator) -> Pattern:
    """Draw a pattern: a groove, an instrument for each of its voices, a few extra strokes."""
    kicks, snares = _GROOVES[int(random.integers(len(_GROOVES)))]
    snare = int(random.choice((SNARE, SNARE, STICK, CLAP)))
    cymbal = int(random.choice((CLOSED, CLOSED, RIDE, OPEN)))
    step = int(random.choice((2, 2, 4, 1)))
    hits = [(at, KICK, 105) for at in kicks] + [(at, snare, 98) for at in snares]
    hits += [(at, cymbal, 72 if at % 4 == 0 else 54) for at in range(0, 16, step)]
    extra = random.integers(0, 16, int(random.integers(0, 3)))
    hits += [(int(at), snare, 38) for at in extra]
    return Pattern(tuple(hits))


def drum_part(excerpt: Excerpt, drums: Pattern) -> list[tuple[Note, int]]:
    """Play a pattern in every bar, a fill at the end of every eighth, a crash after it."""
    notes = []
    for i, (start, end) in enumerate(zip(excerpt.bars[:-1], excerpt.bars[1:], strict=True)):
        has_fill = i % 8 == 7
        for at, drum, velocity in drums.hits:
            beat = float(start) + at / 4
            if beat < end - 0.01 and not (has_fill and at >= 12):
                notes.append((Note(beat, beat + 0.2, drum, velocity, "DRUMS"), _CHANNEL))
        if has_fill:
            beats = [float(start) + (12 + k) / 4 for k in range(4)]
            fill = [Note(b, b + 0.2, (SNARE, SNARE, TOM, TOM)[k], 84, "DRUMS") for k, b in enumerate(beats)]
            notes += [(note, _CHANNEL) for note in fill if note.start < end]
        elif i % 8 == 0:
            notes.append((Note(float(start), float(start) + 0.5, CRASH, 80, "DRUMS"), _CHANNEL))
    return notes
