"""What a target is, and how parsers of text, JSON or files are put behind bytes."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from linernotes.errors import InputError

DEMO = Path(__file__).parents[2] / "demo"
MEMORY = "/dev/shm"  # noqa: S108  # where there is one, throw-away files need no disk
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


def mapping(read: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes a JSON object, as its callers have made sure."""

    def from_object(value: Any) -> Any:
        if not isinstance(value, dict):
            raise InputError("not a JSON object: refused by whoever calls")
        return read(value)

    return document(from_object)


def from_file(read: Callable[[Path], Any], suffix: str = ".bin") -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes a path."""

    def from_bytes(data: bytes) -> Any:
        path = scratch() / f"input{suffix}"
        path.write_bytes(data)
        return read(path)

    return from_bytes


class Folder:
    """A folder of several files, of which an input damages one; everything else is as it was made.

    Parameters
    ----------
    make : callable
        Fills an empty folder.
    use : callable
        Reads the folder.
    """

    def __init__(self, make: Callable[[Path], object], use: Callable[[Path], Any]) -> None:
        self.make, self.use = make, use
        self._made: dict[int, tuple[Path, dict[str, bytes]]] = {}

    @property
    def folder(self) -> Path:
        """Where it lies, whole."""
        return self._here()[0]

    def read(self, data: bytes) -> Any:
        """Read the folder with one file exchanged: *data* is its name, a newline, and its bytes."""
        folder, files = self._here()
        name, _, content = data.partition(b"\n")
        path = folder / name.decode(errors="replace")
        if name.decode(errors="replace") not in files:
            raise InputError("the damage hit the name of the file: nothing to read")
        _exchange(path, content)
        try:
            return self.use(folder)
        finally:
            _exchange(path, files[name.decode()])

    def seeds(self, *patterns: str) -> list[bytes]:
        """Return the files as inputs, or those whose names match one of the patterns."""
        _, files = self._here()
        chosen = [name for name in sorted(files) if not patterns or any(map(Path(name).match, patterns))]
        return [name.encode() + b"\n" + files[name] for name in chosen]

    def _here(self) -> tuple[Path, dict[str, bytes]]:
        if os.getpid() not in self._made:  # forked workers must not share one
            folder = Path(tempfile.mkdtemp(dir=scratch()))
            self.make(folder)
            found = sorted(path for path in folder.rglob("*") if path.is_file())
            files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
            self._made[os.getpid()] = folder, files
        return self._made[os.getpid()]


def _exchange(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # not written in place: an earlier reader may have it mapped into memory
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:  # keys are read from no other
        stream.write(content)


def scratch() -> Path:
    """Return this process's own folder for throw-away files."""
    return _scratch(os.getpid())


def head(path: Path, n_lines: int) -> bytes:
    """Return the first lines of a file."""
    return b"".join(path.read_bytes().splitlines(keepends=True)[:n_lines])


@functools.cache
def _scratch(process_id: int) -> Path:
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(
        tempfile.mkdtemp(prefix=f"fuzz-{process_id}-", dir=memory)
    )  # forked workers must not share one
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=1)  # workers of a pool pass over atexit
    return folder
