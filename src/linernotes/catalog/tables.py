"""Rights tables and catalogue tables: strict CSV in, one clear error for each way to be wrong.

A rights table says, for each audio file of a training corpus, what it is, whose it is, under which
licence, and whether its owner agreed. A catalogue table says the first half of that for recordings
that serve as references. Columns may not be missing; cells may be empty, and the corpus reports what
they lack as gaps.

Conventions
-----------
UTF-8, with or without byte-order mark; comma, semicolon or tab, told by the header line; header names
in any case. ``file`` is a POSIX path relative to the audio folder. ``tags`` are separated by ``;``.
Cells are stripped of outer spaces. Line numbers count lines of the file, from 1.

Known limits
------------
Names are compared after Unicode composition (NFC), as file systems differ in it; they are not
compared without regard to case, as that would merge files that are two on most systems.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from linernotes.catalog.recording import Recording, unique_ids
from linernotes.errors import InputError

CATALOGUE_REQUIRED = ("file", "title", "artist")
CATALOGUE_OPTIONAL = (
    "rightsholder",
    "licence",
    "licence_url",
    "attribution",
    "isrc",
    "iswc",
    "release",
    "tags",
)
RIGHTS_REQUIRED = (
    *("file", "title", "artist", "rightsholder", "licence"),
    *("consent", "consent_date", "consent_evidence"),
)
RIGHTS_OPTIONAL = (
    *("licence_url", "attribution", "isrc", "iswc", "release", "tags"),
    *("consent_scope", "consent_until", "mbid"),
)
SOURCE_COLUMNS = (
    *("source_class", "source_name", "source_url", "collected_from", "collected_until"),
    *("stem_of", "is_multitrack", "synthetic_from", "metadata_used", "behaviour_used"),
)
"""Optional columns of a rights table about where a recording came from; `linernotes.corpus.source` reads them."""
CONSENT_VALUES = ("yes", "no", "licence", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its line, its file, its recording, and what it says about consent.

    ``consent`` holds the cells ``consent``, ``consent_date``, ``consent_evidence``, ``consent_scope``
    and ``consent_until`` as written; it is empty for a catalogue table. ``cells`` holds those of
    `SOURCE_COLUMNS`, and ``identifiers`` the MBIDs and any further ISRCs and ISWCs as ``kind:value``.
    """

    line: int
    file: str
    recording: Recording
    consent: Mapping[str, str]
    cells: Mapping[str, str] = field(default_factory=dict)
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table that passed every check; ``ignored`` names columns that nothing here reads."""

    path: Path
    rows: tuple[Row, ...]
    ignored: tuple[str, ...]

    def by_file(self) -> dict[str, Row]:
        """Return the rows by their ``file``."""
        return {row.file: row for row in self.rows}


def read_rights_table(path: Path | str, audio_dir: Path | str | None = None) -> Table:
    """Read the table that says whose each training recording is and who agreed.

    Parameters
    ----------
    path : Path or str
        CSV file.
    audio_dir : Path or str, optional
        Folder in which every row's file must lie; None skips that check.

    Returns
    -------
    Table
        One row per file.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8 or empty; a column is missing or named twice; a row has
        another number of cells, no file name, a file named before, no such audio file, or a consent
        value or date that is not allowed. The message gives file, line, column and value.
    """
    table = _read(Path(path), audio_dir, RIGHTS_REQUIRED, (*RIGHTS_OPTIONAL, *SOURCE_COLUMNS))
    for row in table.rows:
        _check_consent(table.path, row)
    return table


def read_catalogue_table(path: Path | str, audio_dir: Path | str | None = None) -> Table:
    """Read the table that names reference recordings.

    Parameters
    ----------
    path : Path or str
        CSV file.
    audio_dir : Path or str, optional
        Folder in which every row's file must lie; None skips that check.

    Returns
    -------
    Table
        One row per file.

    Raises
    ------
    InputError
        As `read_rights_table`, without the consent columns.
    """
    return _read(Path(path), audio_dir, CATALOGUE_REQUIRED, CATALOGUE_OPTIONAL)


def _read(
    path: Path, audio_dir: Path | str | None, required: Sequence[str], optional: Sequence[str]
) -> Table:
    lines = _cells(path, _text(path))
    if not lines:
        raise InputError(f"{path}: the table is empty; expected a header line with {', '.join(required)}")
    names = _header(path, lines[0][1], required)
    if len(lines) == 1:
        raise InputError(f"{path}: the table has a header but no row; expected one row per audio file")
    cells = {line: _named(path, line, names, values) for line, values in lines[1:]}
    files = _files(path, cells, Path(audio_dir) if audio_dir is not None else None)
    ids = unique_ids(files.values())
    rows = tuple(
        Row(
            line,
            files[line],
            recording_from_cells(ids[files[line]], row),
            {name: value for name, value in row.items() if name.startswith("consent")},
            {name: value for name, value in row.items() if name in SOURCE_COLUMNS},
            identifiers_of(row),
        )
        for line, row in cells.items()
    )
    return Table(path, rows, tuple(n for n in names if n not in {*required, *optional}))


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of a CSV table")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8; "
            "save the table as 'CSV UTF-8'"
        ) from error
    if "\0" in text:
        raise InputError(
            f"{path}: holds a NUL character at offset {text.index(chr(0))}; expected a CSV text file"
        )
    return text


def _cells(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return each row with the line on which it starts; blank lines are passed over."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)  # the first wins a tie, so a lone column reads as comma
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                rows.append((start, [value.strip() for value in values]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {start}: not readable as CSV ({error}); check its quotes") from error
    return rows


def _header(path: Path, values: Sequence[str], required: Sequence[str]) -> list[str]:
    names = [value.casefold() for value in values]
    missing = [name for name in required if name not in names]
    if missing:
        raise InputError(
            f"{path}: line 1: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"expected {', '.join(required)}; found {', '.join(names)}"
        )
    for column, name in enumerate(names, start=1):
        if name and name in names[: column - 1]:
            first = names.index(name) + 1
            raise InputError(
                f"{path}: line 1: column '{name}' stands twice (columns {first} and {column}); keep one"
            )
    return names


def _named(path: Path, line: int, names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    if len(values) != len(names):
        raise InputError(
            f"{path}: line {line}: {len(values)} cells, expected {len(names)} as in the header; "
            "put a cell that holds the separator in double quotes"
        )
    return dict(zip(names, values, strict=True))


def _files(path: Path, cells: Mapping[int, Mapping[str, str]], audio_dir: Path | None) -> dict[int, str]:
    on_disk = _names_on_disk(audio_dir)
    files: dict[int, str] = {}
    lines: dict[str, int] = {}
    for line, row in cells.items():
        name = row["file"].removeprefix("./")
        if not name:
            raise InputError(
                f"{path}: line {line}: column 'file' is empty; expected a path below the audio folder"
            )
        if name.startswith("/") or ".." in name.split("/"):
            raise InputError(f"{path}: line {line}: file '{name}': expected a path below the audio folder")
        composed = unicodedata.normalize("NFC", name)
        if composed in lines:
            raise InputError(
                f"{path}: line {line}: file '{name}' stands already on line {lines[composed]}; keep one"
            )
        if audio_dir is not None and composed not in on_disk:
            raise InputError(
                f"{path}: line {line}: file '{name}': no such file in {audio_dir}; "
                "correct the name (relative to the audio folder), add the file, or drop the row"
            )
        lines[composed] = line
        files[line] = on_disk.get(composed, composed)
    return files


def _names_on_disk(audio_dir: Path | None) -> dict[str, str]:
    if audio_dir is None:
        return {}
    if not audio_dir.is_dir():
        raise InputError(f"{audio_dir}: no such folder; give the folder that holds the audio files")
    names = (p.relative_to(audio_dir).as_posix() for p in audio_dir.rglob("*") if p.is_file())
    return {unicodedata.normalize("NFC", name): name for name in names}


def identifiers_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the identifiers beyond the first ISRC and ISWC: MBIDs, and further codes separated by ``;``.

    Examples
    --------
    >>> identifiers_of({"isrc": "USS1Z9900001; USS1Z9900002", "mbid": ""})
    ('isrc:USS1Z9900002',)
    """
    codes = {name: _listed(row.get(name, "")) for name in ("isrc", "iswc", "mbid")}
    further = [*codes["isrc"][1:], *codes["iswc"][1:], *codes["mbid"]]
    kinds = (
        ["isrc"] * len(codes["isrc"][1:]) + ["iswc"] * len(codes["iswc"][1:]) + ["mbid"] * len(codes["mbid"])
    )
    return tuple(f"{kind}:{code}" for kind, code in zip(kinds, further, strict=True))


