"""The attribution index on disk: a folder of plain arrays that is exchanged at once.

A folder holds ``index.json`` (format, revision, what it belongs to, checksums) and one sub-folder of arrays.
The embeddings are memory-mapped. Saving writes a new sub-folder; replacing the JSON file switches to it.

Conventions
-----------
An index belongs to one generator, one sealed corpus, one teacher and its settings; it is refused for others.

Cost
----
Opening reads every byte once for its checksum; ``verify=False`` trusts the file system.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.attribution.curvature import packing
from linernotes.attribution.curvature.kronecker import Curvature
from linernotes.attribution.fast.answering import Fitted
from linernotes.attribution.fast.embedding import Embedded
from linernotes.attribution.fast.features import FeatureReader
from linernotes.attribution.fast.student import Student
from linernotes.audio.files import file_sha256
from linernotes.errors import CorpusError, NewerRevision

HEADER = "index.json"
STUDENT_ARRAYS = "student_"
CURVATURE_ARRAYS = "curvature_"
FORMAT = "linernotes-attribution-index"
REVISION = 2
AGAIN = "build it again with 'linernotes index build'"


@dataclass(frozen=True)
class StoredIndex:
    """What is kept: facts as JSON values and arrays by name; the large ones are memory-mapped."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def packed(fitted: Fitted, belongs_to: Mapping[str, Any]) -> StoredIndex:
    """Return a fitted index as it is kept, with what it belongs to."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(fitted.rows, name) for name in Embedded.__annotations__}
    arrays |= {STUDENT_ARRAYS + name: array for name, array in fitted.student.arrays.items()}
    curvature, names = packing.packed(fitted.reader.curvature)
    arrays |= {CURVATURE_ARRAYS + name: array for name, array in curvature.items()}
    facts = dict(belongs_to) | {
        "report": fitted.student.report, "item_ids": list(fitted.item_ids), "curvature": names,
    }  # fmt: skip
    return StoredIndex(facts, arrays)


def unpacked(stored: StoredIndex, folder: Path, reader_of: Callable[[Curvature], FeatureReader]) -> Fitted:
    """Return the fitted index; *reader_of* makes a reader of features from its curvature.

    Raises
    ------
    CorpusError
        If a part is missing or parts do not fit together.
    """
    try:
        rows = Embedded(**{name: stored.arrays[name] for name in Embedded.__annotations__})
        student = Student(_under(STUDENT_ARRAYS, stored), stored.facts["report"])
        curvature = packing.unpacked(_under(CURVATURE_ARRAYS, stored), stored.facts["curvature"])
        reader = reader_of(curvature)
        item_ids = tuple(str(item_id) for item_id in stored.facts["item_ids"])
        corpus_root = str(stored.facts["corpus_root"])
    except KeyError as error:
        raise CorpusError(f"{folder}: index without {error}; {AGAIN}") from error
    if len(rows.starts) != len(item_ids) + 1 or rows.starts[-1] != len(rows.codes):
        raise CorpusError(f"{folder}: index whose parts do not fit together; {AGAIN}")
    return Fitted(item_ids, corpus_root, reader, student, rows)


def _under(prefix: str, stored: StoredIndex) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): np.array(array)
        for name, array in stored.arrays.items()
        if name.startswith(prefix)
    }


def save(stored: StoredIndex, folder: Path) -> None:
    """Write an index; a folder that holds an older one switches to this one at the end, at once."""
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"arrays-{_digest(stored)}"
    partial = final.with_name(final.name + ".partial")
    for debris in (partial, final) if not _is_current(folder, final.name) else (partial,):
        shutil.rmtree(debris, ignore_errors=True)
    if not final.is_dir():
        partial.mkdir()
        for name, array in stored.arrays.items():
            np.save(partial / f"{name}.npy", array, allow_pickle=False)
        os.replace(partial, final)
    header = {
        "format": FORMAT,
        "revision": REVISION,
        "facts": stored.facts,
        "folder": final.name,
        "files": {name: file_sha256(final / f"{name}.npy") for name in stored.arrays},
    }
    beside = folder / f"{HEADER}.partial"
    beside.write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, folder / HEADER)
    for old in folder.glob("arrays-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def load(folder: Path, *, belongs_to: Mapping[str, Any], verify: bool = True) -> StoredIndex:
    """Read the index of a folder.

    Parameters
    ----------
    folder : Path
        As `save` wrote it.
    belongs_to : mapping
        Facts that the index must have been made for, such as ``generator_id``.
    verify : bool
        Whether to compare checksums.

    Raises
    ------
    CorpusError
        If there is no index, a file of it is missing or damaged, or it was made for something else.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    header = _read_header(folder / HEADER)
    for name, wanted in belongs_to.items():
        found = header["facts"].get(name)
        if found != json.loads(json.dumps(wanted)):
            raise CorpusError(f"{folder}: index made for {name} {found!r}; asked for {wanted!r}: {AGAIN}")
    arrays = {
        str(name): _open_array(folder / str(header["folder"]) / f"{name}.npy", sha256 if verify else None)
        for name, sha256 in header["files"].items()
    }
    return StoredIndex(header["facts"], arrays)


def _digest(stored: StoredIndex) -> str:
    digest = hashlib.sha256(json.dumps(stored.facts, sort_keys=True).encode())
    for name, array in sorted(stored.arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _is_current(folder: Path, name: str) -> bool:
    try:
        return bool(_read_header(folder / HEADER)["folder"] == name)
    except CorpusError:
        return False


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CorpusError(f"{path}: no attribution index; {AGAIN}")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']!r}")
        revision = int(header["revision"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path}: damaged ({error}); {AGAIN}") from error
    if revision > REVISION:
        raise NewerRevision(f"{path}: revision {revision}; this Linernotes reads up to {REVISION}; update it")
    kinds = {"facts": dict, "files": dict, "folder": str}
    if not all(isinstance(header.get(name), kind) for name, kind in kinds.items()):
        raise CorpusError(f"{path}: damaged (incomplete); {AGAIN}")
    if "/" in header["folder"] or not header["folder"].startswith("arrays-"):
        raise CorpusError(f"{path}: damaged (folder {header['folder']!r}); {AGAIN}")
    return dict(header)


def _open_array(path: Path, sha256: str | None) -> NDArray[Any]:
    if not path.is_file():
        raise CorpusError(f"{path}: missing from the index; {AGAIN}")
    if sha256 is not None and file_sha256(path) != sha256:
        raise CorpusError(f"{path}: damaged: its SHA-256 is not the one in {HEADER}; {AGAIN}")
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise CorpusError(f"{path}: damaged: {error}; {AGAIN}") from error
    return array
