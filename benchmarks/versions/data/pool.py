"""The pieces of a split as the benchmark asks about them: which are searched, which ask, what is true.

Conventions
-----------
A *reference* is a piece that a search may return: whole arrangements, performances, strangers, hosts without a
quotation, real versions, unchanged recordings. Changed recordings and pieces with a quotation only ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.ledger import Ledger, Row, cache_folder
from benchmarks.versions.render.recipe import UNSEEN_FAMILY, UNSEEN_FONT

_REFERENCE_KINDS = ("original", "no quotation", "unrelated")
_REFERENCE_TIERS = ("arranged", "performed", "real")


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece: its row of ``pieces.jsonl`` and where its audio lies; *cut_s* limits it to an excerpt."""

    row: Row
    folder: Path
    cut_s: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """Identifier within the split."""
        return str(self.row["id"])

    @property
    def work(self) -> str:
        """Work that the piece is of."""
        return str(self.row["work"])

    @property
    def tier(self) -> str:
        """How the piece came about."""
        return str(self.row["tier"])

    @property
    def kind(self) -> str:
        """What is special about the piece within its tier."""
        return str(self.row["kind"])

    @property
    def audio(self) -> Path:
        """Audio file."""
        return self.folder / str(self.row["audio"])

    @property
    def is_reference(self) -> bool:
        """Whether a search may return the piece."""
        return self.tier in _REFERENCE_TIERS or self.kind in _REFERENCE_KINDS

    @property
    def has_unseen_sound(self) -> bool:
        """Whether the piece is played on the font or the family that training never heard."""
        programs = self.row["programs"][:1] + self.row["programs"][2:3]
        return self.row["font"] == UNSEEN_FONT.stem or any(p in UNSEEN_FAMILY for p in programs)


@dataclass(frozen=True, eq=False)
class Query:
    """A question: which of *candidates* (indices into the references) belong with *piece*; *group* for the table."""

    piece: Piece
    candidates: npt.NDArray[np.int64]
    truth: npt.NDArray[np.bool_]
    group: str
    facts: dict[str, Any] = field(default_factory=dict)


def load(split: str) -> list[Piece]:
    """Return all pieces of a split; empty when none were made."""
    ledger = Ledger(cache_folder() / split)
    return [Piece(row, ledger.folder) for row in ledger.rows()]


def whole_queries(pieces: Sequence[Piece], references: Sequence[Piece]) -> list[Query]:
    """Ask with every arrangement, performance and real version for the others of its work."""
    works = np.array([piece.work for piece in references])
    found = []
    for piece in pieces:
        if piece.tier in _REFERENCE_TIERS and not piece.row.get("out_of_reach"):
            candidates = np.flatnonzero([other.name != piece.name for other in references])
            truth = works[candidates] == piece.work
            if truth.any():
                found.append(Query(piece, candidates, truth, piece.tier))
    return found


def excerpt_queries(pieces: Sequence[Piece], references: Sequence[Piece], seconds: float) -> list[Query]:
    """Ask with *seconds* from the middle of every arrangement and performance.

    Only versions that play at least half of the excerpt's beats count as versions of it; other versions of the
    work are no candidates.
    """
    found = []
    for query in whole_queries(pieces, references):
        if query.piece.tier == "real":
            continue
        middle = query.piece.row["duration_s"] / 2
        cut = (middle - seconds / 2, middle + seconds / 2)
        beats = _beats_between(query.piece.row, *cut)
        candidates, truth = [], []
        for index, is_version in zip(query.candidates, query.truth, strict=True):
            plays = is_version and _share_played(references[index].row, beats) >= 0.5
            if plays or not is_version:
                candidates.append(index)
                truth.append(plays)
        if any(truth):
            piece = Piece(query.piece.row, query.piece.folder, cut)
            found.append(Query(piece, np.array(candidates), np.array(truth), query.group))
    return found


def changed_queries(pieces: Sequence[Piece], references: Sequence[Piece]) -> list[Query]:
    """Ask with every changed recording or render for what it was made from, and nothing else of that work."""
    found = []
    for piece in pieces:
        if piece.tier == "transformed" and piece.kind != "original":
            right = np.array([other.name == piece.row["of"] for other in references])
            others = np.array([other.work != piece.work for other in references])
            candidates = np.flatnonzero(right | others)
            found.append(Query(piece, candidates, right[candidates], piece.kind))
    return found


def quote_queries(pieces: Sequence[Piece], references: Sequence[Piece]) -> list[Query]:
    """Ask with every quoting piece for version 0 of what it quotes; hosts alone have nothing to find.

    Neither the host's work nor other versions of the quoted one are candidates.
    """
    found = []
    arranged = np.array([other.tier == "arranged" for other in references])
    for piece in pieces:
        if piece.tier != "quoted":
            continue
        quotes = [quote["of"] for quote in piece.row["quotes"]]
        right = np.array([other.work in quotes and other.name.endswith("-v0") for other in references])
        others = np.array([other.work not in (*quotes, piece.work) for other in references])
        candidates = np.flatnonzero(arranged & (right | others))
        facts = {"quote": piece.row["quotes"][0] if quotes else None}
        found.append(Query(piece, candidates, right[candidates], piece.kind, facts))
    return found


def _beats_between(row: Row, start_s: float, end_s: float) -> npt.NDArray[np.float64]:
    seconds = np.linspace(start_s, end_s, 21)
    if row.get("sections"):
        return np.array(
            [
                first + (second - low) / (high - low) * (last - first)
                for second in seconds
                for low, high, first, last in row["sections"]
                if low <= second < high
            ]
        )
    anchors = np.array(row["map"])
    return np.asarray(np.interp(seconds, anchors[:, 0], anchors[:, 1]))


def _share_played(row: Row, beats: npt.NDArray[np.float64]) -> float:
    if row.get("sections"):
        spans = [(first, last) for _, _, first, last in row["sections"]]
    else:
        spans = [(row["map"][0][1], row["map"][-1][1])]
    inside = np.zeros(len(beats), bool)
    for first, last in spans:
        inside |= (beats >= first) & (beats <= last)
    return float(inside.mean()) if len(beats) else 0.0
