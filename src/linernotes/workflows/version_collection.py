"""The recordings of some workspaces, once per content, as searching for versions wants them.

Conventions
-----------
Corpus items come first, then the catalogue; of several workspaces the first that holds a content answers for it.
Hashes of catalogue files are remembered with size and time of change in the ``versions`` folder, so that a file is
read again only when it was touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from linernotes.audio.files import file_sha256
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError
from linernotes.workspace import Workspace

FOLDER = "versions"
_HASHES = "hashes.json"


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
    hashes = _Hashes(folder / _HASHES)
    for recording in recordings:
        try:
            path = workspace.recording_audio(recording.recording_id)
            content = hashes.of(path)
        except (CorpusError, OSError) as error:
            absent.append((recording.recording_id, str(error)))
            continue
        yield Held(recording, path, content, None, workspace.path)
    hashes.save()


class _Hashes:
    """Hashes of files by path; anything doubtful is computed anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._seen: dict[str, list[object]] = {}
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(stored, dict):
                self._known = stored
        except (OSError, ValueError):
            pass  # not there, or damaged: it only saves time

    def of(self, path: Path) -> str:
        facts = path.stat()
        stamp = [facts.st_size, facts.st_mtime_ns]
        known = self._known.get(str(path))
        is_same = isinstance(known, list) and len(known) == 3 and known[:2] == stamp
        digest = str(known[2]) if is_same and known is not None else file_sha256(path)
        self._seen[str(path)] = [*stamp, digest]
        return digest

    def save(self) -> None:
        if self._seen != self._known:
            partial = self._path.with_name(f"{self._path.name}.{os.getpid()}.partial")
            partial.write_text(json.dumps(self._seen, sort_keys=True), encoding="utf-8")
            os.replace(partial, self._path)
