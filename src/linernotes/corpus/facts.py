"""A manifest of facts: one line per recording that somebody else has hashed already.

Developers who hash their training set in their own pipeline need no audio here: each line (JSON, or a row of
CSV) says what a rights table says, and the hashes besides.

Conventions
-----------
JSON Lines in UTF-8, or CSV with a header. Required: ``item_id`` and ``content_sha256``. Optional: ``file``,
``audio_sha256``, ``duration_s``, ``sample_rate``, ``n_channels``, ``coding``, ``iscc``, ``sketch``, and all
columns of a rights table. Lists (``isrc``, ``iswc``, ``mbid``, ``tags``, ``sketch``, ``metadata_used``,
``behaviour_used``) are JSON lists, or texts separated by ``;``. Numbers may be texts.

Known limits
------------
Nothing of it is checked against audio: the seal commits to what was said.
"""

from __future__ import annotations

import csv
import itertools
import json
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.catalog.tables import (
    RIGHTS_OPTIONAL,
    RIGHTS_REQUIRED,
    SOURCE_COLUMNS,
    identifiers_of,
    recording_from_cells,
)
from linernotes.corpus.consent_cells import consent_from_cells
from linernotes.corpus.lookup_keys import normalised, parse_iscc, parse_sketch_key
from linernotes.corpus.manifest import Item
from linernotes.corpus.source import source_from_cells
from linernotes.errors import InputError

MAX_LINE_BYTES = 1 << 20
MAX_SKETCH_KEYS = 64
_NUMBERS = ("duration_s", "sample_rate", "n_channels")
_OWN = ("item_id", "file", "content_sha256", "audio_sha256", *_NUMBERS, "coding", "iscc", "sketch")
COLUMNS = frozenset((*_OWN, *RIGHTS_REQUIRED, *RIGHTS_OPTIONAL, *SOURCE_COLUMNS))
_LISTS = ("isrc", "iswc", "mbid", "tags", "sketch", "metadata_used", "behaviour_used")


def parse_facts(line: bytes | str) -> Item:
    """Read one line of a manifest of facts.

    Raises
    ------
    InputError
        If it is not a JSON object of known fields, or one has another form.

    Examples
    --------
    >>> item = parse_facts('{"item_id": "rain", "content_sha256": "' + "0f" * 32 + '", "isrc": "GBAYE6900001"}')
    >>> item.recording.isrc, item.consent
    ('GBAYE6900001', None)
    """
    try:
        row = json.loads(line, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a JSON object ({error}); expected one object per line") from error
    if not isinstance(row, dict):
        raise InputError(f"{type(row).__name__}; expected one JSON object per line")
    unknown = row.keys() - COLUMNS
    if unknown:
        raise InputError(
            f"unknown fields {', '.join(sorted(unknown)[:5])}; see the list in docs/methods/seal.md"
        )
    return item_from_cells({name: _cell(name, cell) for name, cell in row.items()})


def item_from_cells(cells: Mapping[str, str]) -> Item:
    """Return the item that a row's cells describe.

    Raises
    ------
    InputError
        If a required cell is missing, or one has another form.
    """
    item_id = cells.get("item_id", "").strip()
    if not item_id or len(item_id) > 255:
        raise InputError(f"item_id '{item_id[:40]}': expected 1 to 255 characters")
    hashes = {name: cells.get(name, "").strip() for name in ("content_sha256", "audio_sha256")}
    if not hashes["content_sha256"]:
        raise InputError("content_sha256 is empty; expected the SHA-256 of the file's bytes")
    sketch = tuple(part.strip() for part in cells.get("sketch", "").split(";") if part.strip())
    if len(sketch) > MAX_SKETCH_KEYS:
        raise InputError(f"{len(sketch)} sketch keys; expected at most {MAX_SKETCH_KEYS}")
    iscc = cells.get("iscc", "").strip()
    return Item(
        item_id=item_id,
        path=cells.get("file", ""),
        **{name: normalised(name, value) if value else "" for name, value in hashes.items()},
        duration_s=_number(cells, "duration_s"),
        sample_rate=int(_number(cells, "sample_rate")),
        n_channels=int(_number(cells, "n_channels")),
        coding=cells.get("coding", ""),
        recording=recording_from_cells(item_id, {"title": "", "artist": ""} | dict(cells)),
        consent=consent_from_cells(cells) if cells.get("consent") is not None else None,
        cluster_id=item_id,
        source=source_from_cells(cells),
        identifiers=identifiers_of(cells),
        iscc=parse_iscc(iscc) if iscc else "",
        sketch=tuple(parse_sketch_key(key) for key in sketch),
    )


class FactsFile:
    """A manifest of facts on disk, its lines in the order of their item ids.

    Parameters
    ----------
    path : Path
        JSON Lines.
    places : NDArray[np.uint64] [shape=(n, 3)]
        Beginning, length and number of each line.
    """

    def __init__(self, path: Path, places: NDArray[np.uint64]) -> None:
        self.path, self.places = path, places
        with path.open("rb") as stream:
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.places)

    def item(self, number: int) -> Item:
        """Return the item of a number.

        Raises
        ------
        InputError
            With file and line, if the line is not usable.
        """
        start, length, line = (int(part) for part in self.places[number])
        try:
            return parse_facts(self._data[start : start + length])
        except InputError as error:
            raise InputError(f"{self.path}: line {line}: {error}") from error


