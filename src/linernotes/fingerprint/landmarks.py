"""Landmarks: what a catalogue keeps of a recording, and what a query brings along.

A recording is kept as its highest peaks and as the keys of small constellations among them (see
`linernotes.fingerprint.keys`). A query brings more: denser peaks, and the centred spectrum itself, in
which a recording's peaks are looked for when a candidate is verified.

Conventions
-----------
Times are frames of 16 ms, tones quarter-tone bands above 220 Hz.

Cost
----
See ``docs/methods/identify.md``; about 1,000 times faster than real time on one core after decoding.

Known limits
------------
Nothing above 3.5 kHz or below 220 Hz is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import Audio
from linernotes.errors import TooShort
from linernotes.fingerprint.peaks import DENSE, KEPT, REFERENCE, SPARSE, Ints, find_peaks, precise_places
from linernotes.fingerprint.spectrum import FRAME_S, Floats, at_search_rate, centred_spectrum

MIN_SOUND_S = 1.0


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What a catalogue keeps of one recording.

    Parameters
    ----------
    peak_times, peak_bands : NDArray[np.int32] [shape=(n_peaks,)]
        Frames, ascending, and bands 0 to 95.
    pair_keys, pair_times : NDArray[np.int32] [shape=(n_pairs,)]
        Keys of pairs and the frames of their first peaks, ascending.
    quad_keys, quad_times : NDArray[np.int32] [shape=(n_quads,)]
        Keys of quads and the frames of their first peaks, ascending.
    quad_bands, quad_spans : NDArray[np.uint8] [shape=(n_quads,)]
        Band of the first peak; frames between the outer peaks.
    n_frames : int
        Length of the audio in frames.
    """

    peak_times: Ints
    peak_bands: Ints
    pair_keys: Ints
    pair_times: Ints
    quad_keys: Ints
    quad_times: Ints
    quad_bands: NDArray[np.uint8]
    quad_spans: NDArray[np.uint8]
    n_frames: int

    def __len__(self) -> int:
        """Return the number of constellations."""
        return len(self.pair_keys) + len(self.quad_keys)


@dataclass(frozen=True)
class Query:
    """What is searched for: the spectrum of one audio, its peaks, and what to look up.

    Parameters
    ----------
    spectrum : NDArray[np.float32] [shape=(n_frames, N_BANDS)]
        The centred spectrum.
    pairs : NDArray[np.int32] [shape=(n_pairs, 2)]
        Key and frame of each pair to look up, by frame.
    places : (NDArray[np.float32], NDArray[np.float32]) [shape=(n_peaks,) each]
        Times and bands of the peaks that quads are made of, by time.
    waveform : NDArray[np.float32] [shape=(n_samples,)]
        The samples at 8 kHz; none where no second look at a recording's audio is wanted.
    """

    spectrum: Floats
    pairs: Ints
    places: tuple[Floats, Floats]
    waveform: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    @cached_property
    def quads(self) -> Floats:
        """Key, time, band and span of each quad to look up [shape=(n_quads, 4)], by time.

        They cost more than all the rest of a query, and many are answered without them.
        """
        from linernotes.fingerprint.keys import quad_lookups

        return quad_lookups(*self.places)

    @property
    def n_frames(self) -> int:
        """Length of the audio in frames."""
        return len(self.spectrum)

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return len(self.spectrum) * FRAME_S


def find_landmarks(audio: Audio, *, name: str = "audio") -> Landmarks:
    """Return the landmarks that a catalogue keeps of an audio.

    Parameters
    ----------
    audio : Audio
        Any sample rate, at least one second.
    name : str
        What the error calls it, if there is one.

    Raises
    ------
    TooShort
        If there is less than a second of audio, or nothing in it that begins or changes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = find_landmarks(Audio(rng.normal(0, 0.1, 40000).astype(np.float32), 8000))
    >>> found.n_frames, bool((np.diff(found.peak_times) >= 0).all()), len(found) > 0
    (313, True, True)
    """
    from linernotes.fingerprint.keys import pairs_of, quads_of

    spectrum = _spectrum(audio, name)
    kept_times, kept_bands = find_peaks(spectrum, KEPT)
    times, bands = find_peaks(spectrum, REFERENCE)
    pairs = pairs_of(times, bands, 0)
    quads = quads_of(*precise_places(spectrum, times, bands))
    if len(pairs) == 0:
        raise _nothing_found(audio, name, len(times))
    return Landmarks(
        peak_times=kept_times,
        peak_bands=kept_bands,
        pair_keys=np.ascontiguousarray(pairs[:, 0]),
        pair_times=np.ascontiguousarray(pairs[:, 1]),
        quad_keys=quads[:, 0].astype(np.int32),
        quad_times=np.rint(quads[:, 1]).astype(np.int32),
        quad_bands=np.rint(quads[:, 2]).astype(np.uint8),
        quad_spans=np.rint(quads[:, 3]).astype(np.uint8),
        n_frames=len(spectrum),
    )


def find_query(audio: Audio, *, name: str = "query") -> Query:
    """Return what an audio is searched by.

    Raises
    ------
    TooShort
        If there is less than a second of audio, or nothing in it that begins or changes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> query = find_query(Audio(rng.normal(0, 0.1, 40000).astype(np.float32), 8000))
    >>> query.duration_s, query.pairs.shape[1], query.quads.shape[1]
    (5.008, 2, 4)
    """
    from linernotes.fingerprint.keys import pairs_of

    narrow = at_search_rate(audio)
    spectrum = _spectrum(narrow, name)
    pairs = pairs_of(*find_peaks(spectrum, DENSE), 1)
    if len(pairs) == 0:
        raise _nothing_found(audio, name, 0)
    return Query(spectrum, pairs, precise_places(spectrum, *find_peaks(spectrum, SPARSE)), narrow.samples)


def _spectrum(audio: Audio, name: str) -> Floats:
    if audio.duration_s < MIN_SOUND_S:
        raise TooShort(
            f"{name}: {audio.duration_s:.2f} s of audio; identification needs at least {MIN_SOUND_S:g} s "
            "and works best from 5 s"
        )
    return centred_spectrum(audio)


def _nothing_found(audio: Audio, name: str, n_peaks: int) -> TooShort:
    return TooShort(
        f"{name}: no landmarks in {audio.duration_s:.2f} s ({n_peaks} spectral peaks); "
        f"expected at least {MIN_SOUND_S:g} s of changing sound"
    )
