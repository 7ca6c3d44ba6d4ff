"""The check before release: every check there is, one decision by declared policy, logged with its reasons.

A decision is never edited. A hold is overridden by a named person with a reason, in an entry of its own that names the
decision; a refusal is not overridden here: change the output, or the policy, and check again.

Known limits
------------
It searches what the workspace holds. Released does not mean free of other people's rights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256
from linernotes.auditlog.files import write_whole
from linernotes.errors import InputError, PolicyRefusal
from linernotes.execution.threads import one_thread
from linernotes.workflows.audit import open_log, record
from linernotes.workflows.release_checks import (
    Finding,
    check_attribution,
    check_consent,
    check_credentials,
    check_identification,
    check_personhood,
    check_same_sound,
    credentials_of,
    decision_of,
    rankings_for,
)
from linernotes.workflows.release_policy import ReleasePolicy, default_policy, load_policy
from linernotes.workspace import Workspace

Progress = Callable[[str, int, int], None]
FOLDER = "releases"
KIND, OVERRIDE = "release-decision", "release-override"
SCOPE = (
    "Decided by the policy named, from what this workspace holds. It says what was looked for and not found, and what was "
    "not checked; it is no legal conclusion."
)


@one_thread()
def check_release(
    outputs: Sequence[Path],
    workspace: Path | str,
    policy: Path | str | None = None,
    *,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Check outputs before release, and log a decision on each.

    Parameters
    ----------
    outputs : sequence of Path
        Audio files.
    workspace : path
        What is searched, and whose log takes the decision.
    policy : path, optional
        TOML file; the shipped default without it.
    progress : callable, optional
        Called with a name, the number done, and the number in all.

    Returns
    -------
    list of dict
        Per output ``output``, ``sha256``, ``decision`` (release, hold or refuse), ``findings``, ``policy``
        (``name``, ``sha256``), ``log_index``, ``receipt``, ``scope``.

    Raises
    ------
    InputError
        If an output is no audio, or the policy is malformed.
    CorpusError
        If there is no workspace, or its log cannot be written.
    """
    if not outputs:
        raise InputError("no outputs to check; give at least one")
    rule = default_policy() if policy is None else load_policy(policy)
    hashes = [file_sha256(output) for output in outputs]
    return [
        _decide(output, digest, Path(workspace), rule, progress)
        for output, digest in zip(outputs, hashes, strict=True)
    ]


def override(workspace: Path | str, index: int, *, by: str, reason: str) -> dict[str, Any]:
    """Release an output that was held: a new entry with a person's name and reason.

    Parameters
    ----------
    workspace : path
        Whose log holds the decision.
    index : int
        Entry of the decision.
    by : str
        Name of the person who answers for it.
    reason : str
        Why.

    Returns
    -------
    dict
        ``overrides``, ``sha256``, ``by``, ``reason``, ``log_index``, ``receipt``.

    Raises
    ------
    InputError
        If the entry is no decision, or name or reason is missing.
    PolicyRefusal
        If the decision was to refuse.
    """
    by, reason = by.strip(), reason.strip()
    if len(by) < 2 or len(reason) < 5:
        raise InputError("an override needs a person's name (--by) and a reason (--reason) of a few words")
    with Workspace.open(workspace) as opened:
        log = open_log(opened)
        decided = log.entry(index)
        if decided.kind != KIND:
            raise InputError(f"entry {index}: a '{decided.kind}', expected a '{KIND}'")
        decision = decided.body["decision"]
        if decision == "refuse":
            raise PolicyRefusal(
                f"entry {index}: the policy refused this output; change the output or the policy, and check again"
            )
        if decision != "hold":
            raise InputError(f"entry {index}: the output was released; there is nothing to override")
        body = {"overrides": index, "decision": "release", "by": by, "reason": reason}
        receipt = record(opened, OVERRIDE, decided.subject_sha256, body)
        path = opened.folder(FOLDER) / f"{receipt.leaf_index}.receipt.json"
        receipt.write(path)
    return {
        "overrides": index,
        "sha256": decided.subject_sha256,
        "by": by,
        "reason": reason,
        "log_index": receipt.leaf_index,
        "receipt": str(path),
    }


def _decide(
    output: Path, digest: str, workspace: Path, policy: ReleasePolicy, progress: Progress | None
) -> dict[str, Any]:
    findings = list(check_identification(output, workspace, policy, progress))
    with Workspace.open(workspace) as opened:
        store, why_not = credentials_of(output)
        rankings = rankings_for(opened, output, store)
        findings += check_same_sound(output, opened, policy)
        findings += check_attribution(rankings, policy)
        findings += check_consent(opened, rankings, policy)
        findings += [check_credentials(store, why_not, policy), check_personhood(policy)]
        decision = decision_of(findings)
        if file_sha256(output) != digest:
            raise InputError(f"{output}: changed while it was checked; check it again when it is finished")
        body = _body(output, decision, policy, findings)
        receipt = record(opened, KIND, digest, body)
        folder = opened.folder(FOLDER)
        path = folder / f"{receipt.leaf_index}.receipt.json"
        receipt.write(path)
        write_whole(folder / f"{policy.sha256}.toml", policy.text.encode())
    return {
        "output": str(output),
        "sha256": digest,
        "decision": decision,
        "findings": [one.as_json() for one in findings],
        "policy": {"name": policy.name, "sha256": policy.sha256},
        "log_index": receipt.leaf_index,
        "receipt": str(path),
        "scope": SCOPE,
    }


def _body(output: Path, decision: str, policy: ReleasePolicy, findings: list[Finding]) -> dict[str, Any]:
    """Return what the log keeps: the decision and its reasons, and a hash of the figures behind them."""
    facts = json.dumps([one.facts for one in findings], sort_keys=True, default=str)
    return {
        "file_name": output.name,
        "decision": decision,
        "policy": policy.name,
        "policy_sha256": policy.sha256,
        "findings": [
            {"check": one.check, "status": one.status, "action": one.action, "reason": one.reason[:1000]}
            for one in findings
        ],
        "facts_sha256": hashlib.sha256(facts.encode()).hexdigest(),
        "scope": SCOPE,
    }


def write_default_policy(out: Path) -> dict[str, Any]:
    """Write a copy of the default policy; InputError where *out* exists or cannot be written."""
    if out.exists():
        raise InputError(f"{out}: exists; choose another name")
    policy = default_policy()
    try:
        write_whole(out, policy.text.encode())
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror}); choose a folder that exists"
        ) from None
    return {"policy": str(out), "name": policy.name, "sha256": policy.sha256}
