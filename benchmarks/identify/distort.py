"""What happens to a recording on its way into a query: coding, noise, rooms, other music, stretching.

Each `Condition` is called with the excerpt, a random generator and a stretch of music by somebody else,
and returns the damaged samples. What it draws (colour of the noise, room, equaliser, algorithm of
stretching) comes from that generator: the same seed gives the same query to every system.

Conventions
-----------
Mono at 16 kHz. Decibels of mean power over the excerpt. "Under another recording at -6 dB" means that
the wanted recording is the weaker by 6 dB. Tempo and speed of +10 % means 1.1 times as fast.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from benchmarks.identify.stretch import KINDS, pitch, speed, tempo

RATE = 16000
Samples = NDArray[np.float32]
Rng = np.random.Generator
Damage = Callable[[Samples, Rng, Samples], Samples]

NOISES = ("pink", "white", "crowd")
_FADE_S = 0.05


@dataclass(frozen=True)
class Condition:
    """One kind of damage, and what is true of the query afterwards.

    Parameters
    ----------
    damage : callable
        ``(samples, rng, other) -> samples``.
    consumes : float
        Seconds of the recording in one second of the query.
    semitones : float
        Pitch of the query minus that of the recording.
    begins : float
        Where the recording begins in the query, in lengths of the excerpt.
    """

    damage: Damage
    consumes: float = 1.0
    semitones: float = 0.0
    begins: float = 0.0

    def __call__(self, samples: Samples, rng: Rng, other: Samples) -> Samples:
        """Return the damaged samples, the loudest at most 1."""
        damaged = self.damage(samples, rng, other)
        return (damaged / max(1.0, float(np.abs(damaged).max()))).astype(np.float32)


def power(samples: NDArray[Any]) -> float:
    """Return the mean power."""
    return float(np.mean(samples.astype(np.float64) ** 2))


def mixed(samples: Samples, added: Samples, ratio_db: float) -> Samples:
    """Add something so that the samples are *ratio_db* louder than it."""
    gain = np.sqrt(power(samples) / max(1e-12, power(added))) * 10 ** (-ratio_db / 20)
    return np.asarray(samples + gain * added, np.float32)


def noise(kind: str, n_samples: int, rng: Rng, other: Samples) -> Samples:
    """Return noise: white, pink, or a crowd (eight layers of short pieces of music, shuffled, reversed)."""
    if kind == "white":
        return rng.standard_normal(n_samples).astype(np.float32)
    if kind == "pink":
        spectrum = np.fft.rfft(rng.standard_normal(n_samples))
        spectrum /= np.sqrt(np.maximum(20.0, np.fft.rfftfreq(n_samples, 1 / RATE)))
        return np.asarray(np.fft.irfft(spectrum, n=n_samples), np.float32)
    if kind != "crowd":
        raise ValueError(f"kind of noise '{kind}'; expected one of {', '.join(NOISES)}")
    out = np.zeros(n_samples, np.float32)
    for _ in range(8):
        at = -int(rng.integers(2000))
        while at < n_samples:
            length = int(rng.uniform(0.15, 0.5) * RATE)
            begin = int(rng.integers(max(1, len(other) - length)))
            piece = other[begin : begin + length][::-1] * np.hanning(len(other[begin : begin + length]))
            piece = piece / max(1e-4, np.sqrt(power(piece)))
            first, last = max(0, at), min(n_samples, at + len(piece))
            out[first:last] += piece[first - at : last - at]
            at += length // 2
    return out


def with_noise(samples: Samples, rng: Rng, other: Samples, ratio_db: float) -> Samples:
    """Add noise of a drawn kind at a signal-to-noise ratio."""
    kind = NOISES[int(rng.integers(len(NOISES)))]
    return mixed(samples, noise(kind, len(samples), rng, other), ratio_db)


def under(samples: Samples, _rng: Rng, other: Samples, ratio_db: float) -> Samples:
    """Lay the excerpt under other music: *ratio_db* below zero, and the other is louder."""
    return mixed(samples, np.resize(other, len(samples)), ratio_db)


def embedded(samples: Samples, _rng: Rng, other: Samples) -> Samples:
    """Put the excerpt between two equally long stretches of other music, of the same loudness."""
    n = len(samples)
    around = np.resize(other, 2 * n)
    around = around * np.float32(np.sqrt(power(samples) / max(1e-12, power(around))))
    return np.concatenate([_faded(around[:n]), _faded(samples), _faded(around[n:])])


def _faded(samples: Samples) -> Samples:
    n = min(len(samples) // 2, round(_FADE_S * RATE))
    ramp = np.ones(len(samples), np.float32)
    ramp[:n] = np.linspace(0, 1, n)
    ramp[len(ramp) - n :] = np.linspace(1, 0, n)
    return np.asarray(samples * ramp, np.float32)


def equalised(samples: Samples, rng: Rng, _other: Samples) -> Samples:
    """Five random bells of up to 12 dB between 80 Hz and 7 kHz (a parametric equaliser)."""
    out = samples.astype(np.float64)
    for _ in range(5):
        centre = 80 * (7000 / 80) ** rng.uniform()
        numerator, denominator = _bell(centre, rng.uniform(-12, 12), rng.uniform(0.5, 2))
        out = lfilter(numerator, denominator, out)
    return np.asarray(out, np.float32)


def _bell(centre_hz: float, gain_db: float, quality: float) -> tuple[list[float], list[float]]:
    """Return a peaking filter (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquads")."""
    amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * centre_hz / RATE
    alpha = np.sin(angle) / (2 * quality)
    numerator = [1 + alpha * amplitude, -2 * np.cos(angle), 1 - alpha * amplitude]
    return numerator, [1 + alpha / amplitude, -2 * np.cos(angle), 1 - alpha / amplitude]


def room(rng: Rng, rt60_s: float, direct_db: float) -> NDArray[np.float64]:
    """Return an impulse response: direct sound, ten early reflections, an exponential tail."""
    n = round(1.2 * rt60_s * RATE)
    time = np.arange(n) / RATE
    tail = rng.standard_normal(n) * 10 ** (-3 * time / rt60_s) * (time > 0.02)
    tail = lfilter([0.6], [1, -0.4], tail)  # rooms swallow high frequencies first
    early = np.zeros(n)
    places = (rng.uniform(0.004, min(0.08, rt60_s), 10) * RATE).astype(int)
    early[places] = rng.choice([-1, 1], 10) * rng.uniform(0.2, 0.7, 10) * 10 ** (-3 * places / RATE / rt60_s)
    tail *= np.sqrt(max(1e-9, (early**2).sum()) / max(1e-9, (tail**2).sum())) * rng.uniform(0.7, 1.5)
    wet = early + tail
    wet *= 10 ** (-direct_db / 20) / np.sqrt((wet**2).sum())
    wet[0] = 1.0
    return np.asarray(wet)


def reverberant(samples: Samples, rng: Rng, _other: Samples) -> Samples:
    """Play in a drawn room: RT60 0.3 to 1.5 s, the direct sound -3 to +6 dB against the rest."""
    response = room(rng, rng.uniform(0.3, 1.5), rng.uniform(-3, 6))
    return np.asarray(fftconvolve(samples, response)[: len(samples)], np.float32)


def telephone(samples: Samples, _rng: Rng, _other: Samples) -> Samples:
    """Band-limit to 300-3400 Hz at 8 kHz with 8-bit mu-law."""
    narrow = soxr.resample(samples, RATE, 8000)
    narrow = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), narrow)
    narrow = narrow / max(1e-9, float(np.abs(narrow).max()))
    law = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    law = np.round(law * 127) / 127
    back = np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255
    return np.asarray(soxr.resample(back, 8000, RATE), np.float32)


