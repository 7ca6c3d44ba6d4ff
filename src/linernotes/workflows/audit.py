"""The audit log of a workspace: append, prove, verify, check.

The log lies in the workspace's folder ``log``, its keys in ``keys``: ``log.key`` signs and stays,
``log.pub`` is what receipts are checked with and is meant to be given away. Both come into being with
the first entry.

Known limits
------------
Publish ``log.pub`` where others already trust you: a key that came with the receipt proves little.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.auditlog import AuditLog, Checkpoint, Entry, Receipt, SigningKey, VerifyingKey, generate_keys
from linernotes.auditlog import fsck as check_folder
from linernotes.auditlog.keys import SIGNING_KEY_FILE, VERIFYING_KEY_FILE
from linernotes.auditlog.receipt import check_subject, sha256_of_file
from linernotes.auditlog.store import CHECKPOINT_FILE
from linernotes.errors import CorpusError, InputError

if TYPE_CHECKING:
    from linernotes.workspace import Workspace

LOG_FOLDER, KEYS_FOLDER = "log", "keys"


def record(workspace: Workspace, kind: str, subject_sha256: str | None, body: dict[str, Any]) -> Receipt:
    """Append an entry to the workspace's log and return its receipt; the first call makes log and keys.

    Parameters
    ----------
    workspace : Workspace
        Whose log it is.
    kind : str
        A lower-case word such as ``corpus-seal`` or ``statement``.
    subject_sha256 : str or None
        SHA-256 of the file that the entry is about.
    body : dict
        JSON object with what the entry says.

    Raises
    ------
    InputError
        If the entry is malformed.
    CorpusError
        If another program is writing the log, or log and keys do not lie together.
    VerificationError
        If the log is damaged.
    """
    entry = Entry(kind, subject_sha256, body)
    log, signer = _log_for_writing(workspace)
    return log.receipt(log.append(entry, signer))


def append_file(workspace_path: Path | str, file: Path | str, kind: str) -> dict[str, Any]:
    """Log the SHA-256, name and size of a file.

    Returns
    -------
    dict
        ``index``, ``kind``, ``subject_sha256``, ``time``, and the log's new ``origin``, ``size``, ``root``
        and ``key`` (path of the verifying key).

    Raises
    ------
    InputError
        If the file cannot be read or the kind is malformed.
    CorpusError, VerificationError
        As `record`.
    """
    file = Path(file)
    digest = sha256_of_file(file)
    with _open(workspace_path) as workspace:
        receipt = record(workspace, kind, digest, {"file_name": file.name, "size_bytes": file.stat().st_size})
        key_path = trusted_key_path(workspace)
    return receipt_facts(receipt, VerifyingKey.load(key_path)) | {"key": str(key_path)}


def prove(workspace_path: Path | str, index: int, out: Path | str) -> dict[str, Any]:
    """Write the receipt of entry *index* to *out*; returns the fields of `append_file` and ``receipt``.

    Raises
    ------
    InputError
        If there is no such entry or *out* cannot be written.
    CorpusError
        If the workspace has no log.
    VerificationError
        If the log is damaged.
    """
    with _open(workspace_path) as workspace:
        log = open_log(workspace)
        receipt = log.receipt(index)
        key_path = trusted_key_path(workspace)
    receipt.write(out)
    return receipt_facts(receipt, log.key) | {"receipt": str(out), "key": str(key_path)}


def verify(receipt: Path | str, key: Path | str, subject: Path | str | None = None) -> dict[str, Any]:
    """Check a receipt offline, and the file that it is about where *subject* is given.

    Returns
    -------
    dict
        ``ok`` (true), the facts of the receipt, and ``subject_checked``.

    Raises
    ------
    InputError
        If a file cannot be read.
    VerificationError
        With the reason, when the receipt does not hold.
    """
    found = Receipt.load(receipt)
    trusted = VerifyingKey.load(key)
    entry = found.verify(trusted)
    if subject is not None:
        check_subject(entry, Path(subject))
    return {"ok": True, **receipt_facts(found, trusted), "subject_checked": subject is not None}


def fsck(workspace_path: Path | str) -> dict[str, Any]:
    """Recompute the workspace's log; the fields are those of `linernotes.auditlog.FsckReport`.

    Raises
    ------
    CorpusError
        If the workspace has no log.
    """
    with _open(workspace_path) as workspace:
        folder, key_path = _places(workspace)
        return check_folder(folder, VerifyingKey.load(key_path)).as_json()


def consistency(workspace_path: Path | str, receipt: Path | str) -> dict[str, Any]:
    """Check that the log still begins with everything that was signed when *receipt* was made.

    Returns
    -------
    dict
        ``ok`` (true), ``origin``, ``old_size``, ``size``, ``root`` and ``proof`` (hexadecimal hashes).

    Raises
    ------
    InputError
        If the receipt cannot be read.
    VerificationError
        If the log was rolled back, rewritten or forked since, or the receipt is not of this log.
    """
    with _open(workspace_path) as workspace:
        log = open_log(workspace)
        old = Checkpoint.open(Receipt.load(receipt).checkpoint, log.key)
        log.check_consistency(old)
        head = log.checkpoint()
        proof = [digest.hex() for digest in log.consistency_proof(old.size)]
    return {
        "ok": True,
        "origin": head.origin,
        "old_size": old.size,
        "size": head.size,
        "root": head.root.hex(),
        "proof": proof,
    }


def open_log(workspace: Workspace) -> AuditLog:
    """Return the workspace's log for reading; CorpusError when it has none yet."""
    folder, key_path = _places(workspace)
    return AuditLog.open(folder, VerifyingKey.load(key_path))


