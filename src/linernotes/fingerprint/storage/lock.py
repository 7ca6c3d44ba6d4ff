"""One writer at a time: a lock that dies with its holder and says who that is.

Known limits
------------
Network file systems may lie about locks; keep an index that is written to on a local disk.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from linernotes.errors import CorpusError

LOCK = "writer.lock"


class WriterLock:
    """Held from construction to `close`; the system frees it when the process ends, however it ends.

    Parameters
    ----------
    folder : Path
        The index folder.

    Raises
    ------
    CorpusError
        At once, if another writer holds it; the message names its process.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            self._stream: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        except OSError as error:
            raise CorpusError(
                f"{path}: cannot be opened for writing ({error.strerror}); "
                "copy the index to a place where you may write"
            ) from error
        try:
            _lock(self._stream.fileno())
        except OSError:
            holder = self._holder()
            self._stream.close()
            raise CorpusError(
                f"{folder}: {holder} is writing this index, and there is one writer at a time; "
                "wait until it is done and repeat the command"
            ) from None
        me = {"process": os.getpid(), "machine": platform.node(), "since": _now()}
        self._stream.seek(0)
        self._stream.write(json.dumps(me).encode() + b"\n")
        self._stream.truncate()
        self._stream.flush()

    def close(self) -> None:
        """Let the next writer in."""
        self._stream.close()

    def _holder(self) -> str:
        try:
            found = json.loads(self._stream.read())
            return f"process {found['process']} on {found['machine']} (since {found['since']})"
        except (ValueError, KeyError, TypeError):
            return "another process"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # Windows hides locked bytes: lock one that nobody reads
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
