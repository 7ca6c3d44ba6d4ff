"""Passages of known recordings inside an output: three detectors, one list.

- *landmarks*: the same recording, at any place, under other music, re-coded; the sharpest for unchanged sound;
- *segments*: alike moments in a row, with pitch and tempo changed, or sung through a vocoder;
- *notes*: a run of notes in common.

Each has its own chance of a false passage, which grows with the size of the collection, and a third of the limit
that is declared for the whole answer. What several find along one line is one passage; its ends are fitted once
more on the sound of both sides.

Conventions
-----------
Spans are in seconds; pitch is query minus reference, a time ratio query seconds per reference second.

Known limits
------------
Segments compare with every recording: 10 ms of CPU per minute of catalogue for 12 s of output. Of several places of
one recording that fit the same seconds of the output (a loop) the best is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from linernotes.audio.files import Audio
from linernotes.errors import InputError, TooShort
from linernotes.evidence.identification import SCOPE_NOTES, SCOPE_PASSAGE, Match, Passage
from linernotes.evidence.spans import Span
from linernotes.fingerprint.match import SearchedCatalogue, identify_audio
from linernotes.fingerprint.passages import notes, segments
from linernotes.fingerprint.passages.background import bundled_background
from linernotes.fingerprint.passages.boundaries import Line, refined
from linernotes.fingerprint.passages.features import (
    BANDS_PER_SEMITONE,
    SHORTEST_S,
    SegmentFeatures,
    segment_features,
)
from linernotes.fingerprint.passages.notes import NoteIndex, NoteLine
from linernotes.fingerprint.passages.segments import SegmentSearch, find_runs
from linernotes.fingerprint.second_look import Listen

DETECTORS = ("landmarks", "segments", "notes")
DEFAULT_MAX_FALSE_RATE = 5e-3

_APART_S = 1.0  # on the reference, between two findings of one passage
_GAP_S = 1.0  # in the query
_PITCH_APART = 0.75
_BEYOND_DOUBT = 1e-6  # of the limit: landmarks so many that buried sound need not be alike


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageConfig:
    """How an output is searched.

    Parameters
    ----------
    max_false_rate : float in (0, 1)
        Highest chance, per output, of a passage where there is none; shared among the detectors.
    detectors : tuple of str
        Which are asked: ``landmarks``, ``segments``, ``notes``.
    search : SegmentSearch
        Changes of pitch and tempo that segments try.
    least_alikeness : float in [0, 1)
        Mean correlation that the sound of both sides must have along the line of what landmarks find; a line of
        coinciding peaks whose sound is not alike is no passage. Not asked where a recording's audio is not at hand.
    least_s : float
        Shorter ones are not reported.
    window_s, window_step_s : float
        Landmarks are looked up for the whole output and for windows of this length.
    """

    max_false_rate: float = DEFAULT_MAX_FALSE_RATE
    detectors: tuple[str, ...] = DETECTORS
    search: SegmentSearch = field(default_factory=SegmentSearch)
    least_alikeness: float = 0.2
    least_s: float = 1.0
    window_s: float = 6.0
    window_step_s: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.max_false_rate < 1:
            raise InputError(
                f"maximum false-match rate {self.max_false_rate}: expected a number above 0 and below 1, such as 1e-3"
            )
        unknown = [name for name in self.detectors if name not in DETECTORS]
        if unknown or not self.detectors:
            raise InputError(f"detectors {self.detectors}: expected some of {', '.join(DETECTORS)}")
        if self.window_s < 2 or self.window_step_s <= 0:
            raise InputError(
                f"windows of {self.window_s} s every {self.window_step_s} s: expected at least 2 s, and a positive step"
            )


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one detector says, before findings of one passage are put together."""

    recording_id: str
    detector: str
    score: float
    rate: float
    query: Span
    reference: Span
    ratio: float
    semitones: float
    method: str
    unit: str

    @property
    def line(self) -> Line:
        return Line.through(
            self.query, self.reference, self.ratio, round(self.semitones * BANDS_PER_SEMITONE)
        )


