"""Measure encoders on the dev split beside Qmax: what is shipped must beat both it and the encoder without learning.

    python -m benchmarks.versions.train_encoder.evaluate mini chroma2d [--peer]

Writes ``results/dev.json`` beside this file: MAP, MR1 and recall per tier for whole pieces, 20 s excerpts and changed
recordings; the share of versions among the candidates that a search would align; the difference of average precision
between the first encoder and every other system, with its interval over works; processor time per minute of music,
split into constant-Q bands and network.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import cache_folder
from benchmarks.versions.data.pool import Piece, Query, load
from benchmarks.versions.evaluate import Answers, ask, by_group, drawn, questions
from benchmarks.versions.measures.bootstrap import interval
from benchmarks.versions.measures.ranking import ranks
from benchmarks.versions.run import SLOW
from benchmarks.versions.systems.baselines import baselines
from benchmarks.versions.systems.ours import in_turns, nearest_pairs
from benchmarks.versions.systems.system import System
from benchmarks.versions.train_encoder.encoded import Encoded
from linernotes.audio.files import Audio
from linernotes.versions.encoder.cqt import constant_q_bands
from linernotes.versions.encoder.load import load_encoder

RESULTS = Path(__file__).with_name("results")
TASKS = ("whole", "excerpt", "changed")
N_FIRST = 50  # of the order: how much of the truth is among them


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
    found = {
        "times_real_time": round(60 * minutes / whole, 1),
        "cpu_s_per_minute": round(whole / minutes, 4),
    }
    if spec == "mini":
        started = time.process_time()
        constant_q_bands(audio)
        found["of_which_constant_q"] = round((time.process_time() - started) / minutes, 4)
    return found


def margins(ours: Answers, theirs: Answers) -> dict[str, Any]:
    """Return how much higher our average precision is, group by group, with its interval over works."""
    if [q.piece.name for q in ours.queries] != [q.piece.name for q in theirs.queries]:
        return {}
    precision = [
        np.array([ranks(s, q.truth).average_precision for q, s in zip(a.queries, a.scores, strict=True)])
        for a in (ours, theirs)
    ]
    groups = np.array([query.group for query in ours.queries])
    works = np.array([query.piece.work for query in ours.queries])
    found = {}
    for group in dict.fromkeys(groups.tolist()):
        more = (precision[0] - precision[1])[groups == group]
        low, high = interval(more, works[groups == group].tolist())
        found[group] = {"more": round(float(more.mean()), 4), "interval": [round(low, 4), round(high, 4)]}
    return found


def reached(system: Encoded, queries: Sequence[Query], references: Sequence[Piece]) -> dict[str, float]:
    """Return the share of versions among the first `N_FIRST`, group by group: what alignment can still order."""
    vectors = [system.prepare(piece) for piece in references]
    shares: dict[str, list[float]] = {}
    for query in queries:
        asking, candidates = system.prepare(query.piece), [vectors[i] for i in query.candidates]
        order = in_turns(system.scores(asking, candidates), nearest_pairs(asking, candidates))
        found = query.truth[order[:N_FIRST]].sum() / query.truth.sum()
        shares.setdefault(query.group, []).append(float(found))
    return {group: round(float(np.mean(found)), 4) for group, found in shares.items()}


def surroundings() -> dict[str, Any]:
    """Return what the figures were measured with."""
    import torch

    return {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "threads": 1,
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
        systems += [system for system in baselines() if "Qmax, our twin, our chroma" in system.name]
    path, scores = RESULTS / "dev.json", cache_folder() / "dev" / "scores"
    report: dict[str, Any] = {}
    kept: dict[str, dict[str, Answers]] = {}
    for system in systems:
        if isinstance(system, Encoded):
            shares = {task: reached(system, asked[task], references) for task in ("whole", "excerpt")}
            report[f"{system.name} among the first {N_FIRST}"] = shares
            print(f"{system.name}, share among the first {N_FIRST}: {shares}")
        kept[system.name] = {
            task: ask(system, task, drawn(asked[task], SLOW.get(system.name)), references, scores)
            for task in TASKS
        }
        rows = {task: by_group(answers) for task, answers in kept[system.name].items()}
        report[system.name] = rows
        for task, groups in rows.items():
            for group, found in groups.items():
                print(f"{system.name:32} {task:8} {group:28} MAP {found['map']:.3f} MR1 {found['mr1']:.2f}")
    first = systems[0].name
    report[f"{first} against"] = {
        name: {task: margins(kept[first][task], answers[task]) for task in TASKS}
        for name, answers in kept.items()
        if name != first
    }
    report["speed"] = {spec: speed(spec) for spec in options.encoders}
    report["surroundings"] = surroundings()
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
