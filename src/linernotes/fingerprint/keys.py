"""Keys of small constellations of peaks: pairs, for the exact search, and quads, for changed pitch and tempo.

A *pair* is two peaks: interval, delay, and the height of the first. It survives noise and other music on top,
since only two peaks must. A *quad* is four peaks: three intervals, and where the two inner peaks lie between
the outer ones. Neither transposition nor a change of tempo moves these, and four peaks say enough to be rare.

Which constellations a catalogue keeps is decided by the key alone (a hash of it), never by the peaks around:
a query that holds more peaks, or fewer, still asks for the same ones. Sampling by content loses nothing to a
disagreement about which neighbours are the best; a fan-out does.

A query looks up all constellations of its own peaks whose key may be kept. A pair may be off by one frame of
delay. A quad's places lie between the cells of its key; what lies near a border is looked up on both sides.

Conventions
-----------
Pair key: ``((interval + 24) * 64 + delay) * 96 + height``. Quad key: 20 bits of a hash of five cells.
Loops are compiled on the first call.

References
----------
Wang (2003), "An industrial-strength audio search algorithm", ISMIR (pairs). Sonnleitner and Widmer (2016),
"Robust quad-based audio fingerprinting", IEEE/ACM TASLP 24 (four peaks whose inner ones are told relative to
the outer ones; here intervals stay in quarter tones, since a logarithmic axis makes transposition a shift).
Broder (1997), "On the resemblance and containment of documents" (sampling by the hash of the content).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linernotes.fingerprint.spectrum import N_BANDS

MAX_INTERVAL = 24  # quarter tones between the peaks of a pair: an octave
MIN_DELAY, MAX_DELAY = 3, 62  # frames between them
N_PAIR_KEYS = (2 * MAX_INTERVAL + 1) * (MAX_DELAY + 2) * N_BANDS
_PAIRS_KEPT = 77  # of 256

MAX_QUAD_INTERVAL = 20.0
MIN_SPAN, MAX_SPAN = 30.0, 90.0  # frames between the outer peaks of a quad
N_QUAD_KEYS = 1 << 20
_QUADS_KEPT = 112  # one in so many
_N_PLACES = 24  # cells between the outer peaks
_INNER = 0.1  # inner peaks keep this part of the span from the outer ones, and from one another
_NEAR_BAND, _NEAR_FRAME = 0.3, 0.7  # what lies so near to a border of its cell is looked up beyond it too
_CHANGE = 1.26  # of tempo, at most


@njit(cache=True)
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True)
def _pair_is_kept(key: int) -> bool:
    return bool((_mixed(np.uint64(key + 1)) & np.uint64(255)) < np.uint64(_PAIRS_KEPT))


@njit(cache=True)
def _quad_hash(first: int, second: int, third: int, inner: int, outer: int) -> np.uint64:
    cells = (((first * 128 + second) * 128 + third) * 64 + inner) * 64 + outer
    return _mixed(np.uint64(cells) + np.uint64(0x9E3779B97F4A7C15))


@njit(cache=True)
def pairs_of(times: NDArray[np.int32], bands: NDArray[np.int32], slack: int) -> NDArray[np.int32]:
    """Return key and time of the first peak of each kept pair [shape=(n_pairs, 2)], by time.

    With a *slack* in frames, each pair is also given under the neighbouring delays, as a query asks for it.

    Examples
    --------
    >>> times, bands = np.arange(0, 400, 7, dtype=np.int32), np.arange(58, dtype=np.int32)
    >>> kept, asked = pairs_of(times, bands, 0), pairs_of(times, bands, 1)
    >>> {tuple(pair) for pair in kept.tolist()} <= {tuple(pair) for pair in asked.tolist()}
    True
    """
    found = np.empty((0, 2), np.int32)
    for filling in (False, True):
        n = 0
        for i in range(len(times)):
            for j in range(i + 1, len(times)):
                delay = times[j] - times[i]
                if delay > MAX_DELAY + slack:
                    break
                interval = bands[j] - bands[i]
                if abs(interval) > MAX_INTERVAL:
                    continue
                for near in range(max(MIN_DELAY, delay - slack), min(MAX_DELAY, delay + slack) + 1):
                    key = ((interval + MAX_INTERVAL) * (MAX_DELAY + 2) + near) * N_BANDS + bands[i]
                    if _pair_is_kept(key):
                        if filling:
                            found[n, 0], found[n, 1] = key, times[i]
                        n += 1
        if not filling:
            found = np.empty((n, 2), np.int32)
    return found


@njit(cache=True)
def quads_of(times: NDArray[np.float32], bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return key, time and band of the first peak, and span, of each kept quad [shape=(n_quads, 4)], by time.

    Times and bands are precise places. Keys below 2**24 are exact in single precision.
    """
    found = np.empty((0, 4), np.float32)
    n_peaks = len(times)
    for filling in (False, True):
        n = 0
        for i in range(n_peaks):
            for last in range(i + 3, n_peaks):
                span = times[last] - times[i]
                if span > MAX_SPAN:
                    break
                outer = bands[last] - bands[i]
                if span < MIN_SPAN or abs(outer) > MAX_QUAD_INTERVAL:
                    continue
                for j in range(i + 1, last - 1):
                    early = (times[j] - times[i]) / span
                    first = bands[j] - bands[i]
                    if early < _INNER or abs(first) > MAX_QUAD_INTERVAL:
                        continue
                    for k in range(j + 1, last):
                        late = (times[k] - times[i]) / span
                        second = bands[k] - bands[i]
                        if late > 1 - _INNER or late - early < _INNER or abs(second) > MAX_QUAD_INTERVAL:
                            continue
                        hashed = _quad_hash(
                            math.floor(first + 32), math.floor(second + 32), math.floor(outer + 32),
                            math.floor(early * _N_PLACES), math.floor(late * _N_PLACES),
                        )  # fmt: skip
                        if hashed % np.uint64(_QUADS_KEPT) != 0:
                            continue
                        if filling:
                            found[n, 0] = np.float32((hashed >> np.uint64(40)) & np.uint64(N_QUAD_KEYS - 1))
                            found[n, 1], found[n, 2], found[n, 3] = times[i], bands[i], span
                        n += 1
        if not filling:
            found = np.empty((n, 4), np.float32)
    return found


