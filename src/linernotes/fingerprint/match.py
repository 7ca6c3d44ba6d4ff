"""Is it the same recording? A query against a catalogue, decided and explained.

The exact search comes first: same pitch, same tempo. The parts of the query where it finds nothing clear are searched
again under shifts of up to four semitones and tempo ratios from 0.78 to 1.28. What passes the declared
false-match rate is reported as `Match`, best first, with aligned seconds on both sides. A query may hold many
recordings: one after another, one on top of another, changed ones beside unchanged ones.

Conventions
-----------
Score unit: deviations by which the alignment stands out of the same peaks laid elsewhere in the query, plus its
surplus over the bands around it, plus a tenth of its nats of evidence, see `linernotes.fingerprint.align.Alignment.score`.

Known limits
------------
A changed recording under an unchanged one, at the same seconds of the query, is not searched for.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

from linernotes.audio.files import Audio
from linernotes.evidence.identification import Match
from linernotes.evidence.spans import Span
from linernotes.fingerprint.align import CHANGED, EXACT, Alignment, Search, find_alignments, without_overlaps
from linernotes.fingerprint.candidates import Window, windows_of
from linernotes.fingerprint.decision import (
    CHANGED_CHANCE,
    DEFAULT_MAX_FALSE_MATCH_RATE,
    EXACT_CHANCE,
    NullModel,
    check_limit,
    query_false_match_rate,
)
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query, find_query
from linernotes.fingerprint.spectrum import BANDS_PER_SEMITONE, FRAME_S
from linernotes.fingerprint.verify import Evidence

METHOD = "landmarks/3"
UNIT = "deviations + surplus + nats / 10"

_COVERED = 0.7  # of a window under a clear exact match: it is not searched for changes
_CLEAR_NATS = 0.8  # per peak; drums that stayed while the notes were transposed give less


class SearchedCatalogue(Protocol):
    """What can be searched: segments, and the recordings in them that are no longer there."""

    @property
    def segments(self) -> tuple[FingerprintIndex, ...]:
        """The parts, searched one by one."""
        ...

    @property
    def removed(self) -> AbstractSet[str]:
        """Recordings that are not answered."""
        ...


def identify_audio(
    audio: Audio,
    catalogue: SearchedCatalogue,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
    thorough: bool = False,
) -> tuple[Match, ...]:
    """Return the catalogue recordings that the audio holds, best first.

    Parameters
    ----------
    audio : Audio
        At least one second, any sample rate.
    catalogue : SearchedCatalogue
        A `FingerprintIndex`, or an opened one; open it once and use it for many queries.
    query_id : str
        Name of the query in results and errors.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match that is still reported.
    search_shifts : bool
        Whether changed pitch and tempo are tried where the exact search finds nothing.
    thorough : bool
        Whether to look at ten times as many postings: of use above some thousand hours of catalogue.

    Returns
    -------
    tuple of Match
        Empty when no recording passes.

    Raises
    ------
    TooShort
        If there is less than a second of audio, or no landmark in it.
    InputError
        If the limit is not a rate.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = Audio(rng.normal(0, 0.1, 40000).astype(np.float32), 8000)
    >>> identify_audio(noise, FingerprintIndex.empty())
    ()
    """
    check_limit(max_false_match_rate)
    query = find_query(audio, name=query_id)
    return identify_query(
        query,
        catalogue,
        query_id=query_id,
        max_false_match_rate=max_false_match_rate,
        search_shifts=search_shifts,
        thorough=thorough,
    )


def identify_query(
    query: Query,
    catalogue: SearchedCatalogue,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
    thorough: bool = False,
    catalogue_s: float | None = None,
) -> tuple[Match, ...]:
    """Return matches as `identify_audio` does, for a query that was prepared before.

    Parameters
    ----------
    query : Query
        From `linernotes.fingerprint.landmarks.find_query`.
    catalogue : SearchedCatalogue
        What is searched.
    query_id : str
        Name of the query in results.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match that is still reported.
    search_shifts : bool
        Whether changed pitch and tempo are tried.
    thorough : bool
        Whether to look at ten times as many postings.
    catalogue_s : float, optional
        Seconds of music in the whole catalogue, if this is one shard of it: the false-match rate is that of
        the whole.

    Raises
    ------
    InputError
        If the limit is not a rate.
    """
    check_limit(max_false_match_rate)
    segments = catalogue.segments
    size_s = catalogue_s or sum(index.duration_s for index in segments)
    evidence = Evidence.of(query.spectrum)
    windows = windows_of(query.n_frames)

    def passing(search: Search, windows: list[Window], chance: NullModel) -> list[tuple[Alignment, float]]:
        kept = []
        search = search.thorough() if thorough else search
        for alignment in find_alignments(query, evidence, segments, windows, search):
            rate = query_false_match_rate(alignment.score, query.duration_s, size_s, chance)
            if rate <= max_false_match_rate and alignment.recording_id not in catalogue.removed:
                kept.append((alignment, rate))
        return kept

    found = passing(EXACT, windows, EXACT_CHANCE)
    if search_shifts:
        clear = [one for one, _ in found if one.nats >= _CLEAR_NATS * one.n_peaks]
        open_windows = [window for window in windows if _covered(window, clear) < _COVERED]
        found += passing(CHANGED, open_windows, CHANGED_CHANCE)
    rates = {id(alignment): rate for alignment, rate in found}
    kept = without_overlaps([alignment for alignment, _ in found])
    ranked = sorted(kept, key=lambda alignment: -alignment.score)
    return tuple(_as_match(one, query_id, rates[id(one)]) for one in ranked)


def _covered(window: Window, alignments: list[Alignment]) -> float:
    """Return which part of a window the best covering alignment takes."""
    shares = [
        min(window.last, alignment.query[1]) - max(window.first, alignment.query[0])
        for alignment in alignments
    ]
    return max(0.0, *shares, 0.0) / (window.last - window.first)


def _as_match(alignment: Alignment, query_id: str, rate: float) -> Match:
    return Match(
        query_id=query_id,
        recording_id=alignment.recording_id,
        score=round(alignment.score, 3),
        false_match_rate=rate,
        query=Span(*(round(frame * FRAME_S, 3) for frame in alignment.query)),
        reference=Span(*(round(frame * FRAME_S, 3) for frame in alignment.reference)),
        time_ratio=round(alignment.ratio, 5),
        pitch_shift_semitones=round(alignment.shift / BANDS_PER_SEMITONE, 2),
        method=METHOD,
        unit=UNIT,
    )
