"""Which pages are read again, when, and whose recordings a damaged one belongs to.

Opening always reads the *structure* of a segment (tables of keys, columns of recordings): a wrong number
there would send a search to places that do not exist. Of the rest it reads everything while a budget of
bytes lasts, the smallest files first, and of what is larger a random sample of pages, another one at
each opening. ``catalog check`` reads every page, and so does a merge, lest it give damage a new checksum.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linernotes.errors import CorpusError
from linernotes.fingerprint.storage.merging import EVENT_COLUMNS, EVENTS
from linernotes.fingerprint.storage.pages import PAGE_BYTES, ArrayFile, damaged_pages
from linernotes.fingerprint.storage.segment import Segment, repair

VERIFY_BYTES = 256 << 20
"""What opening an index reads at most beside its structure: some 50 ms."""

_NAMED = 5  # recordings that a sentence names


@dataclass(frozen=True, slots=True)
class Fault:
    """Damage: where it is, what it touches, what to do.

    Parameters
    ----------
    file : str
        Relative to the index folder.
    page : int or None
        Page of 1 MiB, where the file has pages.
    first_byte, end_byte : int
        The damage lies between them.
    reason : str
        What is wrong.
    recordings : tuple of str or None
        Whom it touches; None: any recording of the segment.
    next_step : str
        What to do.
    """

    file: str
    page: int | None
    first_byte: int
    end_byte: int
    reason: str
    recordings: tuple[str, ...] | None
    next_step: str

    def __str__(self) -> str:
        where = f"page {self.page} (" if self.page is not None else "("
        return (
            f"{self.file}: {where}bytes {self.first_byte}–{self.end_byte - 1}): {self.reason}; "
            f"{self._touched()}; {self.next_step}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "file": self.file,
            "page": self.page,
            "first_byte": self.first_byte,
            "end_byte": self.end_byte,
            "reason": self.reason,
            "recordings": None if self.recordings is None else list(self.recordings),
            "next_step": self.next_step,
        }

    def _touched(self) -> str:
        if self.recordings is None:
            return "it may touch any recording of the segment"
        names = ", ".join(f"'{name}'" for name in self.recordings[:_NAMED])
        more = f" and {len(self.recordings) - _NAMED} more" if len(self.recordings) > _NAMED else ""
        return f"it touches {names}{more}" if names else "it touches no recording"


def verify_on_open(segments: Sequence[Segment], budget: int, seed: int | None = None) -> None:
    """Read the structure, and of the rest what the budget allows.

    Parameters
    ----------
    segments : sequence of Segment
        Of one index.
    budget : int
        Bytes beside the structure.
    seed : int, optional
        For the sample of pages; another one each time when not given.

    Raises
    ------
    CorpusError
        At the first damaged page; the message is that of its `Fault`.
    """
    rng = random.Random(seed)  # noqa: S311  (a sample, not a secret)
    bulk = []
    for segment in segments:
        for file in segment.files:
            if is_structure(file.name):
                _refuse_damage(segment, file, range(file.n_pages))
            else:
                bulk.append((file.n_bytes, segment, file))
    bulk.sort(key=lambda entry: entry[0])
    for position, (n_bytes, segment, file) in enumerate(bulk):
        if n_bytes <= budget:
            _refuse_damage(segment, file, range(file.n_pages))
            budget -= n_bytes
        else:
            part = max(1, budget // PAGE_BYTES // (len(bulk) - position)) if budget > 0 else 0
            _refuse_damage(segment, file, sorted(rng.sample(range(file.n_pages), min(part, file.n_pages))))
            budget -= part * PAGE_BYTES


def is_structure(name: str) -> bool:
    """Tell whether a file is always read when an index is opened.

    Examples
    --------
    >>> is_structure("pair_starts"), is_structure("recording_n_frames"), is_structure("pair_places")
    (True, True, False)
    """
    return name.endswith("_starts") or name.startswith("recording_")


def verify_wholly(segment: Segment) -> None:
    """Read every page of a segment.

    Raises
    ------
    CorpusError
        At the first damaged page.
    """
    for file in segment.files:
        _refuse_damage(segment, file, range(file.n_pages))


def find_faults(segment: Segment) -> Iterator[Fault]:
    """Yield a fault for every damaged page of a segment."""
    for file in segment.files:
        path = segment.folder / f"{file.name}.npy"
        for page in damaged_pages(path, file, segment.checksums[file.name]):
            yield fault_at(segment, file, page)


def fault_at(segment: Segment, file: ArrayFile, page: int) -> Fault:
    """Describe a damaged page."""
    first, end = file.page_range(page)
    return Fault(
        file=f"{segment.name}/{file.name}.npy",
        page=page,
        first_byte=first,
        end_byte=end,
        reason="damaged: it does not have the checksum that was written with it",
        recordings=_touched(segment, file, page),
        next_step=repair(segment.name),
    )


def _refuse_damage(segment: Segment, file: ArrayFile, pages: Sequence[int]) -> None:
    path = segment.folder / f"{file.name}.npy"
    for page in damaged_pages(path, file, segment.checksums[file.name], pages):
        raise CorpusError(f"{segment.folder.parent}/{fault_at(segment, file, page)}")


def _touched(segment: Segment, file: ArrayFile, page: int) -> tuple[str, ...] | None:
    first, end = file.elements(page)
    n_recordings = len(segment.table)
    if file.name == EVENTS or file.name in EVENT_COLUMNS:
        frames = getattr(segment.index, EVENTS)
        bounds = segment.index.first_frames[:-1]
        low = int(np.searchsorted(bounds, frames[first - 1], side="right")) - 1 if first else 0
        # the neighbours of the damaged elements bound it: they lie on other pages
        high = int(np.searchsorted(bounds, frames[end], side="right")) if end < len(frames) else n_recordings
    elif file.name.startswith("recording_") and not file.name.endswith("_bytes"):
        low, high = first, min(end, n_recordings)
    else:
        return None
    try:
        return tuple(segment.table.id_at(i) for i in range(low, high))
    except (ValueError, IndexError):  # the damage is in the names themselves
        return None
