"""Whether a match points at the right place.

The truth of a piece is its map: seconds of the piece against beats of the notation. Two seconds belong together
when their beats do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Anchors = Sequence[Sequence[float]]


def overlap_s(found: tuple[float, float], true: tuple[float, float]) -> float:
    """Return the seconds that two stretches have in common."""
    return max(0.0, min(found[1], true[1]) - max(found[0], true[0]))


def intersection_over_union(found: tuple[float, float], true: tuple[float, float]) -> float:
    """Return common over joint length.

    >>> intersection_over_union((0, 10), (5, 15))
    0.3333333333333333
    """
    common = overlap_s(found, true)
    joint = (found[1] - found[0]) + (true[1] - true[0]) - common
    return common / joint if joint > 0 else 0.0


def passes_at(sections: Sequence[Sequence[float]], source: float) -> list[float]:
    """Return every second at which a piece plays a beat of the notation.

    Parameters
    ----------
    sections
        ``[start_s, end_s, source_start, source_end]`` of every pass.
    source
        Beat of the notation.

    Examples
    --------
    >>> passes_at([[0, 10, 0, 20], [10, 20, 0, 20]], 10)
    [5.0, 15.0]
    """
    found = []
    for start_s, end_s, first, last in sections:
        if first <= source <= last and last > first:
            found.append(start_s + (source - first) / (last - first) * (end_s - start_s))
    return found


def place_error_s(
    path: Sequence[tuple[float, float]], quote: dict[str, float], sections: Sequence[Sequence[float]]
) -> float:
    """Return by how many seconds of the source piece a match misses, at the middle of what it has of a quotation.

    Parameters
    ----------
    path
        Anchors (second of the piece that quotes, second of the source piece), rising.
    quote
        ``start_s``, ``end_s`` in the piece that quotes; ``source_start``, ``source_end`` beats of the notation.
    sections
        Every pass of the source piece.

    Returns
    -------
    float
        Infinite when the match lies outside the quotation, or the source piece does not play the bars.
    """
    anchors = np.asarray(path, float)
    first, last = max(anchors[0, 0], quote["start_s"]), min(anchors[-1, 0], quote["end_s"])
    if last <= first:
        return float("inf")
    middle = (first + last) / 2
    share = (middle - quote["start_s"]) / (quote["end_s"] - quote["start_s"])
    beat = quote["source_start"] + share * (quote["source_end"] - quote["source_start"])
    pointed = float(np.interp(middle, anchors[:, 0], anchors[:, 1]))
    return min((abs(pointed - second) for second in passes_at(sections, beat)), default=float("inf"))