@njit(cache=True)
def _cells_near(value: float, reach: float, cells: NDArray[np.int64]) -> int:
    cells[0] = math.floor(value)
    n = 1
    if value - cells[0] < reach:
        cells[n] = cells[0] - 1
        n += 1
    if cells[0] + 1 - value < reach:
        cells[n] = cells[0] + 1
        n += 1
    return n


@njit(cache=True)
def quad_lookups(times: NDArray[np.float32], bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return key, time and band of the first peak, and span, of each quad to look up [shape=(n, 4)].

    The spans are those of the query: wider than `quads_of` keeps by the change of tempo that is allowed.
    """
    room = 4096
    found = np.empty((room, 4), np.float32)
    n, n_peaks = 0, len(times)
    one, two, three = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64)
    four, five = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(n_peaks):
        for last in range(i + 3, n_peaks):
            span = times[last] - times[i]
            if span > MAX_SPAN * _CHANGE:
                break
            outer = bands[last] - bands[i]
            if span < MIN_SPAN / _CHANGE or abs(outer) > MAX_QUAD_INTERVAL + 0.5:
                continue
            slack = _NEAR_FRAME / span
            n_three = _cells_near(outer + 32, _NEAR_BAND, three)
            for j in range(i + 1, last - 1):
                early = (times[j] - times[i]) / span
                first = bands[j] - bands[i]
                if early < _INNER - slack or abs(first) > MAX_QUAD_INTERVAL + 0.5:
                    continue
                if (
                    n + 243 * (last - j) > room
                ):  # here and not inside, where it would cost more than all the rest
                    room = 2 * room + 243 * (last - j)
                    wider = np.empty((room, 4), np.float32)
                    wider[:n] = found[:n]
                    found = wider
                n_one = _cells_near(first + 32, _NEAR_BAND, one)
                n_four = _cells_near(early * _N_PLACES, slack * _N_PLACES, four)
                for k in range(j + 1, last):
                    late = (times[k] - times[i]) / span
                    second = bands[k] - bands[i]
                    if late > 1 - _INNER + slack or late - early < _INNER - slack:
                        continue
                    if abs(second) > MAX_QUAD_INTERVAL + 0.5:
                        continue
                    n_two = _cells_near(second + 32, _NEAR_BAND, two)
                    n_five = _cells_near(late * _N_PLACES, slack * _N_PLACES, five)
                    for a in range(n_one):
                        for b in range(n_two):
                            for c in range(n_three):
                                for d in range(n_four):
                                    for e in range(n_five):
                                        hashed = _quad_hash(one[a], two[b], three[c], four[d], five[e])
                                        if hashed % np.uint64(_QUADS_KEPT) != 0:
                                            continue
                                        found[n, 0] = np.float32(
                                            (hashed >> np.uint64(40)) & np.uint64(N_QUAD_KEYS - 1)
                                        )
                                        found[n, 1], found[n, 2], found[n, 3] = times[i], bands[i], span
                                        n += 1
    return found[:n]
