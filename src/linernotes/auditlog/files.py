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
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from linernotes.errors import CorpusError

PARTIAL_SUFFIX = ".partial"
LOCK_POLL_S = 0.02
FILES_AT_ONCE = 128  # open at the same time; systems allow at least 256
_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write *data* so that *path* holds either the old bytes or all of the new ones, even after a crash."""
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, _OPEN_FLAGS, mode)
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


def write_all_whole(root: Path, files: Mapping[str, bytes]) -> None:
    """Write many files below *root* and return once the disk has all of them; each is whole or not there.

    All are handed to the operating system first and waited for after, so that one commit of the file
    system's journal serves many: 80 files cost about as much as 20 written one by one.

    Parameters
    ----------
    root : Path
        An existing folder.
    files : mapping
        From path below *root*, with ``/``, to the bytes. Missing folders are made.
    """
    made: set[Path] = set()
    names = list(files)
    for start in range(0, len(names), FILES_AT_ONCE):
        group = names[start : start + FILES_AT_ONCE]
        _write_group(root, {name: files[name] for name in group}, made)
    for folder in sorted(made, reverse=True):  # deepest first: a folder's name counts when it is on the disk
        sync_folder(folder)


def _write_group(root: Path, files: Mapping[str, bytes], made: set[Path]) -> None:
    waiting: list[tuple[int, Path, Path]] = []
    try:
        for name, data in files.items():
            path = root / name
            _make_folders(path.parent, root, made)
            partial = path.with_name(path.name + PARTIAL_SUFFIX)
            partial.unlink(missing_ok=True)
            waiting.append((os.open(partial, _OPEN_FLAGS, 0o644), partial, path))
            _write_fully(waiting[-1][0], data)
        for descriptor, _, _ in waiting:
            os.fsync(descriptor)
    except BaseException:
        for _, partial, _ in waiting:
            partial.unlink(missing_ok=True)
        raise
    finally:
        for descriptor, _, _ in waiting:
            os.close(descriptor)
    for _, partial, path in waiting:
        os.replace(partial, path)
        made.add(path.parent)


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
def sole_writer(path: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file *path* for the length of the block; the system frees it if the process dies.

    Parameters
    ----------
    path : Path
        The lock file; made if it is not there, and left there.
    patience_s : float
        How long to wait for another writer, in seconds.

    Raises
    ------
    CorpusError
        If another writer still holds it after that time.
    """
    try:
        stream = path.open("a+b")
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be opened for writing ({error.strerror}); see to its folder"
        ) from None
    with stream:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                _lock(stream.fileno())
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise CorpusError(
                        f"{path.parent}: another program is writing this log; "
                        "wait until it is done and try again"
                    ) from None
                time.sleep(LOCK_POLL_S)
        yield


def _make_folders(folder: Path, root: Path, made: set[Path]) -> None:
    """Make *folder* and note each parent that got a new name in it."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir()
        made.add(each.parent)


def _write_fully(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
