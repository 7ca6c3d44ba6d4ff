"""Music from outside the corpus, to learn when the answer is "nobody in particular".

Null queries come from a folder that the caller names, or else from the workspace's catalogue: what it holds that the
generator was not trained on. The middle of each recording is taken, as long as the outputs it is compared with.

Assumptions
-----------
Recordings of a folder carry no words; recordings of the catalogue carry their own tags, as a prompt would.

Known limits
------------
What was trained on is known by file and by recording id. Another encoding of a trained recording under another name
is not recognised here: identify it first. Recordings by artists of the corpus are harder null queries than music by
strangers: with them, fewer outputs are credited.
"""

from __future__ import annotations

from pathlib import Path

from linernotes.attribution.base import Query
from linernotes.attribution.encoding import DisclosedGenerator, encode_query
from linernotes.attribution.statements.abstention import MIN_NULLS
from linernotes.audio.files import AUDIO_SUFFIXES, Audio, file_sha256, read_audio
from linernotes.errors import InputError
from linernotes.execution.shards import Progress
from linernotes.workspace import Workspace

MIN_OUTSIDE = MIN_NULLS + 1  # each is judged by the others


def outside_queries(
    generator: DisclosedGenerator,
    workspace: Workspace,
    folder: Path | None,
    n_segments: int,
    progress: Progress | None = None,
) -> list[Query]:
    """Return null queries of *n_segments* each (or of what a short recording holds), in the order of their names.

    Raises
    ------
    InputError
        If the folder is missing, holds a file that the generator was trained on, or there are too few recordings.
    TooShort
        If a recording holds less than one segment.
    """
    found = _found(generator, workspace, folder)
    queries = []
    for number, (name, path, words) in enumerate(found, start=1):
        audio = middle_of(read_audio(path, generator.sample_rate), n_segments * generator.segment_s)
        queries.append(encode_query(generator, name, audio, words))
        if progress is not None:
            progress("outside", number, len(found))
    return queries


def count_outside(generator: DisclosedGenerator, workspace: Workspace, folder: Path | None) -> int:
    """Return how many null queries there are to be, or raise as `outside_queries` does."""
    return len(_found(generator, workspace, folder))


def middle_of(audio: Audio, seconds: float) -> Audio:
    """Return the middle of a recording, or all of it where it is shorter.

    Examples
    --------
    >>> import numpy as np
    >>> middle_of(Audio(np.arange(6, dtype=np.float32), 1), 2.0).samples.tolist()
    [2.0, 3.0]
    """
    spare = audio.duration_s - seconds
    return audio if spare <= 0 else audio.excerpt(spare / 2, spare / 2 + seconds)


def _found(
    generator: DisclosedGenerator, workspace: Workspace, folder: Path | None
) -> list[tuple[str, Path, str]]:
    trained = {entry.content_sha256 for entry in generator.trained}
    found = _in_folder(folder) if folder is not None else _in_catalogue(workspace, generator)
    known = [path for _name, path, _words in found if file_sha256(path) in trained]
    if known and folder is not None:
        raise InputError(
            f"{known[0]}: the generator was trained on this file; recordings from outside must not be of the corpus"
        )
    found = [one for one in found if one[1] not in known]
    if len(found) < MIN_OUTSIDE:
        where = f"{folder}: holds" if folder is not None else "the catalogue of the workspace holds"
        raise InputError(
            f"{where} {len(found)} recordings from outside the corpus; at least {MIN_OUTSIDE} are needed to know when "
            "to say 'nobody in particular': name a folder of music that the generator was not trained on with "
            "--outside DIR, or add such recordings with 'linernotes catalog add'"
        )
    return found


def _in_folder(folder: Path) -> list[tuple[str, Path, str]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder; name one that holds recordings from outside the corpus")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    return [(path.relative_to(folder).as_posix(), path, "") for path in paths if path.is_file()]


def _in_catalogue(workspace: Workspace, generator: DisclosedGenerator) -> list[tuple[str, Path, str]]:
    trained = {entry.item_id for entry in generator.trained}
    return [
        (one.recording_id, workspace.recording_audio(one.recording_id), " ".join(one.tags))
        for one in sorted(workspace.recordings(), key=lambda one: one.recording_id)
        if one.recording_id not in trained
    ]
