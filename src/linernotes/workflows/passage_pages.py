"""Write the page of a passage search, with the sound of both sides as far as it may be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linernotes.catalog.recording import Recording
from linernotes.reports.passage_page import write_passage_page
from linernotes.workflows.known_music import known_recordings
from linernotes.workspace import Workspace

_FREE = ("cc0", "cc-by", "cc by", "public domain", "creative commons")


def may_be_heard(recording: Recording) -> bool:
    """Tell whether a recording's stated licence lets an excerpt be passed on inside a page.

    Examples
    --------
    >>> may_be_heard(Recording(recording_id="a", title="A", artist="B", licence="CC-BY-4.0"))
    True
    >>> may_be_heard(Recording(recording_id="a", title="A", artist="B", licence="all rights reserved"))
    False
    """
    return recording.licence.casefold().startswith(_FREE)


def write_passages(found: Mapping[str, Any], workspace: Path | str, out: Path | str) -> Path:
    """Write the page of what `linernotes.workflows.identify_passages.identify_passages` found; return its path.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    wanted = {one["recording_id"] for output in found["outputs"] for one in output["passages"]}
    with Workspace.open(workspace) as opened:
        known = known_recordings(opened)
    audio: dict[str, Any] = {output["query"]: Path(output["query"]) for output in found["outputs"]}
    for one in known:
        if one.name in wanted and one.path is not None and may_be_heard(one.recording):
            audio.setdefault(one.name, one.path)
    return write_passage_page(found, out, audio)
