"""Audio small enough to live inside a page.

Conventions
-----------
Mono Ogg Opus at 24 kHz, about 25 kbit/s: half a megabyte holds two minutes, as text in a page. Excerpts fade in and out over
10 ms, so that a cut makes no click.

Known limits
------------
What a page plays is a listening copy; hashes and figures belong to the original files. Safari plays Ogg
Opus from release 18.4 on.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError

PAGE_RATE = 24_000
COMPRESSION = 0.93  # libsndfile's scale from 0 to 1; 0.93 gives Opus about 25 kbit/s for mono music
FADE_S = 0.01
LONGEST_EXCERPT_S = 12.0


class Sounds:
    """The audio that a page may play, by name; files are read once and only when asked for.

    Parameters
    ----------
    audio : mapping of str to Path or Audio
        Outputs by query id, corpus items by item id.
    """

    def __init__(self, audio: Mapping[str, Path | Audio]) -> None:
        self._audio = dict(audio)
        self._read: dict[str, Audio] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._audio

    def get(self, name: str) -> Audio:
        """Return one sound.

        Raises
        ------
        InputError
            If nobody gave audio of that name, or its file is not readable.
        """
        if name not in self._audio:
            raise InputError(f"audio of '{name}': not given; expected its file or samples in 'audio'")
        if name not in self._read:
            found = self._audio[name]
            self._read[name] = found if isinstance(found, Audio) else read_audio(found, allow_silence=True)
        return self._read[name]

    def clip(self, name: str, start_s: float, end_s: float, *, longest_s: float = LONGEST_EXCERPT_S) -> str:
        """Return an excerpt as a data URI, cut to *longest_s*."""
        return data_uri(faded(self.get(name).excerpt(start_s, min(end_s, start_s + longest_s))))


def data_uri(audio: Audio) -> str:
    """Return audio as a data URI of Ogg Opus.

    Examples
    --------
    >>> data_uri(Audio(np.zeros(2400, np.float32), 24000))[:26]
    'data:audio/ogg;base64,T2dn'
    """
    samples = audio.samples
    if audio.sample_rate != PAGE_RATE:
        samples = soxr.resample(samples, audio.sample_rate, PAGE_RATE, quality="HQ")
    stream = io.BytesIO()
    soundfile.write(
        stream,
        np.clip(samples, -1, 1),
        PAGE_RATE,
        format="OGG",
        subtype="OPUS",
        compression_level=COMPRESSION,
    )
    return "data:audio/ogg;base64," + base64.b64encode(stream.getvalue()).decode()


def faded(audio: Audio) -> Audio:
    """Return audio with both ends faded.

    Examples
    --------
    >>> float(faded(Audio(np.ones(1000, np.float32), 10000)).samples[0])
    0.0
    """
    samples = audio.samples.copy()
    n_fade = min(round(FADE_S * audio.sample_rate), len(samples) // 2)
    ramp = np.linspace(0, 1, n_fade, endpoint=False, dtype=np.float32)
    samples[:n_fade] *= ramp
    samples[len(samples) - n_fade :] *= ramp[::-1]
    return Audio(samples, audio.sample_rate)
