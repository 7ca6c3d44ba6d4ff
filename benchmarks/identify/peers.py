"""Other people's fingerprinters, started as they come, with their defaults.

`Chromaprint` is the program ``fpcalc`` (Debian: ``libchromaprint-tools``). It makes fingerprints; comparing
them is left to its users. They are compared bit by bit at the best alignment, as AcoustID does it; there is
no decision of its own. `Audfprint` and `Olaf` are checkouts given by path; nothing of them is in this
repository. Panako was not run: see ``README.md``.

Conventions
-----------
Audio goes in at 16 kHz (audfprint: 11,025 Hz, its own rate, resampled before its clock starts), 16 bits
for ``fpcalc``, floating point for Olaf. CPU seconds of started programs count, their start-up too.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numba import njit
from numpy.typing import NDArray

from benchmarks.identify.material import RATE, Samples
from benchmarks.identify.systems import Answer, cpu_seconds

FPCALC_HOP_S = 1365 / 11025  # of algorithm 2, in 1.5.1
MEMORY = Path("/dev/shm")  # noqa: S108 - short-lived files, kept off the disk where that is possible


@contextlib.contextmanager
def _file(samples: Samples, suffix: str) -> Iterator[Path]:
    """Give a file of the samples: WAV, or raw 32-bit floats."""
    with tempfile.NamedTemporaryFile(suffix=suffix, dir=MEMORY if MEMORY.is_dir() else None) as stream:
        if suffix == ".wav":
            soundfile.write(stream, samples, RATE, format="WAV", subtype="PCM_16")
        else:
            stream.write(np.ascontiguousarray(samples, np.float32).tobytes())
        stream.flush()
        yield Path(stream.name)


class ChromaprintCatalogue:
    """Raw fingerprints, one after another."""

    def __init__(self, recordings: Mapping[str, Samples]) -> None:
        self.names, prints = list(recordings), []
        self.extraction_cpu_s = 0.0
        for samples in recordings.values():
            found, spent = cpu_seconds(lambda: fpcalc(samples))  # noqa: B023
            prints.append(found)
            self.extraction_cpu_s += spent
        self.starts = np.concatenate([[0], np.cumsum([len(one) for one in prints])])
        self.prints = np.concatenate(prints)
        self.n_bytes = self.prints.nbytes

    def ask(self, samples: Samples, *, unrelated: bool = False) -> Answer | None:
        """Return the best alignment: its share of equal bits is the score."""
        query = fpcalc(samples)
        if len(query) == 0:
            return None
        place, errors = best_alignment(query, self.prints, self.starts)
        if place < 0:
            return None
        recording = int(np.searchsorted(self.starts, place, side="right")) - 1
        at = float(place - self.starts[recording]) * FPCALC_HOP_S
        return Answer(self.names[recording], 0.0, at, 1 - errors / (32 * len(query)), accepted=False)


def fpcalc(samples: Samples) -> NDArray[np.uint32]:
    """Return the raw fingerprint."""
    with _file(samples, ".wav") as path:
        done = subprocess.run(
            ["fpcalc", "-raw", "-plain", "-length", "100000", path],
            capture_output=True,
            text=True,
            check=False,
        )
    words = done.stdout.strip()
    return np.array([int(word) for word in words.split(",")] if words else [], np.uint32)


@njit(cache=True)
def best_alignment(
    query: NDArray[np.uint32], prints: NDArray[np.uint32], starts: NDArray[np.int64]
) -> tuple[int, int]:
    """Return the place with the fewest different bits, the query lying whole in one recording."""
    best_place, fewest = -1, 32 * len(query) + 1
    for owner in range(len(starts) - 1):
        for place in range(starts[owner], starts[owner + 1] - len(query) + 1):
            errors = 0
            for k in range(len(query)):
                bits = query[k] ^ prints[place + k]
                bits = bits - ((bits >> np.uint32(1)) & np.uint32(0x55555555))
                bits = (bits & np.uint32(0x33333333)) + ((bits >> np.uint32(2)) & np.uint32(0x33333333))
                bits = (bits + (bits >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
                errors += int((bits * np.uint32(0x01010101)) & np.uint32(0xFFFFFFFF)) >> 24
                if errors >= fewest:
                    break
            if errors < fewest:
                best_place, fewest = place, errors
    return best_place, fewest


class Chromaprint:
    """Chromaprint by its command line."""

    name = "Chromaprint"
    decision = "none of its own"

    def __init__(self) -> None:
        if shutil.which("fpcalc") is None:
            raise FileNotFoundError("fpcalc is not installed (Debian: apt-get install libchromaprint-tools)")
        told = subprocess.run(["fpcalc", "-version"], capture_output=True, text=True, check=True)
        self.identity = told.stdout.strip()

    def build(self, recordings: Mapping[str, Samples], folder: Path) -> ChromaprintCatalogue:
        """Fingerprint the recordings."""
        return ChromaprintCatalogue(recordings)


class AudfprintCatalogue:
    """A hash table of audfprint."""

    def __init__(self, modules: Mapping[str, Any], recordings: Mapping[str, Samples]) -> None:
        self.modules = modules
        self.table = modules["hash_table"].HashTable(hashbits=20, depth=100, maxtime=1 << 14)
        self.matcher = modules["audfprint_match"].Matcher()
        self.matcher.window, self.matcher.threshcount = 2, 5  # as the command line sets them
        self.extraction_cpu_s = 0.0
        for recording_id, samples in recordings.items():
            hashes, spent = self._hashes(samples, shifts=1)
            self.table.store(recording_id, hashes)
            self.extraction_cpu_s += spent
        kept = np.minimum(self.table.counts, self.table.depth)
        self.n_bytes = int(4 * kept.sum())  # of entries; the table that holds them is 419 MB in any case

    def _hashes(self, samples: Samples, shifts: int) -> tuple[Any, float]:
        analyzer = self.modules["audfprint_analyze"].Analyzer(density=20.0)
        analyzer.shifts = shifts
        resampled = np.asarray(soxr.resample(samples, RATE, 11025), np.float32)
        # the reader of the checkout needs ffmpeg; it is handed the samples that ffmpeg would have read
        self.modules["audio_read"].audio_read = lambda *_args, **_kwargs: (resampled, 11025)
        with contextlib.redirect_stdout(io.StringIO()):
            return cpu_seconds(lambda: analyzer.wavfile2hashes("samples.wav"))

    def ask(self, samples: Samples, *, unrelated: bool = False) -> Answer | None:
        """Return the recording with most aligned hashes."""
        hashes, _ = self._hashes(samples, shifts=4)
        if len(hashes) == 0:
            return None
        found = self.matcher.match_hashes(self.table, hashes)
        if len(found) == 0:
            return None
        recording, count, skew = (int(found[0][k]) for k in range(3))
        return Answer(self.table.names[recording], 0.0, skew * 256 / 11025, count, count >= 5)


class Audfprint:
    """audfprint, from a checkout; its modules are imported from there."""

    name = "audfprint"
    decision = "at least 5 aligned hashes (default)"

    def __init__(self, checkout: Path) -> None:
        if not (checkout / "audfprint_match.py").is_file():
            raise FileNotFoundError(f"{checkout}: no audfprint_match.py; give a checkout of audfprint")
        sys.path.insert(0, str(checkout))
        import importlib

        names = ("audio_read", "audfprint_analyze", "audfprint_match", "hash_table")
        self.modules = {name: importlib.import_module(name) for name in names}
        self.identity = f"audfprint {_commit(checkout)}"

    def build(self, recordings: Mapping[str, Samples], folder: Path) -> AudfprintCatalogue:
        """Fill a hash table."""
        return AudfprintCatalogue(self.modules, recordings)


class OlafCatalogue:
    """A database of Olaf, in a home folder of its own."""

    def __init__(self, program: Path, recordings: Mapping[str, Samples], home: Path) -> None:
        self.program, self.home = program, home
        database = home / ".olaf" / "db"
        shutil.rmtree(database, ignore_errors=True)
        database.mkdir(parents=True)
        self.extraction_cpu_s = 0.0
        for recording_id, samples in recordings.items():
            with _file(samples, ".raw") as path:
                _, spent = cpu_seconds(lambda: self._run("store", path, recording_id))  # noqa: B023
            self.extraction_cpu_s += spent
        self.n_bytes = sum(file.stat().st_blocks * 512 for file in database.glob("*.mdb"))

    def _run(self, command: str, path: Path, name: str) -> str:
        environment = os.environ | {"HOME": str(self.home)}
        done = subprocess.run(
            [self.program, command, path, name], capture_output=True, text=True, env=environment, check=True
        )
        return done.stdout

    def ask(self, samples: Samples, *, unrelated: bool = False) -> Answer | None:
        """Return the recording with most aligned fingerprints."""
        with _file(samples, ".raw") as path:
            told = self._run("query", path, "query")
        rows = [line.split(", ") for line in told.splitlines() if line[:1].isdigit()]
        rows = [row for row in rows if len(row) == 7 and int(row[0]) > 0]
        if not rows:
            return None
        best = max(rows, key=lambda row: int(row[0]))
        return Answer(best[3], float(best[1]), float(best[5]), float(best[0]), accepted=True)


class Olaf:
    """Olaf's core program, from a checkout where ``make compile_core`` was run."""

    name = "Olaf"
    decision = "at least 6 aligned fingerprints (default)"

    def __init__(self, checkout: Path) -> None:
        self.program = checkout / "bin" / "olaf_core"
        if not self.program.is_file():
            raise FileNotFoundError(
                f"{self.program}: missing; run 'make compile_core' in the checkout of Olaf"
            )
        self.identity = f"Olaf {_commit(checkout)}"

    def build(self, recordings: Mapping[str, Samples], folder: Path) -> OlafCatalogue:
        """Store the recordings in a database under the folder."""
        return OlafCatalogue(self.program, recordings, folder)


def _commit(checkout: Path) -> str:
    """Return the commit of a checkout, from git or from a file COMMIT beside it."""
    if (checkout / "COMMIT").is_file():
        return (checkout / "COMMIT").read_text(encoding="utf-8").strip()[:12]
    told = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "of an unknown commit"
