"""Choose, drop and repeat sections of a song.

An excerpt is what one version plays: its own beats run on from 0, and `Section` keeps where each stretch comes
from, which is the truth that alignments are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.versions.render.midi import Note
from benchmarks.versions.render.song import Chord, Song

_ENOUGH = 0.7  # of the wanted length; a version is not shorter while its song has more
_NEEDED_BARS = 4  # a phrase shorter than this is joined to the next before sections are dropped or repeated


@dataclass(frozen=True)
class Section:
    """A stretch of a piece and where it comes from; beats on both sides."""

    start: float
    end: float
    source_start: float
    source_end: float


@dataclass(frozen=True)
class Excerpt:
    """Notation of one version, in beats of its own; ``work`` is the song it is of."""

    work: str
    notes: tuple[Note, ...]
    chords: tuple[Chord, ...]
    bars: npt.NDArray[np.float64]
    sections: tuple[Section, ...]
    beat_s: float

    @property
    def n_beats(self) -> float:
        """Length of the piece."""
        return self.sections[-1].end


def cut(song: Song, spans: list[tuple[int, int]]) -> Excerpt:
    """Return the bars ``[first, last)`` of each span, one after the other."""
    notes: list[Note] = []
    chords: list[Chord] = []
    bars: list[float] = []
    sections: list[Section] = []
    at = 0.0
    for first, last in spans:
        start, end = float(song.bars[first]), float(song.bars[last])
        for note in song.notes:
            if start - 0.05 <= note.start < end - 0.05:
                onset = max(note.start, start)
                last_beat = max(min(note.end, end), onset + 0.05)
                notes.append(replace(note, start=onset - start + at, end=last_beat - start + at))
        for chord in song.chords:
            if chord.start < end and chord.end > start:
                head, tail = max(chord.start, start), min(chord.end, end)
                chords.append(replace(chord, start=head - start + at, end=tail - start + at))
        bars += (song.bars[first:last] - start + at).tolist()
        sections.append(Section(at, at + end - start, start, end))
        at += end - start
    return Excerpt(
        song.work, tuple(notes), tuple(chords), np.array([*bars, at]), tuple(sections), song.beat_s
    )


def choose_spans(
    song: Song, n_beats: float, random: np.random.Generator, version: np.random.Generator, n_edits: int
) -> list[tuple[int, int]]:
    """Choose the sections that a version plays.

    All versions of a song start near one phrase, drawn by *random*, which must be seeded by the song; then
    *version* moves the start by a phrase at most and drops or repeats *n_edits* sections.
    """
    phrases = _joined(song)
    n_bars = len(song.bars) - 1
    base = int(random.choice(_good_starts(song, phrases, n_beats)))
    first = int(np.clip(base + version.integers(-1, 2), 0, len(phrases) - 1))
    ends = [*phrases[1:], n_bars]
    spans = [(phrases[i], ends[i]) for i in range(first, len(phrases)) if ends[i] > phrases[i]]
    for _ in range(n_edits):
        at = int(version.integers(0, max(1, min(4, len(spans) - 1))))
        if version.random() < 0.5 and len(spans) > 2:
            del spans[at]
        else:
            spans.insert(at, spans[at])

    def length(parts: list[tuple[int, int]]) -> float:
        return float(sum(song.bars[last] - song.bars[start] for start, last in parts))

    while length(spans) < _ENOUGH * n_beats and first > 0:  # sections were dropped near the end of the song
        first -= 1
        spans.insert(0, (phrases[first], ends[first]))
    chosen: list[tuple[int, int]] = []
    for span in spans:
        chosen.append(span)
        if length(chosen) >= n_beats:
            break
    return chosen


def _joined(song: Song) -> list[int]:
    phrases = [song.phrases[0]]
    for bar in song.phrases[1:]:
        if bar - phrases[-1] >= _NEEDED_BARS:
            phrases.append(bar)
    return phrases


def _good_starts(song: Song, phrases: list[int], n_beats: float) -> list[int]:
    """Return indices of the phrases from which on the melody is about as dense as anywhere."""
    onsets = np.array([note.start for note in song.notes if note.part == "MELODY"])
    starts = song.bars[phrases]
    density = np.array([np.sum((onsets >= start) & (onsets < start + n_beats)) for start in starts])
    fits = starts + n_beats * 1.15 <= song.bars[-1]
    density = np.where(fits, density, 0) if fits.any() else density
    return np.flatnonzero(density >= 0.75 * density.max()).tolist()
