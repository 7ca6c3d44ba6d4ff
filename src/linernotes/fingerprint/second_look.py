"""A second look at what is in doubt: the recording's own audio beside the query.

A catalogue keeps some twenty peaks a second of a recording. They may say "perhaps" where the whole waveform says
"yes": in noise, under other music, in a few seconds, in a very large catalogue. Where the audio of a recording can
be read, the few best alignments that chance might have made, too, are looked at again, see
`linernotes.fingerprint.waveform`. Where it cannot, the first answer stands.

The *score* is the surprise in nats at the expected place, above that at the best place elsewhere in the query: what
two pieces share all over (a drum sample on every beat, a held tone) takes itself out.

Conventions
-----------
A second look is a second chance for a false match: it has its own part of the declared false-match rate, and every
look that a query may get is counted, see `linernotes.fingerprint.decision.LOOK_CHANCE`.

Known limits
------------
Alignments with a changed pitch or tempo are not looked at: their waveform is another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from linernotes.audio.files import Audio
from linernotes.fingerprint.align import Alignment, distinct_places
from linernotes.fingerprint.candidates import Window
from linernotes.fingerprint.decision import EXACT_CHANCE
from linernotes.fingerprint.spectrum import FRAME_S, HOP_LENGTH, SAMPLE_RATE, Floats, at_search_rate
from linernotes.fingerprint.waveform import WINDOW_S, Coherence, Heard, coherence

MOST_LOOKS = 12  # for each window of the query
_MOST_IN_ALL = 60
_MOST_EXPECTED = 10.0  # chance alignments of a score
LEAST_S = 2.0  # of query, and of the recording under it
_USUAL_NATS = 3.0  # of the best place elsewhere, at least: chance reaches them
_MOST_TURN = 0.02  # of a line that may still be one of unchanged tempo


class Listen(Protocol):
    """Gives the audio of a recording, or None where it is not at hand."""

    def __call__(self, recording_id: str, start_s: float, end_s: float) -> Audio | None:
        """Return what lies between two times, at any sample rate; less where the recording ends before."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What a second look at an alignment found.

    Parameters
    ----------
    alignment : Alignment
        With the place that the waveform tells.
    score : float
        Nats at the place above those at the best place elsewhere.
    """

    alignment: Alignment
    score: float


def in_doubt(
    lines: Sequence[Alignment], windows: Sequence[Window], query_s: float, catalogue_s: float
) -> list[Alignment]:
    """Return the lines that are worth a second look, best first: at most `most_looks`.

    Parameters
    ----------
    lines : sequence of Alignment
        All that were verified, not only the best one of a recording.
    windows : sequence of Window
        Parts of the query that have no answer yet.
    query_s, catalogue_s : float
        Size of the search: what chance makes by the dozen there is not looked at.
    """
    doubtful = [
        one
        for one in distinct_places(lines)
        if EXACT_CHANCE.expected(one.score, query_s, catalogue_s) <= _MOST_EXPECTED
        and any(window.first <= sum(one.query) / 2 < window.last for window in windows)
    ]
    return doubtful[: most_looks(windows)]


def most_looks(windows: Sequence[Window]) -> int:
    """Return how many looks the parts of a query may get that have no answer yet."""
    return min(MOST_LOOKS * len(windows), _MOST_IN_ALL)


def second_looks(waveform: Floats, doubtful: Sequence[Alignment], listen: Listen) -> Iterator[Look]:
    """Give what the audio of recordings says about alignments, of those whose audio is at hand.

    Parameters
    ----------
    waveform : NDArray[np.float32] [shape=(n_samples,)]
        The whole query at 8 kHz.
    doubtful : sequence of Alignment
        What to look at.
    listen : Listen
        Gives the audio.
    """
    heard: dict[int, Heard] = {}
    for alignment in doubtful:
        if abs(alignment.ratio - 1) > _MOST_TURN:
            continue
        first = _first_sample(alignment, len(waveform))
        if first not in heard:
            heard[first] = Heard(waveform[first : first + round(WINDOW_S * SAMPLE_RATE)])
        found = _look(alignment, first, heard[first], listen)
        if found is not None:
            yield Look(_moved(alignment, found.lag_s / FRAME_S), score_of(found))


def score_of(found: Coherence) -> float:
    """Return the nats at the expected place above those of the best place elsewhere.

    Examples
    --------
    >>> score_of(Coherence(90.0, 14.0, 0.0)), score_of(Coherence(90.0, 1.0, 0.0))
    (76.0, 87.0)
    """
    return found.nats - max(found.nats_elsewhere, _USUAL_NATS)


def _look(alignment: Alignment, first: int, heard: Heard, listen: Listen) -> Coherence | None:
    n_samples = len(heard.samples)
    if n_samples < LEAST_S * SAMPLE_RATE:
        return None
    begin = first + round(_middle(alignment.reference) - _middle(alignment.query))  # in the recording
    start = max(0, begin)
    if begin + n_samples - start < LEAST_S * SAMPLE_RATE:
        return None
    audio = listen(alignment.recording_id, start / SAMPLE_RATE, (begin + n_samples) / SAMPLE_RATE)
    if audio is None or audio.duration_s < LEAST_S:
        return None
    own = at_search_rate(audio).samples[: begin + n_samples - start]
    level = np.zeros(n_samples, np.float32)
    level[start - begin : start - begin + len(own)] = own
    return coherence(heard, level)


def _first_sample(alignment: Alignment, n_samples: int) -> int:
    """Return where the part of the query begins that is looked at: ten seconds around the alignment."""
    missing = n_samples - round(WINDOW_S * SAMPLE_RATE)
    first = round(_middle(alignment.query)) - round(WINDOW_S * SAMPLE_RATE / 2)
    return max(0, min(first, missing))


def _middle(frames: tuple[float, float]) -> float:
    return (frames[0] + frames[1]) / 2 * HOP_LENGTH


def _moved(alignment: Alignment, n_frames: float) -> Alignment:
    """Return the alignment with the recording so many frames later in the query, at its own tempo and pitch."""
    half = (alignment.query[1] - alignment.query[0]) / 2
    middle = max(half, (alignment.reference[0] + alignment.reference[1]) / 2 - n_frames)
    return replace(alignment, reference=(middle - half, middle + half), ratio=1.0, shift=0.0)
