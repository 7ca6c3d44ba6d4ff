"""From activations to notes: where each begins and ends, its pitch and how clearly it was heard.

A note is a stretch in which one key stays active and stands above its two neighbours; short dips are bridged. Where
the key is struck again the stretch is split. A note belongs to a line when the line reader puts the line on its
pitch for most of its time.

Conventions
-----------
Seconds and MIDI pitches; notes in order of onset, then pitch. Amplitude is the mean activation, in [0, 1]: how sure
the network was, which grows with loudness but does not measure it.

References
----------
Bittner et al. (2022), section 3.3 (onsets above a half, activations above three tenths, notes of at least 120 ms).
Hawthorne et al. (2018), "Onsets and frames", ISMIR.

Known limits
------------
Two notes a semitone apart at once are heard as the stronger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from linernotes.versions.notes import grid
from linernotes.versions.notes.lines import Lines
from linernotes.versions.notes.transcription import LOWEST_PITCH, Transcription


@dataclass(frozen=True, slots=True)
class NoteConfig:
    """Settings of `notes`.

    Parameters
    ----------
    least_onset, least_activation : float
        Where a key counts as struck, and as sounding.
    shortest_s : float
        Shorter notes are dropped.
    longest_dip_s : float
        Activation may fall for so long within one note.
    """

    least_onset: float = 0.5
    least_activation: float = 0.3
    shortest_s: float = 0.1
    longest_dip_s: float = 0.1


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note as heard.

    Parameters
    ----------
    onset_s, offset_s : float
        Beginning and end.
    pitch : int
        MIDI number.
    amplitude : float
        Mean activation in [0, 1].
    """

    onset_s: float
    offset_s: float
    pitch: int
    amplitude: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.offset_s - self.onset_s


def notes(transcription: Transcription, config: NoteConfig = NoteConfig()) -> tuple[Note, ...]:
    """Return the notes of a transcription.

    Examples
    --------
    >>> sounding, onsets = np.zeros((100, 88), np.float32), np.zeros((100, 88), np.float32)
    >>> sounding[10:60, 48] = 0.8
    >>> onsets[[10, 40], 48] = 0.9
    >>> for note in notes(Transcription(sounding, onsets, 0.01)):
    ...     print(f"{note.onset_s:.2f} {note.offset_s:.2f} {note.pitch} {note.amplitude:.1f}")
    0.10 0.40 69 0.8
    0.40 0.60 69 0.8
    """
    sounding, hop_s = transcription.sounding, transcription.hop_s
    apart = scipy.ndimage.maximum_filter1d(sounding, 3, axis=1) == sounding
    active = apart & (sounding >= config.least_activation)
    struck = _peaks(transcription.onsets) & (transcription.onsets >= config.least_onset)
    dip, shortest = round(config.longest_dip_s / hop_s), max(1, round(config.shortest_s / hop_s))
    found = []
    for key in np.flatnonzero(active.any(axis=0)):
        for first, end in _stretches(active[:, key], struck[:, key], dip):
            if end - first >= shortest:
                amplitude = float(sounding[first:end, key].mean())
                found.append(Note(first * hop_s, end * hop_s, LOWEST_PITCH + int(key), amplitude))
    return tuple(sorted(found, key=lambda note: (note.onset_s, note.pitch)))


def melody_notes(found: Sequence[Note], lines: Lines, least: float = 0.5) -> tuple[Note, ...]:
    """Return the notes that the melody runs through.

    Parameters
    ----------
    found : sequence of Note
        All notes.
    lines : Lines
        What the line reader heard in the same recording.
    least : float
        Mean probability of the line over the note.

    Examples
    --------
    >>> line = np.zeros((8, 74), np.float32)
    >>> line[:, 60 - grid.LOWEST_PITCH] = 0.9
    >>> rest = np.zeros((8, 13), np.float32)
    >>> heard = Lines(line, line, rest, rest[:, :12])
    >>> both = (Note(0.0, 0.5, 48, 0.5), Note(0.0, 0.5, 60, 0.5))
    >>> [note.pitch for note in melody_notes(both, heard)]
    [60]
    """
    return _on_line(found, lines.melody, lines.cell_s, least)


def bass_notes(found: Sequence[Note], lines: Lines, least: float = 0.5) -> tuple[Note, ...]:
    """Return the notes that the bass runs through; see `melody_notes`."""
    return _on_line(found, lines.bass, lines.cell_s, least)


def _on_line(
    found: Sequence[Note], line: NDArray[np.float32], cell_s: float, least: float
) -> tuple[Note, ...]:
    kept = []
    for note in found:
        column = note.pitch - grid.LOWEST_PITCH
        cells = line[
            round(note.onset_s / cell_s) : max(
                round(note.offset_s / cell_s), round(note.onset_s / cell_s) + 1
            )
        ]
        if 0 <= column < line.shape[1] - 1 and len(cells) and float(cells[:, column].mean()) >= least:
            kept.append(note)
    return tuple(kept)


def _peaks(onsets: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where each key's onset activation is above the frame before and not below the next."""
    before = np.vstack([np.full((1, onsets.shape[1]), -1, np.float32), onsets[:-1]])
    after = np.vstack([onsets[1:], np.full((1, onsets.shape[1]), -1, np.float32)])
    return np.asarray((onsets > before) & (onsets >= after))


def _stretches(active: NDArray[np.bool_], struck: NDArray[np.bool_], dip: int) -> list[tuple[int, int]]:
    """Return first and end frame of each note of one key."""
    frames = np.flatnonzero(active)
    gaps = np.flatnonzero(np.diff(frames) > dip + 1)
    firsts = frames[np.concatenate([[0], gaps + 1])]
    ends = frames[np.concatenate([gaps, [len(frames) - 1]])] + 1
    strokes = np.flatnonzero(struck)
    found = []
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        inside = strokes[(strokes > first + dip) & (strokes < end)].tolist()
        found += list(zip([first, *inside], [*inside, end], strict=True))
    return found
