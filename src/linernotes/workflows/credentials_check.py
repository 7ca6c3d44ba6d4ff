"""Content credentials read and checked: whether the sound is unchanged, and the record the one in the log.

Checks are answered one by one with yes, no or "not checked"; a signer whom no given list vouches for is "not checked",
never "valid".

Known limits
------------
Whether the record is true is not checked here; that it was committed, when, and for this sound, is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linernotes.audio.files import read_audio
from linernotes.auditlog import Receipt, VerifyingKey
from linernotes.corpus.manifest import audio_sha256
from linernotes.errors import InputError, VerificationError
from linernotes.signals.attribution_assertion import LABEL, checked
from linernotes.signals.c2pa_files import read_manifest
from linernotes.signals.c2pa_manifest import ManifestStore
from linernotes.workflows.attribution_record import rankings_of, record_sha256
from linernotes.workflows.audit import open_log, trusted_key_path
from linernotes.workspace import Workspace

SCOPE = (
    "A credential binds a record to a file and says who signed it. It does not show that the record is true, nor what else "
    "was used to train the generator."
)


def read_credentials(file: Path, trust: Path | None = None) -> dict[str, Any]:
    """Say what credentials a file carries.

    Returns
    -------
    dict
        ``file``, ``credentials`` (None, or what the manifest says), ``attribution`` (our assertion, or None) and
        ``scope``.

    Raises
    ------
    InputError
        If the file cannot be read or carry credentials, or its assertion is malformed.
    """
    store = read_manifest(file, _anchors(trust))
    found = None if store is None else assertion_of(store)
    return {
        "file": str(file),
        "credentials": None if store is None else store.as_json(),
        "attribution": found,
        "scope": SCOPE,
    }


def verify_credentials(
    file: Path,
    *,
    workspace: Path | None = None,
    receipt: Path | None = None,
    key: Path | None = None,
    trust: Path | None = None,
) -> dict[str, Any]:
    """Check that a file's sound is unchanged and that its record is the one in the log.

    Parameters
    ----------
    file : Path
        The file.
    workspace : Path, optional
        Workspace whose log and rankings it is checked against.
    receipt, key : Path, optional
        A receipt of the record, and the log's verifying key from a source you trust; for checking without a workspace.
    trust : Path, optional
        Authorities whose signers you trust.

    Returns
    -------
    dict
        ``ok``, ``checks`` (``check``, ``ok`` true, false or None for "not checked", ``detail``), ``state``, ``signer``,
        ``record``, ``scope``.

    Raises
    ------
    InputError
        If neither workspace nor receipt and key are given, or a file cannot be read.
    CorpusError
        If the workspace has no log.
    """
    if workspace is None and (receipt is None or key is None):
        raise InputError("nothing to check against; give --workspace, or --receipt with the log's --key")
    checks = _Checks()
    store = read_manifest(file, _anchors(trust))
    if store is None:
        checks.add("credentials present", False, "the file carries none, or they were cut off")
        return checks.report(file, None, None)
    faults = "; ".join(f"{code}: {text}" for code, text in store.faults)
    checks.add("bytes unchanged since signing", store.holds, "" if store.holds else faults)
    checks.add(
        "signer trusted",
        True if store.state == "trusted" else None,
        store.active.signer
        if store.state == "trusted"
        else f"{store.active.signer}: on no list that was given",
    )
    try:
        found = assertion_of(store)
    except InputError as error:
        found = None
        checks.add("attribution record well-formed", False, str(error))
    if found is None:
        checks.add("attribution record present", False, f"no assertion {LABEL}")
        return checks.report(file, store, None)
    _check_record(checks, file, found)
    if receipt is not None and key is not None:
        _check_receipt(checks, found, receipt, key)
    if workspace is not None:
        _check_workspace(checks, found, workspace)
    return checks.report(file, store, found["record"])


def assertion_of(store: ManifestStore) -> dict[str, Any] | None:
    """Return our assertion of the active manifest, or None.

    Raises
    ------
    InputError
        If it is malformed, or there are several.
    """
    found = store.active.named(LABEL)
    if len(found) > 1:
        raise InputError(f"{len(found)} assertions {LABEL} in one manifest; expected one")
    return checked(found[0].data) if found else None


class _Checks:
    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(self, check: str, ok: bool | None, detail: str = "") -> None:
        self._rows.append({"check": check, "ok": ok, "detail": detail})

    def report(
        self, file: Path, store: ManifestStore | None, record: dict[str, Any] | None
    ) -> dict[str, Any]:
        return {
            "file": str(file),
            "ok": all(row["ok"] is not False for row in self._rows),
            "checks": self._rows,
            "state": None if store is None else store.state,
            "signer": None if store is None else store.active.signer,
            "record": record,
            "scope": SCOPE,
        }


def _check_record(checks: _Checks, file: Path, found: dict[str, Any]) -> None:
    made = found["record"]
    checks.add("record is the one that is named", record_sha256(made) == found["record_sha256"])
    try:
        sound = audio_sha256(read_audio(file, allow_silence=True))
    except InputError as error:
        checks.add("sound is the one of the record", False, str(error))
        return
    same = sound == made["output"]["audio_sha256"]
    checks.add(
        "sound is the one of the record", same, "" if same else f"decoded sound has hash {sound[:16]}…"
    )


def _check_receipt(checks: _Checks, found: dict[str, Any], receipt_path: Path, key_path: Path) -> None:
    try:
        receipt = Receipt.load(receipt_path)
        entry = receipt.verify(VerifyingKey.load(key_path))
    except VerificationError as error:
        checks.add("receipt holds", False, str(error))
        return
    checks.add("receipt holds", True, f"entry {receipt.leaf_index} of {receipt.origin}, {entry.time}")
    named = (receipt.origin, receipt.leaf_index) == (found["log"]["origin"], found["log"]["index"])
    checks.add("receipt is of the entry that the file names", named)
    _check_entry(checks, found, entry.kind, entry.subject_sha256, entry.body)


def _check_workspace(checks: _Checks, found: dict[str, Any], path: Path) -> None:
    with Workspace.open(path) as opened:
        log = open_log(opened)
        place = found["log"]
        try:
            receipt = log.receipt(place["index"])
            entry = receipt.verify(VerifyingKey.load(trusted_key_path(opened)))
        except (InputError, VerificationError) as error:
            checks.add("entry is in the workspace's log", False, str(error))
            return
        checks.add("entry is in the workspace's log", receipt.origin == place["origin"], receipt.origin)
        _check_entry(checks, found, entry.kind, entry.subject_sha256, entry.body)
        made = found["record"]
        attribution = made["attribution"]
        if attribution is not None:
            hashes = {one.sha256 for one in rankings_of(opened, made["output"]["content_sha256"])}
            known = attribution["ranking_sha256"] in hashes
            checks.add(
                "ranking is kept in the workspace",
                known or None,
                "" if known else "its run is not in the workspace's folder of runs",
            )


def _check_entry(
    checks: _Checks, found: dict[str, Any], kind: str, subject: str | None, body: dict[str, Any]
) -> None:
    same = kind == "attribution-record" and subject == found["record_sha256"]
    checks.add("record is the one in the log", same and body.get("record") == found["record"])


def _anchors(trust: Path | None) -> bytes | None:
    if trust is None:
        return None
    try:
        return trust.read_bytes()
    except OSError as error:
        raise InputError(f"{trust}: cannot be read ({error.strerror})") from None
