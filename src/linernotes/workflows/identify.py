"""Fill the catalogue of a workspace, and ask which of its recordings a file holds.

Conventions
-----------
The index lies in the workspace's ``fingerprints`` folder, the facts about recordings in its registry.
A recording is indexed once per content: repeating a command that was interrupted, or that got more
files, works only on what is new.

Known limits
------------
One writer at a time: two ``catalog add`` on one workspace would lose the additions of one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256, read_audio
from linernotes.catalog.tables import Row, read_catalogue_table
from linernotes.errors import InputError
from linernotes.evidence import Match
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import REFERENCE, SAMPLE_RATE, Landmarks, find_landmarks
from linernotes.fingerprint.match import identify_audio
from linernotes.fingerprint.store import HEADER, open_index, save_index
from linernotes.workspace import Workspace

FOLDER = "fingerprints"
Progress = Callable[[str, int, int], None]

_BATCH = 32  # recordings between two savings: what an interruption can cost


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
    """The state of one `add_catalogue`: the index so far and what happened."""

    index: FingerprintIndex
    added: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def add_catalogue(
    audio_dir: Path | str,
    metadata: Path | str,
    workspace: Path | str,
    progress: Progress | None = None,
) -> CatalogueReport:
    """Index reference recordings, so that `identify_files` can find them.

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
        If the workspace or its index is damaged.
    """
    audio_dir = Path(audio_dir)
    table = read_catalogue_table(metadata, audio_dir)
    with Workspace.open_or_create(workspace) as opened:
        folder = opened.folder(FOLDER)
        index = open_index(folder) if (folder / HEADER).is_file() else FingerprintIndex.empty()
        hashes = {row.recording.recording_id: file_sha256(audio_dir / row.file) for row in table.rows}
        known = index.content_hashes
        new = [
            row
            for row in table.rows
            if known.get(row.recording.recording_id) != hashes[row.recording.recording_id]
        ]
        fresh = {row.recording.recording_id for row in new}
        old = [row for row in table.rows if row.recording.recording_id not in fresh]
        work = _Work(index)
        _register(opened, old, audio_dir)
        n_done = 0
        for batch in _batches(new):
            _index_batch(work, batch, audio_dir, hashes)
            save_index(work.index, folder)
            _register(
                opened, [row for row in batch if row.recording.recording_id in set(work.added)], audio_dir
            )
            n_done += len(batch)
            if progress is not None:
                progress("indexing recordings", n_done, len(new))
    return CatalogueReport(
        tuple(work.added),
        tuple(row.recording.recording_id for row in old),
        tuple(work.refused),
        len(work.index.recordings),
    )


def identify_files(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Say which catalogue recordings each file holds.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, at least one second each.
    workspace : Path or str
        Workspace with a catalogue.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match, per file, that is still reported.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        For each file ``{"query", "matches"}`` in the fields of the JSON contract, with ``title`` and
        ``artist`` added; ``matches`` is best first, and empty when nothing passes.

    Raises
    ------
    InputError
        If a file is no audio, is silent, or the limit is not a rate.
    TooShort
        If a file holds less than a second of sound.
    CorpusError
        If there is no workspace, it has no catalogue, or its index is damaged.
    """
    check_limit(max_false_match_rate)
    if not files:
        raise InputError("no files to identify; give at least one audio file")
    with Workspace.open(workspace) as opened:
        index = open_catalogue(opened)
        names = {recording.recording_id: recording for recording in opened.recordings()}
    answers = []
    for n_done, file in enumerate(files, start=1):
        audio = read_audio(file)
        matches = identify_audio(audio, index, query_id=str(file), max_false_match_rate=max_false_match_rate)
        answers.append({"query": str(file), "matches": [_describe(match, names) for match in matches]})
        if progress is not None:
            progress("identifying", n_done, len(files))
    return answers


def open_catalogue(workspace: Workspace) -> FingerprintIndex:
    """Return the index of a workspace, for many queries with `fingerprint.match.identify_audio`.

    Raises
    ------
    CorpusError
        If nothing was indexed, or a file of the index is damaged.
    """
    return open_index(workspace.folder(FOLDER))


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), _BATCH):
        yield rows[first : first + _BATCH]


def _index_batch(work: _Work, batch: Sequence[Row], audio_dir: Path, hashes: dict[str, str]) -> None:
    entries: list[tuple[str, str, Landmarks]] = []
    for row in batch:
        recording_id = row.recording.recording_id
        try:
            audio = read_audio(audio_dir / row.file, SAMPLE_RATE)
            entries.append(
                (recording_id, hashes[recording_id], find_landmarks(audio, REFERENCE, name=row.file))
            )
        except InputError as error:
            work.refused.append((row.file, str(error)))
    replaced = {recording_id for recording_id, _, _ in entries}
    work.index = work.index.without(replaced).add(entries)
    work.added.extend(recording_id for recording_id, _, _ in entries)


def _register(workspace: Workspace, rows: Sequence[Row], audio_dir: Path) -> None:
    if rows:
        files: dict[str, Path | str] = {
            row.recording.recording_id: (audio_dir / row.file).absolute() for row in rows
        }
        workspace.add_recordings([row.recording for row in rows], audio_dir, files=files)


def _describe(match: Match, names: dict[str, Any]) -> dict[str, Any]:
    known = names.get(match.recording_id)
    facts = {"title": known.title, "artist": known.artist} if known else {}
    return match.as_json() | facts
