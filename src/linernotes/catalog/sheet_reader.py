"""From the rows of a sheet to a registry, with every problem named by sheet, row and column.

The rows that can be read are read; each that cannot is one problem with its place, its value and what was
expected. What is wrong with the file as a whole (no header, a column missing or named twice) is one error,
for nothing can be read then.

Conventions
-----------
Rows count as a spreadsheet shows them, from 1, the header included. A row all of whose cells are empty is
passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from linernotes.catalog.cells import MAX_CELL, CellFault, unguarded
from linernotes.catalog.entities import Identifier
from linernotes.catalog.problem import Problem
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Imported, Registry
from linernotes.catalog.sheets import FURTHER_CODES, Sheet
from linernotes.errors import InputError

MAX_ROWS = 5_000_000
_NEXT_STEPS = {
    "empty-cell": "Fill the cell, or take the row out.",
    "unknown-word": "Write one of the words that are expected.",
    "bad-date": "Write the day as year-month-day.",
    "bad-share": "Write the share with its unit.",
    "bad-territory": "Write country codes, or leave the cell empty.",
    "bad-yes-or-no": "Write yes or no.",
    "bad-hash": "Copy the hash again.",
    "bad-id": "Choose a shorter id.",
    "formula-cell": "Copy the column and paste it as values.",
    "error-cell": "Mend the formula behind the cell, or type the value.",
    "long-cell": "Shorten the cell; give an address in place of a long text.",
    "row-length": "Put a cell that holds the separator in double quotes.",
    "row-refused": "Correct the row.",
    "duplicate-row": "Keep one of the rows.",
}


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that the file itself could not give: a formula, an error, a time of day."""

    code: str
    value: str
    expected: str


Cell = str | BadCell


def read_sheet(sheet: Sheet, rows: Iterable[tuple[int, Sequence[Cell]]], file: str) -> Imported:
    """Read one sheet.

    Parameters
    ----------
    sheet : Sheet
        Which.
    rows : iterable of (int, sequence of cells)
        Row numbers and cells, the header first.
    file : str
        Name of the file, for messages and as the source of entries that name none.

    Returns
    -------
    Imported
        The entries of the rows that could be read, and the problems of the others.

    Raises
    ------
    InputError
        If there is no header, a required column is missing, or one is named twice.
    """
    reader = _Reader(sheet, file)
    numbered = iter(rows)
    reader.header(next(numbered, None))
    for row, cells in numbered:
        if row > MAX_ROWS:
            raise InputError(f"{file}: sheet '{sheet.name}' has more than {MAX_ROWS} rows; split it")
        reader.row(row, cells)
    return reader.imported()


