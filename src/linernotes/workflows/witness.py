"""Witnesses: be one, or ask some to cosign the head of a workspace's log.

A log's owner asks: over HTTP (`cosign`), or with a file that is carried there and back (`write_request`,
`attach`). A witness answers: over HTTP (`linernotes.auditlog.witness_server`) or with a file (`answer`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linernotes.auditlog import Checkpoint, Policy, Witness
from linernotes.auditlog.files import write_whole
from linernotes.auditlog.keys import ML_DSA_44, WITNESS_ED25519, VerifyingKey
from linernotes.auditlog.note import split_note
from linernotes.auditlog.witness import MAX_REQUEST_BYTES
from linernotes.auditlog.witness_client import collect, read_answer, request_for
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.workflows.log_home import open_log

ALGORITHMS = {"ed25519": WITNESS_ED25519, "ml-dsa-44": ML_DSA_44}


def new_witness(folder: Path | str, name: str, algorithm: str = "ed25519") -> dict[str, Any]:
    """Make a witness with a new key; returns ``name``, ``key`` (path) and ``key_line`` for policies.

    Raises
    ------
    InputError
        If the name or algorithm is not usable, or the folder holds a witness.
    MissingExtra
        If the installed `cryptography` has no ML-DSA-44.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    witness = Witness.create(folder, name, ALGORITHMS[algorithm])
    key = witness.signer.verifying_key()
    return {"name": name, "key": str(Path(folder) / "witness.pub"), "key_line": key.line()}


def trust_log(folder: Path | str, key: Path | str) -> dict[str, Any]:
    """Have the witness watch the log of a verifying key; returns ``name`` and ``logs``.

    Raises
    ------
    InputError, VerificationError
        If witness or key cannot be used.
    """
    witness = Witness.open(folder).trust(VerifyingKey.load(key))
    return {"name": witness.signer.name, "logs": sorted({each.name for each in witness.logs})}


def answer(folder: Path | str, request: Path | str, out: Path | str) -> dict[str, Any]:
    """Answer a request file as the witness in *folder*; the cosignature goes to *out*.

    Returns
    -------
    dict
        ``ok`` (true), ``name`` and ``answer`` (path).

    Raises
    ------
    InputError
        If a file cannot be read or written.
    VerificationError
        If the witness refuses, with its status and reason.
    """
    witness = Witness.open(folder)
    found = witness.add_checkpoint(_read(Path(request)))
    if found.status != 200:
        reason = found.body.decode().strip()
        if found.status == 409:
            reason = f"it has cosigned {reason} entries; make the request again with --old {reason}"
        raise VerificationError(f"the witness refuses (status {found.status}): {reason}")
    _write(Path(out), found.body)
    return {"ok": True, "name": witness.signer.name, "answer": str(out)}


def cosign(workspace_path: Path | str, policy: Path | str) -> dict[str, Any]:
    """Ask every witness of a policy that has an address to cosign the log's head, and keep what holds.

    Returns
    -------
    dict
        ``origin``, ``size``, ``root``, the fields of `linernotes.auditlog.Witnessed`, and ``outcomes``: for
        each witness ``name``, ``cosigned`` and ``problem``.

    Raises
    ------
    InputError
        If the policy cannot be read, or none of its witnesses has an address.
    CorpusError
        If the workspace has no log.
    """
    from linernotes.workspace import Workspace

    rules = Policy.load(policy)
    if not any(witness.url for witness in rules.witnesses):
        raise InputError(
            f"policy {policy}: no witness has an address; use 'audit request' and 'audit attach'"
        )
    with Workspace.open(workspace_path) as workspace:
        log = open_log(workspace)
        outcomes = collect(log, rules.witnesses)
        note = log.checkpoint_note()
    return {
        **_facts(Checkpoint.open(note, log.key)),
        **rules.judge(note).as_json(),
        "outcomes": [
            {"name": one.name, "cosigned": one.signature is not None, "problem": one.problem}
            for one in outcomes
        ],
    }


def write_request(workspace_path: Path | str, out: Path | str, old_size: int = 0) -> dict[str, Any]:
    """Write a request to cosign the log's head, for a witness that is reached with files.

    Parameters
    ----------
    workspace_path : path
        The workspace.
    out : path
        Where the request goes.
    old_size : int
        Entries of the head that this witness cosigned last.

    Raises
    ------
    InputError
        If the log has fewer entries, or *out* cannot be written.
    CorpusError
        If the workspace has no log.
    """
    from linernotes.workspace import Workspace

    with Workspace.open(workspace_path) as workspace:
        log = open_log(workspace)
        asked = request_for(log, old_size)
    _write(Path(out), asked.to_bytes())
    return {**_facts(Checkpoint.open(asked.note, log.key)), "old_size": old_size, "request": str(out)}


def attach(workspace_path: Path | str, answer_file: Path | str, policy: Path | str) -> dict[str, Any]:
    """Put a witness's answer below the log's head; returns the fields of `cosign` without ``outcomes``.

    Raises
    ------
    InputError
        If a file cannot be read.
    VerificationError
        If no witness of the policy made it, or it is not for a head that the log keeps.
    """
    from linernotes.workspace import Workspace

    rules, body = Policy.load(policy), _read(Path(answer_file))
    with Workspace.open(workspace_path) as workspace:
        log = open_log(workspace)
        note = log.checkpoint_note()
        text, reasons = split_note(note)[0], []
        for witness in rules.witnesses:
            try:
                log.add_signatures(text, [read_answer(body, text, witness)])
                break
            except VerificationError as error:
                reasons.append(str(error))
        else:
            raise VerificationError(
                f"{answer_file}: no cosignature of a witness of the policy over the log's present head; "
                f"if entries were added since, make a new request ({'; '.join(reasons[:3])})"
            )
        note = log.checkpoint_note()
    return {**_facts(Checkpoint.open(note, log.key)), **rules.judge(note).as_json()}


def _facts(head: Checkpoint) -> dict[str, Any]:
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_REQUEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_REQUEST_BYTES:
        raise InputError(f"{path}: more than {MAX_REQUEST_BYTES} bytes, expected a request or an answer")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def serve(folder: Path | str, host: str, port: int) -> Any:
    """Return a server for the witness in *folder*, bound and ready to ``serve_forever``.

    Raises
    ------
    InputError
        If the witness or the address cannot be used.
    CorpusError
        If the witness's memory is gone.
    """
    from linernotes.auditlog.witness_server import make_server

    witness = Witness.open(folder)
    if not witness.logs:
        raise CorpusError(f"{folder}: the witness watches no log; give it one with 'audit witness trust'")
    return make_server(witness, host, port)
