"""How large an index is, and of what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linernotes.fingerprint.spectrum import FRAME_S
from linernotes.fingerprint.storage.catalogue import Catalogue, open_index
from linernotes.fingerprint.storage.manifest import read_manifest


def index_statistics(folder: Path, *, with_recordings: bool = False) -> dict[str, Any]:
    """Return the sizes of an index, JSON-ready.

    Parameters
    ----------
    folder : Path
        The index folder.
    with_recordings : bool
        Whether the living recordings are listed, with segment and hours.

    Returns
    -------
    dict
        ``n_recordings``, ``n_removed``, ``hours`` (of all that takes up room), ``n_bytes``,
        ``bytes_per_hour``, ``arrays`` (the same for each array; recordings' columns are one),
        ``segments`` and ``journal``.

    Raises
    ------
    CorpusError
        If there is no index, or it is damaged.
    """
    catalogue = open_index(folder)
    manifest = read_manifest(folder)
    hours = catalogue.n_frames * FRAME_S / 3600
    stored_hours = sum(segment.index.n_frames for segment in catalogue.stored) * FRAME_S / 3600
    arrays: dict[str, int] = {}
    for segment in catalogue.stored:
        for file in segment.files:
            name = "recordings" if file.name.startswith("recording_") else file.name
            arrays[name] = arrays.get(name, 0) + file.n_bytes
    n_bytes = sum(arrays.values())
    journal = folder / manifest.journal
    found = {
        "generation": catalogue.generation,
        "n_recordings": len(catalogue),
        "n_removed": len(catalogue.removed),
        "hours": round(hours, 3),
        "n_bytes": n_bytes,
        "bytes_per_hour": _per_hour(n_bytes, stored_hours),
        "arrays": {
            name: {"n_bytes": size, "bytes_per_hour": _per_hour(size, stored_hours)}
            for name, size in sorted(arrays.items())
        },
        "segments": [_segment_facts(catalogue, i) for i in range(len(catalogue.stored))],
        "journal": {
            "n_recordings": sum(
                len(index.recordings) for index in catalogue.segments[len(catalogue.stored) :]
            ),
            "n_bytes": journal.stat().st_size if journal.exists() else 0,
        },
    }
    if with_recordings:
        found["recordings"] = [
            {
                "recording_id": r.recording_id,
                "content_sha256": r.content_sha256,
                "seconds": r.n_frames * FRAME_S,
            }
            for r in catalogue.recordings
        ]
    return found


def _segment_facts(catalogue: Catalogue, position: int) -> dict[str, Any]:
    segment = catalogue.stored[position]
    return {
        "name": segment.name,
        "n_recordings": len(segment.table),
        "n_removed": len(segment.dead),
        "hours": round(segment.index.n_frames * FRAME_S / 3600, 3),
        "n_bytes": sum(file.n_bytes for file in segment.files),
    }


def _per_hour(n_bytes: int, hours: float) -> int | None:
    return round(n_bytes / hours) if hours else None
