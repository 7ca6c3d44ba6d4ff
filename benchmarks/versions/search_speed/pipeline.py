"""The parts of a search that are not the scan: opening an index, candidates from hits, alignment of candidates."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import Piece, load
from benchmarks.versions.search_speed.vectors import PER_RECORDING
from benchmarks.versions.systems.ours import N_ALIGNED, N_CANDIDATES, profile_of, profile_path
from linernotes.execution import SerialRunner
from linernotes.versions.compare import quick_log_odds
from linernotes.versions.encoder.embed import SegmentEmbeddings
from linernotes.versions.glance import glance
from linernotes.versions.index.candidates import candidates
from linernotes.versions.index.folder import IndexFacts, VersionIndex
from linernotes.versions.index.sharded import ShardedIndex
from linernotes.versions.profiles import load_profile
from linernotes.versions.significance import Profile

N_NEAR = 200
N_ANEW = 50  # candidates
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
    """Return what putting the candidates of one search in order costs, their profiles read from disk each time.

    The query's own vectors are counted once, in ``cpu_ms_for_the_query``. *Anew* is what it costs where a profile keeps
    no vectors of the phrase network, and they are computed for each candidate again.
    """
    pieces = [piece for piece in load("dev") if piece.is_reference][: N_CANDIDATES + 1]
    mine, *others = pieces
    query = profile_of(mine)
    for other in others:
        profile_of(other)  # made where the cache lacks it
    n_bytes = sum(profile_path(piece).stat().st_size for piece in others)
    hours = sum(float(piece.row["duration_s"]) for piece in others) / 3600
    (
        glance(query, query),
        quick_log_odds(query, query),
    )  # compiled code and cohorts are loaded before the clock matters
    asking = Profile(query.features, query.cohort)
    own, _ = _timed(lambda: quick_log_odds(asking, query))
    read, glanced, aligned = (
        _each(others, work)
        for work in (
            lambda path: _read(path),
            lambda path: glance(query, _read(path)),
            lambda path: quick_log_odds(query, _read(path)),
        )
    )
    anew = _each(others[:N_ANEW], lambda path: quick_log_odds(query, _without_vectors(_read(path))))
    return {
        "n_candidates": len(others),
        "query_s": query.features.duration_s,
        "median_candidate_s": float(np.median([piece.row["duration_s"] for piece in others])),
        "profile_mb_per_hour": n_bytes / 1e6 / hours,
        "cpu_ms_for_the_query": own[0],
        "cpu_ms_to_read_a_profile": float(np.mean(read)),
        "cpu_ms_per_glance": float(np.mean(glanced)),
        "cpu_ms_per_alignment": float(np.mean(aligned)),
        "cpu_ms_per_alignment_anew": float(np.mean(anew)),
        "cpu_ms_for_50_alignments": float(sum(aligned[:50])),
        "cpu_ms_for_150_alignments": float(sum(aligned[:150])),
        f"cpu_ms_for_{len(others)}_glances_and_{N_ALIGNED}_alignments": float(
            own[0] + sum(glanced) + np.mean(aligned) * N_ALIGNED
        ),
    }


def _each(pieces: Sequence[Piece], work: Callable[[Path], Any]) -> list[float]:
    return [_timed(lambda piece=piece: work(profile_path(piece)))[0][0] for piece in pieces]


def _read(path: Path) -> Profile:
    known = load_profile(path)
    if known is None:
        raise ValueError(f"{path}: no profile")
    return known


def _without_vectors(known: Profile) -> Profile:
    return Profile(known.features, known.cohort)


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
