"""Where could it be? A few lines worth verifying, out of all recordings and places, at the same pitch and tempo.

Each pair that query and catalogue share votes for an origin: a recording and a place in it. Cells with more
votes than their surroundings are laid over the query at each lag, and the best standing ones go on. In large
catalogues too many pairs meet in a cell by chance; there the quads that they share at the same pitch and tempo
take their place: two of these at one origin say more. Changed pitch and tempo: `linernotes.fingerprint.changed`.

Very large catalogues share more constellations with anything than can be looked at. Then the rarest keys are
looked at first, until a budget of postings is spent.

Conventions
-----------
A window is a part of the query, ``first`` to ``last`` frame. Lines count query frames from the start of the
whole query, and reference times on the segment's common axis.

References
----------
Wang (2003), ISMIR (votes for offsets).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query
from linernotes.fingerprint.spectrum import FRAME_S
from linernotes.fingerprint.verify import Evidence, Line

_MAX_CELLS = 1 << 23
_PAIR_CELL = 4  # frames
_WIDEST_PAIR_CELL = 8  # beyond, too many pairs meet in a cell by chance
_SAME_BAND, _SAME_SPAN, _QUAD_REACH = (
    1.0,
    2.0,
    4,
)  # of a quad that was not moved: quarter tones, frames, frames
_AROUND_S = 6  # seconds around a cell whose votes are the usual ones
_N_WHITENED, _N_QUICK, _LEAST_QUICK = 4000, 1000, 60  # fewer where cells are wide, and have more lags


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the query, in frames; the last is outside."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording (its position in the segment) and the line that lays it over the query."""

    recording: int
    line: Line


