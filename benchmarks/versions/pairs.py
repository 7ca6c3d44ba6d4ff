"""Profiles of a split's pieces and the pairs that the constants are fitted on.

Conventions
-----------
A pair's ``group`` says what it tests; ``shares`` maps each judged dimension to whether the two pieces share it. Works
are kept apart in cross-validation through ``works``.
"""

from __future__ import annotations

import itertools
import os
import platform
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import Ledger, Row, cache_folder
from benchmarks.versions.features_cache import features_path, load_features
from linernotes.versions.background import bundled_background
from linernotes.versions.features import FEATURES_REVISION
from linernotes.versions.hypotheses import DIMENSIONS
from linernotes.versions.presence import presence
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, profile, search_all
from linernotes.versions.terms import label_terms

LIBRARIES = ("linernotes", "numpy", "scipy", "numba", "soxr", "soundfile", "onnxruntime")
PARTS = ("melody", "harmony", "rhythm")
SCORES = tuple(f"{dimension} score" for dimension in DIMENSIONS)


@dataclass(frozen=True)
class Pair:
    """Two pieces, whether they share substance, and which dimensions they share where that is judged."""

    a: str
    b: str
    group: str
    related: bool | None
    shares: dict[str, bool] = field(default_factory=dict)
    works: tuple[str, str] = ("", "")


class Known:
    """Rows and profiles of the pieces of a split whose features stand; profiles are kept in the cache."""

    def __init__(self, split: str, share: float = 1.0) -> None:
        self.split = split
        rows = [row for row in Ledger(cache_folder() / split).rows() if _rank(row) < share]
        self.rows: dict[str, Row] = {r["id"]: r for r in rows if features_path(split, r["id"]).exists()}
        self._profiles: dict[str, Profile] = {}
        self.folder = cache_folder() / f"profiles-{FEATURES_REVISION}" / split
        self.folder.mkdir(parents=True, exist_ok=True)

    def profile(self, name: str) -> Profile:
        """Return a piece's profile, from the cache or computed."""
        if name not in self._profiles:
            path = self.folder / f"{name}.npz"
            found = load_profile(path)
            if found is None:
                save_profile(path, profile(load_features(self.split, name)))
                found = load_profile(path)
            if found is None:
                raise ValueError(f"{path}: cannot be read back")
            self._profiles[name] = found
        return self._profiles[name]

    def table(self, pairs: Iterable[Pair]) -> dict[str, np.ndarray]:
        """Return terms, raw scores and lengths of pairs, one column per name."""
        rows = []
        for done, pair in enumerate(pairs, start=1):
            a, b = self.profile(pair.a), self.profile(pair.b)
            best = search_all(a, b)
            found = label_terms(a, b, best)
            found |= {f"{dimension} score": best[dimension].score for dimension in DIMENSIONS}
            for at, dimension in enumerate(DIMENSIONS):
                found[f"{dimension} level"] = (a.cohort.level[at] + b.cohort.level[at]) / 2
            found |= {"n_a": len(a.features), "n_b": len(b.features)}
            rows.append(found)
            if done % 200 == 0:
                print(f"{done} pairs", file=sys.stderr, flush=True)
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def related_pairs(known: Known) -> list[Pair]:
    """Return pairs that share substance, of every tier."""
    by_work: dict[str, list[Row]] = defaultdict(list)
    for row in known.rows.values():
        if row["tier"] in ("arranged", "performed", "real") and not row.get("out_of_reach"):
            by_work[row["work"]].append(row)
    found = []
    for rows in by_work.values():
        for a, b in itertools.combinations(rows, 2):
            shares = shared(a, b) if a["tier"] == "arranged" else {}
            found.append(Pair(a["id"], b["id"], a["tier"], True, shares, (a["work"], b["work"])))
    for row in known.rows.values():
        if (
            row["tier"] == "transformed"
            and row.get("of") in known.rows
            and zlib.crc32(row["id"].encode()) % 4 == 0
        ):
            shares = heard(known, row["id"], row["of"])
            found.append(Pair(row["id"], row["of"], "transformed", True, shares, (row["work"], row["work"])))
        for quote in row["quotes"]:
            name = f"{quote['of']}-v0"
            if name in known.rows:
                found.append(Pair(row["id"], name, row["kind"], True, {}, (row["work"], quote["of"])))
    return found


def heard(known: Known, a: str, b: str) -> dict[str, bool]:
    """Return the dimensions of one recording twice: all are shared, but none is judged that is hardly heard."""
    both = [known.profile(name).features for name in (a, b)]
    return {part: True for part in PARTS if min(presence(one, part).mean() for one in both) >= 0.5}


