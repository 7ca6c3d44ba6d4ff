"""Extract the features of every piece of a split once, for everything that compares them.

    python -m benchmarks.versions.features_cache /tmp/linernotes-versions/dev

Tiers are interleaved and works kept together, so that what stands at any time is a fair sample of the split. Each piece
gives three files, written whole; a run that was stopped goes on. ``--worker 0 --workers 2`` and ``--worker 1
--workers 2`` share the pieces between two processes.

- ``CACHE/heard/SPLIT/ID.npz``: pitch grid, chroma (float16) and notes [shape=(n_notes, 4)]: onset, offset in seconds,
  pitch, amplitude. Costs about 1.1 CPU-s per minute of audio; does not depend on the line reader's weights.
- ``CACHE/onsets/SPLIT/ID.npy``: onset strength in bands (float16). Where only this is missing it costs 0.05 CPU-s.
- ``CACHE/features-REVISION/SPLIT/ID.npz``: harmony, melody, bass, rhythm (float16), ``clock`` (hop and duration in
  seconds) and ``melody_notes``, ``bass_notes``: which rows of ``notes`` lie on a line. Another 0.15 CPU-s.

`load_features` reads the third. ``--heard-only`` leaves it out; ``--limit N`` stops after so many pieces.
"""

from __future__ import annotations

import argparse
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versions.data.ledger import Ledger, Row
from linernotes.audio.files import read_audio
from linernotes.errors import LinernotesError
from linernotes.versions.features import FEATURES_REVISION, Features, features_of
from linernotes.versions.hearing import Hearing, hear
from linernotes.versions.notes.events import Note, bass_notes, melody_notes
from linernotes.versions.notes.grid import complete
from linernotes.versions.notes.lines import read_lines
from linernotes.versions.notes.transcription import Transcription
from linernotes.versions.rhythm import CELLS, N_BANDS, onset_strength

CACHE = Path(os.environ.get("LINERNOTES_BENCH_CACHE", "/tmp/linernotes-versions"))  # noqa: S108
_MEASURED_LAYERS = 4


def features_path(split: str, piece: str, revision: int = FEATURES_REVISION) -> Path:
    return CACHE / f"features-{revision}" / split / f"{piece}.npz"


def heard_path(split: str, piece: str) -> Path:
    return CACHE / "heard" / split / f"{piece}.npz"


def onsets_path(split: str, piece: str) -> Path:
    return CACHE / "onsets" / split / f"{piece}.npy"


def load_features(split: str, piece: str) -> Features:
    """Return the cached features of a piece; FileNotFoundError when it was not extracted yet."""
    with np.load(features_path(split, piece)) as stored:
        hop_s, duration_s = (float(value) for value in stored["clock"])
        harmony, melody, rhythm, bass = (
            stored[name].astype(np.float32) for name in ("harmony", "melody", "rhythm", "bass")
        )
    return Features(harmony, melody, rhythm, hop_s, duration_s, bass)


def load_heard(split: str, piece: str) -> tuple[Hearing, tuple[Note, ...]]:
    """Return what was heard in a piece (without the transcription's activations) and its notes.

    Onsets are empty where `listen` has not written them yet.
    """
    nothing = np.zeros((0, 88), np.float32)
    onsets = onsets_path(split, piece)
    with np.load(heard_path(split, piece)) as stored:
        found = tuple(Note(float(a), float(b), int(p), float(v)) for a, b, p, v in stored["notes"])
        heard = Hearing(
            transcription=Transcription(nothing, nothing, float(stored["clock"][1])),
            grid=complete(stored["grid"].astype(np.float32)),
            chroma=stored["chroma"].astype(np.float32),
            onsets=np.load(onsets).astype(np.float32)
            if onsets.exists()
            else np.zeros((0, N_BANDS), np.float32),
            notes=found,
            duration_s=float(stored["clock"][0]),
        )
    return heard, found


def listen(folder: Path, row: Row) -> None:
    """Write the first two files of a piece."""
    path, onsets = heard_path(folder.name, row["id"]), onsets_path(folder.name, row["id"])
    if path.exists() and onsets.exists():
        return
    audio = read_audio(folder / row["audio"])
    if path.exists():
        with np.load(path) as stored:
            n_frames = len(stored["chroma"])
        _write(onsets, onset_strength(audio, CELLS * n_frames).astype(np.float16))
        return
    heard = hear(audio)
    _write(onsets, heard.onsets.astype(np.float16))
    _write(
        path,
        grid=heard.grid[:_MEASURED_LAYERS].astype(np.float16),
        chroma=heard.chroma.astype(np.float16),
        notes=np.array(
            [(n.onset_s, n.offset_s, n.pitch, n.amplitude) for n in heard.notes], np.float32
        ).reshape(-1, 4),
        clock=np.array([heard.duration_s, heard.transcription.hop_s]),
    )


def describe(split: str, piece: str) -> None:
    """Write the third file of a piece; FileNotFoundError when `listen` has not written the others."""
    path = features_path(split, piece)
    if path.exists():
        return
    heard, found = load_heard(split, piece)
    if len(heard.onsets) == 0:
        raise FileNotFoundError(f"{onsets_path(split, piece)}: not there; call listen first")
    lines = read_lines(heard.grid)
    features = features_of(heard, lines)
    at = {note: row for row, note in enumerate(found)}
    _write(
        path,
        **{
            name: getattr(features, name).astype(np.float16)
            for name in ("harmony", "melody", "bass", "rhythm")
        },
        clock=np.array([features.hop_s, features.duration_s]),
        melody_notes=np.array([at[note] for note in melody_notes(found, lines)], np.int32),
        bass_notes=np.array([at[note] for note in bass_notes(found, lines)], np.int32),
    )


def interleaved(rows: list[Row]) -> list[Row]:
    """Return rows so that every stretch of the list holds all tiers in proportion."""
    tiers: dict[str, list[Row]] = {}
    for row in rows:
        tiers.setdefault(row["tier"], []).append(row)
    placed = [(at / len(tier), row["id"], row) for tier in tiers.values() for at, row in enumerate(tier)]
    return [row for _, _, row in sorted(placed, key=lambda item: item[:2])]


def _write(path: Path, array: np.ndarray | None = None, **arrays: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        if array is not None:
            np.save(stream, array)
        else:
            np.savez_compressed(stream, **arrays)
    os.replace(partial, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a split's folder, with pieces.jsonl")
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--tier", default=None)
    parser.add_argument("--heard-only", action="store_true")
    options = parser.parse_args()
    rows = [r for r in Ledger(options.folder).rows() if options.tier in (None, r["tier"])]
    rows = interleaved(rows)[: options.limit]
    started = time.process_time()
    for row in rows[options.worker :: options.workers]:
        try:
            listen(options.folder, row)
            if not options.heard_only:
                describe(options.folder.name, row["id"])
        except (LinernotesError, OSError, ValueError, zipfile.BadZipFile) as error:
            print(f"{row['id']}: {error}", flush=True)
    stand = sum(heard_path(options.folder.name, row["id"]).exists() for row in rows)
    print(f"{stand} of {len(rows)} pieces heard; {time.process_time() - started:.0f} CPU-s here", flush=True)


if __name__ == "__main__":
    main()
