"""Everything that a workspace knows: its sealed corpus and its catalogue, ready to be searched for passages.

Frames, notes and landmarks are computed once per file content and kept in the workspace's ``passages`` folder; a
command that was interrupted goes on where it stopped.

Conventions
-----------
A recording that is in the corpus and in the catalogue with the same bytes is one entry. A corpus item is called by
its item id, or by ``corpus/ITEM_ID`` where the catalogue has another recording of that name.

Known limits
------------
A catalogue recording whose audio is not at hand is searched by its landmarks alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import read_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.match import SearchedCatalogue
from linernotes.fingerprint.passages.features import (
    FEATURES_REVISION,
    HOP_S,
    PackedFeatures,
    SegmentFeatures,
    segment_features,
)
from linernotes.fingerprint.passages.notes import NoteIndex, NoteLine
from linernotes.fingerprint.store import IndexFolder, open_index
from linernotes.workflows.identify import FOLDER as CATALOGUE_FOLDER
from linernotes.workflows.identify import open_catalogue
from linernotes.workspace import Workspace

FOLDER = "passages"
CORPUS_INDEX = "corpus-landmarks"
NOTES_REVISION = 1
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Without:
    """A catalogue some of whose recordings are not answered, for controls."""

    segments: tuple[FingerprintIndex, ...]
    removed: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class KnownRecording:
    """One recording of the workspace.

    Parameters
    ----------
    name : str
        What passages call it.
    recording : Recording
        Title, artist, identifiers.
    path : Path or None
        Its audio, where it is at hand.
    content_sha256 : str
        Hash of the file; empty where there is none.
    item_id : str or None
        Its name in the sealed corpus.
    recording_id : str or None
        Its name in the catalogue.
    """

    name: str
    recording: Recording
    path: Path | None
    content_sha256: str
    item_id: str | None
    recording_id: str | None

    @property
    def known_as(self) -> str:
        """``corpus``, ``catalogue`` or ``both``."""
        if self.item_id is not None:
            return "both" if self.recording_id is not None else "corpus"
        return "catalogue"


@dataclass(frozen=True, eq=False)
class KnownMusic:
    """What `linernotes.workflows.passages.find_passages` searches.

    Parameters
    ----------
    recordings : mapping of str to KnownRecording
        By name.
    indexes : tuple of SearchedCatalogue
        Landmarks of the catalogue, and of corpus items that the catalogue lacks.
    features : PackedFeatures
        Of all recordings whose audio is at hand.
    lines : mapping of str to NoteLine
        Likewise.
    without_audio : tuple of str
        Recordings that only landmarks can find.
    """

    recordings: Mapping[str, KnownRecording]
    indexes: tuple[SearchedCatalogue, ...]
    features: PackedFeatures
    lines: Mapping[str, NoteLine]
    without_audio: tuple[str, ...] = ()
    note_index: NoteIndex = field(default_factory=lambda: NoteIndex({}))

    @property
    def duration_s(self) -> float:
        """Seconds of music whose audio is at hand."""
        return self.features.n_frames * HOP_S

    def without(self, names: Iterable[str]) -> KnownMusic:
        """Return the same without some recordings: what a control excerpt of one of them is searched in."""
        gone = set(names)
        lines = {name: line for name, line in self.lines.items() if name not in gone}
        return KnownMusic(
            {name: one for name, one in self.recordings.items() if name not in gone},
            tuple(Without(index.segments, index.removed | gone) for index in self.indexes),
            self.features.without(gone),
            lines,
            tuple(name for name in self.without_audio if name not in gone),
            NoteIndex(lines),
        )


def open_known_music(workspace: Workspace, progress: Progress | None = None) -> KnownMusic:
    """Read, and where needed compute, what the workspace's corpus and catalogue sound like.

    Raises
    ------
    CorpusError
        If there is neither a corpus nor a catalogue, or the index is damaged.
    InputError
        If a corpus item's audio is not readable.
    """
    recordings = known_recordings(workspace)
    folder = workspace.folder(FOLDER)
    features: dict[str, NDArray[np.int8]] = {}
    lines: dict[str, NoteLine] = {}
    heard = [one for one in recordings if one.path is not None]
    for n_done, one in enumerate(heard, start=1):
        features[one.name], lines[one.name] = _sound_of(one, folder)
        if progress is not None:
            progress("listening to recordings", n_done, len(heard))
    indexes: list[SearchedCatalogue] = []
    if any(one.recording_id is not None for one in recordings):
        indexes.append(open_catalogue(workspace))
    only = [one for one in heard if one.recording_id is None]
    if only:
        indexes.append(index_of_items(folder / CORPUS_INDEX, only, progress))
    return KnownMusic(
        {one.name: one for one in recordings},
        tuple(indexes),
        PackedFeatures(features),
        lines,
        tuple(one.name for one in recordings if one.path is None),
        NoteIndex(lines),
    )


def known_recordings(workspace: Workspace) -> list[KnownRecording]:
    """Return every recording of the workspace once per content: the catalogue, then what only the corpus holds.

    Raises
    ------
    CorpusError
        If there is neither a corpus nor a catalogue.
    """
    corpus = workspace.corpus() if workspace.has_corpus() else None
    indexed = _indexed(workspace)
    items = {item.content_sha256: item for item in corpus.items} if corpus is not None else {}
    known: list[KnownRecording] = []
    for recording in workspace.recordings():
        content = indexed.get(recording.recording_id)
        if content is None:
            continue  # registered, but not indexed (yet)
        item = items.pop(content, None)
        path = _audio_of(workspace, recording.recording_id)
        if path is None and item is not None and corpus is not None:
            path = corpus.audio_path(item)
        item_id = item.item_id if item is not None else None
        name = recording.recording_id
        known.append(KnownRecording(name, recording, path, content, item_id, name))
    taken = {one.name for one in known}
    for item in items.values():
        if corpus is not None:
            name = f"corpus/{item.item_id}" if item.item_id in taken else item.item_id
            known.append(
                KnownRecording(
                    name, item.recording, corpus.audio_path(item), item.content_sha256, item.item_id, None
                )
            )
    if not known:
        raise CorpusError(
            f"{workspace.path}: holds neither a corpus nor a catalogue; "
            "fill it with 'linernotes corpus seal' or 'linernotes catalog add'"
        )
    return known


def _indexed(workspace: Workspace) -> dict[str, str]:
    folder = workspace.path / CATALOGUE_FOLDER
    if not folder.is_dir() or not any(folder.iterdir()) or not workspace.recordings():
        return {}
    return open_catalogue(workspace).content_hashes


def _audio_of(workspace: Workspace, recording_id: str) -> Path | None:
    try:
        return workspace.recording_audio(recording_id)
    except CorpusError:
        return None


def _sound_of(one: KnownRecording, folder: Path) -> tuple[NDArray[np.int8], NoteLine]:
    """Return frames and notes, from the cache or computed and cached; stored and fresh ones are the same."""
    cached = folder / f"{one.content_sha256}.npz"
    known = _load(cached)
    if known is None:
        from linernotes.workflows.passage_notes import note_line

        if one.path is None:
            raise InputError(f"{one.name}: its audio is not at hand")
        audio = read_audio(one.path, allow_silence=True)
        _save(cached, segment_features(audio, name=str(one.path)), note_line(audio))
        known = _load(cached)
        if known is None:
            raise CorpusError(f"{cached}: cannot be read back; the disk may be full or damaged")
    return known


def _save(path: Path, features: SegmentFeatures, line: NoteLine) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez(
            stream,
            revision=np.array([FEATURES_REVISION, NOTES_REVISION]),
            frames=features.packed(),
            onsets_s=line.onsets_s,
            pitches=line.pitches,
        )
    os.replace(partial, path)


def _load(path: Path) -> tuple[NDArray[np.int8], NoteLine] | None:
    """Return what `_save` wrote; None where there is nothing, or nothing usable: it is only a cache."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if stored["revision"].tolist() != [FEATURES_REVISION, NOTES_REVISION]:
                return None
            return (
                np.asarray(stored["frames"], np.int8),
                NoteLine(stored["onsets_s"], stored["pitches"]),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, InputError):
        return None


def index_of_items(
    folder: Path, items: Sequence[KnownRecording], progress: Progress | None
) -> SearchedCatalogue:
    """Return the landmarks of some recordings, kept in a folder; anything doubtful in it is made anew."""
    wanted = {one.name: one.content_sha256 for one in items}
    done = folder.with_name(f"{folder.name}.json")
    try:
        if json.loads(done.read_text(encoding="utf-8")) == {"indexed": wanted}:
            return open_index(folder)
    except (OSError, ValueError, CorpusError):
        pass  # not there, of another revision, or damaged: it is only a cache
    shutil.rmtree(folder, ignore_errors=True)
    with IndexFolder(folder) as writer:
        for n_done, one in enumerate(items, start=1):
            try:
                audio = read_audio(one.path or "")
                found = find_landmarks(audio, name=one.name)
                writer.append(one.name, one.content_sha256, found)
            except InputError:  # silent or too short: nothing that landmarks could find
                continue
            if progress is not None:
                progress("indexing the corpus", n_done, len(items))
    partial = done.with_name(f"{done.name}.partial")
    partial.write_text(json.dumps({"indexed": wanted}, sort_keys=True), encoding="utf-8")
    os.replace(partial, done)
    return open_index(folder)
