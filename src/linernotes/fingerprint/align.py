"""From candidates to alignments: lines refined, verified, extended over the whole query.

Conventions
-----------
Frames of 16 ms. ``ratio`` above 1: the query is slower than the recording.

Known limits
------------
Tempo must be constant within an aligned stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.candidates import (
    Budget,
    Candidate,
    Window,
    exact_candidates,
)
from linernotes.fingerprint.changed import changed_candidates
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query
from linernotes.fingerprint.verify import Evidence, Line, Standing, refined, standing


@dataclass(frozen=True, slots=True)
class Search:
    """How lines are found and how far they are moved when they are verified.

    Parameters
    ----------
    changed : bool
        Whether pitch and tempo may have changed.
    n_candidates : int > 0
        Lines that are verified per window.
    budget : Budget
        Postings that are looked at per window, those of the rarest keys first. More than these are shared with
        catalogues above some 30 hours (pairs), or some 1,000 and 200 hours (quads, exact and changed).
    slope_reach, frame_reach, shift_reach : float, float, int
        How far a line may be turned (a part of its slope) and moved (frames, quarter tones).
    everywhere : bool
        Whether every place of the catalogue is laid over the query, in place of those that share constellations.
    """

    changed: bool
    n_candidates: int
    budget: Budget
    slope_reach: float
    frame_reach: float
    shift_reach: int
    everywhere: bool = False

    def thorough(self) -> Search:
        """Return the search that looks at ten times as many postings."""
        return replace(self, budget=self.budget.times(_THOROUGH))


_SAME_LINE = 12.0  # frames
_THOROUGH = 10
_NEARLY, _AGREES_MORE = 0.9, 0.05  # of two repetitions: nats of the best, and agreement above its own
_NATS_WEIGHT, _THIN_NATS, _THIN_PER_PEAK = 0.1, 50.0, 0.5

EXACT = Search(False, 24, Budget(pairs=1_200_000, quads=20_000_000), 0.012, 3.0, 1)
EVERYWHERE = Search(False, 24, Budget(pairs=0, quads=0), 0.012, 3.0, 1, everywhere=True)
CHANGED = Search(True, 16, Budget(pairs=0, quads=4_000_000), 0.012, 5.0, 1)


@dataclass(frozen=True, slots=True)
class Alignment:
    """A stretch of the query laid over a stretch of one recording.

    Parameters
    ----------
    recording_id : str
        Of the index.
    deviations, surplus, nats : float
        How far it stands out of the query elsewhere, and of the bands around it, and the evidence, see
        `linernotes.fingerprint.verify`.
    agreement : float
        Peaks that both sides have, as a part of the peaks that either has.
    query, reference : (float, float)
        Frames from the start of the query, and of the recording.
    ratio, shift : float
        Query time per reference time; quarter tones, query minus reference.
    n_peaks : int
        Peaks of the recording in the stretch.
    """

    recording_id: str
    deviations: float
    surplus: float
    nats: float
    agreement: float
    query: tuple[float, float]
    reference: tuple[float, float]
    ratio: float
    shift: float
    n_peaks: int

    @property
    def score(self) -> float:
        """How far the alignment stands out, and how much of it there is: deviations + surplus + nats / 10.

        Each alone misses something: music that repeats itself stands out less of what is elsewhere, however much
        of it is heard; two pieces in one busy beat gather surplus and nats without standing out. So beyond 50
        nats only the *clear* ones count, those that exceed half a nat per peak: chance gathers its nats thinly,
        over many peaks. And the surplus counts as far as deviations and clear nats bear it out. The weights are the
        best ones on development music.
        """
        clear = max(0.0, self.nats - max(_THIN_NATS, _THIN_PER_PEAK * self.n_peaks))
        borne_out = max(0.0, self.deviations) + clear
        return (
            self.deviations
            + min(max(0.0, self.surplus), borne_out)
            + _NATS_WEIGHT * (min(self.nats, _THIN_NATS) + clear)
        )


def find_alignments(
    query: Query,
    evidence: Evidence,
    segments: Sequence[FingerprintIndex],
    windows: Sequence[Window],
    search: Search,
) -> list[Alignment]:
    """Return the verified alignments of some windows of a query, best first.

    Returns
    -------
    list of Alignment
        One per recording and stretch of the query, by falling score. Chance alignments are among them:
        `linernotes.fingerprint.decision` tells.
    """
    found = verified_lines(query, evidence, segments, windows, search)
    return sorted(without_overlaps(found), key=lambda alignment: -alignment.score)


def verified_lines(
    query: Query,
    evidence: Evidence,
    segments: Sequence[FingerprintIndex],
    windows: Sequence[Window],
    search: Search,
) -> list[Alignment]:
    """Return all alignments that `find_alignments` chooses from: also several places of one recording."""
    found: list[Alignment] = []
    for index in segments:
        if not index.recordings:
            continue
        for window in windows:
            for candidate in _candidates(query, window, evidence, index, search):
                if _is_known(candidate, window, index, found):
                    continue
                alignment = _verified(candidate, window, query, evidence, index, search)
                if alignment is not None:
                    found.append(alignment)
    return found


def without_overlaps(found: Sequence[Alignment]) -> list[Alignment]:
    """Keep one of the alignments that lay one recording over the same stretch of the query.

    It is the one with most evidence. Where music repeats itself, all repetitions have much of it: among those that
    have nearly as much, it is the one that shares more of its peaks with the query, and leaves fewer of the query's own
    unexplained.
    """
    kept: list[Alignment] = []
    most: list[float] = []
    for one in sorted(found, key=lambda alignment: -alignment.nats):
        rival = next((k for k, other in enumerate(kept) if is_rival(one, other)), None)
        if rival is None:
            kept.append(one)
            most.append(one.nats)
        elif one.nats >= _NEARLY * most[rival] and one.agreement > kept[rival].agreement + _AGREES_MORE:
            kept[rival] = one
    return kept


def distinct_places(found: Sequence[Alignment]) -> list[Alignment]:
    """Return alignments by falling score, without those that lay a recording at nearly the place of a better one."""
    kept: list[Alignment] = []
    for one in sorted(found, key=lambda alignment: -alignment.score):
        if not any(
            other.recording_id == one.recording_id and abs(_offset(other) - _offset(one)) < _SAME_LINE
            for other in kept
        ):
            kept.append(one)
    return kept


def _offset(alignment: Alignment) -> float:
    return sum(alignment.reference) / 2 - sum(alignment.query) / 2


def _candidates(
    query: Query, window: Window, evidence: Evidence, index: FingerprintIndex, search: Search
) -> list[Candidate]:
    if search.everywhere:
        from linernotes.fingerprint.everywhere import places_everywhere

        return places_everywhere(window, evidence, index, search.n_candidates)
    if search.changed:
        return changed_candidates(query, window, evidence, index, search.n_candidates, search.budget)
    return exact_candidates(query, window, evidence, index, search.n_candidates, search.budget)


def _is_known(
    candidate: Candidate, window: Window, index: FingerprintIndex, found: Sequence[Alignment]
) -> bool:
    """Tell whether an alignment from an earlier window goes on through the middle of this one on this line."""
    owner = index.recordings[candidate.recording]
    middle = (window.first + window.last) / 2
    place = candidate.line.origin + middle / candidate.line.slope - owner.first_frame
    return any(
        one.recording_id == owner.recording_id
        and one.query[0] <= middle <= one.query[1]
        and abs(one.reference[0] + (middle - one.query[0]) / one.ratio - place) < _SAME_LINE
        for one in found
    )


def _verified(
    candidate: Candidate,
    window: Window,
    query: Query,
    evidence: Evidence,
    index: FingerprintIndex,
    search: Search,
) -> Alignment | None:
    owner = index.recordings[candidate.recording]
    times, bands = _peaks(index, owner.first_frame, owner.first_frame + owner.n_frames)
    part = _under(candidate.line, times, window.first, window.last)
    line = refined(
        candidate.line, times[part], bands[part], evidence,
        slope_reach=search.slope_reach, frame_reach=search.frame_reach, shift_reach=search.shift_reach,
    )  # fmt: skip
    found = standing(line, times, bands, evidence)
    if found is None:
        return None
    if found.last_frame - found.first_frame > 1.25 * (window.last - window.first):  # a longer lever
        part = _under(line, times, found.first_frame, found.last_frame + 1)
        line = refined(
            line, times[part], bands[part], evidence, slope_reach=0.003, frame_reach=2.0, shift_reach=0
        )
        found = standing(line, times, bands, evidence) or found
    return _alignment(found, line, owner.recording_id, owner.first_frame, owner.n_frames)


def _alignment(found: Standing, line: Line, recording_id: str, first_frame: int, n_frames: int) -> Alignment:
    begin, end = float(found.first_frame), float(found.last_frame + 1)
    start, stop = (line.origin + frame / line.slope - first_frame for frame in (begin, end))
    start = min(max(0.0, start), float(n_frames))
    return Alignment(
        recording_id=recording_id,
        deviations=found.deviations,
        surplus=found.surplus,
        nats=found.nats,
        agreement=found.agreement,
        query=(begin, end),
        reference=(start, min(float(n_frames), max(start, stop))),
        ratio=line.slope,
        shift=float(line.shift),
        n_peaks=found.n_peaks,
    )


def _peaks(index: FingerprintIndex, first: int, last: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    low, high = np.searchsorted(index.peak_times, np.array([first, last], np.uint32))
    return index.peak_times[low:high].astype(np.float64), index.peak_bands[low:high].astype(np.int64)


def _under(line: Line, times: NDArray[np.float64], first: int, last: int) -> slice:
    """Return the peaks that a line lays between two query frames."""
    low, high = np.searchsorted(times, [line.origin + first / line.slope, line.origin + last / line.slope])
    return slice(int(low), int(high))


def is_rival(one: Alignment, other: Alignment) -> bool:
    """Tell whether two alignments lay one recording over the same stretch of the query."""
    return one.recording_id == other.recording_id and _overlap(one, other) > 0.5


def _overlap(one: Alignment, other: Alignment) -> float:
    shared = min(one.query[1], other.query[1]) - max(one.query[0], other.query[0])
    return shared / min(one.query[1] - one.query[0], other.query[1] - other.query[0])
