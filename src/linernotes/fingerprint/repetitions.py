"""Which of several repetitions was heard, where pitch or tempo were changed.

Music repeats itself, and a few peaks a second fit several places of one recording nearly as well. A stretched or
transposed waveform is another one (see `linernotes.fingerprint.waveform` for the unchanged one), but its spectrum is
still the recording's, laid along the line: other words, another fill, the tail of a chord tell the places apart.

Conventions
-----------
*Alikeness* is the correlation of the two centred spectra under the line, of all that lies within the query, at the
best of a few frames around. 1: the same.

Known limits
------------
It is compared between places of one recording, never with a limit: it decides where, not whether. Repetitions that are
the same samples have the same alikeness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.align import Alignment
from linernotes.fingerprint.second_look import LEAST_S, Listen
from linernotes.fingerprint.spectrum import AROUND_FRAMES, FRAME_S, N_BANDS, Floats, centred_spectrum

_MARGIN_S = AROUND_FRAMES * FRAME_S / 2  # what the mean of a band is taken over, on either side
_REACH = 4  # frames by which a line may be off
_LEAST_FRAMES = math.ceil(LEAST_S / FRAME_S)


def most_alike(
    spectrum: Floats, known: Alignment, places: Sequence[Alignment], listen: Listen
) -> tuple[Alignment, float] | None:
    """Return the place whose audio is most alike to the query under its line, and how alike it is.

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, N_BANDS)]
        The centred spectrum of the query.
    known : Alignment
        Says which stretch of the query is compared.
    places : sequence of Alignment
        Lines that lay a recording over it.
    listen : Listen
        Gives the audio.

    Returns
    -------
    (Alignment, float) or None
        None when the audio of no place is at hand, or the stretch is below two seconds.
    """
    first, last = (round(frame) for frame in known.query)
    told = [(_alikeness(spectrum, first, last, place, listen), place) for place in places]
    heard = [(value, place) for value, place in told if value is not None]
    if not heard:
        return None
    value, place = max(heard, key=lambda one: one[0])
    return place, value


def _alikeness(spectrum: Floats, first: int, last: int, place: Alignment, listen: Listen) -> float | None:
    origin = (
        place.reference[0] - place.query[0] / place.ratio
    )  # in the recording, where query frame 0 is laid
    start_s = max(0.0, (origin + first / place.ratio) * FRAME_S - _MARGIN_S)
    end_s = (origin + last / place.ratio) * FRAME_S + _MARGIN_S
    if last - first < _LEAST_FRAMES or end_s <= start_s:
        return None
    audio = listen(place.recording_id, start_s, end_s)
    if audio is None or audio.duration_s < LEAST_S:
        return None
    own = centred_spectrum(audio)
    shift = round(place.shift)
    heard = spectrum[:, max(0, shift) : N_BANDS + min(0, shift)]
    laid = own[:, max(0, -shift) : N_BANDS - max(0, shift)]
    times = origin - start_s / FRAME_S + np.arange(first - _REACH, last + _REACH) / place.ratio
    moved = _between(laid, times)
    values = [
        _correlation(heard[first:last], moved[_REACH + lag : _REACH + lag + last - first])
        for lag in range(-_REACH, _REACH + 1)
    ]
    return max(values)


def _between(spectrum: Floats, times: NDArray[np.float64]) -> Floats:
    """Return a spectrum at times between its frames; beyond its ends it is zero."""
    low = np.floor(times).astype(np.int64)
    part = (times - low).astype(np.float32)[:, None]
    inside = (low >= 0) & (low < len(spectrum) - 1)
    low = np.clip(low, 0, max(0, len(spectrum) - 2))
    found: Floats = (1 - part) * spectrum[low] + part * spectrum[low + 1]
    found[~inside] = 0
    return found


def _correlation(one: Floats, other: Floats) -> float:
    size = math.sqrt(float((one * one).sum()) * float((other * other).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0
