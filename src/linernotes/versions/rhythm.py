"""Rhythm of a recording: when what begins, less what repeats.

Onset strength stands in cells of a sixteenth of a second, in eight layers: spectral flux in six bands, onsets of all
notes, onsets of melody notes. Phase is kept: that two recordings begin their notes at the same moments for half a minute
says far more than that both have eighths at one tempo.

Most of what two strangers at one tempo share is repetition: the beat, the drum loop, the figure of the accompaniment. So
each recording is *prewhitened* before it is compared: what a linear prediction from up to six seconds before and after
(nearer than a quarter of a second aside) knows about a cell is subtracted. A loop predicts itself and vanishes, what a
tune or a player does once remains. Residuals of unrelated recordings are uncorrelated even when both keep time.

Conventions
-----------
Cell *k* is centred at ``(k + 0.5) * CELL_S`` seconds. Layers are bands, lowest first, then notes, then melody. A frame of
the features (`linernotes.versions.features`) is `CELLS` cells, one after another, in one row.

Cost
----
0.07 CPU-s for 60 s of audio.

References
----------
Böck, Widmer (2013), "Maximum filter vibrato suppression for onset detection", DAFx (spectral flux).
Haugh (1976), "Checking the independence of two covariance-stationary time series", J. American Statistical Association
71; and Box, Jenkins (1970), "Time Series Analysis" (prewhitening before two series are correlated).

Known limits
------------
Of a loop that nothing interrupts nothing remains: two such recordings are not said to share a rhythm, even where they
do. Soft attacks of strings and pads blur onsets by more than a cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.versions.notes.events import Note

CELL_S = 1 / 16
CELLS = 4  # to a frame of a quarter second
BAND_EDGES_HZ = (0, 120, 300, 700, 1500, 3000, 5512.5)
N_BANDS = len(BAND_EDGES_HZ) - 1
N_LAYERS = N_BANDS + 2

Cells = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RhythmConfig:
    """Settings of `rhythm_frames`; a change makes cached features and the calibration void.

    Parameters
    ----------
    spread : float
        Deviation of the bell by which an onset is spread, in cells: players and transcriptions are that exact.
    local : int
        Cells over which the mean is taken away.
    nearest, farthest : int
        Cells before and after that predict one: nearer ones hold the same onset.
    ridge : float
        Added to the energy of the predicting cells, so that only what repeats predicts.
    limit : float
        Deviations at which a cell is cut off.
    """

    spread: float = 1.0
    local: int = 64
    nearest: int = 4
    farthest: int = 96
    ridge: float = 0.3
    limit: float = 4.0


def onset_strength(audio: Audio, n_cells: int) -> Cells:
    """Return spectral flux in six bands.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    n_cells : int
        Cells wanted.

    Returns
    -------
    NDArray[np.float32] [shape=(n_cells, 6)]
        Rise of the log magnitude over 20 ms against the strongest of three neighbouring bins, less its running mean over
        half a second, >= 0.

    Examples
    --------
    >>> clicks = np.zeros(2 * 11025, np.float32)
    >>> clicks[11025] = 1.0
    >>> onset_strength(Audio(clicks, 11025), 32).sum(axis=1).argmax() in (15, 16)
    True
    """
    target, n_fft, rate = 11025, 512, 100.0
    samples = audio.samples
    if audio.sample_rate != target:
        samples = soxr.resample(samples, audio.sample_rate, target, quality="MQ")
    starts = np.round(np.arange(int(len(samples) / target * rate)) * target / rate).astype(np.int64)
    padded = np.pad(samples.astype(np.float32), (n_fft // 2, n_fft))
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[starts] * np.hanning(n_fft).astype(
        np.float32
    )
    spectrum = np.abs(scipy.fft.rfft(windows, axis=1))
    loud = float(np.percentile(spectrum, 99)) or 1.0
    compressed = np.log1p(100 * spectrum / loud)
    rise = np.zeros_like(compressed)
    rise[2:] = np.maximum(compressed[2:] - scipy.ndimage.maximum_filter1d(compressed, 3, axis=1)[:-2], 0)
    edges = [round(hz / target * n_fft) for hz in BAND_EDGES_HZ]
    bands = np.stack([rise[:, low:high].mean(axis=1) for low, high in itertools.pairwise(edges)], axis=1)
    bands = np.maximum(bands - scipy.ndimage.uniform_filter1d(bands, round(rate / 2), axis=0), 0)
    begun_s = np.arange(len(bands)) / rate - 1 / rate
    return np.stack([in_cells(begun_s, band, n_cells) for band in bands.T], axis=1)


def in_cells(times_s: NDArray[np.float64], strengths: NDArray[np.floating], n_cells: int) -> Cells:
    """Return events as cells, each shared between the two cells whose centres it lies between.

    Examples
    --------
    >>> in_cells(np.array([0.0625]), np.array([1.0]), 3).tolist()
    [0.5, 0.5, 0.0]
    """
    at = np.asarray(times_s, np.float64) / CELL_S - 0.5
    low = np.floor(at).astype(np.int64)
    part = at - low
    cells = np.zeros(n_cells + 2, np.float64)
    inside = (low >= -1) & (low < n_cells)
    np.add.at(cells, low[inside] + 1, (strengths * (1 - part))[inside])
    np.add.at(cells, low[inside] + 2, (strengths * part)[inside])
    return cells[1:-1].astype(np.float32)


def rhythm_frames(
    onsets: Cells, found: Sequence[Note], tune: Sequence[Note], config: RhythmConfig = RhythmConfig()
) -> Cells:
    """Return what begins when, less what repeats, as frames.

    Parameters
    ----------
    onsets : NDArray[np.float32] [shape=(n_cells, 6)]
        Result of `onset_strength`; *n_cells* is a multiple of `CELLS`.
    found, tune : sequence of Note
        All notes, and those of the melody.
    config : RhythmConfig, optional
        Settings.

    Returns
    -------
    NDArray[np.float32] [shape=(n_cells / 4, 4 * 8)]
        In [-1, 1]; a layer in which nothing begins is 0.
    """
    n_cells = len(onsets)
    struck = [
        in_cells(np.array([note.onset_s for note in some]), np.ones(len(some)), n_cells)
        for some in (found, tune)
    ]
    layers = scipy.ndimage.gaussian_filter1d(np.column_stack([onsets, *struck]), config.spread, axis=0)
    layers = np.sqrt(np.maximum(layers, 0))
    layers -= scipy.ndimage.uniform_filter1d(layers, config.local, axis=0)
    rest = _of_unit_energy(without_loops(_of_unit_energy(layers), config))
    cells = np.asarray(np.clip(rest / config.limit, -1, 1), np.float32)
    return cells.reshape(n_cells // CELLS, -1)


def without_loops(layers: Cells, config: RhythmConfig = RhythmConfig()) -> Cells:
    """Return cells less what is predicted from those before and after; all layers are predicted alike.

    Parameters
    ----------
    layers : NDArray[np.float32] [shape=(n_cells, n_layers)]
        Cells with mean 0 and about the same energy in every layer.
    config : RhythmConfig, optional
        Settings.

    Examples
    --------
    >>> beat = np.tile([3.0, -1.0, -1.0, -1.0, -1.0, -1.0, 3.0, -1.0], 60)[:, None]
    >>> rest = without_loops(beat.astype(np.float32))
    >>> bool((rest[100:-100] ** 2).mean() < 0.1 * (beat**2).mean())
    True
    """
    n_cells, far = len(layers), config.farthest
    n_fft = scipy.fft.next_fast_len(n_cells + 2 * far + 1, real=True)
    spectrum = scipy.fft.rfft(layers, n_fft, axis=0)
    products = scipy.fft.irfft((np.abs(spectrum) ** 2).sum(axis=1), n_fft)[: 2 * far + 1]
    if products[0] <= 0:
        return np.zeros_like(layers)
    lags = np.arange(config.nearest, far + 1)
    lags = np.concatenate([-lags[::-1], lags])
    known = products[np.abs(lags[:, None] - lags[None, :])]
    weights = scipy.linalg.solve(
        known + config.ridge * products[0] * np.eye(len(lags)), products[np.abs(lags)], assume_a="pos"
    )
    response = np.zeros(2 * far + 1)
    response[lags + far] = weights
    predicted = scipy.fft.irfft(spectrum * scipy.fft.rfft(response, n_fft)[:, None], n_fft, axis=0)
    return np.asarray(layers - predicted[far : far + n_cells], np.float32)


def _of_unit_energy(layers: Cells) -> Cells:
    energy = np.sqrt((layers**2).mean(axis=0))
    return np.asarray(np.where(energy > 1e-3, layers / np.maximum(energy, 1e-3), 0), np.float32)
