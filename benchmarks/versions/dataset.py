"""Version groups for the benchmark: real ones, transformed recordings, renders of notation.

A *piece* belongs to a work; pieces of one work are versions of each other. Works are split into ``dev``
(everything that any constant was chosen or fitted on) and ``test`` (reported, never tuned on); no work is in
both. Performers and composers may be: the seven groups of stem mixes are one artist's album.
"""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from render.additive import RATE, Style, read_midi, render

from linernotes.audio.files import Audio, read_audio, write_audio
from linernotes.versions.background import bundled_background

SONGS = {"dev": range(1, 41), "test": range(601, 660)}
# Alignment constants were chosen on the first twelve groups, weights on these and every second one after.
UNTOUCHED_GROUPS = ("vg17", "vg19", "vg21", "vg23")
OUT_OF_REACH = ("vg10", "vg11")  # slowed fourfold, and played backwards: stated limits, not fitted on
SECONDS = 60.0


@dataclass(frozen=True)
class Piece:
    """One recording of one work; ``kind`` says how it came about."""

    collection: str
    work: str
    kind: str
    audio: Audio
    artist: str = ""  # empty for renders of notation


def pieces(root: Path, split: str, size: int) -> Iterator[Piece]:
    """Yield the pieces of a split; *size* scales every collection but the real groups, which come whole."""
    if (root / "audio/manifest.csv").is_file():
        yield from real_groups(root / "audio", split)
        yield from transformed(root / "audio", split, size)
    if (root / "symbolic/pop909").is_dir():
        yield from arranged(root / "symbolic/pop909", split, size)
    if (root / "symbolic/asap/performances.csv").is_file():
        yield from performed(root / "symbolic/asap", split, size)


def real_groups(folder: Path, split: str) -> Iterator[Piece]:
    """Edits, remixes, revisions and stem mixes listed in ``version_groups.csv``."""
    artists = {row["file"]: row["artist_id"] for row in _rows(folder / "manifest.csv")}
    for row in _rows(folder / "version_groups.csv"):
        group = row["group_id"]
        if (group in UNTOUCHED_GROUPS) == (split == "test"):
            audio = _first(read_audio(folder / row["file"]), SECONDS)
            yield Piece("real", group, row["relation"], audio, artists[row["file"]])


def transformed(folder: Path, split: str, size: int) -> Iterator[Piece]:
    """Yield recordings outside every group and the background, changed in one known way each.

    The first *size* recordings come with their changed copies, four times as many stand beside them
    unchanged.
    """
    inside = set(bundled_background().names)
    rows = _rows(folder / "manifest.csv")
    # Single stems belong to the songs of the real groups, which are split elsewhere, and share file names.
    free = [r for r in rows if not r["version_group"] and not r["file"].startswith("stems/")]
    long = [r for r in free if Path(r["file"]).stem not in inside and float(r["duration_s"]) >= 45]
    rows = _artists_in_turn(long[{"dev": 0, "test": 1}[split] :: 2])
    for at, row in enumerate(rows[: 5 * size]):
        work, artist = Path(row["file"]).stem, row["artist_id"]
        audio = _first(read_audio(folder / row["file"], RATE), SECONDS)
        yield Piece("transformed", work, "original", audio, artist)
        if at >= size:
            continue
        telephone = Audio(soxr.resample(audio.samples, RATE, 8000), 8000)
        yield Piece("transformed", work, "re-encoded", _reencoded(audio), artist)
        yield Piece("transformed", work, "8 kHz", telephone, artist)
        yield Piece("transformed", work, "+2 semitones", changed(audio, 1.0, 2), artist)
        yield Piece("transformed", work, "-2 semitones", changed(audio, 1.0, -2), artist)
        yield Piece("transformed", work, "10 % slower", changed(audio, 1.1, 0), artist)
        yield Piece("transformed", work, "10 % faster", changed(audio, 0.9, 0), artist)
        yield Piece("transformed", work, "12 s excerpt", audio.excerpt(20, 32), artist)


