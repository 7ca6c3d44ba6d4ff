"""The log of an index: which recording its numbers stand for, one line each, appended.

A recording is in the index once its line is; its vectors are in the store before that. Lines also say which
recordings have none (too short, silent) and why, so that they are not read again, and which were removed.

Conventions
-----------
Each line is the CRC-32 of the JSON as eight hexadecimal digits, a space, and the JSON. A last line without its end
was being written when the machine stopped and is not there. The id of a vector is ``number << 16 | segment``.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError
from linernotes.versions.index.sealed import AGAIN

LOG = "recordings.log"
SEGMENT_BITS = 16
MOST_SEGMENTS = 1 << SEGMENT_BITS


@dataclass(frozen=True, slots=True)
class Indexed:
    """One recording in an index.

    Parameters
    ----------
    number : int
        What it is called inside.
    content_sha256 : str
        Hash of the file it was made from.
    n_segments : int
        Its vectors; 0 where it could not be embedded.
    duration_s : float
        Its length.
    reason : str
        Why it has no vectors.
    """

    number: int
    content_sha256: str
    n_segments: int
    duration_s: float = 0.0
    reason: str = ""

    @property
    def first_id(self) -> int:
        """Id of its first vector."""
        return self.number << SEGMENT_BITS

    @property
    def end_id(self) -> int:
        """The id after those that are its own."""
        return (self.number + 1) << SEGMENT_BITS


def number_of(vector_id: int) -> int:
    """Return the number of the recording that a vector is of.

    Examples
    --------
    >>> number_of(Indexed(7, "", 30).first_id + 29)
    7
    """
    return vector_id >> SEGMENT_BITS


class RecordingLog:
    """The recordings of an index, by number and by content.

    Parameters
    ----------
    path : Path
        The log; read when constructed.

    Raises
    ------
    CorpusError
        If it is missing, or a line of it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_number: dict[int, Indexed] = {}
        self.by_content: dict[str, Indexed] = {}
        self.next_number = 0
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise CorpusError(f"{path}: missing from the index; {AGAIN}") from None
        self.n_bytes = data.rfind(b"\n") + 1
        for fact in _lines(path, data[: self.n_bytes]):
            self._learn(path, fact)

    def add(self, entry: Indexed) -> None:
        """Append a recording; when this returns, the disk has it."""
        self._append(asdict(entry))
        self._take(entry)

    def remove(self, content_sha256: str) -> Indexed:
        """Append that a recording is gone, and return it."""
        entry = self.by_content[content_sha256]
        self._append({"removed": entry.number})
        self._drop(entry)
        return entry

    def _append(self, fact: dict[str, Any]) -> None:
        line = _line(fact)
        try:
            with self.path.open("r+b") as stream:
                stream.seek(self.n_bytes)
                stream.write(line)
                stream.truncate()
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise CorpusError(
                f"{self.path}: {error.strerror}; see to the disk and repeat the command: what was finished before "
                "is kept"
            ) from error
        self.n_bytes += len(line)

    def _learn(self, path: Path, fact: dict[str, Any]) -> None:
        try:
            if "removed" in fact:
                self._drop(self.by_number[fact["removed"]])
            else:
                self._take(Indexed(**fact))
        except (KeyError, TypeError) as error:
            raise CorpusError(f"{path}: unexpected line {fact}; {AGAIN}") from error

    def _take(self, entry: Indexed) -> None:
        self.by_number[entry.number] = self.by_content[entry.content_sha256] = entry
        self.next_number = max(self.next_number, entry.number + 1)

    def _drop(self, entry: Indexed) -> None:
        del self.by_number[entry.number], self.by_content[entry.content_sha256]


def _line(fact: dict[str, Any]) -> bytes:
    text = json.dumps(fact, sort_keys=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _lines(path: Path, data: bytes) -> Iterator[dict[str, Any]]:
    for place, line in enumerate(data.splitlines(), start=1):
        told, _, text = line.partition(b" ")
        try:
            if int(told, 16) != zlib.crc32(text):
                raise ValueError("its checksum is another")
            fact = json.loads(text)
            if not isinstance(fact, dict):
                raise ValueError("no object")
        except ValueError as error:
            raise CorpusError(f"{path}: line {place} is damaged ({error}); {AGAIN}") from error
        yield fact
