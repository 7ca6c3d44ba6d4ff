r"""The journal: landmarks of single recordings, on the disk as soon as each of them is done.

Building a segment sorts the landmarks of many recordings. Until then each recording is one record
here, appended and fsynced before the next file is begun: that is why a killed build loses at most the
file in progress.

Conventions
-----------
The file begins with one line, ``linernotes-journal 2 SETTINGS\n``. Then records, little-endian::

    "LNJ2"  u32 length of head  u64 length of body  u32 CRC-32 of the 16 bytes before
    head    JSON: recording_id, content_sha256, replaces, landmarks
    body    the arrays of the landmarks, one after another
    u32     CRC-32 of head and body
    "done"

A record that the file ends within, or that ends in zeros (space the file system gave but nobody filled),
was being written when the machine stopped: a *torn tail*, dropped silently. Any other wrong byte is
damage, and named.

Known limits
------------
A journal that lost whole records at its end looks like one to which they were never written.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.auditlog.files import write_whole
from linernotes.errors import CorpusError
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.storage.settings import settings_digest

MAGIC, DONE = b"LNJ2", b"done"
_FIXED = struct.Struct("<4sIQI")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One recording that was extracted and is not in a segment yet.

    Parameters
    ----------
    recording_id, content_sha256 : str
        What it is, and the hash of the file it came from.
    landmarks : Landmarks
        What `find_landmarks` gave.
    replaces : (str, int), optional
        Segment and position of the older copy that this one takes the place of.
    """

    recording_id: str
    content_sha256: str
    landmarks: Landmarks
    replaces: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class JournalFault:
    """Damage between two bytes of a journal, and the recording it belongs to if that can still be read."""

    first_byte: int
    end_byte: int
    reason: str
    recording_id: str | None


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal holds.

    Parameters
    ----------
    entries : tuple of JournalEntry
        In order of writing.
    faults : tuple of JournalFault
        Damaged records.
    n_bytes : int
        Length without a torn tail.
    torn_bytes : int
        Length of the torn tail.
    """

    entries: tuple[JournalEntry, ...]
    faults: tuple[JournalFault, ...]
    n_bytes: int
    torn_bytes: int


def create_journal(path: Path) -> None:
    """Make an empty journal; when this returns, the disk has it."""
    write_whole(path, _first_line())


def encode_entry(entry: JournalEntry) -> bytes:
    """Return one record as the bytes that are appended."""
    arrays, described = [], {}
    for field in fields(Landmarks):
        value = getattr(entry.landmarks, field.name)
        if isinstance(value, np.ndarray):
            data = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
            arrays.append(data.tobytes())
            described[field.name] = [data.dtype.str, len(data)]
        else:
            described[field.name] = value
    head = json.dumps(
        {
            "recording_id": entry.recording_id,
            "content_sha256": entry.content_sha256,
            "replaces": entry.replaces,
            "landmarks": described,
        }
    ).encode()
    body = b"".join(arrays)
    fixed = struct.pack("<4sIQ", MAGIC, len(head), len(body))
    total = zlib.crc32(body, zlib.crc32(head))
    return b"".join([fixed, _CRC.pack(zlib.crc32(fixed)), head, body, _CRC.pack(total), DONE])


def read_journal(path: Path) -> JournalContent:
    """Return all that a journal holds, and all damage in it.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    """
    data = path.read_bytes()
    line = _first_line()
    entries: list[JournalEntry] = []
    faults: list[JournalFault] = []
    place = len(line)
    if not data.startswith(line):
        faults.append(JournalFault(0, place, f"the first line is not {line.decode().strip()!r}", None))
    while place < len(data):
        end, found = _read_record(data, place)
        if isinstance(found, JournalEntry):
            entries.append(found)
        elif found is None:
            break
        else:
            faults.append(JournalFault(place, end, *found))
        place = end
    return JournalContent(tuple(entries), tuple(faults), place, len(data) - place)


def damage(path: Path, content: JournalContent) -> CorpusError:
    """Return the error for a journal with faults."""
    fault = content.faults[0]
    whose = f" (recording '{fault.recording_id}')" if fault.recording_id else ""
    return CorpusError(
        f"{path}: bytes {fault.first_byte}–{fault.end_byte - 1}{whose} are damaged: {fault.reason}; "
        "restore the file from a copy, or run 'linernotes catalog check --drop-damaged' and then "
        "'linernotes catalog add' again"
    )


class JournalWriter:
    """Appends records; made for a journal that `read_journal` has read.

    Parameters
    ----------
    path : Path
        The journal.
    n_bytes : int
        Its length without a torn tail, which is cut off.
    """

    def __init__(self, path: Path, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        if os.fstat(self._descriptor).st_size > n_bytes:
            os.ftruncate(self._descriptor, n_bytes)
            os.fsync(self._descriptor)

    def append(self, entry: JournalEntry) -> int:
        """Append a record and return its length once the disk has it; what fails leaves no trace."""
        record = encode_entry(entry)
        try:
            os.lseek(self._descriptor, self.n_bytes, os.SEEK_SET)
            rest = memoryview(record)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except BaseException:
            os.ftruncate(self._descriptor, self.n_bytes)
            raise
        self.n_bytes += len(record)
        return len(record)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _first_line() -> bytes:
    return f"linernotes-journal 2 {settings_digest()}\n".encode()


def _read_record(data: bytes, place: int) -> tuple[int, JournalEntry | tuple[str, str | None] | None]:
    """Return where the record ends, and the entry, or what is wrong with it, or None for a torn tail."""
    rest = len(data) - place
    if rest < _FIXED.size:
        return len(data), None
    magic, n_head, n_body, crc = _FIXED.unpack_from(data, place)
    if magic != MAGIC or crc != zlib.crc32(data[place : place + 16]):
        end = _next_record(data, place + 1)
        return end, None if _never_filled(data, end) else ("the start of a record has a wrong checksum", None)
    start = place + _FIXED.size
    end = start + n_head + n_body + _CRC.size + len(DONE)
    if end > len(data):
        return len(data), None
    head, body = data[start : start + n_head], data[start + n_head : start + n_head + n_body]
    promised, done = _CRC.unpack_from(data, end - 8)[0], data[end - 4 : end]
    if done == DONE and promised == zlib.crc32(body, zlib.crc32(head)):
        return end, _decode(head, body)
    return end, None if _never_filled(data, end) else ("a record has a wrong checksum", _id_in(head))


def _never_filled(data: bytes, end: int) -> bool:
    """Tell whether a wrong record's last mark was not written whole: zeros stand for its rest, and nothing else follows."""
    mark = data[end - len(DONE) : end].rstrip(b"\0")
    return len(mark) < len(DONE) and DONE.startswith(mark) and not any(data[end:])


def _next_record(data: bytes, place: int) -> int:
    for found in _places(data, place):
        if found + _FIXED.size <= len(data):
            crc = _FIXED.unpack_from(data, found)[3]
            if crc == zlib.crc32(data[found : found + 16]):
                return found
    return len(data)


def _places(data: bytes, place: int) -> Iterator[int]:
    while (place := data.find(MAGIC, place)) >= 0:
        yield place
        place += 1


def _decode(head: bytes, body: bytes) -> JournalEntry:
    facts = json.loads(head)
    values: dict[str, Any] = {}
    place = 0
    for name, value in facts["landmarks"].items():
        if isinstance(value, list):
            dtype, length = np.dtype(value[0]), int(value[1])
            values[name] = np.frombuffer(body, dtype, length, place)
            place += length * dtype.itemsize
        else:
            values[name] = value
    replaces = (str(facts["replaces"][0]), int(facts["replaces"][1])) if facts["replaces"] else None
    return JournalEntry(facts["recording_id"], facts["content_sha256"], Landmarks(**values), replaces)


def _id_in(head: bytes) -> str | None:
    try:
        return str(json.loads(head)["recording_id"])
    except (ValueError, KeyError, TypeError):
        return None
