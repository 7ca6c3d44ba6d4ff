"""Landmarks: pairs of spectral peaks that survive coding, noise, and shifts of pitch and time.

Audio is brought to 8 kHz and to a spectrum on a quarter-tone axis. What stands out of its
surroundings there (a *peak*) is kept, a fixed number per second, the most salient first. Each peak is
paired with a few that follow it. A pair is described by three whole numbers: the interval between its
peaks, the time between them, and the height of the first. On this axis a change of pitch moves only
the height, and a change of tempo scales only the time, so that both stay simple shifts of one key.

Conventions
-----------
Times are frames of 16 ms, frequencies quarter-tone bands above 220 Hz, intervals quarter tones
(positive: upward). A frame is centred on its time. Salience is log power minus its local mean, in
nepers of power: a gain or a fixed equaliser does not change it.

Cost
----
About 1,000 times faster than real time on one core after decoding.

References
----------
Wang (2003), "An industrial-strength audio search algorithm", ISMIR (peak pairs and time alignment).
Six and Leman (2014), "Panako", ISMIR (a logarithmic axis against changes of pitch and tempo).

Known limits
------------
Nothing above 3.5 kHz or below 220 Hz is looked at. Sustained sound without attacks or melody gives
few landmarks, and white noise gives landmarks that do not repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from linernotes.audio.files import Audio
from linernotes.audio.spectra import band_power, log_frequency_filterbank
from linernotes.errors import TooShort

Ints = NDArray[np.int32]

SAMPLE_RATE = 8000
HOP_LENGTH = 128
FRAME_LENGTH = 1024
FRAME_S = HOP_LENGTH / SAMPLE_RATE
LOWEST_HZ = 220.0
N_BANDS = 96
BANDS_PER_SEMITONE = 2
MAX_INTERVAL = 24  # quarter tones: an octave up or down
MIN_DELAY, MAX_DELAY = 2, 64  # frames: 32 ms to about one second
MIN_SOUND_S = 1.0

_SURROUNDINGS = (61, 25)  # frames and bands of the local mean: one second, an octave
_HALF_SECOND = round(0.5 / FRAME_S)
_FLOOR = 1e-7  # of the loudest band: -70 dB, under the noise of 8-bit telephony


@dataclass(frozen=True, slots=True)
class Density:
    """How many peaks and pairs to keep.

    A query keeps more than a catalogue recording: noise adds peaks to it, and its own cost is small.

    Parameters
    ----------
    peaks_per_second : float > 0
        Peaks kept in each stretch of about one second.
    pairs_per_peak : int > 0
        Followers that each peak is paired with.
    neighbourhood : (int, int)
        Frames and bands (odd) in which a peak must be the largest.
    """

    peaks_per_second: float
    pairs_per_peak: int
    neighbourhood: tuple[int, int] = (9, 5)


REFERENCE = Density(peaks_per_second=18.0, pairs_per_peak=4)
QUERY = Density(peaks_per_second=26.0, pairs_per_peak=8)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The peaks of one audio, and the pairs among them.

    Parameters
    ----------
    peak_times : NDArray[np.int32] [shape=(n_peaks,)]
        Frames, ascending.
    peak_bands : NDArray[np.int32] [shape=(n_peaks,)]
        Quarter-tone bands, 0 to 95.
    firsts, seconds : NDArray[np.int32] [shape=(n_pairs,)]
        Indices into the peaks; the second is later than the first.
    n_frames : int
        Length of the audio in frames.

    Examples
    --------
    >>> notes = Landmarks(np.array([0, 9], np.int32), np.array([40, 47], np.int32),
    ...                   np.array([0], np.int32), np.array([1], np.int32), n_frames=10)
    >>> notes.intervals.tolist(), notes.delays.tolist(), len(notes)
    ([7], [9], 1)
    """

    peak_times: Ints
    peak_bands: Ints
    firsts: Ints
    seconds: Ints
    n_frames: int

    def __len__(self) -> int:
        return len(self.firsts)

    @property
    def times(self) -> Ints:
        """Frame of each pair's first peak."""
        return self.peak_times[self.firsts]

    @property
    def heights(self) -> Ints:
        """Band of each pair's first peak."""
        return self.peak_bands[self.firsts]

    @property
    def intervals(self) -> Ints:
        """Quarter tones from first to second peak, -24 to 24."""
        return self.peak_bands[self.seconds] - self.peak_bands[self.firsts]

    @property
    def delays(self) -> Ints:
        """Frames from first to second peak, 2 to 64."""
        return self.peak_times[self.seconds] - self.peak_times[self.firsts]

    @property
    def duration_s(self) -> float:
        """Length of the audio in seconds."""
        return self.n_frames * FRAME_S


