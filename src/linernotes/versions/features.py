"""What a recording says in each musical dimension, as sequences of vectors on one clock.

- **harmony**: whitened constant-Q chroma, all registers, bass to 2 kHz.
- **melody**: the pitch class of the predominant line. Salience of a fundamental is the weighted sum of its
  harmonics (Klapuri; Salamon and Gómez); the line above 150 Hz is the Viterbi path that pays for leaps.
- **rhythm**: the autocorrelation of onset strength over six seconds on a *logarithmic* lag axis, in two
  registers: a change of tempo is a shift of that axis, so patterns compare at any tempo (Jensen, Holzapfel).

All share one clock of ``hop_s`` seconds. Vectors are centred and of length 1 (or 0 where nothing sounds),
so a scalar product is a correlation in [-1, 1].

Conventions
-----------
Arrays are ``[shape=(n_frames, n_values), float32]``; frame *t* stands for ``[t, t + 1) * hop_s`` seconds.
Pitch class 0 is C after removal of the recording's tuning.

Cost
----
About 0.5 CPU-s for 60 s of audio.

References
----------
Klapuri (2006), "Multiple fundamental frequency estimation by summing harmonic amplitudes", ISMIR.
Salamon, Gómez (2012), "Melody extraction from polyphonic music signals using pitch contour characteristics",
IEEE TASLP 20(6).
Jensen, Christensen, Ellis, Jensen (2009), "Quantitative analysis of a common audio similarity measure"; and
Holzapfel, Stylianou (2009), "A scale transform based method for rhythmic similarity of music", ICASSP.
Böck, Widmer (2013), "Maximum filter vibrato suppression for onset detection", DAFx (spectral flux).

Known limits
------------
The predominant line is the loudest plausible one: in dense mixes it may follow an accompaniment figure.
Rhythm keeps the pattern of periodicities, not the position in the bar.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from linernotes.audio.chroma import (
    BINS_PER_OCTAVE,
    PITCH_CLASSES,
    ConstantQConfig,
    constant_q,
    estimate_tuning,
    fold_octaves,
    semitones,
    whiten,
)
from linernotes.audio.files import Audio
from linernotes.errors import TooShort
from linernotes.versions.notes.grid import pitch_grid
from linernotes.versions.notes.transcription import transcribe
from linernotes.versions.notes.grid import pitch_grid
from linernotes.versions.notes.transcription import transcribe

FEATURES_REVISION = 1


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """Settings of `extract`; a change makes cached features and the calibration void.

    Parameters
    ----------
    hop_s : float
        Seconds between frames of all dimensions; a multiple of the constant-Q hop.
    shortest_s : float
        Shorter audio is refused.
    melody_lowest_hz, melody_highest_hz : float
        Register of the predominant line.
    n_harmonics : int
        Harmonics summed for the salience of a fundamental.
    harmonic_decay : float in (0, 1]
        Weight of harmonic *h* is ``harmonic_decay ** (h - 1)``.
    leap_cost : float
        Salience paid per semitone of movement of the line, up to an octave.
    rhythm_window_s : float
        Length of audio behind one rhythm vector.
    lags_per_octave : int
        Resolution of the logarithmic lag axis.
    """

    hop_s: float = 0.25
    shortest_s: float = 4.0
    melody_lowest_hz: float = 150.0
    melody_highest_hz: float = 1400.0
    n_harmonics: int = 5
    harmonic_decay: float = 0.75
    leap_cost: float = 0.12
    rhythm_window_s: float = 6.0
    lags_per_octave: int = 12


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The three sequences of one recording; equal only to themselves.

    Parameters
    ----------
    harmony, melody : NDArray[np.float32] [shape=(n_frames, 12)]
        Centred unit vectors.
    rhythm : NDArray[np.float32] [shape=(n_frames, n_lags)]
        Centred unit vectors.
    hop_s : float
        Seconds per frame.
    duration_s : float
        Length of the recording.
    """

    harmony: NDArray[np.float32]
    melody: NDArray[np.float32]
    rhythm: NDArray[np.float32]
    hop_s: float
    duration_s: float
    bass: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, PITCH_CLASSES), np.float32))

    def __post_init__(self) -> None:
        if len(self.bass) == 0:
            object.__setattr__(self, "bass", np.zeros_like(self.melody))

    def __len__(self) -> int:
        return len(self.harmony)

    def excerpt(self, first: int, end: int) -> Features:
        """Return the frames ``first <= t < end``."""
        parts = (self.harmony[first:end], self.melody[first:end], self.rhythm[first:end])
        return Features(*parts, self.hop_s, (end - first) * self.hop_s, self.bass[first:end])


