"""What is known about every semitone in every eighth of a second: the picture that lines are read from.

The transcription says what sounds and what is struck, the whitened constant-Q spectrum how loud it is, and the sum
over harmonics how much of that belongs to a fundamental. Two more layers say how strongly anything sounds above and
below a semitone, since melodies tend to lie on top and basses at the bottom; the last one is pitch itself.

Conventions
-----------
``[shape=(n_layers, n_cells, n_pitches), float32]``; cell *t* covers ``[t, t + 1) * CELL_S`` seconds, column *p* is MIDI
pitch ``LOWEST_PITCH + p`` (E1 to E7).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linernotes.versions.notes import transcription as heard
from linernotes.versions.notes.transcription import Transcription

CELL_S = 0.125
LOWEST_PITCH = 28
N_PITCHES = 73
N_LAYERS = 7

_SPECTRUM_LOWEST = 36  # C2, the lowest semitone of the constant-Q spectrum
_LOUDNESS_SCALE, _SALIENCE_SCALE = 3.0, 6.0  # bring usual values near one


def pitch_grid(
    transcription: Transcription,
    loudness: NDArray[np.float32],
    salience: NDArray[np.float32],
    spectrum_hop_s: float,
) -> NDArray[np.float32]:
    """Return the layers sounding, struck, loudness, salience, above, below, pitch.

    Parameters
    ----------
    transcription : Transcription
        What sounds when.
    loudness, salience : NDArray[np.float32] [shape=(n_frames, n_semitones)]
        Whitened spectrum and its sum over harmonics, tuned, from C2 on.
    spectrum_hop_s : float
        Seconds per frame of the two.

    Returns
    -------
    NDArray[np.float32] [shape=(7, n_cells, 73)]
        As many whole cells as the transcription and the spectrum fill, at least one.

    Examples
    --------
    >>> silence = Transcription(np.zeros((100, 88), np.float32), np.zeros((100, 88), np.float32), 0.01)
    >>> pitch_grid(silence, np.zeros((20, 72), np.float32), np.zeros((20, 72), np.float32), 0.05).shape
    (7, 8, 73)
    """
    seconds = min(len(transcription) * transcription.hop_s, len(loudness) * spectrum_hop_s)
    n_cells = max(1, int(seconds / CELL_S + 1e-6))
    layers = np.zeros((4, n_cells, N_PITCHES), np.float32)
    first = LOWEST_PITCH - heard.LOWEST_PITCH
    keys = slice(first, first + N_PITCHES)
    edges = _edges(n_cells, transcription.hop_s)
    layers[0] = _mean(transcription.sounding, edges)[:, keys]
    layers[1] = _greatest(transcription.onsets, edges)[:, keys]
    edges = _edges(n_cells, spectrum_hop_s)
    above = _SPECTRUM_LOWEST - LOWEST_PITCH
    width = min(N_PITCHES - above, loudness.shape[1])
    layers[2, :, above : above + width] = _mean(loudness, edges)[:, :width] / _LOUDNESS_SCALE
    layers[3, :, above : above + width] = _mean(salience, edges)[:, :width] / _SALIENCE_SCALE
    return complete(layers)


def complete(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add the layers above, below and pitch to the four measured ones.

    Examples
    --------
    >>> measured = np.zeros((4, 1, 73), np.float32)
    >>> measured[0, 0, 30] = 0.5
    >>> above, below = complete(measured)[4:6, 0]
    >>> float(above[29]), float(above[30]), float(below[31])
    (0.5, 0.0, 0.5)
    """
    sounding = measured[0]
    above, below = np.zeros_like(sounding), np.zeros_like(sounding)
    above[:, :-1] = np.maximum.accumulate(sounding[:, :0:-1], axis=1)[:, ::-1]
    below[:, 1:] = np.maximum.accumulate(sounding[:, :-1], axis=1)
    pitch = (np.arange(N_PITCHES) - N_PITCHES // 2) / (N_PITCHES // 2)
    others = [above, below, np.broadcast_to(pitch, sounding.shape)]
    return np.concatenate([measured, np.asarray(others, np.float32)])


def _edges(n_cells: int, hop_s: float) -> NDArray[np.int64]:
    """Return the frames that cells begin with, and one more; every cell has at least one frame."""
    return np.asarray(np.round(np.arange(n_cells + 1) * CELL_S / hop_s), np.int64)


def _mean(values: NDArray[np.float32], edges: NDArray[np.int64]) -> NDArray[np.float32]:
    starts = np.minimum(edges[:-1], len(values) - 1)
    counts = np.maximum(np.minimum(edges[1:], len(values)) - starts, 1)
    upto = values[: edges[-1]] if edges[-1] < len(values) else values
    return np.asarray(np.add.reduceat(upto, starts, axis=0) / counts[:, None], np.float32)


def _greatest(values: NDArray[np.float32], edges: NDArray[np.int64]) -> NDArray[np.float32]:
    starts = np.minimum(edges[:-1], len(values) - 1)
    return np.asarray(np.maximum.reduceat(values[: max(edges[-1], 1)], starts, axis=0), np.float32)
