"""Profiles of all pieces and the figures of every pair; shared by calibration and report."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from dataset import Piece, pieces

from linernotes.versions.features import FEATURES_REVISION, extract
from linernotes.versions.hypotheses import search
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, log_odds_terms, profile

TERMS = ("cohort", "contrast")
LIBRARIES = ("linernotes", "numpy", "scipy", "numba", "soxr", "soundfile")


@dataclass(frozen=True)
class Known:
    """A piece with its profile; the audio is dropped."""

    collection: str
    work: str
    kind: str
    artist: str
    profile: Profile


def load(root: Path, split: str, size: int, kept: Path | None = None) -> tuple[list[Known], float]:
    """Return every piece of a split with its profile, and the CPU-seconds that computing them took.

    With a folder *kept*, profiles are stored there, and a later run reads them instead of the audio.
    """
    folder = kept / f"{split}-{size}-revision-{FEATURES_REVISION}" if kept else None
    if folder and (folder / "index.json").is_file():
        return _read(folder)
    started = time.process_time()
    known = []
    for piece in pieces(root, split, size):
        known.append(_known(piece))
        print(f"{len(known)} {piece.collection} {piece.work} {piece.kind}", file=sys.stderr, flush=True)
    cpu_s = time.process_time() - started
    if folder:
        _write(folder, known, cpu_s)
        return _read(folder)  # stored profiles are rounded: give the same ones in every run
    return known, cpu_s


def _known(piece: Piece) -> Known:
    return Known(piece.collection, piece.work, piece.kind, piece.artist, profile(extract(piece.audio)))


def _write(folder: Path, known: list[Known], cpu_s: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for at, one in enumerate(known):
        save_profile(folder / f"{at}.npz", one.profile)
    facts = [[one.collection, one.work, one.kind, one.artist] for one in known]
    index = folder / "index.json"
    index.write_text(json.dumps({"cpu_s": round(cpu_s, 1), "pieces": facts}), encoding="utf-8")


def _read(folder: Path) -> tuple[list[Known], float]:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    known = []
    for at, facts in enumerate(index["pieces"]):
        stored = load_profile(folder / f"{at}.npz")
        if stored is None:
            raise ValueError(f"{folder}: profile {at} is missing or of another revision; delete the folder")
        known.append(Known(*facts, stored))
    return known, float(index["cpu_s"])


def queries(known: list[Known]) -> list[tuple[int, list[int]]]:
    """Return each query with its candidates, without the host of a quotation.

    Transformed pieces are asked about the originals and quotations about full arrangements, so that no figure
    is won by easy copies; real pieces about each other and the originals, performances about each other.
    """
    return [
        (i, [j for j, other in enumerate(known) if j != i and _is_candidate(query, other)])
        for i, query in enumerate(known)
        if query.kind not in ("original", "full")
    ]


def _is_candidate(query: Known, other: Known) -> bool:
    if query.kind.endswith(f"quoted in {other.work}"):
        return False
    originals = other.kind == "original"
    if query.collection == "real":
        return (originals and other.collection == "transformed") or other.collection == "real"
    if query.collection == "transformed":
        return originals and other.collection == "transformed"
    if query.collection == "arranged":
        return other.kind == "full"
    return other.collection == "performed"


def terms(a: Known, b: Known) -> tuple[float, ...]:
    """Return the figures that the log-odds of a pair are made of, in the order of `TERMS`."""
    best = search(a.profile.features, b.profile.features, "overall")
    return log_odds_terms(a.profile.cohort, b.profile.cohort, best)


def related(a: Known, b: Known) -> bool:
    """Whether two pieces are versions of one work."""
    return a.collection == b.collection and a.work == b.work


def table(known: list[Known], pairs: np.ndarray) -> np.ndarray:
    """Return the terms of pairs [shape=(n, 2)]."""
    return np.array([terms(known[i], known[j]) for i, j in pairs])


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
