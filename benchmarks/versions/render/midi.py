"""Read the notes of a Standard MIDI File, with tempo changes and the sustain pedal applied.

Conventions
-----------
Times in seconds from the start of the file. A note held by the pedal ends when the pedal is released, at most
`PEDAL_LIMIT_S` after its key: pianos decay, and so do renders that stay affordable.

Known limits
------------
Files with an SMPTE time base are refused; program changes and bends are not read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

PEDAL_LIMIT_S = 3.0
_DEFAULT_TEMPO = 500_000  # microseconds per quarter note
_SUSTAIN = 64


@dataclass(frozen=True)
class Note:
    """One note: *start* and *end* in seconds or beats (its holder says which), MIDI pitch, velocity, part."""

    start: float
    end: float
    pitch: int
    velocity: int
    part: str = ""


def read_midi(path: Path) -> list[Note]:
    """Return the notes of a file in order of onset, in seconds; ``part`` is the name of the track.

    Raises
    ------
    ValueError
        Not a MIDI file, or one in SMPTE time.
    """
    data = path.read_bytes()
    division = int.from_bytes(data[12:14], "big")
    if data[:4] != b"MThd" or division & 0x8000 or division == 0:
        raise ValueError(f"{path}: not a Standard MIDI File with ticks per quarter note")
    tracks, tempi, position = [], [(0, _DEFAULT_TEMPO)], 14
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "big")
        if data[position : position + 4] == b"MTrk":
            tracks.append(list(_events(data[position + 8 : position + 8 + size])))
        position += 8 + size
    for events in tracks:
        tempi += [(tick, int.from_bytes(body, "big")) for tick, kind, body in events if kind == 0x51FF]
    clock = _Clock(sorted(tempi), division)
    notes = [note for events in tracks for note in _notes(events, clock)]
    return sorted(notes, key=lambda note: (note.start, note.pitch))


class _Clock:
    """Ticks to seconds."""

    def __init__(self, tempi: list[tuple[int, int]], division: int) -> None:
        self.ticks = [tick for tick, _ in tempi]
        self.rates = [tempo / 1e6 / division for _, tempo in tempi]
        self.at = np.concatenate([[0.0], np.cumsum(np.diff(self.ticks) * self.rates[:-1])]).tolist()

    def __call__(self, tick: int) -> float:
        i = bisect_right(self.ticks, tick) - 1
        return float(self.at[i] + (tick - self.ticks[i]) * self.rates[i])


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (tick, status, body); a meta event of kind k has the status ``k << 8 | 0xFF``."""
    position = tick = status = 0

    def variable() -> int:
        nonlocal position
        value = 0
        while True:
            byte = data[position]
            position += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    while position < len(data):
        tick += variable()
        if data[position] >= 128:
            status = data[position]
            position += 1
        if status == 0xFF:
            kind = data[position]
            position += 1
            size = variable()
            yield tick, kind << 8 | 0xFF, data[position : position + size]
        elif status in (0xF0, 0xF7):
            size = variable()
        else:
            size = 1 if status & 0xF0 in (0xC0, 0xD0) else 2
            yield tick, status, data[position : position + size]
        position += size


def _notes(events: list[tuple[int, int, bytes]], clock: _Clock) -> list[Note]:
    name = next((body.decode("latin-1") for _, kind, body in events if kind == 0x03FF), "")
    held: dict[tuple[int, int], list[tuple[int, int]]] = {}
    pedals: dict[int, list[tuple[float, bool]]] = {}
    notes: list[tuple[int, Note]] = []
    for tick, status, body in events:
        high, channel = status & 0xF0, status & 0x0F
        if status & 0xFF == 0xFF:
            continue
        if high == 0xB0 and body[0] == _SUSTAIN:
            pedals.setdefault(channel, []).append((clock(tick), body[1] >= 64))
        key = (channel, body[0])
        if high == 0x90 and body[1] > 0:
            held.setdefault(key, []).append((tick, body[1]))
        elif high in (0x80, 0x90) and held.get(key):
            start, velocity = held[key].pop(0)
            notes.append((channel, Note(clock(start), clock(tick), body[0], velocity, name)))
    return [replace(note, end=_released(note.end, pedals.get(channel, []))) for channel, note in notes]


def _released(end: float, pedal: list[tuple[float, bool]]) -> float:
    at = bisect_right(pedal, (end, True)) - 1
    if at < 0 or not pedal[at][1]:
        return end
    up = next((time for time, is_down in pedal[at + 1 :] if not is_down), end + PEDAL_LIMIT_S)
    return min(up, end + PEDAL_LIMIT_S)
