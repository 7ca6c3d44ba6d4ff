"""Runs of notes in common: the longest stretch of intervals and rhythm that two melodic lines share.

A line of notes becomes tokens: the interval to the next note, and whether the time to the one after is about
the same, twice, half, four times or a quarter. Pitch and tempo drop out. A run of equal tokens scores the sum of
the rarities of its tokens, the negative logarithms of how often each occurs in the catalogue: eight steps along a
scale are worth less than eight leaps. How high a score unrelated music reaches follows the law of local alignments:
in a comparison of *m* with *n* tokens the number of runs that reach *s* is Poisson with mean
``K m n exp(-rate * s)``.

Conventions
-----------
Pitches in semitones, times in seconds. A run of *k* tokens covers *k* + 2 notes. Runs with fewer than three
different intervals are not looked at: trills and repeated notes are everybody's.

References
----------
Downie (1999), "Evaluating a simple approach to music information retrieval: conceiving melodic n-grams as text".
Karlin and Altschul (1990), PNAS 87. Figures: ``docs/methods/passages.md``.

Known limits
------------
The line is what a machine hears as the predominant one: in a mix it misses and adds notes, and each error breaks
the run. It finds about a third of clean 5 s copies, and next to none under other music: it confirms what the
other two find, and abstains otherwise. The same notes played by others give the same run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.evidence.spans import Span

METHOD = "note-runs/1"
UNIT = "nats of rarity"

LEAST_TOKENS = 4
LEAST_INTERVALS = 3

_LARGEST_INTERVAL = 13  # semitones; larger leaps count as one kind
_N_RATIOS = 5
_N_TOKENS = (2 * _LARGEST_INTERVAL + 1) * _N_RATIOS
# Fitted to unrelated real music, and made stricter: docs/methods/passages.md
_RATE = 0.33
_LOG_K = -9.3


@dataclass(frozen=True, slots=True, eq=False)
class NoteLine:
    """A melodic line.

    Parameters
    ----------
    onsets_s : NDArray[np.float64] [shape=(n_notes,)]
        Ascending.
    pitches : NDArray[np.int64] [shape=(n_notes,)]
        Semitones above any fixed note.

    Examples
    --------
    >>> line = NoteLine(np.array([0.0, 0.5, 1.0, 2.0]), np.array([60, 64, 62, 62]))
    >>> len(line.tokens())
    2
    """

    onsets_s: NDArray[np.floating[Any]]
    pitches: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.onsets_s.shape != self.pitches.shape or self.onsets_s.ndim != 1:
            raise InputError(
                f"{self.onsets_s.shape} onsets, {self.pitches.shape} pitches; expected one pitch per onset"
            )
        if len(self.onsets_s) and float(np.diff(self.onsets_s, prepend=-1e-9).min()) <= 0:
            raise InputError("onsets of a line: expected times that rise from 0 on")

    def __len__(self) -> int:
        return len(self.onsets_s)

    def tokens(self) -> NDArray[np.int64]:
        """Return one whole number per note but the last two: interval and ratio of durations."""
        if len(self) < 3:
            return np.zeros(0, np.int64)
        steps = np.clip(np.diff(self.pitches), -_LARGEST_INTERVAL, _LARGEST_INTERVAL)[:-1] + _LARGEST_INTERVAL
        waits = np.diff(self.onsets_s)
        ratios = np.clip(np.rint(np.log2(waits[1:] / waits[:-1])), -2, 2).astype(np.int64) + 2
        return np.asarray(steps * _N_RATIOS + ratios, np.int64)


@dataclass(frozen=True, slots=True)
class SharedRun:
    """A run of notes that a query and a recording have in common.

    ``time_ratio`` is query seconds per reference second, ``pitch_shift`` query minus reference in semitones.
    """

    recording_id: str
    score: float
    n_notes: int
    query: Span
    reference: Span
    time_ratio: float
    pitch_shift: float


class NoteIndex:
    """The lines of a catalogue, sorted for look-up by four tokens at a time.

    Parameters
    ----------
    lines : mapping of str to NoteLine
        By recording id.

    Examples
    --------
    >>> draw = np.random.default_rng(3)
    >>> line = NoteLine(np.cumsum(draw.choice([0.25, 0.5], 60)), draw.integers(0, 24, 60))
    >>> excerpt = NoteLine(line.onsets_s[20:36] * 1.5, line.pitches[20:36] + 5)
    >>> (run, rate), = NoteIndex({"song": line}).find(excerpt, max_false_rate=1e-3)
    >>> run.n_notes, run.time_ratio, run.pitch_shift, rate < 1e-6
    (16, 1.5, 5.0, True)
    """

    def __init__(self, lines: Mapping[str, NoteLine]) -> None:
        self._lines = dict(lines)
        self._names = tuple(self._lines)
        tokens = [line.tokens() for line in self._lines.values()]
        self._starts = np.concatenate([[0], np.cumsum([len(one) for one in tokens])]).astype(np.int64)
        self._tokens = np.concatenate([*tokens, np.zeros(0, np.int64)])
        counts = np.bincount(self._tokens, minlength=_N_TOKENS) + 0.5
        self._rarity = -np.log(counts / counts.sum())
        grams = _grams(self._tokens)
        self._order = np.argsort(grams, kind="stable")
        self._sorted = grams[self._order]

    @property
    def n_tokens(self) -> int:
        """Tokens of all lines."""
        return len(self._tokens)

    def find(self, query: NoteLine, *, max_false_rate: float) -> list[tuple[SharedRun, float]]:
        """Return the runs that are long and rare enough for a catalogue of this size, best first.

        Parameters
        ----------
        query : NoteLine
            The line of the output.
        max_false_rate : float in (0, 1)
            Highest chance, per query, that an unrelated catalogue shares such a run.
        """
        best: dict[str, tuple[SharedRun, float]] = {}
        tokens = query.tokens()
        for place, other, length in self._runs(tokens):
            rate = false_match_rate(self._score(tokens[place : place + length]), len(tokens), self.n_tokens)
            if rate > max_false_rate:
                continue
            run = self._described(query, tokens, place, other, length)
            if run.recording_id not in best or best[run.recording_id][0].score < run.score:
                best[run.recording_id] = (run, rate)
        return sorted(best.values(), key=lambda entry: (-entry[0].score, entry[0].recording_id))

    def highest(self, query: NoteLine) -> float:
        """Return the highest score of any run, 0 where nothing is shared: for measuring the null."""
        tokens = query.tokens()
        return max((self._score(tokens[p : p + n]) for p, _, n in self._runs(tokens)), default=0.0)

    def _runs(self, tokens: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """Return place in the query, place in the catalogue and length of every maximal run."""
        if len(tokens) < LEAST_TOKENS or not len(self._sorted):
            return []
        grams = _grams(tokens)
        low = np.searchsorted(self._sorted, grams, "left")
        counts = np.searchsorted(self._sorted, grams, "right") - low
        places = np.repeat(np.arange(len(grams)), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        others = self._order[np.repeat(low, counts) + offsets]
        inside = np.searchsorted(self._starts, others, "right") == np.searchsorted(
            self._starts, others + LEAST_TOKENS - 1, "right"
        )  # a run must not cross from one recording into the next
        places, others = places[inside], others[inside]
        order = np.lexsort((places, others - places))
        places, others = places[order], others[order]
        if not len(places):
            return []
        owner = np.searchsorted(self._starts, others, "right")
        new = np.ones(len(places), bool)
        new[1:] = (np.diff(others - places) != 0) | (np.diff(places) != 1) | (np.diff(owner) != 0)
        firsts = np.flatnonzero(new)
        lengths = np.diff(np.append(firsts, len(places))) + LEAST_TOKENS - 1
        return [
            (int(places[f]), int(others[f]), int(n))
            for f, n in zip(firsts, lengths, strict=True)
            if len(np.unique(tokens[places[f] : places[f] + n] // _N_RATIOS)) >= LEAST_INTERVALS
        ]

    def _score(self, tokens: NDArray[np.int64]) -> float:
        return float(self._rarity[tokens].sum())

    def _described(
        self, query: NoteLine, tokens: NDArray[np.int64], place: int, other: int, length: int
    ) -> SharedRun:
        owner = int(np.searchsorted(self._starts, other, "right")) - 1
        line = self._lines[self._names[owner]]
        first = other - int(self._starts[owner])
        n_notes = length + 2
        mine = query.onsets_s[place : place + n_notes]
        theirs = line.onsets_s[first : first + n_notes]
        return SharedRun(
            recording_id=self._names[owner],
            score=round(self._score(tokens[place : place + length]), 3),
            n_notes=n_notes,
            query=Span(float(mine[0]), float(mine[-1])),
            reference=Span(float(theirs[0]), float(theirs[-1])),
            time_ratio=round(float((mine[-1] - mine[0]) / (theirs[-1] - theirs[0])), 4),
            pitch_shift=float(
                np.median(query.pitches[place : place + n_notes] - line.pitches[first : first + n_notes])
            ),
        )


def false_match_rate(score: float, n_query_tokens: int, n_catalogue_tokens: int) -> float:
    """Return the chance, in [0, 1], that unrelated music shares a run of this score with a catalogue of this size.

    Examples
    --------
    >>> false_match_rate(5.0, 40, 10_000) > 0.5 > false_match_rate(60.0, 40, 10_000)
    True
    """
    size = max(1, n_query_tokens) * max(1, n_catalogue_tokens)
    exponent = _LOG_K + math.log(size) - _RATE * score
    return -math.expm1(-math.exp(min(exponent, 700.0)))


def _grams(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for each four tokens in a row."""
    if len(tokens) < LEAST_TOKENS:
        return np.zeros(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, LEAST_TOKENS)
    return np.asarray(windows @ (_N_TOKENS ** np.arange(LEAST_TOKENS)), np.int64)
