"""From a folder of audio files to items: every file is decoded once, hashed, signed and described.

A file that cannot be used stops the whole ingest with one error that names it, because a corpus that
silently lacks a file is worse than none; with ``skip_bad`` it becomes the gap ``unreadable-audio``. A
silent file stops it too; with ``skip_bad`` it is sealed, with the gap ``silent-audio``.

Conventions
-----------
Files are told by suffix and then judged by content. Names that begin with a dot are passed over
without a word; other files that are not audio are passed over with a note. A symbolic link to a file
is read as that file; one to a folder is not followed, so that no link can lead in circles.

Cost
----
One decode per file, about a hundredth of its duration, and 160 bytes per second for the signature.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import AUDIO_SUFFIXES, Audio, file_sha256, read_with_facts
from linernotes.catalog.recording import Recording, unique_ids
from linernotes.catalog.tables import Row, Table
from linernotes.corpus.consent_cells import consent_from_cells
from linernotes.corpus.gaps import Gap, gap
from linernotes.corpus.manifest import Item, audio_sha256
from linernotes.corpus.signature import signature
from linernotes.corpus.source import Source, source_from_cells
from linernotes.errors import InputError

Progress = Callable[[str, int, int], None]
Listen = Callable[[Audio, str], tuple[str, tuple[str, ...]]]
"""From a sound and its file's hash to ISCC code and sketch keys; the workflow brings it, as it lies above this layer."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in a folder: relative POSIX paths of audio files, and notes on what was passed over."""

    audio_dir: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ingested:
    """Items with their signatures, and what came up on the way."""

    items: tuple[Item, ...]
    signatures: Mapping[str, NDArray[np.int8]]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]


def scan(audio_dir: Path | str) -> Scan:
    """Find the audio files of a folder and its sub-folders.

    Raises
    ------
    InputError
        If the folder is missing, cannot be read, holds no audio file, or a file name is not UTF-8.
    """
    audio_dir = Path(audio_dir)
    if not audio_dir.is_dir():
        raise InputError(f"{audio_dir}: no such folder; give the folder that holds the audio files")
    files, notes = [], []
    for path in _walk(audio_dir):
        name = path.relative_to(audio_dir).as_posix()
        if path.is_dir():
            notes.append(f"{name}: a link to a folder; not followed")
        elif path.suffix.lower() not in AUDIO_SUFFIXES:
            notes.append(f"{name}: not an audio file; passed over")
        else:
            files.append(_checked_name(name, audio_dir))
    if not files:
        raise InputError(
            f"{audio_dir}: holds no audio file; expected files that end in {' '.join(sorted(AUDIO_SUFFIXES))}"
        )
    return Scan(audio_dir, tuple(sorted(files)), tuple(sorted(notes)))


def ingest(
    found: Scan,
    rights: Table | None = None,
    *,
    skip_bad: bool = False,
    progress: Progress | None = None,
    listen: Listen | None = None,
) -> Ingested:
    """Decode, hash and describe every file of a scan.

    Parameters
    ----------
    found : Scan
        From `scan`.
    rights : Table, optional
        From `linernotes.catalog.tables.read_rights_table`; a file without a row gets no recording
        data and no consent.
    skip_bad : bool
        Whether a file that cannot be used becomes a gap instead of an error.
    progress : callable, optional
        Called as ``progress("ingest", n_done, n_files)`` after each file.
    listen : callable, optional
        Gives the keys that come from the sound itself; without it items have none.

    Returns
    -------
    Ingested
        Items in the order of their ids.

    Raises
    ------
    InputError
        If a row names a file that is not audio, a file cannot be used, or none is left.
    """
    rows = rights.by_file() if rights else {}
    _refuse_stray_rows(rights, set(found.files))
    ids = unique_ids(found.files)
    items: list[Item] = []
    gaps: list[Gap] = []
    signatures: dict[str, NDArray[np.int8]] = {}
    for n_done, name in enumerate(found.files, start=1):
        try:
            item, signatures[ids[name]], silent = _read(
                found.audio_dir, name, ids[name], rows.get(name), listen
            )
            if silent and not skip_bad:
                raise InputError(
                    f"{found.audio_dir / name}: silent (no sample above -80 dBFS); replace the file, or, if it was "
                    "trained on as it is, seal it with --skip-bad, which notes the gap 'silent-audio'"
                )
        except InputError as error:
            if not skip_bad:
                raise
            gaps.append(gap("unreadable-audio", ids[name], str(error)))
        else:
            items.append(item)
            gaps += [gap("silent-audio", item.item_id)] if silent else []
        if progress:
            progress("ingest", n_done, len(found.files))
    if not items:
        raise InputError(f"{found.audio_dir}: none of {len(found.files)} files is usable: {gaps[0].detail}")
    items.sort(key=lambda item: item.item_id)
    return Ingested(tuple(items), signatures, tuple(gaps), found.notes)


def _walk(audio_dir: Path) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); check its permissions"
        ) from error

    for folder, folders, names in os.walk(audio_dir, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*links, *names]):
            if not name.startswith("."):
                yield Path(folder) / name


def _checked_name(name: str, audio_dir: Path) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{audio_dir}: file name {name!r} is not UTF-8; rename the file") from error
    return name


def _refuse_stray_rows(rights: Table | None, files: set[str]) -> None:
    for row in rights.rows if rights else ():
        if row.file not in files:
            path = rights.path if rights else ""
            raise InputError(
                f"{path}: line {row.line}: file '{row.file}' is not among the audio files of the folder; "
                "expected a file whose suffix names an audio coding"
            )


def _read(
    audio_dir: Path, name: str, item_id: str, row: Row | None, listen: Listen | None
) -> tuple[Item, NDArray[np.int8], bool]:
    path = audio_dir / name
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: a symbolic link that leads nowhere; mend it or take it away")
    try:
        audio, facts = read_with_facts(path, allow_silence=True)
        content = file_sha256(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    unnamed = Recording(recording_id=item_id, title="", artist="")
    recording = replace(row.recording, recording_id=item_id) if row else unnamed
    iscc, sketch = listen(audio, content) if listen else ("", ())
    item = Item(
        item_id=item_id,
        path=name,
        content_sha256=content,
        audio_sha256=audio_sha256(audio),
        duration_s=round(audio.duration_s, 6),
        sample_rate=facts.sample_rate,
        n_channels=facts.n_channels,
        coding=facts.coding,
        recording=recording,
        consent=consent_from_cells(row.consent) if row else None,
        cluster_id=item_id,
        source=_source(path, row) if row else None,
        identifiers=row.identifiers if row else (),
        iscc=iscc,
        sketch=sketch,
    )
    return item, signature(audio), audio.is_silent


def _source(path: Path, row: Row) -> Source | None:
    try:
        return source_from_cells(row.cells)
    except InputError as error:
        raise InputError(f"rights table, line {row.line} ({path.name}): {error}") from error
