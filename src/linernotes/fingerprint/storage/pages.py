"""Arrays on disk in pages of 1 MiB, each with a checksum of its own.

An array is one ordinary ``.npy`` file, so that NumPy alone can map it. Beside the arrays lies one table
with the CRC-32 of every page of every file, and the header of the segment carries the SHA-256 of that
table. Opening ten gigabytes thus reads a table of forty kilobytes, and a damaged page has a number.

Conventions
-----------
Page *k* of a file holds its bytes ``[k * 2**20, (k + 1) * 2**20)``, the ``.npy`` header among them.
CRC-32 finds every change within 32 neighbouring bits; it guards against damage, not against malice.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError

PAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """What a segment's header says about one array.

    Parameters
    ----------
    name : str
        Name of the array; the file is ``NAME.npy``.
    dtype : str
        NumPy's name of the type, such as ``uint32``.
    length : int
        Number of elements.
    n_bytes : int
        Size of the file.
    """

    name: str
    dtype: str
    length: int
    n_bytes: int

    @property
    def n_pages(self) -> int:
        """Number of pages, the last one perhaps short."""
        return -(-self.n_bytes // PAGE_BYTES)

    @property
    def data_offset(self) -> int:
        """Bytes before the first element."""
        return self.n_bytes - self.length * np.dtype(self.dtype).itemsize

    def page_range(self, page: int) -> tuple[int, int]:
        """Return the first byte of a page and the byte after its last.

        Examples
        --------
        >>> ArrayFile("postings", "uint32", 300_000, 1_200_128).page_range(1)
        (1048576, 1200128)
        """
        return page * PAGE_BYTES, min(self.n_bytes, (page + 1) * PAGE_BYTES)

    def elements(self, page: int) -> tuple[int, int]:
        """Return the first element that touches a page and the element after the last that does."""
        first, end = self.page_range(page)
        size = np.dtype(self.dtype).itemsize
        return max(0, (first - self.data_offset) // size), max(0, -(-(end - self.data_offset) // size))


class ArrayWriter:
    """Writes one array piece by piece, summing pages on the way; use it in a ``with`` statement.

    Parameters
    ----------
    folder : Path
        Where ``NAME.npy`` is made.
    name : str
        Name of the array.
    dtype : NumPy dtype
        Type of its elements.
    length : int
        How many elements will be written.
    """

    def __init__(self, folder: Path, name: str, dtype: Any, length: int) -> None:
        self.name, self.dtype, self.length = name, np.dtype(dtype), length
        self.checksums: list[int] = []
        self._crc, self._filled, self._n_bytes = 0, 0, 0
        self._stream = (folder / f"{name}.npy").open("wb")
        self._put(memoryview(_npy_header(self.dtype, length)))

    def write(self, values: NDArray[Any]) -> None:
        """Append elements."""
        if len(values):
            row = np.ascontiguousarray(values, self.dtype.newbyteorder("<"))
            self._put(row.view(np.uint8).data)

    def finish(self) -> ArrayFile:
        """Bring the file to the disk and say what it holds.

        Raises
        ------
        CorpusError
            If another number of elements was written than promised.
        """
        if self._filled:
            self.checksums.append(self._crc)
        expected = len(_npy_header(self.dtype, self.length)) + self.length * self.dtype.itemsize
        if self._n_bytes != expected:
            raise CorpusError(
                f"{self._stream.name}: {self._n_bytes} bytes written, {expected} promised; "
                "a source segment contradicts itself: run 'linernotes catalog check'"
            )
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        return ArrayFile(self.name, self.dtype.name, self.length, self._n_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _put(self, data: memoryview) -> None:
        self._stream.write(data)
        self._n_bytes += len(data)
        while len(data):
            part = data[: PAGE_BYTES - self._filled]
            self._crc = zlib.crc32(part, self._crc)
            self._filled += len(part)
            if self._filled == PAGE_BYTES:
                self.checksums.append(self._crc)
                self._crc, self._filled = 0, 0
            data = data[len(part) :]


def _npy_header(dtype: np.dtype[Any], length: int) -> bytes:
    stream = BytesIO()
    described = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()


def map_array(path: Path, promised: ArrayFile) -> NDArray[Any]:
    """Return a memory-mapped array; its ``.npy`` header is compared, not parsed.

    Raises
    ------
    CorpusError
        If the file cannot be mapped or its header is another one.
    """
    dtype = np.dtype(promised.dtype).newbyteorder("<")
    header = _npy_header(dtype, promised.length)
    try:
        with path.open("rb", buffering=0) as stream:
            intact = stream.read(len(header)) == header
        if intact and promised.length == 0:
            return np.zeros(0, dtype)  # nothing to map
        array = np.memmap(path, dtype, "r", offset=len(header), shape=(promised.length,))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: cannot be mapped: {error}") from error
    if not intact:
        raise CorpusError(
            f"{path}: page 0 (bytes 0–{len(header) - 1}) is damaged: "
            f"expected the .npy header of {promised.length} {promised.dtype}"
        )
    return np.asarray(array)


def damaged_pages(
    path: Path, promised: ArrayFile, checksums: NDArray[np.uint32], pages: Iterable[int] | None = None
) -> Iterator[int]:
    """Yield the numbers of the pages whose bytes are not those that were written.

    Parameters
    ----------
    path : Path
        The file.
    promised : ArrayFile
        Its line in the header.
    checksums : NDArray[np.uint32] [shape=(n_pages,)]
        Of the pages of this file.
    pages : iterable of int, optional
        Which pages to read; all of them when not given.
    """
    with path.open("rb", buffering=0) as stream:
        for page in range(promised.n_pages) if pages is None else pages:
            first, end = promised.page_range(page)
            stream.seek(first)
            data = stream.read(end - first)
            if len(data) != end - first or zlib.crc32(data) != checksums[page]:
                yield page
