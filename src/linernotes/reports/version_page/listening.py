"""Which seconds a page plays, and how they are made to sit side by side.

Conventions
-----------
A side of at most three minutes is heard whole. Of a longer one the strongest spans are heard with five seconds around
them, until three minutes are used up: two sides are then at most two megabytes. Windows are joined without a gap; both sides
are brought to one loudness, so that the louder one does not seem the better one.

Known limits
------------
A span longer than three minutes is cut at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from linernotes.audio.files import Audio
from linernotes.reports.sound import faded
from linernotes.reports.words import clock, count

BUDGET_S = 180.0
MARGIN_S = 5.0
LOUDNESS = 0.1  # root mean square: 20 dB below full scale, which leaves room for peaks
LARGEST_GAIN = 10.0


def heard_windows(
    segments: Sequence[Mapping[str, Any]],
    side: Literal["a", "b"],
    duration_s: float,
    budget_s: float = BUDGET_S,
) -> tuple[tuple[float, float], ...]:
    """Return the seconds of a side that its page plays, rising and apart.

    Examples
    --------
    >>> heard_windows([], "a", 60.0)
    ((0.0, 60.0),)
    >>> spans = [{"score": 9.0, "a_start_s": 100.0, "a_end_s": 120.0}, {"score": 5.0, "a_start_s": 300.0, "a_end_s": 310.0}]
    >>> heard_windows(spans, "a", 400.0, budget_s=40.0)
    ((95.0, 125.0), (295.0, 305.0))
    """
    if duration_s <= budget_s:
        return ((0.0, duration_s),)
    chosen: list[tuple[float, float]] = []
    for one in sorted(segments, key=lambda one: -one["score"]):
        start = max(0.0, one[f"{side}_start_s"] - MARGIN_S)
        end = min(duration_s, one[f"{side}_end_s"] + MARGIN_S)
        wider = _joined([*chosen, (start, end)])
        over = _length(wider) - budget_s
        if over > 0:
            wider = _joined([*chosen, (start, max(start, end - over))])
        chosen = wider if _length(wider) <= budget_s + 1e-6 else chosen
    return tuple(chosen) or ((0.0, budget_s),)


def listening_copy(audio: Audio, windows: Sequence[tuple[float, float]]) -> Audio:
    """Return the windows of a recording, one after another, at the page's loudness.

    Examples
    --------
    >>> loud = Audio(np.ones(8000, np.float32), 1000)
    >>> copy = listening_copy(loud, [(0.0, 1.0), (4.0, 5.0)])
    >>> copy.duration_s, round(float(copy.samples[500]), 2)
    (2.0, 0.1)
    """
    parts = [faded(audio.excerpt(start, end)).samples for start, end in windows]
    joined = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    level = float(np.sqrt(np.mean(np.square(joined, dtype=np.float64)))) if len(joined) else 0.0
    peak = float(np.abs(joined).max(initial=0.0))
    gain = min(LOUDNESS / max(level, 1e-9), 0.99 / max(peak, 1e-9), LARGEST_GAIN)
    return Audio(np.asarray(joined * gain, np.float32), audio.sample_rate)


def copy_words(name: str, side: Mapping[str, Any]) -> str:
    """Say how much of a side can be heard.

    Examples
    --------
    >>> copy_words("A", {"heard": True, "duration_s": 60.0, "windows": [[0.0, 60.0]]})
    'all of A'
    >>> copy_words("B", {"heard": True, "duration_s": 400.0, "windows": [[95.0, 125.0], [295.0, 305.0]]})
    '0:40 of B’s 6:40, in 2 parts'
    >>> copy_words("B", {"heard": False, "duration_s": 400.0, "windows": []})
    'nothing of B, which may not be passed on'
    """
    if not side["heard"]:
        return f"nothing of {name}, which may not be passed on"
    length = _length([(start, end) for start, end in side["windows"]])
    if length >= side["duration_s"] - 0.01:
        return f"all of {name}"
    return (
        f"{clock(length)} of {name}’s {clock(side['duration_s'])}, in {count(len(side['windows']), 'part')}"
    )


def size_words(n_bytes: int) -> str:
    """Return a size in megabytes.

    Examples
    --------
    >>> size_words(1_240_000)
    '1.2 MB'
    """
    return f"{n_bytes / 1e6:.1f} MB"


def _joined(windows: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(window for window in windows if window[1] > window[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _length(windows: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in windows)
