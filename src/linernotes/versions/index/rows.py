"""The two growing files of an embedded store: codes, and the facts of each row.

Conventions
-----------
Little-endian. A row's checksum is the CRC-32 of its code and then its id, scale and squared length.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError

ROW = np.dtype([("id", "<i8"), ("scale", "<f4"), ("square", "<i4"), ("crc", "<u4")])
_AT_ONCE = 65536


def file_names(generation: int) -> tuple[str, str]:
    """Return what the files of codes and of rows are called."""
    return f"codes-{generation:06d}.i8", f"rows-{generation:06d}.bin"


def mapped(path: Path, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array that lies in a file, without reading it."""
    if not shape[0]:
        return np.empty(shape, kind)
    return np.memmap(path, kind, mode="c", shape=shape)  # private pages: torch wants to be allowed to write


def n_written(codes: NDArray[np.int8], rows: NDArray[Any]) -> int:
    """Return how many rows there are, without a tail of zeros that a failing machine left in place of the last."""
    n = len(rows)
    while n and rows["crc"][n - 1] == 0 and rows["id"][n - 1] == 0:
        n -= 1
    last = slice(n - 1, n)
    if n and rows["crc"][n - 1] < 1 << 24 and checksums(codes[last], rows[last]) != rows["crc"][last]:
        n -= 1
    return n


def checksums(codes: NDArray[np.int8], rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the CRC-32 of each row's code and facts."""
    facts = np.array(rows).view(np.uint8).reshape(len(rows), ROW.itemsize)[:, : ROW.itemsize - 4]
    pairs = zip(codes, facts, strict=True)
    return np.fromiter(
        (zlib.crc32(fact.tobytes(), zlib.crc32(code.tobytes())) for code, fact in pairs), np.uint32, len(rows)
    )


def changed_rows(codes: NDArray[np.int8], rows: NDArray[Any]) -> Iterator[int]:
    """Yield the rows whose bytes are not those that were written."""
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for row in np.flatnonzero(checksums(codes[part], rows[part]) != rows["crc"][part]):
            yield start + int(row)


def append(path: Path, length: int, data: bytes) -> None:
    """Make *data* follow the first *length* bytes of a file; when this returns, the disk has it."""
    try:
        with path.open("r+b") as stream:
            stream.seek(length)
            stream.write(data)
            stream.truncate()
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, length)
        raise CorpusError(
            f"{path}: {error.strerror}; see to the disk and repeat the command: what was finished before is kept"
        ) from error


def joined_ranges(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return disjoint rising ranges that cover the same ids."""
    found: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((first, end))
    return found
