"""Catalogues of a size on disk: a segment for each thousand recordings, merged into one, opened memory-mapped.

What is built is kept under a folder named by the code that decides what an index holds; a size that was
interrupted goes on with the next segment.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.identify.material import Source, as_audio, decoded
from benchmarks.identify.multiply import Peaks, Stock, as_landmarks, made
from benchmarks.identify.systems import cpu_seconds
from linernotes.errors import TooShort
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import Landmarks, find_landmarks
from linernotes.fingerprint.spectrum import FRAME_S
from linernotes.fingerprint.storage.manifest import SegmentEntry
from linernotes.fingerprint.storage.merging import Source as Merged
from linernotes.fingerprint.storage.merging import merge_segments
from linernotes.fingerprint.storage.segment import Segment, open_segment, save_segment

Progress = Callable[[str, int, int], None]
PIECE = 1000  # recordings in one segment
N_STOCK = 3000  # made recordings whose quads are found; further ones are put together from these


def peaks_of(chosen: Sequence[Source]) -> Iterator[tuple[Any, Any, int]]:
    for one in chosen:
        try:
            found = find_landmarks(as_audio(decoded(one.path)))
        except TooShort:
            continue
        yield found.peak_times, found.peak_bands, found.n_frames


def built_index(
    folder: Path, size: int, home: Sequence[Source], peaks: Peaks, seed: int, progress: Progress
) -> tuple[Segment, dict[str, Any]]:
    """Return the index of a size, built or as kept on disk, and what it cost."""
    facts = folder / f"{size}.json"
    if not facts.is_file():
        begin = time.process_time()
        pieces = list(_pieces(folder, size, home, peaks, seed, progress))
        place = folder / f"catalogue-{size}"
        shutil.rmtree(place, ignore_errors=True)
        merged, merge_s = cpu_seconds(
            lambda: merge_segments(place, [Merged.of_segment(one) for one in pieces])
        )
        built = {
            "build_cpu_s": round(time.process_time() - begin, 2), "merge_cpu_s": round(merge_s, 2),
            "entry": {"name": place.name, "header_sha256": merged.header_sha256, "n_recordings": merged.n_recordings,
                      "n_frames": merged.n_frames, "n_bytes": merged.n_bytes},
        }  # fmt: skip
        facts.write_text(json.dumps(built) + "\n", encoding="utf-8")
    built = json.loads(facts.read_text(encoding="utf-8"))
    segment = open_segment(folder, SegmentEntry(**built["entry"]))
    hours = segment.index.n_frames * FRAME_S / 3600
    n_bytes = sum(file.n_bytes for file in segment.files)
    table = sum(file.n_bytes for file in segment.files if file.name.endswith("_starts"))
    return segment, {
        "hours": round(hours, 1), "bytes": n_bytes, "bytes_of_key_table": table,
        "bytes_per_hour": round(n_bytes / hours), "bytes_per_hour_without_key_table": round((n_bytes - table) / hours),
        "build_cpu_s": built["build_cpu_s"], "merge_cpu_s": built["merge_cpu_s"],
    }  # fmt: skip


def _pieces(
    folder: Path, size: int, home: Sequence[Source], peaks: Peaks, seed: int, progress: Progress
) -> Iterator[Segment]:
    """Give segments of up to a thousand recordings; the real ones come first."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, size, PIECE):
        last = min(size, first + PIECE)
        name = f"piece-{first}-{last}-{len(home)}-s{seed}"
        kept = folder / f"{name}.json"
        if not kept.is_file():
            shutil.rmtree(folder / name, ignore_errors=True)
            stock = _stock(folder, peaks, seed, progress) if last > N_STOCK else None
            index = FingerprintIndex.empty().add(list(_entries(range(first, last), home, peaks, stock, seed)))
            entry = save_segment(folder / name, index)
            kept.write_text(
                json.dumps({"name": name, "header_sha256": entry.header_sha256, "n_recordings": entry.n_recordings,
                            "n_frames": entry.n_frames, "n_bytes": entry.n_bytes}) + "\n", encoding="utf-8",
            )  # fmt: skip
        progress("recordings", last, size)
        yield open_segment(folder, SegmentEntry(**json.loads(kept.read_text(encoding="utf-8"))))


def _entries(
    numbers: range, home: Sequence[Source], peaks: Peaks, stock: Stock | None, seed: int
) -> Iterator[tuple[str, str, Landmarks]]:
    for number in numbers:
        if number < len(home):
            audio = as_audio(decoded(home[number].path))
            yield home[number].recording_id, "0" * 64, find_landmarks(audio)
        else:
            found = stock.remade(number, seed) if stock else as_landmarks(*made(peaks, number, seed))
            yield f"made-{number}", "0" * 64, found


@lru_cache(maxsize=1)
def _stock_at(path: Path) -> Stock:
    return Stock.load(path)


def _stock(folder: Path, peaks: Peaks, seed: int, progress: Progress) -> Stock:
    kept = folder / f"stock-{N_STOCK}-s{seed}.npz"
    if not kept.is_file():
        found = []
        for number in range(N_STOCK):
            found.append(as_landmarks(*made(peaks, number, seed)))
            if number % 100 == 0:
                progress("stock", number, N_STOCK)
        partial = kept.with_suffix(".partial.npz")
        Stock.of(found).save(partial)
        os.replace(partial, kept)
    return _stock_at(kept)
