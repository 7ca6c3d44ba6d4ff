"""The forms in which tables of fingerprints come: CSV, JSON lines, a JSON array, what ``fpcalc`` prints.

The form is told by the first line that is not blank. Each reader yields the number of a line and either
its named values or, where the line is no row, the reason.

Conventions
-----------
Names are in lower case; ``duration_s`` is read as ``duration``. Line numbers count lines of the file from 1
(entries, in a JSON array).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from linernotes.errors import InputError

Fields = tuple[int, Mapping[str, Any] | str]

FPCALC_NAMES = ("FILE", "DURATION", "FINGERPRINT", "TIMESTAMP")
CSV_REQUIRED = ("title", "artist", "duration", "fingerprint")

_MAX_CELL = 1 << 24


def read_fields(path: Path, stream: TextIO) -> Iterator[Fields]:
    r"""Yield the rows of a table as named values, whatever its form.

    Parameters
    ----------
    path : Path
        What messages call the table.
    stream : text stream
        The table, opened without newline translation; it must be seekable.

    Raises
    ------
    InputError
        If the table as a whole cannot be read.

    Examples
    --------
    >>> list(read_fields(Path("a.txt"), io.StringIO("DURATION=12\nFINGERPRINT=AQAAAA\n")))
    [(1, {'duration': '12', 'fingerprint': 'AQAAAA'})]
    """
    head = next((line.strip() for line in stream if line.strip()), "")
    stream.seek(0)
    if head.startswith("["):
        rows = _json_array(path, stream)
    elif head.startswith("{"):
        rows = _json_lines(stream)
    elif head.partition("=")[0] in FPCALC_NAMES:
        rows = _fpcalc_text(stream)
    elif is_numbers(head) or (head and not any(mark in head for mark in ",;\t ")):
        rows = _plain(stream)
    else:
        rows = _csv_rows(path, stream)
    for line, fields in rows:
        yield line, fields if isinstance(fields, str) else _named(fields)


def is_numbers(text: str) -> bool:
    """Tell whether a text is a row of whole numbers, as ``fpcalc -raw`` prints it.

    Examples
    --------
    >>> is_numbers("12,-5"), is_numbers("title,artist")
    (True, False)
    """
    parts = [part.strip().removeprefix("-") for part in text.split(",")]
    return len(parts) > 1 and all(part.isdigit() and part.isascii() and len(part) < 12 for part in parts)


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    named = {name.strip().casefold(): value for name, value in fields.items()}
    if "duration_s" in named:
        named.setdefault("duration", named["duration_s"])
    return named


def _csv_rows(path: Path, stream: TextIO) -> Iterator[Fields]:
    n_before = 1
    first = stream.readline()
    while first and not first.strip():
        first, n_before = stream.readline(), n_before + 1
    if not first:
        return
    if "\0" in first:
        raise InputError(f"{path}: holds a NUL character; expected text: CSV, JSON lines or fpcalc output")
    delimiter = max(",;\t", key=first.count)
    names = _header(path, next(csv.reader(io.StringIO(first), delimiter=delimiter)))
    allowed = csv.field_size_limit(_MAX_CELL)  # of the whole process: put back below
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    line = n_before + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                whole = len(cells) == len(names)
                yield line, dict(zip(names, cells, strict=False)) if whole else _cell_count(cells, names)
            line = reader.line_num + n_before + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {line}: not readable as CSV ({error}); check its quotes") from error
    finally:
        csv.field_size_limit(allowed)


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    names = ["duration" if name == "duration_s" else name for name in names]
    missing = [name for name in CSV_REQUIRED if name not in names]
    if missing:
        raise InputError(
            f"{path}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"expected {', '.join(CSV_REQUIRED)}, and recording_id if there is one; found {', '.join(names)[:200]}"
        )
    twice = [name for i, name in enumerate(names) if name and name in names[:i]]
    if twice:
        raise InputError(f"{path}: column '{twice[0]}' stands twice; keep one")
    return names


def _cell_count(cells: list[str], names: list[str]) -> str:
    return (
        f"{len(cells)} cells, expected {len(names)} as in the header; "
        "put a cell that holds the separator in double quotes"
    )


def _json_lines(stream: TextIO) -> Iterator[Fields]:
    for number, line in enumerate(stream, start=1):
        if line.strip():
            try:
                held = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, f"not readable as JSON ({error})"
                continue
            yield number, held if isinstance(held, dict) else "expected one JSON object per line"


def _json_array(path: Path, stream: TextIO) -> Iterator[Fields]:
    try:
        entries = json.load(stream)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); expected an array of objects") from error
    for number, entry in enumerate(entries, start=1):
        yield number, entry if isinstance(entry, dict) else "expected a JSON object per entry"


def _fpcalc_text(stream: TextIO) -> Iterator[Fields]:
    fields: dict[str, str] = {}
    start = 1
    for number, line in enumerate(stream, start=1):
        name, _, value = line.strip().partition("=")
        if not name:
            continue
        if name.casefold() in fields or (name == "FILE" and "fingerprint" in fields):
            yield start, fields
            fields = {}
        if not fields:
            start = number
        fields[name.casefold()] = value
    if fields:
        yield start, fields


def _plain(stream: TextIO) -> Iterator[Fields]:
    for number, line in enumerate(stream, start=1):
        if line.strip():
            yield number, {"fingerprint": line.strip()}
