"""From near segments to recordings worth aligning.

Each segment of the query brings its *k* nearest segments. A recording's distances to the query are then known where
it was near, and at least the *k*-th distance elsewhere, which stands in for them. Two orders come of that: by the mean
of the best pairs of segments, none used twice and as many as two versions of these lengths can be expected to share
(the whole piece played otherwise), and by the single nearest pair (a quotation). Candidates are taken from both in
turn, since alignment decides afterwards.

References
----------
Serra, Araz, Bogdanov, Mitsufuji (2025), "Supervised contrastive learning from weakly-labeled audio segments for musical
version matching", ICML (best pairs without replacement).

Known limits
------------
A recording that repeats itself may fill all *k* places of a segment. At k = 200 that takes one of over an hour of
music on one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.versions.encoder.reduce import best_pairs, pairs_expected
from linernotes.versions.index.recordings import MOST_SEGMENTS, SEGMENT_BITS, Indexed
from linernotes.versions.index.store import NOTHING, Hits

WEIGHED = 4  # times as many recordings as wanted have their best pairs looked for


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that may hold the query's music.

    Parameters
    ----------
    recording : Indexed
        Which.
    distance : float
        Mean distance of its best pairs of segments, the unknown ones at least so far.
    nearest : float
        Distance of its nearest pair.
    pairs : tuple of (int, int)
        Segment of the query and of the recording, nearest pair first.
    """

    recording: Indexed
    distance: float
    nearest: float
    pairs: tuple[tuple[int, int], ...]


def candidates(hits: Hits, recording_of: Callable[[int], Indexed | None], n: int) -> list[Candidate]:
    """Return the recordings that near segments speak for, best first.

    Parameters
    ----------
    hits : Hits
        Near segments of each segment of the query.
    recording_of : callable
        Returns what a vector is of; None for what is not to be found.
    n : int >= 1
        At most so many.

    Raises
    ------
    InputError
        If *n* is less than 1.

    Examples
    --------
    >>> hits = Hits(np.array([[65536, 0], [1, 65537]]), np.array([[0.1, 0.9], [0.5, 0.6]], np.float32))
    >>> held = {number: Indexed(number, "ab"[number], 2) for number in (0, 1)}
    >>> [(c.recording.content_sha256, round(c.distance, 2)) for c in candidates(hits, lambda i: held.get(i >> 16), 2)]
    [('b', 0.1), ('a', 0.5)]
    """
    if n < 1:
        raise InputError(f"{n} candidates; expected at least 1")
    rows, places = np.nonzero(hits.ids != NOTHING)
    found, near = hits.ids[rows, places], hits.distances[rows, places]
    groups, inverse = np.unique(found >> SEGMENT_BITS, return_inverse=True)
    farthest = _farthest(hits)
    chosen = _promising(inverse, len(groups), rows, near, farthest, WEIGHED * n)
    weighed: list[Candidate] = []
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(groups) + 1))
    for group in chosen:
        entry = recording_of(int(groups[group]) << SEGMENT_BITS)
        if entry is not None:
            mine = order[bounds[group] : bounds[group + 1]]
            weighed.append(_weighed(entry, rows[mine], found[mine], near[mine], farthest))
    by_pairs = sorted(weighed, key=lambda one: (one.distance, one.nearest, one.recording.content_sha256))
    by_nearest = sorted(weighed, key=lambda one: (one.nearest, one.distance, one.recording.content_sha256))
    both = dict.fromkeys(one for two in zip(by_pairs, by_nearest, strict=True) for one in two)
    return list(both)[:n]


def _farthest(hits: Hits) -> NDArray[np.float32]:
    """Return what every segment that was not found is at least away from each of the query."""
    finite = np.where(np.isfinite(hits.distances), hits.distances, -np.inf)
    return np.asarray(np.maximum(finite.max(axis=1, initial=0.0), 0), np.float32)


def _promising(
    group: NDArray[np.int64],
    n_groups: int,
    rows: NDArray[np.int64],
    near: NDArray[np.float32],
    farthest: NDArray[np.float32],
    n: int,
) -> list[int]:
    """Return the groups that gain most over not having been found, and those with the nearest pairs."""
    if n_groups <= n:
        return list(range(n_groups))
    cells = group * len(farthest) + rows
    gain, nearest = np.zeros(n_groups * len(farthest)), np.full(n_groups, np.inf)
    np.maximum.at(gain, cells, farthest[rows] - near)
    np.minimum.at(nearest, group, near)
    total = gain.reshape(n_groups, -1).sum(axis=1)
    best = [np.argsort(-total, kind="stable")[:n], np.argsort(nearest, kind="stable")[:n]]
    return [int(one) for one in np.unique(np.concatenate(best))]


def _weighed(
    entry: Indexed,
    rows: NDArray[np.int64],
    found: NDArray[np.int64],
    near: NDArray[np.float32],
    farthest: NDArray[np.float32],
) -> Candidate:
    segments, columns = np.unique(found, return_inverse=True)
    n_pairs = pairs_expected(len(farthest), max(entry.n_segments, len(segments)))
    width = max(len(segments), n_pairs)  # segments that were not found may be paired, too
    distances = np.repeat(farthest[:, None], width, axis=1)
    np.minimum.at(distances, (rows, columns), near)
    pairs = best_pairs(distances, n_pairs)
    values = distances[pairs[:, 0], pairs[:, 1]]
    known = [
        (int(row), int(segments[column]) % MOST_SEGMENTS)
        for (row, column), value in zip(pairs.tolist(), values, strict=True)
        if column < len(segments) and value < farthest[row]
    ]
    return Candidate(entry, float(values.astype(np.float64).mean()), float(near.min()), tuple(known))