def windows_of(n_frames: int, length: int = 640) -> list[Window]:
    """Return overlapping windows that cover a query; a short query is one window.

    Examples
    --------
    >>> [(w.first, w.last) for w in windows_of(1500)]
    [(0, 640), (320, 960), (640, 1280), (860, 1500)]
    >>> [(w.first, w.last) for w in windows_of(700)]
    [(0, 700)]
    """
    if n_frames <= 1.25 * length:
        return [Window(0, n_frames)]
    starts = [*range(0, n_frames - length, length // 2), n_frames - length]
    return [Window(start, start + length) for start in starts]


@dataclass(frozen=True, slots=True)
class Budget:
    """How many postings are looked at per window and search, those of the rarest keys first.

    Parameters
    ----------
    pairs, quads : int > 0
        The more, the fainter the matches that are found in a large catalogue, and the longer it takes.
    """

    pairs: int
    quads: int

    def times(self, factor: float) -> Budget:
        """Return a budget so many times as large."""
        return Budget(round(self.pairs * factor), round(self.quads * factor))


def exact_candidates(
    query: Query, window: Window, evidence: Evidence, index: FingerprintIndex, n_best: int, budget: Budget
) -> list[Candidate]:
    """Return the best lines of unchanged pitch and tempo, after a look at so many postings at most."""
    cell_frames = _cell_frames(index, _PAIR_CELL)
    offered = []
    if cell_frames <= _WIDEST_PAIR_CELL:
        offered.append((_pair_origins(query, window, index, cell_frames, budget.pairs), 2 * cell_frames))
    if cell_frames > _PAIR_CELL:  # pairs are not rare enough there
        offered.append((_quad_origins(query, window, index, budget.quads), 2 * _QUAD_REACH))
    quick = [_quick(origins, n_lags, window, evidence, index) for origins, n_lags in offered]
    standing, owners, origins = (np.concatenate(columns) for columns in zip(*quick, strict=True))
    found: list[Candidate] = []
    taken: set[tuple[int, int]] = set()
    for k in np.argsort(-standing, kind="stable"):
        owner, origin = int(owners[k]), int(origins[k])
        if {(owner, origin // 8 + step) for step in (-1, 0, 1)} & taken or standing[k] <= 0:
            continue
        taken.add((owner, origin // 8))
        found.append(Candidate(owner, Line(float(origin), 1.0, 0)))
        if len(found) == n_best:
            break
    return found


def _pair_origins(
    query: Query, window: Window, index: FingerprintIndex, cell_frames: int, n_postings: int
) -> NDArray[np.int64]:
    """Return the origins whose cells get more votes of pairs than those around."""
    from linernotes.fingerprint.kernels import most_voted, standing_of_cells, vote_pairs

    times = query.pairs[:, 1]
    inside = slice(*np.searchsorted(times, [window.first, window.last]))
    keys, times = _affordable(query.pairs[inside, 0], times[inside], index.pair_starts, n_postings)
    lead = query.n_frames + cell_frames
    votes = np.zeros((index.n_frames + 2 * lead) // cell_frames + 2, np.uint32)
    vote_pairs(keys, times, index.pair_starts, index.pair_places, lead, cell_frames, votes)
    cells = most_voted(votes, _N_WHITENED)
    usual = standing_of_cells(cells, votes, math.ceil(_AROUND_S / FRAME_S / cell_frames))
    n_kept = max(_N_QUICK * _PAIR_CELL // cell_frames, _LEAST_QUICK)
    kept: NDArray[np.int64] = cells[np.argsort(-usual, kind="stable")[:n_kept]] * cell_frames - lead
    return kept


def _quad_origins(
    query: Query, window: Window, index: FingerprintIndex, n_postings: int
) -> NDArray[np.int64]:
    """Return the origins at which most quads meet unchanged."""
    from linernotes.fingerprint.quads import unmoved_quads

    keys, quads = quads_asked(query, window, index, n_postings)
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    origins = np.sort(unmoved_quads(keys, quads, *tables, _SAME_BAND, _SAME_SPAN))
    together = np.searchsorted(origins, origins + _QUAD_REACH, side="right") - np.arange(len(origins))
    best = np.argsort(-together, kind="stable")[:_N_QUICK]
    return np.asarray(origins[best] - _QUAD_REACH // 2, np.int64)


def _quick(
    origins: NDArray[np.int64], n_lags: int, window: Window, evidence: Evidence, index: FingerprintIndex
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.int64]]:
    """Return how far each origin stands out at its best lag, whose recording it is in, and that place."""
    from linernotes.fingerprint.kernels import peak_ranges, quick_standing

    table, _ = evidence.quick
    part = table[window.first : window.last]
    owners = index.owners(np.clip(origins + (window.first + window.last) // 2, 0, index.n_frames - 1))
    low = np.maximum(index.first_frames[owners], origins + window.first)
    high = np.minimum(index.first_frames[owners + 1], origins + window.last + n_lags)
    starts, stops = peak_ranges(index.peak_times, low, high)
    standing, lags = quick_standing(
        origins + window.first, starts, stops, n_lags,
        index.peak_times, index.peak_bands, part, part.mean(axis=0), part.var(axis=0),
    )  # fmt: skip
    return standing, owners, origins + lags


def quads_asked(
    query: Query, window: Window, index: FingerprintIndex, n_postings: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the keys and rows of the quads of a window that are looked up, those of the rarest keys first."""
    inside = slice(*np.searchsorted(query.quads[:, 1], [window.first, window.last]))
    asked = query.quads[inside]
    return _affordable(asked[:, 0].astype(np.int64), asked, index.quad_starts, n_postings)


def _affordable(
    keys: NDArray[Any], rows: NDArray[Any], starts: NDArray[np.uint32], n_postings: int
) -> tuple[Any, Any]:
    """Keep the look-ups with the fewest postings when all together would cost too much."""
    lengths = starts[keys + 1].astype(np.int64) - starts[keys]
    if int(lengths.sum()) > n_postings:
        order = np.argsort(lengths, kind="stable")
        n_kept = int(np.searchsorted(np.cumsum(lengths[order]), n_postings))
        kept = np.sort(order[:n_kept])
    else:
        kept = np.flatnonzero(lengths)
    return np.ascontiguousarray(keys[kept]), np.ascontiguousarray(rows[kept])


def _cell_frames(index: FingerprintIndex, least: int) -> int:
    frames = least
    while index.n_frames // frames > _MAX_CELLS:
        frames *= 2
    return frames
