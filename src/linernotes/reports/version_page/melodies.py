"""Only the shared melody: both lines in one key and one tempo, to be seen and heard.

Idea
----
The notes of A's melody within a span stay as they are; those of B are carried along the alignment to A's seconds, moved to
A's key, and by whole octaves to A's register. Where both lines sound the same pitch class at the same time, they agree. Each
line is played with plain additive tones, so that neither sound nor accompaniment speaks for it.

Conventions
-----------
Pitches are MIDI numbers. Agreement is the part of the seconds in which both lines sound, and sound the same pitch class.

Known limits
------------
Notes come from a transcription: what it misses is not heard. Octaves are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.reports.version_page.warp import along, anchors
from linernotes.reports.words import per_cent

GRID_S = 0.02
RATE = 24_000
SHORTEST_S = 0.05
LONGEST_HEARD_S = 40.0
PARTIALS = {
    "a": (1.0, 0.0, 0.28, 0.0, 0.12),
    "b": (1.0, 0.45, 0.25, 0.15, 0.08),
}  # hollow and full, as two stops
ATTACK_S, RELEASE_S, DECAY_S = 0.015, 0.04, 1.5
LEVEL = 0.22


@dataclass(frozen=True, slots=True)
class Tone:
    """One note: seconds and MIDI pitch; *agrees* where the other line sounds the same pitch class."""

    start_s: float
    end_s: float
    pitch: float
    agrees: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the page's facts."""
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "pitch": round(self.pitch, 2),
            "agrees": self.agrees,
        }


@dataclass(frozen=True, slots=True)
class MelodyPair:
    """Both melodies of one span, in A's key and seconds; *segment* is the span's index."""

    segment: int
    a: tuple[Tone, ...]
    b: tuple[Tone, ...]
    agreement: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the page's facts."""
        return {
            "segment": self.segment + 1,
            "a": [tone.as_json() for tone in self.a],
            "b": [tone.as_json() for tone in self.b],
            "agreement": round(self.agreement, 4),
            "words": f"Where both lines sound, they sound the same note {per_cent(self.agreement)} of the time, "
            "octaves aside.",
        }


def aligned_melodies(
    index: int, segment: Mapping[str, Any], a: Sequence[Tone], b: Sequence[Tone]
) -> MelodyPair | None:
    """Return both melodies of a span in A's key and seconds; None where one is silent.

    Parameters
    ----------
    index : int
        Of the span.
    segment : mapping
        The span, in the fields of the JSON contract.
    a, b : sequence of Tone
        Melodies of the whole recordings.

    Examples
    --------
    >>> span = {"path": [[0.0, 10.0], [2.0, 14.0]], "a_start_s": 0.0, "a_end_s": 2.0, "b_start_s": 10.0, "b_end_s": 14.0,
    ...     "transposition_semitones": 3}
    >>> pair = aligned_melodies(0, span, [Tone(0.0, 1.0, 60), Tone(1.0, 2.0, 62)], [Tone(10.0, 14.0, 75)])
    >>> pair.b, pair.agreement
    ((Tone(start_s=0.0, end_s=2.0, pitch=60, agrees=True),), 0.5)
    """
    points = anchors(segment)
    left = _within(a, segment["a_start_s"], segment["a_end_s"])
    right = [
        Tone(
            along(points, tone.start_s, "b"),
            along(points, tone.end_s, "b"),
            tone.pitch - segment["transposition_semitones"],
        )
        for tone in _within(b, segment["b_start_s"], segment["b_end_s"])
    ]
    right = [tone for tone in right if tone.end_s > tone.start_s]
    if not left or not right:
        return None
    octaves = 12 * round((_middle(left) - _middle(right)) / 12)
    right = [Tone(tone.start_s, tone.end_s, tone.pitch + octaves) for tone in right]
    start = min(left[0].start_s, right[0].start_s)
    n_steps = int(np.ceil((max(left[-1].end_s, right[-1].end_s) - start) / GRID_S)) + 1
    grids = [_grid(side, start, n_steps) for side in (left, right)]
    both = (grids[0] >= 0) & (grids[1] >= 0)
    same = both & (grids[0] == grids[1])
    return MelodyPair(
        index,
        tuple(_marked(tone, same, start) for tone in left),
        tuple(_marked(tone, same, start) for tone in right),
        float(same.sum() / max(int(both.sum()), 1)),
    )


