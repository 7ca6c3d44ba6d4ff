"""Ask an AcoustID-style service which recordings some files hold. The only workflow that uses the network.

Conventions
-----------
Every file is decoded and fingerprinted before anything is sent, so a file that cannot be used costs no request.
Sent are the fingerprint of the first two minutes, the duration and the key; never audio or names of files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.acoustid import AcoustidClient, ServiceError
from linernotes.fingerprint.chromaprint.acoustid_answer import SCOPE_LOOKUP
from linernotes.fingerprint.chromaprint.extract import extract

Progress = Callable[[str, int, int], None]


def look_up_files(
    files: Sequence[Path | str], client: AcoustidClient, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Return what the service says about each file.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, whole recordings for preference.
    client : AcoustidClient
        The service and the key.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        ``query``, ``duration_s``, ``service``, ``results`` (best first: ``acoustid``, ``score``, ``recordings``
        with their MBIDs), ``error`` (None, or why the service gave no answer for this file) and ``scope``.

    Raises
    ------
    InputError
        If a file is no audio, or the service refuses the key.
    TooShort
        If a file holds less than 2.7 s.
    ServiceError
        If not even the first question is answered.
    """
    if not files:
        raise InputError("no files to look up; give at least one audio file")
    queries = []
    for n_done, file in enumerate(files, start=1):
        audio = read_audio(file)
        queries.append((str(file), extract(audio, name=str(file)), audio.duration_s))
        if progress is not None:
            progress("fingerprinting", n_done, len(files))
    answers: list[dict[str, Any]] = []
    for n_done, (name, fingerprint, duration_s) in enumerate(queries, start=1):
        answer: dict[str, Any] = {
            "query": name,
            "duration_s": round(duration_s, 3),
            "service": client.server,
            "results": [],
            "error": None,
            "scope": SCOPE_LOOKUP,
        }
        try:
            found = client.look_up(fingerprint, duration_s)
            answer["results"] = [result.as_json() for result in found.results]
        except ServiceError as error:
            if all(earlier["error"] for earlier in answers):
                raise
            answer["error"] = str(error)  # what was answered before is not thrown away
        answers.append(answer)
        if progress is not None:
            progress("asking the service", n_done, len(files))
    return answers
