"""Recall and false matches of `linernotes identify` on real music, one row per kind of damage.

    python benchmarks/identify/run.py MUSIC_FOLDER --recordings 24 --out results/identify.json

The catalogue holds the recordings of one quarter of the artists, the unrelated queries are by another
quarter; ``--half report`` takes the two quarters that nothing was fitted on. A query counts as found
when the first match is its own recording at the right place (within a second). Every answer about an
unrelated query is a false match.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from material import CONDITIONS, RATE, Samples, Source, as_audio, build_index, part, sources

from linernotes.audio.files import read_audio
from linernotes.errors import TooShort
from linernotes.evidence import Match
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.match import identify_audio

LONGEST_S = 12.0  # a faster query needs more material than it is long


def damaged(excerpt: Samples, condition: str, seed: int) -> Samples:
    """Damage the excerpt; every condition gets the same start."""
    seconds, distort = CONDITIONS[condition]
    wanted = round(seconds * RATE)
    given = excerpt if seconds >= 10 else excerpt[:wanted]
    return distort(given, np.random.default_rng(seed))[:wanted]


def ask(samples: Samples, index: FingerprintIndex, rate: float) -> tuple[tuple[Match, ...], float]:
    """Return the matches and the CPU seconds they took."""
    begin = time.process_time()
    try:
        return identify_audio(
            as_audio(samples), index, max_false_match_rate=rate
        ), time.process_time() - begin
    except TooShort:
        return (), time.process_time() - begin


def right(match: Match, source: Source, start: float) -> bool:
    """Tell whether a match names the recording and the place."""
    expected = start + match.query.start_s / match.time_ratio
    return match.recording_id == str(source.path) and abs(match.reference.start_s - expected) < 1.0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run every condition over the chosen recordings and return the counts."""
    music = sources(args.folder)
    first = 0 if args.half == "dev" else 2
    catalogue = [m for m in music if part(m.artist) == first]
    unrelated = [m for m in music if part(m.artist) == first + 1]
    index = build_index(catalogue)
    rng = np.random.default_rng(args.seed)
    conditions = args.conditions or list(CONDITIONS)
    rows = {name: {"queries": 0, "found": 0, "named": 0, "negatives": 0, "false": 0} for name in conditions}
    seconds = {name: [] for name in conditions}
    answers: list[dict[str, Any]] = []
    for known, group, wanted in ((True, catalogue, args.recordings), (False, unrelated, args.negatives)):
        chosen = [group[k] for k in rng.permutation(len(group))]
        n_used = 0
        for source in chosen:
            audio = read_audio(source.path, RATE)
            if audio.duration_s < LONGEST_S + 1 or n_used == wanted:
                continue
            start = float(rng.uniform(0, audio.duration_s - LONGEST_S))
            excerpt = audio.excerpt(start, start + LONGEST_S).samples
            if np.sqrt((excerpt[: 3 * RATE] ** 2).mean()) < 1e-3:
                continue
            n_used += 1
            for name in conditions:
                matches, spent = ask(damaged(excerpt, name, args.seed + n_used), index, args.rate)
                seconds[name].append(spent)
                row = rows[name]
                row["queries" if known else "negatives"] += 1
                row["found"] += known and bool(matches) and right(matches[0], source, start)
                row["named"] += known and bool(matches) and matches[0].recording_id == str(source.path)
                row["false"] += not known and bool(matches)
                if matches and not (known and matches[0].recording_id == str(source.path)):
                    best = matches[0]
                    answers.append(
                        {
                            "condition": name,
                            "query": source.path.stem,
                            "answer": Path(best.recording_id).stem,
                            "score": best.score,
                            "false_match_rate": best.false_match_rate,
                            "known": known,
                        }
                    )
    for name in conditions:
        rows[name]["median_cpu_s"] = round(float(np.median(seconds[name])), 3)
    return {
        "half": args.half,
        "seed": args.seed,
        "max_false_match_rate": args.rate,
        "catalogue": {
            "recordings": len(index.recordings),
            "hours": round(index.n_frames * 0.016 / 3600, 3),
            "bytes": sum(
                a.nbytes for a in (index.postings, index.key_starts, index.peak_times, index.peak_bands)
            ),
        },
        "conditions": rows,
        "other_answers": answers,
        "machine": {"platform": platform.platform(), "python": platform.python_version()},
        "libraries": {name: version(name) for name in ("linernotes", "numpy", "scipy", "numba", "soxr")},
        "chromaprint": "installed, not run here" if shutil.which("fpcalc") else "not installed",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--half", choices=("dev", "report"), default="dev")
    parser.add_argument("--recordings", type=int, default=12)
    parser.add_argument("--negatives", type=int, default=6)
    parser.add_argument("--conditions", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    result = measure(args)
    print(f"{'condition':24}found  named  of   false  of   CPU s")
    for name, row in result["conditions"].items():
        print(f"{name:24}{row['found']:5}  {row['named']:5}  {row['queries']:3}  "
              f"{row['false']:5}  {row['negatives']:3}  {row['median_cpu_s']:.3f}")  # fmt: skip
    for answer in result["other_answers"]:
        print(answer)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
