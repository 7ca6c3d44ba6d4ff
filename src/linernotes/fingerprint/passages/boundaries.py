"""Where a passage begins and ends: a change point in how alike two recordings are along one line.

A detector says which stretch of the query lies over which stretch of the reference, roughly. Along that line the
frames of both are compared once more: first pitch, tempo and offset are fitted finely, then the ends are put
where the correlations fall from the passage's own level to that of unrelated moments, the level of the same
query frames against other places of the same recording. With the threshold half-way between, the run of the
greatest sum of excesses is the most likely span for two levels with equal spread.

Conventions
-----------
A line maps query seconds *t* to reference seconds ``offset_s + t / ratio``.

References
----------
Page (1954), "Continuous inspection schemes", Biometrika 41 (cumulative sums against a half-way level).

Known limits
------------
Frames of a tenth of a second, and two seconds of surroundings behind each: an end is blurred by a few tenths
where the copied sound fades, or where the host carries on in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.evidence.spans import Span
from linernotes.fingerprint.passages.features import HOP_S, Floats, SegmentFeatures, moved

_FINE_RATIOS = np.linspace(-0.018, 0.018, 13)
_FINE_OFFSETS_S = np.arange(-0.3, 0.301, 0.05)
_LEAST_LEVEL = 0.1  # below it the two sides are not alike along the line, and the given span stays
_OTHER_PLACES_S = (3.1, 4.7, 6.3, 8.9)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight alignment of a query and a reference.

    Examples
    --------
    >>> Line(offset_s=10.0, ratio=1.25, shift=0).reference_at(5.0)
    14.0
    """

    offset_s: float
    ratio: float
    shift: int

    def reference_at(self, query_s: float) -> float:
        """Return the reference second that lies under a query second."""
        return self.offset_s + query_s / self.ratio

    @classmethod
    def through(cls, query: Span, reference: Span, ratio: float, shift: int) -> Line:
        """Return the line of a match, through the middles of its spans."""
        middle_query = (query.start_s + query.end_s) / 2
        middle_reference = (reference.start_s + reference.end_s) / 2
        return cls(middle_reference - middle_query / ratio, ratio, shift)


def refined(
    query: SegmentFeatures, reference: SegmentFeatures, line: Line, span: Span
) -> tuple[Line, Span, Span, float]:
    """Return the fitted line, the spans on both sides, and the mean correlation inside.

    Parameters
    ----------
    query, reference : SegmentFeatures
        Both sides.
    line : Line
        The rough alignment.
    span : Span
        The rough span of the query.

    Returns
    -------
    (Line, Span, Span, float)
        The rough span with the unchanged line where the two are not alike along it.
    """
    frames = moved(query.frames, -line.shift)
    line = _fitted(frames, reference.frames, line, span)
    times = (np.arange(len(frames)) + 0.5) * HOP_S
    alike = _along(frames, reference.frames, line, times)
    other = np.median(
        [
            _along(frames, reference.frames, Line(line.offset_s + sign * far, line.ratio, line.shift), times)
            for far in _OTHER_PLACES_S
            for sign in (1, -1)
        ],
        axis=0,
    )
    inside = (times >= span.start_s) & (times < span.end_s)
    if not inside.any() or float(alike[inside].mean()) < _LEAST_LEVEL:
        return line, span, _under(line, span, reference.duration_s), 0.0
    level, ground = float(np.median(alike[inside])), float(np.mean(other))
    excess = alike - (level + ground) / 2
    first, last = _greatest_run(excess, int(np.flatnonzero(inside)[0]), int(np.flatnonzero(inside)[-1]))
    fitted_span = Span(round(first * HOP_S, 3), round((last + 1) * HOP_S, 3))
    return (
        line,
        fitted_span,
        _under(line, fitted_span, reference.duration_s),
        float(alike[first : last + 1].mean()),
    )


def _fitted(frames: Floats, reference: Floats, line: Line, span: Span) -> Line:
    """Try small changes of ratio and offset that keep the middle of the span, and keep the best."""
    first, last = round(span.start_s / HOP_S), max(round(span.end_s / HOP_S), round(span.start_s / HOP_S) + 1)
    places = np.arange(first, min(last, len(frames)))
    if not len(places):
        return line
    times = (places + 0.5) * HOP_S
    middle = float(times.mean())
    under = line.reference_at(middle)
    best, chosen = -np.inf, line
    for change in _FINE_RATIOS:
        ratio = line.ratio * (1 + float(change))
        for slide in _FINE_OFFSETS_S:
            candidate = Line(under + float(slide) - middle / ratio, ratio, line.shift)
            score = float(_along(frames[places], reference, candidate, times).sum()) - 0.2 * abs(
                float(change)
            )
            if score > best:
                best, chosen = score, candidate
    return chosen


def _along(
    frames: Floats, reference: Floats, line: Line, times: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the correlation of each query frame with what lies under it; 0 outside the reference."""
    at = (line.offset_s + times / line.ratio) / HOP_S - 0.5
    low = np.floor(at).astype(np.int64)
    part = (at - low)[:, None].astype(np.float32)
    valid = (low >= 0) & (low < len(reference) - 1)
    low = np.clip(low, 0, max(len(reference) - 2, 0))
    if len(reference) < 2:
        return np.zeros(len(frames))
    under = (1 - part) * reference[low] + part * reference[low + 1]
    length = np.maximum(np.linalg.norm(under, axis=1), 0.5)  # between unlike frames a mean is short
    return np.where(valid, np.einsum("tb,tb->t", frames, under) / length, 0.0)


def _greatest_run(excess: NDArray[np.float64], first: int, last: int) -> tuple[int, int]:
    """Return the run of greatest sum that touches the frames *first* to *last*."""
    part = excess[first : last + 1]
    core = first + int(np.argmax(np.convolve(part, np.ones(min(5, len(part))), "same")))
    left = np.cumsum(excess[core::-1])
    right = np.cumsum(excess[core:])
    return core - int(left.argmax()), core + int(right.argmax())


def _under(line: Line, span: Span, duration_s: float) -> Span:
    start, end = (float(np.clip(line.reference_at(t), 0, duration_s)) for t in (span.start_s, span.end_s))
    return Span(round(start, 3), round(max(start, end), 3))
