"""Prove that a recording is in a workspace's sealed corpus, or is not, and check such a proof."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from linernotes.corpus.presence import PresenceAnswer, keys_of_file, prove_presence, verify_presence
from linernotes.corpus.presence_map import KEY_KINDS
from linernotes.errors import InputError, VerificationError
from linernotes.ids import parse_content_hash

MAX_PROOF_BYTES = 1 << 20


def prove(file_or_hash: str, workspace: Path | str, out: Path | str) -> dict[str, Any]:
    """Write a proof of presence or absence.

    Parameters
    ----------
    file_or_hash : str
        Audio file, or a SHA-256 (of a file's bytes or of its decoded sound; both are looked up).
    workspace : Path or str
        Workspace with a sealed corpus.
    out : Path or str
        Where the proof is written, as JSON.

    Returns
    -------
    dict
        The proof.

    Raises
    ------
    InputError
        If it is neither a readable audio file nor a SHA-256, or *out* cannot be written.
    CorpusError
        If there is no sealed corpus.
    VerificationError
        If the stored corpus no longer gives its root.
    """
    from linernotes.workspace import Workspace

    with Workspace.open(workspace) as opened:
        corpus = opened.corpus()
    proof = prove_presence(corpus, _keys(file_or_hash))
    _write_whole(Path(out), proof)
    return proof


def verify(proof: Path | str, root: str, *, file: Path | str | None = None) -> PresenceAnswer:
    """Check a proof file offline, against a root that the reader trusts.

    Parameters
    ----------
    proof : Path or str
        File written by `prove`.
    root : str
        Corpus root (64 hexadecimal digits), from a receipt or a publication.
    file : Path or str, optional
        The recording in question; the proof must then be about exactly this file.

    Returns
    -------
    PresenceAnswer
        Present or absent.

    Raises
    ------
    InputError
        If a file cannot be read or *root* is not a hash.
    VerificationError
        If the proof does not hold.
    """
    trusted = parse_content_hash(root)
    content = _read_proof(Path(proof))
    return verify_presence(content, trusted, file_keys=keys_of_file(file) if file is not None else None)


def _keys(file_or_hash: str) -> dict[str, str]:
    if not Path(file_or_hash).exists() and re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", file_or_hash.strip()):
        return dict.fromkeys(KEY_KINDS, parse_content_hash(file_or_hash))
    return keys_of_file(file_or_hash)


def _read_proof(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_PROOF_BYTES:
            raise VerificationError(f"{path}: larger than any proof ({MAX_PROOF_BYTES} bytes)")
        return json.loads(path.read_bytes(), object_pairs_hook=_without_repeats)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the proof's file") from error
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{path}: not a presence proof ({error}); ask for it again") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _write_whole(path: Path, proof: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(proof, indent=2, sort_keys=True) + "\n", "utf-8")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