def coded(samples: Samples, _rng: Rng, _other: Samples, codec: str, container: str, bit_rate: int) -> Samples:
    """Return the samples after a round trip through a lossy coding."""
    import av

    buffer = io.BytesIO()
    whole = np.clip(samples * 32767, -32768, 32767).astype(np.int16)[None, :]
    with av.open(buffer, "w", format=container) as writing:
        stream: Any = writing.add_stream(codec, rate=48000 if codec == "libopus" else RATE, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for part in av.AudioResampler(
            format=stream.format, layout="mono", rate=stream.rate, frame_size=stream.frame_size or 960
        ).resample(frame):
            writing.mux(stream.encode(part))
        writing.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as reading:
        back = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        pieces = [part.to_ndarray()[0] for frame in reading.decode(audio=0) for part in back.resample(frame)]
        pieces += [part.to_ndarray()[0] for part in back.resample(None)]
    decoded = np.concatenate(pieces).astype(np.float32)[: len(samples)]
    return np.pad(decoded, (0, len(samples) - len(decoded)))


def _kind(rng: Rng) -> str:
    return KINDS[int(rng.integers(len(KINDS)))]


def _tempo(samples: Samples, rng: Rng, _other: Samples, factor: float) -> Samples:
    return tempo(samples, factor, _kind(rng), RATE)


def _pitch(samples: Samples, rng: Rng, _other: Samples, semitones: float) -> Samples:
    return pitch(samples, semitones, _kind(rng), RATE)


def _speed(samples: Samples, _rng: Rng, _other: Samples, factor: float) -> Samples:
    return speed(samples, factor, RATE)


def _both(samples: Samples, rng: Rng, _other: Samples, semitones: float, factor: float) -> Samples:
    kind = _kind(rng)
    ratio = 2 ** (semitones / 12)  # one stretch and one resampling do both
    return speed(tempo(samples, factor / ratio, kind, RATE), ratio, RATE)


def conditions() -> dict[str, Condition]:
    """Return every condition by name."""
    table = {
        "clean": Condition(lambda samples, _rng, _other: samples),
        "MP3 64k": Condition(partial(coded, codec="libmp3lame", container="mp3", bit_rate=64000)),
        "MP3 32k": Condition(partial(coded, codec="libmp3lame", container="mp3", bit_rate=32000)),
        "Opus 24k": Condition(partial(coded, codec="libopus", container="ogg", bit_rate=24000)),
        "equaliser": Condition(equalised),
        "reverb": Condition(reverberant),
        "telephone": Condition(telephone),
        "embedded": Condition(embedded, begins=1.0),
    }
    table |= {f"noise {db} dB": Condition(partial(with_noise, ratio_db=db)) for db in (10, 0, -6)}
    table |= {f"under {db} dB": Condition(partial(under, ratio_db=db)) for db in (0, -6)}
    for sign in (1, -1):
        for n in (1, 3):
            table[f"pitch {sign * n:+d}"] = Condition(partial(_pitch, semitones=sign * n), semitones=sign * n)
        for percent in (5, 10, 20):
            factor = 1 + sign * percent / 100
            table[f"tempo {sign * percent:+d} %"] = Condition(partial(_tempo, factor=factor), factor)
        for percent in (5, 10):
            factor = 1 + sign * percent / 100
            table[f"speed {sign * percent:+d} %"] = Condition(
                partial(_speed, factor=factor), factor, semitones=12 * float(np.log2(factor))
            )
        factor = 1 - sign * 0.1
        table[f"pitch {sign * 2:+d} tempo {-sign * 10:+d} %"] = Condition(
            partial(_both, semitones=sign * 2, factor=factor), factor, semitones=sign * 2
        )
    return table


CONDITIONS = conditions()
