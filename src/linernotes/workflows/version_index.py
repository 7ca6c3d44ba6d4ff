"""Build, check and describe the index by which versions are searched for.

What searching needs of a recording is made in one go: its segment embeddings, which go into the index, and its
profile, by which candidates are aligned. Both are kept; a build that was interrupted goes on with the next recording.

Conventions
-----------
A workspace has one index per encoder, in ``versions/index/ENCODER``.

Cost
----
Nearly all is listening: see `linernotes.versions.encoder` and `linernotes.versions.features`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from linernotes.errors import CorpusError, InputError
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.folds import Runner
from linernotes.versions.encoder.embed import Encoder
from linernotes.versions.encoder.load import DEFAULT_ENCODER, load_encoder
from linernotes.versions.index.folder import EMBEDDED, QDRANT, IndexFacts, VersionIndex, read_facts
from linernotes.versions.index.folder import HEADER as INDEX_HEADER
from linernotes.versions.index.recordings import LOG, RecordingLog
from linernotes.versions.profiles import load_profile
from linernotes.workflows.version_collection import Held, collection_of, versions_folder
from linernotes.workflows.version_listening import Listen

INDEXES = "index"
_AT_ONCE = 4  # recordings per worker between two steps forward that an interrupt cannot undo
Progress = Callable[[str, int, int], None]


def index_folder(workspace: Path | str, encoder: Encoder) -> Path:
    """Return where a workspace keeps its index by an encoder, whether it is there or not."""
    return versions_folder(workspace) / INDEXES / re.sub(r"[^A-Za-z0-9._-]", "-", encoder.name)


def add_to_index(
    workspace: Path | str,
    *,
    encoder: str = DEFAULT_ENCODER,
    store: str | None = None,
    n_workers: int = 1,
    run: Runner | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the index of a workspace hold its recordings: add what is missing, remove what is gone.

    Parameters
    ----------
    workspace : Path or str
        Workspace with a sealed corpus, a catalogue, or both.
    encoder : str, optional
        ``mini``, ``chroma2d`` or ``clews:PATH``.
    store : str, optional
        ``embedded`` (the default), or ``qdrant:ADDRESS`` for a new index whose vectors lie on a server.
    n_workers : int >= 1
        Processes that listen.
    run : Runner, optional
        Another engine, such as `linernotes.execution.ray.RayRunner`; its workers see the audio under the same paths.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``n_added``, ``n_removed``, ``skipped`` (``recording_id`` and ``reason``), and what `index_stats` says.

    Raises
    ------
    InputError
        If the encoder or the store is not usable.
    CorpusError
        If there is no workspace or nothing in it, another program writes the index, or it is damaged.
    """
    if n_workers < 1:
        raise InputError(f"{n_workers} workers: expected at least 1")
    found = collection_of([workspace])
    loaded = load_encoder(encoder)
    folder = index_folder(workspace, loaded)
    engine, n_at_once = run or SerialRunner(), 1 if run is None and n_workers == 1 else _AT_ONCE * n_workers
    pool = ProcessRunner(n_workers) if run is None and n_workers > 1 else None
    try:
        with _opened_for_writing(folder, loaded, store) as index:
            contents = {one.content_sha256 for one in found.held}
            n_removed = index.remove(set(index.log.by_content) - contents)
            n_added = _fill(index, found.held, encoder, pool or engine, n_at_once, progress)
            skipped = _unusable(index, found.held)
    finally:
        if pool is not None:
            pool.close()
    absent = [{"recording_id": name, "reason": reason} for name, reason in found.absent]
    return {"n_added": n_added, "n_removed": n_removed, "skipped": skipped + absent} | _facts(folder)


def check_index(
    workspace: Path | str,
    *,
    encoder: str = DEFAULT_ENCODER,
    drop_damaged: bool = False,
) -> dict[str, Any]:
    """Read every byte of a workspace's index and say what is damaged.

    Parameters
    ----------
    workspace : Path or str
        Workspace with an index.
    encoder : str, optional
        Which of its indexes.
    drop_damaged : bool
        Whether damaged recordings are taken out, so that `add_to_index` makes them anew.

    Returns
    -------
    dict
        ``damaged`` (``content_sha256`` and ``reason``), ``n_dropped``, and what `index_stats` says.

    Raises
    ------
    CorpusError
        If there is no index, or it is damaged beyond single recordings.
    """
    folder = index_folder(workspace, load_encoder(encoder))
    if not (folder / INDEX_HEADER).exists():
        raise _no_index(folder)
    with VersionIndex(folder, write=drop_damaged) as index:
        faults = index.faults()
        n_dropped = index.remove({content for content, _ in faults}) if drop_damaged else 0
    damaged = [{"content_sha256": content, "reason": reason} for content, reason in faults]
    return {"damaged": damaged, "n_dropped": n_dropped} | _facts(folder)


