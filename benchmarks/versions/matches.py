"""Full comparisons of chosen pairs: which dimensions are shared, where quotations lie, how sure it is.

Pairs are few and known beforehand; their comparisons are kept as JSON beside the pieces.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.notation import notation_of
from benchmarks.versions.data.pool import Piece
from benchmarks.versions.measures.bootstrap import interval
from benchmarks.versions.measures.calibration import expected_calibration_error
from benchmarks.versions.measures.ends import by_bars, by_notes, end_errors_s
from benchmarks.versions.measures.labels import DIMENSIONS, Labelled, label_figures
from benchmarks.versions.measures.places import intersection_over_union, place_error_s
from benchmarks.versions.render.recipe import seeded
from benchmarks.versions.systems.ours import profile_of
from linernotes.versions.compare import compare_profiles
from linernotes.versions.significance import PRIOR

N_UNRELATED = 300
Match = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two pieces and what is true of them; *role* says what the pair is for."""

    a: Piece
    b: Piece
    role: str
    truth: dict[str, bool | None]

    @property
    def is_related(self) -> bool:
        """Whether the two share anything."""
        return any(self.truth.values())


def pairs(pieces: Sequence[Piece], n_unrelated: int = N_UNRELATED) -> list[Pair]:
    """Return controlled pairs, quotations, strangers, versions, and unrelated pieces drawn at random."""
    named = {piece.name: piece for piece in pieces}
    found = []
    for piece in pieces:
        row = piece.row
        if piece.tier == "controlled":
            other = named.get(row.get("matched_to") or f"{row['of']}-v0")
            if other is not None:
                found.append(Pair(piece, other, piece.kind, shared(piece, other)))
        for quote in row["quotes"]:
            if f"{quote['of']}-v0" in named:
                other = named[f"{quote['of']}-v0"]
                found.append(Pair(piece, other, piece.kind, dict.fromkeys(DIMENSIONS, True)))
        if piece.tier in ("arranged", "performed") and piece.name[-3:] in ("-v1", "-v2", "-p1"):
            first = named.get(f"{piece.name[:-1]}0")
            if first is not None:
                found.append(Pair(piece, first, f"{piece.tier} version", shared(piece, first)))
    plain = [piece for piece in pieces if piece.is_reference]
    random = seeded("unrelated pairs")
    while len(plain) > 1 and n_unrelated:
        a, b = (plain[int(i)] for i in random.integers(0, len(plain), 2))
        if a.work != b.work and not (a.row["artist"] and a.row["artist"] == b.row["artist"]):
            found.append(Pair(a, b, "unrelated at random", dict.fromkeys(DIMENSIONS, False)))
            n_unrelated -= 1
    return found


def shared(a: Piece, b: Piece) -> dict[str, bool | None]:
    """Return per dimension whether two pieces take it from one work; None where that is not judged.

    The melody alone implies a harmony that it does not play, arrangements of one song share the onsets of its melody
    and no others, and so does a kept melody: not judged.
    """
    truth: dict[str, bool | None] = {}
    for dimension in DIMENSIONS:
        one, other = a.row["shares"].get(dimension), b.row["shares"].get(dimension)
        if dimension == "rhythm" and (a.work == b.work or a.kind == "melody kept"):
            truth[dimension] = None
        elif one is None or other is None:
            truth[dimension] = None if a.work == b.work else False
        else:
            truth[dimension] = one == other
    return truth


def matches(wanted: Sequence[Pair], folder: Path) -> tuple[list[Match], float]:
    """Return the comparison of every pair, and the CPU-milliseconds that one took when it was made."""
    folder.mkdir(parents=True, exist_ok=True)
    found, spent, n_made = [], 0.0, 0
    for at, pair in enumerate(wanted):
        mark = hashlib.sha256(f"{pair.a.name} {pair.b.name}".encode()).hexdigest()[:20]
        path = folder / f"{mark}.json"
        if not path.is_file():
            a, b = profile_of(pair.a), profile_of(pair.b)
            started = time.process_time()
            answer = compare_profiles(a, b, pair.a.name, pair.b.name).as_json()
            answer["cpu_ms"] = 1e3 * (time.process_time() - started)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps(answer), encoding="utf-8")
            partial.replace(path)
        found.append(json.loads(path.read_text(encoding="utf-8")))
        spent, n_made = spent + found[-1]["cpu_ms"], n_made + 1
        if at % 50 == 49:
            print(f"full comparisons: {at + 1} of {len(wanted)}", file=sys.stderr, flush=True)
    return found, spent / max(n_made, 1)


