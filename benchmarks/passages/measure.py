"""Recall, ends and false flags of passage detection, on real music.

    python benchmarks/passages/measure.py DATA_AUDIO_FOLDER --detectors segments --queries 24 --out results.json

DATA_AUDIO_FOLDER holds ``manifest.csv`` (columns file and artist_id) and the recordings. Artists, not recordings, are
split: passages are planted from artists of part 0 into 12 s of artists of part 1; controls are searched among artists
other than their own. The parts are those of ``benchmarks/identify``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soxr

from linernotes.audio.files import Audio, read_audio
from linernotes.evaluation.exact_rates import Rate
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.passages.features import segment_features
from linernotes.fingerprint.passages.notes import NoteIndex
from linernotes.workflows.passages import PassageConfig, find_passages, note_line_of

RATE, HOST_S = 8000, 12.0
CONDITIONS = (
    ("clean", 5.0),
    ("clean", 2.0),
    ("over 0 dB", 5.0),
    ("over -6 dB", 5.0),
    ("pitch +1", 5.0),
    ("pitch -1", 5.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detectors", default="landmarks,segments,notes")
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--controls", type=int, default=120)
    parser.add_argument("--every", type=int, default=1, help="take every n-th recording of part 0")
    parser.add_argument("--parts", default="0,1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--conditions", default="", help="such as 'over 0 dB,pitch +1'; all when empty")
    parser.add_argument(
        "--index-alone", action="store_true", help="without second looks at the recordings' audio"
    )
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    source_part, host_part = (int(text) for text in given.parts.split(","))
    music = load(given.folder, {source_part, host_part})
    sources = [name for name in music if part(music[name][0]) == source_part][:: given.every]
    hosts = [name for name in music if part(music[name][0]) == host_part and lasts(music[name], HOST_S)]
    config = PassageConfig(detectors=tuple(given.detectors.split(",")))
    listen = None if given.index_alone else lambda name, start, end: music[name][1].excerpt(start, end)
    known = {name: prepared(music[name][1], name, config) for name in sources}
    minutes = sum(len(music[name][1].samples) for name in sources) / RATE / 60
    results: dict[str, object] = {
        "detectors": config.detectors,
        "minutes": round(minutes, 1),
        "n": len(sources),
    }
    draw = np.random.default_rng(given.seed)
    asked = given.conditions.split(",") if given.conditions else {name for name, _ in CONDITIONS}
    for condition, seconds in CONDITIONS if given.queries else ():
        if condition not in asked:
            continue
        row = planted_row(
            condition, seconds, given.queries, draw, music, sources, hosts, known, config, listen
        )
        results[f"{condition}, {seconds:g} s"] = row
        print(condition, seconds, row, flush=True)
    if given.controls:
        results["controls"] = control_row(given.controls, draw, music, sources, known, config, listen)
        print("controls", results["controls"], flush=True)
    if given.out:
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def part(artist: str) -> int:
    return hashlib.sha256(f"linernotes/{artist}".encode()).digest()[0] % 4


def load(folder: Path, parts: set[int]) -> dict[str, tuple[str, Audio]]:
    found = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if part(row["artist_id"]) in parts and "stems/" not in row["file"]:
                found[row["file"]] = (row["artist_id"], read_audio(folder / row["file"], RATE))
    return found


def lasts(one, seconds):
    return one[1].duration_s > seconds


def prepared(audio, name, config):
    return (
        find_landmarks(audio, name=name) if "landmarks" in config.detectors else None,
        segment_features(audio),
        note_line_of(audio) if "notes" in config.detectors else None,
    )


def collection(known, names, config):
    index = ()
    if "landmarks" in config.detectors:
        index = FingerprintIndex.empty().add([(name, "0" * 64, known[name][0]) for name in names])
    notes = None
    if "notes" in config.detectors:
        notes = NoteIndex({name: known[name][2] for name in names})
    return index, {name: known[name][1] for name in names}, notes


def host_of(draw, audio):
    start = draw.uniform(0, audio.duration_s - HOST_S)
    return audio.excerpt(start, start + HOST_S)


def loudness(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def plant(condition, seconds, draw, source, host):
    """Return the output, and where the passage lies in it."""
    factor = {"pitch +1": 2 ** (1 / 12), "pitch -1": 2 ** (-1 / 12)}.get(condition, 1.0)
    start = draw.uniform(0, source.duration_s - seconds * 1.1)
    taken = source.excerpt(start, start + seconds * factor + 0.05).samples
    if factor != 1.0:  # as a tape that runs faster
        taken = soxr.resample(taken, RATE * factor, RATE)
    taken = taken[: round(seconds * RATE)]
    samples = host.samples.copy()
    first = int(draw.integers(0, len(samples) - len(taken)))
    taken = taken * (loudness(samples) / loudness(taken))
    if condition.startswith("over"):
        samples[first : first + len(taken)] += taken * 10 ** (float(condition.split()[1]) / 20)
    else:
        samples[first : first + len(taken)] = taken
    return Audio(samples.astype(np.float32), RATE), first / RATE


def planted_row(condition, seconds, n, draw, music, sources, hosts, known, config, listen):
    index, features, notes = collection(known, sources, config)
    found, ends, by, spent, others = 0, [], Counter(), 0.0, 0
    sources = [name for name in sources if lasts(music[name], seconds * 1.1)]
    for _ in range(n):
        name = sources[int(draw.integers(len(sources)))]
        host = host_of(draw, music[hosts[int(draw.integers(len(hosts)))]][1])
        output, at = plant(condition, seconds, draw, music[name][1], host)
        begun = time.process_time()
        passages = find_passages(output, index, features, notes, config=config, listen=listen)
        spent += time.process_time() - begun
        own = [
            p
            for p in passages
            if p.recording_id == name and p.query.start_s < at + seconds and p.query.end_s > at
        ]
        others += any(p.recording_id != name for p in passages)
        if own:
            found += 1
            ends.append(max(abs(own[0].query.start_s - at), abs(own[0].query.end_s - at - seconds)))
            by.update((own[0].detector, *own[0].confirmed_by))
    return {
        "recall": Rate.of(found, n).as_json(),
        "ends_within_half_a_second": round(float(np.mean(np.array(ends) <= 0.5)), 3) if ends else None,
        "found_by": dict(by),
        "other_recordings_flagged": others,
        "cpu_s": round(spent / n, 2),
    }


def control_row(n, draw, music, sources, known, config, listen):
    flagged, lengths = 0, []
    played = [name for name in music if lasts(music[name], HOST_S)]
    for _ in range(n):
        name = played[int(draw.integers(len(played)))]
        artist, audio = music[name]
        others = [other for other in sources if music[other][0] != artist]
        index, features, notes = collection(known, others, config)
        passages = find_passages(host_of(draw, audio), index, features, notes, config=config, listen=listen)
        flagged += bool(passages)
        for one in passages:
            lengths.append(round(one.query.duration_s, 2))
            print(
                "  flagged",
                name,
                one.recording_id,
                one.detector,
                one.false_match_rate,
                one.query,
                one.alikeness,
            )
    return Rate.of(flagged, n).as_json() | {"lengths_s": lengths}


if __name__ == "__main__":
    main()
