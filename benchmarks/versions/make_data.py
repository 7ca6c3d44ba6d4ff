"""Render the pieces of a split.

    python benchmarks/versions/make_data.py DATA_FOLDER --split train [--worker 0 --workers 2] [--only TIER]

DATA_FOLDER (or the environment variable LINERNOTES_DATA) is described in README.md. Pieces go to ``SPLIT`` in
the folder that LINERNOTES_BENCH_CACHE names (``linernotes-versions`` among the temporary files when unset); what
stands there already is kept. Several workers may run at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.versions.data.arranged import song_folder, styles_of, version
from benchmarks.versions.data.controlled import KINDS, controlled, unrelated
from benchmarks.versions.data.ledger import Ledger, Row, cache_folder
from benchmarks.versions.data.performed import choose, performance, slug
from benchmarks.versions.data.quoted import BARS, host_alone, quoted
from benchmarks.versions.data.recordings import changed, free_recordings, original, real_groups, real_piece
from benchmarks.versions.data.splits import POP909, SPLITS, asap_works
from benchmarks.versions.render.song import Song, read_song

Job = Callable[[set[str]], Iterator[tuple[Row, np.ndarray]]]

# Works per split, versions of each, seconds of each.
ARRANGED = {"train": (560, 3, 70.0), "dev": (60, 3, 70.0), "test": (100, 4, 66.0)}
PERFORMED = {"train": (2, 70.0), "dev": (2, 70.0), "test": (3, 66.0)}
CONTROLLED = {"train": 120, "dev": 40, "test": 50}
MADE_KINDS = {"train": ("rhythm kept",), "dev": KINDS[:-1], "test": KINDS[:-1]}  # besides `unrelated`
QUOTED = {"dev": 40, "test": 60}
TRANSFORMED = {"dev": (20, 10), "test": (25, 15)}  # recordings, renders with all changes
STRANGERS = 40  # last songs of a split: hosts and unrelated pieces, not in the arranged tier


def arranged_jobs(root: Path, split: str) -> list[Job]:
    """One job for each song: all its versions."""
    n_songs, n_versions, seconds = ARRANGED[split]
    numbers = [n for n in POP909[split] if song_folder(root, n).is_dir()][:n_songs]

    def job(number: int) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            wanted = [f"pop909-{number:03d}-v{at}" for at in range(n_versions)]
            if done.issuperset(wanted):
                return
            song = read_song(song_folder(root, number))
            for at, style in enumerate(styles_of(song.work, n_versions)):
                if wanted[at] not in done:
                    made = version(song, style, at, seconds, is_test=split == "test")
                    yield made.row, made.samples

        return run

    return [job(number) for number in numbers]


def performed_jobs(root: Path, split: str) -> list[Job]:
    """One job for each work: all its performances."""
    folder = root / "symbolic/asap"
    if not (folder / "performances.csv").is_file():
        return []
    n_versions, seconds = PERFORMED[split]

    def job(work: str, rows: list[dict[str, str]]) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            chosen = choose(rows, work, n_versions)
            for at in range(len(chosen)):
                if f"{slug(work)}-p{at}" not in done:
                    yield performance(folder, chosen, at, seconds, is_test=split == "test")

        return run

    return [job(work, rows) for work, rows in asap_works(folder, split).items()]


def controlled_jobs(root: Path, split: str) -> list[Job]:
    """One job for each song: a piece of every controlled kind; for training what rhythm is fitted on."""
    seconds = ARRANGED[split][2]
    is_test = split == "test"
    numbers = list(POP909[split])
    songs, strangers = numbers[: CONTROLLED[split]], numbers[-STRANGERS:]

    def job(at: int) -> Job:
        number, other = songs[at], songs[(at + 7) % len(songs)]

        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            song, fitted = (read_song(song_folder(root, n)) for n in (number, other))
            for kind in MADE_KINDS[split]:
                name = f"{song.work}-{kind.replace(' ', '-')}-{other:03d}"
                if name not in done:
                    made = controlled(song, fitted, kind, seconds, is_test=is_test)
                    yield made.row, made.samples
            if any(name.startswith(f"{song.work}-unrelated-") for name in done):
                return
            made = unrelated(song, _stranger(root, song, strangers, at), seconds, is_test=is_test)
            yield made.row, made.samples

        return run

    return [job(at) for at in range(len(songs))]


def _stranger(root: Path, song: Song, strangers: list[int], at: int) -> Song:
    """Return a song of the same mode, another one for each song while they last."""
    turned = strangers[at % len(strangers) :] + strangers[: at % len(strangers)]
    songs = (read_song(song_folder(root, number)) for number in turned)
    return next(other for other in songs if other.mode == song.mode)


def quoted_jobs(root: Path, split: str) -> list[Job]:
    """One job for each song: quotations of it, and one host without."""
    if split == "train":
        return []
    is_test = split == "test"
    numbers = list(POP909[split])
    quotes, hosts = numbers[: QUOTED[split]], numbers[-STRANGERS:]

    def job(at: int) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            quote = read_song(song_folder(root, quotes[at]))
            for i, n_bars in enumerate(BARS):
                host = hosts[(at + 13 * i) % len(hosts)]
                if f"pop909-{host:03d}-quotes-{quotes[at]:03d}-{n_bars}" not in done:
                    whole = read_song(song_folder(root, host))
                    yield quoted(quote, whole, n_bars, ARRANGED[split][2], is_test=is_test)
            if at < len(hosts) and f"pop909-{hosts[at]:03d}-no-quote" not in done:
                yield host_alone(read_song(song_folder(root, hosts[at])), is_test=is_test)

        return run

    return [job(at) for at in range(len(quotes))]


def real_jobs(root: Path, split: str) -> list[Job]:
    """One job for each member of a version group."""
    if split == "train" or not (root / "audio/version_groups.csv").is_file():
        return []

    def job(name: str, row: Row, path: Path) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            if name not in done:
                yield real_piece(row, path)

        return run

    return [job(*found) for found in real_groups(root / "audio", split)]


def transformed_jobs(root: Path, split: str) -> list[Job]:
    """One job for each recording: it as it is, and for the first ones every change; then the same of renders."""
    if split == "train" or not (root / "audio/manifest.csv").is_file():
        return []
    n_changed, n_renders = TRANSFORMED[split]

    def job(at: int, name: str, artist: str, path: Path) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            row, samples = original(name, artist, path)
            if name not in done:
                yield row, samples
            if at < n_changed:
                yield from changed(name, name, artist, samples, done)

        return run

    def render_job(number: int) -> Job:
        def run(done: set[str]) -> Iterator[tuple[Row, np.ndarray]]:
            song = read_song(song_folder(root, number))
            made = version(song, "full", 0, ARRANGED[split][2], is_test=split == "test")
            yield from changed(f"{song.work}-v0", song.work, "", made.samples, done)

        return run

    recordings = free_recordings(root / "audio", split)
    jobs = [job(at, *found) for at, found in enumerate(recordings)]
    return jobs + [render_job(number) for number in POP909[split][:n_renders]]


TIERS: dict[str, Callable[[Path, str], list[Job]]] = {
    "arranged": arranged_jobs,
    "performed": performed_jobs,
    "controlled": controlled_jobs,
    "quoted": quoted_jobs,
    "real": real_jobs,
    "transformed": transformed_jobs,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("LINERNOTES_DATA"))
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--only", choices=tuple(TIERS))
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if not options.data or not Path(options.data).is_dir():
        print("skipped: no data folder; give its path, or set LINERNOTES_DATA (README.md says what it holds)")
        return
    ledger = Ledger(cache_folder() / options.split)
    done = ledger.ids()
    jobs = []
    for tier, make in TIERS.items():
        if options.only in (None, tier):
            jobs += make(Path(options.data), options.split)
    started, n_made = time.monotonic(), 0
    for job in jobs[options.worker :: options.workers]:
        for row, samples in job(done):
            ledger.add(row, samples)
            n_made += 1
            if n_made % 50 == 0:
                print(f"{n_made} pieces, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{n_made} pieces made, {time.process_time():.0f} CPU-seconds")


if __name__ == "__main__":
    main()
