"""The list of finished pieces of a split: ``pieces.jsonl`` beside their audio.

Several processes may write one list: a line is added under a lock after its audio stands whole, so that what the
list names exists, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.versions.render.finish import write_flac
from benchmarks.versions.render.fluid import RATE

Row = dict[str, Any]


def cache_folder() -> Path:
    """Return where pieces are kept: ``LINERNOTES_BENCH_CACHE``, or a folder among the temporary files."""
    chosen = os.environ.get("LINERNOTES_BENCH_CACHE")
    return Path(chosen) if chosen else Path(tempfile.gettempdir()) / "linernotes-versions"


class Ledger:
    """Finished pieces of one split; *folder* is created."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "pieces.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[Row]:
        """Return what is listed so far."""
        if not self.path.is_file():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def ids(self) -> set[str]:
        """Return the names of what is listed so far."""
        return {row["id"] for row in self.rows()}

    def add(self, row: Row, samples: npt.NDArray[np.float32]) -> None:
        """Write the audio of a piece, then its line; ``audio`` and ``duration_s`` are filled in."""
        audio = f"{row['tier']}/{row['id']}.flac"
        write_flac(self.folder / audio, samples)
        line = json.dumps(row | {"audio": audio, "duration_s": round(len(samples) / RATE, 3)}, sort_keys=True)
        with self.path.open("a", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(line + "\n")
