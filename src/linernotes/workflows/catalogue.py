"""The catalogue of a workspace: fill it, take out of it, join it with another, keep it small and sound.

Conventions
-----------
The index lies in the workspace's ``fingerprints`` folder, the facts about recordings in its registry.
A recording is indexed once per content: repeating a command that was interrupted, or that got more
files, works only on what is new. One process writes at a time; readers never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linernotes.catalog.tables import Row, read_catalogue_table
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.storage.folder import Conflict
from linernotes.fingerprint.store import (
    MANIFEST,
    Catalogue,
    IndexFolder,
    check_index,
    drop_damaged,
    index_statistics,
    open_index,
)
from linernotes.workflows.indexing import Extracted, ExtractLandmarks, FileToIndex, extraction_engine
from linernotes.workspace import Workspace

FOLDER = "fingerprints"
Progress = Callable[[str, int, int], None]

_BATCH = 32  # recordings between two entries into the registry; the index takes each at once


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    """What `add_catalogue` did.

    Parameters
    ----------
    added, skipped : tuple of str
        Recordings indexed now, and recordings that were indexed before with the same content.
    refused : tuple of (str, str)
        File and reason of each recording that could not be indexed.
    n_recordings : int
        Recordings in the index afterwards.
    """

    added: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    n_recordings: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "n_recordings": self.n_recordings,
            "n_added": len(self.added),
            "n_skipped": len(self.skipped),
            "added": list(self.added),
            "skipped": list(self.skipped),
            "refused": [{"file": file, "reason": reason} for file, reason in self.refused],
        }


@dataclass(slots=True)
class _Work:
    """The state of one `add_catalogue`."""

    workspace: Workspace
    writer: IndexFolder
    audio_dir: Path
    rows: dict[str, Row]
    added: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    unregistered: list[Row] = field(default_factory=list)

    def to_index(self) -> list[FileToIndex]:
        """Return what the engine is to look at."""
        return [
            FileToIndex(
                recording_id, row.file, str(self.audio_dir / row.file), self.writer.content_hash(recording_id)
            )
            for recording_id, row in self.rows.items()
        ]

    def take(self, found: Extracted) -> None:
        """Keep what was extracted from one file."""
        if found.refused is not None:
            self.refused.append((found.file, found.refused))
            return
        if found.landmarks is None:
            self.skipped.append(found.recording_id)
        else:
            self.writer.append(found.recording_id, found.content_sha256, found.landmarks)
            self.added.append(found.recording_id)
        self.unregistered.append(self.rows[found.recording_id])
        if len(self.unregistered) >= _BATCH:
            self.register()

    def register(self) -> None:
        """Enter what was indexed into the workspace's registry."""
        rows, self.unregistered = self.unregistered, []
        if rows:
            files: dict[str, Path | str] = {
                row.recording.recording_id: (self.audio_dir / row.file).absolute() for row in rows
            }
            self.workspace.add_recordings([row.recording for row in rows], self.audio_dir, files=files)


def add_catalogue(
    audio_dir: Path | str,
    metadata: Path | str,
    workspace: Path | str,
    progress: Progress | None = None,
    *,
    n_workers: int = 1,
    ray_address: str | None = None,
) -> CatalogueReport:
    """Index reference recordings, so that `linernotes.workflows.identify.identify_files` can find them.

    Each recording is on the disk as soon as it is done: whatever ends the process, at most the file in
    progress is lost (with several workers: the files), and the same command goes on from there.

    Parameters
    ----------
    audio_dir : Path or str
        Folder of the audio files.
    metadata : Path or str
        Catalogue table, CSV with ``file,title,artist`` and more.
    workspace : Path or str
        Workspace folder; it is made where there is none.
    progress : callable, optional
        Called with a name, the number done, and the number in all.
    n_workers : int >= 1
        Processes that extract; what is found does not depend on it.
    ray_address : str, optional
        Of a Ray cluster whose workers extract instead; they read the files under the same paths.

    Returns
    -------
    CatalogueReport
        What was indexed, what was there already, what was refused and why. A file that cannot be
        indexed (unreadable, silent, shorter than a second) does not stop the others.

    Raises
    ------
    InputError
        If the table is wrong or names a file that does not exist.
    CorpusError
        If the workspace or its index is damaged, or another process is writing the index.
    MissingExtra
        If a Ray address is given and Ray is not installed.
    """
    audio_dir = Path(audio_dir)
    table = read_catalogue_table(metadata, audio_dir)
    with Workspace.open_or_create(workspace) as opened, IndexFolder(opened.folder(FOLDER)) as writer:
        work = _Work(opened, writer, audio_dir, {row.recording.recording_id: row for row in table.rows})
        engine = extraction_engine(work.take, progress, n_workers=n_workers, ray_address=ray_address)
        try:
            with engine as run:
                run(ExtractLandmarks(), work.to_index(), name="indexing recordings")
        finally:
            work.register()  # also when interrupted: what the index holds has a name
        return CatalogueReport(tuple(work.added), tuple(work.skipped), tuple(work.refused), len(writer))


