"""Listening to a recording once: everything that its features are made of.

Conventions
-----------
Pitch class 0 is C after removal of the recording's tuning. Rows of ``chroma`` stand for ``[t, t + 1) * hop_s`` seconds
of the configuration, cells of ``grid`` for `linernotes.versions.notes.grid.CELL_S` seconds, rows of ``onsets`` for
`linernotes.versions.rhythm.CELL_S` seconds.

Cost
----
0.95 CPU-s for 60 s of audio, of which the transcription takes 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from linernotes.audio.chroma import (
    ConstantQConfig,
    constant_q,
    estimate_tuning,
    fold_octaves,
    semitones,
    whiten,
)
from linernotes.audio.files import Audio
from linernotes.errors import TooShort
from linernotes.versions.notes.events import Note, notes
from linernotes.versions.notes.grid import pitch_grid
from linernotes.versions.notes.transcription import Transcription, transcribe
from linernotes.versions.rhythm import CELLS, onset_strength
from linernotes.versions.salience import salience


@dataclass(frozen=True, slots=True)
class HearingConfig:
    """Settings of `hear`; a change makes cached features and the calibration void.

    Parameters
    ----------
    hop_s : float
        Seconds between rows of chroma; a multiple of the constant-Q hop and of the grid's cell.
    shortest_s : float
        Shorter audio is refused.
    """

    hop_s: float = 0.25
    shortest_s: float = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """What was heard in a recording; equal only to itself.

    Parameters
    ----------
    transcription : Transcription
        Which keys sound when.
    grid : NDArray[np.float32] [shape=(7, n_cells, 73)]
        What is known about every semitone in every eighth of a second.
    chroma : NDArray[np.float32] [shape=(n_frames, 12)]
        Whitened chroma.
    onsets : NDArray[np.float32] [shape=(4 * n_frames, 6)]
        Spectral flux in bands.
    notes : tuple of Note
        The notes of the transcription.
    duration_s : float
        Length of the recording.
    hop_s : float
        Seconds per row of chroma.
    """

    transcription: Transcription
    grid: NDArray[np.float32]
    chroma: NDArray[np.float32]
    onsets: NDArray[np.float32]
    notes: tuple[Note, ...]
    duration_s: float
    hop_s: float = 0.25


def hear(audio: Audio, config: HearingConfig = HearingConfig()) -> Hearing:
    """Return the transcription, its notes, the pitch grid, chroma and onsets of a recording.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate, at least ``config.shortest_s`` long.
    config : HearingConfig, optional
        Settings.

    Raises
    ------
    TooShort
        If the audio is shorter than ``config.shortest_s``.

    Examples
    --------
    >>> time_s = np.arange(5 * 11025) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> heard = hear(tone)
    >>> heard.chroma.shape, heard.grid.shape, int(heard.chroma[5].argmax())
    ((20, 12), (7, 40, 73), 9)
    """
    if audio.duration_s < config.shortest_s:
        raise TooShort(
            f"audio of {audio.duration_s:.2f} s; comparing versions needs at least {config.shortest_s:g} s; "
            "give a longer excerpt"
        )
    spectrum_config = ConstantQConfig()
    magnitudes = constant_q(audio, spectrum_config)
    spectrum, tuning = whiten(magnitudes), estimate_tuning(magnitudes)
    loudness, strength = semitones(spectrum, tuning), semitones(salience(spectrum), tuning)
    transcription = transcribe(audio, tuning)
    step = round(config.hop_s / spectrum_config.hop_s)
    n_frames = max(1, len(spectrum) // step)
    return Hearing(
        transcription=transcription,
        grid=pitch_grid(transcription, loudness, strength, spectrum_config.hop_s),
        chroma=_pool(_chroma(loudness), step, n_frames),
        onsets=onset_strength(audio, CELLS * n_frames),
        notes=notes(transcription),
        duration_s=audio.duration_s,
        hop_s=config.hop_s,
    )


def _chroma(loudness: NDArray[np.float32]) -> NDArray[np.float32]:
    octave = (np.arange(loudness.shape[1]) - 30) / 12  # the emphasis is widest around F sharp 4
    return fold_octaves(loudness, np.exp(-0.5 * (octave / 1.5) ** 2).astype(np.float32))


def _pool(values: NDArray[np.float32], step: int, n_frames: int) -> NDArray[np.float32]:
    """Average over two hops around each frame with a triangular window."""
    kernel = np.bartlett(2 * step + 1).astype(np.float32)
    smooth = scipy.ndimage.convolve1d(values, kernel / kernel.sum(), axis=0, mode="constant")
    return np.asarray(smooth[np.minimum(np.arange(n_frames) * step + step // 2, len(smooth) - 1)], np.float32)