def trusted_key_path(workspace: Workspace) -> Path:
    """Return where the workspace keeps the key that its receipts are checked with."""
    return workspace.folder(KEYS_FOLDER) / VERIFYING_KEY_FILE


def receipt_facts(receipt: Receipt, key: VerifyingKey) -> dict[str, Any]:
    """Return what a receipt says, as fields for people and programs; checks it first."""
    entry = receipt.verify(key)
    head = Checkpoint.open(receipt.checkpoint, key)
    return {
        "index": receipt.leaf_index,
        "kind": entry.kind,
        "subject_sha256": entry.subject_sha256,
        "time": entry.time,
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
    }


def _open(path: Path | str) -> Workspace:
    from linernotes.workspace import Workspace  # offline verification needs no database

    return Workspace.open(path)


def _places(workspace: Workspace) -> tuple[Path, Path]:
    folder, key_path = workspace.path / LOG_FOLDER, workspace.path / KEYS_FOLDER / VERIFYING_KEY_FILE
    if not (folder / CHECKPOINT_FILE).exists():
        raise CorpusError(f"{workspace.path}: no audit log yet; 'linernotes audit append' begins one")
    if not key_path.exists():
        raise CorpusError(f"{key_path}: the log's verifying key is missing; restore it from a copy")
    return folder, key_path


def _log_for_writing(workspace: Workspace) -> tuple[AuditLog, SigningKey]:
    folder, keys = workspace.folder(LOG_FOLDER), workspace.folder(KEYS_FOLDER)
    key_path, has_log = keys / SIGNING_KEY_FILE, (folder / CHECKPOINT_FILE).exists()
    if not has_log and not key_path.exists():
        generate_keys(keys, f"linernotes.local/log-{secrets.token_hex(4)}")
        signer = SigningKey.load(key_path)
        return AuditLog.create(folder, signer), signer
    if not has_log:
        # A new log under an old key could pass for the old one: never begin one by ourselves.
        raise CorpusError(
            f"{folder}: the log is missing but its key {key_path} is there; restore the log from a copy, "
            "or move the key away to begin a new log under a new key"
        )
    if not key_path.exists():
        raise CorpusError(f"{key_path}: the log's signing key is missing; restore it to add entries")
    try:
        signer = SigningKey.load(key_path)
    except InputError as error:
        raise CorpusError(str(error)) from error
    return AuditLog.open(folder, signer.verifying_key()), signer
