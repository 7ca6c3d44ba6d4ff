"""Figures by name: which four chords, which run of notes, and how many songs have them.

``commonplace`` says how often a stretch is matched by chance in recordings. This module says it in the words of
music: the chord succession or the melodic run of a stretch, and in which share of 660 pop songs it occurs. The
counts (never the songs) are bundled; ``benchmarks/versions/make_figures.py`` makes them.

Conventions
-----------
A *chord* is (root pitch class, minor?); other chords are read as the nearer triad. Equal neighbours are one
chord or one note. Figures are free of key: only intervals count, and a melodic interval is folded to -5..6
semitones. A *line* is a sequence of pitch classes. A figure that no or one song has counts as one song.

References
----------
POP909 (Wang et al. 2020, ISMIR; MIT licence): songs 1 to 660, melody and chords.
Sheh, Ellis (2003), "Chord segmentation and recognition using EM-trained hidden Markov models", ISMIR.

Known limits
------------
Chinese pop songs of four decades: a figure that is rare there may be common elsewhere. Chords are heard from
features with a resolution of a quarter of a second; passing chords are lost.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES
from linernotes.evidence.versions import Figure
from linernotes.versions.alignment import Matrix
from linernotes.versions.features import centred

Chord = tuple[int, bool]
N_CHORDS = 4
RUNS = (6, 4)  # intervals of a melodic run, longest first
NOTE_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
CHANGE_COST = 0.5  # correlation paid for a change of chord
NOTE_COST = 0.3  # paid for a change of note
LEAST_STRENGTH = 0.35  # correlation below which no note sounds


@dataclass(frozen=True, slots=True, eq=False)
class FigureCounts:
    """How many of *n_songs* hold each figure: sorted codes and their counts, for chords and for runs."""

    n_songs: int
    codes: dict[int, NDArray[np.uint32]]
    counts: dict[int, NDArray[np.uint16]]

    def n_holding(self, kind: int, code: int) -> int:
        """Return the number of songs with a figure; *kind* is 0 for chords, else the length of the run."""
        at = int(np.searchsorted(self.codes[kind], code))
        known = at < len(self.codes[kind]) and int(self.codes[kind][at]) == code
        return int(self.counts[kind][at]) if known else 1


@lru_cache(maxsize=1)
def bundled_counts() -> FigureCounts:
    """Return the counts that the package carries.

    Examples
    --------
    >>> bundled_counts().n_songs
    660
    """
    data = (resources.files("linernotes.versions") / "figures.npz").read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        kinds = (0, *RUNS)
        return FigureCounts(
            int(stored["n_songs"]),
            {kind: stored[f"codes_{kind}"] for kind in kinds},
            {kind: stored[f"counts_{kind}"] for kind in kinds},
        )


def chord_code(chords: Sequence[Chord]) -> int:
    """Return the number of a chord succession, the same in every key.

    Examples
    --------
    >>> chord_code([(0, False), (7, False)]) == chord_code([(2, False), (9, False)])
    True
    """
    code = int(chords[0][1])
    for (before, _), (root, minor) in itertools.pairwise(chords):
        code = code * 2 * PITCH_CLASSES + 2 * ((root - before) % PITCH_CLASSES) + minor
    return code


def run_code(intervals: Sequence[int]) -> int:
    """Return the number of a run of melodic intervals.

    Examples
    --------
    >>> run_code([2, -2]), run_code([-5, -5])
    (87, 0)
    """
    code = 0
    for interval in intervals:
        code = code * PITCH_CLASSES + (interval + 5) % PITCH_CLASSES
    return code


def intervals_of(line: Sequence[int]) -> list[int]:
    """Return the intervals between neighbours that differ, folded to -5..6.

    Examples
    --------
    >>> intervals_of([0, 0, 4, 7, 0])
    [4, 3, 5]
    """
    steps = [(now - before) % PITCH_CLASSES for before, now in itertools.pairwise(line)]
    return [(step + 5) % PITCH_CLASSES - 5 for step in steps if step]


def heard_chords(harmony: Matrix, bass: Matrix | None = None) -> list[Chord]:
    """Return the chords of a stretch, by templates and a path that pays for changes.

    Parameters
    ----------
    harmony, bass : NDArray[np.float32] [shape=(n_frames, 12)]
        Centred vectors.

    Examples
    --------
    >>> c, g = np.isin(np.arange(12), [0, 4, 7]), np.isin(np.arange(12), [7, 11, 2])
    >>> heard_chords(centred(np.repeat([c, g], 4, axis=0).astype(np.float32)))
    [(0, False), (7, False)]
    """
    if not len(harmony):
        return []
    strength = harmony @ _templates().T
    if bass is not None:
        strength = strength + 0.4 * np.hstack([bass, bass])
    jump = CHANGE_COST * (1 - np.eye(2 * PITCH_CLASSES, dtype=np.float32))
    path = _best_states(strength.astype(np.float32), jump)
    states = [int(path[0])] + [int(now) for before, now in itertools.pairwise(path) if now != before]
    return [(state % PITCH_CLASSES, state >= PITCH_CLASSES) for state in states]


def heard_line(melody: Matrix) -> list[int]:
    """Return the pitch classes of a melody's stretch, -1 left out, repeated notes as one.

    Examples
    --------
    >>> heard_line(centred(np.repeat(np.eye(12, dtype=np.float32)[[0, 4, 7]], 3, axis=0)))
    [0, 4, 7]
    """
    if not len(melody):
        return []
    silent = np.full((len(melody), 1), LEAST_STRENGTH, np.float32)
    states = np.hstack([melody, silent])
    jump = NOTE_COST * (1 - np.eye(PITCH_CLASSES + 1, dtype=np.float32))
    path = [int(state) for state in _best_states(states, jump) if state < PITCH_CLASSES]
    return path[:1] + [now for before, now in itertools.pairwise(path) if now != before]


def chord_figure(chords: Sequence[Chord], counts: FigureCounts | None = None) -> Figure | None:
    """Return the four-chord succession that occurs most often in a stretch, with its share of songs.

    Parameters
    ----------
    chords : sequence of (int, bool)
        Result of `heard_chords`.
    counts : FigureCounts, optional
        The bundled ones by default.

    Examples
    --------
    >>> loop = [(0, False), (7, False), (9, True), (5, False)]
    >>> found = chord_figure(loop * 2)
    >>> found.name, found.share > 0.1
    ('C-G-Am-F', True)
    """
    counts = counts or bundled_counts()
    windows = [tuple(chords[at : at + N_CHORDS]) for at in range(len(chords) - N_CHORDS + 1)]
    if not windows:
        return None
    often = Counter(windows)
    best = max(often, key=lambda window: (often[window], counts.n_holding(0, chord_code(window))))
    name = "-".join(NOTE_NAMES[root] + ("m" if minor else "") for root, minor in best)
    return Figure(name=name, share=_share(counts, 0, chord_code(best)), n_songs=counts.n_songs)


def run_figure(a: Sequence[int], b: Sequence[int], counts: FigureCounts | None = None) -> Figure | None:
    """Return the rarest melodic run that both lines hold, with its share of songs.

    Parameters
    ----------
    a, b : sequence of int
        Pitch classes of both sides of a span, in any key.
    counts : FigureCounts, optional
        The bundled ones by default.

    Examples
    --------
    >>> run_figure([0, 2, 4, 0, 5], [7, 9, 11, 7, 0]).name
    '+2 +2 -4 +5'
    >>> run_figure([0, 2, 4], [0, 1, 3]) is None
    True
    """
    counts = counts or bundled_counts()
    left, right = intervals_of(a), intervals_of(b)
    for n in RUNS:
        both = _windows(left, n) & _windows(right, n)
        if both:
            best = min(both, key=lambda run: (counts.n_holding(n, run_code(run)), run))
            name = " ".join(f"{step:+d}" for step in best)
            return Figure(name=name, share=_share(counts, n, run_code(best)), n_songs=counts.n_songs)
    return None


def _share(counts: FigureCounts, kind: int, code: int) -> float:
    return round(counts.n_holding(kind, code) / counts.n_songs, 4)


def _windows(values: Sequence[int], n: int) -> set[tuple[int, ...]]:
    return {tuple(values[at : at + n]) for at in range(len(values) - n + 1)}


@lru_cache(maxsize=1)
def _templates() -> NDArray[np.float32]:
    rows = np.zeros((2 * PITCH_CLASSES, PITCH_CLASSES), np.float32)
    for root in range(PITCH_CLASSES):
        rows[root, [root, (root + 4) % 12, (root + 7) % 12]] = 1
        rows[PITCH_CLASSES + root, [root, (root + 3) % 12, (root + 7) % 12]] = 1
    return centred(rows)


def _best_states(strength: NDArray[np.float32], jump: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the path of states with the greatest strength less the cost of its jumps (Viterbi)."""
    n_frames, n_states = strength.shape
    best, back = strength[0].copy(), np.zeros((n_frames, n_states), np.int64)
    for frame in range(1, n_frames):
        through = best[:, None] - jump
        back[frame] = through.argmax(axis=0)
        best = through[back[frame], np.arange(n_states)] + strength[frame]
    path = np.zeros(n_frames, np.int64)
    path[-1] = int(best.argmax())
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path
