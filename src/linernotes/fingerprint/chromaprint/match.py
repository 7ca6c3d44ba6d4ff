"""Which imported recordings does this audio hold? Alignments become matches with spans and a false-match rate.

Conventions
-----------
A sub-fingerprint is computed from 2.7 s of audio. Where a stretch begins or ends with one of the two
fingerprints, its span reaches to the edge of that audio; where it begins or ends within both (the query goes on
with other music), to the middle of its outermost sub-fingerprint.

Known limits
------------
Pitch and tempo are those of the recording: Chromaprint finds neither a shift by a semitone nor a tempo
changed by more than a few per cent, so ``time_ratio`` is 1 and ``pitch_shift_semitones`` 0 in every match.
Less than about 4 s of agreement do not reach a false-match rate of 1 in 10,000.
"""

from __future__ import annotations

from linernotes.evidence.identification import Match
from linernotes.evidence.spans import Span
from linernotes.fingerprint.chromaprint.chance import false_match_rate, score_needed
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import ITEM_S, SUPPORT_S, Chromaprint
from linernotes.fingerprint.chromaprint.search import Alignment, search

METHOD = "chromaprint/1"
UNIT = "bits of agreement"
EDGE_ITEMS = 2  # a stretch that begins so late still begins with its fingerprint: noise spoiled the first


def match_print(
    query: Chromaprint,
    index: PrintIndex,
    query_id: str,
    max_false_match_rate: float,
) -> tuple[Match, ...]:
    """Return the imported recordings that a fingerprint agrees with, best first.

    Parameters
    ----------
    query : Chromaprint
        From `linernotes.fingerprint.chromaprint.extract` or from ``fpcalc``.
    index : PrintIndex
        Imported fingerprints.
    query_id : str
        Name of the query in the matches.
    max_false_match_rate : float in (0, 1)
        Highest chance, for the whole query, that an unrelated recording is reported.

    Returns
    -------
    tuple of Match
        At most one per recording; empty when nothing passes.

    Raises
    ------
    InputError
        If the limit does not lie between 0 and 1.
    """
    needed = score_needed(max_false_match_rate, len(query), len(index.values))
    return tuple(_match(one, query, index, query_id) for one in search(query, index, needed))


def _match(one: Alignment, query: Chromaprint, index: PrintIndex, query_id: str) -> Match:
    entry = index.entries[one.entry]
    left = min(len(query) - one.query_first, entry.n - one.reference_first) - one.n_items
    at_start, at_end = min(one.query_first, one.reference_first) <= EDGE_ITEMS, left <= EDGE_ITEMS
    return Match(
        query_id=query_id,
        recording_id=entry.recording.recording_id,
        score=one.score,
        false_match_rate=false_match_rate(one.score, len(query), len(index.values)),
        query=_span(one.query_first, one.n_items, at_start, at_end),
        reference=_span(one.reference_first, one.n_items, at_start, at_end),
        time_ratio=1.0,
        pitch_shift_semitones=0.0,
        method=METHOD,
        unit=UNIT,
    )


def _span(first: int, n: int, at_start: bool, at_end: bool) -> Span:
    half = SUPPORT_S / 2
    start = first * ITEM_S + (0.0 if at_start else half)
    end = (first + n - 1) * ITEM_S + (SUPPORT_S if at_end else half)
    return Span(start, max(start, end))
