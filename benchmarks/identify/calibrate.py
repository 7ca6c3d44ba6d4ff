"""Fit the tail of chance scores on unrelated real music; the constants go into ``decision.py``.

    python -m benchmarks.identify.calibrate MUSIC_FOLDER --queries 5000 --out results/chance.json

Only the development half of the artists is used (parts 0 and 1). Queries by artists of one part are asked
against all recordings of the other, and against a third of them: of four lengths, half of them damaged in some
way of the grid. Each gives its best chance score, in either search. A score below the threshold enters the
likelihood as "below"; above it, by its density, so that the fit follows the tail and not the body:

    P(S <= s) = exp(-K query_s catalogue_s exp(-rate s)), a query below ten seconds as one of ten

Interrupted, it goes on where it stopped (``--out`` with the suffix ``.draws.jsonl``).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.identify.material import (
    CONDITIONS,
    DEVELOPMENT,
    Source,
    as_audio,
    build_index,
    cuts,
    interferers,
    part,
    sources,
)
from linernotes.cli.output import Progress
from linernotes.errors import TooShort
from linernotes.fingerprint.align import CHANGED, EXACT, Search, find_alignments
from linernotes.fingerprint.candidates import windows_of
from linernotes.fingerprint.decision import CHANGED_CHANCE, EXACT_CHANCE, LEAST_QUERY_S, NullModel
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query, find_query
from linernotes.fingerprint.verify import Evidence

SECONDS = (3, 5, 10, 20)
SEARCHES = {"exact": EXACT, "changed": CHANGED}
SHARES = {"exact": EXACT_CHANCE.share, "changed": CHANGED_CHANCE.share}
_BATCH = 20  # queries between two savings


@dataclass(frozen=True)
class Draw:
    """The best chance score of one query in one search."""

    search: str
    query_s: float
    catalogue_s: float
    score: float
    deviations: float
    surplus: float
    nats: float
    n_peaks: int
    query: str
    recording: str


def fit(draws: list[Draw], quantile: float) -> tuple[NullModel, float]:
    """Return the maximum-likelihood model above a quantile of the scores, and that threshold."""
    score = np.array([draw.score for draw in draws])
    log_size = np.log([max(LEAST_QUERY_S, draw.query_s) * draw.catalogue_s for draw in draws])
    threshold = float(np.quantile(score, quantile))
    above = score > threshold

    def loss(theta: np.ndarray) -> float:
        rate = math.exp(theta[0])
        log_mean = theta[1] + log_size - rate * np.where(above, score, threshold)
        log_density = np.where(above, math.log(rate) + log_mean, 0.0)
        return float((np.exp(np.minimum(log_mean, 50)) - log_density).sum())

    best = minimize(loss, np.array([math.log(2.0), 0.0]), method="Nelder-Mead", options={"maxiter": 4000})
    return NullModel(rate=math.exp(best.x[0]), log_k=float(best.x[1])), threshold


def limit(model: NullModel, query_s: float, catalogue_s: float, rate: float) -> float:
    """Return the score that is reached by chance at that rate."""
    return (model.log_k + math.log(query_s * catalogue_s) - math.log(rate)) / model.rate


def collect(folder: str | None, n_queries: int, seed: int, known: int) -> Iterator[list[Draw]]:
    """Give the draws of each batch of queries after the first *known* batches."""
    music = sources(folder)
    others = interferers(music, DEVELOPMENT)
    sides = {side: [one for one in music if part(one.artist) == side] for side in DEVELOPMENT}
    whole = {side: build_index(chosen) for side, chosen in sides.items()}
    third = {
        side: index.without({r.recording_id for k, r in enumerate(index.recordings) if k % 3})
        for side, index in whole.items()
    }
    for batch in range(math.ceil(n_queries / _BATCH)):
        if batch < known:
            continue
        rng = np.random.default_rng([seed, batch])
        side = DEVELOPMENT[batch % 2]
        seconds = int(rng.choice(SECONDS))
        condition = str(rng.choice(sorted(CONDITIONS))) if batch % 4 < 2 else "clean"
        indexes = whole[1 - side], third[1 - side]
        yield list(_draws(sides[side], others, condition, seconds, int(rng.integers(1 << 30)), indexes))


def _draws(
    chosen: list[Source], others: list[Source], condition: str, seconds: int, seed: int,
    indexes: tuple[FingerprintIndex, ...],
) -> Iterator[Draw]:  # fmt: skip
    for cut in cuts(chosen, others, condition, seconds, _BATCH, seed):
        try:
            query = find_query(as_audio(cut.samples))
        except TooShort:
            continue
        name = f"{cut.source.recording_id}@{cut.start_s:.1f} {condition}"
        for index in indexes:
            for search in SEARCHES:
                yield _draw(query, index, search, SEARCHES[search], name)


def _draw(query: Query, index: FingerprintIndex, name: str, search: Search, query_id: str) -> Draw:
    evidence = Evidence.of(query.spectrum)
    found = find_alignments(query, evidence, index.segments, windows_of(query.n_frames), search)
    best = found[0] if found else None
    return Draw(
        search=name,
        query_s=query.duration_s,
        catalogue_s=index.duration_s,
        score=best.score if best else 0.0,
        deviations=best.deviations if best else 0.0,
        surplus=best.surplus if best else 0.0,
        nats=best.nats if best else 0.0,
        n_peaks=best.n_peaks if best else 0,
        query=query_id,
        recording=best.recording_id if best else "",
    )


def report(draws: list[Draw]) -> dict[str, object]:
    """Print the fits, the quantiles per length and the highest scores of one search; return the fits."""
    fits: dict[str, object] = {}
    for quantile in (0.5, 0.75, 0.9, 0.97):
        model, threshold = fit(draws, quantile)
        if threshold <= 0:
            continue
        spent = 1e-4 * SHARES[draws[0].search]
        needed = limit(model, 10, 3600, spent), limit(model, 10, 3600 * 5000, spent)
        fits[str(quantile)] = {
            "threshold": threshold,
            **asdict(model),
            "needed_1_h": needed[0],
            "needed_5000_h": needed[1],
        }
        print(
            f"above {quantile:.2f} ({threshold:.2f}): rate {model.rate:.2f}, log K {model.log_k:.2f}; "
            f"10 s need {needed[0]:.1f} in 1 h, {needed[1]:.1f} in 5,000 h"
        )
    for seconds in sorted({round(draw.query_s) for draw in draws}):
        scores = np.array([draw.score for draw in draws if round(draw.query_s) == seconds])
        tail = np.quantile(scores, [0.5, 0.9, 0.99, 0.999, 1]).round(2).tolist()
        print(f"{seconds:3d} s: {len(scores)} queries; .5 .9 .99 .999 1: {tail}")
    for draw in sorted(draws, key=lambda one: -one.score)[:8]:
        parts = f"{draw.deviations:.1f} + {draw.surplus:.1f} + {draw.nats:.0f} nats"
        print(f"{draw.score:6.2f} ({parts})  {draw.query}  ~  {draw.recording}")
    return fits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    kept = options.out.with_suffix(".draws.jsonl")
    kept.parent.mkdir(parents=True, exist_ok=True)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    batches = [[Draw(**row) for row in json.loads(line)] for line in lines]
    with kept.open("a", encoding="utf-8") as stream, Progress() as progress:
        for batch in collect(options.folder, options.queries, options.seed, len(batches)):
            batches.append(batch)
            stream.write(json.dumps([asdict(draw) for draw in batch]) + "\n")
            stream.flush()
            progress("queries", len(batches) * _BATCH, options.queries)
    draws = [draw for batch in batches for draw in batch]
    result: dict[str, object] = {"queries": len(batches) * _BATCH, "seed": options.seed}
    for search in SEARCHES:
        print(search)
        result[search] = report([draw for draw in draws if draw.search == search])
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