def find_landmarks(audio: Audio, density: Density = REFERENCE, *, name: str = "audio") -> Landmarks:
    """Return the landmarks of audio at any sample rate.

    Parameters
    ----------
    audio : Audio
        Mono, any rate; it is resampled to 8 kHz.
    density : Density
        `REFERENCE` for what goes into an index, `QUERY` for what is looked up.
    name : str
        What to call the audio in an error.

    Returns
    -------
    Landmarks
        Peaks in order of time, and their pairs.

    Raises
    ------
    TooShort
        If there is less than one second of audio, or no pair of peaks in it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = Audio(rng.normal(0, 0.1, 16000).astype(np.float32), 8000)
    >>> found = find_landmarks(noise)
    >>> found.duration_s, 20 < len(found.peak_times) < 50
    (2.016, True)
    """
    if audio.duration_s < MIN_SOUND_S:
        raise TooShort(
            f"{name}: {audio.duration_s:.2f} s of audio; identification needs at least {MIN_SOUND_S:g} s "
            "and works best from 5 s"
        )
    times, bands, n_frames = find_peaks(audio, density)
    firsts, seconds = _pair(times, bands, density.pairs_per_peak)
    if len(firsts) == 0:
        raise TooShort(
            f"{name}: no landmarks in {audio.duration_s:.2f} s ({len(times)} spectral peaks); "
            f"expected at least {MIN_SOUND_S:g} s of changing sound"
        )
    return Landmarks(times, bands, firsts, seconds, n_frames)


def find_peaks(audio: Audio, density: Density) -> tuple[Ints, Ints, int]:
    """Return the frames and bands of the most salient peaks, by time, and the number of frames.

    Examples
    --------
    >>> times, bands, n_frames = find_peaks(Audio(np.zeros(8000, np.float32), 8000), REFERENCE)
    >>> len(times), n_frames
    (0, 63)
    """
    salience = _salience(audio)
    highest = maximum_filter(salience, size=density.neighbourhood, mode="nearest")
    times, bands = np.nonzero((salience == highest) & (salience > 0))
    kept = _most_salient(times, salience[times, bands], density.peaks_per_second)
    return times[kept].astype(np.int32), bands[kept].astype(np.int32), len(salience)


def _salience(audio: Audio) -> NDArray[np.float32]:
    samples = audio.samples
    if audio.sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, audio.sample_rate, SAMPLE_RATE, quality="HQ").astype(np.float32)
    power = band_power(samples, _filterbank(), FRAME_LENGTH, HOP_LENGTH)
    loudest = float(power.max())
    if loudest <= 0:
        return np.zeros_like(power)
    level: NDArray[np.float32] = np.log(power + loudest * _FLOOR)
    level -= uniform_filter(level, size=_SURROUNDINGS, mode="nearest")
    return level


@lru_cache(maxsize=1)
def _filterbank() -> NDArray[np.float32]:
    return log_frequency_filterbank(
        SAMPLE_RATE,
        FRAME_LENGTH,
        lowest_hz=LOWEST_HZ,
        n_bands=N_BANDS,
        bands_per_octave=12 * BANDS_PER_SEMITONE,
    )


def _most_salient(
    times: NDArray[np.intp], salience: NDArray[np.float32], per_second: float
) -> NDArray[np.intp]:
    """Keep a peak when too few in the second around it stand out more: no grid that a cut could shift."""
    n_better = np.zeros(len(times), np.int32)
    for step in range(1, len(times)):
        near = times[step:] - times[:-step] <= _HALF_SECOND
        if not near.any():
            break
        later_wins = salience[step:] > salience[:-step]
        n_better[:-step] += near & later_wins
        n_better[step:] += near & ~later_wins
    return np.flatnonzero(n_better < per_second)


def _pair(times: Ints, bands: Ints, n_followers: int) -> tuple[Ints, Ints]:
    """Pair each peak with its first followers inside the delay and interval limits."""
    n = len(times)
    counts = np.zeros(n, np.int32)
    firsts, seconds = [], []
    for step in range(1, n):
        first = np.arange(n - step)
        delay = times[step:] - times[:-step]
        interval = np.abs(bands[step:] - bands[:-step])
        if not (delay <= MAX_DELAY).any():
            break
        fits = (delay >= MIN_DELAY) & (delay <= MAX_DELAY) & (interval <= MAX_INTERVAL)
        fits &= counts[: n - step] < n_followers
        counts[: n - step] += fits
        firsts.append(first[fits])
        seconds.append(first[fits] + step)
    if not firsts:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    order = np.lexsort((second, first))
    return first[order].astype(np.int32), second[order].astype(np.int32)
