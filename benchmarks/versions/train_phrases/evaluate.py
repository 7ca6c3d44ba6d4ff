"""Does the phrase network rank better than the linear projection? Exhaustive alignment on a part of the dev split.

    python -m benchmarks.versions.train_phrases.evaluate linear --keep linear
    python -m benchmarks.versions.train_phrases.evaluate NET.pt --keep network

Every reference of the benchmark's table is aligned with every other, in *overall* alone, all keys and tempo ratios.
Scores are normalised by the cohorts as in the package. Prints mean average precision by tier, recall at 1 % false
matches among unrelated pairs, and how the strangers of one key, tempo and sound stand; ``--keep`` writes them to
``results/dev.json``. Scores are kept beside the pieces, so that they can be joined with other dimensions
(``linear-melody``, ``linear-harmony``), or compared: ``--less`` prints differences with intervals over works. About one
CPU-minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.part import Sizes, part
from benchmarks.versions.data.pool import Piece, Query, load, whole_queries
from benchmarks.versions.measures.bootstrap import interval
from benchmarks.versions.surroundings import surroundings
from benchmarks.versions.train_phrases.network import load as load_network
from linernotes.versions.alignment import AlignmentConfig, variant_scores
from linernotes.versions.hypotheses import RATIOS, speeds
from linernotes.versions.projection import Embedded, Projection, embed, in_every_key, resampled

LINEAR = Path(__file__).parents[3] / "src/linernotes/versions/projection.npz"
REVISION = 2  # of the cached features; later ones change rhythm alone
PART = Sizes(20, 3, 20, 4, 20, 15, 3)
LEAST_DEVIATION = 0.25  # as in `linernotes.versions.significance`
RESULTS = Path(__file__).with_name("results") / "dev.json"
Embedder = Callable[[np.ndarray, float, int], Embedded]
Channels = np.ndarray


@dataclass
class Known:
    """Channels of a piece [shape=(n_frames, 3, 12)] and what was embedded of them."""

    channels: Channels
    kept: dict[tuple[float, bool], Embedded] = field(default_factory=dict)

    def at(self, embedder: Embedder, speed: float, *, keyed: bool = False) -> Embedded:
        """Return the piece at a speed, embedded once."""
        key = (speed, keyed)
        if key not in self.kept:
            if keyed:
                plain = self.at(embedder, speed)
                self.kept[key] = Embedded(in_every_key(plain.vectors), plain.costs)
            else:
                self.kept[key] = embedder(self.channels, speed, 2)
        return self.kept[key]


def linear(name: str = "overall", path: Path | None = None) -> Embedder:
    """Return the linear projection of a dimension."""
    columns = {"overall": (0, 1, 2), "melody": (1,), "harmony": (0, 2)}[name.partition("-")[0]]
    found = linear_projections(path or LINEAR)[name]

    def embedder(channels: Channels, speed: float, step: int) -> Embedded:
        frames = channels[:, columns].reshape(len(channels), -1)
        return embed(resampled(frames, speed), found, step)

    return embedder


def learnt(path: Path) -> Embedder:
    """Return what embeds with the weights of a checkpoint."""
    network = load_network(path)

    @torch.no_grad()
    def embedder(channels: Channels, speed: float, step: int) -> Embedded:
        frames = resampled(channels.reshape(len(channels), -1), speed).reshape(-1, 3, 12)
        vectors, costs = network(torch.from_numpy(np.ascontiguousarray(frames.transpose(1, 0, 2)))[None])
        kept = (vectors[0, ::step].numpy(), costs[0, ::step].numpy())
        return Embedded(*(np.ascontiguousarray(one) for one in kept))

    return embedder


def linear_projections(path: Path) -> dict[str, Projection]:
    """Read a projections file whatever its revision."""
    with np.load(path) as stored:
        names = sorted({key.rpartition("/")[0] for key in stored.files if "/" in key} - {"rhythm"})
        return {
            name: Projection(
                tuple(int(tap) for tap in stored[f"{name}/taps"]),
                circulant(stored[f"{name}/vectors"]),
                circulant(stored[f"{name}/costs"]),
                float(stored[f"{name}/constant"]),
            )
            for name in names
        }


def circulant(responses: np.ndarray) -> np.ndarray:
    """Return the matrix of responses to a one in each pitch class."""
    n_inputs, n_kept, _ = responses.shape
    full = np.stack([np.roll(responses, turn, axis=2) for turn in range(12)], axis=1)
    return np.ascontiguousarray(full.reshape(n_inputs * 12, n_kept * 12), np.float32)


def channels_of(split: str, piece: str) -> Channels:
    path = cache_folder() / f"features-{REVISION}" / split / f"{piece}.npz"
    with np.load(path) as stored:
        return np.stack([stored[name] for name in ("harmony", "melody", "bass")], axis=1).astype(np.float32)


def best_score(a: Known, b: Known, embedder: Embedder, ratios: tuple[float, ...], limits: Any) -> float:
    best = 0.0
    for ratio in ratios:
        speed_a, speed_b = speeds(ratio)
        left, right = a.at(embedder, speed_a), b.at(embedder, speed_b, keyed=True)
        scores = variant_scores(left.vectors @ right.vectors.T, left.costs, right.costs, limits)
        best = max(best, float(scores.max()))
    return best


@dataclass
class Scores:
    """Raw scores of all pairs of references, and cohorts [mean and deviation of log(1 + score)]."""

    names: list[str]
    raw: np.ndarray
    cohort: np.ndarray

    def normalised(self) -> np.ndarray:
        """Return deviations above both sides' cohorts."""
        z = (np.log1p(self.raw) - self.cohort[0][:, None]) / self.cohort[1][:, None]
        return np.asarray((z + z.T) / 2)