def extract(audio: Audio, config: FeatureConfig = FeatureConfig()) -> Features:
    """Return what a recording says in harmony, melody and rhythm.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate, at least ``config.shortest_s`` long.
    config : FeatureConfig, optional
        Settings.

    Raises
    ------
    TooShort
        If the audio is shorter than ``config.shortest_s``.

    Examples
    --------
    >>> time_s = np.arange(5 * 11025) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> features = extract(tone)
    >>> features.harmony.shape, int(features.melody[8].argmax())
    ((20, 12), 9)
    """
    if audio.duration_s < config.shortest_s:
        raise TooShort(
            f"audio of {audio.duration_s:.2f} s; comparing versions needs at least {config.shortest_s:g} s; "
            "give a longer excerpt"
        )
    spectrum_config = ConstantQConfig()
    magnitudes = constant_q(audio, spectrum_config)
    spectrum = whiten(magnitudes)
    tuning = estimate_tuning(magnitudes)
    step = round(config.hop_s / spectrum_config.hop_s)
    n_frames = max(1, len(spectrum) // step)
    harmony = _pool(_harmony(spectrum, tuning), step, n_frames)
    melody = _pool(_melody(spectrum, tuning, spectrum_config, config), step, n_frames)
    rhythm = rhythm_patterns(audio, n_frames, config)
    return Features(centred(harmony), centred(melody), centred(rhythm), config.hop_s, audio.duration_s)


def grid_of(audio: Audio) -> NDArray[np.float32]:
    """Return the picture of a recording that its lines are read from; see `linernotes.versions.notes.grid`."""
    config = ConstantQConfig()
    magnitudes = constant_q(audio, config)
    spectrum, tuning = whiten(magnitudes), estimate_tuning(magnitudes)
    strength = semitones(salience(spectrum), tuning)
    return pitch_grid(transcribe(audio, tuning), semitones(spectrum, tuning), strength, config.hop_s)


def grid_of(audio: Audio) -> NDArray[np.float32]:
    """Return the picture of a recording that its lines are read from; see `linernotes.versions.notes.grid`."""
    config = ConstantQConfig()
    magnitudes = constant_q(audio, config)
    spectrum, tuning = whiten(magnitudes), estimate_tuning(magnitudes)
    strength = semitones(salience(spectrum), tuning)
    return pitch_grid(transcribe(audio, tuning), semitones(spectrum, tuning), strength, config.hop_s)


def centred(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract each row's mean and scale it to length 1; flat rows become zero.

    Examples
    --------
    >>> centred(np.array([[2.0, 2.0], [3.0, 1.0]], np.float32)).astype(float).round(2).tolist()
    [[0.0, 0.0], [0.71, -0.71]]
    """
    rows = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-6, rows / np.maximum(length, 1e-6), 0), np.float32)


def salience(spectrum: NDArray[np.float32], config: FeatureConfig = FeatureConfig()) -> NDArray[np.float32]:
    """Return how strongly each bin sounds as a fundamental: the weighted sum of its harmonics.

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, n_bins)]
        Whitened constant-Q spectrum, 36 bins per octave.
    config : FeatureConfig, optional
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


