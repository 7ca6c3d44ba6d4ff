"""Small JSON files that are replaced whole and carry their own SHA-256, and a lock for whoever writes.

Conventions
-----------
Sorted keys; ``format`` and ``revision`` say what it is; ``seal`` is the SHA-256 of the same JSON without it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from linernotes.auditlog.files import sole_writer, write_whole
from linernotes.errors import CorpusError, NewerRevision

LOCK = "writer.lock"
LARGEST_BYTES = 64 << 20
AGAIN = "delete the folder and run 'linernotes versions index add' again"


def write_sealed(path: Path, kind: str, revision: int, body: dict[str, Any]) -> None:
    """Write *body*, whole or not at all; when this returns, the disk has it."""
    full = body | {"format": kind, "revision": revision}
    full["seal"] = _seal(full)
    write_whole(path, (json.dumps(full, indent=1, sort_keys=True) + "\n").encode())


def read_sealed(path: Path, kind: str, revision: int) -> dict[str, Any]:
    """Return what `write_sealed` wrote.

    Raises
    ------
    CorpusError
        If it is missing, damaged, of another kind, or of an earlier revision.
    NewerRevision
        If a newer Linernotes wrote it.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_BYTES + 1)
        body = json.loads(data[:LARGEST_BYTES])
    except FileNotFoundError:
        raise CorpusError(f"{path}: not there; make the index with 'linernotes versions index add'") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path}: damaged ({error}); {AGAIN}") from error
    if not isinstance(body, dict) or body.get("format") != kind:
        raise CorpusError(f"{path}: no {kind} file; {AGAIN}")
    found = body.get("revision")
    if isinstance(found, int) and found > revision:
        raise NewerRevision(f"{path}: revision {found}; this Linernotes reads up to {revision}; update it")
    if body.pop("seal", None) != _seal(body):
        raise CorpusError(f"{path}: damaged: it has not the SHA-256 that it carries; {AGAIN}")
    if found != revision:
        raise CorpusError(f"{path}: revision {found} of an earlier Linernotes, expected {revision}; {AGAIN}")
    return body


def writer_lock(folder: Path) -> ExitStack:
    """Keep other writers out of *folder* until the result is closed or the process ends.

    Raises
    ------
    CorpusError
        If another process writes it, or the folder cannot be written to.
    """
    holding = ExitStack()
    try:
        holding.enter_context(sole_writer(folder / LOCK))
    except CorpusError as error:
        if "another program" not in str(error):
            raise
        raise CorpusError(
            f"{folder}: another program is writing this index, and there is one writer at a time; wait until it "
            "is done and repeat the command"
        ) from None
    return holding


def _seal(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
