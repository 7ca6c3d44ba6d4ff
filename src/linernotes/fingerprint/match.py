"""Is it the same recording? Landmarks of a query against an index, decided and explained.

The exact search comes first: same pitch, same tempo. Only when nothing passes is the query searched
again under shifts of up to four semitones and tempo ratios from 0.84 to 1.19. What passes the declared
false-match rate is reported as `Match`, best first, with aligned seconds on both sides.

Conventions
-----------
Score unit: nats of likelihood ratio, "same recording" against "chance", over the aligned span.

Known limits
------------
The shifted search is not tried for the rest of a query that holds one exact match already.
"""

from __future__ import annotations

from linernotes.audio.files import Audio
from linernotes.evidence import Match, Span
from linernotes.fingerprint.align import EXACT, SHIFTED, Alignment, Search, find_alignments
from linernotes.fingerprint.decision import (
    DEFAULT_MAX_FALSE_MATCH_RATE,
    EXACT_CHANCE,
    SHIFTED_CHANCE,
    NullModel,
    check_limit,
    query_false_match_rate,
)
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import (
    BANDS_PER_SEMITONE,
    FRAME_S,
    QUERY,
    Landmarks,
    find_landmarks,
)

METHOD = "landmarks/1"
UNIT = "nats of likelihood ratio"

_SEARCHES = ((EXACT, EXACT_CHANCE), (SHIFTED, SHIFTED_CHANCE))


def identify_audio(
    audio: Audio,
    index: FingerprintIndex,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
) -> tuple[Match, ...]:
    """Return the catalogue recordings that the audio holds, best first.

    Parameters
    ----------
    audio : Audio
        At least one second, any sample rate.
    index : FingerprintIndex
        The catalogue; open it once and use it for many queries.
    query_id : str
        Name of the query in results and errors.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match that is still reported.
    search_shifts : bool
        Whether changed pitch and tempo are tried when the exact search finds nothing.

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
    query = find_landmarks(audio, QUERY, name=query_id)
    return identify_landmarks(
        query,
        index,
        query_id=query_id,
        max_false_match_rate=max_false_match_rate,
        search_shifts=search_shifts,
    )


def identify_landmarks(
    query: Landmarks,
    index: FingerprintIndex,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
) -> tuple[Match, ...]:
    """Return matches as `identify_audio` does, for landmarks that were found (or stored) before.

    Raises
    ------
    InputError
        If the limit is not a rate.
    """
    check_limit(max_false_match_rate)
    for search, chance in _SEARCHES if search_shifts else _SEARCHES[:1]:
        matches = _passing(query, index, search, chance, query_id, max_false_match_rate)
        if matches:
            return matches
    return ()


def _passing(
    query: Landmarks,
    index: FingerprintIndex,
    search: Search,
    chance: NullModel,
    query_id: str,
    limit: float,
) -> tuple[Match, ...]:
    passing = []
    for alignment in find_alignments(query, index, search):
        rate = query_false_match_rate(
            alignment.score, len(query.peak_times), len(index.peak_times), search.n_hypotheses, chance
        )
        if rate > limit:
            break
        passing.append(_as_match(alignment, index, query_id, rate))
    return tuple(passing)


def _as_match(alignment: Alignment, index: FingerprintIndex, query_id: str, rate: float) -> Match:
    return Match(
        query_id=query_id,
        recording_id=index.recordings[alignment.recording].recording_id,
        score=round(alignment.score, 3),
        false_match_rate=rate,
        query=Span(*(round(frame * FRAME_S, 3) for frame in alignment.query)),
        reference=Span(*(round(frame * FRAME_S, 3) for frame in alignment.reference)),
        time_ratio=round(alignment.ratio, 5),
        pitch_shift_semitones=round(alignment.shift / BANDS_PER_SEMITONE, 2),
        method=METHOD,
        unit=UNIT,
    )