def controlled_pairs(known: Known) -> list[Pair]:
    """Return controlled pieces with the versions of the song that they were made from."""
    versions: dict[str, list[Row]] = defaultdict(list)
    for row in known.rows.values():
        if row["tier"] == "arranged" and row["style"] != "melody":
            versions[row["work"]].append(row)
    found = []
    for row in known.rows.values():
        if row["tier"] != "controlled":
            continue
        for other in versions[row["of"]][:2]:
            if row["kind"] in ("rhythm kept", "unrelated") and not other["id"].endswith("-v0"):
                continue
            shares = shared(row, other)
            related = False if row["kind"] in ("rhythm kept", "unrelated") else None
            found.append(
                Pair(row["id"], other["id"], row["kind"], related, shares, (row["of"], other["work"]))
            )
    return found


def stranger_pairs(known: Known) -> list[Pair]:
    """Return pieces with other pieces of the same key, tempo and sound: only these of a split, to learn what is common."""
    found = []
    for row in known.rows.values():
        other = known.rows.get(row.get("matched_to", ""))
        if row["kind"] == "unrelated" and other is not None:
            nothing = dict.fromkeys(PARTS, False)
            works = (row["work"], other["work"])
            found.append(Pair(row["id"], other["id"], f"unrelated, {known.split}", False, nothing, works))
    return found


def unrelated_pairs(known: Known, n: int, seed: int) -> list[Pair]:
    """Return random pairs of different works (recordings: of different artists) within a tier, and hosts with songs."""
    members = set(bundled_background().names)
    pools: dict[str, list[Row]] = defaultdict(list)
    for row in known.rows.values():
        if row["work"] in members or row.get("out_of_reach"):
            continue
        if row["tier"] in ("arranged", "performed"):
            pools[row["tier"]].append(row)
        elif row["kind"] in ("original", "no quotation", "unrelated"):
            pools[row["kind"]].append(row)
    sides = [
        ("arranged", "arranged", 0.4),
        ("performed", "performed", 0.15),
        ("original", "original", 0.15),
        ("no quotation", "arranged", 0.2),
        ("performed", "arranged", 0.1),
    ]
    random = np.random.default_rng(seed)
    found: dict[tuple[str, str], Pair] = {}
    for left, right, share in sides:
        if not pools[left] or not pools[right]:
            continue
        wanted = len(found) + round(share * n)
        for _ in range(50 * n):
            if len(found) >= wanted:
                break
            a = pools[left][int(random.integers(len(pools[left])))]
            b = pools[right][int(random.integers(len(pools[right])))]
            apart = a["work"] != b["work"] and not (a["artist"] and a["artist"] == b["artist"])
            if apart and (b["id"], a["id"]) not in found:
                nothing = dict.fromkeys(PARTS, False)
                found[a["id"], b["id"]] = Pair(
                    a["id"], b["id"], f"{left}, unrelated", False, nothing, (a["work"], b["work"])
                )
    return list(found.values())


def _rank(row: Row) -> float:
    """Return a figure in [0, 1) that all pieces about one song share, so that a share of the songs stays whole."""
    if row["tier"] == "real":
        return 0.0
    about = row["quotes"][0]["of"] if row["quotes"] else row.get("of", row["work"])
    return zlib.crc32(str(about).removesuffix("-v0").encode()) / 2**32


def shared(a: Row, b: Row) -> dict[str, bool]:
    """Return for each dimension that is judged whether two pieces take it from one work.

    A melody alone implies a harmony that it does not play; arrangements of a song share the onsets of its melody and no
    others, and so does a kept melody: not judged.
    """
    same = a["work"] == b["work"]
    found = {}
    for part in PARTS:
        one, other = a["shares"][part], b["shares"][part]
        if part == "rhythm" and (same or "melody kept" in (a["kind"], b["kind"])):
            continue
        if None not in (one, other):
            found[part] = one == other
        elif not same:
            found[part] = False
    return found


def design(table: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Return the terms as columns."""
    return np.stack([table[name] for name in names], axis=1)


def surroundings() -> dict[str, Any]:
    """Return what a figure depends on besides code and data."""
    processor = platform.processor() or platform.machine()
    with_model = Path("/proc/cpuinfo")
    if with_model.is_file():
        names = [x for x in with_model.read_text(encoding="utf-8").splitlines() if x.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    return {
        "processor": processor,
        "n_processors": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "features_revision": FEATURES_REVISION,
    }
