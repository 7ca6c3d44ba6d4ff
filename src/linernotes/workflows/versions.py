"""Ask whether two files hold the same music, and which recordings of a workspace hold the music of a file.

Conventions
-----------
A workspace's recordings are its corpus items and its catalogue. What comparing needs to know of each is
kept in the
workspace's ``versions`` folder under the hash of the file's content, so a search computes only what is new.

Known limits
------------
A search compares the query with every recording, about 20 ms of CPU each; it is meant for up to some ten
thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256, read_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, InputError, TooShort
from linernotes.evidence import VersionMatch
from linernotes.versions.compare import compare_profiles, quick_log_odds
from linernotes.versions.features import extract
from linernotes.versions.profiles import load_profile, save_profile
from linernotes.versions.significance import Profile, profile
from linernotes.workspace import Workspace

FOLDER = "versions"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Candidate:
    recording: Recording
    path: Path
    content_sha256: str
    item_id: str | None


def compare_files(a: Path | str, b: Path | str) -> VersionMatch:
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


def profile_file(path: Path | str) -> Profile:
    """Return what comparing needs to know of an audio file.

    Raises
    ------
    InputError
        As `compare_files`; the message names the file.
    """
    audio = read_audio(path)
    try:
        return profile(extract(audio))
    except TooShort as error:
        raise TooShort(f"{path}: {error}") from error


def search_versions(
    files: Sequence[Path | str], workspace: Path | str, *, top: int = 10, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Rank the recordings of a workspace by the musical substance that they share with each file.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, at least 4 s each.
    workspace : Path or str
        Workspace with a sealed corpus, a catalogue, or both.
    top : int > 0
        Recordings returned per file, with segments.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        For each file ``{"query", "results", "skipped"}``; ``results`` is best first, each with
        ``recording_id``,
        ``score``, ``probability``, ``segments`` (A is the query) and more; ``skipped`` names the recordings
        that could not be compared, and why.

    Raises
    ------
    InputError
        If a file is no audio, is silent or too short, or *top* is not positive.
    CorpusError
        If there is no workspace, or it has neither a corpus nor a catalogue.
    """
    if top < 1:
        raise InputError(f"top {top}: expected a whole number of at least 1")
    if not files:
        raise InputError("no files to search for; give at least one audio file")
    queries = [(str(file), profile_file(file)) for file in files]
    known: list[tuple[_Candidate, Profile]] = []
    skipped: list[dict[str, str]] = []
    with Workspace.open(workspace) as opened:
        folder = opened.folder(FOLDER)
        candidates = list(_candidates(opened))
    for n_done, candidate in enumerate(candidates, start=1):
        try:
            known.append((candidate, _cached_profile(candidate, folder)))
        except InputError as error:
            skipped.append({"recording_id": candidate.recording.recording_id, "reason": str(error)})
        if progress is not None:
            progress("reading recordings", n_done, len(candidates))
    return [
        {"query": name, "results": _ranked(name, query, known, top), "skipped": skipped}
        for name, query in queries
    ]


def _candidates(workspace: Workspace) -> Iterator[_Candidate]:
    """Yield every recording of the workspace once per content, corpus items first."""
    corpus = workspace.corpus() if workspace.has_corpus() else None
    recordings = workspace.recordings()
    if corpus is None and not recordings:
        raise CorpusError(
            f"{workspace.path}: holds neither a corpus nor a catalogue; "
            "fill it with 'linernotes corpus seal' or "
            "'linernotes catalog add'"
        )
    seen = set()
    if corpus is not None:
        for item in corpus.items:
            seen.add(item.content_sha256)
            yield _Candidate(item.recording, corpus.audio_path(item), item.content_sha256, item.item_id)
    for recording in recordings:
        path = workspace.recording_audio(recording.recording_id)
        content = file_sha256(path)
        if content not in seen:
            seen.add(content)
            yield _Candidate(recording, path, content, None)


def _cached_profile(candidate: _Candidate, folder: Path) -> Profile:
    cached = folder / f"{candidate.content_sha256}.npz"
    known = load_profile(cached)
    if known is None:
        known = profile_file(candidate.path)
        save_profile(cached, known)
        known = load_profile(cached) or known  # stored values are rounded: the first search sees them too
    return known


def _ranked(
    name: str, query: Profile, known: list[tuple[_Candidate, Profile]], top: int
) -> list[dict[str, Any]]:
    scored = [(quick_log_odds(query, other), candidate, other) for candidate, other in known]
    scored.sort(key=lambda entry: (-entry[0], entry[1].recording.recording_id))
    results = []
    for _, candidate, other in scored[:top]:
        recording = candidate.recording
        match = compare_profiles(query, other, name, recording.recording_id)
        facts = {"recording_id": recording.recording_id, "item_id": candidate.item_id}
        results.append(facts | {"title": recording.title, "artist": recording.artist} | match.as_json())
    return results
