"""Whether both ends of a match lie where a quotation begins and ends.

What can be found of a quotation is what the source piece plays of it without a jump; it may leave out sections, repeat
them, or end before the quotation does. Two readings of the truth: by *bars*, where both pieces play the same bars of
the notation; and by *notes*, where they play the same melody over the same chords, as songs do that return to a
phrase in other bars.

Conventions
-----------
A `Common` stretch is in seconds of the piece that quotes; notation is sampled at every half of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HALF_BEAT = 0.5
SEAM_S = 0.05  # sections that meet within this are played on
RIVAL = 0.8  # of the length of the longest stretch: any such is a right answer
LEAST_GAIN = 8.0  # half beats of the same notes
Sections = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Notation:
    """Per half beat the pitch class of the melody, -1 for none [shape=(n,)], and the tones of the chord [shape=(n, 12)]."""

    melody: npt.NDArray[np.int64]
    chords: npt.NDArray[np.float64]

    def at(self, beats: npt.NDArray[np.float64]) -> Notation:
        """Return what sounds at beats."""
        rows = np.clip((beats / HALF_BEAT + 1e-6).astype(np.int64), 0, len(self.melody) - 1)
        return Notation(self.melody[rows], self.chords[rows])


@dataclass(frozen=True)
class Common:
    """A stretch that two pieces have in common."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end_s - self.start_s


def by_bars(quote: dict[str, float], sections: Sections) -> list[Common]:
    """Return what a source piece plays of a quotation, each run of bars that follow each other, longest first.

    Examples
    --------
    >>> quote = {"start_s": 30, "end_s": 40, "source_start": 10, "source_end": 20}
    >>> [(one.start_s, one.end_s) for one in by_bars(quote, [[0, 8, 4, 12], [8, 14, 12, 18], [14, 20, 4, 10]])]
    [(30.0, 38.0)]
    """
    runs: list[list[float]] = []
    for start_s, end_s, first, last in sections:
        if last <= first:
            continue
        if runs and abs(runs[-1][1] - start_s) < SEAM_S and abs(runs[-1][3] - first) < SEAM_S:
            runs[-1][1], runs[-1][3] = end_s, last
        else:
            runs.append([start_s, end_s, first, last])
    found = []
    for _, _, first, last in runs:
        low, high = max(first, quote["source_start"]), min(last, quote["source_end"])
        if high > low:
            start_s, end_s = (float(x) for x in _second(quote, np.array([low, high])))
            found.append(Common(start_s, end_s))
    return sorted(found, key=lambda one: -one.length_s)


def by_notes(quote: dict[str, float], sections: Sections, notation: Notation) -> list[Common]:
    """Return the stretches along which a source piece plays the notes of a quotation, longest first.

    Every half beat of the same melody and chord counts for, every other against; a stretch is where that sum grows
    most on one diagonal, if by half as much as on the best diagonal. Those of `by_bars` are among them.
    """
    quoted = np.arange(quote["source_start"], quote["source_end"], HALF_BEAT)
    played = np.concatenate([np.arange(row[2], row[3] - 1e-6, HALF_BEAT) for row in sections])
    gains = _alike(notation.at(quoted), notation.at(played))
    n, m = gains.shape
    found = []  # how much the sum grows, and where
    for offset in range(8 - n, m - 8):
        first = max(0, -offset)
        along = gains[np.arange(first, min(n, m - offset)), np.arange(first + offset, min(n + offset, m))]
        total = np.concatenate([[0.0], np.cumsum(along)])
        rise = total - np.minimum.accumulate(total)
        end = int(rise.argmax())
        if rise[end] < LEAST_GAIN:
            continue
        start = end - int(total[: end + 1][::-1].argmin())
        seconds = _second(quote, np.array([quoted[first + start], quoted[first + end - 1] + HALF_BEAT]))
        found.append((float(rise[end]), Common(float(seconds[0]), float(seconds[1]))))
    most = max((gain for gain, _ in found), default=0.0)
    alike = [one for gain, one in found if gain >= most / 2]
    return sorted([*by_bars(quote, sections), *alike], key=lambda one: -one.length_s)


def end_errors_s(span: tuple[float, float] | None, true: Sequence[Common]) -> tuple[float, float]:
    """Return how late a span begins and ends against the nearest of the true stretches; infinite without a span.

    Examples
    --------
    >>> end_errors_s((1.5, 9), [Common(1, 10), Common(20, 29), Common(1.5, 8)])
    (0.5, -1)
    """
    rivals = [one for one in true if one.length_s >= RIVAL * max(other.length_s for other in true)]
    if span is None or not rivals:
        return float("inf"), float("inf")
    errors = [(span[0] - one.start_s, span[1] - one.end_s) for one in rivals]
    return min(errors, key=lambda pair: max(abs(pair[0]), abs(pair[1])))


def _second(quote: dict[str, float], beats: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    share = (beats - quote["source_start"]) / (quote["source_end"] - quote["source_start"])
    return np.asarray(quote["start_s"] + share * (quote["end_s"] - quote["start_s"]))


def _alike(a: Notation, b: Notation) -> npt.NDArray[np.float64]:
    """Return for every pair of half beats whether melody and chord speak for the same passage."""
    same = a.melody[:, None] == b.melody[None, :]
    silent = (a.melody[:, None] < 0) & (b.melody[None, :] < 0)
    tones = np.maximum(a.chords.sum(axis=1)[:, None], b.chords.sum(axis=1)[None, :])
    common = a.chords @ b.chords.T / np.maximum(tones, 1)
    of_melody = np.where(silent, 0.0, np.where(same, 1.0, -1.5))
    return np.asarray(of_melody + np.where(common >= 0.66, 0.5, -0.75))
