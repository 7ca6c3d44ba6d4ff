"""Checks of a whole log: fsck, consistency with what was signed before, and the step out of the old form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from linernotes.auditlog import AuditLog, Checkpoint, VerifyingKey
from linernotes.auditlog import fsck as check_folder
from linernotes.auditlog.keys import VERIFYING_KEY_FILE
from linernotes.auditlog.reader import CHECKPOINT_FILE
from linernotes.auditlog.receipt import load_checkpoint_note
from linernotes.errors import CorpusError
from linernotes.workflows.log_home import KEYS_FOLDER, LOG_FOLDER, open_log, open_workspace, places


def fsck(
    workspace_path: Path | str,
    against: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Recompute the workspace's log; the fields are those of `linernotes.auditlog.FsckReport`.

    Parameters
    ----------
    workspace_path : path
        The workspace.
    against : path, optional
        A receipt or checkpoint kept elsewhere: the log must begin with what its head signed.
    progress : callable, optional
        Called with the number of entries done and that of all.

    Raises
    ------
    CorpusError
        If the workspace has no log, or one in the form of revision 1.
    InputError, VerificationError
        If *against* cannot be read or is not of this log.
    """
    with open_workspace(workspace_path) as workspace:
        folder, key_path = places(workspace)
    return fsck_folder(folder, key_path, against, progress)


def fsck_folder(
    folder: Path | str,
    key: Path | str,
    against: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Recompute the log in a folder, such as a mirror; as `fsck`, with the verifying key in a file."""
    trusted = VerifyingKey.load(key)
    old = None if against is None else Checkpoint.open(load_checkpoint_note(against), trusted)
    return check_folder(folder, trusted, against=old, progress=progress).as_json()


def upgrade(folder: Path | str, key: Path | str | None = None) -> dict[str, Any]:
    """Carry a log in the form of revision 1 over to tiles; entries, root and receipts stay the same.

    Parameters
    ----------
    folder : path
        The log's folder, or the workspace.
    key : path, optional
        Its verifying key; by default that of the workspace.

    Returns
    -------
    dict
        ``upgraded`` (false when there was nothing to do), ``origin``, ``size``, ``root``.

    Raises
    ------
    CorpusError
        If there is no log, its key is not found, or an entry is too large for a tile.
    VerificationError
        If the log is damaged.
    """
    folder = Path(folder)
    folder = folder / LOG_FOLDER if (folder / LOG_FOLDER / CHECKPOINT_FILE).exists() else folder
    key_path = folder.parent / KEYS_FOLDER / VERIFYING_KEY_FILE if key is None else Path(key)
    if key is None and not key_path.exists():
        raise CorpusError(f"{key_path}: the log's verifying key is not there; give it with --key")
    log = AuditLog.open(folder, VerifyingKey.load(key_path))
    upgraded = log.upgrade()
    head = log.checkpoint()
    return {"upgraded": upgraded, "origin": head.origin, "size": head.size, "root": head.root.hex()}


def consistency(workspace_path: Path | str, receipt: Path | str) -> dict[str, Any]:
    """Check that the log still begins with everything that was signed when *receipt* was made.

    Parameters
    ----------
    workspace_path : path
        The workspace.
    receipt : path
        A receipt, a ``.tlog-proof``, or a checkpoint.

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
    with open_workspace(workspace_path) as workspace:
        log = open_log(workspace)
        old = Checkpoint.open(load_checkpoint_note(receipt), log.key)
        log.check_consistency(old)
        head = log.checkpoint()
        proof = [digest.hex() for digest in log.consistency_proof(old.size, head.size)]
    return {
        "ok": True,
        "origin": head.origin,
        "old_size": old.size,
        "size": head.size,
        "root": head.root.hex(),
        "proof": proof,
    }
