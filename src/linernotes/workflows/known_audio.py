"""The audio of known music: some seconds of a recording, for controls, plants and second looks.

A file counts as the recording only while it is what was indexed: its hash decides.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from linernotes.audio.excerpts import read_excerpt
from linernotes.audio.files import Audio, file_sha256, read_audio
from linernotes.errors import InputError
from linernotes.fingerprint.second_look import Listen
from linernotes.workflows.known_music import KnownMusic, KnownRecording


def excerpt_of(one: KnownRecording, start_s: float, end_s: float) -> Audio:
    """Return some seconds of a known recording.

    Raises
    ------
    InputError
        If its audio is not at hand, or changed since it was indexed.
    """
    if one.path is None:
        raise InputError(f"{one.name}: its audio is not at hand")
    if one.content_sha256 and file_sha256(one.path) != one.content_sha256:
        raise InputError(f"{one.path}: not the file that was indexed as {one.name}; index it again")
    return read_audio(one.path, allow_silence=True).excerpt(start_s, end_s)


def listening_to(known: KnownMusic) -> Listen:
    """Return what gives the audio of known recordings for second looks, and None where it is not at hand."""

    def listen(recording_id: str, start_s: float, end_s: float) -> Audio | None:
        one = known.recordings.get(recording_id)
        if one is None or one.path is None:
            return None
        try:
            return read_excerpt(one.path, start_s, end_s) if _is_still(one.path, one.content_sha256) else None
        except (InputError, OSError):
            return None

    return listen


@lru_cache(maxsize=4096)
def _is_still(path: Path, content_sha256: str) -> bool:
    return file_sha256(path) == content_sha256
