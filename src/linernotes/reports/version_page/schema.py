"""What the page of a comparison must hold before it is drawn.

A span without its standing and its words, a probability without its prior, or a page without scope, limits and the hashes
of both files is refused, and so is any field that nobody described.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from linernotes.evidence.versions import Dimension
from linernotes.reports.schema_base import Count, Facts, Fraction01, Interval, Said, checked_by
from linernotes.reports.schema_versions import Expected, RelationBase, Seconds, SegmentFacts

FORMAT = "linernotes-version-page"
REVISION = 1
Number = Annotated[int, Field(ge=1)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Between = Annotated[float, Field(gt=0, lt=1)]


class SideModel(Facts):
    """One recording."""

    name: Said
    title: Said
    artist: str
    sha256: Hash
    duration_s: Annotated[float, Field(gt=0)]
    heard: bool
    windows: list[Interval]

    @model_validator(mode="after")
    def _windows_fit(self) -> SideModel:
        ends = [end for window in self.windows for end in window]
        if ends != sorted(ends) or (ends and not 0 <= ends[0] <= ends[-1] <= self.duration_s + 1e-6):
            raise ValueError("windows that overlap, run backwards or leave the recording")
        if self.windows and not self.heard:
            raise ValueError("windows of a recording that may not be heard")
        return self


class SpanModel(SegmentFacts):
    """A pair of spans with its standing."""

    number: Number
    name: Said
    standing: Literal["uncommon", "fairly common", "common", "weak", "not compared"]
    standing_words: Said
    strength: Fraction01


class PairModel(RelationBase):
    """The evidence, with standings."""

    segments: list[SpanModel]


class DimensionModel(Facts):
    """One row of the table of evidence."""

    dimension: Dimension
    name: Said
    score: float | None
    probability: Fraction01 | None
    e_value: Expected
    log_odds: float | None
    shared: bool
    standing: str | None
    words: Said
    expected_words: Said
    found_words: Said
    segments: list[Number]


class PriorModel(Facts):
    """The probability for somebody who expects another share of related pairs."""

    prior: Between
    probability: Fraction01


class RemovalModel(Facts):
    """What is left without some spans."""

    segments: Annotated[list[Number], Field(min_length=1)]
    probability: Fraction01
    decisive: bool
    words: Said


class NoteModel(Facts):
    """One note in A's key and seconds."""

    start_s: Seconds
    end_s: Seconds
    pitch: float
    agrees: bool


class MelodyModel(Facts):
    """Two aligned melodies in one key and tempo."""

    segment: Number
    a: list[NoteModel]
    b: list[NoteModel]
    agreement: Fraction01
    words: Said


class ProvenanceModel(Facts):
    """What the figures rest on."""

    method: Said
    features_revision: Count
    reference: Said
    compared_with: Said
    compared_sha256: Hash
    linernotes: Said


class VersionPageModel(Facts):
    """Everything that the page says."""

    format: Literal["linernotes-version-page"]
    revision: Literal[1]
    title: Said
    headline: Said
    probability_words: Said
    prior: Between
    other_priors: list[PriorModel]
    a: SideModel
    b: SideModel
    relation: PairModel
    dimensions: list[DimensionModel]
    followed: list[Count]
    removals: list[RemovalModel]
    removals_words: Said
    melodies: list[MelodyModel]
    melodies_words: Said
    provenance: ProvenanceModel
    scope: Said
    limits: Said

    @model_validator(mode="after")
    def _numbers_name_spans(self) -> VersionPageModel:
        n_spans = len(self.relation.segments)
        if [one.number for one in self.relation.segments] != list(range(1, n_spans + 1)):
            raise ValueError("spans that are not numbered from 1")
        named = [number for one in self.dimensions for number in one.segments]
        named += [number for one in self.removals for number in one.segments]
        named += [one.segment for one in self.melodies]
        if any(number > n_spans for number in named) or sorted(self.followed) != list(range(n_spans)):
            raise ValueError("the number of a span that does not exist")
        return self


def checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return *facts* as plain JSON values, after checking every field.

    Raises
    ------
    InputError
        Naming the first field that is missing, unknown or out of range.
    """
    return checked_by(VersionPageModel, facts, "version page", "its words, its reference and its limits")
