"""The one small file that says which segments are the index: replaced whole, never edited.

A change of the index is one new manifest. Segments and journals are written beside it first and deleted
after it; whatever the manifest does not name does not belong to the index. Readers that hold an older
generation keep what they have mapped.

Conventions
-----------
JSON with sorted keys. ``seal`` is the SHA-256 of the same JSON without it. ``generation`` counts
manifests; ``next_number`` is the number of the next segment or journal, and no number is used twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.files import write_whole
from linernotes.errors import CorpusError, NewerRevision
from linernotes.fingerprint.storage.settings import index_settings

MANIFEST = "fingerprints.json"
FORMAT = "linernotes-fingerprints"
REVISION = 2


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of the index.

    Parameters
    ----------
    name : str
        Its folder.
    header_sha256 : str
        SHA-256 of its ``segment.json``.
    n_recordings, n_frames, n_bytes : int
        What it holds, the removed recordings among it.
    removed : tuple of int
        Positions of recordings that were removed or replaced since.
    """

    name: str
    header_sha256: str
    n_recordings: int
    n_frames: int
    n_bytes: int
    removed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of an index.

    Examples
    --------
    >>> Manifest(generation=1, next_number=2, segments=(), journal="journal-000001.log").n_removed
    0
    """

    generation: int
    next_number: int
    segments: tuple[SegmentEntry, ...]
    journal: str

    @property
    def n_removed(self) -> int:
        """Removed recordings that still take up room."""
        return sum(len(entry.removed) for entry in self.segments)

    def names(self) -> set[str]:
        """Return the names of everything that belongs to the index, beside the manifest itself."""
        return {entry.name for entry in self.segments} | {self.journal}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make *manifest* the index; when this returns, the disk has it."""
    body = asdict(manifest) | {"format": FORMAT, "revision": REVISION, "settings": index_settings()}
    body["seal"] = _seal(body)
    write_whole(folder / MANIFEST, (json.dumps(body, indent=1, sort_keys=True) + "\n").encode())


def read_manifest(folder: Path) -> Manifest:
    """Return the generation that a folder holds now.

    Raises
    ------
    CorpusError
        If the folder holds no index, one of an earlier revision, or its manifest is damaged.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    path = folder / MANIFEST
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CorpusError(
            f"{path}: no fingerprint index; index recordings first with 'linernotes catalog add'"
        ) from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    _check(path, body)
    try:
        segments = tuple(
            SegmentEntry(**{**entry, "removed": tuple(entry["removed"])}) for entry in body["segments"]
        )
        return Manifest(body["generation"], body["next_number"], segments, body["journal"])
    except (KeyError, TypeError) as error:
        raise _damaged(path, f"unexpected field {error}") from error


def _check(path: Path, body: Any) -> None:
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise _damaged(path, "it is no Linernotes index")
    revision = body.get("revision")
    if isinstance(revision, int) and revision > REVISION:
        raise NewerRevision(f"{path}: revision {revision}; this Linernotes reads up to {REVISION}; update it")
    if isinstance(revision, int) and revision < REVISION:
        raise CorpusError(
            f"{path}: written by an earlier Linernotes (revision {revision}, expected {REVISION}); "
            f"delete the folder {path.parent} and run 'linernotes catalog add' again"
        )
    seal = body.pop("seal", None)
    if seal != _seal(body):
        raise _damaged(path, "its content does not have the SHA-256 that it carries")
    if body.get("settings") != index_settings():
        raise CorpusError(
            f"{path}: made with other landmark settings than this Linernotes uses; "
            f"delete the folder {path.parent} and run 'linernotes catalog add' again"
        )


def _seal(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _damaged(path: Path, reason: str) -> CorpusError:
    return CorpusError(
        f"{path}: damaged: {reason}; restore this file from a copy, or delete the folder {path.parent} "
        "and run 'linernotes catalog add' again"
    )
