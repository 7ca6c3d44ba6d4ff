"""A segment map drawn so that no colour is needed: the stronger a cell, the larger its square.

Idea
----
Hinton's diagram: area is strength, a full square raises the loss, a hollow one lowers it. Numbers mark the best
cells, in the order of the table beside the picture.

Conventions
-----------
Time of the recording runs left to right, time of the output from top to bottom, in seconds. Lengths are in the
units of an SVG that is ``WIDTH`` wide. Squares too small to be seen are left out.

References
----------
Hinton and Shallice (1991), "Lesioning an attractor network", for the diagram.

Known limits
------------
The largest square is the strongest cell of its own map: sizes do not compare between maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 560
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 40
TALLEST, LOWEST = 380.0, 70.0
SMALLEST = 0.12  # side of a square, as a part of its cell's
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
APART = 34.0  # between two ticks, at least


def map_picture(grid: Mapping[str, Any], best: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return squares, marks and ticks of a map.

    Parameters
    ----------
    grid : mapping
        ``query_spans_s``, ``item_spans_s`` and ``cells``, as `where_facts.drawable` returns them.
    best : sequence of mapping
        The cells to mark, best first.

    Examples
    --------
    >>> spans = [[0.0, 1.0], [1.0, 2.0]]
    >>> grid = {"query_spans_s": spans, "item_spans_s": spans, "cells": [[4.0, 0.0], [0.0, -1.0]]}
    >>> [(one["hollow"], one["width"]) for one in map_picture(grid, [])["squares"]]
    [(False, 248.0), (True, 124.0)]
    """
    across, down = _scales(grid)
    return {
        "width": WIDTH,
        "height": round(TOP + down[1] + BOTTOM, 2),
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": round(TOP + down[1], 2),
        "squares": _squares(grid, across[0], down[0]),
        "marks": [_mark(cell, number, across[0], down[0]) for number, cell in enumerate(best, start=1)],
        "columns": _ticks(grid["item_spans_s"], LEFT, across),
        "rows": _ticks(grid["query_spans_s"], TOP, down),
    }


def _scales(grid: Mapping[str, Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return units per second and length of both sides; one scale for both as far as the height allows."""
    item_s = max(grid["item_spans_s"][-1][1], 1e-9)
    query_s = max(grid["query_spans_s"][-1][1], 1e-9)
    width = float(WIDTH - LEFT - RIGHT)
    height = min(max(query_s * width / item_s, LOWEST), TALLEST)
    return (width / item_s, width), (height / query_s, height)


def _squares(grid: Mapping[str, Any], across: float, down: float) -> list[dict[str, Any]]:
    largest = max((abs(value) for row in grid["cells"] for value in row), default=0.0)
    found = []
    for (top_s, bottom_s), row in zip(grid["query_spans_s"], grid["cells"], strict=True):
        for (left_s, right_s), value in zip(grid["item_spans_s"], row, strict=True):
            side = math.sqrt(abs(value) / largest) if largest else 0.0
            if side < SMALLEST:
                continue
            width, height = side * across * (right_s - left_s), side * down * (bottom_s - top_s)
            found.append(
                {
                    "x": round(LEFT + across * (left_s + right_s) / 2 - width / 2, 2),
                    "y": round(TOP + down * (top_s + bottom_s) / 2 - height / 2, 2),
                    "width": round(width, 2),
                    "height": round(height, 2),
                    "hollow": value < 0,
                }
            )
    return found


def _mark(cell: Mapping[str, Any], number: int, across: float, down: float) -> dict[str, Any]:
    x, y = LEFT + across * cell["item_start_s"], TOP + down * cell["query_start_s"]
    width = across * (cell["item_end_s"] - cell["item_start_s"])
    return {
        "number": number,
        "x": round(x, 2),
        "y": round(y, 2),
        "width": round(width, 2),
        "height": round(down * (cell["query_end_s"] - cell["query_start_s"]), 2),
        # beside its cell, on the side that has room
        "text_x": round(x + width + 3, 2) if x + width + 14 < WIDTH - RIGHT else round(x - 10, 2),
        "text_y": round(y + 10, 2),
    }


def _ticks(spans: Sequence[Sequence[float]], start: int, scale: tuple[float, float]) -> list[dict[str, Any]]:
    end_s = spans[-1][1]
    long = 1800 * math.ceil(APART / scale[0] / 1800)
    step = next((step for step in STEPS_S if scale[0] * step >= APART), long)
    return [
        {"at": round(start + scale[0] * second, 2), "second": second}
        for second in range(0, math.floor(end_s) + 1, step)
    ]
