"""The melodic line of audio as notes, for the note runs of `linernotes.fingerprint.passages`.

The predominant line of `linernotes.versions.salience` moves in steps of a twentieth of a second; where it stays on
one semitone for a tenth of a second or more there is a note.

Known limits
------------
Repeated notes of one pitch are heard as one. In dense mixes the line jumps between voices.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from linernotes.audio.chroma import ConstantQConfig, constant_q, estimate_tuning, semitones, whiten
from linernotes.audio.files import Audio
from linernotes.fingerprint.passages.notes import NoteLine
from linernotes.versions.salience import SalienceConfig, predominant_line, salience

LEAST_FRAMES = 2


def note_line(audio: Audio) -> NoteLine:
    """Return the notes of the predominant line.

    Examples
    --------
    >>> time = np.arange(11025) / 11025
    >>> tune = np.concatenate([np.sin(2 * np.pi * hz * time) for hz in (440.0, 523.25)])
    >>> np.diff(note_line(Audio(tune.astype(np.float32), 11025)).pitches)[:1].tolist()
    [3]
    """
    spectrum_config, config = ConstantQConfig(), SalienceConfig()
    magnitudes = constant_q(audio, spectrum_config)
    strength = semitones(salience(whiten(magnitudes), config), estimate_tuning(magnitudes))
    first, last = (
        round(12 * np.log2(hz / spectrum_config.lowest_hz))
        for hz in (config.melody_lowest_hz, config.melody_highest_hz)
    )
    register = scipy.ndimage.uniform_filter1d(strength[:, first : last + 1], 3, axis=0)
    line = predominant_line(register, config.leap_cost)
    starts = np.flatnonzero(np.diff(line, prepend=-1) != 0)
    lengths = np.diff(np.append(starts, len(line)))
    starts = starts[lengths >= LEAST_FRAMES]
    return NoteLine(starts * spectrum_config.hop_s, line[starts] + first)
