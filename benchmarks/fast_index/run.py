"""The fast index beside its teacher, and its scan of a million segments beside a naive one.

    python -m benchmarks.fast_index.run teach --index INDEX --shards SHARDS
    python -m benchmarks.fast_index.run quality --index INDEX --queries 24 --out results/quality.json
    python -m benchmarks.fast_index.run scan --index INDEX --segments 1000000 --out results/scan.json

Run from the repository's root with ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``. The corpus, the generator, the queries
and the retrained models' losses are those of `benchmarks/counterfactual`. *quality* asks teacher and student about
the first dev queries; *scan* fills the index with jittered copies of the real embeddings and times one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.counterfactual.pack import Pack, load_pack
from benchmarks.counterfactual.truth import load_truth
from linernotes.attribution.index import FastIndex, IndexConfig
from linernotes.attribution.prefilter import recall_of
from linernotes.attribution.quantise import quantise_items, quantise_query
from linernotes.attribution.search import best, scan
from linernotes.attribution.similarity import Similarity
from linernotes.attribution.unlearning import FisherUnlearning
from linernotes.errors import InputError
from linernotes.evaluation.lds import lds
from linernotes.execution import SerialRunner
from linernotes.execution.resume import ShardStore
from linernotes.workflows.fast_index import open_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_BEST, N_REPEATS = 10, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("teach", "quality", "scan"))
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--shards", type=Path, default=None, help="where finished shards are kept")
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)  # and start with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    pack = load_pack()
    runner = SerialRunner(32, ShardStore(options.shards) if options.shards else None)
    if options.part == "teach":
        index = FastIndex(IndexConfig(), folder=options.index)
        begun = time.process_time()
        index.fit(pack.generator, pack.corpus, runner)
        index.save(options.index)
        print(json.dumps(index.report | {"cpu_seconds": time.process_time() - begun}, indent=2))
        return
    index = open_index(options.index, pack.generator, pack.corpus.root)
    found = (
        quality(index, pack, options.queries, runner)
        if options.part == "quality"
        else million(index, pack, options.segments)
    )
    found |= {"taught": index.report, "machine": _machine()}
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    print(text, end="")


def quality(index: FastIndex, pack: Pack, n_queries: int, runner: SerialRunner) -> dict[str, Any]:
    """Return LDS of teacher, student and likeness, recall of the teacher's best, and coverage of intervals."""
    places = pack.of_kind("generated")[:n_queries]
    queries = [pack.queries[i] for i in places]
    teacher, likeness = FisherUnlearning(), Similarity()
    for method in (teacher, likeness):
        method.fit(pack.generator, pack.corpus, runner)
    exact = np.stack([result.scores for result in teacher.attribute(queries, runner)])
    alike = np.stack([result.scores for result in likeness.attribute(queries, runner)])
    return compare(index, pack, places, exact, alike)


def compare(
    index: FastIndex, pack: Pack, places: list[int], exact: NDArray[np.float64], alike: NDArray[np.float64]
) -> dict[str, Any]:
    """Return what `quality` tells, given the teacher's and the likeness's scores of the queries."""
    answers = [index.answer(pack.queries[i]) for i in places]
    fast = np.stack([answer.items for answer in answers])
    spread = np.stack([answer.spread for answer in answers])
    wanted = [best(row, N_BEST) for row in exact]
    rows = {"teacher": exact, "student": fast, "similarity": alike}
    recalls = {
        f"recall of the teacher's {N_BEST} in {size}": {
            name: recall_of([best(row, size) for row in scores], wanted) for name, scores in rows.items()
        }
        for size in (N_BEST, 40, 80)
    }
    return {
        "n_queries": len(places),
        "lds": _lds_rows(rows, pack, places),
        "rank_correlation_with_teacher": float(
            np.mean([_rank_correlation(a, b) for a, b in zip(fast, exact, strict=True)])
        ),
        "size_beside_teacher": float(fast.std() / exact.std()),
        "coverage_of_90_percent_intervals": float(np.mean(np.abs(fast - exact) <= 1.645 * spread)),
        "n_unfamiliar": sum(answer.unfamiliar for answer in answers),
        **recalls,
    }


def million(index: FastIndex, pack: Pack, n_segments: int) -> dict[str, Any]:
    """Return milliseconds of one core for one answer among jittered copies of the real embeddings."""
    fitted = index._parts()
    real = fitted.rows.codes.astype(np.float32) * fitted.rows.scales[:, None]
    random = np.random.default_rng(0)
    codes = np.empty((n_segments, real.shape[1]), dtype=np.int8)
    scales = np.empty(n_segments, dtype=np.float32)
    for first in range(0, n_segments, 65536):
        size = min(65536, n_segments - first)
        copies = real[random.integers(len(real), size=size)]
        copies = copies + 0.1 * np.abs(copies).mean() * random.standard_normal(copies.shape, dtype=np.float32)
        codes[first : first + size], scales[first : first + size] = quantise_items(copies)
    starts = np.append(np.arange(0, n_segments, 4), n_segments).astype(np.int64)
    query = pack.queries[0]
    four = pack.corpus.segments.pick(range(4))
    features = fitted.reader.of_query(query.segments)
    embedding = fitted.student.embed_query(features)
    asked, scale = quantise_query(embedding)
    blocks = _naive(codes[:4000], scales[:4000], starts[:1001], embedding)
    found = scan(codes[:4000], scales[:4000], starts[:1001], asked, scale).items
    if not np.allclose(blocks, found, atol=2e-3 * np.abs(blocks).max()):
        raise ValueError("the scan and its naive twin differ; the timing would mean nothing")
    whole = scan(codes, scales, starts, asked, scale).items
    return {
        "n_segments": n_segments,
        "n_items": len(starts) - 1,
        "n_dims": codes.shape[1],
        "index_bytes": int(codes.nbytes + scales.nbytes + starts.nbytes),
        "cpu_ms": {
            "features of a query of 2 segments": _ms(lambda: fitted.reader.of_query(query.segments)),
            "features of a query of 4 segments": _ms(lambda: fitted.reader.of_query(four)),
            "embedding and familiarity": _ms(lambda: _embed(fitted, features)),
            "scan": _ms(lambda: scan(codes, scales, starts, asked, scale)),
            "best 10": _ms(lambda: best(whole, N_BEST)),
            "naive scan": _ms(lambda: _naive(codes, scales, starts, embedding), n_repeats=3),
        },
    }


def _embed(fitted: Any, features: Any) -> None:
    quantise_query(fitted.student.embed_query(features))
    fitted.student.familiarity(features)


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
    work()  # compiles, and reads pages in
    times = []
    for _ in range(n_repeats):
        begun = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - begun))
    return {"median": round(float(np.median(times)), 2), "slowest": round(max(times), 2)}


def _lds_rows(rows: dict[str, Any], pack: Pack, places: list[int]) -> dict[str, Any]:
    try:
        truth = load_truth(pack).subsets(pack, "half", places)
    except InputError as error:
        return {"absent": str(error)}
    found = {name: lds(scores, truth) for name, scores in rows.items()}
    told = {
        name: {"value": result.value, "interval": list(result.interval)} for name, result in found.items()
    }
    return told | {"student over teacher": found["student"].value / found["teacher"].value}


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ranks = [np.argsort(np.argsort(row)) for row in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def _machine() -> dict[str, str]:
    packages = {name: version(name) for name in ("numpy", "numba", "torch")}
    return {"processor": platform.machine(), "python": platform.python_version(), **packages}


if __name__ == "__main__":
    main()
