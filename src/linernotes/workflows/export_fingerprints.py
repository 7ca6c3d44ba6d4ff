"""Print fingerprints: of files, and of a whole catalogue into a table that can be sent without audio.

Conventions
-----------
Fingerprints are Chromaprint's, of the first two minutes unless asked otherwise. An export is written to
``NAME.partial`` and renamed whole; an export that was interrupted goes on with the rows it has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.chromaprint.codec import encode
from linernotes.fingerprint.chromaprint.extract import DEFAULT_LENGTH_S, extract
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.simhash import simhash
from linernotes.fingerprint.chromaprint.table import (
    Row,
    csv_header,
    csv_line,
    json_line,
    read_fingerprints,
)
from linernotes.workflows.imported_fingerprints import open_imported
from linernotes.workspace import Workspace

SUFFIXES = (".csv", ".jsonl", ".ndjson")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What `export_fingerprints` wrote.

    Parameters
    ----------
    path : Path
        The table.
    n_computed, n_imported, n_resumed : int
        Rows from audio, rows that had been imported, and rows that an interrupted export had written.
    refused : tuple of (str, str)
        Recording and reason of each that has no fingerprint.
    """

    path: Path
    n_computed: int
    n_imported: int
    n_resumed: int
    refused: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "path": str(self.path),
            "n_recordings": self.n_computed + self.n_imported + self.n_resumed,
            "n_computed": self.n_computed,
            "n_imported": self.n_imported,
            "n_resumed": self.n_resumed,
            "refused": [{"recording_id": name, "reason": reason} for name, reason in self.refused],
        }


def fingerprint_files(
    files: Sequence[Path | str],
    *,
    length_s: float | None = DEFAULT_LENGTH_S,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Return the Chromaprint fingerprint of each file.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files.
    length_s : float > 0, optional
        How much of the beginning is read, in seconds; None reads all.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        ``file``, ``duration_s`` (of the whole file), ``fingerprint`` (the compressed string), ``algorithm``,
        ``n_items``, ``simhash`` and ``values`` (the raw numbers).

    Raises
    ------
    InputError
        If a file is no audio or silent, or the length is not positive.
    TooShort
        If a file holds less than 2.7 s.
    """
    if not files:
        raise InputError("no files to fingerprint; give at least one audio file")
    answers = []
    for n_done, file in enumerate(files, start=1):
        fingerprint, duration_s = _of_file(Path(file), length_s)
        answers.append(
            {
                "file": str(file),
                "duration_s": round(duration_s, 3),
                "fingerprint": encode(fingerprint),
                "algorithm": fingerprint.algorithm,
                "n_items": len(fingerprint),
                "simhash": simhash(fingerprint),
                "values": fingerprint.values.tolist(),
            }
        )
        if progress is not None:
            progress("fingerprinting", n_done, len(files))
    return answers


def export_fingerprints(
    workspace: Path | str, out: Path | str, progress: Progress | None = None
) -> ExportReport:
    """Write the fingerprints of a workspace's catalogue, and those imported into it, as one table.

    Parameters
    ----------
    workspace : Path or str
        Workspace with a catalogue, with imported fingerprints, or both.
    out : Path or str
        The table; ``.csv`` gives CSV, ``.jsonl`` or ``.ndjson`` JSON lines. `import_fingerprints` reads both.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    ExportReport
        What was written and what was refused. A recording that is in the catalogue and was imported too is
        written once, from its audio.

    Raises
    ------
    InputError
        If the suffix is another one.
    CorpusError
        If there is nothing to export, or the table cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"{out}: expected a name that ends in {', '.join(SUFFIXES)}")
    with Workspace.open(workspace) as opened:
        recordings = opened.recordings()
        places = {r.recording_id: _place(opened, r.recording_id) for r in recordings}
        index = open_imported(opened) or PrintIndex.empty()
    here = {recording.recording_id for recording in recordings}
    imported = [entry for entry in index.entries if entry.recording.recording_id not in here]
    if not recordings and not imported:
        raise CorpusError(
            f"{workspace}: no recordings to fingerprint; add some with 'linernotes catalog add' "
            "or 'linernotes catalog import-fingerprints'"
        )
    partial = out.with_name(out.name + ".partial")
    done = _resumable(partial, places.values())
    refused: list[tuple[str, str]] = []
    line = csv_line if out.suffix.lower() == ".csv" else json_line
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            if line is csv_line:
                stream.write(csv_header())
            for n_done, recording in enumerate(recordings, start=1):
                name = recording.recording_id
                found = done.get(name) or _computed(places[name])
                if isinstance(found, str):
                    refused.append((name, found))
                else:
                    stream.write(line(recording, found[1], found[0]))
                    stream.flush()  # what is written survives an interruption
                if progress is not None:
                    progress("fingerprinting the catalogue", n_done, len(recordings))
            for entry in imported:
                stream.write(line(entry.recording, entry.duration_s, index.fingerprint_of(entry)))
        os.replace(partial, out)
    except OSError as error:
        raise CorpusError(
            f"{out}: cannot be written ({error.strerror}); choose a place you may write to"
        ) from error
    n_resumed = len(done.keys() & here)
    n_computed = len(recordings) - len(refused) - n_resumed
    return ExportReport(out, n_computed, len(imported), n_resumed, tuple(refused))


def _of_file(file: Path, length_s: float | None) -> tuple[Chromaprint, float]:
    audio = read_audio(file)
    return extract(audio, length_s, name=str(file)), audio.duration_s


def _place(workspace: Workspace, recording_id: str) -> Path | str:
    try:
        return workspace.recording_audio(recording_id)
    except CorpusError as error:
        return str(error)


def _computed(place: Path | str) -> tuple[Chromaprint, float] | str:
    if isinstance(place, str):
        return place
    try:
        return _of_file(place, DEFAULT_LENGTH_S)
    except InputError as error:
        return str(error)


def _resumable(partial: Path, places: Iterable[Path | str]) -> dict[str, tuple[Chromaprint, float]]:
    """Return what an interrupted export had written, unless audio has changed since."""
    if not partial.is_file():
        return {}
    written_at = partial.stat().st_mtime
    if any(isinstance(place, Path) and place.stat().st_mtime > written_at for place in places):
        return {}
    done: dict[str, tuple[Chromaprint, float]] = {}
    try:
        for row in read_fingerprints(partial):
            if isinstance(row, Row):
                done[row.recording.recording_id] = (row.fingerprint, row.duration_s)
    except InputError:  # the last row was cut: what stands before it is whole
        pass
    return done
