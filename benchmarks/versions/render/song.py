"""Songs of POP909 in beats: notes, chords, bars and phrases.

Everything an arrangement is made of is measured in beats, so that a change of tempo or the loss of a section is
arithmetic. Beat 0 is the first annotated beat.

References
----------
Wang et al. (2020), "POP909: a pop-song dataset for music arrangement generation", ISMIR.
Dai, Zhang, Dannenberg (2020), "Automatic analysis and influence of hierarchical structure on melody, rhythm
and harmony in popular music" (the phrase labels).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.render.midi import Note, read_midi

_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES = (0, 2, 4, 5, 7, 9, 11)
QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "sus4(b7)": (0, 5, 7, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "hdim7": (0, 3, 6, 10),
    "aug": (0, 4, 8),
}


@dataclass(frozen=True)
class Chord:
    """A chord from *start* to *end* beat: pitch classes of its tones, root first, and of its bass."""

    start: float
    end: float
    tones: tuple[int, ...]
    bass: int

    def moved(self, semitones: int) -> Chord:
        """Return the chord transposed."""
        tones = tuple((tone + semitones) % 12 for tone in self.tones)
        return replace(self, tones=tones, bass=(self.bass + semitones) % 12)


@dataclass(frozen=True)
class Song:
    """Notation in beats.

    ``notes`` have the parts MELODY, BRIDGE and PIANO; ``bars`` holds the beats that bars start on
    [shape=(n_bars + 1,)], ``phrases`` the bars that phrases start on, ``beat_s`` the usual length of a beat, ``tonic``
    (pitch class) and ``mode`` (``maj`` or ``min``) the first annotated key.
    """

    work: str
    notes: tuple[Note, ...]
    chords: tuple[Chord, ...]
    bars: npt.NDArray[np.float64]
    phrases: tuple[int, ...]
    beat_s: float
    tonic: int
    mode: str


def pitch_class(name: str) -> int:
    """Return the pitch class of a note name.

    >>> pitch_class("Gb"), pitch_class("C#")
    (6, 1)
    """
    return (_NATURALS[name[0]] + name.count("#") - name.count("b")) % 12


def parse_chord(label: str, start: float, end: float) -> Chord | None:
    """Return the chord of a label such as ``Eb:min7/b7``; None for ``N`` and for what is not known.

    >>> parse_chord("A:min/b3", 0, 4)
    Chord(start=0, end=4, tones=(9, 0, 4), bass=0)
    """
    matched = re.fullmatch(r"([A-G][b#]*):([^/]+)(?:/([b#]*)(\d+))?", label)
    if matched is None or matched[2] not in QUALITIES:
        return None
    root = pitch_class(matched[1])
    bass = root
    if matched[4]:
        degree = _DEGREES[(int(matched[4]) - 1) % 7]
        bass = (root + degree + matched[3].count("#") - matched[3].count("b")) % 12
    return Chord(start, end, tuple((root + step) % 12 for step in QUALITIES[matched[2]]), bass)


def read_song(folder: Path) -> Song:
    """Read ``NNN/`` of POP909 as its authors publish it."""
    number = folder.name
    rows = [line.split() for line in (folder / "beat_midi.txt").read_text(encoding="utf-8").splitlines()]
    beat_times = np.array([float(row[0]) for row in rows])
    beat_s = float(np.median(np.diff(beat_times)))

    def beat(seconds: float) -> float:
        if seconds > beat_times[-1]:
            return float(len(beat_times) - 1 + (seconds - beat_times[-1]) / beat_s)
        if seconds < beat_times[0]:
            return float((seconds - beat_times[0]) / beat_s)
        return float(np.interp(seconds, beat_times, np.arange(len(beat_times))))

    bars = np.array([i for i, row in enumerate(rows) if float(row[2]) == 1.0], float)
    bars = np.append(bars, bars[-1] + np.median(np.diff(bars)))
    notes = [
        replace(note, start=beat(note.start), end=beat(note.end))
        for note in read_midi(folder / f"{number}.mid")
    ]
    chords = []
    for line in (folder / "chord_midi.txt").read_text(encoding="utf-8").splitlines():
        start, end, label = line.split()
        chord = parse_chord(label, round(beat(float(start)) * 2) / 2, round(beat(float(end)) * 2) / 2)
        if chord is not None and chord.end > chord.start:
            chords.append(chord)
    text = (folder / "human_label1.txt").read_text(encoding="utf-8")
    lengths = [int(length) for length in re.findall(r"[A-Za-z](\d+)", text)]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    phrases = tuple(int(bar) for bar in starts if bar < len(bars) - 1)
    tonic, _, mode = (folder / "analyzed_key.txt").read_text(encoding="utf-8").split()[0].partition(":")
    return Song(
        f"pop909-{number}", tuple(notes), tuple(chords), bars, phrases, beat_s, pitch_class(tonic), mode
    )
