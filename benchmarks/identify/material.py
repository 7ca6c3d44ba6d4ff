"""Real music for the identification benchmarks: which files, whose, which part, and what is cut from them.

A folder of audio files is enough. Artists are told by a ``manifest.csv`` (columns ``file`` and
``artist_id``) or by file names of the form ``artist__title.ogg``. Artists, not files, are split into four
parts: what is called unrelated is never by the same artist, and what lies under or around a query is
by an artist of neither side.

Rules
-----
- Parts 0 and 1 are for development, 2 and 3 for reports.
- Files in a folder ``stems`` are tracks of recordings: neither indexed nor asked.
- An excerpt is used when four fifths of its tenths of a second are louder than -60 dB of full scale.
- Version groups (`version_groups.csv`, columns ``group_id`` and ``file``) name recordings that share audio.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.identify.distort import CONDITIONS, RATE, Condition, Samples
from linernotes.audio.files import AUDIO_SUFFIXES, Audio, read_audio
from linernotes.errors import TooShort
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.second_look import Listen

__all__ = ["CONDITIONS", "RATE", "Condition", "Cut", "Samples", "Source", "as_audio", "build_index", "cuts"]
__all__ += [
    "audio_at_hand",
    "damaged",
    "excerpts",
    "interferers",
    "other_music",
    "part",
    "sources",
    "version_groups",
]

HOW_TO_GET = (
    "give a folder of music files named artist__title.ext, or set LINERNOTES_DATA to one; "
    "freely licensed music is at https://freemusicarchive.org and https://opengameart.org"
)
DEVELOPMENT, REPORT = (0, 1), (2, 3)
OTHER_S = 70.0  # of music by somebody else that a condition is given

_FRAME = RATE // 10
_QUIET = 1e-3
_TRIES = 8


@dataclass(frozen=True)
class Source:
    """One audio file and its artist."""

    path: Path
    artist: str

    @property
    def recording_id(self) -> str:
        """The file stem."""
        return self.path.stem

    @property
    def is_submix(self) -> bool:
        """Whether it is one track of a recording, not a recording."""
        return "stems" in self.path.parts


class Cut(NamedTuple):
    """A damaged excerpt and what is true of it."""

    source: Source
    start_s: float
    seconds: float
    condition: str
    samples: Samples

    def reference_s(self, query_s: float) -> float:
        """Return where in the recording a moment of the query comes from."""
        rule = CONDITIONS[self.condition]
        return self.start_s + (query_s - rule.begins * self.seconds) * rule.consumes


def sources(folder: str | None, *, submixes: bool = False) -> list[Source]:
    """Return every recording under the folder, in order; stop with a reason when there is none.

    With *submixes*, also the tracks of recordings: the grid draws its excerpts among all files and leaves
    out those of a submix afterwards.
    """
    place = folder or os.environ.get("LINERNOTES_DATA")
    if not place or not Path(place).is_dir():
        sys.exit(f"skipped: no music at {place!r}; {HOW_TO_GET}")
    root = Path(place)
    artists: dict[Path, str] = {}
    for manifest in root.rglob("manifest.csv"):
        with manifest.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if "file" in row and "artist_id" in row:
                    artists[(manifest.parent / row["file"]).resolve()] = row["artist_id"]
    files = sorted(p.resolve() for p in root.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    known = [Source(p, artists.get(p, p.stem.split("__")[0])) for p in files]
    listed = [
        one for one in known if (one.path in artists or not artists) and (submixes or not one.is_submix)
    ]
    if len({one.artist for one in listed}) < 8:
        sys.exit(
            f"skipped: {len(listed)} files under {root}; expected music by at least 8 artists; {HOW_TO_GET}"
        )
    return listed


def version_groups(folder: str | None) -> dict[str, str]:
    """Return the version group of each recording that shares audio with another one."""
    root = Path(folder or os.environ.get("LINERNOTES_DATA") or ".")
    found: dict[str, str] = {}
    for table in root.rglob("version_groups.csv"):
        with table.open(encoding="utf-8", newline="") as stream:
            found |= {Path(row["file"]).stem: row["group_id"] for row in csv.DictReader(stream)}
    return found


def part(artist: str) -> int:
    """Return the part, 0 to 3, that an artist belongs to: 0 and 1 for development, 2 and 3 for reports."""
    return hashlib.sha256(f"linernotes/{artist}".encode()).digest()[0] % 4


def audio_at_hand(chosen: Sequence[Source]) -> Listen:
    """Return what gives the audio of files for a second look, at the rate of the benchmark."""
    paths = {one.recording_id: one.path for one in chosen}

    def listen(recording_id: str, start_s: float, end_s: float) -> Audio:
        return as_audio(decoded(paths[recording_id])[round(start_s * RATE) : round(end_s * RATE)])

    return listen


def interferers(music: Sequence[Source], parts: tuple[int, ...]) -> list[Source]:
    """Return the music by artists of the other parts."""
    return [one for one in music if part(one.artist) not in parts]


def build_index(chosen: Sequence[Source]) -> FingerprintIndex:
    """Index the files under their stems; those without a landmark are passed over."""
    entries = []
    for one in chosen:
        try:
            entries.append((one.recording_id, "0" * 64, find_landmarks(read_audio(one.path))))
        except TooShort:
            continue
    return FingerprintIndex.empty().add(entries)


@lru_cache(maxsize=4)
def decoded(path: Path) -> Samples:
    """Return the samples at 16 kHz; kept on disk in the folder that LINERNOTES_BENCH_CACHE names."""
    cache = os.environ.get("LINERNOTES_BENCH_CACHE")
    if not cache:
        return read_audio(path, RATE, allow_silence=True).samples
    kept = Path(cache) / "decoded" / f"{path.stem}-{path.stat().st_size}.npy"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as stream:
            np.save(
                stream,
                np.clip(read_audio(path, RATE, allow_silence=True).samples * 32767, -32768, 32767).astype(
                    np.int16
                ),
            )
        os.replace(partial, kept)
    return np.asarray(np.load(kept), np.float32) / np.float32(32767)


def sounds(samples: Samples) -> bool:
    """Tell whether four fifths of an excerpt are louder than -60 dB of full scale."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return len(frames) > 0 and float((np.sqrt((frames**2).mean(axis=1)) > _QUIET).mean()) >= 0.8


