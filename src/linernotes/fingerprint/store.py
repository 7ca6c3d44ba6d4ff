"""The index on disk: a folder of plain arrays that is exchanged at once.

A folder holds ``fingerprints.json`` (format, revision, recordings, checksums) and one sub-folder of
arrays, which are memory-mapped. Saving writes a new sub-folder; replacing the JSON file switches to it,
so that readers see the old index or the new one, never a mixture.

Cost
----
Opening reads every byte once for its checksum (about a second per gigabyte; ``verify=False`` trusts the
file system). Saving writes the whole index.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linernotes.audio.files import file_sha256
from linernotes.errors import CorpusError, NewerRevision
from linernotes.fingerprint import landmarks as settings
from linernotes.fingerprint.index import ARRAYS, N_KEYS, FingerprintIndex, IndexedRecording

HEADER = "fingerprints.json"
FORMAT = "linernotes-fingerprints"
REVISION = 1


def save_index(index: FingerprintIndex, folder: Path) -> None:
    """Write the index; a folder that holds an older one switches to this one at the end, at once."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = _digest(index)
    final, partial = folder / f"arrays-{digest}", folder / f"arrays-{digest}.partial"
    if _is_current(folder, final.name):
        return
    for debris in (partial, final):
        shutil.rmtree(debris, ignore_errors=True)
    partial.mkdir()
    for name in ARRAYS:
        np.save(partial / f"{name}.npy", getattr(index, name))
    os.replace(partial, final)
    header = {
        "format": FORMAT,
        "revision": REVISION,
        "parameters": _parameters(),
        "folder": final.name,
        "files": {f"{name}.npy": file_sha256(final / f"{name}.npy") for name in ARRAYS},
        "recordings": [asdict(recording) for recording in index.recordings],
    }
    partial_header = folder / f"{HEADER}.partial"
    partial_header.write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial_header, folder / HEADER)
    for old in folder.glob("arrays-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def open_index(folder: Path, *, verify: bool = True) -> FingerprintIndex:
    """Return the index of a folder, memory-mapped.

    Raises
    ------
    CorpusError
        If the folder holds no index, or a file of it is missing, damaged or inconsistent; the
        message names the file.
    NewerRevision
        If a newer revision of Linernotes wrote it.
    """
    header = _read_header(folder / HEADER)
    again = "delete the folder and index the recordings again"
    arrays = {}
    for name, dtype in ARRAYS.items():
        path = folder / str(header["folder"]) / f"{name}.npy"
        arrays[name] = _open_array(path, dtype, header["files"].get(path.name) if verify else None)
    try:
        recordings = tuple(IndexedRecording(**entry) for entry in header["recordings"])
    except TypeError as error:
        raise CorpusError(f"{folder / HEADER}: damaged ({error}); {again}") from error
    index = FingerprintIndex(recordings, **arrays)
    if len(index.key_starts) != N_KEYS + 1 or index.key_starts[-1] != len(index.postings):
        raise CorpusError(f"{folder}: key_starts.npy does not fit postings.npy; index the recordings again")
    if len(index.peak_times) != len(index.peak_bands):
        raise CorpusError(f"{folder}: peak_bands.npy does not fit peak_times.npy; index the recordings again")
    return index


def _digest(index: FingerprintIndex) -> str:
    digest = hashlib.sha256(json.dumps([asdict(r) for r in index.recordings]).encode())
    digest.update(np.ascontiguousarray(index.postings).tobytes())
    return digest.hexdigest()[:16]


def _parameters() -> dict[str, Any]:
    return {
        "sample_rate": settings.SAMPLE_RATE,
        "hop_length": settings.HOP_LENGTH,
        "frame_length": settings.FRAME_LENGTH,
        "lowest_hz": settings.LOWEST_HZ,
        "n_bands": settings.N_BANDS,
        "max_interval": settings.MAX_INTERVAL,
        "delays": [settings.MIN_DELAY, settings.MAX_DELAY],
        "density": asdict(settings.REFERENCE) | {"neighbourhood": list(settings.REFERENCE.neighbourhood)},
    }


def _is_current(folder: Path, name: str) -> bool:
    try:
        return bool(_read_header(folder / HEADER)["folder"] == name)
    except CorpusError:
        return False


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CorpusError(
            f"{path}: no fingerprint index; index recordings first with 'linernotes catalog add'"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT:
            raise ValueError(f"format '{header['format']}'")
        revision = int(header["revision"])
        complete = {"folder", "files", "recordings", "parameters"} <= header.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path}: damaged ({error}); delete the folder and index the recordings again"
        ) from error
    if revision > REVISION:
        raise NewerRevision(f"{path}: revision {revision}; this Linernotes reads up to {REVISION}; update it")
    if not complete or header["parameters"] != _parameters():
        raise CorpusError(
            f"{path}: made with other landmark settings or incomplete; "
            "delete the folder and index the recordings again"
        )
    return dict(header)


def _open_array(path: Path, dtype: type, sha256: str | None) -> NDArray[Any]:
    again = "delete the folder and index the recordings again"
    if not path.is_file():
        raise CorpusError(f"{path}: missing from the fingerprint index; {again}")
    if sha256 is not None and file_sha256(path) != sha256:
        raise CorpusError(f"{path}: damaged: its SHA-256 is not the one in {HEADER}; {again}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise CorpusError(f"{path}: damaged: {error}; {again}") from error
    if array.dtype != dtype or array.ndim != 1:
        raise CorpusError(
            f"{path}: holds {array.dtype} {array.shape}; expected a row of {np.dtype(dtype)}; {again}"
        )
    return np.asarray(array)