def score_all(embedder: Embedder, limits: AlignmentConfig, pieces: list[Piece]) -> Scores:
    known = [Known(channels_of("dev", piece.name)) for piece in pieces]
    folder = cache_folder() / f"features-{REVISION}" / "background"
    background = [Known(channels_of("background", path.stem)) for path in sorted(folder.glob("*.npz"))]
    cohort = np.zeros((2, len(known)))
    raw = np.zeros((len(known), len(known)))
    for i, one in enumerate(known):
        logs = np.log1p([best_score(one, other, embedder, (1.0,), limits) for other in background])
        median, upper = np.percentile(logs, [50, 75])
        logs = logs[logs <= upper + 5 * max(upper - median, LEAST_DEVIATION)]
        cohort[:, i] = logs.mean(), max(logs.std(), LEAST_DEVIATION)
        for j in range(i):
            raw[i, j] = raw[j, i] = best_score(one, known[j], embedder, RATIOS, limits)
    return Scores([piece.name for piece in pieces], raw, cohort)


def pieces_asked(*, every_song: bool = False) -> list[Piece]:
    """Return the references of the benchmark's table on dev, or all arrangements, strangers and real versions."""
    if not every_song:
        return [piece for piece in part(load("dev"), PART) if piece.is_reference]
    wanted = [p for p in load("dev") if p.tier in ("arranged", "real") or p.kind == "unrelated"]
    return sorted((p for p in wanted if not p.row.get("out_of_reach")), key=lambda piece: piece.name)


def average_precision(truth: np.ndarray) -> float:
    at = np.flatnonzero(truth)
    return float(np.mean(np.arange(1, len(at) + 1) / (at + 1)))


def figures(z: np.ndarray, pieces: list[Piece]) -> dict[str, Any]:
    """Return what the scores of all pairs say of each tier."""
    queries = whole_queries(pieces, pieces)
    at = {piece.name: i for i, piece in enumerate(pieces)}
    false = np.concatenate([z[at[q.piece.name]][q.candidates[~q.truth]] for q in queries])
    limit = float(np.quantile(false, 0.99))
    found: dict[str, Any] = {}
    for group in dict.fromkeys(query.group for query in queries):
        mine = [query for query in queries if query.group == group]
        rows = [(z[at[q.piece.name]][q.candidates], q.truth) for q in mine]
        truths = np.concatenate([scores[truth] for scores, truth in rows])
        others = np.concatenate([scores[~truth] for scores, truth in rows])
        separation = (truths.mean() - others.mean()) / np.sqrt((truths.var() + others.var()) / 2)
        found[group] = {
            "map": round(
                float(np.mean([average_precision(t[np.argsort(-s, kind="stable")]) for s, t in rows])), 4
            ),
            "recall": round(float((truths > limit).mean()), 3),
            "separation": round(float(separation), 3),
            "n": len(mine),
        }
    strangers = [
        float(z[i, at[piece.row["matched_to"]]])
        for i, piece in enumerate(pieces)
        if piece.row.get("matched_to") in at
    ]
    found["strangers"] = {
        "above": int((np.array(strangers) > limit).sum()),
        "n": len(strangers),
        "mean": round(float(np.mean(strangers)), 2),
    }
    return found


