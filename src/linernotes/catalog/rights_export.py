"""Rights files out: workbook, CSV tables or JSON, and the empty template.

What is written can be read back to the same registry (`linernotes.catalog.rights_files`); cells that a
spreadsheet would run are guarded.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from linernotes.catalog.cells import guarded, joined
from linernotes.catalog.registry import Registry
from linernotes.catalog.shares import format_share
from linernotes.catalog.sheets import FURTHER_CODES, SHEETS, Column, Sheet
from linernotes.errors import InputError

README = "read me"


def write_rights_file(registry: Registry, out: Path | str) -> tuple[str, ...]:
    """Write a registry as ``.xlsx``, ``.json``, or CSV tables into a folder; returns the files' paths.

    Parameters
    ----------
    registry : Registry
        What to write.
    out : Path or str
        File with suffix ``.xlsx`` or ``.json``, or a folder (no suffix) for one CSV table per sheet.

    Raises
    ------
    InputError
        If the suffix is another, a text cannot stand in a workbook, or the place cannot be written to.
    """
    out = Path(out)
    suffix = out.suffix.casefold()
    if suffix == ".xlsx":
        return (_write(out, to_xlsx(registry)),)
    if suffix == ".json":
        text = json.dumps(registry.as_json(), sort_keys=True, ensure_ascii=False, indent=2) + "\n"
        return (_write(out, text.encode()),)
    if suffix:
        raise InputError(f"{out}: unknown kind of file; expected .xlsx, .json, or a folder for CSV tables")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror}); choose another folder") from error
    return tuple(_write(out / f"{sheet.name}.csv", to_csv(registry, sheet)) for sheet in SHEETS)


def write_template(out: Path | str) -> str:
    """Write an empty workbook: one sheet per kind of entry, its columns explained, one example row.

    Raises
    ------
    InputError
        If *out* is no ``.xlsx`` or cannot be written.
    """
    out = Path(out)
    if out.suffix.casefold() != ".xlsx":
        raise InputError(f"{out}: expected a name that ends in .xlsx")
    rows = {sheet.name: [[column.example for column in sheet.columns]] for sheet in SHEETS}
    return _write(out, _workbook(rows, documented=True))


def to_csv(registry: Registry, sheet: Sheet) -> bytes:
    r"""Return one sheet as CSV, with byte-order mark so that spreadsheets read it as UTF-8.

    Examples
    --------
    >>> from linernotes.catalog.entities import Party
    >>> from linernotes.catalog.sheets import sheet
    >>> to_csv(Registry(parties=(Party(party_id="ada", name="=Ada"),)), sheet("parties"))[3:].split(b"\r\n")[1]
    b"ada,'=Ada,unknown,,,,,,,"
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in sheet.columns])
    writer.writerows(_rows(registry, sheet))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def to_xlsx(registry: Registry) -> bytes:
    """Return a workbook with every sheet.

    Raises
    ------
    InputError
        If a text holds characters that a workbook cannot.
    """
    return _workbook({sheet.name: _rows(registry, sheet) for sheet in SHEETS}, documented=False)


def _rows(registry: Registry, sheet: Sheet) -> Iterator[list[str]]:
    """Yield one row per entry; codes beyond an entry's own fields stand in the sheet ``identifiers``."""
    lists = FURTHER_CODES.get(sheet.part, ())
    for one in getattr(registry, sheet.part):
        cells = []
        for column in sheet.columns:
            value = getattr(one, column.name, None)
            listed = column.name in lists and isinstance(value, str)
            cells.append(guarded(_text((value,) if listed else value)))
        yield cells


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return joined(value)
    return format_share(value) if hasattr(value, "denominator") else str(value)


def _workbook(rows: dict[str, Any], *, documented: bool) -> bytes:
    from openpyxl import Workbook

    rows = {name: _writable(name, list(found)) for name, found in rows.items()}
    workbook = Workbook(write_only=True)
    if documented:
        _read_me(workbook)
    for sheet in SHEETS:
        worksheet = workbook.create_sheet(sheet.name)
        worksheet.freeze_panes = "A2"
        worksheet.append([_bold(worksheet, column) for column in sheet.columns])
        for row in rows[sheet.name]:
            worksheet.append([_as_text(worksheet, cell) for cell in row])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _writable(name: str, rows: list[list[str]]) -> list[list[str]]:
    """Return the rows after looking for what a workbook cannot hold: a half-written one cannot be closed."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    for number, row in enumerate(rows, start=2):
        if any(ILLEGAL_CHARACTERS_RE.search(cell) for cell in row):
            raise InputError(
                f"sheet '{name}', row {number}: a text holds a control character, which a workbook cannot; "
                "export as CSV or JSON"
            )
    return rows


def _bold(worksheet: Any, column: Column) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Font

    cell = WriteOnlyCell(worksheet, column.name)
    cell.font = Font(bold=column.required)
    cell.comment = Comment(f"{column.meaning}{' (required)' if column.required else ''}", "Linernotes")
    return cell


def _as_text(worksheet: Any, value: str) -> Any:
    if not value:
        return None
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(worksheet, value)
    cell.data_type = "s"  # never a formula, never a number that loses its leading zeros
    cell.number_format = "@"
    return cell


def _read_me(workbook: Any) -> None:
    worksheet = workbook.create_sheet(README)
    worksheet.append(
        ["Rights registry: one sheet per kind of entry. Row 2 of each is an example: write over it."]
    )
    worksheet.append(["sheet", "column", "required", "meaning", "example"])
    for sheet in SHEETS:
        worksheet.append([sheet.name, "", "", sheet.meaning, ""])
        for column in sheet.columns:
            needed = "yes" if column.required else ""
            row: Sequence[str] = ("", column.name, needed, column.meaning, column.example)
            worksheet.append([_as_text(worksheet, cell) for cell in row])


def _write(path: Path, data: bytes) -> str:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    return str(path)
