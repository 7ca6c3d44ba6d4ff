"""Where could it be, at another pitch or tempo? A few lines worth verifying, out of all recordings, places and changes.

Each quad that query and catalogue share tells a whole line: a place, a change of pitch and a change of tempo. Where
many meet in a cell of place, tempo and pitch, the line that most of them agree on is one candidate. Besides, every
line that a quad tells by itself is laid over the query, quickly, and the best standing ones go on. In a few
seconds of music one quad may be all that survived of a transposition.

Very large catalogues share more quads with anything than can be laid. Then those of the most voted places are
taken, see `linernotes.fingerprint.quads.shared_quads`.

References
----------
Sonnleitner and Widmer (2016), IEEE/ACM TASLP 24 (quads tell the change of pitch and tempo of every hit). To lay each
hit by itself, in place of a least number of agreeing ones, is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.candidates import Budget, Candidate, Window, quads_asked
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query
from linernotes.fingerprint.verify import Evidence, Line

MAX_SHIFT = 8  # quarter tones: a major third up or down
MAX_LOG_RATIO = 0.25  # a quarter slower or faster

_CELL = 64  # frames
_N_CELLS = 8192  # whose pitch and tempo are told apart
_TEMPO_STEP = 0.05
_MIN_AGREED = 4  # quads that agree on a line
_N_SINGLE = 3000  # quads that are laid by themselves
_SAME_PLACE, _SAME_RATIO = 4.0, 0.01  # of two quads that tell one line: frames, a part
_NEAR = 8  # frames between two candidates


@dataclass(frozen=True)
class _Lines:
    """Many lines, see `linernotes.fingerprint.verify.Line`: one of each per line."""

    origins: NDArray[np.float64]
    slopes: NDArray[np.float64]
    shifts: NDArray[np.int64]

    def at(self, frame: float) -> NDArray[np.float64]:
        """Return where each line lays a query frame, on the segment's axis."""
        return self.origins + frame / self.slopes


def changed_candidates(
    query: Query, window: Window, evidence: Evidence, index: FingerprintIndex, n_best: int, budget: Budget
) -> list[Candidate]:
    """Return the best lines under changes of pitch and tempo, after a look at so many postings at most."""
    from linernotes.fingerprint.quads import shared_quads

    keys, quads = quads_asked(query, window, index, budget.quads)
    tables = (index.quad_starts, index.quad_places, index.quad_bands, index.quad_spans)
    middle = (window.first + window.last) / 2
    n_cells = index.n_frames // _CELL + 2
    reach = (MAX_SHIFT + 0.5, math.exp(MAX_LOG_RATIO))
    hits = shared_quads(keys, quads, *tables, *reach, middle, _CELL, n_cells, _N_CELLS)
    if len(hits) == 0:
        return []
    lines = _joined(_agreed(hits, n_best), _single(hits, middle))
    owners = index.owners(np.clip(lines.at(middle), 0, index.n_frames - 1).astype(np.int64))
    return _best_apart(lines, _standing(lines, owners, window, evidence, index), owners, middle, n_best)


def _agreed(hits: NDArray[np.float64], n_best: int) -> _Lines:
    """Return the lines that the quads of the most voted cells agree on."""
    cells = hits[:, 4].astype(np.int64)
    found = []
    for cell, log_ratio, shift in _best_changes(cells, hits[:, 3], hits[:, 2], n_best):
        own = hits[slice(*np.searchsorted(cells, [cell, cell + 2]))]
        near = (np.abs(own[:, 3] - log_ratio) < 1.5 * _TEMPO_STEP) & (np.abs(own[:, 2] - shift) < 2.5)
        line = _fitted(own[near], math.exp(log_ratio))
        if line is not None:
            found.append((line.origin, line.slope, line.shift))
    columns = np.array(found, np.float64).reshape(-1, 3)
    return _Lines(columns[:, 0], columns[:, 1], columns[:, 2].astype(np.int64))


