"""What a target is, and how parsers of text, JSON or files are put behind bytes."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "demo"
VECTORS = Path(__file__).parents[2] / "tests" / "vectors"


@dataclass(frozen=True)
class Target:
    """One parser: reads bytes and returns what they mean, or raises a `LinernotesError`.

    Seeds are well-formed inputs. ``is_proof`` asks for more: whatever is accepted must mean what one of the
    seeds means.
    """

    read: Callable[[bytes], Any]
    seeds: Callable[[], Sequence[bytes]]
    is_proof: bool = False


def text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes for a parser of text; bytes that are not UTF-8 become replacement characters."""
    return lambda data: read(data.decode(errors="replace"))


def document(read: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes decoded JSON; what is not JSON is nobody's fault here."""

    def from_bytes(data: bytes) -> Any:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        return read(value)

    return from_bytes


def from_file(read: Callable[[Path], Any], suffix: str = ".bin") -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes a path."""

    def from_bytes(data: bytes) -> Any:
        path = _scratch(os.getpid()) / f"input{suffix}"
        path.write_bytes(data)
        return read(path)

    return from_bytes


def head(path: Path, n_lines: int) -> bytes:
    """Return the first lines of a file."""
    return b"".join(path.read_bytes().splitlines(keepends=True)[:n_lines])


@functools.cache
def _scratch(process_id: int) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"fuzz-{process_id}-"))  # forked workers must not share one
