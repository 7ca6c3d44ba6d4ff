"""A vector store in a folder: two files that only grow, and one that says which they are.

::

    vectors/
    ├── store.json            dimension, generation, what was removed; replaced whole
    ├── codes-000001.i8       one byte per number, row after row
    ├── rows-000001.bin       id, scale, squared length and checksum of each row
    └── writer.lock

A vector exists once its row is in the second file, and its code is on the disk before that: a process killed
anywhere leaves at most codes without rows, which the next writer cuts off. Removing writes ranges of ids into
``store.json``; when more than a quarter of the rows is removed, the next writer copies the others into files of a
new generation. Readers keep what they have mapped.

Conventions
-----------
Little-endian. Row *i* of one file is row *i* of the other; ids rise.

Cost
----
``dimension + 20`` bytes per vector on disk; in memory 16, and the codes as pages of the file. See `scan` for time.

Known limits
------------
Opening checks lengths and the order of ids; that bytes were not changed is what `EmbeddedStore.faults` checks.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import CorpusError, InputError
from linernotes.versions.index import scan
from linernotes.versions.index.rows import (
    ROW,
    append,
    changed_rows,
    checksums,
    file_names,
    joined_ranges,
    mapped,
    n_written,
)
from linernotes.versions.index.sealed import AGAIN, read_sealed, write_sealed, writer_lock
from linernotes.versions.index.store import NOTHING, Hits, checked_ids, checked_k, checked_vectors

HEADER = "store.json"
FORMAT, REVISION = "linernotes-vectors", 1
COMPACT_AT = 0.25
LARGEST_DIMENSION = 8192
_AT_ONCE = 65536


class EmbeddedStore:
    """Vectors in a folder; made by `create` or `open`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = EmbeddedStore.create(Path(folder) / "vectors", dimension=2)
    ...     store.add(np.array([5, 7]), np.float32([[0, 1], [1, 0]]))
    ...     store.search(np.float32([[1, 0.1]]), 1).ids.tolist()
    [[7]]
    """

    def __init__(self, folder: Path, holding: ExitStack | None) -> None:
        self.folder = folder
        self._holding = holding
        self._n_rows, self._last_id, self._is_current = 0, NOTHING, False
        self._read()

    @classmethod
    def create(cls, folder: Path, dimension: int) -> Self:
        """Make an empty store, open for writing.

        Raises
        ------
        InputError
            If the dimension is not in [1, 8192].
        CorpusError
            If there is one already, or the folder cannot be written to.
        """
        if not 1 <= dimension <= LARGEST_DIMENSION:
            raise InputError(f"{dimension} values per vector; expected 1 to {LARGEST_DIMENSION}")
        if (folder / HEADER).exists():
            raise CorpusError(f"{folder}: holds a vector store already; open it")
        folder.mkdir(parents=True, exist_ok=True)
        with writer_lock(folder):
            for name in file_names(1):
                (folder / name).write_bytes(b"")
            write_sealed(
                folder / HEADER, FORMAT, REVISION, {"dimension": dimension, "generation": 1, "removed": []}
            )
        return cls.open(folder, write=True)

    @classmethod
    def open(cls, folder: Path, *, write: bool = False) -> Self:
        """Open a store.

        Parameters
        ----------
        folder : Path
            As `create` made it.
        write : bool
            Whether to add and remove; there is one writer at a time, beside any number of readers.

        Raises
        ------
        CorpusError
            If there is none, it is damaged, or another process writes it.
        NewerRevision
            If a newer Linernotes wrote it.
        """
        if not write:
            return cls(folder, None)
        if not (folder / HEADER).exists():
            raise CorpusError(f"{folder / HEADER}: not there; {AGAIN}")
        holding = writer_lock(folder)
        try:
            store = cls(folder, holding)
            store._tidy()
        except BaseException:
            holding.close()
            raise
        return store

    @property
    def dimension(self) -> int:
        """Values per vector."""
        return self._dimension

    @property
    def last_id(self) -> int:
        """The largest id that was ever added, -1 where there is none."""
        return self._last_id

    @property
    def n_bytes(self) -> int:
        """Size of both files."""
        return sum(path.stat().st_size for path in self._paths)

    def __len__(self) -> int:
        self._refresh()
        return int(np.isfinite(self._norms).sum())

    def close(self) -> None:
        """Let the next writer in."""
        if self._holding is not None:
            self._holding.close()
            self._holding = None

    # -- changes --------------------------------------------------------------------------------

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Keep vectors under rising ids above `last_id`; when this returns, the disk has them.

        Raises
        ------
        InputError
            If ids do not rise above `last_id`, or vectors are not finite or of another width.
        CorpusError
            If the store is open for reading only, or the disk is full: nothing is added then.
        """
        self._may_write()
        found = checked_vectors(vectors, self.dimension)
        names = checked_ids(ids, len(found), self.last_id)
        if not len(found):
            return
        given = scan.rounded(found)
        rows = np.empty(len(found), ROW)
        rows["id"], rows["scale"], rows["square"] = names, given.scales, given.squares
        rows["crc"] = checksums(given.codes, rows)
        append(self._paths[0], self._n_rows * self.dimension, given.codes.tobytes())
        append(self._paths[1], self._n_rows * ROW.itemsize, rows.tobytes())
        self._n_rows += len(found)
        self._last_id = int(names[-1])
        self._is_current = False

    def remove(self, first: int, end: int) -> int:
        """Forget all ids in [first, end) and return how many there were."""
        self._may_write()
        self._refresh()
        there = (self._ids >= first) & (self._ids < end) & np.isfinite(self._norms)
        if there.any():
            ranges = joined_ranges([*self._removed, (first, min(end, self.last_id + 1))])
            self._write_header(self._generation, ranges)
            self._read()
        return int(there.sum())

    def compact(self) -> None:
        """Copy what was not removed into new files; readers of the old ones are not disturbed."""
        self._may_write()
        self._refresh()
        stays = np.flatnonzero(np.isfinite(self._norms))
        paths = [self.folder / name for name in file_names(self._generation + 1)]
        n_kept = 0
        for path in paths:
            path.write_bytes(b"")
        for start in range(0, len(stays), _AT_ONCE):
            part = stays[start : start + _AT_ONCE]
            append(paths[0], n_kept * self.dimension, self._codes[part].tobytes())
            append(paths[1], n_kept * ROW.itemsize, self._rows()[part].tobytes())
            n_kept += len(part)
        last = (
            [(self.last_id, self.last_id + 1)] if len(stays) and self._ids[stays[-1]] < self.last_id else []
        )
        self._write_header(self._generation + 1, last if len(stays) else [(0, self.last_id + 1)])
        self._read()
        self._sweep()

    # -- search ---------------------------------------------------------------------------------

    def search(self, vectors: NDArray[np.float32], k: int) -> Hits:
        """Return the *k* nearest to each row of *vectors*.

        Raises
        ------
        InputError
            If *k* is less than 1, or vectors are not finite or of another width.
        """
        queries = checked_vectors(vectors, self.dimension)
        self._refresh()
        rows = scan.Rounded(self._codes, self._scales, self._squares)
        found = scan.nearest(rows, self._norms, queries, checked_k(k))
        if not len(self._ids):
            return found
        return Hits(np.where(found.ids == NOTHING, NOTHING, self._ids[found.ids]), found.distances)

    def faults(self) -> tuple[tuple[int, str], ...]:
        """Read everything; return the id and a sentence for each vector whose bytes were changed."""
        self._refresh()
        rows = self._rows()
        lives = np.isfinite(self._norms) | ~np.isfinite(self._scales)
        return tuple(
            (
                int(rows["id"][row]),
                f"{self._paths[0].name}: row {row} has not the checksum it was written with",
            )
            for row in changed_rows(self._codes, rows)
            if lives[row]
        )

    # -- files ----------------------------------------------------------------------------------

    def _read(self) -> None:
        body = read_sealed(self.folder / HEADER, FORMAT, REVISION)
        try:
            self._dimension, self._generation = int(body["dimension"]), int(body["generation"])
            self._removed = [(int(first), int(end)) for first, end in body["removed"]]
        except (KeyError, TypeError, ValueError) as error:
            raise CorpusError(f"{self.folder / HEADER}: damaged ({error}); {AGAIN}") from error
        self._paths = tuple(self.folder / name for name in file_names(self._generation))
        try:
            sizes = [path.stat().st_size for path in self._paths]
        except OSError as error:
            if read_sealed(self.folder / HEADER, FORMAT, REVISION) != body:
                self._read()  # a writer has just moved on to a new generation
                return
            raise CorpusError(f"{error.filename}: missing from the index; {AGAIN}") from error
        n = min(sizes[0] // self._dimension, sizes[1] // ROW.itemsize)
        if sizes[1] // ROW.itemsize > n:
            raise CorpusError(
                f"{self._paths[0]}: {sizes[0]} bytes, expected {sizes[1] // ROW.itemsize * self._dimension}: it was "
                f"cut off; {AGAIN}"
            )
        self._map(n)

    def _refresh(self) -> None:
        """Map what was added since."""
        if not self._is_current:
            self._read()

    def _map(self, n: int) -> None:
        rows = mapped(self._paths[1], ROW, (n,))
        codes: NDArray[np.int8] = mapped(self._paths[0], np.dtype(np.int8), (n, self._dimension))
        n = n_written(codes, rows)
        rows, self._codes = rows[:n], codes[:n]
        self._ids = np.ascontiguousarray(rows["id"], np.int64)
        self._scales = np.ascontiguousarray(rows["scale"], np.float32)
        self._squares = np.ascontiguousarray(rows["square"], np.int32)
        if n and ((np.diff(self._ids) <= 0).any() or self._ids[0] < 0):
            raise CorpusError(f"{self._paths[1]}: damaged: its ids do not rise; {AGAIN}")
        self._norms = scan.Rounded(self._codes, self._scales, self._squares).norms
        self._norms[~np.isfinite(self._norms)] = np.inf
        for first, end in self._removed:
            self._norms[np.searchsorted(self._ids, first) : np.searchsorted(self._ids, end)] = np.inf
        highest = [end - 1 for _, end in self._removed]
        self._last_id = max([NOTHING, *highest, *self._ids[-1:].tolist()])
        self._n_rows, self._is_current = n, True

    def _rows(self) -> NDArray[Any]:
        return mapped(self._paths[1], ROW, (len(self._ids),))

    def _tidy(self) -> None:
        """Cut off what an interrupted writer left, sweep old generations, compact when it pays."""
        n = len(self._ids)
        for path, length in zip(self._paths, (n * self._dimension, n * ROW.itemsize), strict=True):
            if path.stat().st_size > length:
                os.truncate(path, length)
        self._sweep()
        if n and np.isinf(self._norms).sum() > COMPACT_AT * n:
            self.compact()

    def _sweep(self) -> None:
        keep = {path.name for path in self._paths}
        for path in [*self.folder.glob("codes-*.i8"), *self.folder.glob("rows-*.bin")]:
            if path.name not in keep:
                path.unlink()

    def _write_header(self, generation: int, removed: list[tuple[int, int]]) -> None:
        body = {"dimension": self._dimension, "generation": generation, "removed": removed}
        write_sealed(self.folder / HEADER, FORMAT, REVISION, body)

    def _may_write(self) -> None:
        if self._holding is None:
            raise CorpusError(f"{self.folder}: open for reading only; open it for writing")
