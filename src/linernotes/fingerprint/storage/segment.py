"""A segment on disk: one immutable `FingerprintIndex`, array by array, in a folder of its own.

::

    segment-000012/
    ├── segment.json        what the files are, and the SHA-256 of pages.crc
    ├── pages.crc           CRC-32 of each page of each file, in the order of the header
    ├── postings.npy …      the arrays of the index
    └── recording_….npy     the columns of the recordings

A segment is written as ``segment-000012.partial`` and renamed when every file of it is on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from linernotes.auditlog.files import sync_folder, write_whole
from linernotes.errors import CorpusError
from linernotes.fingerprint.index import ARRAYS, FingerprintIndex, IndexedRecording
from linernotes.fingerprint.storage.manifest import REVISION, SegmentEntry
from linernotes.fingerprint.storage.pages import ArrayFile, ArrayWriter, map_array
from linernotes.fingerprint.storage.recordings import COLUMNS, RecordingTable, columns_of, dead_name

HEADER, PAGES = "segment.json", "pages.crc"
FORMAT = "linernotes-fingerprint-segment"


@dataclass(frozen=True)
class Segment:
    """An opened segment.

    Parameters
    ----------
    folder : Path
        Where it lies.
    files : tuple of ArrayFile
        Its arrays and columns.
    checksums : mapping of str to NDArray[np.uint32]
        Of each file, by page.
    index : FingerprintIndex
        Memory-mapped; dead recordings appear under names of their own.
    dead : frozenset of int
        Their positions.
    """

    folder: Path
    files: tuple[ArrayFile, ...]
    checksums: Mapping[str, NDArray[np.uint32]]
    index: FingerprintIndex
    dead: frozenset[int]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def table(self) -> RecordingTable:
        """Its recordings, as stored."""
        return cast("RecordingTable", self.index.recordings)

    @property
    def dead_names(self) -> frozenset[str]:
        """The names under which the dead appear."""
        return frozenset((self.table.renamed or {}).values())


class SegmentWriter:
    """Collects the files of one segment; see `new_segment`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[ArrayFile] = []
        self._checksums: list[int] = []

    @contextmanager
    def array(self, name: str, dtype: Any, length: int) -> Iterator[ArrayWriter]:
        """Write one array piece by piece inside the block."""
        with ArrayWriter(self.folder, name, dtype, length) as writer:
            yield writer
            self._files.append(writer.finish())
            self._checksums.extend(writer.checksums)

    def recordings(self, recordings: list[IndexedRecording]) -> None:
        """Write the columns of the recordings."""
        for name, column in columns_of(recordings).items():
            with self.array(name, COLUMNS[name], len(column)) as writer:
                writer.write(column)

    def seal(self, n_recordings: int, n_frames: int) -> SegmentEntry:
        """Write checksums and header, and say how the manifest is to name the segment."""
        pages = np.array(self._checksums, "<u4").tobytes()
        write_whole(self.folder / PAGES, pages)
        header = {
            "format": FORMAT,
            "revision": REVISION,
            "n_recordings": n_recordings,
            "n_frames": n_frames,
            "files": [asdict(file) for file in self._files],
            "pages_sha256": hashlib.sha256(pages).hexdigest(),
        }
        data = (json.dumps(header, indent=1, sort_keys=True) + "\n").encode()
        write_whole(self.folder / HEADER, data)
        n_bytes = len(data) + len(pages) + sum(file.n_bytes for file in self._files)
        digest = hashlib.sha256(data).hexdigest()
        return SegmentEntry(
            self.folder.name.removesuffix(".partial"), digest, n_recordings, n_frames, n_bytes
        )


