"""Fit the tail of chance scores on unrelated real music; the constants go into ``decision.py``.

    python benchmarks/identify/calibrate.py MUSIC_FOLDER --fold 0 --out chance-0.json
    python benchmarks/identify/calibrate.py MUSIC_FOLDER --fold 1 --out chance-1.json
    python benchmarks/identify/calibrate.py --join chance-0.json chance-1.json --out results/chance.json

Only the development half of the artists is used (parts 0 and 1; ``run.py`` reports on parts 2 and 3).
Catalogue and queries are by different artists. Queries have several lengths, catalogues two sizes. A
score below the threshold enters the likelihood as "below"; above it, by its density, so that the
fit follows the tail and not the body:  P(S <= s) = exp(-K m n h exp(-rate s)).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from material import RATE, Samples, as_audio, build_index, excerpts, part, sources
from scipy.optimize import minimize

from linernotes.errors import TooShort
from linernotes.fingerprint.align import EXACT, SHIFTED, Search, find_alignments
from linernotes.fingerprint.decision import NullModel
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import QUERY, find_landmarks

SECONDS = (3, 5, 10, 20)
SHIFTED_SECONDS = (3, 10)


@dataclass
class Draw:
    """The best chance score of one query."""

    search: str
    seconds: float
    log_size: float
    score: float
    query: str
    recording: str


def fit(draws: list[Draw], quantile: float = 0.6) -> tuple[NullModel, float]:
    """Return the maximum-likelihood model above a quantile of the scores, and that threshold."""
    score = np.array([d.score for d in draws])
    log_size = np.array([d.log_size for d in draws])
    threshold = float(np.quantile(score, quantile))
    above = score > threshold

    def loss(theta: np.ndarray) -> float:
        rate = math.exp(theta[0])
        log_mean = theta[1] + log_size - rate * np.where(above, score, threshold)
        log_density = np.where(above, math.log(rate) + log_mean, 0.0)
        return float((np.exp(np.minimum(log_mean, 50)) - log_density).sum())

    best = minimize(loss, np.array([math.log(0.5), -10.0]), method="Nelder-Mead", options={"maxiter": 4000})
    return NullModel(rate=math.exp(best.x[0]), log_k=float(best.x[1])), threshold


def collect(args: argparse.Namespace) -> list[Draw]:
    """Return the best chance score of each query against the catalogue of the other half."""
    music = sources(args.folder)
    catalogue = [m for m in music if part(m.artist) == args.fold]
    unrelated = [m for m in music if part(m.artist) == 1 - args.fold]
    whole = build_index(catalogue)
    third = whole.without({r.recording_id for k, r in enumerate(whole.recordings) if k % 3})
    deadline = time.monotonic() + args.wall_seconds
    draws: list[Draw] = []
    for source, start, samples in excerpts(unrelated, max(SECONDS), args.queries, args.seed, per_file=3):
        if time.monotonic() > deadline:
            break
        name = f"{source.path.stem}@{start:.1f}"
        for seconds, index in itertools.product(SECONDS, (whole, third)):
            draws += _draw(samples[: seconds * RATE], index, EXACT, name)
        for seconds in SHIFTED_SECONDS:
            draws += _draw(samples[: seconds * RATE], whole, SHIFTED, name)
    return draws


def _draw(samples: Samples, index: FingerprintIndex, search: Search, name: str) -> list[Draw]:
    try:
        query = find_landmarks(as_audio(samples), QUERY)
    except TooShort:
        return []
    found = find_alignments(query, index, search)
    size = len(query.peak_times) * len(index.peak_times) * search.n_hypotheses
    return [
        Draw(
            search="exact" if search is EXACT else "shifted",
            seconds=len(samples) / RATE,
            log_size=math.log(size),
            score=found[0].score if found else 0.0,
            query=name,
            recording=Path(index.recordings[found[0].recording].recording_id).stem if found else "",
        )
    ]


def report(draws: list[Draw]) -> None:
    """Print the fits and the quantiles of one search."""
    for quantile in (0.5, 0.6, 0.75, 0.9):
        model, threshold = fit(draws, quantile)
        print(f"above {quantile:.2f} ({threshold:.1f} nats): rate {model.rate:.3f}, log K {model.log_k:.2f}")
    for seconds in SECONDS:
        group = [d for d in draws if round(d.seconds) == seconds]
        for size in sorted({round(d.log_size) for d in group}):
            scores = np.array([d.score for d in group if round(d.log_size) == size])
            tail = np.quantile(scores, [0.5, 0.9, 0.99, 1]).round(1).tolist()
            print(f"{seconds:3d} s, log size {size}: {len(scores)} queries; .5 .9 .99 1: {tail}")
    for draw in sorted(draws, key=lambda d: -d.score)[:8]:
        print(f"{draw.score:6.1f}  {draw.seconds} s  {draw.query}  ~  {draw.recording}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fold", type=int, choices=(0, 1), default=0)
    parser.add_argument("--wall-seconds", type=float, default=120)
    parser.add_argument("--join", type=Path, nargs="*", default=[], help="earlier results to fit together")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    draws = [Draw(**row) for path in args.join for row in json.loads(path.read_text())] or collect(args)
    for search in ("exact", "shifted"):
        print(search)
        report([d for d in draws if d.search == search])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps([asdict(d) for d in draws], indent=0) + "\n")


if __name__ == "__main__":
    main()
