"""The recordings of a segment as columns on disk, read one by one when they are asked for.

A catalogue of millions of recordings would cost seconds and gigabytes as Python objects at every start.
Each field of `IndexedRecording` is therefore a column: numbers are one array, texts are one array of
UTF-8 bytes and one with the place where each text ends.

Conventions
-----------
A recording that was removed, or that a newer copy replaced, keeps its place on the time axis until
compaction. It appears under a name that no recording can have (`dead_name`), so that a search can drop
it without mistaking it for its successor of the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from linernotes.fingerprint.index import IndexedRecording

_TEXTS = tuple(field.name for field in fields(IndexedRecording) if field.type in ("str", str))
_NUMBERS = tuple(field.name for field in fields(IndexedRecording) if field.type in ("int", int))

COLUMNS: dict[str, str] = {
    **{f"recording_{name}_bytes": "uint8" for name in _TEXTS},
    **{f"recording_{name}_ends": "int64" for name in _TEXTS},
    **{f"recording_{name}": "int64" for name in _NUMBERS},
}
"""Name and type of every column."""


def columns_of(recordings: Sequence[IndexedRecording]) -> dict[str, NDArray[Any]]:
    """Return the columns that `RecordingTable` reads.

    Examples
    --------
    >>> one = IndexedRecording("a", "00", first_frame=0, n_frames=5)
    >>> RecordingTable(columns_of([one]))[0] == one
    True
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in _TEXTS:
        texts = [getattr(recording, name).encode() for recording in recordings]
        columns[f"recording_{name}_bytes"] = np.frombuffer(b"".join(texts), np.uint8)
        columns[f"recording_{name}_ends"] = np.cumsum([len(text) for text in texts], dtype=np.int64)
    for name in _NUMBERS:
        columns[f"recording_{name}"] = np.array([getattr(r, name) for r in recordings], np.int64)
    return columns


def dead_name(segment: str, position: int) -> str:
    r"""Return the name under which a removed copy is still seen.

    Examples
    --------
    >>> dead_name("segment-000001", 7)
    '\x00segment-000001:7'
    """
    return f"\0{segment}:{position}"


@dataclass(frozen=True, eq=False)
class RecordingTable(Sequence[IndexedRecording]):
    """Recordings in order of their first frame, made on demand.

    Parameters
    ----------
    columns : mapping of str to array
        As `columns_of` gives them, memory-mapped or not.
    renamed : mapping of int to str
        Names of positions that are dead.
    """

    columns: Mapping[str, NDArray[Any]]
    renamed: Mapping[int, str] | None = None

    def __len__(self) -> int:
        return len(self.columns["recording_first_frame"])

    @overload
    def __getitem__(self, position: int) -> IndexedRecording: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[IndexedRecording, ...]: ...
    def __getitem__(self, position: int | slice) -> IndexedRecording | tuple[IndexedRecording, ...]:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        i = range(len(self))[position]
        texts = {name: self._text(name, i) for name in _TEXTS}
        numbers = {name: int(self.columns[f"recording_{name}"][i]) for name in _NUMBERS}
        recording = IndexedRecording(**texts, **numbers)  # type: ignore[arg-type]  # fields by their types
        if self.renamed and i in self.renamed:
            return replace(recording, recording_id=self.renamed[i])
        return recording

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # compared by content

    def id_at(self, position: int) -> str:
        """Return the id of the recording at a position, dead or not."""
        return self._text("recording_id", position)

    def ids(self) -> list[str]:
        """Return all recording ids by position, without names for the dead.

        Examples
        --------
        >>> RecordingTable(columns_of([IndexedRecording("a", "00", 0, 5)])).ids()
        ['a']
        """
        return self._all("recording_id")

    def content_hashes(self) -> list[str]:
        """Return the content hash of every position."""
        return self._all("content_sha256")

    def _text(self, name: str, i: int) -> str:
        ends = self.columns[f"recording_{name}_ends"]
        first = int(ends[i - 1]) if i else 0
        return self.columns[f"recording_{name}_bytes"][first : int(ends[i])].tobytes().decode()

    def _all(self, name: str) -> list[str]:
        data = self.columns[f"recording_{name}_bytes"].tobytes()
        ends = self.columns[f"recording_{name}_ends"].tolist()
        return [data[a:b].decode() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
