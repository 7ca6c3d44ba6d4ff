"""Ask whether two files hold the same music.

`linernotes.workflows.version_search` asks a whole workspace; its doors that everybody needs are here too.
"""

from __future__ import annotations

from pathlib import Path

from linernotes.audio.files import read_audio
from linernotes.evidence import VersionMatch
from linernotes.versions.compare import compare_profiles
from linernotes.versions.significance import Profile
from linernotes.workflows.version_collection import FOLDER
from linernotes.workflows.version_search import SearchConfig, profiled, search_versions

__all__ = ["FOLDER", "SearchConfig", "compare_files", "profile_file", "search_versions"]

Place = Path | str


def compare_files(a: Place, b: Place) -> VersionMatch:
    """Return whether, where and how two audio files share musical substance.

    Parameters
    ----------
    a, b : Path or str
        Audio files, at least 4 s each.

    Raises
    ------
    InputError
        If a file is missing, no audio, or silent.
    TooShort
        If a file holds less than 4 s.
    """
    return compare_profiles(profile_file(a), profile_file(b), str(a), str(b))


def profile_file(path: Place) -> Profile:
    """Return what comparing needs to know of an audio file.

    Raises
    ------
    InputError
        As `compare_files`; the message names the file.
    """
    return profiled(read_audio(path), path)
