"""Additive renders of MIDI files, for measuring only: read notes, play them with plain harmonic tones.

No render leaves the machine; POP909 and ASAP forbid or restrict passing on their music.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linernotes.audio.files import Audio

RATE = 16000


@dataclass(frozen=True)
class Note:
    """One sounding note; times in seconds, pitch in MIDI numbers."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    track: str


@dataclass(frozen=True)
class Style:
    """How a render differs from the notation: key, speed, timbre (spectral decay), what sounds."""

    semitones: int = 0
    speed: float = 1.0
    decay: float = 1.0
    tracks: tuple[str, ...] = ()
    drums: bool = False
    seed: int = 0


def read_midi(path: Path) -> list[Note]:
    """Return the notes of a Standard MIDI File in order of onset (tempo changes applied)."""
    data = path.read_bytes()
    if data[:4] != b"MThd":
        raise ValueError(f"{path}: not a MIDI file")
    division = int.from_bytes(data[12:14], "big")
    position, tempi, raw = 14, [(0, 500000)], []
    while position < len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "big")
        _read_track(data[position + 8 : position + 8 + size], tempi, raw)
        position += 8 + size
    tempi.sort()
    ticks = np.array([t for t, _ in tempi], float)
    rates = np.array([us / 1e6 / division for _, us in tempi])
    at = np.concatenate([[0], np.cumsum(np.diff(ticks) * rates[:-1])])

    def seconds(tick: int) -> float:
        i = int(np.searchsorted(ticks, tick, "right")) - 1
        return float(at[i] + (tick - ticks[i]) * rates[i])

    return sorted((Note(seconds(a), seconds(b), p, v, n) for a, b, p, v, n in raw), key=lambda n: n.start_s)


def _read_track(data: bytes, tempi: list, raw: list) -> None:
    position = tick = status = 0
    name, held = "", {}
    first_raw = len(raw)

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
            body = data[position : position + size]
            position += size
            if kind == 0x51:
                tempi.append((tick, int.from_bytes(body, "big")))
            elif kind == 3:
                name = body.decode("latin-1")
        elif status in (0xF0, 0xF7):
            size = variable()
            position += size
        else:
            high = status & 0xF0
            one = data[position]
            two = data[position + 1] if high not in (0xC0, 0xD0) else 0
            position += 1 if high in (0xC0, 0xD0) else 2
            key = (status & 15, one)
            if high == 0x90 and two > 0:
                held.setdefault(key, []).append((tick, two))
            elif high in (0x80, 0x90) and held.get(key):
                start, velocity = held[key].pop(0)
                raw.append((start, tick, one, velocity, ""))
    raw[first_raw:] = [(a, b, p, v, name) for a, b, p, v, _ in raw[first_raw:]]


def render(notes: list[Note], style: Style, start_s: float = 0.0, seconds: float = 60.0) -> Audio:
    """Play *seconds* of *notes* from *start_s* of the notation in *style*."""
    random = np.random.default_rng(style.seed)
    out = np.zeros(int((seconds + 2) * RATE), np.float32)
    for note in notes:
        onset = (note.start_s - start_s) / style.speed
        if onset < 0 or onset >= seconds or (style.tracks and note.track not in style.tracks):
            continue
        held = min((note.end_s - note.start_s) / style.speed, 3.0)
        gain = note.velocity / 127 * (1.6 if note.track == "MELODY" else 1.0)
        tone = _tone(note.pitch + style.semitones, held, style.decay, random) * gain
        first = int((onset + random.normal(0, 0.006)) * RATE)
        if first >= 0:
            out[first : first + len(tone)] += tone[: len(out) - first]
    if style.drums:
        _add_drums(out, notes, start_s, style, random)
    out = out[: int(seconds * RATE)] + random.normal(0, 1e-4, int(seconds * RATE)).astype(np.float32)
    return Audio((0.5 * out / max(float(np.abs(out).max()), 1e-6)).astype(np.float32), RATE)


def _tone(pitch: float, held: float, decay: float, random: np.random.Generator) -> np.ndarray:
    time = np.arange(int((held + 0.08) * RATE), dtype=np.float32) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    envelope = np.minimum(time / 0.01, 1) * np.exp(-time * decay) * np.minimum((time[-1] - time) / 0.08, 1)
    wave = np.zeros_like(time)
    for partial in range(1, 8):
        if hz * partial < RATE / 2.2:
            phase = random.uniform(0, 2 * np.pi)
            wave += partial ** -(0.6 + decay) * np.sin(2 * np.pi * hz * partial * time + phase)
    return (wave * envelope).astype(np.float32)


def _add_drums(
    out: np.ndarray, notes: list[Note], start_s: float, style: Style, random: np.random.Generator
) -> None:
    """Put a kick or a hiss on every onset of the accompaniment that is half a second after the last."""
    last, count = -1.0, 0
    level = 0.5 * float(np.abs(out).max())
    for note in notes:
        onset = (note.start_s - start_s) / style.speed
        if note.track == "MELODY" or onset < last + 0.45 or onset >= len(out) / RATE - 1 or onset < 0:
            continue
        time = np.arange(int(0.15 * RATE)) / RATE
        kick = np.sin(2 * np.pi * 55 * time) * np.exp(-time * 25)
        hiss = random.normal(0, 0.4, len(time)) * np.exp(-time * 40)
        first = int(onset * RATE)
        out[first : first + len(time)] += (level * (kick if count % 2 == 0 else hiss)).astype(np.float32)
        last, count = onset, count + 1
