"""Which recordings of another index are taken in, where both hold some of the same ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from linernotes.errors import CorpusError
from linernotes.fingerprint.storage.catalogue import Catalogue
from linernotes.fingerprint.storage.merging import Source

Conflict = Literal["refuse", "keep", "replace"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the living copy of a recording is: in a segment at a position, or in the journal."""

    content_sha256: str
    segment: str | None
    position: int


def taken_in(
    known: Mapping[str, Place], folder: Path, other: Catalogue, on_conflict: Conflict
) -> tuple[list[Source], list[tuple[str | None, int]], int]:
    """Return what to copy, which of ours it replaces, and how many of theirs are left out."""
    sources, replaced, conflicts, n_left_out = [], [], [], 0
    for index in other.segments:
        dead = set()
        for position, recording in enumerate(index.recordings):
            ours = known.get(recording.recording_id)
            if recording.recording_id in other.removed:
                dead.add(position)
            elif ours is not None and (
                ours.content_sha256 == recording.content_sha256 or on_conflict == "keep"
            ):
                dead.add(position)
                n_left_out += 1
            elif ours is not None:
                conflicts.append(recording.recording_id)
                replaced.append((ours.segment, ours.position))
        source = Source.of_index(index, frozenset(dead))
        if source.stays.any():
            sources.append(source)
    if conflicts and on_conflict == "refuse":
        raise CorpusError(
            f"recording '{conflicts[0]}'{and_more(conflicts)}: held by {folder} and {other.folder} "
            "with different content, nothing was merged; say which to use with --on-conflict keep or replace"
        )
    return sources, replaced, n_left_out


def and_more(names: Sequence[str]) -> str:
    """Return how many names there are beside the first, as words."""
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
