"""Rights files in: a workbook with one sheet per kind of entry, single CSV tables, or JSON.

Every parser is a pure function from bytes to an `Imported`, raises nothing but `InputError`, and refuses
what is larger than any registry.

Conventions
-----------
A CSV table is UTF-8 with comma, semicolon or tab; which sheet it is, its name tells (``works.csv``), else its
columns. Workbook cells may be text, numbers and dates; formulas and errors are problems. A cell formatted
as percentage is read with its sign.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from linernotes.catalog.problem import Problem
from linernotes.catalog.registry import Imported, Registry
from linernotes.catalog.sheet_reader import BadCell, Cell, read_sheet
from linernotes.catalog.sheets import SHEETS, Sheet, sheet
from linernotes.errors import InputError, LinernotesError

MAX_FILE_BYTES = 256 << 20
MAX_UNPACKED_BYTES = 2 << 30
MAX_XLSX_ROWS, MAX_COLUMNS = 1 << 20, 256
SUFFIXES = (".xlsx", ".csv", ".tsv", ".json")


def read_rights_file(path: Path | str, sheet_name: str | None = None) -> Imported:
    """Read a workbook, a CSV table, a JSON export, or a folder of CSV tables.

    Parameters
    ----------
    path : Path or str
        File or folder.
    sheet_name : str, optional
        Which sheet a CSV table is, where neither its name nor its columns tell.

    Raises
    ------
    InputError
        If it cannot be read as a whole; the faults of single rows are problems of the result.
    """
    path = Path(path)
    if path.is_dir():
        tables = sorted(
            p for p in path.iterdir() if p.suffix.casefold() in (".csv", ".tsv") and sheet(p.stem)
        )
        if not tables:
            names = ", ".join(f"{one.name}.csv" for one in SHEETS)
            raise InputError(f"{path}: holds no table of a known name; expected some of {names}")
        return Imported(Registry()).merge(*(read_rights_file(table) for table in tables))
    data = _bytes(path)
    suffix = path.suffix.casefold()
    if suffix == ".xlsx":
        return parse_xlsx(data, path.name)
    if suffix == ".json":
        return parse_json(data, path.name)
    if suffix in (".csv", ".tsv"):
        return parse_csv(data, path.name, sheet_name)
    raise InputError(
        f"{path}: unknown kind of file; expected {', '.join(SUFFIXES)} or a folder of CSV tables"
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a rights file"
        ) from error


def parse_csv(data: bytes, name: str, sheet_name: str | None = None) -> Imported:
    r"""Read one CSV table.

    Raises
    ------
    InputError
        If it is no UTF-8 text, no CSV, or no sheet that is known.

    Examples
    --------
    >>> parse_csv(b"party_id,name\nada,Ada Ling\n", "parties.csv").registry.parties[0].name
    'Ada Ling'
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name}: line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the table as 'CSV UTF-8'"
        ) from error
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(_csv_rows(text, delimiter, name))
    chosen = _sheet_of(name, sheet_name, [str(cell) for cell in rows[0][1]] if rows else [])
    return read_sheet(chosen, rows, name)


def _csv_rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    if "\0" in text:
        raise InputError(f"{name}: holds a NUL character; expected a CSV text file")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield start, values
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{name}: line {start}: not readable as CSV ({error}); check its quotes") from error


def _sheet_of(name: str, sheet_name: str | None, header: Sequence[str]) -> Sheet:
    names = ", ".join(one.name for one in SHEETS)
    if sheet_name is not None:
        chosen = sheet(sheet_name)
        if chosen is None:
            raise InputError(f"sheet '{sheet_name}': unknown; expected one of {names}")
        return chosen
    by_name = sheet(Path(name).stem)
    if by_name is not None:
        return by_name
    columns = {cell.strip().casefold().replace(" ", "_") for cell in header}
    fitting = [one for one in SHEETS if {column.name for column in one.columns if column.required} <= columns]
    if len(fitting) != 1:
        raise InputError(
            f"{name}: cannot tell which sheet this is; call the file by its sheet ({names}), such as works.csv, "
            "or name it with --sheet"
        )
    return fitting[0]


