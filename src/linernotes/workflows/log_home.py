"""Where a workspace keeps its log and the log's keys, and how both begin.

The log lies in the folder ``log``, in a form that any web host can serve. ``keys/log.key`` signs its heads
and stays; ``keys/log.pub`` is what receipts are checked with and is meant to be given away. Both come into
being together, and a crash between them is made good by the next try.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from linernotes.auditlog import AuditLog, SigningKey, VerifyingKey, generate_keys
from linernotes.auditlog.files import sole_writer, sync_folder
from linernotes.auditlog.keys import SIGNING_KEY_FILE, VERIFYING_KEY_FILE
from linernotes.auditlog.reader import CHECKPOINT_FILE
from linernotes.auditlog.store import WRITER_PATIENCE_S
from linernotes.errors import CorpusError, InputError

if TYPE_CHECKING:
    from linernotes.workspace import Workspace

LOG_FOLDER, KEYS_FOLDER = "log", "keys"
BEGINNING_FOLDER, BEGIN_LOCK_FILE = "beginning", "lock"
FURTHER_KEYS = "log.*.key"  # sign the log's head beside `log.key`


def open_workspace(path: Path | str) -> Workspace:
    """Return the workspace at *path*; checking a receipt needs none of this, and so no database."""
    from linernotes.workspace import Workspace

    return Workspace.open(path)


def open_log(workspace: Workspace) -> AuditLog:
    """Return the workspace's log for reading; CorpusError when it has none yet."""
    folder, key_path = places(workspace)
    return AuditLog.open(folder, VerifyingKey.load(key_path))


def trusted_key_path(workspace: Workspace) -> Path:
    """Return where the workspace keeps the key that its receipts are checked with."""
    return workspace.folder(KEYS_FOLDER) / VERIFYING_KEY_FILE


def places(workspace: Workspace) -> tuple[Path, Path]:
    """Return the folder of the workspace's log and the path of its verifying key; CorpusError without them."""
    folder, key_path = workspace.path / LOG_FOLDER, workspace.path / KEYS_FOLDER / VERIFYING_KEY_FILE
    if not (folder / CHECKPOINT_FILE).exists():
        raise CorpusError(f"{workspace.path}: no audit log yet; 'linernotes audit append' begins one")
    if not key_path.exists():
        raise CorpusError(f"{key_path}: the log's verifying key is missing; restore it from a copy")
    return folder, key_path


def log_for_writing(workspace: Workspace) -> tuple[AuditLog, tuple[SigningKey, ...]]:
    """Return the workspace's log and the keys that sign its head, the log's own first; makes both at first.

    Raises
    ------
    CorpusError
        If log and keys do not lie together, or the key file cannot be used.
    """
    folder, keys = workspace.folder(LOG_FOLDER), workspace.folder(KEYS_FOLDER)
    key_path = keys / SIGNING_KEY_FILE
    beginning = keys / BEGINNING_FOLDER
    if not key_path.exists() or beginning.exists():
        with sole_writer(keys / BEGIN_LOCK_FILE, patience_s=WRITER_PATIENCE_S):
            _begin(folder, keys)
    if not (folder / CHECKPOINT_FILE).exists():
        # A new log under an old key could pass for the old one: never begin one by ourselves.
        raise CorpusError(
            f"{folder}: the log is missing but its key {key_path} is there; restore the log from a copy, "
            "or move the key away to begin a new log under a new key"
        )
    signer, others = _load(key_path), sorted(keys.glob(FURTHER_KEYS))
    return AuditLog.open(folder, signer.verifying_key()), (signer, *map(_load, others))


def begin_log(workspace: Workspace) -> Path:
    """Make the workspace's log and keys where there are none yet; returns the path of the verifying key.

    Raises
    ------
    CorpusError
        If only one of log and keys is there.
    """
    log_for_writing(workspace)
    return trusted_key_path(workspace)


def _begin(folder: Path, keys: Path) -> None:
    """Make log and keys as one: until the keys move to their place, a crash leaves what this resumes."""
    beginning, has_log = keys / BEGINNING_FOLDER, (folder / CHECKPOINT_FILE).exists()
    if (keys / SIGNING_KEY_FILE).exists():  # another program was faster, or died after the last move
        shutil.rmtree(beginning, ignore_errors=True)
        return
    if has_log and not beginning.exists():
        raise CorpusError(
            f"{keys / SIGNING_KEY_FILE}: the log's signing key is missing; restore it to add entries"
        )
    if not (beginning / SIGNING_KEY_FILE).exists():
        shutil.rmtree(beginning, ignore_errors=True)
        generate_keys(beginning, f"linernotes.local/log-{secrets.token_hex(4)}")
    signer = SigningKey.load(beginning / SIGNING_KEY_FILE)
    if has_log:
        AuditLog.open(folder, signer.verifying_key())  # begun before the crash, under this key
    else:
        AuditLog.create(folder, signer)
    for name in (VERIFYING_KEY_FILE, SIGNING_KEY_FILE):
        if (beginning / name).exists():
            (beginning / name).replace(keys / name)
    beginning.rmdir()
    sync_folder(keys)


def _load(path: Path) -> SigningKey:
    try:
        return SigningKey.load(path)
    except InputError as error:
        raise CorpusError(str(error)) from error
