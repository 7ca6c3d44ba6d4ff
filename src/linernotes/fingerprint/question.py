"""One query against one catalogue: each way of looking, and what passes the declared false-match rate.

The order in which the ways are tried is that of `linernotes.fingerprint.match`.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from linernotes.fingerprint.align import (
    Alignment,
    Search,
    distinct_places,
    is_rival,
    verified_lines,
    without_overlaps,
)
from linernotes.fingerprint.candidates import Window
from linernotes.fingerprint.decision import (
    CHANGED_CHANCE,
    EXACT_CHANCE,
    LOOK_CHANCE,
    query_false_match_rate,
)
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query
from linernotes.fingerprint.repetitions import most_alike
from linernotes.fingerprint.second_look import MOST_LOOKS, Listen, in_doubt, most_looks, second_looks
from linernotes.fingerprint.verify import Evidence

_EVERYWHERE_S = 6 * 3600.0  # of catalogue that is laid everywhere: some 90 CPU ms
_REPEATED = 0.7  # of the nats: a place of the same recording that may be the right repetition
_AGREED = 0.6  # of the peaks of both sides: the repetition is told by these
BENT = 0.01  # of an exact line: nearly as far as it may be turned
_CLEAR_NATS = 0.8  # per peak; drums that stayed while the notes were transposed give less


class SearchedCatalogue(Protocol):
    """What can be searched: segments, and the recordings in them that are no longer there."""

    @property
    def segments(self) -> tuple[FingerprintIndex, ...]:
        """The parts, searched one by one."""
        ...

    @property
    def removed(self) -> AbstractSet[str]:
        """Recordings that are not answered."""
        ...


@dataclass(frozen=True, slots=True)
class Decided:
    """An alignment that passes, at which rate, and what a second look said, if one decided or placed it.

    Parameters
    ----------
    alignment : Alignment
        What passes.
    rate : float in [0, 1]
        Its false-match rate.
    nats : float, optional
        Of a second look at the waveform.
    alikeness : float, optional
        Of the spectra, where these told which repetition was heard.
    """

    alignment: Alignment
    rate: float
    nats: float | None = None
    alikeness: float | None = None


@dataclass(frozen=True)
class Question:
    """One query against one catalogue."""

    query: Query
    catalogue: SearchedCatalogue
    size_s: float
    limit: float
    thorough: bool

    @cached_property
    def evidence(self) -> Evidence:
        """What every place of the query says."""
        return Evidence.of(self.query.spectrum)

    @property
    def is_small(self) -> bool:
        """Whether every place of the catalogue can be laid over the query in a blink."""
        most_s = _EVERYWHERE_S * (10 if self.thorough else 1)
        return sum(index.duration_s for index in self.catalogue.segments) <= most_s

    def passing(self, search: Search, windows: list[Window]) -> tuple[list[Decided], list[Alignment]]:
        """Return what a search finds at the limit, and all lines that it verified."""
        search = search.thorough() if self.thorough else search
        chance = CHANGED_CHANCE if search.changed else EXACT_CHANCE
        lines = verified_lines(self.query, self.evidence, self.catalogue.segments, windows, search)
        lines = [one for one in lines if one.recording_id not in self.catalogue.removed]
        rated = [
            Decided(one, query_false_match_rate(one.score, self.query.duration_s, self.size_s, chance))
            for one in without_overlaps(lines)
        ]
        return [one for one in rated if one.rate <= self.limit], lines

    def placed(self, found: Decided, lines: list[Alignment], listen: Listen) -> Decided:
        """Return an exact match at the repetition whose waveform is in the query, if there are several."""
        places = _repetitions(found.alignment, lines)
        if found.alignment.agreement >= _AGREED or len(places) < 2:
            return found
        best = max(
            second_looks(self.query.waveform, places, listen), key=lambda look: look.score, default=None
        )
        if best is None or LOOK_CHANCE.false_match_rate(best.score, MOST_LOOKS) > self.limit:
            return found
        return replace(found, alignment=best.alignment, nats=best.score)

    def placed_changed(self, found: Decided, lines: list[Alignment], listen: Listen) -> Decided:
        """Return a changed match at the repetition whose spectrum is most alike, if there are several."""
        places = _repetitions(found.alignment, lines)
        best = most_alike(self.query.spectrum, found.alignment, places, listen) if len(places) > 1 else None
        return found if best is None else replace(found, alignment=best[0], alikeness=best[1])

    def heard(
        self, lines: list[Alignment], windows: list[Window], listen: Listen, n_catalogues: int
    ) -> list[Decided]:
        """Return what second looks decide among the lines that lie in some windows."""
        n_looks = most_looks(windows) * n_catalogues
        doubtful = in_doubt(lines, windows, self.query.duration_s, self.size_s)
        looks = sorted(second_looks(self.query.waveform, doubtful, listen), key=lambda look: -look.score)
        found: list[Decided] = []
        for look in looks:
            rate = LOOK_CHANCE.false_match_rate(look.score, n_looks)
            if rate <= self.limit and not any(is_rival(look.alignment, one.alignment) for one in found):
                found.append(Decided(look.alignment, rate, look.score))
        return found


def _repetitions(known: Alignment, lines: Sequence[Alignment]) -> list[Alignment]:
    """Return the places of its recording that fit an alignment's stretch of the query nearly as well, itself among them."""
    rivals = [one for one in lines if is_rival(one, known) and one.nats >= _REPEATED * known.nats]
    return distinct_places(rivals)[:MOST_LOOKS]


def is_clear(alignment: Alignment) -> bool:
    """Tell whether an exact alignment is so strong that nothing else need be looked for under it.

    One that had to be bent or moved as far as it may be is not: another repetition of a stretched or transposed recording
    lies there well enough, but not as well as the right one under the right change.
    """
    straight = alignment.shift == 0 and abs(alignment.ratio - 1) < BENT
    return straight and alignment.nats >= _CLEAR_NATS * alignment.n_peaks


def open_windows(windows: Sequence[Window], alignments: Sequence[Alignment], covered: float) -> list[Window]:
    """Return the windows of which no alignment covers that part."""
    return [window for window in windows if _covered(window, alignments) < covered]


def _covered(window: Window, alignments: Sequence[Alignment]) -> float:
    """Return which part of a window the best covering alignment takes."""
    shares = [
        min(window.last, alignment.query[1]) - max(window.first, alignment.query[0])
        for alignment in alignments
    ]
    return max(0.0, *shares, 0.0) / (window.last - window.first)
