"""Keep a copy of a log: from a web address or a folder, extended run by run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from linernotes.auditlog import Checkpoint, Policy, VerifyingKey
from linernotes.auditlog import mirror as mirror_log
from linernotes.auditlog.fork import SENTENCES, Evidence
from linernotes.auditlog.sources import open_source


def mirror(
    place: str,
    out: Path | str,
    key: Path | str,
    policy: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Bring the copy in *out* up to the log at *place*; resumes where an interrupted run stopped.

    Parameters
    ----------
    place : str
        Address or folder of the log.
    out : path
        The copy.
    key : path
        Verifying key of the log, from a source that the reader trusts.
    policy : path, optional
        Heads below its quorum are refused.
    progress : callable, optional
        Called with entries done and entries in all.

    Returns
    -------
    dict
        ``origin``, ``old_size``, ``size``, ``root``, ``n_fetched``, ``out``.

    Raises
    ------
    InputError
        If a file or the log cannot be read.
    VerificationError
        If the log was rolled back, forked or is damaged; the evidence is then in *out*.
    PolicyRefusal
        If its head is below the quorum.
    """
    rules = None if policy is None else Policy.load(policy)
    report = mirror_log(open_source(place), out, VerifyingKey.load(key), policy=rules, progress=progress)
    return {**report.as_json(), "out": str(out)}


def check_evidence(file: Path | str, key: Path | str) -> dict[str, Any]:
    """Check a file in which a mirror or witness kept two heads that do not belong together.

    Returns
    -------
    dict
        ``ok`` (true), ``kind``, ``sentence``, ``origin``, ``held_size``, ``offered_size``.

    Raises
    ------
    InputError
        If a file cannot be read.
    VerificationError
        If it does not show what it says, under that key.
    """
    trusted, evidence = VerifyingKey.load(key), Evidence.load(file)
    evidence.check(trusted)
    held, offered = (Checkpoint.open(note, trusted) for note in (evidence.held, evidence.offered))
    return {
        "ok": True,
        "kind": evidence.kind,
        "sentence": SENTENCES[evidence.kind],
        "origin": held.origin,
        "held_size": held.size,
        "offered_size": offered.size,
    }
