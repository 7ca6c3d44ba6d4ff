"""Prove that a recording is in a workspace's sealed corpus, or is not, and check such a proof."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from linernotes.corpus.lookup_keys import Key, parse_key
from linernotes.corpus.presence_answer import PresenceAnswer
from linernotes.corpus.presence_check import verify_presence
from linernotes.errors import InputError, VerificationError
from linernotes.ids import parse_content_hash

if TYPE_CHECKING:
    from linernotes.corpus.snapshot import Snapshot

MAX_PROOF_BYTES = 1 << 22


def prove(
    keys_or_files: str | Sequence[str],
    workspace: Path | str,
    out: Path | str,
    *,
    snapshot: str | None = None,
    open_items: bool = False,
    sketch: bool | None = None,
) -> PresenceAnswer:
    """Write a proof of presence or absence for one recording.

    Parameters
    ----------
    keys_or_files : str or sequence of str
        Audio files, hashes and identifiers of the one recording, or ``kind:key``; all are looked up. A SHA-256
        is looked up as hash of the bytes and of the decoded sound.
    workspace : Path or str
        Workspace with a sealed corpus.
    out : Path or str
        Where the proof is written.
    snapshot : str, optional
        Root of the snapshot, or its beginning; the latest when None.
    open_items : bool
        Whether the records of the items found are shown in the proof.
    sketch : bool, optional
        Whether sketch keys are looked up; when no exact key is present, if None.

    Returns
    -------
    PresenceAnswer
        What the proof says, checked as anybody will check it.

    Raises
    ------
    InputError
        If an argument is neither a readable audio file nor a key, or *out* cannot be written.
    CorpusError
        If there is no sealed corpus, or no such snapshot.
    VerificationError
        If the stored corpus no longer gives its root.
    """
    from linernotes.corpus.presence import prove_from

    given = [keys_or_files] if isinstance(keys_or_files, str) else list(keys_or_files)
    held = open_snapshot(workspace, snapshot)
    proof = prove_from(held.header, held, keys_of(given), open_items=open_items, sketch=sketch)
    answer = verify_presence(proof, held.header.root)
    _write_whole(Path(out), proof)
    return answer


def open_snapshot(workspace_path: Path | str, root: str | None = None) -> Snapshot:
    """Return a snapshot of a workspace; a corpus that was saved without one gets its folder first.

    Parameters
    ----------
    workspace_path : Path or str
        Workspace with a sealed corpus.
    root : str, optional
        Root of the snapshot, or its beginning; the latest when None.

    Raises
    ------
    CorpusError
        If there is no sealed corpus, or no such snapshot.
    """
    from linernotes.corpus.snapshots import find_snapshot, snapshot_chain, write_snapshot
    from linernotes.workspace import Workspace

    with Workspace.open(workspace_path) as opened:
        folder = opened.path / "snapshots"
        if not snapshot_chain(folder):
            write_snapshot(opened.folder("snapshots"), opened.corpus())
    found = find_snapshot(folder, root)
    if found.header.root != found.facts.root:
        raise VerificationError(f"{found.folder}: the header gives another root; restore the snapshot")
    return found


def verify(
    proof: Path | str, root: str, *, file: Path | str | None = None, key: str | None = None
) -> PresenceAnswer:
    """Check a proof file offline, against a root that the reader trusts.

    Parameters
    ----------
    proof : Path or str
        File written by `prove`.
    root : str
        Corpus root (64 hexadecimal digits), from a receipt or a publication.
    file : Path or str, optional
        The recording in question; the proof must then be about exactly this file.
    key : str, optional
        A hash or an identifier that the proof must have checked.

    Returns
    -------
    PresenceAnswer
        Present or absent, and under which keys.

    Raises
    ------
    InputError
        If a file cannot be read or *root* is not a hash.
    VerificationError
        If the proof does not hold.
    """
    trusted = parse_content_hash(root)
    content = _read_proof(Path(proof))
    if file is not None and not Path(file).is_file():
        raise InputError(f"{file}: no such file; give the recording that the proof must be about")
    own = keys_of([str(file)]) if file is not None else None
    return verify_presence(content, trusted, file_keys=own, about=parse_key(key) if key else None)


def keys_of(given: Sequence[str]) -> list[Key]:
    """Return the keys of files and of what was typed, each once.

    Raises
    ------
    InputError
        If one is neither a readable audio file nor a key.
    """
    found: dict[Key, None] = {}
    for one in given:
        if _is_file(one):
            from linernotes.workflows.sound_keys import lookup_keys_of_file  # decoding is not always needed

            found |= dict.fromkeys(lookup_keys_of_file(one))
        else:
            found |= dict.fromkeys(parse_key(one))
    return list(found)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a file name, or with a NUL: it may still be meant as a key
        return False


def _read_proof(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_PROOF_BYTES:
            raise VerificationError(f"{path}: larger than any proof ({MAX_PROOF_BYTES} bytes)")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the proof's file") from error


def _write_whole(path: Path, proof: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(proof)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
