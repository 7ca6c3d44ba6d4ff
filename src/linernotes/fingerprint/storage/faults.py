"""A fault of the disk, in one sentence that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linernotes.errors import CorpusError


@contextmanager
def plain_faults(folder: Path) -> Iterator[None]:
    """Turn a fault of the disk into one sentence.

    Raises
    ------
    CorpusError
        If the disk is full, not writable, or fails.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space" if full else "see to the disk and the rights on the folder"
        raise CorpusError(
            f"{error.filename or folder}: {error.strerror or error}; {advice} and repeat the command: "
            "what was finished before is kept"
        ) from error