def excerpts(
    chosen: Sequence[Source], seconds: float, count: int, seed: int, per_file: int = 1
) -> Iterator[tuple[Source, float, Samples]]:
    """Give excerpts with sound in them: file, start in seconds, samples at 16 kHz.

    Each file gives `per_file` of them before any file gives more; a file that is too short gives none.
    """
    rng = np.random.default_rng(seed)
    given, barren = 0, 0
    while given < count and barren < 2:
        before = given
        for place in rng.permutation(len(chosen)):
            samples = decoded(chosen[place].path)
            room = len(samples) - round(seconds * RATE)
            for _ in range(per_file if room > 0 and given < count else 0):
                found = next(
                    (
                        (start, piece)
                        for start in rng.integers(0, room, _TRIES)
                        if sounds(piece := samples[start : start + round(seconds * RATE)])
                    ),
                    None,
                )
                if found is not None and given < count:
                    given += 1
                    yield chosen[place], float(found[0]) / RATE, found[1]
        barren += given == before


def damaged(
    excerpt: Samples, seconds: float, condition: str, rng: np.random.Generator, other: Samples
) -> Samples:
    """Damage as much of an excerpt as gives a query of that length; the embedded one is three times as long."""
    rule = CONDITIONS[condition]
    wanted = round(seconds * RATE)
    needed = round(seconds * rule.consumes * RATE) + (0 if rule.consumes == 1 else RATE // 4)
    out = rule(excerpt[:needed], rng, other)
    return out[: wanted * 3 if rule.begins else wanted]


def cuts(
    chosen: Sequence[Source],
    others: Sequence[Source],
    condition: str,
    seconds: float,
    count: int,
    seed: int,
) -> Iterator[Cut]:
    """Give damaged excerpts: the same ones, damaged the same way, for the same seed.

    Parameters
    ----------
    chosen, others : sequence of Source
        What the excerpts are of, and by whom what lies under or around them is.
    condition : str
        A name in `CONDITIONS`.
    seconds : float
        Length of the query.
    count, seed : int
        How many, and which.
    """
    longest = seconds * CONDITIONS[condition].consumes + 0.25
    for number, (source, start, samples) in enumerate(excerpts(chosen, longest, count, seed)):
        rng = np.random.default_rng([seed, number])
        other = other_music(others, rng)
        yield Cut(source, start, seconds, condition, damaged(samples, seconds, condition, rng, other))


def other_music(others: Sequence[Source], rng: np.random.Generator) -> Samples:
    """Return music by others from a place where it sounds."""
    for _ in range(_TRIES):
        samples = decoded(others[int(rng.integers(len(others)))].path)
        first = int(rng.integers(max(1, len(samples) - round(OTHER_S * RATE))))
        piece = samples[first : first + round(OTHER_S * RATE)]
        if sounds(piece[: 5 * RATE]) and sounds(piece):
            return piece
    return piece


def as_audio(samples: Samples) -> Audio:
    """Return samples of the benchmark's rate as audio."""
    return Audio(np.ascontiguousarray(samples, np.float32), RATE)
