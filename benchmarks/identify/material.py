"""Real music for the identification benchmarks: which files, whose, which half, and how they are damaged.

A folder of audio files is enough. Artists are told by a ``manifest.csv`` (columns ``file`` and
``artist_id``) or by file names of the form ``artist__title.ogg``. Artists, not files, are split: what
is called unrelated is never by the same artist.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from linernotes.audio.files import AUDIO_SUFFIXES, Audio, read_audio
from linernotes.errors import TooShort
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks

RATE = 16000
Samples = NDArray[np.float32]
HOW_TO_GET = (
    "give a folder of music files named artist__title.ext, or set LINERNOTES_DATA to one; "
    "freely licensed music is at https://freemusicarchive.org and https://opengameart.org"
)


@dataclass(frozen=True)
class Source:
    """One audio file and its artist."""

    path: Path
    artist: str


def sources(folder: str | None) -> list[Source]:
    """Return every audio file under the folder, in order; stop with a reason when there is none."""
    place = folder or os.environ.get("LINERNOTES_DATA")
    if not place or not Path(place).is_dir():
        sys.exit(f"skipped: no music at {place!r}; {HOW_TO_GET}")
    root = Path(place)
    artists: dict[Path, str] = {}
    for manifest in root.rglob("manifest.csv"):
        with manifest.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if "file" in row and "artist_id" in row:
                    artists[(manifest.parent / row["file"]).resolve()] = row["artist_id"]
    files = sorted(p.resolve() for p in root.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    found = [Source(p, artists.get(p, p.stem.split("__")[0])) for p in files]
    if len({one.artist for one in found}) < 8:
        sys.exit(
            f"skipped: {len(found)} files under {root}; expected music by at least 8 artists; {HOW_TO_GET}"
        )
    return found


def part(artist: str) -> int:
    """Return the part, 0 to 3, that an artist belongs to: 0 and 1 for development, 2 and 3 for reports."""
    return hashlib.sha256(f"linernotes/{artist}".encode()).digest()[0] % 4


def build_index(chosen: list[Source]) -> FingerprintIndex:
    """Index the files; those without a landmark are passed over."""
    entries = []
    for one in chosen:
        try:
            entries.append((str(one.path), "0" * 64, find_landmarks(read_audio(one.path))))
        except TooShort:
            continue
    return FingerprintIndex.empty().add(entries)


def excerpts(
    chosen: list[Source], seconds: float, count: int, seed: int, per_file: int = 1
) -> Iterator[tuple[Source, float, Samples]]:
    """Give excerpts with sound in them: file, start in seconds, samples at 16 kHz."""
    rng = np.random.default_rng(seed)
    given = 0
    for place in np.concatenate([rng.permutation(len(chosen)) for _ in range(4)]):
        audio = read_audio(chosen[place].path, RATE)
        if audio.duration_s < seconds + 1:
            continue
        for start in rng.uniform(0, audio.duration_s - seconds, per_file):
            samples = audio.excerpt(start, start + seconds).samples
            if np.sqrt((samples**2).mean()) > 1e-3:
                given += 1
                yield chosen[place], float(start), samples
            if given == count:
                return


def coded(samples: Samples, container: str, subtype: str, level: float) -> Samples:
    """Return the samples after a round trip through a lossy coding."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=container, subtype=subtype, compression_level=level)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0].astype(np.float32)


def with_noise(samples: Samples, ratio_db: float, rng: np.random.Generator) -> Samples:
    """Add pink-like noise at a signal-to-noise ratio."""
    noise = lfilter([1.0], [1.0, -0.95], rng.standard_normal(len(samples))).astype(np.float32)
    gain = np.sqrt((samples**2).mean() / (noise**2).mean()) * 10 ** (-ratio_db / 20)
    return (samples + gain * noise).astype(np.float32)


