"""Check a published disclosure: every file against the index, the index against the log, the list against the seal.

Known limits
------------
Who checks with a key that lay beside the documents has checked that they agree with each other, and no more.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from linernotes.auditlog import Entry, Receipt, VerifyingKey
from linernotes.disclosure.article53 import Article53
from linernotes.disclosure.bundle import score_summary
from linernotes.disclosure.completeness import Completeness
from linernotes.disclosure.envelope import (
    INDEX_FILE,
    MAX_BYTES,
    MODELS,
    Disclosure,
    load_json,
    parse_document,
    parse_index,
)
from linernotes.disclosure.limitation import RECEIPT_FILE, SEAL_RECEIPT_FILE
from linernotes.errors import InputError, VerificationError
from linernotes.workflows.audit import open_log, trusted_key_path
from linernotes.workspace import Workspace

CROISSANT_FILE = "croissant.json"
BESIDE = (INDEX_FILE, RECEIPT_FILE, SEAL_RECEIPT_FILE)


def check_disclosure(
    folder: Path | str, *, key: Path | str | None = None, workspace: Path | str | None = None
) -> dict[str, Any]:
    """Check the documents of a folder.

    Parameters
    ----------
    folder : Path or str
        As ``linernotes disclose`` wrote it.
    key : Path or str, optional
        The log's verifying key, from a source that the reader trusts.
    workspace : Path or str, optional
        In place of a key: the workspace that published them, whose corpus and log are compared as well.

    Returns
    -------
    dict
        ``ok`` (true), ``version``, ``level``, ``corpus_root``, ``sha256``, ``log_index``, ``logged_at``, ``sealed_at``
        (time of the seal's entry, None without its receipt), ``origin``, ``n_files``, ``checked`` (in words).

    Raises
    ------
    InputError
        If neither key nor workspace is given, or something cannot be read.
    VerificationError
        Naming the first thing that does not hold.
    """
    folder = Path(folder)
    if (key is None) == (workspace is None):
        raise InputError(
            "disclose check: give either --key (of the log, from a source you trust) or --workspace"
        )
    data = _read(folder / INDEX_FILE)
    index = parse_index(data)
    checked = [_check_files(folder, index), _check_documents(folder, index)]
    if workspace is not None:
        with Workspace.open(workspace) as opened:
            trusted = VerifyingKey.load(trusted_key_path(opened))
            checked.append(_check_workspace(opened, index, folder))
    else:
        trusted = VerifyingKey.load(key or "")
    receipt, entry = _receipt(folder / RECEIPT_FILE, trusted)
    checked.append(_check_entry(entry, index, hashlib.sha256(data).hexdigest()))
    sealed_at = _check_seal(folder, trusted, index, checked)
    return {
        "ok": True,
        "version": index.version,
        "level": index.level,
        "corpus_root": index.corpus_root,
        "sha256": hashlib.sha256(data).hexdigest(),
        "log_index": receipt.leaf_index,
        "logged_at": entry.time,
        "sealed_at": sealed_at,
        "origin": receipt.origin,
        "n_files": len(index.files),
        "checked": checked,
        "limitation": index.limitation.statement,
    }


def _check_files(folder: Path, index: Disclosure) -> str:
    for name, digest in index.files.items():
        found = hashlib.sha256(_read(folder / name)).hexdigest()
        if found != digest:
            raise VerificationError(
                f"{name}: SHA-256 {found[:16]}…, the index says {digest[:16]}…; it was changed"
            )
    strangers = sorted(one.name for one in folder.iterdir() if one.name not in {*index.files, *BESIDE})
    if strangers:
        raise VerificationError(f"{strangers[0][:80]}: not part of the disclosure; nobody has logged it")
    return f"{len(index.files)} files are those of the index"


def _check_documents(folder: Path, index: Disclosure) -> str:
    found = {}
    for name in MODELS:
        if name not in index.files:
            raise VerificationError(
                f"{name}: missing from the index; a disclosure has all of {', '.join(MODELS)}"
            )
        found[name] = parse_document(name, _read(folder / name))
        if getattr(found[name], "limitation", None) != index.limitation:
            raise VerificationError(f"{name}: its statement of limitation is not that of the index")
    croissant = load_json(CROISSANT_FILE, _read(folder / CROISSANT_FILE))
    limits = croissant.get("rai:dataLimitations") if isinstance(croissant, dict) else None
    if not isinstance(limits, list) or not limits or limits[0] != index.limitation.statement:
        raise VerificationError(f"{CROISSANT_FILE}: lacks the statement of limitation")
    form, points = found["article53.json"], found["completeness.json"]
    if isinstance(form, Article53) and isinstance(points, Completeness):
        again, _ = score_summary({one.id: one.answer for one in form.fields}, index.limitation)
        if again != points or again.score != index.completeness:
            raise VerificationError("completeness.json: not the score of article53.json under this rubric")
    return "every document carries its statement of limitation, and the score is that of the summary"


def _check_entry(entry: Entry, index: Disclosure, digest: str) -> str:
    if entry.kind != "disclosure" or entry.subject_sha256 != digest:
        raise VerificationError(
            f"{RECEIPT_FILE}: about another entry ({entry.kind}); it is not of these documents"
        )
    said: dict[str, Any] = {"version": index.version, "level": index.level, "corpus_root": index.corpus_root}
    said["previous_sha256"] = index.previous.sha256 if index.previous else None
    for name, value in said.items():
        if entry.body.get(name) != value:
            raise VerificationError(
                f"{RECEIPT_FILE}: the log says {name} {entry.body.get(name)!r}, not {value!r}"
            )
    return "the index is in the log"


def _check_seal(folder: Path, key: VerifyingKey, index: Disclosure, checked: list[str]) -> str | None:
    path = folder / SEAL_RECEIPT_FILE
    if not path.is_file():
        if index.limitation.rung > 0:
            raise VerificationError(
                f"{SEAL_RECEIPT_FILE}: missing, though the documents say that the seal was logged"
            )
        return None
    _, entry = _receipt(path, key)
    if entry.kind != "corpus-seal" or entry.subject_sha256 != index.corpus_root:
        raise VerificationError(
            f"{SEAL_RECEIPT_FILE}: about another entry than the seal of {index.corpus_root[:12]}…"
        )
    checked.append("the sealed list is in the log")
    return entry.time


def _check_workspace(workspace: Workspace, index: Disclosure, folder: Path) -> str:
    roots = [one.root for one in workspace.snapshots()]
    if index.corpus_root not in roots:
        raise VerificationError(f"corpus {index.corpus_root[:12]}…: not a snapshot of this workspace")
    workspace.corpus(index.corpus_root).verify()
    log = open_log(workspace)
    receipt = Receipt.load(folder / RECEIPT_FILE)
    if log.entry_bytes(receipt.leaf_index) != receipt.entry:
        raise VerificationError(
            f"{RECEIPT_FILE}: entry {receipt.leaf_index} of the workspace's log is another one"
        )
    return "corpus and log of the workspace agree"


def _receipt(path: Path, key: VerifyingKey) -> tuple[Receipt, Entry]:
    found = Receipt.load(path)
    return found, found.verify(key)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise VerificationError(f"{path}: larger than {MAX_BYTES} bytes")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise VerificationError(f"{path}: missing; the disclosure is not whole") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
