"""Which works are for training, tuning and testing. No work is in two splits; test is looked at once."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

SPLITS = ("train", "dev", "test")
POP909 = {"train": range(1, 561), "dev": range(561, 661), "test": range(661, 801)}
_ASAP_TRAIN, _ASAP_DEV = 40, 25
# Groups of real versions that no earlier calibration has seen.
UNTOUCHED_GROUPS = ("vg17", "vg19", "vg21", "vg23")
OUT_OF_REACH = ("vg10", "vg11")  # slowed fourfold, and played backwards: stated limits, not fitted on


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def asap_works(folder: Path, split: str) -> dict[str, list[dict[str, str]]]:
    """Return the performances of every work of a split that has at least two, by work."""
    works: dict[str, list[dict[str, str]]] = {}
    for row in read_table(folder / "performances.csv"):
        works.setdefault(row["work"], []).append(row)
    repeated = [work for work, rows in works.items() if len(rows) >= 2]
    ordered = sorted(repeated, key=lambda work: hashlib.sha256(work.encode()).hexdigest())
    chosen = {
        "train": ordered[:_ASAP_TRAIN],
        "dev": ordered[_ASAP_TRAIN : _ASAP_TRAIN + _ASAP_DEV],
        "test": ordered[_ASAP_TRAIN + _ASAP_DEV :],
    }[split]
    return {work: works[work] for work in chosen}


def is_test_artist(artists: list[str], artist: str) -> bool:
    """Whether an artist's recordings are for testing: the second half by the hash of the name."""
    ordered = sorted(set(artists), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return ordered.index(artist) >= (len(ordered) + 1) // 2
