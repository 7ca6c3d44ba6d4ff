"""Peaks of the centred spectrum: the moments and tones that a recording is known by.

Conventions
-----------
Times are frames of 16 ms, tones are quarter-tone bands. Precise places lie between the frames and bands:
the top of a parabola through a peak and its two neighbours.

Known limits
------------
Sustained sound without attacks gives few peaks; white noise gives peaks that do not repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from linernotes.fingerprint.spectrum import FRAME_S, Floats

Ints = NDArray[np.int32]

_HALF_SECOND = round(0.5 / FRAME_S)


@dataclass(frozen=True, slots=True)
class Density:
    """How many peaks to keep.

    Parameters
    ----------
    peaks_per_second : float > 0
        Peaks kept in each stretch of about one second, the highest first.
    neighbourhood : (int, int)
        Frames and bands (odd) in which a peak must be the largest.
    """

    peaks_per_second: float
    neighbourhood: tuple[int, int]


KEPT = Density(25.0, (9, 5))  # what a catalogue keeps of a recording, to verify a candidate
REFERENCE = Density(18.0, (9, 5))  # of these, what its constellations are made of
SPARSE = Density(26.0, (9, 5))  # of a query, where pitch and tempo may have moved
DENSE = Density(60.0, (5, 3))  # of a query under noise or other music: its own cost is small


def find_peaks(spectrum: Floats, density: Density) -> tuple[Ints, Ints]:
    """Return the frames and bands of the highest peaks, by time.

    Examples
    --------
    >>> spectrum = np.zeros((20, 96), np.float32)
    >>> spectrum[5, 30], spectrum[12, 40] = 2.0, 3.0
    >>> times, bands = find_peaks(spectrum, REFERENCE)
    >>> times.tolist(), bands.tolist()
    ([5, 12], [30, 40])
    """
    highest = maximum_filter(spectrum, size=density.neighbourhood, mode="nearest")
    times, bands = np.nonzero((spectrum == highest) & (spectrum > 0))
    kept = _highest(times, spectrum[times, bands], density.peaks_per_second)
    return times[kept].astype(np.int32), bands[kept].astype(np.int32)


def precise_places(spectrum: Floats, times: Ints, bands: Ints) -> tuple[Floats, Floats]:
    """Return where the tops of peaks lie between frames and bands.

    Examples
    --------
    >>> spectrum = np.zeros((9, 96), np.float32)
    >>> spectrum[4, 29:32] = 1.0, 2.0, 1.5
    >>> times, bands = precise_places(spectrum, np.array([4], np.int32), np.array([30], np.int32))
    >>> times.tolist(), bands.astype(float).round(2).tolist()
    ([4.0], [30.17])
    """
    last_frame, last_band = spectrum.shape[0] - 1, spectrum.shape[1] - 1
    here = spectrum[times, bands]
    earlier, later = (
        spectrum[np.maximum(times - 1, 0), bands],
        spectrum[np.minimum(times + 1, last_frame), bands],
    )
    lower, upper = (
        spectrum[times, np.maximum(bands - 1, 0)],
        spectrum[times, np.minimum(bands + 1, last_band)],
    )
    return (
        (times + _top(earlier, here, later)).astype(np.float32),
        (bands + _top(lower, here, upper)).astype(np.float32),
    )


def _top(before: Floats, here: Floats, after: Floats) -> Floats:
    bend = before - 2 * here + after
    offset = np.where(bend < -1e-6, 0.5 * (before - after) / np.minimum(bend, -1e-6), 0.0)
    clipped: Floats = np.clip(offset, -0.5, 0.5)
    return clipped


def _highest(times: NDArray[np.intp], heights: Floats, per_second: float) -> NDArray[np.intp]:
    """Keep a peak when too few in the second around it are higher: no grid that a cut could shift."""
    n_better = np.zeros(len(times), np.int32)
    for step in range(1, len(times)):
        near = times[step:] - times[:-step] <= _HALF_SECOND
        if not near.any():
            break
        later_wins = heights[step:] > heights[:-step]
        n_better[:-step] += near & later_wins
        n_better[step:] += near & ~later_wins
    return np.flatnonzero(n_better < per_second)
