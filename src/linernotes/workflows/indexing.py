"""Landmarks of many files on any engine, each kept as soon as it is there.

Extraction is a fold over files with one file per shard; the engines of `linernotes.execution` run it in this
process, in several, or on a cluster. The place where an engine keeps finished shards is here the journal of the
index: what was kept once is not computed again, and an engine that dies loses only the files in progress.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from linernotes.audio.files import file_sha256, read_audio
from linernotes.errors import InputError
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.fingerprint.landmarks import Landmarks, find_landmarks
from linernotes.fingerprint.spectrum import SAMPLE_RATE
from linernotes.folds import Runner

if TYPE_CHECKING:
    from linernotes.execution.resume import ShardStore

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FileToIndex:
    """One file of a catalogue.

    Parameters
    ----------
    recording_id : str
        Of the recording.
    file : str
        As the table names it: what errors say.
    path : str
        Where it lies, for every worker.
    known_sha256 : str or None
        Hash of the content that the index holds already.
    """

    recording_id: str
    file: str
    path: str
    known_sha256: str | None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of a file: landmarks, or a refusal, or neither when its content was known.

    Parameters
    ----------
    recording_id, file : str
        As they were asked for.
    content_sha256 : str
        Hash of the file; empty when it could not be read.
    landmarks : Landmarks or None
        None when the content is known or the file was refused.
    refused : str or None
        Why.
    """

    recording_id: str
    file: str
    content_sha256: str
    landmarks: Landmarks | None = None
    refused: str | None = None


@dataclass(frozen=True)
class ExtractLandmarks:
    """The fold: its states hold what was extracted, until somebody has taken it."""

    shard_size: ClassVar[int] = 1

    def start(self) -> tuple[Extracted, ...]:
        """Return nothing."""
        return ()

    def add(self, state: tuple[Extracted, ...], items: Sequence[FileToIndex]) -> tuple[Extracted, ...]:
        """Extract files."""
        return (*state, *(_extract(item) for item in items))

    def merge(self, left: tuple[Extracted, ...], right: tuple[Extracted, ...]) -> tuple[Extracted, ...]:
        """Return nothing: both sides were delivered, and all landmarks together would fill the memory."""
        return ()

    def finish(self, state: tuple[Extracted, ...]) -> None:
        """Return nothing."""


class Delivery:
    """Stands where an engine keeps finished shards, and hands each one on.

    Parameters
    ----------
    take : callable
        Called with each `Extracted`, in this process, as soon as it is there.
    """

    def __init__(self, take: Callable[[Extracted], None]) -> None:
        self._take = take

    def keys(self, fold: object, shards: Sequence[Sequence[FileToIndex]], name: str) -> list[str]:
        """Return one name per shard."""
        return [shard[0].recording_id for shard in shards]

    def has(self, key: str) -> bool:
        """Return False: what the index holds, the fold itself passes over."""
        return False

    def save(self, key: str, state: tuple[Extracted, ...]) -> None:
        """Hand on what a shard gave."""
        for one in state:
            self._take(one)

    def save_pickled(self, key: str, body: bytes) -> None:
        """Hand on what a worker gave."""
        self.save(key, pickle.loads(body))  # noqa: S301  (from our own worker)


@contextmanager
def extraction_engine(
    take: Callable[[Extracted], None],
    progress: Progress | None = None,
    *,
    n_workers: int = 1,
    ray_address: str | None = None,
) -> Iterator[Runner]:
    """Give the engine that extracts: this process, several, or a Ray cluster.

    Parameters
    ----------
    take : callable
        Called with each `Extracted` as soon as it is there; in order only with one worker.
    progress : callable, optional
        Called with a name, the number done, and the number in all.
    n_workers : int >= 1
        Processes on this machine.
    ray_address : str, optional
        Of a Ray cluster, such as ``auto``; then *n_workers* does not count.

    Raises
    ------
    InputError
        If *n_workers* is not positive, or there is no cluster at the address.
    MissingExtra
        If a Ray address is given and Ray is not installed.
    """
    store = cast("ShardStore", Delivery(take))  # what engines ask of a store, it has
    if n_workers < 1:
        raise InputError(f"{n_workers} workers: expected at least 1")
    if ray_address is not None:
        from linernotes.execution.ray import RayRunner

        with RayRunner(1, store, progress, address=ray_address) as cluster:
            yield cluster
    elif n_workers > 1:
        with ProcessRunner(n_workers, 1, store, progress) as processes:
            yield processes
    else:
        yield SerialRunner(1, store, progress)


def _extract(item: FileToIndex) -> Extracted:
    facts: dict[str, Any] = {"recording_id": item.recording_id, "file": item.file, "content_sha256": ""}
    try:
        facts["content_sha256"] = file_sha256(Path(item.path))
        if facts["content_sha256"] == item.known_sha256:
            return Extracted(**facts)
        audio = read_audio(Path(item.path), SAMPLE_RATE)
        return Extracted(**facts, landmarks=find_landmarks(audio, name=item.file))
    except InputError as error:
        return Extracted(**facts, refused=str(error))
