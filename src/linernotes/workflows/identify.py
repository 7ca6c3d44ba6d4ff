"""Ask which recordings of a workspace's catalogue a file holds.

`linernotes.workflows.catalogue` fills the catalogue; its two doors that everybody needs are here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.errors import InputError
from linernotes.evidence.identification import Match
from linernotes.fingerprint.decision import DEFAULT_MAX_FALSE_MATCH_RATE, check_limit
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.match import identify_audio
from linernotes.fingerprint.store import MANIFEST
from linernotes.workflows.catalogue import FOLDER, CatalogueReport, add_catalogue, open_catalogue
from linernotes.workflows.imported_fingerprints import identify_by_chromaprint, imported_recordings
from linernotes.workflows.recording_audio import RecordingAudio
from linernotes.workspace import Workspace

__all__ = ["FOLDER", "CatalogueReport", "add_catalogue", "identify_files", "open_catalogue"]

Progress = Callable[[str, int, int], None]


def identify_files(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    max_false_match_rate: float = DEFAULT_MAX_FALSE_MATCH_RATE,
    thorough: bool = False,
    second_look: bool = True,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Say which catalogue recordings each file holds.

    Parameters
    ----------
    files : sequence of Path or str
        Audio files, at least one second each.
    workspace : Path or str
        Workspace with a catalogue.
    max_false_match_rate : float in (0, 1)
        Highest chance of a false match, per file, that is still reported.
    thorough : bool
        Whether to look at ten times as many postings: slower, for very large catalogues.
    second_look : bool
        Whether what is in doubt is looked at again in the audio of the recordings, where it is at hand.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        For each file ``{"query", "matches"}`` in the fields of the JSON contract, with ``title`` and
        ``artist`` added; ``matches`` is best first, and empty when nothing passes. Recordings that the
        catalogue knows by an imported fingerprint only come last; where there are both kinds, each may spend
        half of the false-match rate. Where the audio of a recording in doubt could not be listened to, there is
        ``not_heard`` with ``recording_id`` and ``reason`` of each: the answer is that of the fingerprints alone.

    Raises
    ------
    InputError
        If a file is no audio, is silent, or the limit is not a rate.
    TooShort
        If a file holds less than a second of sound.
    CorpusError
        If there is no workspace, it has no catalogue, or its index is damaged.
    """
    check_limit(max_false_match_rate)
    if not files:
        raise InputError("no files to identify; give at least one audio file")
    with Workspace.open(workspace) as opened:
        imported = imported_recordings(opened)
        has_audio = (opened.folder(FOLDER) / MANIFEST).is_file()
        index = open_catalogue(opened) if has_audio or not imported else FingerprintIndex.empty()
        names = imported | {recording.recording_id: recording for recording in opened.recordings()}
    limit = max_false_match_rate / 2 if imported and has_audio else max_false_match_rate
    listen = RecordingAudio([workspace]) if second_look and has_audio else None
    answers = []
    for n_done, file in enumerate(files, start=1):
        audio = read_audio(file)
        if listen is not None:
            listen.unheard.clear()
        matches = identify_audio(
            audio, index, query_id=str(file), max_false_match_rate=limit, thorough=thorough, listen=listen
        )
        if imported:
            matches = _with_imported(matches, identify_by_chromaprint(audio, workspace, str(file), limit))
        answer: dict[str, Any] = {
            "query": str(file),
            "matches": [_describe(match, names) for match in matches],
        }
        if listen is not None and listen.unheard:
            answer["not_heard"] = [
                {"recording_id": name, "reason": reason} for name, reason in sorted(listen.unheard.items())
            ]
        answers.append(answer)
        if progress is not None:
            progress("identifying", n_done, len(files))
    return answers


def _with_imported(known: tuple[Match, ...], imported: tuple[Match, ...]) -> tuple[Match, ...]:
    """Put what only its fingerprint tells of behind what audio tells of: their scores have other units."""
    told = {match.recording_id for match in known}
    return known + tuple(match for match in imported if match.recording_id not in told)


def _describe(match: Match, names: dict[str, Any]) -> dict[str, Any]:
    known = names.get(match.recording_id)
    facts = {"title": known.title, "artist": known.artist} if known else {}
    return match.as_json() | facts
