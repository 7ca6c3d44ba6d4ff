"""Every place of a catalogue, laid over the query: for what too few constellations vote for.

Under noise or other music the votes of pairs can be too few for the true place to be among the most voted, though the
peaks of the recording still stand out of the query there. Where the quicker searches find nothing, the evidence
of the query is summed under the peaks of each recording at every frame, sixteen lags at a time, which lie side by
side in memory.

Conventions
-----------
Lines count query frames from the start of the whole query, and reference times on the segment's common axis, as in
`linernotes.fingerprint.candidates`. Same pitch and tempo.

Cost
----
15 CPU ms for an hour of catalogue and a query of ten seconds. It is linear in both: of use up to some hours.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from linernotes.fingerprint.candidates import Candidate, Window
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.verify import Evidence, Line

Floats = NDArray[np.float32]

LAGS = 16  # frames between two places; those between are laid together
_SPARE = 16  # candidates that are sorted for each one wanted: neighbours of better ones are left out


def places_everywhere(
    window: Window, evidence: Evidence, index: FingerprintIndex, n_best: int
) -> list[Candidate]:
    """Return the lines of unchanged pitch and tempo along which peaks stand out most, of all there are.

    Parameters
    ----------
    window : Window
        The part of the query that is laid.
    evidence : Evidence
        Of the query.
    index : FingerprintIndex
        What is searched.
    n_best : int > 0
        Lines wanted.
    """
    table, _ = evidence.quick
    part = table[window.first : window.last]
    standing, owners, places = lay_everywhere(
        index.first_frames,
        index.peak_times,
        index.peak_bands,
        reversed_rows(part),
        part.var(axis=0),
        len(part),
    )
    n_sorted = min(len(standing), n_best * _SPARE)
    top = np.argpartition(-standing, n_sorted - 1)[:n_sorted] if n_sorted else np.zeros(0, np.intp)
    found: list[Candidate] = []
    taken: set[tuple[int, int]] = set()
    for k in top[np.lexsort((places[top], -standing[top]))]:
        owner, cell = int(owners[k]), int(places[k]) // LAGS
        if {(owner, cell + step) for step in (-1, 0, 1)} & taken or standing[k] <= 0:
            continue
        taken.add((owner, cell))
        found.append(Candidate(owner, Line(float(places[k] - window.first), 1.0, 0)))
        if len(found) == n_best:
            break
    return found


def reversed_rows(part: Floats) -> Floats:
    """Return what each frame says above the mean of its band, by band, the last frame first.

    The lags of one peak then follow one another in memory. Places outside the window say nothing: there are
    `LAGS` of them on either side.
    """
    n_frames, n_bands = part.shape
    rows = np.zeros((n_bands, n_frames + 2 * LAGS), np.float32)
    rows[:, LAGS : LAGS + n_frames] = (part - part.mean(axis=0)).T[:, ::-1]
    return rows


@njit(cache=True, fastmath=True)
def lay_everywhere(
    first_frames: NDArray[np.int64],
    peak_times: NDArray[np.uint32],
    peak_bands: NDArray[np.uint8],
    rows: Floats,
    variances: Floats,
    n_frames: int,
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    """Return for each place how far it stands out at its best lag, its recording, and where the window begins there.

    A recording is laid from where half of the window lies before it to where half of it lies behind.
    """
    n_places = 0
    for r in range(len(first_frames) - 1):
        n_places += (first_frames[r + 1] - first_frames[r]) // LAGS + 1
    standing = np.zeros(n_places, np.float32)
    owners = np.zeros(n_places, np.int32)
    places = np.zeros(n_places, np.int64)
    total = np.zeros(LAGS, np.float32)
    flat, width = rows.reshape(-1), rows.shape[1]
    k, low, high = 0, 0, 0
    for r in range(len(first_frames) - 1):
        low = high
        while high < len(peak_times) and np.int64(peak_times[high]) < first_frames[r + 1]:
            high += 1
        begin, end = low, low
        for step in range((first_frames[r + 1] - first_frames[r]) // LAGS + 1):
            origin = first_frames[r] - n_frames // 2 + step * LAGS
            while begin < high and np.int64(peak_times[begin]) < origin:
                begin += 1
            while end < high and np.int64(peak_times[end]) < origin + n_frames + LAGS:
                end += 1
            total[:] = 0
            spread = np.float32(1e-6)
            last = origin + n_frames - 1 + LAGS  # of a peak at frame f of the window: n_frames - 1 - f + LAGS
            for p in range(begin, end):
                band = np.int64(peak_bands[p])
                at = band * width + last - np.int64(peak_times[p])
                row = flat[at : at + LAGS]
                for lag in range(LAGS):
                    total[lag] += row[lag]
                spread += variances[band]
            best = 0
            for lag in range(1, LAGS):
                if total[lag] > total[best]:
                    best = lag
            standing[k] = total[best] / np.sqrt(spread)
            owners[k], places[k] = r, origin + best
            k += 1
    return standing, owners, places
