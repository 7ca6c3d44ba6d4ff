"""Arrays computed once per piece and kept beside the audio."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.versions.data.pool import Piece


def kept(piece: Piece, kind: str, make: Callable[[Path], npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return what *make* computes from the audio of a piece, from disk when it stands there."""
    path = piece.folder / "kept" / kind / f"{piece.name}.npy"
    if path.is_file():
        return np.asarray(np.load(path))
    array = make(piece.audio)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.save(stream, array)
    partial.replace(path)
    return array
