"""Fit the tail of chance scores on unrelated real music; the constants go into ``decision.py``.

    python -m benchmarks.identify.calibrate MUSIC_FOLDER --queries 5000 --out results/chance.json

Only the development half of the artists is used (parts 0 and 1). Queries by artists of one part are asked
against all recordings of the other, and against a third of them: of four lengths, half of them damaged in some
way of the grid. Each gives its best chance score: in the exact search (by votes and everywhere), in the changed
one, and in second looks at what the exact one left in doubt. A score below the threshold enters the likelihood as
"below"; above it, by its density, so that the fit follows the tail and not the body:

    P(S <= s) = exp(-K query_s catalogue_s exp(-rate s)), a query below ten seconds as one of ten
    P(S <= s) = exp(-K n_looks exp(-rate s)), of second looks

Interrupted, it goes on where it stopped (``--out`` with the suffix ``.draws.jsonl``).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.identify.material import (
    CONDITIONS,
    DEVELOPMENT,
    Source,
    as_audio,
    audio_at_hand,
    build_index,
    cuts,
    interferers,
    part,
    sources,
)
from linernotes.cli.output import Progress
from linernotes.errors import TooShort
from linernotes.fingerprint.align import (
    CHANGED,
    EVERYWHERE,
    EXACT,
    Alignment,
    Search,
    verified_lines,
    without_overlaps,
)
from linernotes.fingerprint.candidates import windows_of
from linernotes.fingerprint.decision import (
    CHANGED_CHANCE,
    EXACT_CHANCE,
    LEAST_QUERY_S,
    LOOK_CHANCE,
    NullModel,
)
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Query, find_query
from linernotes.fingerprint.second_look import MOST_LOOKS, Listen, in_doubt, second_looks
from linernotes.fingerprint.verify import Evidence

SECONDS = (3, 5, 10, 20)
SHARES = {"exact": EXACT_CHANCE.share, "changed": CHANGED_CHANCE.share, "look": LOOK_CHANCE.share}
_BATCH = 20  # queries between two savings
_RESAMPLED = 100  # sets of artists


@dataclass(frozen=True)
class Draw:
    """The best chance score of one query in one search; of second looks the parts are those of the first one."""

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
    n_looks: int = 0

    @property
    def size(self) -> float:
        """What the number of chances grows with."""
        return self.n_looks or max(LEAST_QUERY_S, self.query_s) * self.catalogue_s


def fit(draws: list[Draw], quantile: float) -> tuple[NullModel, float]:
    """Return the maximum-likelihood model above a quantile of the scores, and that threshold."""
    score = np.array([draw.score for draw in draws])
    log_size = np.log([draw.size for draw in draws])
    threshold = float(np.quantile(score, quantile))
    above = score > threshold

    def loss(theta: np.ndarray) -> float:
        rate = math.exp(theta[0])
        log_mean = theta[1] + log_size - rate * np.where(above, score, threshold)
        log_density = np.where(above, math.log(rate) + log_mean, 0.0)
        return float((np.exp(np.minimum(log_mean, 50)) - log_density).sum())

    begin = [0.0, threshold - float(log_size.mean()) + math.log(-math.log(quantile))]
    best = minimize(loss, np.array(begin), method="Nelder-Mead", options={"maxiter": 4000})
    return NullModel(rate=math.exp(best.x[0]), log_k=float(best.x[1])), threshold


def limit(model: NullModel, size: float, rate: float) -> float:
    """Return the score that is reached by chance at that rate."""
    return (model.log_k + math.log(size) - math.log(rate)) / model.rate


def resampled(
    draws: Sequence[Draw], quantile: float, sizes: Mapping[str, float], rate: float
) -> dict[str, float]:
    """Return the score needed for each size that 39 of 40 other sets of artists would stay below.

    Queries by one artist are alike, so artists are drawn, with replacement, and all their queries with them.
    """
    by_artist: dict[str, list[Draw]] = {}
    for draw in draws:
        by_artist.setdefault(draw.query.partition("__")[0], []).append(draw)
    artists = list(by_artist.values())
    random = np.random.default_rng(0)
    needed = []
    for _ in range(_RESAMPLED):
        chosen = random.integers(len(artists), size=len(artists))
        model, _threshold = fit([draw for place in chosen for draw in artists[place]], quantile)
        needed.append([limit(model, size, rate) for size in sizes.values()])
    return dict(zip(sizes, np.quantile(needed, 0.975, axis=0).tolist(), strict=True))


def collect(
    folder: str | None, n_queries: int, seed: int, known: int, searches: Sequence[str] = tuple(SHARES)
) -> Iterator[list[Draw]]:
    """Give the draws of each batch of queries after the first *known* batches.

    The size of the catalogue does not matter to second looks: these alone are drawn from the whole one.
    """
    music = sources(folder)
    others = interferers(music, DEVELOPMENT)
    sides = {side: [one for one in music if part(one.artist) == side] for side in DEVELOPMENT}
    whole = {side: build_index(chosen) for side, chosen in sides.items()}
    listen = {side: audio_at_hand(chosen) for side, chosen in sides.items()}
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
        drawn = int(rng.integers(1 << 30))
        if searches == ("look",):
            indexes = indexes[:1]
        found = _draws(sides[side], others, condition, seconds, drawn, indexes, listen[1 - side], searches)
        yield list(found)


def _draws(
    chosen: list[Source], others: list[Source], condition: str, seconds: int, seed: int,
    indexes: tuple[FingerprintIndex, ...], listen: Listen, searches: Sequence[str],
) -> Iterator[Draw]:  # fmt: skip
    for cut in cuts(chosen, others, condition, seconds, _BATCH, seed):
        try:
            query = find_query(as_audio(cut.samples))
        except TooShort:
            continue
        name = f"{cut.source.recording_id}@{cut.start_s:.1f} {condition}"
        evidence = Evidence.of(query.spectrum)
        for index in indexes:
            lines = _lines(query, evidence, index, EXACT) + _lines(query, evidence, index, EVERYWHERE)
            if "exact" in searches:
                yield _draw(query, index, "exact", _best(lines), name)
            if "changed" in searches:
                yield _draw(query, index, "changed", _best(_lines(query, evidence, index, CHANGED)), name)
            if "look" in searches:
                yield from _looked_at(query, index, lines, listen, name)


def _lines(query: Query, evidence: Evidence, index: FingerprintIndex, search: Search) -> list[Alignment]:
    return verified_lines(query, evidence, index.segments, windows_of(query.n_frames), search)


def _best(lines: list[Alignment]) -> Alignment | None:
    return max(without_overlaps(lines), key=lambda one: one.score, default=None)


def _looked_at(
    query: Query, index: FingerprintIndex, lines: list[Alignment], listen: Listen, name: str
) -> Iterator[Draw]:
    """Give the best second look at what is in doubt, if there is any."""
    doubtful = in_doubt(lines, windows_of(query.n_frames), query.duration_s, index.duration_s)
    looks = list(second_looks(query.waveform, doubtful, listen))
    if looks:
        best = max(looks, key=lambda look: look.score)
        drawn = _draw(query, index, "look", best.alignment, name)
        yield replace(drawn, score=best.score, n_looks=len(looks))


def _draw(query: Query, index: FingerprintIndex, search: str, best: Alignment | None, query_id: str) -> Draw:
    return Draw(
        search=search,
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


def _sizes(search: str) -> dict[str, float]:
    if search == "look":
        return {f"{MOST_LOOKS} looks": MOST_LOOKS}
    return {"1 h": 10 * 3600.0, "5,000 h": 10 * 3600.0 * 5000}


def report(draws: list[Draw]) -> dict[str, object]:
    """Print the fits, the quantiles per length and the highest scores of one search; return the fits."""
    fits: dict[str, object] = {}
    for quantile in (0.5, 0.75, 0.9, 0.97):
        model, threshold = fit(draws, quantile)
        if threshold <= 0 and not draws[0].n_looks:
            continue
        spent = 1e-4 * SHARES[draws[0].search]
        sizes = _sizes(draws[0].search)
        needed = {name: limit(model, size, spent) for name, size in sizes.items()}
        other_artists = resampled(draws, quantile, sizes, spent)
        fits[str(quantile)] = {
            "threshold": threshold,
            "rate": model.rate,
            "log_k": model.log_k,
            "needed": needed,
            "needed_by_other_artists": other_artists,
        }
        words = ", ".join(
            f"{score:.1f} (other artists {other_artists[name]:.1f}) with {name}"
            for name, score in needed.items()
        )
        print(
            f"above {quantile:.2f} ({threshold:.2f}): rate {model.rate:.2f}, log K {model.log_k:.2f}; "
            f"10 s need {words}"
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
    parser.add_argument("--searches", default=",".join(SHARES), help="comma-separated; default: all")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    kept = options.out.with_suffix(".draws.jsonl")
    kept.parent.mkdir(parents=True, exist_ok=True)
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    searches = tuple(options.searches.split(","))
    batches = [[Draw(**row) for row in json.loads(line)] for line in lines]
    with kept.open("a", encoding="utf-8") as stream, Progress() as progress:
        for batch in collect(options.folder, options.queries, options.seed, len(batches), searches):
            batches.append(batch)
            stream.write(json.dumps([asdict(draw) for draw in batch]) + "\n")
            stream.flush()
            progress("queries", len(batches) * _BATCH, options.queries)
    draws = [draw for batch in batches for draw in batch]
    result: dict[str, object] = {"queries": len(batches) * _BATCH, "seed": options.seed}
    for search in searches:
        print(search)
        result[search] = report([draw for draw in draws if draw.search == search])
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
