"""The inner loops of the look-up of quads, compiled.

A large catalogue offers millions of postings under the keys of a query, of which few have the right height and
length. So these are picked first, in a loop without branches; only then their places are read.

Known limits
------------
The first call on a machine compiles for some seconds; the result is kept beside the file.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_VOTE_BITS = 32  # for the number of a vote; its cell stands above
_MOST_VOTES = 255  # of a cell: what is beyond makes no difference
_BLOCK = 64  # postings that are looked through together


@njit(cache=True)
def unmoved_quads(
    keys: NDArray[np.int64],
    quads: Floats,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    bands: Bytes,
    spans: Bytes,
    band_reach: float,
    span_reach: float,
) -> NDArray[np.int64]:
    """Return the origins at which quads of query and catalogue meet with pitch and tempo unchanged."""
    room, n = 4096, 0
    found = np.empty(room, np.int64)
    for i in range(len(keys)):
        low, width = _interval(quads[i, 2] - band_reach, quads[i, 2] + band_reach)
        least, breadth = _interval(quads[i, 3] - span_reach, quads[i, 3] + span_reach)
        begins = np.int64(np.rint(quads[i, 1]))
        first, last = np.int64(starts[keys[i]]), np.int64(starts[keys[i] + 1])
        if n + last - first > room:  # not inside: making room there costs more than the look itself
            room = int(2 * room + last - first)
            longer = np.empty(room, np.int64)
            longer[:n] = found[:n]
            found = longer
        for begin in range(first, last, _BLOCK):
            end = min(last, begin + _BLOCK)
            band, span = bands[begin:end], spans[begin:end]
            some = np.int64(0)
            for k in range(len(band)):
                some += np.int64((np.uint8(band[k] - low) <= width) & (np.uint8(span[k] - least) <= breadth))
            if some == 0:
                continue
            for k in range(len(band)):
                if (np.uint8(band[k] - low) <= width) & (np.uint8(span[k] - least) <= breadth):
                    found[n] = np.int64(places[begin + k]) - begins
                    n += 1
    return found[:n]


def shared_quads(
    keys: NDArray[np.int64],
    quads: Floats,
    starts: NDArray[np.uint32],
    places: NDArray[np.uint32],
    bands: Bytes,
    spans: Bytes,
    max_shift: float,
    max_ratio: float,
    middle: float,
    cell_frames: int,
    n_cells: int,
    n_most: int,
) -> NDArray[np.float64]:
    """Return the quads that query and catalogue share within a change of pitch and tempo, where most of them meet.

    Each votes for the cell of the catalogue in which it lays the middle of the query. Rows of query time, place,
    shift, logarithm of the ratio, and cell [shape=(n_hits, 5)], of the cells with most votes, at most so many, and
    of their neighbours, by cell and in the order of the query.

    Votes are counted by sorting them: a table of all cells of a large catalogue does not fit into a cache, and every
    vote would wait for memory twice.
    """
    picked, ends = _picked(keys, quads, starts, bands, spans, max_shift, max_ratio)
    votes = _votes(quads, places, spans, picked, ends, middle, cell_frames, n_cells)
    votes.sort()
    votes = votes[np.searchsorted(votes, 0) :]  # negative: outside of the catalogue
    if len(votes) == 0:
        return np.zeros((0, 5))
    cells = votes >> _VOTE_BITS
    edges = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1], [True]]))
    own, counts = cells[edges[:-1]], np.diff(edges)
    highest = np.sort(np.minimum(counts, _MOST_VOTES))[::-1]
    threshold = int(highest[n_most]) + 1 if len(highest) > n_most else 1
    best = counts.copy()
    adjacent = np.flatnonzero(np.diff(own) == 1)
    best[adjacent] = np.maximum(best[adjacent], counts[adjacent + 1])
    best[adjacent + 1] = np.maximum(best[adjacent + 1], counts[adjacent])
    kept = votes[np.repeat(best >= threshold, counts)]
    return _told(quads, places, bands, spans, picked, ends, kept)


@njit(cache=True)
def _picked(
    keys: NDArray[np.int64],
    quads: Floats,
    starts: NDArray[np.uint32],
    bands: Bytes,
    spans: Bytes,
    max_shift: float,
    max_ratio: float,
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the postings within reach, and how many there are up to each key."""
    n_all = np.int64(0)
    for i in range(len(keys)):
        n_all += np.int64(starts[keys[i] + 1]) - np.int64(starts[keys[i]])
    picked = np.empty(n_all + 1, np.uint32)  # the last one is written past the end
    ends = np.empty(len(keys), np.int64)
    n = np.int64(0)
    for i in range(len(keys)):
        low, width = _interval(quads[i, 2] - max_shift, quads[i, 2] + max_shift)
        least, breadth = _interval(quads[i, 3] / max_ratio, quads[i, 3] * max_ratio)
        first, last = np.int64(starts[keys[i]]), np.int64(starts[keys[i] + 1])
        band, span = bands[first:last], spans[first:last]
        for k in range(len(band)):
            picked[n] = np.uint32(first + k)
            n += np.int64((np.uint8(band[k] - low) <= width) & (np.uint8(span[k] - least) <= breadth))
        ends[i] = n
    return picked[:n], ends


@njit(cache=True)
def _votes(
    quads: Floats,
    places: NDArray[np.uint32],
    spans: Bytes,
    picked: NDArray[np.uint32],
    ends: NDArray[np.int64],
    middle: float,
    cell_frames: int,
    n_cells: int,
) -> NDArray[np.int64]:
    """Return for each picked posting the cell that it votes for and its own number, in one integer; -1 outside."""
    votes = np.empty(len(picked), np.int64)
    scale = 1.0 / cell_frames
    begin = 0
    for i in range(len(ends)):
        lever = (middle - quads[i, 1]) / quads[i, 3]
        for k in range(begin, ends[i]):
            cell = np.int64(np.floor((places[picked[k]] + lever * spans[picked[k]]) * scale))
            votes[k] = (cell << _VOTE_BITS) | k if 0 <= cell < n_cells else -1
        begin = ends[i]
    return votes


@njit(cache=True)
def _told(
    quads: Floats,
    places: NDArray[np.uint32],
    bands: Bytes,
    spans: Bytes,
    picked: NDArray[np.uint32],
    ends: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return what the quad behind each vote tells."""
    found = np.empty((len(kept), 5), np.float64)
    for n in range(len(kept)):
        k = kept[n] & ((1 << _VOTE_BITS) - 1)
        i = np.searchsorted(ends, k, side="right")
        p = picked[k]
        found[n, 0], found[n, 1] = quads[i, 1], places[p]
        found[n, 2], found[n, 3] = quads[i, 2] - bands[p], np.log(quads[i, 3] / spans[p])
        found[n, 4] = kept[n] >> _VOTE_BITS
    return found


@njit(cache=True)
def _interval(low: float, high: float) -> tuple[np.uint8, np.uint8]:
    """Return the bytes of an interval as the first one and how many follow: one comparison tests both ends."""
    first = np.uint8(max(0.0, min(255.0, np.ceil(low))))
    return first, np.uint8(max(0.0, min(255.0, np.floor(high)) - first))
