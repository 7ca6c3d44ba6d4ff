"""The parts of a search that are not the scan: opening an index, candidates from hits, alignment of candidates."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import load
from benchmarks.versions.search_speed.vectors import PER_RECORDING
from benchmarks.versions.systems.ours import profile_of
from linernotes.execution import SerialRunner
from linernotes.versions.compare import quick_log_odds
from linernotes.versions.encoder.embed import SegmentEmbeddings
from linernotes.versions.index.candidates import candidates
from linernotes.versions.index.folder import IndexFacts, VersionIndex
from linernotes.versions.index.sharded import ShardedIndex

N_NEAR, N_CANDIDATES = 200, 100
HOP_S, LENGTH_S = 5.0, 20.0


def through_an_index(vectors: NDArray[np.float32], files: NDArray[np.float32]) -> dict[str, Any]:
    """Return what it costs to fill an index recording by recording, to open it, and to find candidates in it."""
    starts = np.arange(PER_RECORDING, dtype=np.float32) * np.float32(HOP_S)
    duration_s = HOP_S * (PER_RECORDING - 1) + LENGTH_S
    with tempfile.TemporaryDirectory(dir=cache_folder()) as place:
        folder = Path(place) / "toy"
        started = _now()
        with VersionIndex.create(folder, IndexFacts("toy", vectors.shape[1], LENGTH_S, HOP_S)) as index:
            for number, first in enumerate(range(0, len(vectors), PER_RECORDING)):
                part = vectors[first : first + PER_RECORDING]
                one = SegmentEmbeddings(part, starts[: len(part)], LENGTH_S, "toy")
                index.add(f"{number:064x}", one, duration_s)
        filled = _since(started)
        n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        run = SerialRunner()
        opened, index = _timed(lambda: ShardedIndex.open([folder]))
        first, _ = _timed(lambda: index.search(files[0][:1], N_NEAR, run))
        searched, chosen = [], []
        for one in files:
            cost, hits = _timed(lambda one=one: index.search(one, N_NEAR, run))
            searched.append(cost)
            cost, _ = _timed(lambda hits=hits: candidates(hits, index.recording_of, N_CANDIDATES))
            chosen.append(cost)
    return {
        "n_segments": len(vectors),
        "n_recordings": -(-len(vectors) // PER_RECORDING),
        "index_mb": n_bytes / 1e6,
        "fill_cpu_s": filled[0],
        "fill_wall_s": filled[1],
        "open_cpu_ms": opened[0],
        "first_search_cpu_ms": first[0],
        "search_file_cpu_ms": _median(searched),
        "candidates_cpu_ms": _median(chosen),
    }


def rerank() -> dict[str, Any]:
    """Return what aligning one piece with the candidates of a search costs."""
    pieces = [piece for piece in load("dev") if piece.is_reference][: N_CANDIDATES + 1]
    known = [profile_of(piece) for piece in pieces]
    query, others = known[0], known[1:]
    quick_log_odds(query, others[0])
    costs = [_timed(lambda other=other: quick_log_odds(query, other))[0][0] for other in others]
    return {
        "n_candidates": len(others),
        "query_s": query.features.duration_s,
        "median_candidate_s": float(np.median([other.features.duration_s for other in others])),
        "cpu_ms_per_candidate": float(np.mean(costs)),
        "cpu_ms_for_50": float(sum(costs[:50])),
        "cpu_ms_for_100": float(sum(costs)),
    }


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    return time.process_time() - started[0], time.perf_counter() - started[1]


def _timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    started = _now()
    found = work()
    cpu, wall = _since(started)
    return (1e3 * cpu, 1e3 * wall), found


def _median(costs: list[tuple[float, float]]) -> float:
    return float(np.median([cost[0] for cost in costs]))
