"""Ask whether two files hold the same music.

`linernotes.workflows.version_search` asks a whole workspace; its doors that everybody needs are here too.
"""

from __future__ import annotations

from pathlib import Path

from linernotes.audio.files import read_audio
from linernotes.evidence.versions import VersionMatch
from linernotes.versions.compare import compare_profiles
from linernotes.versions.significance import Profile
from linernotes.workflows.version_collection import FOLDER
from linernotes.workflows.version_profiles import profiled
from linernotes.workflows.version_search import Progress, SearchConfig, search_versions

__all__ = ["FOLDER", "SearchConfig", "compare_files", "profile_file", "search_versions"]

Place = Path | str


def compare_files(a: Place, b: Place, *, progress: Progress | None = None) -> VersionMatch:
    """Return whether, where and how two audio files share musical substance.

    Parameters
    ----------
    a, b : Path or str
        Audio files, at least 4 s and at most an hour each.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Raises
    ------
    InputError
        If a file is missing, no audio, silent, or longer than an hour.
    TooShort
        If a file holds less than 4 s.
    """
    known = []
    for n_done, path in enumerate((a, b)):
        if progress is not None:
            progress("listening", n_done, 2)
        known.append(profile_file(path))
    return compare_profiles(known[0], known[1], str(a), str(b))


def profile_file(path: Place) -> Profile:
    """Return what comparing needs to know of an audio file.

    Raises
    ------
    InputError
        As `compare_files`; the message names the file.
    """
    return profiled(read_audio(path), path)
