"""Time and recall of a segment search at 10,000, 100,000 and a million segments, ours beside others, in one run.

    python -m benchmarks.versions.search_speed.run                                # everything
    python -m benchmarks.versions.search_speed.run --sizes 1000000 --systems ours
    python -m benchmarks.versions.search_speed.run --systems none --index --rerank  # the rest of a search

Vectors are real ones of the dev split, multiplied (`vectors`). Systems that are not installed are skipped with that
reason; set PYTHONPATH where they lie. Each system and size runs in a process of its own on one thread; figures are CPU
milliseconds, which other work on the machine moves little, with wall-clock milliseconds beside. Results are written
after each, so that a run that was interrupted keeps what it has; ``--again`` measures anew.

A *file* is 30 segments asked at once, a *segment* is one asked alone. Recall is the part of the 100 truly nearest
vectors (floats, all compared) among the 100, and the 200, that a system gives.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.search_speed.pipeline import rerank, through_an_index
from benchmarks.versions.search_speed.systems import SYSTEMS, Search
from benchmarks.versions.search_speed.vectors import PER_RECORDING, multiplied, questions
from benchmarks.versions.surroundings import surroundings
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder

RESULTS = Path(__file__).with_name("results") / "search.json"
SIZES = (10_000, 100_000, 1_000_000)
N_FILES, N_SINGLE, SEED = 10, 30, 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what *arguments*, by default those of the command line, ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--systems", default="", help="part of a name")
    parser.add_argument("--skip", default=None, help="part of a name")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--index", action="store_true", help="a whole index of the largest size")
    parser.add_argument("--rerank", action="store_true", help="glances at candidates and alignment")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        print(json.dumps(measured(chosen.one[0], Path(chosen.one[1]), Path(chosen.one[2]))))
        return
    name = load_encoder(chosen.encoder).name
    table: dict[str, Any] = json.loads(chosen.out.read_text()) if chosen.out.exists() else {"rows": []}
    table |= {
        "encoder": name,
        "seed": SEED,
        "segments_per_file": PER_RECORDING,
        "surroundings": surroundings(),
    }
    if chosen.rerank:
        table["rerank"] = rerank()
        _write(table, chosen.out)
    real = _real(name)
    table["real_recordings"], table["real_segments"] = len(real), sum(map(len, real))
    if chosen.index:
        vectors = multiplied(real, max(chosen.sizes), SEED)
        files = np.stack(questions(vectors, real, N_FILES, SEED + 1))
        table["index"] = through_an_index(vectors, files) | {"encoder": name}
        _write(table, chosen.out)
    for size in chosen.sizes:
        with tempfile.TemporaryDirectory(dir=cache_folder()) as place:
            prepared = False
            for system in SYSTEMS:
                done = [
                    r
                    for r in table["rows"]
                    if (r["system"], r["n_segments"], r["encoder"]) == (system, size, name)
                ]
                wanted = chosen.systems in system and (chosen.skip is None or chosen.skip not in system)
                if not wanted or (done and not chosen.again):
                    continue
                if not prepared:
                    _prepare(real, size, Path(place))
                    prepared = True
                row = _in_a_process(system, Path(place))
                row |= {"system": system, "n_segments": size, "encoder": name}
                table["rows"] = [r for r in table["rows"] if r not in done] + [row]
                _write(table, chosen.out)
                print(json.dumps(row), flush=True)


def measured(system: str, place: Path, folder: Path) -> dict[str, Any]:
    """Build one system and search it."""
    vectors = np.load(place / "vectors.npy")
    files = np.load(place / "files.npy")
    truth = np.load(place / "truth.npy")
    import torch  # ours multiplies with it; what it takes itself is not counted

    torch.set_num_threads(1)
    before = _resident_mb()
    started = time.process_time(), time.perf_counter()
    try:
        search, n_bytes = SYSTEMS[system](vectors, folder)
    except ModuleNotFoundError as error:
        return {"skipped": str(error)}
    built = time.process_time() - started[0], time.perf_counter() - started[1]
    search(files[0], 100)
    resident = _resident_mb() - before
    singles = [_timed(search, segment[None]) for segment in files.reshape(-1, files.shape[2])[:N_SINGLE]]
    whole = [_timed(search, one) for one in files]
    recall = {}
    for k in (100, 200):
        found = [search(one, k) for one in files]
        recall[f"recall_100_in_{k}"] = float(
            np.mean(
                [
                    np.isin(t, f).mean()
                    for ts, fs in zip(truth, found, strict=True)
                    for t, f in zip(ts, fs, strict=True)
                ]
            )
        )
    return {
        "build_cpu_s": built[0],
        "build_wall_s": built[1],
        "file_mb": n_bytes / 1e6,
        "resident_mb": resident,
        "cpu_ms_per_segment": _median(singles, 0),
        "wall_ms_per_segment": _median(singles, 1),
        "cpu_ms_per_file": _median(whole, 0),
        "wall_ms_per_file": _median(whole, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    } | recall


def _timed(search: Search, queries: NDArray[np.float32]) -> tuple[float, float]:
    started = time.process_time(), time.perf_counter()
    search(queries, 100)
    return 1e3 * (time.process_time() - started[0]), 1e3 * (time.perf_counter() - started[1])


def _median(pairs: list[tuple[float, float]], which: int) -> float:
    return float(np.median([pair[which] for pair in pairs]))


def _real(encoder: str) -> list[NDArray[np.float32]]:
    folder = cache_folder() / "dev" / "kept" / encoder
    found = [np.load(path).astype(np.float32) for path in sorted(folder.glob("*.npy"))]
    found = [one for one in found if len(one) >= 2]
    if len(found) < 50:
        sys.exit(
            f"{folder}: vectors of {len(found)} recordings, expected 50 and more: run "
            "'python -m benchmarks.versions.run --split dev' first"
        )
    return found


def _prepare(real: list[NDArray[np.float32]], size: int, place: Path) -> None:
    """Write vectors, files to search for, and their true neighbours."""
    vectors = multiplied(real, size, SEED)
    files = np.stack(questions(vectors, real, N_FILES, SEED + 1))
    squares = np.einsum("ij,ij->i", vectors, vectors)
    truth = np.stack([_nearest(vectors, squares, one) for one in files])
    for name, array in (("vectors", vectors), ("files", files), ("truth", truth)):
        np.save(place / f"{name}.npy", array)


def _nearest(
    vectors: NDArray[np.float32], squares: NDArray[np.float32], queries: NDArray[np.float32]
) -> NDArray[np.int64]:
    distances = squares - 2 * queries @ vectors.T
    return np.argpartition(distances, 100, axis=1)[:, :100]


def _in_a_process(system: str, place: Path) -> dict[str, Any]:
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    with tempfile.TemporaryDirectory(dir=place) as folder:
        words = [sys.executable, "-m", __spec__.name, "--one", system, str(place), folder]
        done = subprocess.run(words, env=os.environ | threads, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _write(table: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table["rows"].sort(key=lambda row: (row["encoder"], row["n_segments"], row["system"]))
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(table, indent=1) + "\n")
    partial.replace(path)


if __name__ == "__main__":
    main()