def equalised(samples: Samples, _rng: np.random.Generator) -> Samples:
    """Cut the low end and lift the top, as a small loudspeaker and a presence knob would."""
    low = sosfilt(butter(2, 400, "highpass", fs=RATE, output="sos"), samples)
    top = sosfilt(butter(1, 2500, "highpass", fs=RATE, output="sos"), samples)
    return (low + 2 * top).astype(np.float32)


def telephone(samples: Samples, _rng: np.random.Generator) -> Samples:
    """Band-limit to 300–3400 Hz at 8 kHz with 8-bit mu-law."""
    narrow = soxr.resample(samples, RATE, 8000)
    narrow = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), narrow)
    narrow = narrow / max(1e-9, float(np.abs(narrow).max()))
    law = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    law = np.round(law * 127) / 127
    back = np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255
    return soxr.resample(back, 8000, RATE).astype(np.float32)


def speed(samples: Samples, factor: float) -> Samples:
    """Play faster (above 1): pitch and tempo move together."""
    return soxr.resample(samples, RATE * factor, RATE).astype(np.float32)


def tempo(samples: Samples, factor: float) -> Samples:
    """Play faster at the same pitch: a phase vocoder with phase locking to the loudest bin around."""
    length, hop = 1024, 128
    window = np.hanning(length).astype(np.float32)
    places = np.arange(0, len(samples) - length - hop, hop * factor).astype(int)
    here = np.fft.rfft(np.stack([samples[p : p + length] for p in places]) * window, axis=1)
    before = np.fft.rfft(np.stack([samples[max(0, p - hop) :][:length] for p in places]) * window, axis=1)
    advance = np.angle(here) - np.angle(before)
    phase = np.cumsum(advance, axis=0)
    frames = np.fft.irfft(np.abs(here) * np.exp(1j * phase), axis=1) * window
    out = np.zeros(hop * len(places) + length, np.float32)
    for k, frame in enumerate(frames):
        out[k * hop : k * hop + length] += frame
    return (out * (hop / (window**2).sum())).astype(np.float32)


def pitch(samples: Samples, semitones: float) -> Samples:
    """Shift the pitch at the same tempo: stretch, then resample."""
    factor = 2 ** (semitones / 12)
    return speed(tempo(samples, 1 / factor), factor)


Distortion = Callable[[Samples, np.random.Generator], Samples]
CONDITIONS: dict[str, tuple[float, Distortion]] = {
    "10 s clean": (10, lambda x, r: x),
    "5 s clean": (5, lambda x, r: x),
    "3 s clean": (3, lambda x, r: x),
    "MP3, low rate": (10, lambda x, r: coded(x, "MP3", "MPEG_LAYER_III", 0.85)),
    "Vorbis, lowest quality": (10, lambda x, r: coded(x, "OGG", "VORBIS", 1.0)),
    "equaliser": (10, equalised),
    "telephone": (10, telephone),
    "noise 10 dB": (10, lambda x, r: with_noise(x, 10, r)),
    "noise 0 dB": (10, lambda x, r: with_noise(x, 0, r)),
    "noise -6 dB": (10, lambda x, r: with_noise(x, -6, r)),
    "5 s, noise 0 dB": (5, lambda x, r: with_noise(x, 0, r)),
    "pitch +1": (10, lambda x, r: pitch(x, 1)),
    "pitch -1": (10, lambda x, r: pitch(x, -1)),
    "pitch +3": (10, lambda x, r: pitch(x, 3)),
    "tempo +5 %": (10, lambda x, r: tempo(x, 1.05)),
    "tempo -5 %": (10, lambda x, r: tempo(x, 0.95)),
    "tempo +10 %": (10, lambda x, r: tempo(x, 1.10)),
    "speed +2 %": (10, lambda x, r: speed(x, 1.02)),
    "speed +6 %": (10, lambda x, r: speed(x, 1.06)),
}


def as_audio(samples: Samples) -> Audio:
    """Return samples of the benchmark's rate as audio."""
    return Audio(np.ascontiguousarray(samples, np.float32), RATE)
