"""Scores of every question for one system, kept on disk, and the figures made of them."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.pool import (
    Piece,
    Query,
    changed_queries,
    excerpt_queries,
    quote_queries,
    whole_queries,
)
from benchmarks.versions.measures.bootstrap import interval
from benchmarks.versions.measures.ranking import ranks
from benchmarks.versions.measures.rates import recall, threshold
from benchmarks.versions.systems.system import System

EXCERPT_S = 20.0
FALSE_RATE = 0.01
Figures = dict[str, Any]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Scores of one system for every query of a task, and the CPU-milliseconds of one comparison."""

    queries: list[Query]
    scores: list[Scores]
    ms: float


def questions(pieces: Sequence[Piece], references: Sequence[Piece]) -> dict[str, list[Query]]:
    """Return every task with its queries."""
    return {
        "whole": whole_queries(pieces, references),
        "excerpt": excerpt_queries(pieces, references, EXCERPT_S),
        "changed": changed_queries(pieces, references),
        "quoted": quote_queries(pieces, references),
        "strangers": stranger_queries(pieces, references),
    }


def stranger_queries(pieces: Sequence[Piece], references: Sequence[Piece]) -> list[Query]:
    """Ask with every stranger for the piece whose key, tempo and instruments it has: none is right."""
    at = {piece.name: i for i, piece in enumerate(references)}
    return [
        Query(piece, np.array([at[piece.row["matched_to"]]]), np.array([False]), "strangers")
        for piece in pieces
        if piece.row.get("matched_to") in at
    ]


def drawn(queries: Sequence[Query], limit: int | None) -> list[Query]:
    """Return at most *limit* queries of every group, the first by a hash of their names."""
    if limit is None:
        return list(queries)
    chosen: list[Query] = []
    for group in dict.fromkeys(query.group for query in queries):
        inside = [query for query in queries if query.group == group]
        inside.sort(key=lambda query: hashlib.sha256(query.piece.name.encode()).hexdigest())
        chosen += inside[:limit]
    return chosen


def ask(
    system: System, task: str, queries: Sequence[Query], references: Sequence[Piece], folder: Path
) -> Answers:
    """Return the scores of *queries*, from disk where the same questions were asked before."""
    asked = [[query.piece.name, *(references[i].name for i in query.candidates)] for query in queries]
    mark = hashlib.sha256(repr((system.name, task, asked)).encode()).hexdigest()[:16]
    path = folder / f"{mark}.npz"
    if path.is_file():
        with np.load(path) as stored:
            flat, ms = stored["scores"], float(stored["ms"])
        ends = np.cumsum([len(query.candidates) for query in queries])
        return Answers(list(queries), np.split(flat, ends[:-1]), ms)
    prepared = _prepared(system, queries, references)
    found, started, n_pairs = [], time.process_time(), 0
    for at, query in enumerate(queries):
        asking = system.prepare(query.piece)
        found.append(np.asarray(system.scores(asking, [prepared[i] for i in query.candidates]), np.float64))
        n_pairs += len(query.candidates)
        if at % 50 == 49:
            print(f"{system.name}, {task}: {at + 1} of {len(queries)}", file=sys.stderr, flush=True)
    ms = 1e3 * (time.process_time() - started) / max(n_pairs, 1)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez(stream, scores=np.concatenate(found), ms=ms)
    partial.replace(path)
    return Answers(list(queries), found, ms)


def _prepared(system: System, queries: Sequence[Query], references: Sequence[Piece]) -> dict[int, Any]:
    needed = sorted({int(i) for query in queries for i in query.candidates})
    prepared = {i: system.prepare(references[i]) for i in needed}
    if len(needed) > 1:  # compiled code is loaded before the clock matters
        system.scores(prepared[needed[0]], [prepared[needed[1]]])
    return prepared


def general_limit(answers: Answers) -> float:
    """Return the score that one in a hundred unrelated pairs of a task exceeds."""
    false = [scores[~query.truth] for query, scores in zip(answers.queries, answers.scores, strict=True)]
    return threshold(np.concatenate(false), FALSE_RATE)


def retrieval(answers: Answers, chosen: Sequence[bool] | None = None) -> Figures:
    """Return MAP with its interval over works, MR1, mean rank, and recall at 1 % false matches."""
    limit = general_limit(answers)
    keep = chosen if chosen is not None else [True] * len(answers.queries)
    rows = [(q, s) for q, s, k in zip(answers.queries, answers.scores, keep, strict=True) if k]
    if not rows:
        return {"n_queries": 0}
    found = [ranks(scores, query.truth) for query, scores in rows]
    precision = np.array([one.average_precision for one in found])
    true = np.concatenate([scores[query.truth] for query, scores in rows])
    return {
        "n_queries": len(rows),
        "map": float(precision.mean()),
        "map_interval": interval(precision, [query.piece.work for query, _ in rows]),
        "mr1": float(np.mean([one.first for one in found])),
        "arp": float(np.mean([one.mean for one in found])),
        "top1": float(np.mean([one.first == 1 for one in found])),
        "recall_at_1_percent": recall(true, limit),
    }


def by_group(answers: Answers) -> dict[str, Figures]:
    """Return the retrieval figures of every group, and of the pieces with unseen sounds."""
    groups = dict.fromkeys(query.group for query in answers.queries)
    found = {
        group: retrieval(answers, [query.group == group for query in answers.queries]) for group in groups
    }
    unseen = [query.piece.has_unseen_sound for query in answers.queries]
    for group in ("arranged", "performed"):
        both = [u and q.group == group for u, q in zip(unseen, answers.queries, strict=True)]
        if any(both):
            found[f"{group}, unseen sound"] = retrieval(answers, both)
    return found


def quoted(answers: Answers) -> dict[str, Figures]:
    """Return recall of quotations at 1 % false matches, by length; the false pairs are all unrelated ones."""
    limit = general_limit(answers)
    found: dict[str, Figures] = {}
    for group in dict.fromkeys(query.group for query in answers.queries):
        rows = [(q, s) for q, s in zip(answers.queries, answers.scores, strict=True) if q.group == group]
        if not rows[0][0].truth.any():
            highest = [float(scores.max()) for _, scores in rows]
            found[group] = {"n_queries": len(rows), "any_above_limit": recall(np.array(highest), limit)}
            continue
        found[group] = retrieval(answers, [query.group == group for query in answers.queries])
        hit = np.array([float(scores[query.truth][0] > limit) for query, scores in rows])
        found[group]["recall_interval"] = interval(hit, [q.facts["quote"]["of"] for q, _ in rows])
    return found
