"""The recordings of some workspaces, once per content, as searching for versions wants them.

Conventions
-----------
Corpus items come first, then the catalogue; of several workspaces the first that holds a content answers for it.
Hashes of catalogue files are remembered with size and time of change in the ``versions`` folder, so that a file is
read again only when it was touched, and a large catalogue is listed in about a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError
from linernotes.workspace import Workspace
from linernotes.workspace.store import DATABASE

FOLDER = "versions"
_FILES = "files.json"


@dataclass(frozen=True, slots=True)
class Held:
    """One recording of a workspace.

    Parameters
    ----------
    recording : Recording
        Title, artist, identifiers.
    path : Path
        Its audio.
    content_sha256 : str
        Hash of the file.
    item_id : str or None
        Its name in the sealed corpus.
    workspace : Path
        Where it is held.
    """

    recording: Recording
    path: Path
    content_sha256: str
    item_id: str | None
    workspace: Path

    @property
    def profile_path(self) -> Path:
        """Where what comparing needs to know of it is kept."""
        return self.workspace / FOLDER / f"{self.content_sha256}.npz"


@dataclass(frozen=True, slots=True)
class Collection:
    """What some workspaces hold.

    Parameters
    ----------
    held : tuple of Held
        Recordings whose audio is at hand, once per content.
    absent : tuple of (str, str)
        Other recordings, by id, and why their audio is not at hand.
    """

    held: tuple[Held, ...]
    absent: tuple[tuple[str, str], ...]


def collection_of(workspaces: Sequence[Path | str]) -> Collection:
    """Return every recording of the workspaces, once per content.

    Raises
    ------
    InputError
        If no workspace is given, or one twice.
    CorpusError
        If a workspace is not there, or holds neither a corpus nor a catalogue.
    """
    if not workspaces:
        raise InputError("no workspace to search; give at least one")
    if len({Path(place).resolve() for place in workspaces}) < len(workspaces):
        raise InputError("a workspace is given twice; give each once")
    found: dict[str, Held] = {}
    absent: list[tuple[str, str]] = []
    for place in workspaces:
        with Workspace.open(place) as opened:
            for one in _held(opened, absent):
                found.setdefault(one.content_sha256, one)
    return Collection(tuple(found.values()), tuple(absent))


def versions_folder(workspace: Path | str) -> Path:
    """Return the folder of a workspace in which profiles and indexes are kept."""
    with Workspace.open(workspace) as opened:
        return opened.folder(FOLDER)


def _held(workspace: Workspace, absent: list[tuple[str, str]]) -> Iterator[Held]:
    folder = workspace.folder(FOLDER)
    corpus = workspace.corpus() if workspace.has_corpus() else None
    recordings = workspace.recordings()
    if corpus is None and not recordings:
        raise CorpusError(
            f"{workspace.path}: holds neither a corpus nor a catalogue; "
            "fill it with 'linernotes corpus seal' or 'linernotes catalog add'"
        )
    if corpus is not None:
        for item in corpus.items:
            path = corpus.audio_path(item)
            if not path.is_file():
                absent.append((item.item_id, f"{path}: no such file; put the corpus's audio back there"))
                continue
            yield Held(item.recording, path, item.content_sha256, item.item_id, workspace.path)
    known = _KnownFiles(workspace, folder / _FILES)
    for recording in recordings:
        try:
            path, content = known.of(recording.recording_id)
        except (CorpusError, OSError) as error:
            absent.append((recording.recording_id, str(error)))
            continue
        yield Held(recording, path, content, None, workspace.path)
    known.save()


class _KnownFiles:
    """Where the catalogue's files lie and what their hashes are; anything doubtful is asked for anew."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self._workspace, self._path = workspace, path
        self._database = _stamps(workspace.path / DATABASE, workspace.path / f"{DATABASE}-wal")
        self._stored: dict[str, Any] = {}
        self._seen: dict[str, list[Any]] = {}
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and isinstance(stored.get("files"), dict):
                self._stored = stored
        except (OSError, ValueError):
            pass  # not there, or damaged: it only saves time

    def of(self, recording_id: str) -> tuple[Path, str]:
        known = self._stored.get("files", {}).get(recording_id)
        if not (isinstance(known, list) and len(known) == 3):
            known = [None, None, None]
        if known[0] is not None and self._stored.get("database") == self._database:
            path = Path(known[0])
        else:
            path = self._workspace.recording_audio(recording_id)
        stamp = _stamps(path)
        if stamp == [None]:
            raise CorpusError(
                f"{path}: no such file; put it back, or take the recording out of the catalogue"
            )
        is_same = known[0] == str(path) and known[1] == stamp
        content = str(known[2]) if is_same else file_sha256(path)
        self._seen[recording_id] = [str(path), stamp, content]
        return path, content

    def save(self) -> None:
        now = {"database": self._database, "files": self._seen}
        if now != self._stored:
            partial = self._path.with_name(f"{self._path.name}.{os.getpid()}.partial")
            partial.write_text(json.dumps(now, sort_keys=True), encoding="utf-8")
            os.replace(partial, self._path)


def _stamps(*paths: Path) -> list[list[int] | None]:
    """Return size and time of change of files; None for one that is not there."""
    found: list[list[int] | None] = []
    for path in paths:
        try:
            facts = path.stat()
            found.append([facts.st_size, facts.st_mtime_ns])
        except OSError:
            found.append(None)
    return found
