"""Tables of fingerprints: a catalogue without audio, read row by row, and written.

Conventions
-----------
UTF-8, with or without byte-order mark. Names: ``title,artist,duration,fingerprint`` (seconds; see
`linernotes.fingerprint.chromaprint.forms` for the forms), ``recording_id`` (else the slug of ``file``, of ``artist``
and ``title``, or of the table's name and the line), and any of `OPTIONAL`. A fingerprint is the compressed
string, or whole numbers: a JSON array, or separated by commas. Only CSV must have the first four.

A row that is wrong is yielded as `Refused`, with its line and reason, so that one bad row does not cost
the others; a file that is wrong as a whole raises.

Known limits
------------
``fpcalc``'s output names no recording: ids are then made from the table's name and the line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from linernotes.catalog.recording import Recording, slug
from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.codec import decode, encode
from linernotes.fingerprint.chromaprint.forms import is_numbers, read_fields
from linernotes.fingerprint.chromaprint.index import check_comparable
from linernotes.fingerprint.chromaprint.prints import Chromaprint

OPTIONAL = (
    *("rightsholder", "licence", "licence_url", "attribution"),
    *("isrc", "iswc", "release", "tags"),
)
COLUMNS = ("recording_id", "title", "artist", "duration", "fingerprint", *OPTIONAL)
LONGEST_S = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One fingerprint of a table: its line, its recording, the duration in seconds, the fingerprint."""

    line: int
    recording: Recording
    duration_s: float
    fingerprint: Chromaprint


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used: its line and why."""

    line: int
    reason: str


def read_fingerprints(path: Path | str) -> Iterator[Row | Refused]:
    """Yield the rows of a table of fingerprints, in its order.

    Parameters
    ----------
    path : Path or str
        CSV, JSON lines, a JSON array, or the output of ``fpcalc``.

    Yields
    ------
    Row or Refused
        Ids are unique: a second row of the same id is refused.

    Raises
    ------
    InputError
        If the file is missing, empty, not UTF-8, not of a form that is known, or lacks a column.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give a table of fingerprints (CSV, JSON lines or fpcalc output)"
        )
    seen: dict[str, int] = {}
    n_rows = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for line, fields in read_fields(path, stream):
                n_rows += 1
                yield _once(_row(path, line, fields), seen)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the table as UTF-8"
        ) from error
    if not n_rows:
        raise InputError(f"{path}: holds no fingerprint; expected one row per recording")


def csv_header() -> str:
    """Return the header line of a CSV table that `csv_line` fills.

    Examples
    --------
    >>> csv_header()[:41]
    'recording_id,title,artist,duration,finger'
    """
    return _csv(COLUMNS)


def csv_line(recording: Recording, duration_s: float, fingerprint: Chromaprint) -> str:
    r"""Return one recording as a line of CSV.

    Examples
    --------
    >>> rain = Recording(recording_id="rain", title="Rain, again", artist="Ada")
    >>> csv_line(rain, 61.5, Chromaprint.of([1]))
    'rain,"Rain, again",Ada,61.5,AQAAAQE,,,,,,,,\n'
    """
    facts = _facts(recording, duration_s, fingerprint) | {"tags": ";".join(recording.tags)}
    return _csv(["" if facts[name] is None else str(facts[name]) for name in COLUMNS])


def json_line(recording: Recording, duration_s: float, fingerprint: Chromaprint) -> str:
    """Return one recording as a line of JSON.

    Examples
    --------
    >>> rain = Recording(recording_id="rain", title="Rain", artist="Ada")
    >>> json_line(rain, 61.5, Chromaprint.of([1]))[:64]
    '{"recording_id": "rain", "title": "Rain", "artist": "Ada", "dura'
    """
    return json.dumps(_facts(recording, duration_s, fingerprint), ensure_ascii=False) + "\n"


def _facts(recording: Recording, duration_s: float, fingerprint: Chromaprint) -> dict[str, Any]:
    facts = recording.as_json() | {"duration": round(duration_s, 3), "fingerprint": encode(fingerprint)}
    return {name: facts[name] for name in COLUMNS}


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _once(row: Row | Refused, seen: dict[str, int]) -> Row | Refused:
    if isinstance(row, Refused):
        return row
    name = row.recording.recording_id
    first = seen.setdefault(name, row.line)
    if first == row.line:
        return row
    return Refused(row.line, f"line {row.line}: recording '{name}' stands already on line {first}; keep one")


def _row(path: Path, line: int, fields: Mapping[str, Any] | str) -> Row | Refused:
    if isinstance(fields, str):
        return Refused(line, f"line {line}: {fields}")
    try:
        fingerprint = _fingerprint(fields.get("fingerprint"))
        recording = _recording(path, line, fields)
        check_comparable(fingerprint, recording.recording_id)
        duration_s = _duration(fields.get("duration"), fingerprint)
    except InputError as error:
        return Refused(line, f"line {line}: {error}")
    return Row(line, recording, duration_s, fingerprint)


def _fingerprint(value: Any) -> Chromaprint:
    if isinstance(value, list) and value and all(type(number) is int for number in value):
        return Chromaprint.of(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError("'fingerprint' is empty; expected a compressed string or whole numbers")
    numbers = value.strip().removeprefix("[").removesuffix("]")
    return (
        Chromaprint.of([int(part) for part in numbers.split(",")]) if is_numbers(numbers) else decode(value)
    )


def _duration(value: Any, fingerprint: Chromaprint) -> float:
    if value is None or str(value).strip() == "":
        return fingerprint.duration_s  # at least so long
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not 0 < seconds < LONGEST_S:
        raise InputError(f"'duration' is '{str(value)[:40]}'; expected seconds, such as 183.5")
    return seconds


def _recording(path: Path, line: int, fields: Mapping[str, Any]) -> Recording:
    file = _text(fields, "file")
    stem = PurePosixPath(file.replace("\\", "/")).stem
    title, artist = _text(fields, "title"), _text(fields, "artist")
    made = stem or f"{artist} {title}".strip() or f"{path.stem} {line}"
    tags = fields.get("tags") or ()
    if isinstance(tags, str):
        tags = tags.split(";")
    if not isinstance(tags, list | tuple):
        raise InputError(f"'tags' is {json.dumps(tags)[:40]}; expected text, separated by ';'")
    optional = {name: _text(fields, name) for name in OPTIONAL if name != "tags"}
    for name in ("isrc", "iswc", "release"):
        optional[name] = optional[name] or None  # type: ignore[assignment]
    return Recording(
        recording_id=_text(fields, "recording_id") or slug(made),
        title=title or stem,
        artist=artist,
        tags=tuple(str(tag).strip() for tag in tags if str(tag).strip()),
        **optional,
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InputError(f"'{name}' is {json.dumps(value)[:40]}; expected text")
    return "".join(c if c.isprintable() else " " for c in str(value)).strip()  # it will stand in tables
