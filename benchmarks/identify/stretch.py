"""Change of tempo and pitch of audio by two unlike algorithms, as other people's software would do it.

`vocoder` is a phase vocoder with identity phase locking: spectral peaks keep their frequency, the bins
around a peak keep their phase towards it. `overlap` is WSOLA, as FFmpeg's filter ``atempo`` does it:
pieces of the signal itself are moved to where they fit best. The first smears attacks, the second
doubles or drops them; a fingerprint that was fitted to one of them shows on the other.

References
----------
Laroche and Dolson (1999), "Improved phase vocoder time-scale modification of audio", IEEE TSAP 7(3).
Verhelst and Roelands (1993), "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import get_window

Samples = NDArray[np.float32]
KINDS = ("vocoder", "overlap")

_FRAME, _HOP = 1024, 256


def tempo(samples: Samples, factor: float, kind: str, rate: int) -> Samples:
    """Play faster (above 1) at the same pitch."""
    if factor == 1:
        return samples
    if kind == "vocoder":
        return vocoder(samples, factor)
    if kind == "overlap":
        return overlap(samples, factor, rate)
    raise ValueError(f"kind of stretching '{kind}'; expected one of {', '.join(KINDS)}")


def pitch(samples: Samples, semitones: float, kind: str, rate: int) -> Samples:
    """Shift the pitch at the same tempo: stretch, then play faster."""
    factor = 2 ** (semitones / 12)
    return speed(tempo(samples, 1 / factor, kind, rate), factor, rate)


def speed(samples: Samples, factor: float, rate: int) -> Samples:
    """Play faster (above 1): pitch and tempo move together."""
    return np.asarray(soxr.resample(samples, rate * factor, rate), np.float32)


def vocoder(samples: Samples, factor: float) -> Samples:
    """Stretch by a phase vocoder with identity phase locking."""
    window = get_window("hann", _FRAME).astype(np.float32)
    padded = np.pad(samples, (_FRAME // 2, _FRAME + _HOP))
    n_frames = int(len(samples) / (factor * _HOP)) + 1
    places = (np.arange(n_frames) * _HOP * factor).astype(np.int64)
    grid = np.arange(_FRAME)
    here = np.fft.rfft(padded[places[:, None] + grid] * window, axis=1)
    later = np.fft.rfft(padded[places[:, None] + grid + _HOP] * window, axis=1)
    phases = _locked_phases(here, later)
    frames = np.fft.irfft(np.abs(here) * np.exp(1j * phases), n=_FRAME, axis=1) * window
    out = np.zeros(_HOP * (n_frames - 1) + _FRAME)
    weight = np.full(len(out), 1e-9)
    for number, frame in enumerate(frames):
        at = slice(number * _HOP, number * _HOP + _FRAME)
        out[at] += frame
        weight[at] += window**2
    level = np.asarray(out / np.maximum(weight, 0.1), np.float32)
    return level[_FRAME // 2 :][: round(len(samples) / factor)]


def _locked_phases(here: NDArray[np.complex128], later: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return synthesis phases: each peak goes on by its measured advance, its bins turn with it."""
    level, angle = np.abs(here), np.angle(here)
    advance = np.angle(later) - angle  # over one hop, so no unwrapping is needed
    phases = angle.copy()
    n_bins = here.shape[1]
    bins = np.arange(n_bins)
    for number in range(1, len(here)):
        loud = level[number]
        inner = loud[2:-2]
        is_peak = (inner > loud[1:-3]) & (inner >= loud[3:-1]) & (inner > loud[:-4]) & (inner >= loud[4:])
        peaks = np.flatnonzero(is_peak) + 2
        if len(peaks) == 0:
            phases[number] = phases[number - 1] + advance[number - 1]
            continue
        nearest = peaks[np.searchsorted((peaks[1:] + peaks[:-1]) / 2, bins)]
        turned = phases[number - 1, peaks] + advance[number - 1, peaks]
        turn = np.zeros(n_bins)
        turn[peaks] = turned - angle[number, peaks]
        phases[number] = angle[number] + turn[nearest]
    return phases


def overlap(samples: Samples, factor: float, rate: int) -> Samples:
    """Stretch by waveform-similarity overlap-add: FFmpeg's ``atempo``."""
    import av
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate, layout="mono", time_base=None)
    stretch = graph.add("atempo", str(factor))
    sink = graph.add("abuffersink")
    source.link_to(stretch)
    stretch.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[None, :].astype(np.float32), format="flt", layout="mono")
    frame.sample_rate = rate
    source.push(frame)
    source.push(None)
    pieces = []
    while True:
        try:
            pulled: Any = sink.pull()
            pieces.append(pulled.to_ndarray()[0])
        except (av.BlockingIOError, av.EOFError):
            break
    return np.concatenate(pieces).astype(np.float32)