def _single(hits: NDArray[np.float64], middle: float) -> _Lines:
    """Return the lines that quads tell by themselves, each once; of too many, those of the most voted cells."""
    if len(hits) > _N_SINGLE:
        _, place, counts = np.unique(hits[:, 4], return_inverse=True, return_counts=True)
        hits = hits[np.argsort(-counts[place], kind="stable")[:_N_SINGLE]]
    slopes = np.exp(hits[:, 3])
    lines = _Lines(hits[:, 1] - hits[:, 0] / slopes, slopes, np.rint(hits[:, 2]).astype(np.int64))
    told = np.stack([lines.at(middle) // _SAME_PLACE, hits[:, 3] // _SAME_RATIO, lines.shifts], axis=1)
    _, first = np.unique(told, axis=0, return_index=True)
    return _Lines(lines.origins[first], lines.slopes[first], lines.shifts[first])


def _joined(one: _Lines, other: _Lines) -> _Lines:
    return _Lines(
        np.concatenate([one.origins, other.origins]),
        np.concatenate([one.slopes, other.slopes]),
        np.concatenate([one.shifts, other.shifts]),
    )


def _standing(
    lines: _Lines, owners: NDArray[np.intp], window: Window, evidence: Evidence, index: FingerprintIndex
) -> NDArray[np.float32]:
    """Return how far the peaks under each line stand out of the window."""
    from linernotes.fingerprint.kernels import peak_ranges, standing_on_lines

    table, _ = evidence.quick
    part = table[window.first : window.last]
    low = np.clip(lines.at(window.first), index.first_frames[owners], index.first_frames[owners + 1])
    high = np.clip(lines.at(window.last), low, index.first_frames[owners + 1])
    starts, stops = peak_ranges(index.peak_times, low.astype(np.int64), high.astype(np.int64))
    found: NDArray[np.float32] = standing_on_lines(
        lines.origins, lines.slopes, lines.shifts, starts, stops, index.peak_times, index.peak_bands,
        window.first, part - part.mean(axis=0), part.var(axis=0),
    )  # fmt: skip
    return found


def _best_apart(
    lines: _Lines, standing: NDArray[np.float32], owners: NDArray[np.intp], middle: float, n_best: int
) -> list[Candidate]:
    """Return the lines that stand out most, one at each place."""
    places = (lines.at(middle) // _NEAR).astype(np.int64)
    found: list[Candidate] = []
    taken: set[tuple[int, int]] = set()
    for k in np.argsort(-standing, kind="stable"):
        owner, place = int(owners[k]), int(places[k])
        if len(found) == n_best or standing[k] <= 0:
            break
        if {(owner, place + step) for step in (-1, 0, 1)} & taken:
            continue
        taken.add((owner, place))
        found.append(
            Candidate(owner, Line(float(lines.origins[k]), float(lines.slopes[k]), int(lines.shifts[k])))
        )
    return found


def _best_changes(
    hit_cells: NDArray[np.int64], log_ratios: NDArray[np.float64], shifts: NDArray[np.float64], n_best: int
) -> list[tuple[int, float, float]]:
    """Return cell, logarithm of the ratio and shift of the strongest changes, one per cell and its neighbours.

    The hits are sorted by cell. Hits are counted per cell of place, tempo and pitch (a semitone); each counts
    with its neighbours, since a true change may lie on a border.
    """
    cells, rank, counts = np.unique(hit_cells, return_inverse=True, return_counts=True)
    if len(cells) > _N_CELLS:
        kept = np.sort(np.argsort(-counts, kind="stable")[:_N_CELLS])
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
        if top[k] < _MIN_AGREED or len(found) == n_best:
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
    if len(hits) < _MIN_AGREED:
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
        if int(near.sum()) < _MIN_AGREED:
            return None
        spread = places[near] - places[near].mean()
        if float((spread**2).sum()) > 60.0**2:  # enough lever to tell a slope
            slope = float((spread * frames[near]).sum() / (spread**2).sum())
        level = float((frames[near] - slope * (places[near] - centre)).mean())
        near = np.abs(frames - level - slope * (places - centre)) <= 4.0
    if abs(math.log(max(slope, 1e-3) / ratio)) > 0.1 or not near.any():
        return None
    return Line(centre - level / slope, slope, round(float(np.median(hits[near, 2]))))
