"""Models of musical relations: what a pair of recordings shares, where, and how common that is.

Conventions
-----------
``commonplace`` is the fraction of unrelated reference pieces that hold an equally good match, ``e_value`` the number
of matches as good that chance alone would give in the stated reference collection. A is the file asked about.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from linernotes.evidence.versions import Dimension
from linernotes.reports.schema_base import Count, Facts, Fraction01, Interval, Said

Seconds = Annotated[float, Field(ge=0)]
Expected = Annotated[float, Field(ge=0)] | None


class FigureFacts(Facts):
    """A named figure of an aligned stretch, and the share of reference songs that hold it."""

    name: Said
    share: Fraction01
    n_songs: Count


class SegmentFacts(Facts):
    """A pair of spans that correspond in one musical dimension."""

    dimension: Dimension
    a_start_s: Seconds
    a_end_s: Seconds
    b_start_s: Seconds
    b_end_s: Seconds
    score: float
    commonplace: Fraction01 | None
    e_value: Expected = None
    transposition_semitones: int = 0
    tempo_ratio: Annotated[float, Field(gt=0)] = 1.0
    path: list[Interval] = Field(default_factory=list)
    found_in: Annotated[list[Said], Field(max_length=10)] = Field(default_factory=list)
    figure: FigureFacts | None = None
    words: Said

    @model_validator(mode="after")
    def _runs_forward(self) -> SegmentFacts:
        if self.a_end_s < self.a_start_s or self.b_end_s < self.b_start_s:
            raise ValueError("a stretch that ends before it starts")
        if any(after[side] < before[side] for before, after in pairwise(self.path) for side in (0, 1)):
            raise ValueError("an alignment path that runs backwards")
        return self


class DimensionFacts(Facts):
    """What one musical dimension says about the pair as a whole."""

    dimension: Dimension
    score: float
    probability: Fraction01 | None
    e_value: Expected
    shared: bool
    log_odds: float = 0.0


class RelationBase(Facts):
    """What two recordings share musically, as `linernotes.evidence.versions.VersionMatch` says it, but for the spans."""

    score: float
    probability: Fraction01 | None
    transposition_semitones: int
    tempo_ratio: Annotated[float, Field(gt=0)] = 1.0
    dimensions: list[DimensionFacts] = Field(default_factory=list)
    shares: list[Dimension] = Field(default_factory=list)
    reference: str = ""
    method: Said
    words: Said
    scope: Said


class RelationFacts(RelationBase):
    """What two recordings share musically, with the seconds that carry the claim."""

    segments: list[SegmentFacts]
