"""Is it the same recording? A whole match with a catalogue, or a passage in an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from linernotes.evidence.spans import Span

SCOPE_MATCH = (
    "Says that the two files hold the same recording in the aligned seconds, at the stated false-match rate; "
    "absence of a match is not absence of the recording outside this catalogue."
)
SCOPE_PASSAGE = (
    "Says that the output holds a passage of the recording in the aligned seconds, at the stated false-match rate; "
    "it does not say how the passage came there, and music outside the corpus and catalogue was not looked at."
)
SCOPE_NOTES = (
    "Says that the output and the recording share a run of notes in the aligned seconds, at the stated false-match "
    "rate; the same notes can be played by others, and no sound need have been taken over."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The same recording, in aligned seconds.

    Parameters
    ----------
    query_id, recording_id : str
        The file asked about, and the catalogue recording.
    score : float >= 0
        Strength of the alignment in the unit that the method names.
    false_match_rate : float in [0, 1]
        Estimated chance that an unrelated query of this length reaches this score against this catalogue.
    query, reference : Span
        Aligned seconds on both sides.
    time_ratio : float > 0
        Query seconds per reference second (1.1: the query is 10 % slower).
    pitch_shift_semitones : float
        Query pitch minus reference pitch.
    second_look_nats : float or None
        How far the recording's own audio stands out at the place, where a second look at it decided, or told which
        of several repetitions was heard.
    alikeness : float in [-1, 1] or None
        Correlation of both spectra along the span, where it told which of several repetitions was heard of a
        recording whose pitch or tempo was changed.
    """

    query_id: str
    recording_id: str
    score: float
    false_match_rate: float
    query: Span
    reference: Span
    time_ratio: float
    pitch_shift_semitones: float
    method: str
    unit: str
    scope: str = SCOPE_MATCH
    second_look_nats: float | None = None
    alikeness: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "recording_id": self.recording_id,
            "score": self.score,
            "false_match_rate": self.false_match_rate,
            "query_start_s": self.query.start_s,
            "query_end_s": self.query.end_s,
            "reference_start_s": self.reference.start_s,
            "reference_end_s": self.reference.end_s,
            "time_ratio": self.time_ratio,
            "pitch_shift_semitones": self.pitch_shift_semitones,
            "method": self.method,
            "unit": self.unit,
            "scope": self.scope,
            "second_look_nats": self.second_look_nats,
            "alikeness": self.alikeness,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of an output that holds a passage of a known recording, in aligned seconds.

    Parameters
    ----------
    query_id, recording_id : str
        The output, and the recording of the corpus or catalogue.
    detector : {"landmarks", "segments", "notes"}
        What found it with the lowest false-match rate.
    confirmed_by : tuple of str
        Further detectors that found it, each within its own limit.
    score : float >= 0
        Of the detector, in the unit that it names.
    false_match_rate : float in [0, 1]
        Estimated chance that an unrelated output of this length shows such a passage with any recording of a
        collection of this size.
    query, reference : Span
        Aligned seconds on both sides.
    time_ratio : float > 0
        Query seconds per reference second.
    pitch_shift_semitones : float
        Query pitch minus reference pitch.
    alikeness : float in [-1, 1] or None
        Mean correlation of the changes of both spectra along the span; None where it was not measured.
    """

    query_id: str
    recording_id: str
    detector: Literal["landmarks", "segments", "notes"]
    score: float
    unit: str
    false_match_rate: float
    query: Span
    reference: Span
    time_ratio: float
    pitch_shift_semitones: float
    method: str
    confirmed_by: tuple[str, ...] = ()
    alikeness: float | None = None
    scope: str = SCOPE_PASSAGE

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        return {
            "recording_id": self.recording_id,
            "detector": self.detector,
            "confirmed_by": list(self.confirmed_by),
            "score": self.score,
            "unit": self.unit,
            "false_match_rate": self.false_match_rate,
            "query_start_s": self.query.start_s,
            "query_end_s": self.query.end_s,
            "reference_start_s": self.reference.start_s,
            "reference_end_s": self.reference.end_s,
            "duration_s": round(self.query.duration_s, 3),
            "time_ratio": self.time_ratio,
            "pitch_shift_semitones": self.pitch_shift_semitones,
            "alikeness": self.alikeness,
            "method": self.method,
            "scope": self.scope,
        }
