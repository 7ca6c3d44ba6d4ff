"""What the page for creators must hold before it is made.

Conventions
-----------
Every figure of the page is a field here, so that the page and its JSON twin cannot differ.
"""

from __future__ import annotations

from typing import Any, Literal

from linernotes.disclosure.answer import Answer, Count, Facts, Said
from linernotes.disclosure.facts import Level
from linernotes.disclosure.limitation import Limitation


class SourceRow(Facts):
    """Recordings of one class of source."""

    source_class: Said
    words: Said
    n_items: Count
    hours: float
    share: float
    datasets: list[Said]


class LayerRow(Facts):
    """Consent for one layer of rights."""

    layer: Said
    words: Said
    asked: Said
    n_items: Count
    allow: Count
    conditional: Count
    deny: Count
    unknown: Count
    n_by_licence: Count
    n_conflicts: Count
    sentence: Said


class GapRow(Facts):
    """Gaps of one code."""

    code: Said
    severity: Literal["high", "medium", "low"]
    who: Said
    next_step: Said
    n_items: Count
    details: list[str]


class Step(Facts):
    """Something that a reader can do."""

    title: Said
    text: Said
    command: str


class Document(Facts):
    """One file beside the page."""

    file: Said
    about: Said


class RecordingRow(Facts):
    """One recording, as far as the disclosure level prints it."""

    ref: Said
    content_sha256: str
    duration_s: float
    source_class: str
    isrc: str | None = None
    iswc: str | None = None
    title: str | None = None
    artist: str | None = None


class DisclosurePage(Facts):
    """Everything that the page says."""

    format: Literal["linernotes-disclosure-page"]
    revision: Literal[1]
    title: Said
    lead: Said
    status: Said
    level: Level
    version: Count
    limitation: Limitation
    provider: dict[str, Answer]
    snapshot: dict[str, Any]
    day: Said
    n_items: Count
    hours: float
    sources: list[SourceRow]
    sources_sentence: Said
    beside: dict[str, Any]
    layers: list[LayerRow]
    gaps: list[GapRow]
    checks: list[dict[str, Any]]
    completeness: float
    weakest: list[dict[str, Any]]
    cannot_tell: list[Said]
    steps: list[Step]
    documents: list[Document]
    recordings: list[RecordingRow] | None
