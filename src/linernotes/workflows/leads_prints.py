"""Chromaprints of a sealed corpus, so that a fingerprint alone can be looked up in it, and their ISCC codes.

They are computed once and kept in the workspace's ``passages`` folder, under the hash of what was printed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence

from linernotes.audio.files import Audio, read_audio
from linernotes.catalog.recording import Recording
from linernotes.errors import CorpusError, LinernotesError
from linernotes.execution.shards import Progress
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.chromaprint.store import has_index, open_prints, save_prints
from linernotes.workflows.known_music import FOLDER, KnownRecording
from linernotes.workspace import Workspace

PRINTS = "corpus-prints"
ISCC_BITS = 256


def iscc_of(fingerprint: Chromaprint) -> str:
    """Return the ISCC audio code of a Chromaprint.

    Examples
    --------
    >>> iscc_of(Chromaprint.of([2705979767] * 40)).startswith("ISCC:E")
    True
    """
    from iscc_core import gen_audio_code_v0

    signed = [int(value) for value in fingerprint.values.view("int32")]
    return str(gen_audio_code_v0(signed, bits=ISCC_BITS)["iscc"])


def print_of(audio: Audio) -> Chromaprint | None:
    """Return the Chromaprint of audio; None where it is too short for one."""
    try:
        return extract(audio, None)
    except LinernotesError:
        return None


def corpus_prints(
    workspace: Workspace, items: Sequence[KnownRecording], progress: Progress | None
) -> PrintIndex:
    """Return the Chromaprints of the corpus, kept under the hash of what was printed."""
    wanted = {one.item_id or one.name: one.content_sha256 for one in items}
    key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
    folder = workspace.folder(FOLDER) / f"{PRINTS}-{key}"
    if has_index(folder):
        try:
            return open_prints(folder)
        except CorpusError:
            pass  # damaged: it is only a cache
    entries: list[tuple[Recording, float, Chromaprint]] = []
    for n_done, one in enumerate(items, start=1):
        if one.path is not None and one.path.is_file():
            audio = read_audio(one.path, allow_silence=True)
            made = print_of(audio)
            if made is not None:
                name = Recording(recording_id=one.item_id or one.name, title="", artist="")
                entries.append((name, audio.duration_s, made))
        if progress is not None:
            progress("fingerprinting the corpus", n_done, len(items))
    index = PrintIndex.empty().add(entries) if entries else PrintIndex.empty()
    os.makedirs(folder, exist_ok=True)
    save_prints(index, folder)
    return index