def sung(lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> Audio:
    """Return melodies as additive tones, from the first note of any line on.

    Parameters
    ----------
    lines : mapping of {"a", "b"} to sequence of mapping
        Notes as in the page's facts, lines sounding together.

    Examples
    --------
    >>> note = {"start_s": 5.0, "end_s": 6.0, "pitch": 69.0}
    >>> audio = sung({"a": [note]})
    >>> spectrum = np.abs(np.fft.rfft(audio.samples[:24000]))
    >>> int(spectrum.argmax())
    440
    """
    notes = [(side, note) for side, line in lines.items() for note in line]
    start = min((note["start_s"] for _, note in notes), default=0.0)
    end = min(max((note["end_s"] for _, note in notes), default=0.0), start + LONGEST_HEARD_S)
    samples = np.zeros(round((end - start + 2 * RELEASE_S) * RATE) + 1, np.float64)
    for side, note in notes:
        first = round((note["start_s"] - start) * RATE)
        played = _tone(min(note["end_s"], end) - note["start_s"], note["pitch"], PARTIALS[side])
        played = played[: max(0, len(samples) - first)]
        samples[first : first + len(played)] += played
    return Audio(np.asarray(LEVEL * samples / len(lines) ** 0.5, np.float32), RATE)


def _tone(duration_s: float, pitch: float, partials: Sequence[float]) -> NDArray[np.float64]:
    if duration_s <= 0:
        return np.zeros(0)
    time_s = np.arange(round((duration_s + RELEASE_S) * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(
        (
            level * np.sin(2 * np.pi * number * hz * time_s)
            for number, level in enumerate(partials, start=1)
            if level and number * hz < RATE / 2
        ),
        start=np.zeros_like(time_s),
    )
    release = np.clip((duration_s + RELEASE_S - time_s) / RELEASE_S, 0, 1)
    return np.asarray(wave * np.clip(time_s / ATTACK_S, 0, 1) * release * np.exp(-time_s / DECAY_S))


def _within(tones: Sequence[Tone], start_s: float, end_s: float) -> list[Tone]:
    cut = [Tone(max(one.start_s, start_s), min(one.end_s, end_s), one.pitch) for one in tones]
    return sorted((one for one in cut if one.end_s - one.start_s >= SHORTEST_S), key=lambda one: one.start_s)


def _middle(tones: Sequence[Tone]) -> float:
    """Return the pitch that half of the sounding seconds lie below."""
    ordered = sorted(tones, key=lambda one: one.pitch)
    seconds = np.cumsum([one.end_s - one.start_s for one in ordered])
    return ordered[int(np.searchsorted(seconds, seconds[-1] / 2))].pitch


def _grid(tones: Sequence[Tone], start_s: float, n_steps: int) -> NDArray[np.int64]:
    """Return the pitch class that sounds at every step, -1 for none."""
    grid = np.full(n_steps, -1, np.int64)
    for tone in tones:
        first, end = (round((at - start_s) / GRID_S) for at in (tone.start_s, tone.end_s))
        grid[first:end] = round(tone.pitch) % 12
    return grid


def _marked(tone: Tone, same: NDArray[np.bool_], start_s: float) -> Tone:
    first, end = (round((at - start_s) / GRID_S) for at in (tone.start_s, tone.end_s))
    part = same[first : max(end, first + 1)]
    return Tone(tone.start_s, tone.end_s, tone.pitch, bool(part.mean() >= 0.5) if len(part) else False)