def rhythm_patterns(
    audio: Audio, n_frames: int, config: FeatureConfig = FeatureConfig()
) -> NDArray[np.float32]:
    """Return onset periodicity around each frame on a logarithmic lag axis, low register then high.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    n_frames : int
        Frames wanted, ``config.hop_s`` apart.
    config : FeatureConfig, optional
        Window and resolution.

    Returns
    -------
    NDArray[np.float32] [shape=(n_frames, 2 * n_lags)]
        Autocorrelation in [-1, 1] at lags from 0.15 s to 2.4 s.
    """
    rate = 100.0
    onsets = onset_strength(audio, rate)
    length = round(config.rhythm_window_s * rate)
    lags = rhythm_lags(config) * rate
    columns = []
    for band in onsets.T:
        padded = np.pad(band, length)
        starts = np.round((np.arange(n_frames) + 0.5) * config.hop_s * rate).astype(np.int64) + length // 2
        starts = np.minimum(starts, len(padded) - length)
        windows = np.lib.stride_tricks.sliding_window_view(padded, length)[starts] * np.hanning(length)
        windows = windows - windows.mean(axis=1, keepdims=True)
        power = np.abs(scipy.fft.rfft(windows, 2 * length, axis=1)) ** 2
        correlation = scipy.fft.irfft(power, axis=1)[:, :length]
        correlation /= np.maximum(correlation[:, :1], 1e-9)
        low = np.floor(lags).astype(np.int64)
        part = lags - low
        columns.append((1 - part) * correlation[:, low] + part * correlation[:, low + 1])
    return np.concatenate(columns, axis=1).astype(np.float32)


def rhythm_lags(config: FeatureConfig = FeatureConfig()) -> NDArray[np.float64]:
    """Return the lags of one register of `rhythm_patterns` in seconds, four octaves from 0.15 s.

    Examples
    --------
    >>> rhythm_lags()[[0, 12, 47]].round(2).tolist()
    [0.15, 0.3, 2.27]
    """
    return np.asarray(0.15 * 2 ** (np.arange(4 * config.lags_per_octave) / config.lags_per_octave))


def onset_strength(audio: Audio, rate: float = 100.0) -> NDArray[np.float32]:
    """Return half-wave rectified spectral flux below and above 250 Hz.

    Parameters
    ----------
    audio : Audio
        Mono audio.
    rate : float
        Frames per second.

    Returns
    -------
    NDArray[np.float32] [shape=(n_onset_frames, 2)]
        Flux of the log magnitude less its running mean over half a second, >= 0.
    """
    target, n_fft = 11025, 512
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
    flux = np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0)
    split = round(250 / target * n_fft)
    bands = np.stack([flux[:, :split].mean(axis=1), flux[:, split:].mean(axis=1)], axis=1)
    local = scipy.ndimage.uniform_filter1d(bands, round(rate / 2), axis=0)
    return np.asarray(np.maximum(bands - local, 0), np.float32)


def _harmony(spectrum: NDArray[np.float32], tuning: float) -> NDArray[np.float32]:
    pitches = semitones(spectrum, tuning)
    octave = (np.arange(pitches.shape[1]) - 30) / 12  # the emphasis is widest around F sharp 4
    return fold_octaves(pitches, np.exp(-0.5 * (octave / 1.5) ** 2).astype(np.float32))


def _melody(
    spectrum: NDArray[np.float32], tuning: float, spectrum_config: ConstantQConfig, config: FeatureConfig
) -> NDArray[np.float32]:
    """Return a chroma-like picture of the predominant line, weighted by how far it stands out."""
    strength = semitones(salience(spectrum, config), tuning)
    first, last = (
        round(12 * np.log2(hz / spectrum_config.lowest_hz))
        for hz in (config.melody_lowest_hz, config.melody_highest_hz)
    )
    register = scipy.ndimage.uniform_filter1d(strength[:, first : last + 1], 3, axis=0)
    line = predominant_line(register, config.leap_cost)
    rows = np.arange(len(line))
    picture = np.zeros((len(line), PITCH_CLASSES), np.float32)
    picture[rows, (line + first) % PITCH_CLASSES] = register[rows, line]
    return picture


def _pool(values: NDArray[np.float32], step: int, n_frames: int) -> NDArray[np.float32]:
    """Average over two hops around each frame with a triangular window."""
    kernel = np.bartlett(2 * step + 1).astype(np.float32)
    smooth = scipy.ndimage.convolve1d(values, kernel / kernel.sum(), axis=0, mode="constant")
    return np.asarray(smooth[np.minimum(np.arange(n_frames) * step + step // 2, len(smooth) - 1)], np.float32)
