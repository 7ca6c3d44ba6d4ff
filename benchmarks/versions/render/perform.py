"""Beats to seconds: tempo with a slow drift, swing, and onsets that no machine played.

Conventions
-----------
Beats of the piece in, seconds of the piece out. Swing delays the second eighth of every beat by a share of the
beat and squeezes what follows, so that order is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.versions.render.excerpt import Section
from benchmarks.versions.render.fluid import DRUMS, Sound
from benchmarks.versions.render.midi import Note

HUMAN_S = 0.006
_DRIFT = 0.015  # largest relative change of tempo
_GAP_S = 0.01  # where a section is left out, its end stands this long before the next one's start


class Clock:
    """The time of every beat of one piece."""

    def __init__(self, n_beats: float, beat_s: float, random: np.random.Generator) -> None:
        grid = np.arange(0, int(np.ceil(n_beats)) + 2)
        period, phase = random.uniform(24, 64), random.uniform(0, 2 * np.pi)
        durations = beat_s * (1 + _DRIFT * np.sin(2 * np.pi * grid / period + phase))
        self._beats = grid.astype(float)
        self._seconds = np.concatenate([[0.0], np.cumsum(durations[:-1])])

    def __call__(self, beat: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the seconds of beats."""
        return np.asarray(np.interp(beat, self._beats, self._seconds))

    def beat(self, seconds: float) -> float:
        """Return the beat of a second."""
        return float(np.interp(seconds, self._seconds, self._beats))


def swung(beats: npt.NDArray[np.float64], swing: float) -> npt.NDArray[np.float64]:
    """Move the middle of every beat to ``0.5 + swing``.

    >>> swung(np.array([0.0, 0.5, 0.75, 1.0]), 0.1)
    array([0. , 0.6, 0.8, 1. ])
    """
    whole = np.floor(beats)
    return whole + np.interp(beats - whole, [0, 0.5, 1], [0, 0.5 + swing, 1])


def perform(
    parts: Sequence[tuple[Note, int]],
    clock: Clock,
    random: np.random.Generator,
    semitones: int = 0,
    swing: float = 0.0,
) -> list[Sound]:
    """Return the notes in seconds; drums are not transposed, and keep better time."""
    if not parts:
        return []
    starts = clock(swung(np.array([note.start for note, _ in parts]), swing))
    ends = clock(swung(np.array([note.end for note, _ in parts]), swing))
    late = random.normal(0, HUMAN_S, len(parts))
    return [
        Sound(
            max(float(start + (0.4 * d if channel == DRUMS else d)), 0.0),
            float(end),
            note.pitch + (0 if channel == DRUMS else semitones),
            int(np.clip(note.velocity, 1, 127)),
            channel,
        )
        for (note, channel), start, end, d in zip(parts, starts, ends, late, strict=True)
    ]


def alignment(
    sections: Sequence[Section], clock: Clock, seconds: float
) -> tuple[list[list[float]], list[list[float]]]:
    """Return monotone anchors and the full list of sections of a piece.

    The anchors ``[second, source beat]`` stand at every fourth beat; they rise, so that a section played again
    has none (its seconds map to one beat). The sections ``[start_s, end_s, source_start, source_end]`` hold
    every pass.
    """
    anchors: list[list[float]] = []
    passes: list[list[float]] = []
    reached = -np.inf
    for section in sections:
        end = min(section.end, clock.beat(seconds))
        if end <= section.start:
            break
        source_end = section.source_start + end - section.start
        passes.append([float(clock(section.start)), float(clock(end)), section.source_start, source_end])
        if section.source_start < reached:
            continue
        beats = np.append(np.arange(section.start, end - 0.5, 4.0), end)
        times = clock(beats)
        times[-1] -= _GAP_S
        anchors += np.stack([times, section.source_start + beats - section.start], axis=1).tolist()
        reached = source_end
    return [[round(x, 4) for x in row] for row in anchors], [[round(x, 4) for x in row] for row in passes]