def _artists_in_turn(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Order rows so that every artist comes once before any comes twice."""
    turns: Counter[str] = Counter()
    keyed = []
    for row in rows:
        turns[row["artist_id"]] += 1
        keyed.append((turns[row["artist_id"]], row))
    return [row for _, row in sorted(keyed, key=lambda entry: entry[0])]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def arranged(folder: Path, split: str, size: int) -> Iterator[Piece]:
    """POP909 songs: two arrangements, the melody alone, and 14 s quoted inside another song."""
    random = np.random.default_rng(909)
    songs = [s for s in SONGS[split] if (folder / f"{s:03d}/{s:03d}.mid").is_file()][:size]
    notes = {s: read_midi(folder / f"{s:03d}/{s:03d}.mid") for s in songs}
    for at, song in enumerate(songs):
        key, speed = int(random.integers(-5, 7)), float(random.uniform(0.78, 1.3))
        style = Style(key, speed, float(random.uniform(0.3, 2.5)), ("MELODY", "PIANO"), True, song)
        alone = Style(
            int(random.integers(-5, 7)), float(random.uniform(0.85, 1.2)), 0.6, ("MELODY",), False, song
        )
        start = float(random.uniform(8, 25))
        yield Piece("arranged", f"pop{song}", "full", render(notes[song], Style(seed=song), 8))
        yield Piece("arranged", f"pop{song}", "other arrangement", render(notes[song], style, start))
        yield Piece("arranged", f"pop{song}", "melody alone", render(notes[song], alone, start))
        host = render(notes[songs[at - 1]], Style(decay=1.3, seed=song), 40, 46).samples
        quote = render(notes[song], Style(2, 1.05, 1.7, seed=song), 25, 14).samples
        cut = 20 * RATE
        spliced = Audio(np.concatenate([host[:cut], quote, host[cut:]]), RATE)
        yield Piece("arranged", f"pop{song}", f"14 s quoted in pop{songs[at - 1]}", spliced)


def performed(folder: Path, split: str, size: int) -> Iterator[Piece]:
    """ASAP: two human performances of a work, in two keys and timbres."""
    rows = _rows(folder / "performances.csv")
    works: dict[str, list[str]] = {}
    for row in rows:
        works.setdefault(row["work"], []).append(row["performance"])
    repeated = sorted(work for work, played in works.items() if len(played) >= 2)
    random = np.random.default_rng(1067)
    order = [repeated[i] for i in random.permutation(len(repeated))]
    for work in order[{"dev": 0, "test": 1}[split] :: 2][:size]:
        for path in works[work][:2]:
            style = Style(int(random.integers(-5, 7)), 1.0, float(random.uniform(0.5, 2)))
            yield Piece("performed", work, "performance", render(read_midi(folder / path), style))


def changed(audio: Audio, slower: float, semitones: float) -> Audio:
    """Stretch by a phase vocoder and shift pitch by resampling (Flanagan and Golden 1966)."""
    n_fft, hop, pitch = 1024, 256, 2 ** (semitones / 12)
    window = np.hanning(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio.samples, n_fft), n_fft)[::hop] * window
    spectrum = np.fft.rfft(frames, axis=1)
    at = np.arange(0, len(spectrum) - 2, 1 / (slower * pitch))
    low = at.astype(int)
    part = (at - low)[:, None]
    magnitude = (1 - part) * np.abs(spectrum[low]) + part * np.abs(spectrum[low + 1])
    advance = 2 * np.pi * hop * np.arange(n_fft // 2 + 1) / n_fft
    change = np.angle(spectrum[low + 1]) - np.angle(spectrum[low]) - advance
    change -= 2 * np.pi * np.round(change / (2 * np.pi))
    waves = np.fft.irfft(magnitude * np.exp(1j * np.cumsum(change + advance, axis=0)), axis=1) * window
    out = np.zeros(len(waves) * hop + n_fft, np.float32)
    for i, wave in enumerate(waves):
        out[i * hop : i * hop + n_fft] += wave.astype(np.float32)
    if semitones:
        out = soxr.resample(out, audio.sample_rate * pitch, audio.sample_rate)
    return Audio((0.7 * out / max(float(np.abs(out).max()), 1e-6)).astype(np.float32), audio.sample_rate)


def _reencoded(audio: Audio) -> Audio:
    with tempfile.TemporaryDirectory() as folder:
        write_audio(Path(folder) / "copy.mp3", audio)
        return read_audio(Path(folder) / "copy.mp3")


def _first(audio: Audio, seconds: float) -> Audio:
    return audio.excerpt(0, min(seconds, audio.duration_s))