def index_facts(path: Path) -> NDArray[np.uint64]:
    """Find the lines of a manifest of facts and sort them by item id.

    Returns
    -------
    NDArray[np.uint64] [shape=(n, 3)]
        Beginning, length and number of each line.

    Raises
    ------
    InputError
        If the file cannot be read, a line is too long or has no item id, or two have the same.
    """
    ids: list[str] = []
    places: list[tuple[int, int, int]] = []
    start = 0
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if len(line) > MAX_LINE_BYTES:
                    raise InputError(f"{path}: line {number}: longer than {MAX_LINE_BYTES} bytes")
                if line.strip():
                    ids.append(_id_of(line, path, number))
                    places.append((start, len(line), number))
                start += len(line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a manifest of facts") from error
    if not ids:
        raise InputError(f"{path}: holds no item; expected one JSON object per line")
    order = sorted(range(len(ids)), key=ids.__getitem__)
    for one, next_one in itertools.pairwise(order):
        if ids[one] == ids[next_one]:
            lines = sorted((places[one][2], places[next_one][2]))
            raise InputError(
                f"{path}: lines {lines[0]} and {lines[1]}: both are item '{ids[one]}'; ids must differ"
            )
    return np.array(places, np.uint64)[order]


def csv_to_facts(path: Path, target: Path) -> None:
    """Write the rows of a CSV manifest as JSON Lines, whole or not at all.

    Raises
    ------
    InputError
        If the file is not readable as CSV in UTF-8, or a row has another number of cells than the header.
    """
    partial = target.with_name(target.name + ".partial")
    with partial.open("w", encoding="utf-8") as stream:
        for row in _csv_rows(path):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(partial, target)


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            names = [name.strip().casefold() for name in next(reader, [])]
            if len(set(names)) < len(names) or "item_id" not in names:
                raise InputError(f"{path}: line 1: expected distinct column names, 'item_id' among them")
            for cells in reader:
                if len(cells) != len(names):
                    raise InputError(
                        f"{path}: line {reader.line_num}: {len(cells)} cells, expected {len(names)}"
                    )
                yield dict(zip(names, cells, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8 ({error}); save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a manifest of facts") from error


def _id_of(line: bytes, path: Path, number: int) -> str:
    try:
        row = json.loads(line)
        found = row["item_id"] if isinstance(row, dict) else None
    except (ValueError, KeyError, RecursionError) as error:
        raise InputError(f"{path}: line {number}: no JSON object with an item_id ({error!r})") from error
    if not isinstance(found, str) or not found.strip():
        raise InputError(f"{path}: line {number}: item_id {found!r}; expected a text")
    return found.strip()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _cell(name: str, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list) and name in _LISTS and all(isinstance(part, str) for part in cell):
        return ";".join(cell)
    if isinstance(cell, bool) and name == "is_multitrack":
        return "yes" if cell else "no"
    if isinstance(cell, int | float) and not isinstance(cell, bool) and name in _NUMBERS:
        return repr(cell)
    raise InputError(
        f"{name}: {type(cell).__name__}; expected a text" + (" or a list" if name in _LISTS else "")
    )


def _number(cells: Mapping[str, str], name: str) -> float:
    text = cells.get(name, "").strip()
    try:
        number = float(text) if text else 0.0
        if not 0 <= number < 2**40:
            raise ValueError("out of range")
    except ValueError as error:
        raise InputError(f"{name} '{text[:40]}': expected a number that is not negative") from error
    return round(number, 6) if name == "duration_s" else float(int(number))
