"""Models of what may be asked of a ranking beyond itself: seconds, tests of its claims, groups.

None of them passes without its limits; a grid must fit its seconds, and a tested claim its own figures.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from linernotes.reports.schema_base import Count, Facts, Fraction01, Interval, Said


class NotAskedFacts(Facts):
    """A section that no ranking of an output has, and how to get it."""

    section: Said
    option: Said
    words: Said


class CellFacts(Facts):
    """Some seconds of the output that lean on some seconds of the recording."""

    query_start_s: Annotated[float, Field(ge=0)]
    query_end_s: float
    item_start_s: Annotated[float, Field(ge=0)]
    item_end_s: float
    score: float
    standard_error: Annotated[float, Field(ge=0)]
    share: Fraction01

    @model_validator(mode="after")
    def _spans_run_forward(self) -> CellFacts:
        if self.query_end_s < self.query_start_s or self.item_end_s < self.item_start_s:
            raise ValueError("a stretch that ends before it starts")
        return self


class GridFacts(Facts):
    """A whole map as it is drawn; ``n_added`` windows were added up per row and per column."""

    query_spans_s: list[Interval]
    item_spans_s: list[Interval]
    cells: list[list[float]]
    n_added: tuple[int, int]

    @model_validator(mode="after")
    def _cells_fit_their_seconds(self) -> GridFacts:
        if len(self.cells) != len(self.query_spans_s):
            raise ValueError("a map needs one row of cells per stretch of the output")
        if any(len(row) != len(self.item_spans_s) for row in self.cells):
            raise ValueError("a map needs one cell per stretch of the recording in every row")
        return self


class MaskedFacts(Facts):
    """What leaving the claimed seconds out has shown."""

    win_rate: Fraction01
    win_interval: Interval
    e_value: Annotated[float, Field(ge=0)]
    n_pairs: Annotated[int, Field(ge=1)]
    effect: float
    standard_error: Annotated[float, Field(ge=0)] | None


class MapFacts(Facts):
    """Which seconds of one recording an output leans on, and whether that was tested."""

    item_id: Said
    unit: Said
    cells: list[CellFacts]
    n_cells: Count | None
    grid: GridFacts | None
    additivity_gap: Annotated[float, Field(ge=0)] | None
    masked: MaskedFacts | None
    words: Said
    masked_words: Said


class WhereFacts(Facts):
    """The segment maps of a ranking's first recordings."""

    maps: list[MapFacts]
    means: Said
    words: Said
    scope: Said
    limits: Said


class ClaimFacts(Facts):
    """One claim of a ranking, tested again."""

    item_id: Said
    rank: Annotated[int, Field(ge=1)]
    by: Said
    outcome: Literal["confirmed", "not confirmed", "undecided"]
    level: Fraction01
    alpha: Fraction01
    win_rate: Fraction01
    win_interval: Interval
    e_value: Annotated[float, Field(ge=0)]
    e_value_against: Annotated[float, Field(ge=0)]
    p_value: Fraction01
    effect: float
    standard_error: Annotated[float, Field(ge=0)] | None
    unit: Said
    n_repeats: Annotated[int, Field(ge=1)]
    n_matched: Annotated[int, Field(ge=1)]
    cost: dict[str, int]
    done: Said
    words: Said
    evidence_words: Said
    scope: Said

    @model_validator(mode="after")
    def _outcome_follows_from_its_evidence(self) -> ClaimFacts:
        needed = (1 - 1e-9) / self.alpha if self.alpha else float("inf")
        found = "undecided"
        if self.e_value_against >= needed:
            found = "not confirmed"
        if self.e_value >= needed:
            found = "confirmed"
        if found != self.outcome:
            raise ValueError(f"the e-values say {found}, the outcome says {self.outcome}")
        return self


class RetestFacts(Facts):
    """The claims of a ranking that were tested by one means."""

    by: Said
    claims: Annotated[list[ClaimFacts], Field(min_length=1)]
    words: Said
    limits: Said


class GroupFacts(Facts):
    """One artist, rightsholder or other group."""

    name: Said
    rank: Annotated[int, Field(ge=1)]
    score: float
    share: Fraction01
    n_items: Annotated[int, Field(ge=1)]


class GroupingFacts(Facts):
    """All groups of one kind, and what is left over."""

    by: Said
    how: Said
    rows: Annotated[list[GroupFacts], Field(min_length=1)]
    n_items: Annotated[int, Field(ge=1)]
    n_without_group: Count | None
    share_without_group: Fraction01 | None
    unattributed_share: Fraction01
    overlapping: bool
    words: Said
    how_words: Said
    overlap_words: Said
    reliability_line: Said
    scope: Said
    limits: Said

    @model_validator(mode="after")
    def _shares_add_up(self) -> GroupingFacts:
        total = (
            self.unattributed_share + sum(one.share for one in self.rows) + (self.share_without_group or 0)
        )
        if not self.overlapping and abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of groups and what is left add to {total}, expected 1")
        return self
