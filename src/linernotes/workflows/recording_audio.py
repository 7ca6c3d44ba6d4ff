"""The audio of catalogue recordings, for a second look at what is in doubt.

It is read where it lay when it was indexed, or where the same file lies in the sealed corpus, and only if it still is
what was indexed: the hash of the file decides. What cannot be listened to is remembered with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.excerpts import read_excerpt
from linernotes.audio.files import Audio, file_sha256
from linernotes.errors import CorpusError, InputError
from linernotes.fingerprint.store import open_index
from linernotes.workflows.catalogue import index_folder
from linernotes.workspace import Workspace


class RecordingAudio:
    """Gives the audio of the recordings of some workspaces; a `linernotes.fingerprint.second_look.Listen`.

    It travels to other processes as the paths of its workspaces, and opens them where it is used.

    Parameters
    ----------
    workspaces : sequence of Path or str
        Whose catalogues are searched.

    Attributes
    ----------
    unheard : dict of str to str
        Why a recording that was asked for could not be listened to, by recording id.
    """

    def __init__(self, workspaces: Sequence[Path | str]) -> None:
        self.workspaces = tuple(str(place) for place in workspaces)
        self.unheard: dict[str, str] = {}
        self._hashes: list[dict[str, str]] | None = None
        self._places: dict[str, Path | str] = {}  # a file that was checked, or the reason why there is none

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy in another process begins with."""
        return {"workspaces": self.workspaces, "unheard": {}, "_hashes": None, "_places": {}}

    def __call__(self, recording_id: str, start_s: float, end_s: float) -> Audio | None:
        """Return what lies between two times of a recording; None, and a reason kept, where it cannot be had."""
        if recording_id not in self._places:
            self._places[recording_id] = self._checked(recording_id)
        place = self._places[recording_id]
        if isinstance(place, Path):
            try:
                return read_excerpt(place, start_s, end_s)
            except (InputError, OSError) as error:
                place = self._places[recording_id] = str(error)
        self.unheard[recording_id] = place
        return None

    def _checked(self, recording_id: str) -> Path | str:
        """Return the file of a recording if it is what was indexed, or why not."""
        try:
            for workspace, hashes in zip(self.workspaces, self._indexed(), strict=True):
                if recording_id in hashes:
                    with Workspace.open(workspace) as opened:
                        return _same_file(opened, recording_id, hashes[recording_id])
        except (CorpusError, OSError) as error:
            return str(error)
        return f"recording '{recording_id}': not in the index of {', '.join(self.workspaces)}"

    def _indexed(self) -> list[dict[str, str]]:
        if self._hashes is None:
            self._hashes = []
            for place in self.workspaces:
                with Workspace.open(place) as opened:
                    self._hashes.append(open_index(index_folder(opened), verify_bytes=0).content_hashes)
        return self._hashes


def _same_file(workspace: Workspace, recording_id: str, content_sha256: str) -> Path | str:
    try:
        place = workspace.recording_audio(recording_id)
        reason = (
            f"recording '{recording_id}': its audio {place} changed since it was indexed; "
            "run 'linernotes catalog add' again"
        )
        if file_sha256(place) == content_sha256:
            return place
    except (CorpusError, OSError) as error:
        reason = str(error)
    if workspace.has_corpus():
        corpus = workspace.corpus()
        for item in corpus.items:
            if item.content_sha256 == content_sha256:
                place = corpus.audio_path(item)
                if place.is_file() and file_sha256(place) == content_sha256:
                    return place
    return reason