class _Reader:
    def __init__(self, sheet: Sheet, file: str) -> None:
        self._sheet, self._file = sheet, file
        self._names: list[str] = []
        self._problems: list[Problem] = []
        self._entries: dict[object, tuple[int, Any]] = {}
        self._identifiers: list[Identifier] = []

    def header(self, first: tuple[int, Sequence[Cell]] | None) -> None:
        place = f"{self._file}: sheet '{self._sheet.name}'"
        required = [column.name for column in self._sheet.columns if column.required]
        if first is None:
            raise InputError(f"{place}: empty; expected a header row with {', '.join(required)}")
        self._names = [
            cell.strip().casefold().replace(" ", "_") if isinstance(cell, str) else "" for cell in first[1]
        ]
        missing = [name for name in required if name not in self._names]
        if missing:
            found = ", ".join(name for name in self._names if name) or "nothing"
            raise InputError(
                f"{place}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; expected "
                f"{', '.join(required)}; found {found[:300]}"
            )
        twice = [name for i, name in enumerate(self._names) if name and name in self._names[:i]]
        if twice:
            raise InputError(f"{place}: column '{twice[0][:60]}' stands twice; keep one")
        for name in self._names:
            if name and self._sheet.column(name) is None:
                expected = ", ".join(column.name for column in self._sheet.columns)
                self._problem(
                    "unknown-column", first[0], name[:60], name[:60], f"one of {expected}",
                    "Rename the column, or leave it: nothing here reads it.", "low",
                )  # fmt: skip

    def row(self, row: int, cells: Sequence[Cell]) -> None:
        if not any(cells):
            return
        beyond = [cell for cell in cells[len(self._names) :] if cell]
        if beyond:
            self._problem(
                "row-length", row, "", f"{len(cells)} cells", f"{len(self._names)}, as in the header"
            )
            return
        values = self._values(row, dict(zip(self._names, cells, strict=False)))
        if values is None:
            return
        try:
            entry, identifiers = self._entry(values)
        except InputError as error:
            self._problem("row-refused", row, "", _tail(str(error)), str(error))
            return
        key = self._sheet.key(entry)
        if key in self._entries:
            earlier, held = self._entries[key]
            if held != entry:
                self._problem(
                    "duplicate-row", row, "", str(key), f"one row per entry; row {earlier} is another"
                )
            return
        self._entries[key] = (row, entry)
        self._identifiers += identifiers

    def _values(self, row: int, cells: Mapping[str, Cell]) -> dict[str, Any] | None:
        values: dict[str, Any] = {}
        fine = True
        for column in self._sheet.columns:
            cell = cells.get(column.name, "")
            if not cell and not column.required:
                continue
            if isinstance(cell, BadCell):
                self._problem(cell.code, row, column.name, cell.value, cell.expected)
                fine = False
                continue
            text = unguarded(cell.strip())
            try:
                if len(text) > MAX_CELL or "\0" in text:
                    raise CellFault("long-cell", f"at most {MAX_CELL} characters, none of them NUL")
                if text or column.required:
                    values[column.name] = column.read(text)
            except CellFault as fault:
                self._problem(fault.code, row, column.name, text[:200], fault.expected)
                fine = False
        return values if fine else None

    def _entry(self, values: dict[str, Any]) -> tuple[Any, list[Identifier]]:
        further: list[tuple[str, str]] = []
        for name in FURTHER_CODES.get(self._sheet.part, ()):
            found = values.pop(name, ())
            codes = [found] if isinstance(found, str) else list(found or ())
            if codes and name in _FIELDS[self._sheet.part]:
                values[name] = codes.pop(0)
            further += [(name.replace("_", "-"), code) for code in codes]
        if "source" in _FIELDS[self._sheet.part] and not values.get("source"):
            values["source"] = self._file
        entry = self._sheet.make(values)
        kind = {"recordings": "recording", "works": "work", "releases": "release"}.get(
            self._sheet.part, "party"
        )
        return entry, [
            Identifier(
                subject_kind=kind,  # type: ignore[arg-type]
                subject_id=str(self._sheet.key(entry)),
                kind=code_kind,
                value=code,
                source=values.get("source", self._file),
            )
            for code_kind, code in further
        ]

    def _problem(
        self,
        code: str,
        row: int,
        column: str,
        value: str,
        expected: str,
        next_step: str = "",
        severity: Any = "high",
    ) -> None:
        place = f"{self._file}: sheet '{self._sheet.name}', row {row}" + (
            f", column {column}" if column else ""
        )
        step = next_step or _NEXT_STEPS[code]
        self._problems.append(Problem(code, place, value, expected, step, severity, "sender"))

    def imported(self) -> Imported:
        parts: dict[str, Any] = {self._sheet.part: tuple(entry for _, entry in self._entries.values())}
        parts["identifiers"] = tuple(dict.fromkeys((*parts.get("identifiers", ()), *self._identifiers)))
        return Imported(Registry(**parts), tuple(self._problems))


def _tail(message: str) -> str:
    return message[:200]


def _field_names() -> Iterator[tuple[str, frozenset[str]]]:
    from linernotes.catalog.consent_record import ConsentRecord
    from linernotes.catalog.credits import Credit, Split
    from linernotes.catalog.entities import Party, Release, Work

    kinds = {
        "recordings": Recording,
        "works": Work,
        "releases": Release,
        "parties": Party,
        "credits": Credit,
        "splits": Split,
        "consents": ConsentRecord,
        "identifiers": Identifier,
    }
    for part, kind in kinds.items():
        if is_dataclass(kind):
            yield part, frozenset(field.name for field in fields(kind))


_FIELDS = dict(_field_names())
