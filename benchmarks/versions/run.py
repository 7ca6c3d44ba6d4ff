"""Measure version identification on the test split, against three baselines.

    python benchmarks/versions/run.py [DATA_FOLDER] [--size N] [--keep FOLDER]

DATA_FOLDER (or the environment variable LINERNOTES_DATA) holds ``audio/`` (``manifest.csv``,
``version_groups.csv`` and recordings) and, if wanted, ``symbolic/pop909`` and ``symbolic/asap`` as their
authors publish them. Without a folder the benchmark is skipped with that reason. Writes
``results/test.json``. About two CPU-minutes at the default size of six works per collection.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import zlib
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from pairs import Known, load, queries, related, surroundings

from linernotes.versions.compare import compare_profiles, quick_log_odds
from linernotes.versions.features import Features, centred
from linernotes.versions.significance import probability

Scorer = Callable[[Known, Known], float]
RESULTS = Path(__file__).with_name("results") / "test.json"
N_STRANGERS = 150
SEED = 21


def log_odds(a: Known, b: Known) -> float:
    return quick_log_odds(a.profile, b.profile)


def chroma_cosine(a: Known, b: Known) -> float:
    """Best correlation of the mean chroma over twelve transpositions."""
    mean_a, mean_b = (centred(x.profile.features.harmony.mean(axis=0, keepdims=True))[0] for x in (a, b))
    return max(float(mean_a @ np.roll(mean_b, steps)) for steps in range(12))


@cache
def fourier_magnitude(features: Features, width: int = 75) -> np.ndarray:
    """2-D Fourier transform magnitude of chroma patches, median (Bertin-Mahieux and Ellis 2012)."""
    sequence = features.harmony
    if len(sequence) < width:
        sequence = np.pad(sequence, ((0, width - len(sequence)), (0, 0)), mode="wrap")
    patches = np.lib.stride_tricks.sliding_window_view(sequence, width, axis=0)[::5]
    return np.median(np.abs(np.fft.fft2(patches)), axis=0).ravel()


def fourier_distance(a: Known, b: Known) -> float:
    return -float(
        np.linalg.norm(fourier_magnitude(a.profile.features) - fourier_magnitude(b.profile.features))
    )


def chance(a: Known, b: Known) -> float:
    seed = zlib.crc32(f"{a.work}{a.kind}{b.work}{b.kind}".encode())
    return float(np.random.default_rng(seed).random())


SCORERS: dict[str, Scorer] = {
    "local alignment": log_odds,
    "2D-Fourier chroma": fourier_distance,
    "mean chroma": chroma_cosine,
    "random": chance,
}


def measure(known: list[Known], collection: str, scorer: Scorer) -> dict[str, float]:
    """Return MAP, mean rank of the first hit (MR1), and recall at 1 % false matches."""
    started = time.process_time()
    precisions, ranks, true, false = [], [], [], []
    for i, candidates in queries(known):
        if known[i].collection != collection:
            continue
        truth = np.array([related(known[i], known[j]) for j in candidates], bool)
        if not truth.any():
            continue
        scores = np.array([scorer(known[i], known[j]) for j in candidates])
        hits = truth[np.argsort(-scores, kind="stable")]
        precisions.append(float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()))
        ranks.append(int(hits.argmax()) + 1)
        true += scores[truth].tolist()
        false += scores[~truth].tolist()
    limit = float(np.quantile(false, 0.99))
    ms = 1e3 * (time.process_time() - started) / (len(true) + len(false))
    figures = {
        "n_queries": len(ranks),
        "n_related_pairs": len(true),
        "n_unrelated_pairs": len(false),
        "ms_per_pair": ms,
        "map": float(np.mean(precisions)),
        "mr1": float(np.mean(ranks)),
        "recall_at_1_percent_false": float(np.mean(np.array(true) > limit)),
    }
    if scorer is log_odds:
        chances = np.array([probability(x) for x in true]), np.array([probability(x) for x in false])
        figures |= {
            "related_above_half": float((chances[0] > 0.5).mean()),
            "unrelated_above_half": float((chances[1] > 0.5).mean()),
            "median_probability_related": float(np.median(chances[0])),
            "lowest_probability_related": float(chances[0].min()),
            "highest_probability_unrelated": float(chances[1].max()),
        }
    return {name: round(value, 4) for name, value in figures.items()}


def by_kind(known: list[Known]) -> dict[str, dict[str, float]]:
    """Return what related pairs are given, kind by kind."""
    given: dict[str, list[float]] = {}
    for i, candidates in queries(known):
        kind = f"{known[i].collection}: {known[i].kind.split(' quoted')[0]}"
        found = [probability(log_odds(known[i], known[j])) for j in candidates if related(known[i], known[j])]
        given.setdefault(kind, []).extend(found)
    return {
        kind: {"n": len(x), "lowest": round(min(x), 4), "median": round(float(np.median(x)), 4)}
        for kind, x in given.items()
    }


def strangers(known: list[Known]) -> dict[str, float]:
    """Return the probabilities given to original recordings of different artists, and the cost of comparing."""
    originals = [one for one in known if one.kind == "original"]
    pairs = [(a, b) for a, b in combinations(originals, 2) if a.artist != b.artist]
    chosen = np.random.default_rng(SEED).permutation(len(pairs))[:N_STRANGERS]
    started = time.process_time()
    matches = [compare_profiles(pairs[i][0].profile, pairs[i][1].profile) for i in chosen]
    ms = 1e3 * (time.process_time() - started) / len(matches)
    given = np.array([match.probability for match in matches], float)
    levels = {f"quantile_{q}": float(np.quantile(given, q)) for q in (0.5, 0.9, 0.95, 0.99)}
    figures = {
        "n_pairs": len(given),
        "above_half": float((given > 0.5).mean()),
        "highest": float(given.max()),
    }
    return {name: round(value, 4) for name, value in (figures | levels | {"ms_per_full_pair": ms}).items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("LINERNOTES_DATA"))
    parser.add_argument("--size", type=int, default=6, help="works per collection")
    parser.add_argument("--keep", type=Path, help="folder to keep profiles in between runs")
    options = parser.parse_args()
    if not options.data or not Path(options.data).is_dir():
        print("skipped: no data folder; give its path, or set LINERNOTES_DATA (see the head of this file)")
        return
    known, profiles_cpu_s = load(Path(options.data), "test", options.size, options.keep)
    started = time.process_time()
    log_odds(known[0], known[1])  # compiled code is loaded before the clock matters
    collections = list(dict.fromkeys(k.collection for k in known))
    results = {c: {name: measure(known, c, scorer) for name, scorer in SCORERS.items()} for c in collections}
    report = {
        "split": "test",
        "size": options.size,
        "seed": SEED,
        "n_pieces": len(known),
        "results": results,
        "related_pairs_by_kind": by_kind(known),
        "different_artists": strangers(known),
        "cpu_s": {"profiles": profiles_cpu_s, "pairs": round(time.process_time() - started, 1)},
        "surroundings": surroundings(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for collection, rows in results.items():
        for name, figures in rows.items():
            ranks = f"MAP {figures['map']:.3f} MR1 {figures['mr1']:.2f}"
            print(f"{collection:12} {name:18} {ranks} R@1% {figures['recall_at_1_percent_false']:.3f}")


if __name__ == "__main__":
    main()
