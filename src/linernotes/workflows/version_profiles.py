"""What comparing needs to know of a recording: made once per content, and refused where it would cost too much.

Known limits
------------
The length is known once a file is decoded, which for two hours of stereo takes some gigabytes by itself.
"""

from __future__ import annotations

from pathlib import Path

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError, TooShort
from linernotes.versions.features import features_of
from linernotes.versions.hearing import Hearing, hear
from linernotes.versions.notes.lines import Lines, read_lines
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, profile
from linernotes.workflows.version_collection import Held

LONGEST_S = 3600.0  # two recordings of an hour take 7 GB of memory and a minute to compare


def heard_music(audio: Audio, path: Path | str) -> tuple[Hearing, Lines]:
    """Return what is heard in a file's audio, and its lines; errors name the file.

    Raises
    ------
    InputError
        If the audio is longer than an hour.
    TooShort
        If it holds less than 4 s.
    """
    if audio.duration_s > LONGEST_S:
        raise InputError(
            f"{path}: {audio.duration_s / 60:.1f} min of audio; versions are compared for at most "
            f"{LONGEST_S / 60:g} min at a time, as the work grows with the product of both lengths; cut out the part "
            "in question, or search for it with --from and --to"
        )
    try:
        found = hear(audio)
    except TooShort as error:
        raise TooShort(f"{path}: {error}") from error
    return found, read_lines(found.grid)


def profiled(audio: Audio, path: Path | str) -> Profile:
    """Return what comparing needs to know of a file's audio; errors as `heard_music`."""
    return profile(features_of(*heard_music(audio, path)))


def kept_profile(one: Held, audio: Audio | None = None) -> Profile:
    """Return the profile of a workspace's recording, made and kept where it was not known.

    Parameters
    ----------
    one : Held
        The recording.
    audio : Audio, optional
        Its sound, where that was read already.

    Raises
    ------
    InputError
        As `heard_music`, or if the file is silent or no audio.
    """
    known = load_profile(one.profile_path)
    if known is None:
        known = profiled(read_audio(one.path) if audio is None else audio, one.path)
        save_profile(one.profile_path, known)
        known = load_profile(one.profile_path) or known  # stored values are rounded: all searches see them
    return known
