"""From a second of one recording to the corresponding second of the other, along the alignment.

Idea
----
A span's path is a list of anchors, seconds of A with seconds of B; between anchors the seconds run evenly. Where several
spans hold a moment, the one of best rank is followed; where none does, the nearest one is carried on at its tempo ratio.
The page's script follows the same rules; a browser test holds both together.

Conventions
-----------
Side ``"a"`` or ``"b"`` is the one whose second is given. Segments are the JSON fields of a comparison.

Known limits
------------
Outside every span the answer is an extrapolation, and is said to be one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

Side = Literal["a", "b"]
_FOLLOWED = (
    "overall",
    "melody",
    "harmony",
    "bass",
    "rhythm",
)  # a rhythm repeats: its path is the least certain


class Across(NamedTuple):
    """A moment on the other side, the index of the span that says so, and whether the moment lies within it."""

    second: float
    segment: int
    inside: bool


def anchors(segment: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return a span's anchors, at least both of its ends.

    Examples
    --------
    >>> anchors({"path": [], "a_start_s": 1.0, "a_end_s": 2.0, "b_start_s": 5.0, "b_end_s": 7.0})
    [(1.0, 5.0), (2.0, 7.0)]
    """
    if len(segment["path"]) >= 2:
        return [(float(a), float(b)) for a, b in segment["path"]]
    return [(segment["a_start_s"], segment["b_start_s"]), (segment["a_end_s"], segment["b_end_s"])]


def ranked(segments: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the indices of segments in the order in which they are followed: whole, melody, …, stronger first.

    Examples
    --------
    >>> ranked([{"dimension": "rhythm", "score": 9.0}, {"dimension": "overall", "score": 5.0}])
    [1, 0]
    """
    return sorted(
        range(len(segments)),
        key=lambda i: (_FOLLOWED.index(segments[i]["dimension"]), -segments[i]["score"], i),
    )


def along(points: Sequence[tuple[float, float]], second: float, side: Side) -> float:
    """Return the other side's second of *second*; beyond the ends at the slope between the ends.

    Examples
    --------
    >>> line = [(0.0, 10.0), (2.0, 12.0), (4.0, 16.0)]
    >>> along(line, 3.0, "a"), along(line, 14.0, "b"), along(line, 6.0, "a")
    (14.0, 3.0, 19.0)
    """
    here, there = ([p[0] for p in points], [p[1] for p in points])
    if side == "b":
        here, there = there, here
    slope = (there[-1] - there[0]) / max(here[-1] - here[0], 1e-9)
    if second < here[0]:
        return there[0] + (second - here[0]) * slope
    if second > here[-1]:
        return there[-1] + (second - here[-1]) * slope
    return float(np.interp(second, here, there))


def across(
    segments: Sequence[Mapping[str, Any]], second: float, side: Side, chosen: int | None = None
) -> Across | None:
    """Return where *second* of one side is heard on the other; None without any span.

    Parameters
    ----------
    segments : sequence of mapping
        Spans of a comparison.
    second : float
        On *side*.
    side : {"a", "b"}
        Whose second it is.
    chosen : int, optional
        A span that is followed first, such as the one that a listener chose.

    Examples
    --------
    >>> one = {"dimension": "melody", "score": 5.0, "path": [[1.0, 11.0], [3.0, 15.0]]}
    >>> across([one], 2.0, "a"), across([one], 17.0, "b")
    (Across(second=13.0, segment=0, inside=True), Across(second=4.0, segment=0, inside=False))
    """
    order = ranked(segments)
    if chosen is not None:
        order = [chosen, *order]
    lines = {i: anchors(segments[i]) for i in order}
    place = 0 if side == "a" else 1
    distances = {i: max(line[0][place] - second, second - line[-1][place], 0.0) for i, line in lines.items()}
    if not distances:
        return None
    best = min(order, key=lambda i: (distances[i], order.index(i)))
    return Across(along(lines[best], second, side), best, distances[best] == 0.0)
