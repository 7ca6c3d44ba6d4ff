"""Imported fingerprints on disk: a folder of plain arrays that is exchanged at once.

A folder holds ``chromaprints.json`` (format, revision, checksums) and one sub-folder with the arrays, which
are memory-mapped, and ``entries.jsonl``, one line per recording. Saving writes a new sub-folder;
replacing the JSON file switches to it, so that readers see the old index or the new one, never a mixture.

Cost
----
Opening reads every byte once for its checksum (about a second per gigabyte); asking whether anything was
imported reads nothing but the name. Saving writes the whole index.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import file_sha256
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.fingerprint.chromaprint.index import ARRAYS, N_HALF, N_KEYS, Imported, PrintIndex, starts_of

HEADER = "chromaprints.json"
ENTRIES = "entries.jsonl"
FORMAT = "linernotes-chromaprints"
REVISION = 1

_AGAIN = "delete the folder and import the fingerprints again"


def has_index(folder: Path) -> bool:
    """Tell whether a folder holds imported fingerprints."""
    return (folder / HEADER).is_file()


def save_prints(index: PrintIndex, folder: Path) -> None:
    """Write the index; a folder that holds an older one switches to this one at the end, at once.

    Raises
    ------
    CorpusError
        If the folder cannot be written.
    """
    lines = [json.dumps(_line(entry), ensure_ascii=False, sort_keys=True) for entry in index.entries]
    text = "".join(line + "\n" for line in lines).encode()
    digest = hashlib.sha256(text)
    digest.update(np.ascontiguousarray(index.values).tobytes())
    final = folder / f"prints-{digest.hexdigest()[:16]}"
    partial = folder / f"{final.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if has_index(folder) and _names_folder(folder, final.name):
            return
        for debris in (partial, final):
            shutil.rmtree(debris, ignore_errors=True)
        partial.mkdir()
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", getattr(index, name))
        (partial / ENTRIES).write_bytes(text)
        os.replace(partial, final)
        _switch(folder, final)
    except OSError as error:
        raise CorpusError(
            f"{folder}: cannot be written ({error.strerror}); free space or choose a folder you may write to"
        ) from error
    for old in folder.glob("prints-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def open_prints(folder: Path, *, verify: bool = True) -> PrintIndex:
    """Return the index of a folder, memory-mapped.

    Raises
    ------
    CorpusError
        If nothing was imported, or a file is missing, damaged or does not fit the others; the message
        names the file.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    header = _read_header(folder / HEADER)
    inner = folder / str(header["folder"])
    for name, sha256 in header["files"].items():
        path = inner / name
        if not path.is_file():
            raise CorpusError(f"{path}: missing from the imported fingerprints; {_AGAIN}")
        if verify and file_sha256(path) != sha256:
            raise CorpusError(f"{path}: damaged: its SHA-256 is not the one in {HEADER}; {_AGAIN}")
    arrays = {name: _open_array(inner / f"{name}.npy", dtype) for name, dtype in ARRAYS.items()}
    entries = _read_entries(inner / ENTRIES)
    index = PrintIndex(entries, **arrays, starts=starts_of(entries))
    n = len(index.values)
    whole = (
        len(index.key_starts) == N_KEYS + 1
        and index.key_starts[N_HALF] == n
        and index.key_starts[-1] == len(index.postings) == 2 * n
        and index.starts[-1] == n
    )
    if not whole:
        raise CorpusError(f"{inner}: its files do not fit one another; {_AGAIN}")
    return index


def _line(entry: Imported) -> dict[str, Any]:
    return {
        "recording": entry.recording.as_json(),
        "duration_s": entry.duration_s,
        "algorithm": entry.algorithm,
        "first": entry.first,
        "n": entry.n,
    }


def _switch(folder: Path, final: Path) -> None:
    names = [f"{name}.npy" for name in ARRAYS] + [ENTRIES]
    header = {
        "format": FORMAT,
        "revision": REVISION,
        "folder": final.name,
        "files": {name: file_sha256(final / name) for name in names},
    }
    partial = folder / f"{HEADER}.partial"
    partial.write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, folder / HEADER)


def _names_folder(folder: Path, name: str) -> bool:
    try:
        return bool(_read_header(folder / HEADER)["folder"] == name)
    except CorpusError:
        return False


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CorpusError(
            f"{path}: no imported fingerprints; add some with 'linernotes catalog import-fingerprints'"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise ValueError(f"format '{header['format']}'")
        revision = int(header["revision"])
        files = dict(header["files"])
        folder = str(header["folder"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path}: damaged ({error}); {_AGAIN}") from error
    if revision > REVISION:
        raise NewerRevision(f"{path}: revision {revision}; this Linernotes reads up to {REVISION}; update it")
    if "/" in folder or {f"{name}.npy" for name in ARRAYS} | {ENTRIES} != files.keys():
        raise CorpusError(f"{path}: damaged: it names other files than an index has; {_AGAIN}")
    return {"folder": folder, "files": files}


def _open_array(path: Path, dtype: type) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):  # an empty array cannot be mapped
        array = _load_empty(path)
    if array.dtype != dtype or array.ndim != 1:
        raise CorpusError(
            f"{path}: holds {array.dtype} {array.shape}; expected a row of {np.dtype(dtype)}; {_AGAIN}"
        )
    return np.asarray(array)


def _load_empty(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise CorpusError(f"{path}: damaged: {error}; {_AGAIN}") from error


def _read_entries(path: Path) -> tuple[Imported, ...]:
    entries = []
    first = 0
    # not splitlines(): a title may hold a line separator of its own
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            held = json.loads(line)
            recording = Recording.from_json(held["recording"])
            entry = Imported(
                recording, float(held["duration_s"]), held["algorithm"], held["first"], held["n"]
            )
        except (ValueError, KeyError, TypeError, InputError) as error:
            raise CorpusError(f"{path}: line {number}: damaged ({error}); {_AGAIN}") from error
        if entry.first != first:
            raise CorpusError(f"{path}: line {number}: its fingerprint does not follow the last; {_AGAIN}")
        first += entry.n
        entries.append(entry)
    return tuple(entries)
