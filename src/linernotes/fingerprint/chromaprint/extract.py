"""From audio to a fingerprint: the algorithm "TEST2", the default of ``fpcalc`` and the one of AcoustID.

Audio at 11,025 Hz becomes a chroma image; sixteen classifiers look at each stretch of 16 of its rows and
give two bits each. Only the first two minutes are read unless the caller says otherwise: that is what
AcoustID compares.

Cost
----
About 1,300 times real time on one core after decoding.

References
----------
Lalinský (2011), "How does Chromaprint work?", https://oxygene.sk/2011/01/how-does-chromaprint-work/

Known limits
------------
Rounding flips about three bits in 100,000 against ``fpcalc``, a decoder that starts some milliseconds
earlier up to one in a hundred; see ``docs/methods/chromaprint.md``. Audio shorter than 2.7 s gives no number.
"""

from __future__ import annotations

import numpy as np

from linernotes.audio.files import Audio
from linernotes.errors import InputError, TooShort
from linernotes.fingerprint.chromaprint.classifiers import TEST2
from linernotes.fingerprint.chromaprint.image import chroma_image, integral_image
from linernotes.fingerprint.chromaprint.prints import (
    DEFAULT_ALGORITHM,
    N_COLUMNS,
    SAMPLE_RATE,
    SUPPORT_S,
    Chromaprint,
)
from linernotes.fingerprint.chromaprint.resample import to_fingerprint_rate

DEFAULT_LENGTH_S = 120.0  # as fpcalc -length


def extract(audio: Audio, length_s: float | None = DEFAULT_LENGTH_S, *, name: str = "audio") -> Chromaprint:
    """Return the Chromaprint fingerprint of audio.

    Parameters
    ----------
    audio : Audio
        Mono, at any rate from 1 to 768 kHz.
    length_s : float > 0, optional
        How much of the beginning is read, in seconds; None reads all.
    name : str
        What messages call the audio.

    Returns
    -------
    Chromaprint
        One number every 0.124 s, algorithm 1.

    Raises
    ------
    TooShort
        If there are less than 2.7 s.
    InputError
        If the length is not positive or the rate out of range.

    Examples
    --------
    >>> t = np.arange(3 * SAMPLE_RATE, dtype=np.float32) / SAMPLE_RATE
    >>> chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330)) / 4
    >>> extract(Audio(chord, SAMPLE_RATE)).values
    array([2705979767, 2705979767, 2705979767], dtype=uint32)
    """
    if length_s is not None and not length_s > 0:
        raise InputError(f"length {length_s} s: expected seconds above 0, or none for the whole file")
    samples = audio.samples
    if length_s is not None:  # a little more, for the resampler's filter
        samples = samples[: round((length_s + 0.1) * audio.sample_rate)]
    mono = to_fingerprint_rate(samples, audio.sample_rate)
    if length_s is not None:
        mono = mono[: int(length_s * SAMPLE_RATE)]
    image = chroma_image(mono)
    n = len(image) - N_COLUMNS + 1
    if n < 1:
        raise TooShort(
            f"{name}: {len(mono) / SAMPLE_RATE:.2f} s; a Chromaprint fingerprint needs at least {SUPPORT_S:.2f} s"
        )
    integral = integral_image(image)
    values = np.zeros(n, np.uint32)
    for classifier in TEST2:
        values = (values << np.uint32(2)) | classifier.codes(integral, n)
    return Chromaprint(values, DEFAULT_ALGORITHM)