def recording_from_cells(recording_id: str, row: Mapping[str, str]) -> Recording:
    """Return the recording that a row's cells describe; of several codes in a cell, the first."""
    return Recording(
        recording_id=recording_id,
        title=row["title"],
        artist=row["artist"],
        rightsholder=row.get("rightsholder", ""),
        licence=row.get("licence", ""),
        licence_url=row.get("licence_url", ""),
        attribution=row.get("attribution", ""),
        isrc=next(iter(_listed(row.get("isrc", ""))), None),
        iswc=next(iter(_listed(row.get("iswc", ""))), None),
        release=row.get("release") or None,
        tags=tuple(_listed(row.get("tags", ""))),
    )


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _check_consent(path: Path, row: Row) -> None:
    value = row.consent["consent"]
    if value not in CONSENT_VALUES:
        raise InputError(
            f"{path}: line {row.line}: column 'consent': value '{value}'; "
            "expected yes, no, licence (a public licence grants it) or an empty cell (unknown)"
        )
    for column in ("consent_date", "consent_until"):
        text = row.consent.get(column, "")
        if text and not _is_date(text):
            raise InputError(
                f"{path}: line {row.line}: column '{column}': value '{text}'; "
                "expected a day as yyyy-mm-dd, such as 2025-03-31, or an empty cell"
            )


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