def open_catalogue(workspace: Workspace) -> Catalogue:
    """Return the catalogue of a workspace, memory-mapped, for many queries with `fingerprint.match.identify_audio`.

    Raises
    ------
    CorpusError
        If nothing was indexed, or a file of the index is damaged.
    """
    return open_index(index_folder(workspace))


def remove_recordings(recording_ids: Sequence[str], workspace: Path | str) -> dict[str, Any]:
    """Take recordings out of the catalogue's index; the registry keeps what is known about them.

    Returns
    -------
    dict
        ``{"removed", "n_recordings"}``.

    Raises
    ------
    InputError
        If no id is given.
    CorpusError
        If an id is not in the catalogue; nothing is removed then.
    """
    if not recording_ids:
        raise InputError("no recordings to remove; give at least one recording id")
    with Workspace.open(workspace) as opened, IndexFolder(index_folder(opened)) as writer:
        writer.remove(set(recording_ids))
        return {"removed": sorted(set(recording_ids)), "n_recordings": len(writer)}


def merge_catalogue(
    other: Path | str, workspace: Path | str, *, on_conflict: Conflict = "refuse"
) -> dict[str, Any]:
    """Take all recordings of another workspace's catalogue into this one.

    Parameters
    ----------
    other, workspace : Path or str
        Workspaces; *other* is only read.
    on_conflict : {"refuse", "keep", "replace"}
        What to do with an id that both hold with different content.

    Returns
    -------
    dict
        ``{"n_added", "n_left_out", "n_recordings"}``.

    Raises
    ------
    InputError
        If the rule is unknown or both are one workspace.
    CorpusError
        If ids conflict and the rule is to refuse, or an index is damaged; nothing is merged then.
    """
    with Workspace.open(other) as source, Workspace.open_or_create(workspace) as opened:
        catalogue = open_index(index_folder(source))
        with IndexFolder(opened.folder(FOLDER)) as writer:
            before = {recording.recording_id for recording in opened.recordings()}
            theirs = catalogue.content_hashes.keys() - (set() if on_conflict == "replace" else before)
            taken = [r for r in source.recordings() if r.recording_id in theirs]
            files: dict[str, Path | str] = {
                r.recording_id: source.recording_audio(r.recording_id).absolute() for r in taken
            }
            n_added, n_left_out = writer.merge(catalogue, on_conflict=on_conflict)
            opened.add_recordings(taken, source.path, files=files)
            return {"n_added": n_added, "n_left_out": n_left_out, "n_recordings": len(writer)}


def compact_catalogue(workspace: Path | str, progress: Progress | None = None) -> dict[str, Any]:
    """Merge the segments of a catalogue's index and free the room of what was removed.

    Returns
    -------
    dict
        ``{"n_segments_before", "n_segments", "n_bytes_before", "n_bytes", "n_recordings"}``.

    Raises
    ------
    CorpusError
        If the index is damaged, or the disk is full.
    """
    with Workspace.open(workspace) as opened, IndexFolder(index_folder(opened)) as writer:
        before = writer.manifest.segments
        writer.compact(progress)
        after = writer.manifest.segments
        return {
            "n_segments_before": len(before),
            "n_segments": len(after),
            "n_bytes_before": sum(entry.n_bytes for entry in before),
            "n_bytes": sum(entry.n_bytes for entry in after),
            "n_recordings": len(writer),
        }


def check_catalogue(
    workspace: Path | str, *, drop: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Read every byte of a catalogue's index and name what is damaged.

    Parameters
    ----------
    workspace : Path or str
        The workspace.
    drop : bool
        Whether damaged segments and journal records are taken out, so that the rest can be used.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        `linernotes.fingerprint.store.CheckReport` as JSON; with *drop* also ``dropped``, the recordings
        that have to be added again.

    Raises
    ------
    CorpusError
        If there is no index, or its manifest is damaged.
    """
    with Workspace.open(workspace) as opened:
        folder = index_folder(opened)
        report = check_index(folder, progress).as_json()
        if drop:
            report["dropped"] = list(drop_damaged(folder)) if report["faults"] else []
    return report


def catalogue_statistics(workspace: Path | str, *, with_recordings: bool = False) -> dict[str, Any]:
    """Return the size of a catalogue's index: recordings, hours, bytes per hour, segments, journal.

    Raises
    ------
    CorpusError
        If there is no index, or it is damaged.
    """
    with Workspace.open(workspace) as opened:
        return index_statistics(index_folder(opened), with_recordings=with_recordings)


def index_folder(workspace: Workspace) -> Path:
    """Return the index folder of a workspace.

    Raises
    ------
    CorpusError
        If it has no index.
    """
    folder = workspace.folder(FOLDER)
    if not (folder / MANIFEST).exists() and not any(folder.glob("segment-*")):
        raise CorpusError(
            f"{folder}: no fingerprint index; index recordings first with 'linernotes catalog add'"
        )
    return folder
