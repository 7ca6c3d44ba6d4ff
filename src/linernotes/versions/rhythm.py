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
0.07 CPU-s for 60 s of audio; spectral flux in blocks, 3 MB for an hour besides the audio.

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
FLUX_RATE, FLUX_PER_S, N_FFT = 11025, 100.0, 512  # samples and frames per second, samples in a frame

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


def onset_strength(audio: Audio, n_cells: int, at_once: int = 8192) -> Cells:
    """Return spectral flux in six bands.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    n_cells : int
        Cells wanted.
    at_once : int, optional
        Frames of a hundredth of a second in one block; bounds the memory and does not change the result.

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
    samples = audio.samples
    if audio.sample_rate != FLUX_RATE:
        samples = soxr.resample(samples, audio.sample_rate, FLUX_RATE, quality="MQ")
    starts = np.round(np.arange(int(len(samples) / FLUX_RATE * FLUX_PER_S)) * FLUX_RATE / FLUX_PER_S)
    padded = np.pad(samples.astype(np.float32), (N_FFT // 2, N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)
    bands = _smoothed(_flux(frames, starts.astype(np.int64), at_once))
    begun_s = (np.arange(len(bands)) - 1) / FLUX_PER_S
    return np.stack([in_cells(begun_s, band, n_cells) for band in bands.T], axis=1)


def _flux(frames: Cells, starts: NDArray[np.int64], at_once: int) -> Cells:
    """Return the rise of the log magnitude, mean of each band [shape=(n_starts, 6)]; 0 in the first two rows."""
    loud = _loud(frames, starts, at_once) or 1.0
    edges = [round(hz / FLUX_RATE * N_FFT) for hz in BAND_EDGES_HZ]
    bands = np.zeros((len(starts), N_BANDS), np.float32)
    for first in range(2, len(starts), at_once):  # a rise is seen against the frame before the last
        compressed = np.log1p(100 * _magnitudes(frames, starts[first - 2 : first + at_once]) / loud)
        rise = compressed[2:] - scipy.ndimage.maximum_filter1d(compressed, 3, axis=1)[:-2]
        rise = np.maximum(rise, 0)
        for band, (low, high) in enumerate(itertools.pairwise(edges)):
            bands[first : first + at_once, band] = rise[:, low:high].mean(axis=1)
    return bands


def _loud(frames: Cells, starts: NDArray[np.int64], at_once: int) -> float:
    """Return the 99th percentile of all magnitudes; no more than the greatest hundredth is kept."""
    n_values = len(starts) * (N_FFT // 2 + 1)
    below = 0.99 * (n_values - 1)
    n_kept = n_values - int(below)
    kept = np.zeros(0, np.float32)
    for first in range(0, len(starts), at_once):
        found = _magnitudes(frames, starts[first : first + at_once]).ravel()
        kept = np.concatenate([kept, found])
        kept = np.partition(kept, max(len(kept) - n_kept, 0))[-n_kept:]
    low, high = np.partition(kept, 1)[:2] if len(kept) > 1 else (0.0, 0.0)
    return float(low + (high - low) * (below - int(below)))


def _magnitudes(frames: Cells, starts: NDArray[np.int64]) -> Cells:
    spectrum = scipy.fft.rfft(frames[starts] * np.hanning(N_FFT).astype(np.float32), axis=1)
    return np.asarray(np.abs(spectrum), np.float32)


def _smoothed(bands: Cells) -> Cells:
    """Return flux less its running mean over half a second, >= 0."""
    mean = scipy.ndimage.uniform_filter1d(bands, round(FLUX_PER_S / 2), axis=0)
    return np.asarray(np.maximum(bands - mean, 0), np.float32)


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
