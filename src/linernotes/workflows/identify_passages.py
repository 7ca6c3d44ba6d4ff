"""Ask which passages of the workspace's corpus and catalogue some outputs hold, and what that says.

Conventions
-----------
A recording is called ``corpus`` when it is in the sealed corpus, ``catalogue`` when it is in the catalogue only,
``both`` when the same file is in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.errors import InputError
from linernotes.evidence.identification import Passage
from linernotes.execution.shards import Progress
from linernotes.execution.threads import one_thread
from linernotes.workflows.known_audio import listening_to
from linernotes.workflows.known_music import FOLDER, KnownMusic, open_known_music
from linernotes.workflows.memorisation import (
    contrast,
    finding_of,
    matched_pairs,
    measure_controls,
    same_recordings,
    shipped_controls,
)
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workspace import Workspace

LIMITS = (
    "Only the sealed corpus and the catalogue were searched. A passage says that the output holds one; it does not say how "
    "it came there. Recall and base rate were measured on played music, see docs/methods/passages.md."
)


@one_thread()
def identify_passages(
    files: Sequence[Path | str],
    workspace: Path | str,
    *,
    config: PassageConfig | None = None,
    n_controls: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """List the passages of known recordings in each file, with findings, base rate and contrast.

    Parameters
    ----------
    files : sequence of Path or str
        Outputs, at least one second each.
    workspace : Path or str
        Workspace with a sealed corpus, a catalogue, or both.
    config : PassageConfig, optional
        Limits and settings.
    n_controls : int >= 0
        Clean excerpts of the collection that are searched in the same way to measure the base rate here; without
        them the shipped figure is given, and each finding says so.
    seed : int
        Of the choice of controls.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    dict
        ``outputs`` (one per file: ``query``, ``duration_s``, ``passages``, ``finding``), ``collection``, ``base_rate``,
        ``contrast`` and ``limits``.

    Raises
    ------
    InputError
        If a file is no audio or is silent, none is given, or a setting is not usable.
    TooShort
        If a file holds less than a second.
    CorpusError
        If there is no workspace, or it has neither corpus nor catalogue, or its index is damaged.
    """
    config = config or PassageConfig()
    if not files:
        raise InputError("no files to search; give at least one audio file")
    if n_controls < 0:
        raise InputError(f"{n_controls} controls: expected 0 or more")
    outputs = [(str(file), read_audio(file)) for file in files]
    with Workspace.open(workspace) as opened:
        known = open_known_music(opened, progress)
        same = same_recordings(opened, known, progress)
        folder = opened.folder(FOLDER)
    found = []
    for n_done, (name, audio) in enumerate(outputs, start=1):
        found.append(
            find_passages(
                audio,
                known.indexes,
                known.features,
                known.note_index,
                query_id=name,
                config=config,
                listen=listening_to(known),
            )
        )
        if progress is not None:
            progress("searching passages", n_done, len(outputs))
    controls = shipped_controls()
    if n_controls:
        seconds = sorted(audio.duration_s for _, audio in outputs)[len(outputs) // 2]
        controls = measure_controls(
            known, folder, n_controls=n_controls, seconds=seconds, config=config, seed=seed, progress=progress
        )
    compared = contrast(found, matched_pairs(known, same), known)
    return {
        "outputs": [
            {
                "query": name,
                "duration_s": round(audio.duration_s, 3),
                "passages": [described(one, known, same) for one in passages],
                "finding": finding_of(passages, known, audio.duration_s, controls, compared, same),
            }
            for (name, audio), passages in zip(outputs, found, strict=True)
        ],
        "collection": collection_facts(known),
        "max_false_rate": config.max_false_rate,
        "base_rate": controls.as_json(),
        "contrast": compared,
        "limits": LIMITS,
    }


def described(
    passage: Passage, known: KnownMusic, same: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return a passage as JSON with what is known of its recording.

    ``same_as`` names the corpus item, or the catalogue recordings, that are the same recording in another file.
    """
    one = known.recordings[passage.recording_id]
    return passage.as_json() | {
        "title": one.recording.title,
        "artist": one.recording.artist,
        "known_as": one.known_as,
        "item_id": one.item_id,
        "same_as": sorted(
            {
                *(same or {}).get(one.name, ()),
                *(item for item, copies in (same or {}).items() if one.name in copies),
            }
        ),
    }


def collection_facts(known: KnownMusic) -> dict[str, Any]:
    """Return how much was searched."""
    kinds = [one.known_as for one in known.recordings.values()]
    return {
        "n_recordings": len(kinds),
        "n_corpus": sum(kind != "catalogue" for kind in kinds),
        "n_catalogue_only": sum(kind == "catalogue" for kind in kinds),
        "minutes": round(known.duration_s / 60, 1),
        "landmarks_only": list(known.without_audio),
    }
