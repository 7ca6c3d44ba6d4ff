"""Content credentials on generated files: written with their attribution record, and checked against the log.

Writing logs the record first, then signs a manifest that points to the entry, then logs the signed file: whoever finds the
file can follow it to the record, and whoever has the record can find the file. The signer's certificate is the user's;
`make_keys` makes one for trials that says of itself that nobody should trust it.

References
----------
C2PA Technical Specification 2.4; CAWG training and data mining 1.1; IPTC digital source type
``trainedAlgorithmicMedia``.

Known limits
------------
Credentials can be cut off a file. Their absence says nothing; their presence says who signed, if you trust the signer.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256, read_audio
from linernotes.auditlog.files import write_whole
from linernotes.corpus.manifest import audio_sha256
from linernotes.errors import InputError, LinernotesError, VerificationError
from linernotes.signals import cawg
from linernotes.signals.attribution_assertion import LABEL, checked
from linernotes.signals.c2pa_files import load_signer, media_type, read_manifest, write_manifest
from linernotes.signals.c2pa_manifest import ManifestStore
from linernotes.signals.trial_signer import make_trial_signer
from linernotes.workflows.attribution_record import attribution_record, record_sha256
from linernotes.workflows.audit import record
from linernotes.workflows.credentials_check import SCOPE, assertion_of
from linernotes.workspace import Workspace

FOLDER = "credentials"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
RIGHTS = cawg.CHOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """What to write, with which key.

    Parameters
    ----------
    output, workspace, out : Path
        Generated file, workspace, and where the signed copy goes.
    certificates, private_key : Path
        PEM chain and key of the signer.
    rights : {"notAllowed", "allowed", "constrained"}
        What the output's owner says about training on it.
    rights_info : str
        The constraint, for ``constrained``.
    method : str, optional
        Which ranking, where there are several.
    """

    output: Path
    workspace: Path
    out: Path
    certificates: Path
    private_key: Path
    rights: str = "notAllowed"
    rights_info: str = ""
    method: str | None = None


def make_keys(out: Path) -> dict[str, Any]:
    """Make a signer for trials in the folder *out*: nobody trusts it, and its name says so.

    Returns
    -------
    dict
        ``certificates``, ``private_key``, ``authority`` (paths) and ``trusted`` (false).

    Raises
    ------
    InputError
        If the folder holds such files already, or cannot be written to.
    """
    paths = {name: out / f"TEST-{name}.pem" for name in ("certificates", "private_key", "authority")}
    taken = [path for path in paths.values() if path.exists()]
    if taken:
        raise InputError(f"{taken[0]}: exists; choose another folder or remove the old trial keys")
    chain, key, authority = make_trial_signer()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in (("certificates", chain), ("private_key", key), ("authority", authority)):
            write_whole(paths[name], data, mode=0o600 if name == "private_key" else 0o644)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
    return {name: str(path) for name, path in paths.items()} | {"trusted": False}


def write_credentials(request: CredentialRequest) -> dict[str, Any]:
    """Log the output's attribution record and write a signed copy of the output that points to it.

    Returns
    -------
    dict
        ``file``, ``container``, ``record``, ``record_sha256``, ``log``, ``receipt``, ``signer``, ``state``,
        ``file_sha256``, ``credential_log_index``, ``scope``.

    Raises
    ------
    InputError
        If a file is not usable, carries credentials already, or the signer's certificate is not.
    CorpusError
        If the workspace has no sealed corpus.
    VerificationError
        If the written file does not read back as it should.
    """
    _check(request)
    signer = load_signer(request.certificates, request.private_key)
    with Workspace.open(request.workspace) as opened:
        made = attribution_record(opened, request.output, request.method)
        digest = record_sha256(made)
        receipt = record(opened, "attribution-record", digest, {"record": made})
        receipt_path = opened.folder(FOLDER) / f"{digest[:16]}.receipt.json"
        receipt.write(receipt_path)
        place = {
            "origin": receipt.origin,
            "index": receipt.leaf_index,
            "receipt_sha256": hashlib.sha256(receipt.to_bytes()).hexdigest(),
        }
        data = checked({"record": made, "record_sha256": digest, "log": place})
        write_manifest(request.output, request.out, _manifest(request, data), signer)
        try:
            store = _read_back(request.out, made["output"]["audio_sha256"])
        except LinernotesError:
            request.out.unlink(missing_ok=True)
            raise
        written = file_sha256(request.out)
        logged = record(
            opened,
            "output-credential",
            written,
            {
                "record_sha256": digest,
                "record_index": receipt.leaf_index,
                "manifest": store.active.label,
                "signer": signer.name,
                "rights": request.rights,
            },
        )
    return {
        "file": str(request.out),
        "container": media_type(request.out),
        "file_sha256": written,
        "record": made,
        "record_sha256": digest,
        "log": place,
        "receipt": str(receipt_path),
        "signer": store.active.signer,
        "state": store.state,
        "rights": request.rights,
        "credential_log_index": logged.leaf_index,
        "scope": SCOPE,
    }


def _check(request: CredentialRequest) -> None:
    if request.rights not in RIGHTS:
        raise InputError(f"rights '{request.rights}': expected one of {', '.join(RIGHTS)}")
    if request.rights_info and request.rights != "constrained":
        raise InputError("a constraint text goes with rights 'constrained' only")
    if request.out.exists() and os.path.samefile(request.output, request.out):
        raise InputError(f"{request.out}: is the output itself; choose another file for the signed copy")
    media_type(request.output)
    if read_manifest(request.output) is not None:
        raise InputError(
            f"{request.output}: carries credentials already; give the file as the generator wrote it"
        )


def _manifest(request: CredentialRequest, data: dict[str, Any]) -> dict[str, Any]:
    entries = tuple(
        cawg.Entry(f"cawg.{name}", request.rights, request.rights_info)  # type: ignore[arg-type]  # checked
        for name in cawg.USES
    )
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    return {
        "claim_generator_info": [{"name": "Linernotes", "version": version("linernotes")}],
        "title": request.output.name,
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [created]}},
            {"label": cawg.LABEL, "data": cawg.assertion(entries)},
            {"label": LABEL, "kind": "Json", "data": data},
        ],
    }


def _read_back(path: Path, expected_audio: str) -> ManifestStore:
    store = read_manifest(path)
    if store is None or not store.holds or assertion_of(store) is None:
        raise VerificationError(
            f"{path}: the credentials just written do not read back; the file was removed"
        )
    if audio_sha256(read_audio(path, allow_silence=True)) != expected_audio:
        raise VerificationError(
            f"{path}: its sound changed while the credentials were written; it was removed"
        )
    return store
