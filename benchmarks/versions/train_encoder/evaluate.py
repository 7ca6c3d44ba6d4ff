"""Measure encoders on the dev split beside Qmax: what is shipped must beat both it and the encoder without learning.

    python -m benchmarks.versions.train_encoder.evaluate mini chroma2d [--peer]

Writes ``results/dev.json`` beside this file: MAP, MR1 and recall per tier for whole pieces, 20 s excerpts and changed
recordings; processor time per minute of music, split into constant-Q bands and network; size.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import load
from benchmarks.versions.evaluate import ask, by_group, drawn, questions
from benchmarks.versions.run import SLOW
from benchmarks.versions.systems.baselines import baselines
from benchmarks.versions.systems.system import System
from benchmarks.versions.train_encoder.encoded import Encoded
from linernotes.audio.files import Audio
from linernotes.versions.encoder.cqt import constant_q_bands
from linernotes.versions.encoder.load import load_encoder

RESULTS = Path(__file__).with_name("results")
TASKS = ("whole", "excerpt", "changed")


def speed(spec: str, minutes: float = 4.0) -> dict[str, float]:
    """Return how many times faster than the music an encoder runs, on one thread."""
    import torch

    torch.set_num_threads(1)
    encoder = load_encoder(spec)
    noise = np.random.default_rng(0).normal(0, 0.1, int(minutes * 60 * 22050)).astype(np.float32)
    audio = Audio(noise, 22050)
    encoder.vectors(audio.excerpt(0, 30))
    started = time.process_time()
    encoder.vectors(audio)
    whole = time.process_time() - started
    started = time.process_time()
    constant_q_bands(audio)
    bands = time.process_time() - started
    return {
        "times_real_time": round(60 * minutes / whole, 1),
        "cpu_s_per_minute": round(whole / minutes, 4),
        "of_which_constant_q": round(bands / minutes, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("encoders", nargs="+", help="as for load_encoder")
    parser.add_argument("--peer", action="store_true", help="Qmax as well")
    options = parser.parse_args()
    pieces = load("dev")
    if not pieces:
        print("skipped: no pieces; make them with python -m benchmarks.versions.make_data")
        return
    references = [piece for piece in pieces if piece.is_reference]
    asked = questions(pieces, references)
    systems: list[System] = [Encoded(load_encoder(spec)) for spec in options.encoders]
    if options.peer:
        systems += [system for system in baselines() if "Qmax" in system.name]
    path = RESULTS / "dev.json"
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for system in systems:
        rows = {}
        for task in TASKS:
            queries = drawn(asked[task], SLOW.get(system.name))
            rows[task] = by_group(ask(system, task, queries, references, cache_folder() / "dev" / "scores"))
        report[system.name] = rows
        for task, groups in rows.items():
            for group, found in groups.items():
                print(f"{system.name:32} {task:8} {group:28} MAP {found['map']:.3f} MR1 {found['mr1']:.2f}")
    report["speed"] = report.get("speed", {}) | {spec: speed(spec) for spec in options.encoders}
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
