"""What a system under test does: index recordings, and answer queries. Ours is here, `peers` has the others."""

from __future__ import annotations

import ast
import hashlib
import math
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

import linernotes.fingerprint
from benchmarks.identify.material import RATE, Samples, as_audio
from linernotes.audio.files import Audio
from linernotes.errors import TooShort
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.landmarks import find_landmarks
from linernotes.fingerprint.match import identify_audio

T = TypeVar("T")
DECLARED = 1e-4  # false matches per query
LOOSE = 1e-2  # asked of unrelated queries, to see whether rates mean what they say


@dataclass(frozen=True)
class Answer:
    """The best answer to one query.

    Parameters
    ----------
    recording_id : str
        What it names.
    query_s, reference_s : float
        A moment of the query, and where in the recording it is said to come from.
    score : float
        Higher is surer; for ours, minus the decimal logarithm of the false-match rate.
    accepted : bool
        Whether the system itself calls it a match.
    """

    recording_id: str
    query_s: float
    reference_s: float
    score: float
    accepted: bool


class Catalogue(Protocol):
    """Recordings that a system has indexed."""

    n_bytes: int
    extraction_cpu_s: float

    def ask(self, samples: Samples, *, unrelated: bool = False) -> Answer | None:
        """Return the best answer, accepted or not, to a query at 16 kHz."""
        ...


class System(Protocol):
    """A fingerprinter under test."""

    name: str
    identity: str  # program and version: answers of another identity are not reused
    decision: str  # what its own decision is

    def build(self, recordings: Mapping[str, Samples], folder: Path) -> Catalogue:
        """Index recordings at 16 kHz; files that it needs go into the folder."""
        ...


def cpu_seconds(call: Callable[[], T]) -> tuple[T, float]:
    """Return the result of a call and the CPU seconds of this process and its children."""
    begin = time.process_time() + _children()
    result = call()
    return result, time.process_time() + _children() - begin


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def index_bytes(index: Any) -> int:
    """Return the bytes of the arrays of an index, whatever they are called."""
    arrays = getattr(index, "arrays", None)
    if not isinstance(arrays, dict):
        from linernotes.fingerprint.index import ARRAYS

        arrays = {name: getattr(index, name) for name in ARRAYS}
    return int(sum(array.nbytes for array in arrays.values()))


def code_hash(*names: str) -> str:
    """Return twelve hexadecimal digits of what some modules of `linernotes.fingerprint` do."""
    folder = Path(linernotes.fingerprint.__file__).parent
    code = hashlib.sha256()
    for path in sorted(path for name in names for path in folder.glob(f"{name}.py")):
        code.update(meaning(path.read_text(encoding="utf-8")).encode())
    return code.hexdigest()[:12]


def meaning(source: str) -> str:
    r"""Return code without comments and docstrings: what decides whether earlier answers still hold.

    Examples
    --------
    >>> meaning("def f():\n    'Says one.'\n    return 1  # one") == meaning("def f():\n    return 1")
    True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


class LinernotesCatalogue:
    """A catalogue in our index, with the audio of its recordings at hand or not."""

    def __init__(self, recordings: Mapping[str, Samples], *, listens: bool = False) -> None:
        entries = []
        self.audio = {k: np.asarray(v * 32767, np.int16) for k, v in recordings.items()} if listens else {}
        self.extraction_cpu_s = 0.0
        for recording_id, samples in recordings.items():
            try:
                found, spent = cpu_seconds(lambda: find_landmarks(as_audio(samples)))  # noqa: B023
            except TooShort:
                continue
            self.extraction_cpu_s += spent
            entries.append((recording_id, "0" * 64, found))
        self.index = FingerprintIndex.empty().add(entries)
        self.n_bytes = index_bytes(self.index)

    def listen(self, recording_id: str, start_s: float, end_s: float) -> Audio | None:
        """Return what lies between two times of a recording."""
        samples = self.audio.get(recording_id)
        if samples is None:
            return None
        return as_audio(samples[round(start_s * RATE) : round(end_s * RATE)] / np.float32(32767))

    def ask(self, samples: Samples, *, unrelated: bool = False) -> Answer | None:
        """Return the first match at the declared rate, or at the loose one if the query is unrelated."""
        limit = LOOSE if unrelated else DECLARED
        listen = self.listen if self.audio else None
        try:
            matches = identify_audio(as_audio(samples), self.index, max_false_match_rate=limit, listen=listen)
        except TooShort:
            return None
        if not matches:
            return None
        best = min(matches, key=lambda one: one.false_match_rate) if unrelated else matches[0]
        middle = (best.query.start_s + best.query.end_s) / 2
        place = (best.reference.start_s + best.reference.end_s) / 2
        surety = -math.log10(max(1e-300, best.false_match_rate))
        return Answer(best.recording_id, middle, place, surety, best.false_match_rate <= DECLARED)


class Linernotes:
    """Ours.

    Parameters
    ----------
    listens : bool
        Whether the audio of the recordings is at hand for a second look; else the index alone answers.
    """

    decision = f"false-match rate at most {DECLARED:g}, as calibrated"

    def __init__(self, *, listens: bool = True) -> None:
        self.listens = listens
        self.name = "Linernotes" if listens else "Linernotes-index"
        heard = "" if listens else " without audio"
        self.identity = f"linernotes {version('linernotes')} {code_hash('*')}{heard}"

    def build(self, recordings: Mapping[str, Samples], folder: Path) -> LinernotesCatalogue:
        """Index the recordings in memory."""
        return LinernotesCatalogue(recordings, listens=self.listens)
