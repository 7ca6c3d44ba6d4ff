"""Chromaprint here and in ``fpcalc``, chance on unrelated music, recall, and growth; one run, one JSON file.

    python benchmarks/chromaprint/run.py MUSIC_FOLDER --out benchmarks/chromaprint/results/all.json

The folder holds files named ``artist__title.ogg`` (another suffix will do), eight artists or more. Pairs of
recordings by different artists are unrelated. ``fpcalc`` is called when it is installed. Seeded; about ten
CPU-minutes for 200 recordings (``--recordings`` and ``--parts`` make it shorter).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import LinernotesError
from linernotes.fingerprint.chromaprint import chance
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.scoring import best_scores, bit_errors, changes, shared_changes
from linernotes.fingerprint.chromaprint.search import search

SUFFIXES = (".ogg", ".flac", ".wav", ".mp3", ".opus")
LIMIT = 1e-4
REFERENCES = 80  # recordings that each query is compared with, item by item
CONDITIONS = {
    "clean 3 s": 3, "clean 5 s": 5, "clean 10 s": 10, "clean 20 s": 20, "MP3 64k 10 s": 10, "noise 10 dB 10 s": 10,
    "noise 0 dB 10 s": 10, "noise -6 dB 10 s": 10, "telephone 10 s": 10, "under another -6 dB 10 s": 10,
    "tempo +3 % 10 s": 10, "speed +2 % 10 s": 10, "pitch +1 semitone 10 s": 10,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=10_000, help="at most so many")
    parser.add_argument("--parts", default="agreement,chance,recall,growth")
    parser.add_argument("--growth", default="1000,10000,100000", help="recordings of two minutes")
    wanted = parser.parse_args(arguments)
    files = [p for p in sorted(wanted.music.iterdir()) if p.suffix in SUFFIXES and "__" in p.name]
    files = files[:: max(1, len(files) // wanted.recordings)][: wanted.recordings]
    rng = np.random.default_rng(20_261_123)
    music = []
    for path in files:
        try:
            audio = read_audio(path)
            if audio.duration_s >= 12:
                music.append((path, audio, extract(audio, None)))
        except LinernotesError as error:
            print(f"left out: {error}", file=sys.stderr)
    parts = wanted.parts.split(",")
    found = {"recordings": len(music), "artists": len({artist(path) for path, _, _ in music})}
    if "agreement" in parts:
        found["agreement"] = agreement(music[:: max(1, len(music) // 20)][:20])
        print(json.dumps(found["agreement"]))
    if "chance" in parts:
        found["chance"] = unrelated(music, rng)
        print(json.dumps(found["chance"], indent=1))
    if "recall" in parts:
        found["recall"] = recall(music, rng)
        print(json.dumps(found["recall"], indent=1))
    if "growth" in parts:
        found["growth"] = [growth(music, int(n), rng) for n in wanted.growth.split(",")]
        print(json.dumps(found["growth"], indent=1))
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def artist(path: Path) -> str:
    return path.name.split("__")[0]


def agreement(music):
    """Bits that differ from what ``fpcalc`` says of the same files, and the speed of both."""
    if not shutil.which("fpcalc"):
        return {"left out": "fpcalc is not installed (Debian: libchromaprint-tools)"}
    n_bits, wrong, ours_s, theirs_s, audio_s, perfect, worst = 0, 0, 0.0, 0.0, 0.0, 0, 0.0
    for path, audio, _ in music:
        start = time.perf_counter()
        done = subprocess.run(["fpcalc", "-raw", "-json", str(path)], capture_output=True, check=False)
        theirs_s += time.perf_counter() - start
        theirs = Chromaprint.of(json.loads(done.stdout)["fingerprint"]).values
        start = time.perf_counter()
        ours = extract(audio).values
        ours_s += time.perf_counter() - start
        n = min(len(ours), len(theirs))
        differ = int(bit_errors(ours[:n], theirs[:n]).sum())
        perfect += differ == 0 and len(ours) == len(theirs)
        worst = max(worst, differ / (32 * n))
        n_bits, wrong, audio_s = n_bits + 32 * n, wrong + differ, audio_s + min(120.0, audio.duration_s)
    version = subprocess.run(
        ["fpcalc", "-version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        "fpcalc": version, "files": len(music), "identical files": perfect, "bits": n_bits, "wrong bits": wrong,
        "bit error rate": wrong / n_bits, "worst file": worst, "times real time, decoded": audio_s / ours_s,
        "fpcalc times real time, with decoding": audio_s / theirs_s,
    }  # fmt: skip


def unrelated(music, rng):
    """Score each pair by different artists at every offset, and compare with what the shipped law expects."""
    scores, sizes, names = [], [], []
    chosen = ["clean 5 s", "clean 10 s", "clean 20 s", "noise 0 dB 10 s", "pitch +1 semitone 10 s"]
    for path, audio, _ in music:
        for condition in chosen:
            seconds = CONDITIONS[condition]
            if audio.duration_s < seconds + 1 or (condition != "clean 10 s" and rng.uniform() > 0.5):
                continue
            query = extract(altered(cut(audio, seconds, rng)[0], condition, None, rng), None).values
            others = [one for one in music if artist(one[0]) != artist(path)]
            for k in rng.permutation(len(others))[:REFERENCES]:
                other, _, reference = others[k]
                scores.append(every_offset(query, reference.values))
                sizes.append(len(query) * len(reference))
                names.append(f"{path.stem} ({condition}) / {other.stem}")
    score, size = np.array(scores), np.array(sizes, float)
    highest = np.argsort(-score)[:5]
    laws = {}
    for quantile in (0.9, 0.99, 0.999):
        above = score[score > np.quantile(score, quantile)]
        edge = float(np.quantile(score, quantile))
        rate = 1 / float(np.mean(above - edge))
        laws[str(quantile)] = {"rate": rate, "log_k": math.log(len(above) / size.sum()) + rate * edge}
    shipped = {}
    for level in (1e-2, 1e-3, 1e-4, 1e-5):
        needed = (chance.LOG_K + np.log(size) - math.log(-math.log1p(-level))) / chance.RATE
        shipped[str(level)] = {"expected": level * len(score), "seen": int((score > needed).sum())}
    return {
        "pairs": len(score), "hours of comparisons, item by item": float(size.sum() * 0.1238 / 3600),
        "fitted above quantile": laws, "shipped": {"rate": chance.RATE, "log_k": chance.LOG_K},
        "pairs above the score of a false-match rate (per pair)": shipped,
        "highest": [[names[i], float(score[i])] for i in highest],
    }  # fmt: skip


def every_offset(query, reference) -> float:
    n = len(query)
    pad = np.zeros(n - 1, np.uint32)
    place = np.lib.stride_tricks.sliding_window_view
    values, turns = (np.concatenate([pad, x, pad]) for x in (reference, changes(reference)))
    inside = np.concatenate([pad == 1, np.ones(len(reference), bool), pad == 1])
    errors = bit_errors(place(values, n), query)
    shared = shared_changes(place(turns, n), changes(query))
    return float(best_scores(errors, shared, place(inside, n)).max())


def cut(audio, seconds, rng):
    start = float(rng.uniform(0, audio.duration_s - seconds - 0.1))
    return audio.excerpt(start, start + seconds), start


def altered(audio, condition, other, rng):
    x, rate = audio.samples, audio.sample_rate
    level = float(np.sqrt(np.mean(np.square(x)))) + 1e-9
    name = condition.rsplit(" ", 2)[0]
    if name == "MP3 64k":
        held = io.BytesIO()
        soundfile.write(held, x, rate, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
        held.seek(0)
        return Audio(soundfile.read(held, dtype="float32")[0], rate)
    if name.startswith("noise"):
        below = float(name.split()[1])
        return Audio(x + rng.standard_normal(len(x)).astype(np.float32) * level * 10 ** (-below / 20), rate)
    if name == "telephone":
        from scipy.signal import butter, sosfilt

        band = butter(2, [300, 3400], "band", fs=rate, output="sos")
        return Audio(sosfilt(band, x).astype(np.float32), rate)
    if name == "under another -6 dB":
        y = soxr.resample(other.samples, other.sample_rate, rate)[: len(x)]
        y = np.pad(y, (0, len(x) - len(y)))
        return Audio(x + y * level / (float(np.sqrt(np.mean(np.square(y)))) + 1e-9) * 10 ** (6 / 20), rate)
    if name == "speed +2 %":
        return Audio(soxr.resample(x, rate * 1.02, rate), rate)
    if name == "tempo +3 %":
        return Audio(stretched(x, 1 / 1.03), rate)
    if name == "pitch +1 semitone":
        up = 2 ** (1 / 12)
        return Audio(soxr.resample(stretched(x, up), rate * up, rate), rate)
    return audio


def stretched(x, factor, n=2048, hop=512):
    """Change the length by a phase vocoder; good enough to judge a fingerprint by."""
    window = np.hanning(n).astype(np.float32)
    times = np.arange(0, len(x) - n - hop, hop / factor)
    advance = 2 * np.pi * hop * np.arange(n // 2 + 1) / n
    out = np.zeros(len(times) * hop + n, np.float32)
    phase = np.angle(np.fft.rfft(x[:n] * window))
    for i, t in enumerate(times.astype(int)):
        one, two = np.fft.rfft(x[t : t + n] * window), np.fft.rfft(x[t + hop : t + hop + n] * window)
        out[i * hop : i * hop + n] += (np.fft.irfft(np.abs(one) * np.exp(1j * phase)) * window).astype(
            np.float32
        )
        turn = np.angle(two) - np.angle(one) - advance
        phase = phase + advance + turn - 2 * np.pi * np.round(turn / (2 * np.pi))
    return out / 1.5


def index_of(music):
    entries = [
        (Recording(recording_id=path.stem, title="", artist=artist(path)), audio.duration_s, fingerprint)
        for path, audio, fingerprint in music
    ]
    return PrintIndex.empty().add(entries)


def recall(music, rng):
    """Count recordings found at a false-match rate of 1e-4 per query, and answers that name another artist."""
    index = index_of(music)
    table = {}
    for condition, seconds in CONDITIONS.items():
        found, false, cpu, asked = 0, 0, 0.0, 0
        for i, (path, audio, _) in enumerate(music):
            if audio.duration_s < seconds + 1:
                continue
            other = music[(i + len(music) // 2) % len(music)][1]
            query = extract(altered(cut(audio, seconds, rng)[0], condition, other, rng), None)
            start = time.process_time()
            answers = search(query, index, chance.score_needed(LIMIT, len(query), len(index.values)))
            cpu, asked = cpu + time.process_time() - start, asked + 1
            who = [index.entries[a.entry].recording for a in answers]
            found += path.stem in [one.recording_id for one in who]
            extra = {one.artist for one in who} - {artist(path)}
            false += bool(
                extra
                - ({artist(music[(i + len(music) // 2) % len(music)][0])} if "under" in condition else set())
            )
        table[condition] = {
            "queries": asked,
            "found": found,
            "other artists named": false,
            "CPU ms": 1000 * cpu / asked,
        }
    return table


def growth(music, n_recordings, rng):
    """Time and size when the catalogue grows: shuffled pieces of one second of real fingerprints, two minutes each."""
    half = len(music) // 2
    pool = np.concatenate([fingerprint.values for _, _, fingerprint in music[:half]])
    starts = rng.integers(0, len(pool) - 8, n_recordings * 119)
    values = pool[starts[:, None] + np.arange(8)].reshape(n_recordings, -1)
    entries = [
        (Recording(recording_id=f"made-{i}", title="", artist=""), 120.0, Chromaprint(row))
        for i, row in enumerate(values)
    ]
    base = index_of(music[half:])
    start = time.process_time()
    index = base.add(entries)
    build_s = time.process_time() - start
    found, asked, cpu = 0, 0, []
    for path, audio, _ in music[half:][:60]:
        query = extract(altered(cut(audio, 10, rng)[0], "noise 10 dB 10 s", None, rng), None)
        start = time.process_time()
        answers = search(query, index, chance.score_needed(LIMIT, len(query), len(index.values)))
        cpu.append(time.process_time() - start)
        found, asked = (
            found + (path.stem in [index.entries[a.entry].recording.recording_id for a in answers]),
            asked + 1,
        )
    n_bytes = index.values.nbytes + index.postings.nbytes + index.key_starts.nbytes
    return {
        "recordings": len(index.entries), "hours": len(index.values) * 0.1238 / 3600, "build CPU s": build_s,
        "bytes per hour": n_bytes / (len(index.values) * 0.1238 / 3600), "noise 10 dB, 10 s: found": found,
        "queries": asked, "CPU ms, median": 1000 * float(np.median(cpu)), "CPU ms, largest": 1000 * max(cpu),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
