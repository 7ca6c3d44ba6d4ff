"""Doors through which passages are looked for: `identify_audio`, and the passages of an output with two detectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.identify.material import Samples, as_audio
from benchmarks.identify.systems import DECLARED, LinernotesCatalogue
from linernotes.errors import TooShort
from linernotes.evidence.spans import Span
from linernotes.fingerprint.match import identify_audio


@dataclass(frozen=True)
class Found:
    """A stretch of the query that is said to come from a stretch of a recording."""

    recording_id: str
    begins_s: float
    ends_s: float
    reference_begins_s: float
    reference_ends_s: float

    @classmethod
    def of(cls, recording_id: str, query: Span, reference: Span) -> Found:
        """Return it from aligned spans."""
        return cls(recording_id, query.start_s, query.end_s, reference.start_s, reference.end_s)


class Finder(Protocol):
    """Something that lists the passages of a query."""

    identity: str

    def prepare(self, recordings: Mapping[str, Samples]) -> Any:
        """Return what is searched."""
        ...

    def find(self, samples: Samples, prepared: Any) -> list[Found]:
        """Return what was found."""
        ...


class Identify:
    """Every match of `identify_audio` at the declared rate."""

    identity = "identify_audio"

    def prepare(self, recordings: Mapping[str, Samples]) -> Any:
        """Index the recordings."""
        return LinernotesCatalogue(recordings).index

    def find(self, samples: Samples, prepared: Any) -> list[Found]:
        """Return the matches."""
        try:
            matches = identify_audio(as_audio(samples), prepared, max_false_match_rate=DECLARED)
        except TooShort:
            return []
        return [Found.of(match.recording_id, match.query, match.reference) for match in matches]


class Passages:
    """`find_passages` by landmarks, or by landmarks and segments, at the limit that it has by default."""

    def __init__(self, *detectors: str) -> None:
        self.detectors = detectors
        self.identity = f"find_passages {' '.join(detectors)}"

    def prepare(self, recordings: Mapping[str, Samples]) -> Any:
        """Index the recordings, and compute what segments compare."""
        from linernotes.fingerprint.passages.features import segment_features

        features = {name: segment_features(as_audio(samples)) for name, samples in recordings.items()}
        return LinernotesCatalogue(recordings).index, features

    def find(self, samples: Samples, prepared: Any) -> list[Found]:
        """Return the passages."""
        from linernotes.workflows.passages import PassageConfig, find_passages

        index, features = prepared
        config = PassageConfig(detectors=self.detectors)
        try:
            passages = find_passages(as_audio(samples), index, features, config=config)
        except TooShort:
            return []
        return [Found.of(one.recording_id, one.query, one.reference) for one in passages]


def finders() -> dict[str, Finder]:
    """Return the doors by name."""
    return {
        "identify": Identify(),
        "landmarks": Passages("landmarks"),
        "passages": Passages("landmarks", "segments"),
    }
