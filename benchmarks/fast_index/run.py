"""The fast index beside its teacher, and one answer of a million segments, end to end and in parts.

    python -m benchmarks.fast_index.run teach --index INDEX --shards SHARDS
    python -m benchmarks.fast_index.run quality --index INDEX --out results/quality-dev.json
    python -m benchmarks.fast_index.run quality --index INDEX --split test --out results/quality-test.json
    python -m benchmarks.fast_index.run scan --index INDEX --segments 1000000 --out results/scan.json

Run from the repository's root with ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``. The corpus, the generator, the queries
and the retrained models' losses are those of `benchmarks/counterfactual`, and so are the scores of the teacher and of
likeness, where that benchmark has measured them; where not, they are measured now and kept. *quality* asks about the first
dev queries, or all test queries; *scan* fills the index with jittered copies of the real embeddings and times one core.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.counterfactual.pack import Pack, load_pack
from benchmarks.counterfactual.rows import measure
from benchmarks.counterfactual.table import lds_rows, leads, split_of
from benchmarks.counterfactual.truth import load_truth
from linernotes.attribution.base import Query
from linernotes.attribution.fast.embedding import Embedded
from linernotes.attribution.fast.index import FastIndex, IndexConfig
from linernotes.attribution.fast.prefilter import recall_of
from linernotes.attribution.fast.quantise import quantise_items, quantise_query
from linernotes.attribution.fast.search import best, scan
from linernotes.attribution.statements.ranking import rank
from linernotes.execution import SerialRunner
from linernotes.execution.resume import ShardStore
from linernotes.workflows.fast_index import open_index
from linernotes.workspace.provenance import machine_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

SCORES = Path(__file__).parents[1] / "counterfactual" / "results" / "scores"
ROWS = {"teacher": "ekfac", "similarity": "similarity"}
N_BEST, N_REPEATS = 10, 20
SEGMENTS_PER_ITEM = 4
N_RANKED = 25_000  # recordings, for the shares that `linernotes index query` adds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("teach", "quality", "scan"))
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument(
        "--shards", type=Path, default=None, help="where finished shards of teaching are kept"
    )
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument(
        "--queries", type=int, default=24, help="how many dev queries of each kind; of test, all"
    )
    parser.add_argument("--scores", type=Path, default=SCORES, help="where measured scores are kept")
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)  # and start with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    pack = load_pack()
    if options.part == "teach":
        found = teach(pack, options.index, options.shards)
    else:
        index = open_index(options.index, pack.generator, pack.corpus.root)
        if options.part == "quality":
            found = quality(index, pack, places_of(pack, options.split, options.queries), options.scores)
        else:
            found = million(index, pack, options.segments)
        found |= {"taught": index.report}
    text = json.dumps(found | {"machine": machine_facts()}, indent=2, sort_keys=True) + "\n"
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    print(text, end="")


def teach(pack: Pack, folder: Path, shards: Path | None) -> dict[str, Any]:
    """Build the index and return what the student predicts of what was left out, and what it took."""
    index = FastIndex(IndexConfig(), folder=folder)
    begun = time.process_time()
    index.fit(pack.generator, pack.corpus, SerialRunner(32, ShardStore(shards) if shards else None))
    index.save(folder)
    return index.report | {"cpu_seconds": time.process_time() - begun}


def places_of(pack: Pack, split: str, n_dev: int) -> dict[str, tuple[int, ...]]:
    """Return the queries of each kind: the first of the dev ones, or what the benchmark's table is about."""
    if split == "dev":
        return {kind: split_of(pack, kind).dev[:n_dev] for kind in ("generated", "look-alike")}
    return {kind: split_of(pack, kind).test for kind in ("generated", "passage")}


def quality(index: FastIndex, pack: Pack, places: dict[str, tuple[int, ...]], folder: Path) -> dict[str, Any]:
    """Return what `compare` tells of each kind of queries; teacher and likeness are asked about all together."""
    asked = tuple(place for chosen in places.values() for place in chosen)
    measured = {name: measure(method, asked, folder).scores for name, method in ROWS.items()}
    found, first = {}, 0
    for kind, chosen in places.items():
        rows = {name: scores[first : first + len(chosen)] for name, scores in measured.items()}
        found[kind] = compare(index, pack, chosen, rows)
        first += len(chosen)
    return found


def compare(
    index: FastIndex, pack: Pack, places: Sequence[int], rows: dict[str, NDArray[np.float64]]
) -> dict[str, Any]:
    """Return LDS of teacher, student and likeness, recall of the teacher's best, and coverage of intervals."""
    answers = [index.answer(pack.queries[i]) for i in places]
    fast = np.stack([answer.items for answer in answers])
    spread = np.stack([answer.spread for answer in answers])
    exact = rows["teacher"]
    rows = rows | {"student": fast}
    truth = load_truth(pack)
    lds = lds_rows(rows, truth, pack, places)
    of_teacher = lds["scorers"]["student"]["lds"] / lds["scorers"]["teacher"]["lds"]
    wanted = [best(row, N_BEST) for row in exact]
    recalls = {
        f"recall of the teacher's {N_BEST} in {size}": {
            name: recall_of([best(row, size) for row in scores], wanted) for name, scores in rows.items()
        }
        for size in (N_BEST, 40, 80)
    }
    ranks = [_rank_correlation(a, b) for a, b in zip(fast, exact, strict=True)]
    return {
        "queries": [pack.queries[i].query_id for i in places],
        "lds": lds
        | {"student over teacher": of_teacher, "leads": leads("student", rows, truth, pack, places)},
        "rank_correlation_with_teacher": float(np.mean(ranks)),
        "size_beside_teacher": float(fast.std() / exact.std()),
        "coverage_of_90_percent_intervals": float(np.mean(np.abs(fast - exact) <= 1.645 * spread)),
        "n_unfamiliar": sum(answer.unfamiliar for answer in answers),
        **recalls,
    }


