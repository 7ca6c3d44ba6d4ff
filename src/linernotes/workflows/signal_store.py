"""The signal files that a workspace keeps: the bytes as they came, and what was said of them.

Records alone lose the rules by which a format picks the line that holds for an address; so the file itself is kept, as
the evidence, and read again when somebody asks about one.

Conventions
-----------
``WS/signals/<sha256>.bin`` holds the bytes, ``<sha256>-<target>.json`` its name, kind, target and day. One file may be kept
for several targets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.files import write_whole
from linernotes.errors import CorpusError
from linernotes.signals.origin import Origin
from linernotes.workspace import Workspace

FOLDER = "signals"
_FIELDS = {"name", "sha256", "kind", "target", "seen_on"}


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """A kept file: its kind, its origin, and where its bytes lie."""

    kind: str
    origin: Origin
    path: Path

    def data(self) -> bytes:
        """Return the bytes, after comparing them with their hash.

        Raises
        ------
        CorpusError
            If the file is gone or was changed.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise CorpusError(
                f"{self.path}: cannot be read ({error.strerror}); import the signal again"
            ) from None
        if hashlib.sha256(data).hexdigest() != self.origin.sha256:
            raise CorpusError(f"{self.path}: was changed since it was imported; import the signal again")
        return data


def keep(workspace: Workspace, kind: str, origin: Origin, data: bytes) -> None:
    """Keep a file; the same file for the same target is kept once, with what was said last."""
    folder = workspace.folder(FOLDER)
    write_whole(folder / f"{origin.sha256}.bin", data)
    body: dict[str, Any] = {
        "name": origin.name,
        "sha256": origin.sha256,
        "kind": kind,
        "target": origin.target,
        "seen_on": origin.seen_on,
    }
    about = hashlib.sha256(origin.target.encode()).hexdigest()[:12]
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    write_whole(folder / f"{origin.sha256}-{about}.json", text.encode())


def kept(workspace: Workspace) -> Iterator[StoredSignal]:
    """Yield the kept files, ordered by hash.

    Raises
    ------
    CorpusError
        If a description is damaged.
    """
    for path in sorted(workspace.folder(FOLDER).glob("*-*.json")):
        try:
            body = json.loads(path.read_bytes())
            if set(body) != _FIELDS:
                raise ValueError("other fields")
            origin = Origin(
                name=body["name"], sha256=body["sha256"], seen_on=body["seen_on"], target=body["target"]
            )
        except (OSError, ValueError, TypeError) as error:
            raise CorpusError(f"{path}: damaged ({error}); import the signal again") from None
        yield StoredSignal(body["kind"], origin, path.with_name(f"{origin.sha256}.bin"))
