"""How well sketch keys find copies, and how often they find what is not there; one run, one JSON file.

    python benchmarks/seal/sketch.py MUSIC_FOLDER --out benchmarks/seal/results/sketch.json

The folder holds files named ``artist__title.ogg`` (another suffix will do). Every file is sealed; every
``--every``-th is copied in each way and looked up. Pairs of files by different artists are unrelated. Codings go
through PyAV at the file's own rate (Opus at 48 kHz), mono. Seeded.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from scipy.signal import sosfilt

from linernotes.audio.files import Audio, read_audio
from linernotes.corpus.presence import sketch_threshold
from linernotes.errors import LinernotesError
from linernotes.fingerprint.peaks import find_peaks
from linernotes.fingerprint.spectrum import centred_spectrum
from linernotes.workflows.sound_keys import N_SKETCH_KEYS, PEAKS, constellation_codes, sound_keys

ASKED = (8, 12, 16, 24, 32)  # keys of a copy that are looked up
SUFFIXES = (".ogg", ".flac", ".wav", ".mp3", ".opus")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0, help="at most so much of each file")
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args()
    files = [p for p in sorted(wanted.music.iterdir()) if p.suffix in SUFFIXES and "__" in p.name]
    sealed, music, ordered, spent = {}, {}, {}, 0.0
    for path in files:
        try:
            audio = read_audio(path).excerpt(0.0, wanted.seconds)
        except LinernotesError:
            continue
        start = time.process_time()
        sealed[path.name] = sound_keys(audio)
        spent += time.process_time() - start
        music[path.name] = audio
        ordered[path.name] = chosen_first(audio)
    rng = np.random.default_rng(20_261_123)
    rows = {}
    names = sorted(music)[:: wanted.every]
    for condition, change in CONDITIONS.items():
        copies = [change(music[name], rng) for name in names]
        found = [sound_keys(copy) for copy in copies]
        shared = [
            len({*sealed[name].sketch} & {*keys.sketch}) for name, keys in zip(names, found, strict=True)
        ]
        same = [sealed[name].iscc == keys.iscc for name, keys in zip(names, found, strict=True)]
        asked = fewer_asked([chosen_first(copy) for copy in copies], [ordered[name] for name in names])
        rows[condition] = summary(shared) | {
            "iscc_equal": round(float(np.mean(same)), 3),
            "fewer_asked": asked,
        }
        print(condition, rows[condition], flush=True)
    total = sum(audio.duration_s for audio in music.values())
    content = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "sealed": len(sealed),
        "copied": len(names),
        "sketch_keys": N_SKETCH_KEYS,
        "cpu_s_per_minute_of_audio": round(60 * spent / total, 3),
        "copies": rows,
        "unrelated": unrelated({name: set(keys.sketch) for name, keys in sealed.items()}),
        "unrelated_fewer_asked": unrelated_fewer_asked(ordered),
    }
    wanted.out.write_text(json.dumps(content, indent=1) + "\n")


def chosen_first(audio: Audio) -> list[int]:
    """Return the constellations that a sketch holds, the first to be chosen first."""
    codes = constellation_codes(*find_peaks(centred_spectrum(audio), PEAKS))
    return [int(code) for code in codes[:N_SKETCH_KEYS]]


def fewer_asked(copies: list[list[int]], originals: list[list[int]]) -> dict[str, Any]:
    """Return hit rates where a copy is looked up under fewer keys than the corpus holds of each recording."""
    found = {}
    for n in ASKED:
        counts = [len({*copy[:n]} & {*original}) for copy, original in zip(copies, originals, strict=True)]
        found[str(n)] = summary(counts)
    return found


def unrelated_fewer_asked(ordered: dict[str, list[int]]) -> dict[str, list[int]]:
    """Count, per number of keys asked, the keys that ordered pairs by different artists share."""
    held = {name: {*codes} for name, codes in ordered.items()}
    others = [(a, b) for a in ordered for b in ordered if a.split("__")[0] != b.split("__")[0]]
    return {
        str(n): np.bincount([len({*ordered[a][:n]} & held[b]) for a, b in others], minlength=6).tolist()
        for n in ASKED
    }


def summary(shared: list[int]) -> dict[str, Any]:
    counts = np.array(shared)
    rates = {f"hit_rate_{n}": round(float((counts >= n).mean()), 3) for n in (3, 4, 5)}
    return {
        "n": len(shared),
        "mean_shared": round(float(counts.mean()), 1),
        "least": int(counts.min()),
        **rates,
    }


def unrelated(sketches: dict[str, set[str]]) -> dict[str, Any]:
    """Count sketch keys that pairs by different artists share; and what that means for larger corpora."""
    names = sorted(sketches)
    shared = [
        len(sketches[a] & sketches[b])
        for i, a in enumerate(names)
        for b in names[:i]
        if a.split("__")[0] != b.split("__")[0]
    ]
    counts = np.bincount(shared, minlength=6)
    rate = float(np.mean(np.array(shared) > 0))
    expected = {
        str(n): {
            "threshold": sketch_threshold(n),
            "false_presence": poisson_tail(rate, sketch_threshold(n)) * n,
        }
        for n in (1_000, 100_000, 1_000_000)
    }
    return {
        "pairs": len(shared),
        "pairs_by_keys_shared": counts.tolist(),
        "share_with_one_or_more": round(rate, 5),
        "if_keys_were_independent": expected,
    }


def poisson_tail(mean: float, least: int) -> float:
    term, below = float(np.exp(-mean)), 0.0
    for n in range(least):
        below += term
        term *= mean / (n + 1)
    return max(term, 1.0 - below if below < 0.999999 else term)


def coded(audio: Audio, codec: str, container: str, bit_rate: int) -> Audio:
    """Return the sound after a round trip through a lossy coding, with the delay that the decoder leaves."""
    rate = 48_000 if codec == "libopus" else audio.sample_rate
    samples = audio.samples
    if rate != audio.sample_rate:
        samples = soxr.resample(samples, audio.sample_rate, rate)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as writing:
        stream: Any = writing.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        whole = np.clip(samples * 32767, -32768, 32767).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        size = stream.frame_size or 960
        for part in av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=size
        ).resample(frame):
            writing.mux(stream.encode(part))
        writing.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as reading:
        back = av.AudioResampler(format="flt", layout="mono", rate=rate)
        pieces = [p.to_ndarray()[0] for f in reading.decode(audio=0) for p in back.resample(f)]
    return Audio(np.concatenate(pieces).astype(np.float32), rate)


def equalised(audio: Audio, rng: np.random.Generator) -> Audio:
    """Return the sound through four random bells of up to 6 dB."""
    samples = audio.samples
    for centre in np.geomspace(200, 3000, 4):
        samples = sosfilt([bell(centre, rng.uniform(-6, 6), audio.sample_rate)], samples)
    return Audio((samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32), audio.sample_rate)


def bell(centre: float, gain_db: float, rate: int) -> list[float]:
    amplitude, angle = 10 ** (gain_db / 40), 2 * np.pi * centre / rate
    alpha = np.sin(angle) / 2
    b = [1 + alpha * amplitude, -2 * np.cos(angle), 1 - alpha * amplitude]
    a = [1 + alpha / amplitude, -2 * np.cos(angle), 1 - alpha / amplitude]
    return [value / a[0] for value in (*b, *a)]


def cut(audio: Audio, first: float, last: float) -> Audio:
    n = len(audio.samples)
    return Audio(audio.samples[int(first * n) + 77 : int(last * n)], audio.sample_rate)


Change = Callable[[Audio, np.random.Generator], Audio]
CONDITIONS: dict[str, Change] = {
    "MP3 128k": lambda audio, _: coded(audio, "libmp3lame", "mp3", 128_000),
    "MP3 64k": lambda audio, _: coded(audio, "libmp3lame", "mp3", 64_000),
    "MP3 32k": lambda audio, _: coded(audio, "libmp3lame", "mp3", 32_000),
    "Opus 64k": lambda audio, _: coded(audio, "libopus", "ogg", 64_000),
    "Opus 32k": lambda audio, _: coded(audio, "libopus", "ogg", 32_000),
    "equaliser": equalised,
    "gain -12 dB": lambda audio, _: Audio(audio.samples * np.float32(0.25), audio.sample_rate),
    "5 s cut off at either end": lambda audio, _: Audio(
        audio.samples[5 * audio.sample_rate + 77 : -5 * audio.sample_rate], audio.sample_rate
    ),
    "middle half": lambda audio, _: cut(audio, 0.25, 0.75),
    "middle half, MP3 64k": lambda audio, _: coded(cut(audio, 0.25, 0.75), "libmp3lame", "mp3", 64_000),
    "a third": lambda audio, _: cut(audio, 0.33, 0.66),
}


if __name__ == "__main__":
    main()