def differences(ours: Scores, theirs: Scores, pieces: list[Piece]) -> dict[str, Any]:
    """Return by how much *ours* is better, query by query, with 95 % intervals over works."""
    queries = whole_queries(pieces, pieces)
    rows: dict[str, list[tuple[str, float, float]]] = {}
    sides = [_by_query(one.normalised(), queries, pieces) for one in (ours, theirs)]
    for query, mine, yours in zip(queries, *sides, strict=True):
        rows.setdefault(query.group, []).append((query.piece.work, mine[0] - yours[0], mine[1] - yours[1]))
    found = {}
    for group, some in rows.items():
        works = [work for work, _, _ in some]
        for name, values in (("map", [row[1] for row in some]), ("recall", [row[2] for row in some])):
            low, high = interval(np.array(values), works)
            found[f"{group} {name}"] = [round(x, 3) for x in (float(np.mean(values)), low, high)]
    return found


def _by_query(z: np.ndarray, queries: list[Query], pieces: list[Piece]) -> list[tuple[float, float]]:
    """Return average precision and recall at 1 % false matches of every query."""
    at = {piece.name: i for i, piece in enumerate(pieces)}
    limit = np.quantile(np.concatenate([z[at[q.piece.name]][q.candidates[~q.truth]] for q in queries]), 0.99)
    found = []
    for query in queries:
        scores = z[at[query.piece.name]][query.candidates]
        precision = average_precision(query.truth[np.argsort(-scores, kind="stable")])
        found.append((precision, float((scores[query.truth] > limit).mean())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", help="linear, linear-melody, linear-harmony or a checkpoint")
    parser.add_argument("--keep", help="name under which the figures go to results/dev.json")
    parser.add_argument("--limit", type=float, default=20.0)
    parser.add_argument("--gap", type=float, default=8.0)
    parser.add_argument("--every-song", action="store_true", help="all arrangements of dev, no performances")
    parser.add_argument("--part", type=int, default=1, help="keep every n-th work, for a first look")
    parser.add_argument(
        "--less", help="name of kept scores: print only the differences of kept scores WHAT to them"
    )
    options = parser.parse_args()
    folder = cache_folder() / "phrases/scores"
    if options.less:
        ours, theirs = (Scores(**np.load(folder / f"{name}.npz")) for name in (options.what, options.less))
        for name, row in differences(ours, theirs, pieces_asked(every_song=options.every_song)).items():
            print(name, *row)
        return
    if options.what.startswith("linear"):
        embedder = linear(options.what.partition("-")[2] or "overall")
    else:
        embedder = learnt(Path(options.what))
    pieces = pieces_asked(every_song=options.every_song)
    if options.part > 1:
        works = sorted({piece.work for piece in pieces})[:: options.part]
        pieces = [piece for piece in pieces if piece.work in works]
    started = time.process_time()
    scores = score_all(embedder, AlignmentConfig(-options.limit, options.limit, options.gap), pieces)
    found = figures(scores.normalised(), pieces)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{Path(options.what).stem}-{options.limit:g}-{options.gap:g}-{options.part}"
    name += "-every" if options.every_song else ""
    np.savez(folder / name, raw=scores.raw, cohort=scores.cohort, names=np.array(scores.names))
    print(name, f"{time.process_time() - started:.0f} CPU-s", file=sys.stderr)
    for group, row in found.items():
        print(group, json.dumps(row))
    if options.keep:
        report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        report |= {options.keep: found | {"n_pieces": len(pieces)}, "surroundings": surroundings()}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
