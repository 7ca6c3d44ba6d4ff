"""Where the audio of reference recordings lies: as the caller says, or found by the file's stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from linernotes.catalog.recording import Recording, unique_ids
from linernotes.errors import InputError


def audio_places(
    recordings: Sequence[Recording], audio_dir: Path, files: Mapping[str, Path | str] | None
) -> dict[str, Path]:
    """Return the audio file of each recording, as `Workspace.add_recordings` was told or by its stem.

    Raises
    ------
    InputError
        If a recording has no audio file.
    """
    known = files if files is not None else by_stem(audio_dir)
    places = {}
    for recording in recordings:
        place = known.get(recording.recording_id)
        if place is None or not (audio_dir / place).is_file():
            raise InputError(
                f"recording {recording.recording_id!r}: no audio file of that name in {audio_dir}; "
                "put the file there or take the line out of the metadata table"
            )
        places[recording.recording_id] = audio_dir / place
    return places


def by_stem(audio_dir: Path) -> dict[str, Path]:
    """Return the audio files below a folder by the recording id that their path gives."""
    from linernotes.audio.files import AUDIO_SUFFIXES

    paths = (path for path in audio_dir.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    ids = unique_ids(path.relative_to(audio_dir).as_posix() for path in paths)
    return {recording_id: Path(path) for path, recording_id in ids.items()}
