"""Answers kept as they come: an interrupted run goes on where it stopped, and unchanged systems are not asked again.

A line of JSON per answer, under a key of system, its version (for ours, the hash of its code), catalogue
and query. A line that was cut off by an interruption is ignored and asked again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


class Journal:
    """Answers of one system in one version against one catalogue."""

    def __init__(self, folder: Path, identity: str, catalogue: str) -> None:
        digest = hashlib.sha256(f"{identity}|{catalogue}".encode()).hexdigest()[:16]
        self.path = folder / f"{digest}.jsonl"
        self.known: dict[str, dict[str, Any]] = {}
        self._cut_off = False
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8")
            self._cut_off = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                self.known[row["query"]] = row

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Keep answers."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            if self._cut_off:
                stream.write("\n")
                self._cut_off = False
            for row in rows:
                self.known[row["query"]] = row
                stream.write(json.dumps(row, sort_keys=True) + "\n")
