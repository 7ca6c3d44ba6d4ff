"""The part of a dossier that says which seconds: segment maps, their best cells, and the test of them.

Idea
----
A map may hold tens of thousands of cells. Cells add up, so neighbouring ones are added until the map can be
drawn; the best cells keep their full resolution.

Conventions
-----------
Rows are seconds of the output, columns seconds of the recording. ``share`` is a cell's part of its own map's
positive cells. A map known by its best cells alone has no ``grid``.

Known limits
------------
How far a cell stands out is told in standard errors and by the number of cells; no threshold is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from linernotes.reports.words import clock_range, count, per_cent, per_cent_range

MOST_ROWS = 48
MOST_COLUMNS = 96
N_CELLS = 3
SETTLED = 20.0  # e-value at which a test at level 0.05 stops
MEANS = (
    "Each window of the output was unlearned by itself, by one small step along its gradient; a cell is the rise of the "
    "recording’s loss in one of its own windows. The maps are made alike whatever method ranked."
)
SCOPE = (
    "Says which seconds of a disclosed recording the generator’s loss ties to which seconds of this output; "
    "it is not proof of copying."
)
LIMITS = (
    "A network hears a whole segment at once: a cell says whose loss moved, not which sound was heard. Music repeats "
    "itself, so another bar that is the same may be meant. Shares are within one map; to compare recordings, compare "
    "their places in the ranking. How often maps point at the right seconds was measured on another generator "
    "(docs/methods/where.md), not on this one."
)


def where_facts(maps: Sequence[Mapping[str, Any]], *, nobody: bool = False) -> dict[str, Any]:
    """Return the maps of one ranking with words and limits.

    Parameters
    ----------
    maps : sequence of mapping
        Whole maps, or best cells alone, in the fields of ``linernotes attribute``.
    nobody : bool
        Whether the ranking credits nobody in particular.
    """
    words = f"Maps of the first {count(len(maps), 'recording')} of the ranking."
    if nobody:
        words += " The ranking credits nobody in particular: read them as curiosities, not as credit."
    return {
        "maps": [_map_facts(one) for one in maps],
        "means": MEANS,
        "words": words,
        "scope": SCOPE,
        "limits": LIMITS,
    }


def drawable(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole map with neighbouring cells added up until it has at most 48 rows and 96 columns.

    Examples
    --------
    >>> spans = [[0.0, 1.0], [1.0, 2.0]]
    >>> found = drawable({"query_spans_s": spans, "item_spans_s": spans, "cells": [[1.0, 2.0], [0.0, -1.0]]})
    >>> found["cells"], found["n_added"]
    ([[1.0, 2.0], [0.0, -1.0]], [1, 1])
    """
    cells = np.asarray(one["cells"], dtype=np.float64)
    n_rows, n_columns = (
        -(-size // most) for size, most in zip(cells.shape, (MOST_ROWS, MOST_COLUMNS), strict=True)
    )
    rows = np.add.reduceat(cells, np.arange(0, cells.shape[0], n_rows), axis=0)
    added = np.add.reduceat(rows, np.arange(0, cells.shape[1], n_columns), axis=1)
    return {
        "query_spans_s": _joined(one["query_spans_s"], n_rows),
        "item_spans_s": _joined(one["item_spans_s"], n_columns),
        "cells": added.tolist(),
        "n_added": [n_rows, n_columns],
    }


def _map_facts(one: Mapping[str, Any]) -> dict[str, Any]:
    whole = "best" in one
    best = list(one["best" if whole else "cells"])[:N_CELLS]
    n_cells = len(one["query_spans_s"]) * len(one["item_spans_s"]) if whole else None
    masked = one.get("masked")
    return {
        "item_id": one["item_id"],
        "unit": one["unit"],
        "cells": [dict(cell) for cell in best],
        "n_cells": n_cells,
        "grid": drawable(one) if whole else None,
        "additivity_gap": one["additivity_gap"] if whole else None,
        "masked": dict(masked) if masked else None,
        "words": _map_words(best, n_cells),
        "masked_words": _masked_words(masked),
    }


def _map_words(best: Sequence[Mapping[str, Any]], n_cells: int | None) -> str:
    if not best:
        return "No seconds stand out: no cell of this map is positive."
    first = best[0]
    text = (
        f"Strongest: {clock_range(first['query_start_s'], first['query_end_s'])} of the output with "
        f"{clock_range(first['item_start_s'], first['item_end_s'])} of the recording, {per_cent(first['share'])} of the "
        "map’s positive part"
    )
    if first["standard_error"] > 0:
        text += f", {first['score'] / first['standard_error']:.1f} standard errors above zero"
    if n_cells is None:
        return text + "."
    return (
        text
        + f"; the largest of {n_cells} cells, of which each would have {per_cent(1 / n_cells)} if all were alike."
    )


def _masked_words(masked: Mapping[str, Any] | None) -> str:
    if masked is None:
        return (
            "These seconds were not tested by leaving them out; '--where' together with '--verify K' does that for the "
            "first K recordings."
        )
    n_won = masked["win_rate"] * masked["n_pairs"]
    text = (
        "Learnt and forgotten a little without the claimed seconds, the recording moved these seconds of the output less "
        f"than without other seconds of its own in {n_won:g} of {masked['n_pairs']} pairs (95 % interval "
        f"{per_cent_range(*masked['win_interval'])}; e-value {masked['e_value']:.3g} against “no more often than not”)."
    )
    if masked["e_value"] >= SETTLED:
        return "Borne out by leaving them out. " + text
    if masked["win_interval"][1] < 0.5:
        return "Contradicted by leaving them out. " + text
    return f"Not settled by leaving them out: an e-value of {SETTLED:g} would settle it. " + text


def _joined(spans: Sequence[Sequence[float]], n_joined: int) -> list[list[float]]:
    return [
        [float(part[0][0]), float(part[-1][1])]
        for part in (spans[i : i + n_joined] for i in range(0, len(spans), n_joined))
    ]
