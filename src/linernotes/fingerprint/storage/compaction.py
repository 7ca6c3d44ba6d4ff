"""Which segments to merge, and when: by size, so that each posting is rewritten only a few times.

Segments fall into tiers, each eight times the size of the one below. When a tier holds eight segments
they become one of the next tier: with *n* recordings there are about eight times log8 of *n* segments
at most, and each posting has been written about log8 of *n* times. A segment of which half is dead is
rewritten by itself.

References
----------
O'Neil, Cheng, Gawlick, O'Neil (1996), "The log-structured merge-tree", Acta Informatica 33.
"""

from __future__ import annotations

from collections.abc import Sequence

from linernotes.fingerprint.storage.manifest import SegmentEntry
from linernotes.fingerprint.storage.merging import MAX_FRAMES

FAN_IN = 8
_SMALLEST = 4096  # recordings are counted in frames: about a minute


def due(segments: Sequence[SegmentEntry]) -> list[SegmentEntry]:
    """Return the segments to merge now; empty when nothing is due.

    Examples
    --------
    >>> small = [SegmentEntry(f"segment-{i:06d}", "", 10, 100_000, 1000) for i in range(8)]
    >>> len(due(small)), due(small[:7])
    (8, [])
    """
    tiers: dict[int, list[SegmentEntry]] = {}
    for entry in segments:
        if 2 * len(entry.removed) > entry.n_recordings:
            return [entry]
        tiers.setdefault(_tier(entry.n_frames), []).append(entry)
    for _, tier in sorted(tiers.items()):
        if len(tier) >= FAN_IN and sum(entry.n_frames for entry in tier) <= MAX_FRAMES:
            return tier
    return []


def groups(segments: Sequence[SegmentEntry], live_frames: Sequence[int]) -> list[list[SegmentEntry]]:
    """Cut all segments into runs that fit one time axis each: what a full compaction merges.

    A run of one segment without removals is left out: it is as compact as it can be.

    Parameters
    ----------
    segments : sequence of SegmentEntry
        In the order of the manifest.
    live_frames : sequence of int
        Frames of each that are not dead.
    """
    runs: list[list[SegmentEntry]] = []
    room = -1
    for entry, n_frames in zip(segments, live_frames, strict=True):
        if n_frames > room:
            runs.append([])
            room = MAX_FRAMES
        runs[-1].append(entry)
        room -= n_frames
    return [run for run in runs if len(run) > 1 or run[0].removed]


def _tier(n_frames: int) -> int:
    tier = 0
    while n_frames >= _SMALLEST * FAN_IN:
        n_frames //= FAN_IN
        tier += 1
    return tier
