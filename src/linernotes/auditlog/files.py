"""Files that are on the disk whole or not at all, and a lock that a crash cannot leave behind.

References
----------
Pillai et al. (2014), "All file systems are not created equal": write aside, fsync, rename, fsync the
folder.

Known limits
------------
Network file systems may lie about locks and fsync; keep the log on a local disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linernotes.errors import CorpusError


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write *data* so that *path* holds either the old bytes or all of the new ones, even after a crash."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_durably(path: Path, size_bytes: int, data: bytes) -> None:
    """Cut *path* to *size_bytes*, add *data*, and return once the disk has it."""
    with path.open("r+b") as stream:
        stream.truncate(size_bytes)
        stream.seek(size_bytes)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename inside *folder* durable; does nothing where folders cannot be opened (Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold the lock file *path* for the length of the block; the system frees it if the process dies.

    Raises
    ------
    CorpusError
        At once, if another writer holds it.
    """
    try:
        stream = path.open("a+b")
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be opened for writing ({error.strerror}); see to its folder"
        ) from None
    with stream:
        try:
            _lock(stream.fileno())
        except OSError:
            raise CorpusError(
                f"{path.parent}: another program is writing this log; wait until it is done and try again"
            ) from None
        yield


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
