"""Write what a search for versions found as a list, with a page of its own for each of the best results.

Conventions
-----------
A recording of the workspace is heard only where its licence says that it may be passed on; the files that were searched
for are the reader's own.

Cost
----
Each page compares its pair once more, with spans and counterfactuals: some CPU-seconds per minute of audio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from linernotes.errors import InputError
from linernotes.reports.version_page.listing import page_name, write_listing
from linernotes.versions.compare import compare_profiles
from linernotes.workflows.known_music import known_recordings
from linernotes.workflows.passage_pages import may_be_heard
from linernotes.workflows.version_report import listen, write_page
from linernotes.workspace import Workspace

PAGES = 3
Progress = Callable[[str, int, int], None]


def write_search_pages(
    answers: Sequence[Mapping[str, Any]],
    workspace: Path | str,
    folder: Path | str,
    *,
    pages: int = PAGES,
    progress: Progress | None = None,
) -> Path:
    """Write the list of a search and the pages of its best results, and return the list's path.

    Parameters
    ----------
    answers : sequence of mapping
        From `linernotes.workflows.versions.search_versions`.
    workspace : Path or str
        Workspace that was searched.
    folder : Path or str
        Where to write ``index.html`` and the pages, each with its JSON.
    pages : int >= 0
        Results of each query that get a page, best first.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Raises
    ------
    InputError
        If the folder's name ends like a file's, *pages* is negative, an audio file is not readable any more, or the folder
        cannot be written to.
    """
    folder = Path(folder)
    if folder.suffix.lower() in (".html", ".htm") or folder.is_file():
        raise InputError(f"{folder}: expected a folder: the list and the pages of a search are several files")
    if pages < 0:
        raise InputError(f"pages {pages}: expected a whole number of at least 0")
    with Workspace.open(workspace) as opened:
        known = {one.recording.recording_id: one for one in known_recordings(opened)}
    written: dict[tuple[str, str], str] = {}
    n_all = sum(min(pages, len(answer["results"])) for answer in answers)
    for answer in answers:
        found = [known.get(one["recording_id"]) for one in answer["results"][:pages]]
        best = [(one.recording, one.path) for one in found if one is not None and one.path is not None]
        if not best:
            continue
        query = listen(answer["query"])
        for recording, path in best:
            other = listen(
                path,
                name=recording.recording_id,
                title=recording.title,
                artist=recording.artist,
                heard=may_be_heard(recording),
            )
            match = compare_profiles(query.profile, other.profile, query.name, recording.recording_id)
            name = page_name(len(written) + 1, answer["query"], recording.recording_id)
            write_page(match, query, other, folder / name)
            written[(answer["query"], recording.recording_id)] = name
            if progress is not None:
                progress("writing pages", len(written), n_all)
    return write_listing(answers, written, folder)