def find_passages(
    audio: Audio,
    index: SearchedCatalogue | Sequence[SearchedCatalogue] = (),
    features: Mapping[str, SegmentFeatures] | None = None,
    note_index: NoteIndex | None = None,
    *,
    query_id: str = "query",
    config: PassageConfig = PassageConfig(),
    background: Iterable[SegmentFeatures] | None = None,
    listen: Listen | None = None,
) -> tuple[Passage, ...]:
    """Return the passages of known recordings that an output holds, the longest first.

    Parameters
    ----------
    audio : Audio
        The output, at least one second, any sample rate.
    index : SearchedCatalogue or sequence of them
        Landmarks of the known recordings: a `FingerprintIndex` in memory, or an opened catalogue; empty: landmarks
        are not asked.
    features : mapping of str to SegmentFeatures, optional
        By recording id, from `linernotes.fingerprint.passages.features.segment_features`. They are searched by
        *segments*, and they sharpen the ends of what landmarks find. Without them neither happens.
    note_index : NoteIndex, optional
        Lines of the known recordings, from `linernotes.workflows.passage_notes.note_line`. Without it *notes* abstains.
    query_id : str
        Name of the output in results and errors.
    config : PassageConfig, optional
        Limits and settings.
    background : iterable of SegmentFeatures, optional
        Unrelated music for the null of *segments*; the bundled pieces when None.
    listen : Listen, optional
        Gives the audio of known recordings for a second look at what landmarks leave in doubt in the whole output.

    Returns
    -------
    tuple of Passage
        Empty when nothing passes.

    Raises
    ------
    TooShort
        If there is less than one second of audio.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = Audio(rng.normal(0, 0.1, 40000).astype(np.float32), 8000)
    >>> find_passages(noise)
    ()
    """
    if audio.duration_s < SHORTEST_S:
        raise TooShort(
            f"{query_id}: {audio.duration_s:.2f} s of audio; passages need at least {SHORTEST_S:g} s"
        )
    features = features or {}
    share = config.max_false_rate / len(config.detectors)
    findings: list[_Finding] = []
    indexes = list(index) if isinstance(index, Sequence) else [index]
    indexes = [one for one in indexes if any(len(segment.recordings) for segment in one.segments)]
    if "landmarks" in config.detectors and indexes:
        findings += _by_landmarks(audio, indexes, query_id, share, config, listen)
    query = segment_features(audio, name=query_id)
    if "segments" in config.detectors and features:
        pieces = tuple(bundled_background() if background is None else background)
        findings += _by_segments(query, features, pieces, share, config.search)
    if "notes" in config.detectors and note_index is not None and note_index.n_tokens:
        findings += _by_notes(audio, note_index, share)
    passages = [_passage(group, query, features, query_id) for group in _groups(findings)]
    passages = [one for one in passages if _holds(one, features, config)]
    return tuple(
        sorted(_apart(passages), key=lambda p: (-p.query.duration_s, p.recording_id, p.query.start_s))
    )


def note_line_of(audio: Audio) -> NoteLine:
    """Return the melodic line of audio, for a `NoteIndex`; see `linernotes.workflows.passage_notes`."""
    from linernotes.workflows.passage_notes import note_line

    return note_line(audio)


def _by_landmarks(
    audio: Audio,
    indexes: Sequence[SearchedCatalogue],
    query_id: str,
    limit: float,
    config: PassageConfig,
    listen: Listen | None,
) -> Iterator[_Finding]:
    windows = list(_windows(audio.duration_s, config))
    n_questions = len(windows) * len(indexes)
    for start, end in windows:
        whole = end - start >= audio.duration_s
        part = audio if whole else audio.excerpt(start, end)
        for index in indexes:
            try:
                found = identify_audio(
                    part,
                    index,
                    query_id=query_id,
                    max_false_match_rate=limit / n_questions,
                    search_shifts=whole,
                    listen=listen if whole else None,
                )
            except TooShort:  # a window without a landmark holds nothing that landmarks could find
                continue
            for match in found:
                yield _from_match(match, start, n_questions)


def _windows(duration_s: float, config: PassageConfig) -> Iterator[tuple[float, float]]:
    yield 0.0, duration_s
    if duration_s < 1.5 * config.window_s:
        return
    start = 0.0
    while start + config.window_s < duration_s:
        yield start, start + config.window_s
        start += config.window_step_s
    yield duration_s - config.window_s, duration_s


def _from_match(match: Match, start_s: float, n_questions: int) -> _Finding:
    return _Finding(
        match.recording_id,
        "landmarks",
        match.score,
        min(1.0, match.false_match_rate * n_questions),
        Span(match.query.start_s + start_s, match.query.end_s + start_s),
        match.reference,
        match.time_ratio,
        match.pitch_shift_semitones,
        match.method,
        match.unit,
    )