def million(index: FastIndex, pack: Pack, n_segments: int) -> dict[str, Any]:
    """Return milliseconds of one core for one answer among jittered copies of the real embeddings."""
    fitted = index._parts()
    rows = _jittered(fitted.rows, n_segments)
    names = tuple(f"recording-{number:07d}" for number in range(len(rows.starts) - 1))
    crowd = index.over(names, rows)
    outputs = [pack.queries[i] for i in split_of(pack, "generated").dev[:N_REPEATS]]
    four = Query("four segments", pack.corpus.segments.pick(range(4)))
    features = fitted.reader.of_query(outputs[0].segments)
    embedding = fitted.student.embed_query(features)
    asked, scale = quantise_query(embedding)
    arrays = (rows.codes, rows.scales, rows.starts)
    _check_scan(arrays, embedding)
    whole = scan(*arrays, asked, scale).items
    few = index.over(names[:N_RANKED], _first_items(rows, N_RANKED))
    scores = few.scores_of(few.answer(outputs[0]))
    turn = cycle(outputs)
    return {
        "n_segments": n_segments,
        "n_items": len(names),
        "n_dims": rows.codes.shape[1],
        "index_bytes": sum(array.nbytes for array in arrays),
        "segments per query": sorted({len(output.segments) for output in outputs}),
        "one answer, end to end": {
            f"{len(outputs)} outputs, one after another": _ms(lambda: crowd.answer(next(turn)).best(N_BEST)),
            "an output of 4 segments": _ms(lambda: crowd.answer(four).best(N_BEST)),
        },
        "its parts": {
            "gradient and hidden states of the query": _ms(
                lambda: fitted.reader.of_query(outputs[0].segments)
            ),
            "embedding and familiarity": _ms(lambda: _embed(fitted, features)),
            "scan": _ms(lambda: scan(*arrays, asked, scale)),
            f"best {N_BEST}": _ms(lambda: best(whole, N_BEST)),
        },
        "not in it": {
            f"shares and their intervals for all of {N_RANKED} recordings": _ms(
                lambda: rank(
                    scores, generator_id=pack.generator.generator_id, corpus_root=pack.corpus.root, seed=0
                ),
                n_repeats=1,
            ),
            "naive scan": _ms(lambda: _naive(*arrays, embedding), n_repeats=3),
        },
    }


def _jittered(real: Embedded, n_segments: int) -> Embedded:
    """Return so many noisy copies of real rows, four to a recording."""
    table = real.codes.astype(np.float32) * real.scales[:, None]
    random = np.random.default_rng(0)
    codes = np.empty((n_segments, table.shape[1]), dtype=np.int8)
    scales = np.empty(n_segments, dtype=np.float32)
    for first in range(0, n_segments, 65536):
        copies = table[random.integers(len(table), size=min(65536, n_segments - first))]
        copies = copies + 0.1 * np.abs(copies).mean() * random.standard_normal(copies.shape, dtype=np.float32)
        codes[first : first + len(copies)], scales[first : first + len(copies)] = quantise_items(copies)
    starts = np.append(np.arange(0, n_segments, SEGMENTS_PER_ITEM), n_segments).astype(np.int64)
    spreads = random.choice(real.spreads, len(starts) - 1)
    return Embedded(codes, scales, starts, np.arange(n_segments), spreads)


def _first_items(rows: Embedded, n_items: int) -> Embedded:
    starts = rows.starts[: n_items + 1]
    n_rows = int(starts[-1])
    return Embedded(
        rows.codes[:n_rows],
        rows.scales[:n_rows],
        starts,
        rows.order[:n_rows],
        rows.spreads[: len(starts) - 1],
    )


def _embed(fitted: Any, features: Any) -> None:
    read = fitted.student.query_rows(features)
    quantise_query(fitted.student.embed_query(features, read))
    fitted.student.query_spread(features, read)
    fitted.student.familiarity(features, read)


def _check_scan(arrays: tuple[Any, Any, Any], embedding: NDArray[np.float64]) -> None:
    codes, scales, starts = arrays
    starts = starts[:1001]
    part = (codes[: starts[-1]], scales[: starts[-1]], starts)
    slow = _naive(*part, embedding)
    if not np.allclose(slow, scan(*part, *quantise_query(embedding)).items, atol=2e-3 * np.abs(slow).max()):
        raise ValueError("the scan and its naive twin differ; the timing would mean nothing")


def _naive(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    starts: NDArray[np.int64],
    query: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the same the obvious way: floats, one matrix product, one scattered sum."""
    rows = codes.astype(np.float32) * scales[:, None]
    scores = rows @ query.astype(np.float32)
    owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    total = np.zeros(len(starts) - 1)
    np.add.at(total, owners, scores)
    return total / np.diff(starts)


def _ms(work: Callable[[], object], n_repeats: int = N_REPEATS) -> dict[str, float]:
    """Return milliseconds of the processor, and of the clock, which other programs share."""
    work()  # compiles, and reads pages in
    times, clock = [], []
    for _ in range(n_repeats):
        begun, read = time.process_time(), time.perf_counter()
        work()
        times.append(1e3 * (time.process_time() - begun))
        clock.append(1e3 * (time.perf_counter() - read))
    return {
        "cpu_ms_median": round(float(np.median(times)), 2),
        "cpu_ms_slowest": round(max(times), 2),
        "wall_ms_median": round(float(np.median(clock)), 2),
        "wall_ms_slowest": round(max(clock), 2),
    }


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ranks = [np.argsort(np.argsort(row)) for row in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


if __name__ == "__main__":
    main()
