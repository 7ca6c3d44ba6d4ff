"""How strongly each pitch sounds as a fundamental, and the line of greatest salience, without any learning.

Salience of a fundamental is the weighted sum of its harmonics (Klapuri; Salamon and Gómez); a line is the Viterbi path
that pays for leaps.

Conventions
-----------
Arrays are ``[shape=(n_frames, n_bins), float32]``, bins as in `linernotes.audio.chroma`.

References
----------
Klapuri (2006), "Multiple fundamental frequency estimation by summing harmonic amplitudes", ISMIR.
Salamon, Gómez (2012), "Melody extraction from polyphonic music signals using pitch contour characteristics",
IEEE TASLP 20(6).

Known limits
------------
The line is the loudest plausible one: in dense mixes it may follow an accompaniment figure. The melody of
`linernotes.versions.notes.lines` does so less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import BINS_PER_OCTAVE, PITCH_CLASSES


@dataclass(frozen=True, slots=True)
class SalienceConfig:
    """Settings of `salience` and of the register and smoothness of its line.

    Parameters
    ----------
    n_harmonics : int
        Harmonics summed for the salience of a fundamental.
    harmonic_decay : float in (0, 1]
        Weight of harmonic *h* is ``harmonic_decay ** (h - 1)``.
    melody_lowest_hz, melody_highest_hz : float
        Register of the predominant line.
    leap_cost : float
        Salience paid per semitone of movement of the line, up to an octave.
    """

    n_harmonics: int = 5
    harmonic_decay: float = 0.75
    melody_lowest_hz: float = 150.0
    melody_highest_hz: float = 1400.0
    leap_cost: float = 0.12


def salience(spectrum: NDArray[np.float32], config: SalienceConfig = SalienceConfig()) -> NDArray[np.float32]:
    """Return how strongly each bin sounds as a fundamental: the weighted sum of its harmonics.

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, n_bins)]
        Whitened constant-Q spectrum, 36 bins per octave.
    config : SalienceConfig, optional
        Number and weights of harmonics.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, n_bins)]
        Salience >= 0; harmonics above the last bin count as silent.

    References
    ----------
    Klapuri (2006).
    """
    total = np.zeros_like(spectrum)
    n_bins = spectrum.shape[1]
    for harmonic in range(1, config.n_harmonics + 1):
        shift = round(BINS_PER_OCTAVE * np.log2(harmonic))
        total[:, : n_bins - shift] += config.harmonic_decay ** (harmonic - 1) * spectrum[:, shift:]
    return total


def predominant_line(strength: NDArray[np.float32], leap_cost: float) -> NDArray[np.int64]:
    """Return the path of greatest salience less the cost of its leaps (Viterbi).

    Parameters
    ----------
    strength : NDArray[np.float32] [shape=(n_frames, n_states)]
        Salience per frame and semitone.
    leap_cost : float
        Paid per semitone moved, at most an octave's worth.

    Returns
    -------
    NDArray[np.int64] [shape=(n_frames,)]
        State per frame.

    Examples
    --------
    >>> strength = np.array([[1, 0, 0], [0.9, 0, 1], [1, 0, 0]], np.float32)
    >>> predominant_line(strength, leap_cost=0.2).tolist()
    [0, 0, 0]
    """
    n_frames, n_states = strength.shape
    states = np.arange(n_states)
    cost = leap_cost * np.minimum(np.abs(states[:, None] - states[None, :]), PITCH_CLASSES).astype(np.float32)
    best = strength[0].copy()
    previous = np.zeros((n_frames, n_states), np.int64)
    for frame in range(1, n_frames):
        through = best[:, None] - cost
        previous[frame] = through.argmax(axis=0)
        best = through[previous[frame], states] + strength[frame]
    path = np.zeros(n_frames, np.int64)
    path[-1] = int(best.argmax())
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = previous[frame, path[frame]]
    return path
