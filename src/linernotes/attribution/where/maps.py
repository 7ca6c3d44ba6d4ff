"""A segment map: which seconds of an output lean on which seconds of a recording.

A map is a grid. A row is a stretch of the output, a column a stretch of the recording, and a cell says how
much the recording's loss *in that stretch* rises when that stretch of the output alone is forgotten. Cells
add up: over a row, over a column, over the whole grid, to the first-order score of recording and output.

Conventions
-----------
Positive cells mean that training on those seconds of the recording made those seconds of the output more
likely. Spans are half-open seconds from the start of the audio. ``share`` is a cell's part of the map's
positive cells; it says nothing of how the recording compares with others.

Known limits
------------
A network hears a whole segment at once, so a cell says whose *loss* moved, not whose sound was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.evidence.spans import Span

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a map, as evidence: these seconds of the output, those of the recording."""

    query: Span
    item: Span
    score: float
    standard_error: float
    share: float

    def as_json(self) -> dict[str, float]:
        """Return the fields of the JSON contract."""
        return {
            "query_start_s": self.query.start_s,
            "query_end_s": self.query.end_s,
            "item_start_s": self.item.start_s,
            "item_end_s": self.item.end_s,
            "score": self.score,
            "standard_error": self.standard_error,
            "share": self.share,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMap:
    """Influence of one recording on one output, by seconds on both sides.

    Parameters
    ----------
    query_id, item_id : str
        The output and the recording.
    query_spans, item_spans : tuple of Span
        Seconds of each row and each column.
    cells : NDArray [shape=(n_query_windows, n_item_windows), float64]
        Rise of the recording's loss in a column's seconds when a row's seconds are forgotten.
    errors : NDArray [shape as cells, float64]
        Standard error of each cell over the noise draws.
    whole : float
        The same rise of the whole recording when the whole output is forgotten, measured by itself: what the
        cells must add up to.
    unit : str
        What a cell is measured in.

    Examples
    --------
    >>> seconds = (Span(0, 1), Span(1, 2))
    >>> found = SegmentMap(query_id="out", item_id="rain", query_spans=seconds, item_spans=seconds, unit="loss",
    ...                    cells=np.array([[3.0, 0.0], [-1.0, 1.0]]), errors=np.zeros((2, 2)), whole=3.0)
    >>> found.best(1)[0].share, found.total, found.additivity_gap
    (0.75, 3.0, 0.0)
    """

    query_id: str
    item_id: str
    query_spans: tuple[Span, ...]
    item_spans: tuple[Span, ...]
    cells: NDArray[np.float64]
    errors: NDArray[np.float64]
    whole: float
    unit: str

    def __post_init__(self) -> None:
        expected = (len(self.query_spans), len(self.item_spans))
        if self.cells.shape != expected or self.errors.shape != expected:
            raise InputError(
                f"map of {self.item_id}: cells {self.cells.shape}, errors {self.errors.shape}; "
                f"expected {expected}, one row and column per span"
            )

    @property
    def total(self) -> float:
        """Sum over all cells: the first-order score of recording and output."""
        return float(self.cells.sum())

    @property
    def additivity_gap(self) -> float:
        """How far the cells' sum is from the score measured at once, as a part of the absolute cells."""
        size = float(np.abs(self.cells).sum())
        return abs(self.total - self.whole) / size if size else 0.0

    def best(self, n_cells: int = 5) -> tuple[Cell, ...]:
        """Return the cells with the largest positive scores, best first; ties go by time."""
        positive = float(np.maximum(self.cells, 0).sum())
        order = np.argsort(-self.cells, axis=None, kind="stable")[:n_cells]
        rows, columns = np.unravel_index(order, self.cells.shape)
        return tuple(
            Cell(
                self.query_spans[row],
                self.item_spans[column],
                float(self.cells[row, column]),
                float(self.errors[row, column]),
                float(self.cells[row, column]) / positive,
            )
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if self.cells[row, column] > 0
        )

    def clipped(self, query_s: float, item_s: float) -> SegmentMap:
        """Return the map with spans cut off where the audio ends: the last segment may be padded."""
        return replace(
            self, query_spans=_cut(self.query_spans, query_s), item_spans=_cut(self.item_spans, item_s)
        )

    def as_json(self, n_best: int = 5) -> dict[str, Any]:
        """Return the whole map in the fields of the JSON contract."""
        return {
            "query": self.query_id,
            "item_id": self.item_id,
            "unit": self.unit,
            "query_spans_s": [[span.start_s, span.end_s] for span in self.query_spans],
            "item_spans_s": [[span.start_s, span.end_s] for span in self.item_spans],
            "cells": self.cells.tolist(),
            "standard_errors": self.errors.tolist(),
            "total": self.total,
            "whole": self.whole,
            "additivity_gap": self.additivity_gap,
            "best": [cell.as_json() for cell in self.best(n_best)],
        }


def draw_maps(maps: list[SegmentMap], path: Path) -> None:
    """Draw the maps of one output, one panel per recording, all on one scale, as a PNG file.

    The same maps give the same bytes on the same version of the drawing library.
    """
    from matplotlib.figure import Figure

    if not maps:
        raise InputError(f"{path}: no maps to draw; localise at least one recording")
    figure = Figure(figsize=(7, 1.0 + 2.2 * len(maps)), layout="constrained")
    panels = figure.subplots(len(maps), squeeze=False)[:, 0]
    largest = max(float(np.abs(one.cells).max()) for one in maps) or 1.0
    for panel, one in zip(panels, maps, strict=True):
        mesh = _draw_one(panel, one, largest)
    panels[-1].set_xlabel("seconds of the recording")
    figure.colorbar(mesh, ax=list(panels), label=maps[0].unit)
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})
    partial.replace(path)


def _draw_one(panel: Axes, one: SegmentMap, largest: float) -> Any:
    mesh = panel.pcolormesh(
        _edges(one.item_spans), _edges(one.query_spans), one.cells, cmap="RdBu_r", vmin=-largest, vmax=largest
    )
    panel.set_title(one.item_id, fontsize=9, loc="left", parse_math=False)
    panel.set_ylabel("seconds of the output")
    panel.invert_yaxis()
    return mesh


def _edges(spans: tuple[Span, ...]) -> list[float]:
    return [*(span.start_s for span in spans), spans[-1].end_s]


def _cut(spans: tuple[Span, ...], end_s: float) -> tuple[Span, ...]:
    return tuple(Span(min(span.start_s, end_s), min(span.end_s, end_s)) for span in spans)