def index_stats(workspace: Path | str) -> list[dict[str, Any]]:
    """Describe the indexes of a workspace.

    Returns
    -------
    list of dict
        ``encoder``, ``dimension``, ``store``, ``folder``, ``n_recordings``, ``n_segments``, ``n_unusable``,
        ``hours`` and ``n_bytes`` of each.

    Raises
    ------
    CorpusError
        If there is no workspace, or an index is damaged.
    """
    root = versions_folder(workspace) / INDEXES
    return [_facts(path.parent) for path in sorted(root.glob(f"*/{INDEX_HEADER}"))]


def ready_index(
    workspace: Path | str,
    held: Sequence[Held],
    encoder_spec: str,
    encoder: Encoder,
    progress: Progress | None = None,
) -> Path:
    """Return the folder of an index that holds these recordings of a workspace, adding what is missing."""
    folder = index_folder(workspace, encoder)
    if (folder / INDEX_HEADER).exists():
        known = RecordingLog(folder / LOG).by_content
        if all(one.content_sha256 in known for one in held):
            return folder
    with _opened_for_writing(folder, encoder, None) as index:
        _fill(index, held, encoder_spec, SerialRunner(), 1, progress)
    return folder


def _fill(
    index: VersionIndex,
    held: Sequence[Held],
    encoder_spec: str,
    run: Runner,
    n_at_once: int,
    progress: Progress | None,
) -> int:
    missing = [one for one in held if _is_missing(index, one)]
    n_added = 0
    for first in range(0, len(missing), n_at_once):
        some = missing[first : first + n_at_once]
        tasks = [(one, one.content_sha256 in index) for one in some]
        for heard in run(Listen(encoder_spec), tasks, name="listening"):
            if heard.embeddings is not None:
                index.add(heard.content_sha256, heard.embeddings, heard.duration_s)
                n_added += 1
            elif heard.reason:
                index.add_unusable(heard.content_sha256, heard.reason)
        if progress is not None:
            progress("listening to recordings", first + len(some), len(missing))
    return n_added


def _is_missing(index: VersionIndex, one: Held) -> bool:
    entry = index.log.by_content.get(one.content_sha256)
    return entry is None or (entry.n_segments > 0 and load_profile(one.profile_path) is None)


def _opened_for_writing(folder: Path, encoder: Encoder, store: str | None) -> VersionIndex:
    if not (folder / INDEX_HEADER).exists():
        wanted = store or EMBEDDED
        if wanted.startswith(QDRANT):
            collection = f"linernotes-{encoder.name}-{secrets.token_hex(4)}"
            wanted = f"{QDRANT}{collection}@{wanted.removeprefix(QDRANT)}"
        return VersionIndex.create(folder, IndexFacts.of(encoder, wanted))
    kind = read_facts(folder).store
    if store is not None and kind.partition(":")[0] != store.partition(":")[0]:
        raise InputError(
            f"{folder}: keeps its vectors in {kind}, not in {store}; leave --store out, or delete the folder first"
        )
    return VersionIndex(folder, write=True)


def _unusable(index: VersionIndex, held: Sequence[Held]) -> list[dict[str, str]]:
    found = []
    for one in held:
        entry = index.log.by_content.get(one.content_sha256)
        if entry is not None and entry.reason:
            found.append({"recording_id": one.recording.recording_id, "reason": entry.reason})
    return found


def _facts(folder: Path) -> dict[str, Any]:
    with VersionIndex(folder) as index:
        entries = index.log.by_number.values()
        return {
            "folder": str(folder),
            "encoder": index.facts.encoder,
            "dimension": index.facts.dimension,
            "store": index.facts.store,
            "n_recordings": len(index),
            "n_unusable": sum(not entry.n_segments for entry in entries),
            "n_segments": sum(entry.n_segments for entry in entries),
            "hours": round(sum(entry.duration_s for entry in entries) / 3600, 3),
            "n_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        }


def _no_index(folder: Path) -> CorpusError:
    return CorpusError(f"{folder}: no index; make it with 'linernotes versions index add'")
