"""Where everything lies in the pictures of a comparison: time lines with ribbons, dot-plot, melodies.

Idea
----
In each lane A's time line runs above and B's below; a span is a ribbon from its seconds there to its seconds here,
crossed by threads along its path. A slanted ribbon is another place, a widening one another tempo, a bent thread a
tempo that gives.
The dot-plot shows the same spans as paths: A's seconds to the right, B's downwards.

Conventions
-----------
All figures are in units of the picture's view box, rounded to hundredths. Both sides are drawn at one scale of seconds
unless one is more than three times as long.

Known limits
------------
A ribbon shows the path at its threads only; the dot-plot shows all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linernotes.reports.version_page.warp import anchors
from linernotes.reports.words import clock, clock_range

WIDTH, LEFT, RIGHT = 960.0, 92.0, 12.0
STRIP, RULER, LANE = 84.0, 24.0, 78.0
WAVE = 34.0
LARGEST_CONTRAST = 3.0
MOST_THREADS = 9
LEAST_WIDTH = 3.0
PLOT = 400.0
PLOT_LEFT, PLOT_TOP, PLOT_RIGHT, PLOT_BOTTOM = 44.0, 26.0, 12.0, 12.0
ROLL_WIDTH, ROLL_LEFT, ROW = 720.0, 44.0, 7.0
TICK_ROOM = 60.0  # units that a label needs
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


def timelines(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the side-by-side picture: scales, rulers, and one lane of ribbons per dimension.

    Examples
    --------
    >>> span = {"number": 1, "name": "Melody, span 1", "dimension": "melody", "path": [], "strength": 1.0, "score": 9.0,
    ...     "a_start_s": 0.0, "a_end_s": 5.0, "b_start_s": 5.0, "b_end_s": 10.0, "standing": "uncommon"}
    >>> side = {"duration_s": 10.0, "windows": []}
    >>> lane = {"dimension": "melody", "name": "Melody", "shared": True}
    >>> drawn = timelines({"a": side, "b": side, "dimensions": [lane], "relation": {"segments": [span]}})
    >>> drawn["lanes"][0]["ribbons"][0]["edge"]
    'M92 123L520 123L948 171L520 171Z'
    """
    scale_a, scale_b = _scales(facts["a"]["duration_s"], facts["b"]["duration_s"])
    top = STRIP + RULER
    lanes = []
    for dimension in facts["dimensions"]:
        upper, lower = top + 15, top + LANE - 15
        own = [one for one in facts["relation"]["segments"] if one["dimension"] == dimension["dimension"]]
        lanes.append(
            {
                "dimension": dimension["dimension"],
                "name": dimension["name"],
                "shared": dimension["shared"],
                "top": top,
                "upper": upper,
                "lower": lower,
                "ribbons": [_ribbon(one, upper, lower, scale_a, scale_b) for one in own],
            }
        )
        top += LANE
    return {
        "width": WIDTH,
        "height": top + RULER + STRIP,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "wave": WAVE,
        "chroma": STRIP - WAVE - 6,
        "lanes": lanes,
        "same_scale": scale_a == scale_b,
        "a": _line(facts["a"], scale_a, top=0.0, ruler=STRIP),
        "b": _line(facts["b"], scale_b, top=top + RULER, ruler=top),
    }


def dot_plot(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dot-plot: frame, ticks on both axes and one path per span."""
    a_s, b_s = facts["a"]["duration_s"], facts["b"]["duration_s"]
    scale = PLOT / max(a_s, b_s) if max(a_s, b_s) <= LARGEST_CONTRAST * min(a_s, b_s) else 0.0
    scale_a, scale_b = (scale or PLOT / a_s), (scale or PLOT / b_s)
    paths = []
    broad_first = ("overall", "harmony", "bass", "rhythm", "melody")
    for one in sorted(facts["relation"]["segments"], key=lambda one: broad_first.index(one["dimension"])):
        points = [(PLOT_LEFT + a * scale_a, PLOT_TOP + b * scale_b) for a, b in anchors(one)]
        paths.append(
            {
                "number": one["number"],
                "name": one["name"],
                "dimension": one["dimension"],
                "standing": one["standing"],
                "line": _polyline(points),
                "start": _point(points[0]),
                "end": _point(points[-1]),
                "strength": one["strength"],
            }
        )
    return {
        "width": PLOT_LEFT + round(a_s * scale_a, 2) + PLOT_RIGHT,
        "height": PLOT_TOP + round(b_s * scale_b, 2) + PLOT_BOTTOM,
        "left": PLOT_LEFT,
        "top": PLOT_TOP,
        "frame_width": round(a_s * scale_a, 2),
        "frame_height": round(b_s * scale_b, 2),
        "scale_a": round(scale_a, 5),
        "scale_b": round(scale_b, 5),
        "ticks_a": [
            (round(PLOT_LEFT + s * scale_a, 2), clock(s))
            for s in ticks_s(a_s, max(2, int(a_s * scale_a / TICK_ROOM)))
        ],
        "ticks_b": [
            (round(PLOT_TOP + s * scale_b, 2), clock(s))
            for s in ticks_s(b_s, max(2, int(b_s * scale_b / TICK_ROOM)))
        ],
        "paths": paths,
    }


def melody_roll(melody: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return two aligned melodies as bars on one grid of semitones; None without notes."""
    notes = [*melody["a"], *melody["b"]]
    if not notes:
        return None
    start, end = min(one["start_s"] for one in notes), max(one["end_s"] for one in notes)
    low, high = min(round(one["pitch"]) for one in notes), max(round(one["pitch"]) for one in notes)
    scale = (ROLL_WIDTH - ROLL_LEFT - 8) / max(end - start, 1e-9)

    def bars(side: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "x": round(ROLL_LEFT + (one["start_s"] - start) * scale, 2),
                "y": round((high - one["pitch"]) * ROW + 4, 2),
                "width": round(max((one["end_s"] - one["start_s"]) * scale - 0.6, 1.5), 2),
                "agrees": one["agrees"],
            }
            for one in side
        ]

    height = (high - low + 1) * ROW + 8
    return {
        "width": ROLL_WIDTH,
        "height": height + RULER,
        "left": ROLL_LEFT,
        "right": ROLL_WIDTH - 8,
        "bottom": height,
        "row": ROW - 1,
        "a": bars(melody["a"]),
        "b": bars(melody["b"]),
        "octaves": [
            (round((high - pitch) * ROW + 4 + ROW / 2, 2), f"C{pitch // 12 - 1}")
            for pitch in range(low, high + 1)
            if pitch % 12 == 0
        ],
        "ticks": [
            (round(ROLL_LEFT + (s - start) * scale, 2), clock(s))
            for s in ticks_s(end, max(3, round(8 * end / max(end - start, 1e-9))))
            if s >= start and ROLL_LEFT + (s - start) * scale <= ROLL_WIDTH - 24
        ],
    }


