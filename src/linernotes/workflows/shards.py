"""One question to several catalogues at once: `identify_in_shards`.

A catalogue too large for one machine, or kept by several owners, is several workspaces; each is filled by
``linernotes catalog add`` where its audio lies. They are searched as one.

Known limits
------------
Fingerprints that were imported without audio are searched in a single workspace only. Recordings in doubt whose audio
is not at hand are not listed, as `linernotes.workflows.identify` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.errors import InputError
from linernotes.execution import SerialRunner
from linernotes.execution.shards import Progress
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.landmarks import find_query
from linernotes.fingerprint.store import ShardedCatalogue
from linernotes.folds import Runner
from linernotes.workflows.catalogue import index_folder
from linernotes.workflows.recording_audio import RecordingAudio
from linernotes.workspace import Workspace

_BATCH = 64  # queries that travel to the shards together


def identify_in_shards(
    files: Sequence[Path | str],
    workspaces: Sequence[Path | str],
    *,
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    thorough: bool = False,
    second_look: bool = True,
    run: Runner | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Say which recordings of several catalogues each file holds.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, at least one second each.
    workspaces : sequence of Path or str
        Workspaces with a catalogue each; no recording id may be in two of them.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match, per file and over all catalogues.
    thorough : bool
        Whether to look at ten times as many postings: slower, for very large catalogues.
    second_look : bool
        Whether what is in doubt is looked at again in the audio of the recordings, where workers can read it.
    run : Runner, optional
        An engine of `linernotes.execution`; this process when not given.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        As `linernotes.workflows.identify.identify_files` gives it.

    Raises
    ------
    InputError
        If a file is no audio, or the limit is not a rate.
    TooShort
        If a file holds less than a second of sound.
    CorpusError
        If a workspace has no catalogue, an index is damaged, or two hold one recording id.
    """
    check_limit(max_false_match_rate)
    if not files:
        raise InputError("no files to identify; give at least one audio file")
    folders, names = [], {}
    for place in workspaces:
        with Workspace.open(place) as opened:
            folders.append(index_folder(opened))
            names.update({recording.recording_id: recording for recording in opened.recordings()})
    catalogue = ShardedCatalogue.open(folders)
    listen = RecordingAudio(workspaces) if second_look else None
    answers = []
    for first in range(0, len(files), _BATCH):
        batch = files[first : first + _BATCH]
        queries = [(str(file), find_query(read_audio(file), name=str(file))) for file in batch]
        found = catalogue.identify(
            queries,
            run or SerialRunner(1),
            max_false_match_rate=max_false_match_rate,
            thorough=thorough,
            listen=listen,
        )
        for file, matches in zip(batch, found, strict=True):
            described = [match.as_json() | _facts(names.get(match.recording_id)) for match in matches]
            answers.append({"query": str(file), "matches": described})
        if progress is not None:
            progress("identifying", len(answers), len(files))
    return answers


def _facts(recording: Any) -> dict[str, str]:
    return {"title": recording.title, "artist": recording.artist} if recording else {}