@contextmanager
def new_segment(place: Path) -> Iterator[SegmentWriter]:
    """Give a writer for the segment that appears at *place*, whole, at the end of the block.

    Whatever fails inside leaves nothing at *place*.
    """
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield SegmentWriter(partial)
        sync_folder(partial)
        os.replace(partial, place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(place.parent)


def save_segment(place: Path, index: FingerprintIndex) -> SegmentEntry:
    """Write an index from memory as one segment."""
    with new_segment(place) as writer:
        for name, dtype in ARRAYS.items():
            values = getattr(index, name)
            with writer.array(name, dtype, len(values)) as array:
                array.write(values)
        writer.recordings(list(index.recordings))
        return writer.seal(len(index.recordings), index.n_frames)


def open_segment(folder: Path, entry: SegmentEntry, dead: frozenset[int] = frozenset()) -> Segment:
    """Map a segment, after checking its header, its table of checksums, and the size of every file.

    Parameters
    ----------
    folder : Path
        The index folder.
    entry : SegmentEntry
        The segment's line in the manifest.
    dead : frozenset of int
        Positions that a journal has replaced, beside those that *entry* says were removed.

    Raises
    ------
    CorpusError
        If a file is missing, damaged or of another size; the message names it.
    FileNotFoundError
        If the whole folder is gone, as happens to a reader whose generation has just been replaced.
    """
    place = folder / entry.name
    if not place.is_dir():
        raise FileNotFoundError(place)
    files, checksums = read_header(place, entry)
    arrays = {file.name: _mapped(place / f"{file.name}.npy", file) for file in files}
    missing = (ARRAYS.keys() | COLUMNS.keys()) - arrays.keys()
    if missing:
        raise CorpusError(f"{place / HEADER}: names no {', '.join(sorted(missing))}; {repair(entry.name)}")
    positions = dead | set(entry.removed)
    table = RecordingTable({name: arrays[name] for name in COLUMNS})
    renamed = {i: dead_name(entry.name, i) for i in positions}
    recordings = cast("tuple[IndexedRecording, ...]", RecordingTable(table.columns, renamed))
    index = FingerprintIndex(recordings, **{name: arrays[name] for name in ARRAYS})
    firsts = np.append(arrays["recording_first_frame"], entry.n_frames).astype(np.int64)
    index.__dict__["first_frames"] = firsts  # what the cached property would collect object by object
    return Segment(place, files, checksums, index, frozenset(positions))


def read_header(
    place: Path, entry: SegmentEntry
) -> tuple[tuple[ArrayFile, ...], dict[str, NDArray[np.uint32]]]:
    """Return the files of a segment and the checksums of their pages.

    Raises
    ------
    CorpusError
        If header or checksums are missing or damaged.
    """
    data = _read(place / HEADER, entry.name)
    if hashlib.sha256(data).hexdigest() != entry.header_sha256:
        raise CorpusError(
            f"{place / HEADER}: damaged: its SHA-256 is not the one in the manifest; {repair(entry.name)}"
        )
    header = json.loads(data)
    files = tuple(ArrayFile(**file) for file in header["files"])
    pages = _read(place / PAGES, entry.name)
    if hashlib.sha256(pages).hexdigest() != header["pages_sha256"]:
        raise CorpusError(
            f"{place / PAGES}: damaged: its SHA-256 is not the one in {HEADER}; {repair(entry.name)}"
        )
    ends = np.cumsum([file.n_pages for file in files])
    parts = np.split(np.frombuffer(pages, "<u4"), ends[:-1])
    return files, {file.name: part for file, part in zip(files, parts, strict=True)}


def repair(name: str) -> str:
    """Say what to do about a damaged segment."""
    return (
        f"restore the folder {name} from a copy, or run 'linernotes catalog check --drop-damaged' "
        "and then 'linernotes catalog add' again for the recordings that it names"
    )


def _mapped(path: Path, file: ArrayFile) -> NDArray[Any]:
    try:
        found = path.stat().st_size
    except OSError as error:
        raise CorpusError(f"{path}: missing ({error.strerror}); {repair(path.parent.name)}") from error
    if found != file.n_bytes:
        page = min(found, file.n_bytes) // (1 << 20)
        raise CorpusError(
            f"{path}: {found} bytes, expected {file.n_bytes}: damaged from page {page} on; "
            f"{repair(path.parent.name)}"
        )
    try:
        return map_array(path, file)
    except CorpusError as error:
        raise CorpusError(f"{error}; {repair(path.parent.name)}") from error


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); {repair(name)}") from error