def parse_json(data: bytes, name: str) -> Imported:
    """Read what `linernotes rights export` wrote as JSON.

    Raises
    ------
    InputError
        If it is no JSON, or an entry is malformed.

    Examples
    --------
    >>> parse_json(b'{"parties": [{"party_id": "ada", "name": "Ada"}]}', "x.json").registry.counts()["parties"]
    1
    """
    try:
        content = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON ({error}); export it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{name}: expected an object with parts such as recordings and consents")
    try:
        return Imported(Registry.from_json(content))
    except (TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{name}: an entry is malformed ({error}); export it again") from error
    except LinernotesError as error:
        raise InputError(f"{name}: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def parse_xlsx(data: bytes, name: str) -> Imported:
    """Read a workbook; sheets of other names are left alone, and said so.

    Raises
    ------
    InputError
        If it is no workbook, unpacks to more than any registry, or holds no known sheet.
    """
    _check_zip(data, name)
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():  # what the library leaves out (styles, drop-down lists) is not ours
            warnings.simplefilter("ignore")
            workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    except Exception as error:  # the library raises whatever its parts raise on damaged files
        raise InputError(
            f"{name}: not readable as an XLSX workbook ({type(error).__name__}); save it again as .xlsx"
        ) from error
    parts: list[Imported] = []
    problems: list[Problem] = []
    try:
        for title in workbook.sheetnames:
            chosen = sheet(title)
            if chosen is None:
                if title.casefold() not in ("read me", "readme"):
                    problems.append(_unknown_sheet(name, title))
                continue
            parts.append(read_sheet(chosen, _xlsx_rows(workbook[title], name), name))
    except LinernotesError:
        raise
    except Exception as error:
        raise InputError(
            f"{name}: damaged workbook ({type(error).__name__}); save it again as .xlsx"
        ) from error
    finally:
        workbook.close()
    if not parts:
        raise InputError(
            f"{name}: no sheet of a known name; expected some of {', '.join(s.name for s in SHEETS)}"
        )
    return Imported(Registry(), tuple(problems)).merge(*parts)


def _unknown_sheet(name: str, title: str) -> Problem:
    expected = f"one of {', '.join(one.name for one in SHEETS)}"
    step = "Rename the sheet, or leave it: nothing here reads it."
    return Problem(
        "unknown-sheet", f"{name}: sheet '{title[:60]}'", title[:60], expected, step, "low", "sender"
    )


def _check_zip(data: bytes, name: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise InputError(f"{name}: not an XLSX workbook ({error}); save it again as .xlsx") from error
    if size > MAX_UNPACKED_BYTES:
        raise InputError(f"{name}: unpacks to {size >> 20} MiB; expected at most {MAX_UNPACKED_BYTES >> 20}")


def _xlsx_rows(worksheet: Any, name: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    # what a file says of its own size may be wrong, and then rows would be left out in silence
    worksheet.reset_dimensions()
    for number, cells in enumerate(worksheet.iter_rows(), start=1):
        if number > MAX_XLSX_ROWS or len(cells) > MAX_COLUMNS:
            raise InputError(
                f"{name}: sheet '{worksheet.title[:60]}', row {number}: {len(cells)} columns; expected at most "
                f"{MAX_XLSX_ROWS} rows and {MAX_COLUMNS} columns; delete what stands far below or to the right"
            )
        row = [_cell(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if row:
            yield number, row


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return BadCell("formula-cell", str(value)[:200], "a value, not a formula")
    if cell.data_type == "e":
        return BadCell("error-cell", str(value)[:200], "a value")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        if value.time() != dt.time():
            return BadCell("bad-date", value.isoformat(sep=" "), "a day without a time")
        return value.date().isoformat()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format))
    return BadCell("error-cell", str(value)[:200], "text, a number or a day")


def _number(value: float, number_format: str) -> Cell:
    if value != value or value in (float("inf"), float("-inf")):
        return BadCell("error-cell", str(value), "a number")
    exact = Decimal(repr(value))
    if "%" in number_format:
        return f"{(exact * 100).normalize():f}%"
    return f"{exact.normalize():f}" if abs(exact) < Decimal(10) ** 20 else str(value)
