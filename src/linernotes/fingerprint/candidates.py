"""Where could it be? A few lines worth verifying, out of all recordings, places, pitches and tempi.

*Exact search.* Each pair that query and catalogue share votes for an origin: a recording and a place in it.
Cells with more votes than their surroundings are laid over the query at each lag, and the best standing ones
go on. In large catalogues too many pairs meet in a cell by chance; there the quads that they share at the
same pitch and tempo take their place: two of these at one origin say more.

*Changed search.* Each quad they share votes for a place, and where many meet, for a change of pitch and of
tempo, which the quad itself tells. The hits of the best cells are fitted with a line.

Very large catalogues share more constellations with anything than can be looked at. Then the rarest keys are
looked at first, until a budget of postings is spent.

Conventions
-----------
A window is a part of the query, ``first`` to ``last`` frame. Lines count query frames from the start of the
whole query, and reference times on the segment's common axis.

References
----------
Wang (2003), ISMIR (votes for offsets); Sonnleitner and Widmer (2016), IEEE/ACM TASLP 24 (quads tell the change
of pitch and tempo of every hit).
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

MAX_SHIFT = 8  # quarter tones: a major third up or down
MAX_LOG_RATIO = 0.25  # a quarter slower or faster

_MAX_CELLS = 1 << 23
_PAIR_CELL, _QUAD_CELL = 4, 64  # frames
_WIDEST_PAIR_CELL = 8  # beyond, too many pairs meet in a cell by chance
_SAME_BAND, _SAME_SPAN, _QUAD_REACH = (
    1.0,
    2.0,
    4,
)  # of a quad that was not moved: quarter tones, frames, frames
_AROUND_S = 6  # seconds around a cell whose votes are the usual ones
_N_WHITENED, _N_QUICK, _LEAST_QUICK = 4000, 1000, 60  # fewer where cells are wide, and have more lags
_N_CHOSEN = 8192  # cells whose pitch and tempo are told apart
_TEMPO_STEP = 0.05
_MIN_HITS = 4


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
    from linernotes.fingerprint.kernels import unmoved_quads

    keys, quads = _quads_asked(query, window, index, n_postings)
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    origins = np.sort(unmoved_quads(keys, quads, *tables, _SAME_BAND, _SAME_SPAN))
    together = np.searchsorted(origins, origins + _QUAD_REACH, side="right") - np.arange(len(origins))
    best = np.argsort(-together, kind="stable")[:_N_QUICK]
    return np.asarray(origins[best] - _QUAD_REACH // 2, np.int64)


def _quick(
    origins: NDArray[np.int64], n_lags: int, window: Window, evidence: Evidence, index: FingerprintIndex
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.int64]]:
    """Return how far each origin stands out at its best lag, whose recording it is in, and that place."""
    from linernotes.fingerprint.kernels import quick_standing

    table, _ = evidence.quick
    part = table[window.first : window.last]
    owners = index.owners(np.clip(origins + (window.first + window.last) // 2, 0, index.n_frames - 1))
    starts, stops = _peak_ranges(index, owners, origins + window.first, n_lags + len(part))
    standing, lags = quick_standing(
        origins + window.first, starts, stops, n_lags,
        index.peak_times, index.peak_bands, part, part.mean(axis=0), part.var(axis=0),
    )  # fmt: skip
    return standing, owners, origins + lags


def _quads_asked(
    query: Query, window: Window, index: FingerprintIndex, n_postings: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    inside = slice(*np.searchsorted(query.quads[:, 1], [window.first, window.last]))
    asked = query.quads[inside]
    return _affordable(asked[:, 0].astype(np.int64), asked, index.quad_starts, n_postings)


def changed_candidates(
    query: Query, window: Window, index: FingerprintIndex, n_best: int, budget: Budget
) -> list[Candidate]:
    """Return the best lines under changes of pitch and tempo, after a look at so many postings at most."""
    from linernotes.fingerprint.kernels import shared_quads

    keys, quads = _quads_asked(query, window, index, budget.quads)
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    middle = (window.first + window.last) / 2
    n_cells = index.n_frames // _QUAD_CELL + 2
    reach = (MAX_SHIFT + 0.5, math.exp(MAX_LOG_RATIO))
    hits = shared_quads(keys, quads, *tables, *reach, middle, _QUAD_CELL, n_cells, _N_CHOSEN)
    if len(hits) < _MIN_HITS:
        return []
    hits = hits[np.argsort(hits[:, 4], kind="stable")]
    cells = hits[:, 4].astype(np.int64)
    found = []
    for cell, log_ratio, shift in _best_changes(cells, hits[:, 3], hits[:, 2], n_best):
        own = hits[slice(*np.searchsorted(cells, [cell, cell + 2]))]
        near = (np.abs(own[:, 3] - log_ratio) < 1.5 * _TEMPO_STEP) & (np.abs(own[:, 2] - shift) < 2.5)
        line = _fitted(own[near], math.exp(log_ratio))
        if line is not None:
            at = np.clip(line.origin + middle / line.slope, 0, index.n_frames - 1)
            found.append(Candidate(int(index.owners(np.array([at]))[0]), line))
    return found


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


def _peak_ranges(
    index: FingerprintIndex, owners: NDArray[np.intp], first_frames: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    low = np.maximum(index.first_frames[owners], first_frames)
    high = np.minimum(index.first_frames[owners + 1], first_frames + length)
    return (
        np.searchsorted(index.peak_times, low.astype(np.uint32)).astype(np.int64),
        np.searchsorted(index.peak_times, np.maximum(high, 0).astype(np.uint32)).astype(np.int64),
    )


def _best_changes(
    hit_cells: NDArray[np.int64], log_ratios: NDArray[np.float64], shifts: NDArray[np.float64], n_best: int
) -> list[tuple[int, float, float]]:
    """Return cell, logarithm of the ratio and shift of the strongest changes, one per cell and its neighbours.

    The hits are sorted by cell. Hits are counted per cell of place, tempo and pitch (a semitone); each counts
    with its neighbours, since a true change may lie on a border.
    """
    cells, rank, counts = np.unique(hit_cells, return_inverse=True, return_counts=True)
    if len(cells) > _N_CHOSEN:
        kept = np.sort(np.argsort(-counts, kind="stable")[:_N_CHOSEN])
        place = np.full(len(cells), -1)
        place[kept] = np.arange(len(kept))
        inside = place[rank] >= 0
        cells, rank = cells[kept], place[rank][inside]
        log_ratios, shifts = log_ratios[inside], shifts[inside]
    n_tempi, n_pitches = math.ceil(2 * MAX_LOG_RATIO / _TEMPO_STEP) + 1, MAX_SHIFT + 2
    tempo = ((log_ratios + MAX_LOG_RATIO) / _TEMPO_STEP).astype(np.int64)
    pitch = ((shifts + MAX_SHIFT + 0.5) // 2).astype(np.int64)
    size = len(cells) * n_tempi * n_pitches
    changes = np.bincount((rank * n_tempi + tempo) * n_pitches + pitch, minlength=size)
    changes = changes.reshape(len(cells), n_tempi, n_pitches)
    votes = changes.copy()
    adjacent = np.flatnonzero(np.diff(cells) == 1)
    votes[adjacent] += changes[adjacent + 1]
    votes = votes[:, :-1] + votes[:, 1:]
    votes = votes[:, :, :-1] + votes[:, :, 1:]
    flat = votes.reshape(len(cells), -1)
    top, best = flat.max(axis=1), flat.argmax(axis=1)
    found: list[tuple[int, float, float]] = []
    taken: set[int] = set()
    for k in np.argsort(-top, kind="stable"):
        cell = int(cells[k])
        if top[k] < _MIN_HITS or len(found) == n_best:
            break
        if taken & {cell - 1, cell, cell + 1}:
            continue
        taken.add(cell)
        tempo_cell, pitch_cell = divmod(int(best[k]), votes.shape[2])
        found.append(
            (cell, -MAX_LOG_RATIO + (tempo_cell + 1) * _TEMPO_STEP, 2.0 * pitch_cell + 1.5 - MAX_SHIFT)
        )
    return found


def _fitted(hits: NDArray[np.float64], ratio: float) -> Line | None:
    """Return the line with most hits near it: a grid of slopes first, least squares after."""
    if len(hits) < _MIN_HITS:
        return None
    frames, places = hits[:, 0], hits[:, 1]
    centre = float(places.mean())
    best: tuple[int, float, float] = (0, 0.0, ratio)
    for slope in ratio * np.exp(np.linspace(-0.07, 0.07, 29)):
        rest = np.sort(frames - slope * (places - centre))
        counts = np.searchsorted(rest, rest + 5.0, side="right") - np.arange(len(rest))
        top = int(counts.argmax())
        if counts[top] > best[0]:
            best = (int(counts[top]), float(rest[top]) + 2.5, float(slope))
    _, level, slope = best
    near = np.abs(frames - level - slope * (places - centre)) <= 4.0
    for _ in range(2):
        if int(near.sum()) < _MIN_HITS:
            return None
        spread = places[near] - places[near].mean()
        if float((spread**2).sum()) > 60.0**2:  # enough lever to tell a slope
            slope = float((spread * frames[near]).sum() / (spread**2).sum())
        level = float((frames[near] - slope * (places[near] - centre)).mean())
        near = np.abs(frames - level - slope * (places - centre)) <= 4.0
    if abs(math.log(max(slope, 1e-3) / ratio)) > 0.1 or not near.any():
        return None
    return Line(centre - level / slope, slope, round(float(np.median(hits[near, 2]))))
