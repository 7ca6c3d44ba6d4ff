"""Segment matching: the best run of alike moments between an output and each known recording.

Under one hypothesis of pitch and tempo, every query frame is compared with every reference frame. A copied
passage is a diagonal of high correlations in that matrix. The score of a run is the sum of its correlations,
each less a cost that unrelated moments do not earn, so that the best run finds its own ends; it is the
ungapped local alignment of sequence analysis, on sound. No window length has to be chosen.

Conventions
-----------
``shift`` is query pitch minus reference pitch in quarter tones, ``ratio`` query seconds per reference second.
Spans are half-open, in seconds. Scores are sums over frames of a tenth of a second of reference time.

Cost
----
Linear in catalogue and query: about 10 ms of one core per minute of catalogue for a 12 s query with all 45
hypotheses, 0.3 ms with pitch and tempo unchanged.

References
----------
Smith and Waterman (1981), J. Mol. Biol. 147 (local alignment).
Müller (2015), "Fundamentals of music processing", section 7.2 (diagonal matching).

Known limits
------------
The tempo of a passage must be constant. Every recording is compared: beyond some ten thousand recordings
the landmarks are the detector that answers in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from linernotes.errors import InputError
from linernotes.evidence.spans import Span
from linernotes.fingerprint.passages.chance import SearchChance
from linernotes.fingerprint.passages.features import (
    BANDS_PER_SEMITONE,
    HOP_S,
    Floats,
    SegmentFeatures,
    moved,
    stretched,
)

METHOD = "segments/1"
UNIT = "sum of frame correlations above cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSearch:
    """What is tried.

    Parameters
    ----------
    max_shift_semitones : float
        Largest change of pitch either way, in steps of a quarter tone; up to 12.
    ratios : tuple of float
        Query seconds per reference second; runs tolerate about 1.5 % to either side.
    cost : float in (0, 1)
        Taken from each correlation.
    max_per_recording : int > 0
        Passages of one recording that are looked for in one query.
    """

    max_shift_semitones: float = 2.0
    ratios: tuple[float, ...] = (1.0, 1.03, 0.97, 1.06, 0.94)
    cost: float = 0.15
    max_per_recording: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.max_shift_semitones <= 12:
            raise InputError(
                f"pitch range {self.max_shift_semitones} semitones: expected 0 to 12; "
                "beyond an octave no band of the two spectra overlaps"
            )
        if not self.ratios or min(self.ratios) <= 0.5 or max(self.ratios) >= 2:
            raise InputError(f"time ratios {self.ratios}: expected numbers between 0.5 and 2")

    @property
    def shifts(self) -> tuple[int, ...]:
        """Quarter tones, the unchanged pitch first."""
        top = round(self.max_shift_semitones * BANDS_PER_SEMITONE)
        return (0, *(sign * k for k in range(1, top + 1) for sign in (1, -1)))


@dataclass(frozen=True, slots=True)
class Run:
    """The best diagonal of one recording: a candidate, not yet a passage."""

    recording_id: str
    score: float
    query: Span
    reference: Span
    shift: int
    ratio: float


def find_runs(
    query: SegmentFeatures,
    known: Mapping[str, SegmentFeatures],
    background: Iterable[SegmentFeatures],
    *,
    max_false_rate: float,
    search: SegmentSearch = SegmentSearch(),
) -> list[tuple[Run, float]]:
    """Return the runs whose chance in a catalogue of this size is small enough, with that chance, best first.

    Parameters
    ----------
    query : SegmentFeatures
        The output.
    known : mapping of str to SegmentFeatures
        The recordings it may hold passages of.
    background : iterable of SegmentFeatures
        Unrelated music that the null is fitted on, beside the bulk of *known*.
    max_false_rate : float in (0, 1)
        Highest chance, per query, that unrelated music gives such a run.
    search : SegmentSearch, optional
        What is tried.

    Returns
    -------
    list of (Run, float)
        The false-match rate is for the whole catalogue and all hypotheses of pitch and tempo.
    """
    if not known or not len(query):
        return []
    variants = _variants(query.frames, search)
    best, lengths = {}, {}
    for name, features in known.items():
        best[name], lengths[name] = best_run_in(variants, features, name, search.cost), len(features)
    unrelated = [best_run_in(variants, features, "", search.cost) for features in background]
    chance = SearchChance.fit(
        [run.score for run in (*unrelated, *best.values())],
        [*(len(features) for features in background), *lengths.values()],
    )
    n_frames = sum(lengths.values())
    found: list[tuple[Run, float]] = []
    for name, run in best.items():
        rest = query
        for _ in range(search.max_per_recording):
            rate = chance.false_match_rate(run.score, n_frames)
            if rate > max_false_rate:
                break
            found.append((run, rate))
            rest = without_span(rest, run.query)
            run = best_run_in(_variants(rest.frames, search), known[name], name, search.cost)
    return sorted(found, key=lambda entry: (-entry[0].score, entry[0].recording_id))


def best_run_in(
    variants: list[tuple[int, float, Floats]], reference: SegmentFeatures, name: str, cost: float
) -> Run:
    """Return the best run of a query's variants in one recording; its score is 0 where nothing is alike."""
    from linernotes.fingerprint.passages.kernels import best_run

    best: tuple[float, int, int, int, int, float] = (0.0, 0, 0, 0, 0, 1.0)
    other = np.ascontiguousarray(reference.frames.T)
    for shift, ratio, frames in variants:
        score, last_query, last_reference, length = best_run(frames @ other, cost)
        if score > best[0]:
            best = (float(score), int(last_query), int(last_reference), int(length), shift, ratio)
    score, last_query, last_reference, length, shift, ratio = best
    first_query, first_reference = last_query + 1 - length, last_reference + 1 - length
    return Run(
        name,
        score,
        Span(max(0, first_query) * HOP_S * ratio, (last_query + 1) * HOP_S * ratio),
        Span(max(0, first_reference) * HOP_S, (last_reference + 1) * HOP_S),
        shift,
        ratio,
    )


def without_span(query: SegmentFeatures, span: Span) -> SegmentFeatures:
    """Return the query with the frames of a span silenced, so that another run must lie elsewhere.

    Examples
    --------
    >>> left = without_span(SegmentFeatures(np.ones((4, 96), np.float32)), Span(0.1, 0.3))
    >>> left.frames[:, 0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    frames = query.frames.copy()
    frames[round(span.start_s / HOP_S) : round(span.end_s / HOP_S)] = 0
    return SegmentFeatures(frames)


def _variants(frames: Floats, search: SegmentSearch) -> list[tuple[int, float, Floats]]:
    """Return shift, ratio and the query's frames brought to the reference's pitch and tempo."""
    return [
        (shift, ratio, np.ascontiguousarray(stretched(moved(frames, -shift), ratio)))
        for ratio in search.ratios
        for shift in search.shifts
    ]
