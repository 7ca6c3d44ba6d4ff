"""What a recording says in each musical dimension, as sequences of vectors on one clock.

- **melody**: pitch classes of the tune, **bass**: of the lowest voice, as the line reader hears them
  (`linernotes.versions.notes`: a transcription, and a small network that tells which note is what).
- **harmony**: the tones of the chord without the tune, from the same network, added to whitened constant-Q
  chroma, which never abstains.
- **rhythm**: what begins when, in sixteenths of a second and eight layers, less what repeats
  (`linernotes.versions.rhythm`).

All share one clock of ``hop_s`` seconds. Vectors of the first three are centred and of length 1 (or 0 where nothing
sounds), so a scalar product is a correlation in [-1, 1].

Conventions
-----------
Arrays are ``[shape=(n_frames, n_values), float32]``; frame *t* stands for ``[t, t + 1) * hop_s`` seconds.
Pitch class 0 is C after removal of the recording's tuning.

Cost
----
1.0 CPU-s for 60 s of audio, of which the transcription takes 0.8.

References
----------
In the modules named above; figures in ``docs/methods/version-features.md``.

Known limits
------------
Where two tunes sound at once the melody follows one of them. Speech and unpitched vocals have no melody here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.chroma import PITCH_CLASSES, fold_octaves
from linernotes.audio.files import Audio
from linernotes.versions.hearing import Hearing, hear
from linernotes.versions.notes import grid
from linernotes.versions.notes.events import melody_notes
from linernotes.versions.notes.lines import Lines, read_lines
from linernotes.versions.rhythm import rhythm_frames

FEATURES_REVISION = 3


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """Settings of `features_of`; a change makes cached features and the calibration void.

    Parameters
    ----------
    least_voicing : float
        Frames where a line sounds with a smaller probability have no vector in it.
    chord_weight : float in [0, 1]
        Part of the chord's tones in harmony; the rest is chroma.
    """

    least_voicing: float = 0.5
    chord_weight: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The sequences of one recording; equal only to themselves.

    Parameters
    ----------
    harmony, melody : NDArray[np.float32] [shape=(n_frames, 12)]
        Centred unit vectors.
    rhythm : NDArray[np.float32] [shape=(n_frames, 4 * 8)]
        Four cells of eight layers, in [-1, 1].
    hop_s : float
        Seconds per frame.
    duration_s : float
        Length of the recording.
    bass : NDArray[np.float32] [shape=(n_frames, 12)], optional
        Centred unit vectors; no bass anywhere when left out.
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


def extract(audio: Audio) -> Features:
    """Return what a recording says in harmony, melody, bass and rhythm.

    Parameters
    ----------
    audio : Audio
        Mono audio at any rate, at least 4 s long.

    Raises
    ------
    TooShort
        If the audio is shorter than 4 s.
    InputError
        If a sample is not a finite number.

    Examples
    --------
    >>> time_s = np.arange(5 * 11025) / 11025
    >>> tone = Audio(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 11025)
    >>> features = extract(tone)
    >>> features.harmony.shape, int(features.melody[8].argmax())
    ((20, 12), 9)
    """
    heard = hear(audio)
    return features_of(heard, read_lines(heard.grid))


def features_of(heard: Hearing, lines: Lines, config: FeatureConfig = FeatureConfig()) -> Features:
    """Return the features of a recording that has been heard and whose lines have been read.

    Parameters
    ----------
    heard : Hearing
        From `linernotes.versions.hearing.hear`.
    lines : Lines
        What `linernotes.versions.notes.lines.read_lines` finds in its grid.
    config : FeatureConfig, optional
        Settings.
    """
    n_frames = len(heard.chroma)
    hop_s = heard.hop_s
    chord = _per_frame(lines.tones * (1 - lines.root[:, -1:]), n_frames, hop_s)
    presence = _per_frame(1 - lines.root[:, -1:], n_frames, hop_s)
    harmony = config.chord_weight * presence * centred(chord) + (1 - config.chord_weight) * centred(
        heard.chroma
    )
    harmony[~heard.chroma.any(axis=1)] = 0  # no chord is guessed into silence
    return Features(
        harmony=centred(harmony),
        melody=_line(lines.melody, n_frames, hop_s, config),
        rhythm=rhythm_frames(heard.onsets, heard.notes, melody_notes(heard.notes, lines)),
        hop_s=hop_s,
        duration_s=heard.duration_s,
        bass=_line(lines.bass, n_frames, hop_s, config),
    )


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


def _line(
    probabilities: NDArray[np.float32], n_frames: int, hop_s: float, config: FeatureConfig
) -> NDArray[np.float32]:
    """Return the pitch classes of a line; zero where it hardly sounds."""
    below = grid.LOWEST_PITCH % PITCH_CLASSES
    pitches = probabilities[:, :-1]
    above = -(below + pitches.shape[1]) % PITCH_CLASSES
    classes = _per_frame(fold_octaves(np.pad(pitches, ((0, 0), (below, above)))), n_frames, hop_s)
    return centred(np.where(classes.sum(axis=1, keepdims=True) >= config.least_voicing, classes, 0))


def _per_frame(cells: NDArray[np.float32], n_frames: int, hop_s: float) -> NDArray[np.float32]:
    """Average the cells of each frame and, at half weight, one on either side."""
    step = round(hop_s / grid.CELL_S)
    weights = np.ones(step + 2, np.float32)
    weights[[0, -1]] = 0.5
    at = np.arange(n_frames)[:, None] * step + np.arange(-1, step + 1)
    rows = cells[np.clip(at, 0, len(cells) - 1)]
    return np.asarray(np.einsum("tkc,k->tc", rows, weights / weights.sum()), np.float32)
