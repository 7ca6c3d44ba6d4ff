"""The audit log of a workspace: append, prove, verify, check.

The log lies in the workspace's folder ``log``, in a form that any web host can serve; its keys lie in
``keys``: ``log.key`` signs and stays, ``log.pub`` is what receipts are checked with and is meant to be
given away. Both come into being with the first entry, or by `linernotes.workflows.log_keys.make_keys`.

Known limits
------------
Publish ``log.pub`` where others already trust you: a key that came with the receipt proves little.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.auditlog import Checkpoint, Entry, Policy, Receipt, VerifyingKey, Witnessed
from linernotes.auditlog.receipt import check_subject, sha256_of_file
from linernotes.errors import InputError
from linernotes.workflows.audit_checks import consistency, fsck, fsck_folder, upgrade
from linernotes.workflows.log_home import (
    KEYS_FOLDER,
    LOG_FOLDER,
    log_for_writing,
    open_log,
    open_workspace,
    trusted_key_path,
)

if TYPE_CHECKING:
    from linernotes.workspace import Workspace

__all__ = [
    "KEYS_FOLDER",
    "LOG_FOLDER",
    "append_file",
    "consistency",
    "fsck",
    "fsck_folder",
    "open_log",
    "prove",
    "receipt_facts",
    "record",
    "record_many",
    "trusted_key_path",
    "upgrade",
    "verify",
]


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
        JSON object with what the entry says; with the rest of the entry at most 65,535 bytes.

    Raises
    ------
    InputError
        If the entry is malformed or too large.
    CorpusError
        If another program keeps writing the log, or log and keys do not lie together.
    VerificationError
        If the log is damaged.
    """
    entry = Entry(kind, subject_sha256, body)
    log, signers = log_for_writing(workspace)
    return log.receipt(log.append(entry, *signers))


def record_many(
    workspace: Workspace, entries: Iterable[Entry | tuple[str, str | None, dict[str, Any]]]
) -> range:
    """Append many entries as one: all of them are in the log when this returns, none when it raises.

    Parameters
    ----------
    workspace : Workspace
        Whose log it is.
    entries : iterable
        `Entry`, or kind, subject and body as `record` takes them.

    Returns
    -------
    range
        The indices of the entries; ``open_log(workspace).receipts(indices)`` gives their receipts.

    Raises
    ------
    InputError, CorpusError, VerificationError
        As `record`.
    """
    made = [entry if isinstance(entry, Entry) else Entry(*entry) for entry in entries]
    log, signers = log_for_writing(workspace)
    return log.append_many(made, *signers)


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
    with open_workspace(workspace_path) as workspace:
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
    with open_workspace(workspace_path) as workspace:
        log = open_log(workspace)
        receipt = log.receipt(index)
        key_path = trusted_key_path(workspace)
    receipt.write(out)
    return receipt_facts(receipt, log.key) | {"receipt": str(out), "key": str(key_path)}


def verify(
    receipt: Path | str,
    key: Path | str | None = None,
    subject: Path | str | None = None,
    policy: Path | str | None = None,
) -> dict[str, Any]:
    """Check a receipt offline, the file that it is about, and who cosigned its head.

    Parameters
    ----------
    receipt : path
        A receipt, or a ``.tlog-proof`` that holds its entry.
    key : path, optional
        Trusted verifying key of the log; not needed where the policy lists the log.
    subject : path, optional
        The file that the entry is about.
    policy : path, optional
        Which witnesses must have cosigned. Below its quorum the receipt is downgraded: ``ok`` is false.

    Returns
    -------
    dict
        ``ok``, the facts of the receipt, ``subject_checked``, ``witnessed``, ``n_cosignatures``,
        ``n_witnesses``, ``quorum``, ``witnesses`` and ``problem``. Without a policy no cosignature is
        checked, and ``witnessed`` is false.

    Raises
    ------
    InputError
        If a file cannot be read, or neither key nor policy names the log.
    VerificationError
        With the reason, when the receipt does not hold.
    """
    found = Receipt.load(receipt)
    rules = None if policy is None else Policy.load(policy)
    if key is not None:
        trusted = VerifyingKey.load(key)
    elif rules is not None:
        trusted = rules.log_key(found.checkpoint)
    else:
        raise InputError("no trusted key: give the log's verifying key, or a policy that lists it")
    entry = found.verify(trusted)
    if rules is not None and rules.logs:
        rules.log_key(found.checkpoint)
    if subject is not None:
        check_subject(entry, Path(subject))
    judged = Witnessed(False, (), 0, "") if rules is None else rules.judge(found.checkpoint)
    problem = ""
    if rules is not None and not judged.witnessed:
        problem = (
            f"not witnessed: {len(judged.cosigned)} of {judged.n_witnesses} known witnesses cosigned its head, "
            f"below the quorum {judged.quorum!r}; ask the log's owner for a newer receipt"
        )
    return {
        "ok": not problem,
        **receipt_facts(found, trusted),
        "subject_checked": subject is not None,
        **judged.as_json(),
        "problem": problem,
    }


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