def ticks_s(duration_s: float, n_most: int = 10) -> list[int]:
    """Return round seconds for a ruler.

    Examples
    --------
    >>> ticks_s(24.6), ticks_s(200.0)
    ([0, 5, 10, 15, 20], [0, 30, 60, 90, 120, 150, 180])
    """
    step = next((one for one in TICKS_S if duration_s / one <= n_most), TICKS_S[-1])
    step = max(
        step, -(-int(duration_s) // (n_most * TICKS_S[-1])) * TICKS_S[-1] if step == TICKS_S[-1] else 0
    )
    return list(range(0, int(duration_s) + 1, step))


def _scales(a_s: float, b_s: float) -> tuple[float, float]:
    """Return units per second of both sides."""
    width = WIDTH - LEFT - RIGHT
    longer = max(a_s, b_s)
    if longer <= LARGEST_CONTRAST * min(a_s, b_s):
        return width / longer, width / longer
    return width / a_s, width / b_s


def _line(side: Mapping[str, Any], scale: float, *, top: float, ruler: float) -> dict[str, Any]:
    """Return one side's strip and ruler; ``silent`` are the seconds that the page does not play."""
    duration = side["duration_s"]
    edges = [0.0, *(end for window in side["windows"] for end in window), duration]
    silent = list(zip(edges[::2], edges[1::2], strict=True)) if side["windows"] else []
    return {
        "top": top,
        "ruler": ruler,
        "scale": round(scale, 5),
        "end": round(LEFT + duration * scale, 2),
        "width": round(duration * scale, 2),
        "ticks": [
            (round(LEFT + s * scale, 2), clock(s))
            for s in ticks_s(duration, max(2, int(duration * scale / TICK_ROOM)))
        ],
        "silent": [
            (round(LEFT + start * scale, 2), round((end - start) * scale, 2))
            for start, end in silent
            if end - start > 0.05
        ],
    }


def _ticks(origin: float, duration_s: float, scale: float) -> list[tuple[float, str]]:
    """Return places and labels of a ruler, with room for every label."""
    n_most = max(2, int(duration_s * scale / TICK_ROOM))
    return [(round(origin + second * scale, 2), clock(second)) for second in ticks_s(duration_s, n_most)]


def _ribbon(
    one: Mapping[str, Any], upper: float, lower: float, scale_a: float, scale_b: float
) -> dict[str, Any]:
    points = anchors(one)
    a0, a1 = _kept_wide(LEFT + points[0][0] * scale_a, LEFT + points[-1][0] * scale_a)
    b0, b1 = _kept_wide(LEFT + points[0][1] * scale_b, LEFT + points[-1][1] * scale_b)
    step = max(1, -(-(len(points) - 2) // MOST_THREADS))
    threads = [
        f"M{_n(LEFT + a * scale_a)} {_n(upper)}L{_n(LEFT + b * scale_b)} {_n(lower)}"
        for a, b in points[1:-1][:: step if len(points) > 2 else 1]
    ]
    said = (
        f"{clock_range(one['a_start_s'], one['a_end_s'])} of A with "
        f"{clock_range(one['b_start_s'], one['b_end_s'])} of B"
    )
    return {
        "number": one["number"],
        "name": one["name"],
        "standing": one["standing"],
        "edge": f"M{_n(a0)} {_n(upper)}L{_n(a1)} {_n(upper)}L{_n(b1)} {_n(lower)}L{_n(b0)} {_n(lower)}Z",
        "ends": f"M{_n(a0)} {_n(upper)}H{_n(a1)}M{_n(b0)} {_n(lower)}H{_n(b1)}",
        "threads": "".join(threads),
        "opacity": round(0.22 + 0.58 * one["strength"], 3),
        "said": said,
    }


def _kept_wide(start: float, end: float) -> tuple[float, float]:
    return start, max(end, start + LEAST_WIDTH)


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _point(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 2), round(point[1], 2)


def _n(value: float) -> str:
    return f"{round(value, 2):g}"
