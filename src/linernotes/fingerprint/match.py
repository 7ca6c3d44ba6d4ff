"""Is it the same recording? A query against a catalogue, decided and explained.

The exact search comes first: same pitch, same tempo. The parts of the query where it finds nothing clear are searched
again under shifts of up to four semitones and tempo ratios from 0.78 to 1.28. Where nothing at all is found, a small
catalogue is laid over the query everywhere, and where audio of the recordings is at hand, the few alignments in
doubt get a second look. What passes the declared false-match rate is reported as `Match`, best first, with aligned
seconds on both sides. A query may hold many recordings: one after another, one on top of another, changed ones
beside unchanged ones.

Conventions
-----------
Score unit: deviations by which the alignment stands out of the same peaks laid elsewhere in the query, plus its
surplus over the bands around it, plus a tenth of its nats of evidence, see `linernotes.fingerprint.align.Alignment.score`.

Known limits
------------
A changed recording under an unchanged one, at the same seconds of the query, is not searched for.
"""

from __future__ import annotations

from linernotes.audio.files import Audio
from linernotes.evidence.identification import Match
from linernotes.evidence.spans import Span
from linernotes.fingerprint.align import CHANGED, EVERYWHERE, EXACT, without_overlaps
from linernotes.fingerprint.candidates import windows_of
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.landmarks import Query, find_query
from linernotes.fingerprint.question import Decided, Question, SearchedCatalogue, is_clear, open_windows
from linernotes.fingerprint.second_look import Listen
from linernotes.fingerprint.spectrum import BANDS_PER_SEMITONE, FRAME_S

__all__ = [
    "METHOD",
    "METHOD_HEARD",
    "METHOD_PLACED",
    "UNIT",
    "SearchedCatalogue",
    "identify_audio",
    "identify_query",
]

METHOD = "landmarks/5"
METHOD_HEARD = f"{METHOD} + waveform/1"  # decided, or placed, by a second look at the recording's audio
METHOD_PLACED = f"{METHOD} + spectra/1"  # which repetition was heard is told by the recording's audio
UNIT = "deviations + surplus + nats / 10"

_COVERED = 0.7  # of a window under a clear exact match: it is not searched for changes
_ANSWERED = 0.5  # of a window under any match: it is not laid everywhere, nor looked at again


def identify_audio(
    audio: Audio,
    catalogue: SearchedCatalogue,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
    thorough: bool = False,
    listen: Listen | None = None,
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
    listen : Listen, optional
        Gives the audio of recordings, where it is at hand, for a second look at what is in doubt.

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
    >>> from linernotes.fingerprint.index import FingerprintIndex
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
        listen=listen,
    )


def identify_query(
    query: Query,
    catalogue: SearchedCatalogue,
    *,
    query_id: str = "query",
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    search_shifts: bool = True,
    thorough: bool = False,
    listen: Listen | None = None,
    catalogue_s: float | None = None,
    n_catalogues: int = 1,
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
    listen : Listen, optional
        Gives the audio of recordings for a second look at what is in doubt.
    catalogue_s : float, optional
        Seconds of music in the whole catalogue, if this is one shard of it: the false-match rate is that of
        the whole.
    n_catalogues : int > 0
        Shards that are asked this: each may take second looks.

    Raises
    ------
    InputError
        If the limit is not a rate.
    """
    check_limit(max_false_match_rate)
    size_s = catalogue_s or sum(index.duration_s for index in catalogue.segments)
    asked = Question(query, catalogue, size_s, max_false_match_rate, thorough)
    windows = windows_of(query.n_frames)
    exact, lines = asked.passing(EXACT, windows)
    changed: list[Decided] = []
    if search_shifts:
        clear = [one.alignment for one in exact if is_clear(one.alignment)]
        changed, moved = asked.passing(CHANGED, open_windows(windows, clear, _COVERED))
        if listen is not None:
            changed = [asked.placed_changed(one, moved, listen) for one in changed]
    found = exact + changed
    unanswered = open_windows(windows, [one.alignment for one in found], _ANSWERED)
    if unanswered and asked.is_small:
        more, faint = asked.passing(EVERYWHERE, unanswered)
        found, lines = found + more, lines + faint
        unanswered = open_windows(windows, [one.alignment for one in found], _ANSWERED)
    if listen is not None:
        found = [asked.placed(one, lines, listen) for one in found]
        found += asked.heard(lines, unanswered, listen, n_catalogues) if unanswered else []
    kept = {id(one) for one in without_overlaps([one.alignment for one in found])}
    ranked = sorted((one for one in found if id(one.alignment) in kept), key=lambda one: -one.alignment.score)
    return tuple(_as_match(one, query_id) for one in ranked)


def _as_match(decided: Decided, query_id: str) -> Match:
    alignment = decided.alignment
    return Match(
        query_id=query_id,
        recording_id=alignment.recording_id,
        score=round(alignment.score, 3),
        false_match_rate=decided.rate,
        query=Span(*(round(frame * FRAME_S, 3) for frame in alignment.query)),
        reference=Span(*(round(frame * FRAME_S, 3) for frame in alignment.reference)),
        time_ratio=round(alignment.ratio, 5),
        pitch_shift_semitones=round(alignment.shift / BANDS_PER_SEMITONE, 2),
        method=_method(decided),
        unit=UNIT,
        second_look_nats=None if decided.nats is None else round(decided.nats, 2),
        alikeness=None if decided.alikeness is None else round(decided.alikeness, 3),
    )


def _method(decided: Decided) -> str:
    if decided.nats is not None:
        return METHOD_HEARD
    return METHOD if decided.alikeness is None else METHOD_PLACED
