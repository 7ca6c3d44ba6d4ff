"""One process at a time in an unfinished run folder.

Two programs that resume the same run would overwrite each other's shards and rename the folder under each
other's feet. The lock is the system's own on a file in the folder: it is free again as soon as the process
that holds it is gone, however it went.

Known limits
------------
Network file systems that do not know ``flock`` across machines do not stop a second machine. Threads of one
process are not kept apart.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from linernotes.auditlog.files import sole_writer
from linernotes.errors import CorpusError

LOCK = "lock"
_held: dict[Path, tuple[int, ExitStack]] = {}


def take(folder: Path) -> None:
    """Keep other processes out of *folder* until `release`, or until this process ends.

    Raises
    ------
    CorpusError
        If another process works there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     take(Path(folder))
    ...     take(Path(folder))  # the same process may
    ...     release(Path(folder))
    """
    place = folder.absolute()
    process_id, _ = _held.get(place, (None, None))
    if process_id == os.getpid() and (place / LOCK).exists():
        return
    holding = ExitStack()
    try:
        holding.enter_context(sole_writer(place / LOCK))
    except CorpusError as error:
        raise CorpusError(
            f"{folder}: another program is working on this very run; wait until it is done, then repeat the "
            "command: it takes over the result"
        ) from error
    _held[place] = (os.getpid(), holding)


def release(folder: Path) -> None:
    """Let others in again; nothing happens where nothing was held."""
    process_id, holding = _held.pop(folder.absolute(), (None, ExitStack()))
    if process_id == os.getpid():
        holding.close()
    (folder / LOCK).unlink(missing_ok=True)