def labels(wanted: Sequence[Pair], found: Sequence[Match]) -> dict[str, Any]:
    """Return dimension figures over all pairs that are not quotations, and what each kind of pair was called."""
    labelled: dict[str, list[Labelled]] = {}
    for pair, match in zip(wanted, found, strict=True):
        if "quoted" in pair.role:
            continue
        scores = {
            row["dimension"]: row["probability"] if row["probability"] is not None else row["score"]
            for row in match["dimensions"]
        }
        said = frozenset(match["shares"])
        labelled.setdefault(pair.role, []).append(Labelled(pair.truth, said, scores))
    every = [one for part in labelled.values() for one in part]
    rates: dict[str, dict[str, float]] = {
        role: {d: float(np.mean([d in one.said for one in part])) for d in DIMENSIONS}
        | {"all_right": float(np.mean([one.is_right for one in part])), "n": len(part)}
        for role, part in labelled.items()
    }
    return {"dimensions": label_figures(every), "said_by_kind": rates}


def places(wanted: Sequence[Pair], found: Sequence[Match]) -> dict[str, dict[str, Any]]:
    """Return by length of quotation how often a segment lies within a second of the truth, and overlap.

    A pair is localised when any segment that the comparison reports points within a second of the right place;
    ``strongest_within_1_s`` asks that of the strongest alone. The strict reading asks whether the strongest *overall*
    segment begins, ends, and does both within a second of the truth, by bars and by notes (`measures.ends`).
    """
    table: dict[str, list[dict[str, float]]] = {}
    works: dict[str, list[str]] = {}
    for pair, match in zip(wanted, found, strict=True):
        if "quoted" in pair.role:
            table.setdefault(pair.role, []).append(_placed(pair, match) | _ends(pair, match))
            works.setdefault(pair.role, []).append(str(pair.a.row["quotes"][0]["of"]))
    figures: dict[str, dict[str, Any]] = {}
    for role, rows in table.items():
        figures[role] = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        hits = np.array([row["within_1_s"] for row in rows])
        figures[role] |= {"n": len(rows), "within_1_s_interval": interval(hits, works[role])}
    return figures


def _placed(pair: Pair, match: Match) -> dict[str, float]:
    quote, rows = pair.a.row["quotes"][0], []
    for segment in sorted(match["segments"], key=lambda s: -s["score"]):
        path = segment["path"] or [
            [segment["a_start_s"], segment["b_start_s"]],
            [segment["a_end_s"], segment["b_end_s"]],
        ]
        error = place_error_s(path, quote, pair.b.row["sections"])
        span = (segment["a_start_s"], segment["a_end_s"])
        rows.append((error, intersection_over_union(span, (quote["start_s"], quote["end_s"]))))
    within = [error <= 1.0 for error, _ in rows]
    return {
        "within_1_s": float(any(within)),
        "strongest_within_1_s": float(bool(within and within[0])),
        "mean_overlap": max((overlap for error, overlap in rows if error <= 1.0), default=0.0),
    }


def _ends(pair: Pair, match: Match) -> dict[str, float]:
    quote, sections = pair.a.row["quotes"][0], pair.b.row["sections"]
    overall = [one for one in match["segments"] if one["dimension"] == "overall"]
    best = max(overall, key=lambda one: one["score"], default=None)
    span = (best["a_start_s"], best["a_end_s"]) if best else None
    notation = notation_of(str(quote["of"]))
    readings = {"bars": by_bars(quote, sections)}
    readings["notes"] = by_notes(quote, sections, notation) if notation else []
    rates = {}
    for reading, true in readings.items():
        begin, end = (abs(error) <= 1.0 for error in end_errors_s(span, true))
        for name, hit in (("begin", begin), ("end", end), ("both_ends", begin and end)):
            rates[f"{name}_within_1_s_by_{reading}"] = float(hit) if true else float("nan")
    return rates


def certainty(wanted: Sequence[Pair], found: Sequence[Match]) -> dict[str, Any]:
    """Return how probabilities come true over whole versions and unrelated pairs, at the package's prior odds."""
    chosen = [
        (pair.is_related, match["probability"])
        for pair, match in zip(wanted, found, strict=True)
        if match["probability"] is not None
        and (pair.role.endswith("version") or pair.role in ("unrelated", "unrelated at random"))
    ]
    if not chosen:
        return {}
    outcomes = np.array([outcome for outcome, _ in chosen])
    stated = np.array([probability for _, probability in chosen], float)
    strangers = [m["probability"] for p, m in zip(wanted, found, strict=True) if p.role == "unrelated"]
    return {
        "n_related": int(outcomes.sum()),
        "n_unrelated": int((~outcomes).sum()),
        "expected_calibration_error": expected_calibration_error(stated, outcomes, PRIOR),
        "related_above_half": float((stated[outcomes] > 0.5).mean()),
        "unrelated_above_half": float((stated[~outcomes] > 0.5).mean()),
        "strangers_above_half": float(np.mean(np.array(strangers, float) > 0.5)) if strangers else None,
    }