def _by_segments(
    query: SegmentFeatures,
    features: Mapping[str, SegmentFeatures],
    background: Sequence[SegmentFeatures],
    limit: float,
    search: SegmentSearch,
) -> Iterator[_Finding]:
    for run, rate in find_runs(query, features, background, max_false_rate=limit, search=search):
        yield _Finding(
            run.recording_id,
            "segments",
            run.score,
            rate,
            run.query,
            run.reference,
            run.ratio,
            run.shift / BANDS_PER_SEMITONE,
            segments.METHOD,
            segments.UNIT,
        )


def _by_notes(audio: Audio, index: NoteIndex, limit: float) -> Iterator[_Finding]:
    for run, rate in index.find(note_line_of(audio), max_false_rate=limit):
        yield _Finding(
            run.recording_id,
            "notes",
            run.score,
            rate,
            run.query,
            run.reference,
            run.time_ratio,
            run.pitch_shift,
            notes.METHOD,
            notes.UNIT,
        )


def _groups(findings: Sequence[_Finding]) -> list[list[_Finding]]:
    """Put findings of one recording along one line together; each group is led by its lowest rate."""
    groups: list[list[_Finding]] = []
    order = {name: place for place, name in enumerate(DETECTORS)}
    for one in sorted(findings, key=lambda f: (f.rate, order[f.detector], -f.query.duration_s)):
        home = next((group for group in groups if any(_same(one, other) for other in group)), None)
        if home is None:
            groups.append([one])
        else:
            home.append(one)
    return groups


def _same(one: _Finding, other: _Finding) -> bool:
    if one.recording_id != other.recording_id or abs(one.semitones - other.semitones) > _PITCH_APART:
        return False
    gap = max(one.query.start_s, other.query.start_s) - min(one.query.end_s, other.query.end_s)
    middle = (max(one.query.start_s, other.query.start_s) + min(one.query.end_s, other.query.end_s)) / 2
    return gap <= _GAP_S and abs(one.line.reference_at(middle) - other.line.reference_at(middle)) <= _APART_S


def _passage(
    group: Sequence[_Finding], query: SegmentFeatures, features: Mapping[str, SegmentFeatures], query_id: str
) -> Passage:
    best = group[0]
    heard = [one for one in group if one.detector != "notes"]
    span, reference, ratio = best.query, best.reference, best.ratio
    alikeness = None
    if heard and best.recording_id in features:
        widest = Span(
            max(0.0, min(one.query.start_s for one in heard)), max(one.query.end_s for one in heard)
        )
        line, fine, under, level = refined(query, features[best.recording_id], heard[0].line, widest)
        if level > 0 and fine.duration_s > 0:
            span, reference, ratio, alikeness = fine, under, line.ratio, round(level, 3)
    return Passage(
        query_id=query_id,
        recording_id=best.recording_id,
        detector=best.detector,  # type: ignore[arg-type]  # one of DETECTORS
        score=round(best.score, 3),
        unit=best.unit,
        false_match_rate=best.rate,
        query=_rounded(span),
        reference=_rounded(reference),
        time_ratio=round(ratio, 4),
        pitch_shift_semitones=round(best.semitones, 2),
        method=best.method,
        confirmed_by=tuple(
            name for name in DETECTORS if name != best.detector and any(one.detector == name for one in group)
        ),
        alikeness=alikeness,
        scope=SCOPE_PASSAGE if heard else SCOPE_NOTES,
    )


def _holds(one: Passage, features: Mapping[str, SegmentFeatures], config: PassageConfig) -> bool:
    if one.query.duration_s < config.least_s:
        return False
    if one.recording_id not in features or "notes" in (one.detector, *one.confirmed_by):
        return True
    if one.false_match_rate <= _BEYOND_DOUBT * config.max_false_rate:
        return True
    return one.alikeness is not None and one.alikeness >= config.least_alikeness


def _rounded(span: Span) -> Span:
    return Span(round(max(0.0, span.start_s), 3), round(max(0.0, span.end_s), 3))


def _apart(passages: Sequence[Passage]) -> list[Passage]:
    """Keep one passage per recording and stretch of the output: the most certain, then the longest."""
    kept: list[Passage] = []
    for one in sorted(passages, key=lambda p: (p.false_match_rate, -p.query.duration_s)):
        if not any(one.recording_id == other.recording_id and _overlap(one, other) > 0.5 for other in kept):
            kept.append(one)
    return kept


def _overlap(one: Passage, other: Passage) -> float:
    common = min(one.query.end_s, other.query.end_s) - max(one.query.start_s, other.query.start_s)
    return max(0.0, common) / max(min(one.query.duration_s, other.query.duration_s), 1e-6)
