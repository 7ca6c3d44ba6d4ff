"""Disputes and corrections at the desk: further entries of the log that refer to earlier ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from linernotes.auditlog.receipt import sha256_of_file
from linernotes.disclosure.disputes import correction_body, dispute_body
from linernotes.disclosure.requests_state import CORRECTED, DISPUTED, check_step
from linernotes.errors import InputError
from linernotes.workflows import audit
from linernotes.workflows.requests import shown, utc_today
from linernotes.workflows.requests_folder import desk_of, keep_words, load_request, log_step, ticket_of
from linernotes.workspace import Workspace

MAX_WORDS = 20_000


def dispute(
    workspace: Path | str, request_id: str, entry: int, reason: str, words: str, *, today: date | None = None
) -> dict[str, Any]:
    """Enter a dispute: it names an entry of the log and a reason, and stands in every later extract.

    Parameters
    ----------
    entry : int
        Entry of the log that is disputed.
    reason : str
        One of `linernotes.disclosure.disputes.REASONS`.
    words : str
        What is wrong, in the requester's words; private.

    Raises
    ------
    InputError
        If the entry does not exist, the reason is unknown or there are no words.
    CorpusError
        If there is no such request, or it is closed.
    """
    with Workspace.open(workspace) as opened, desk_of(opened):
        ticket = ticket_of(opened, request_id)
        check_step(ticket, DISPUTED)
        request = load_request(opened, ticket)
        kind = _kind_of(opened, entry)
        dispute_body(request_id, entry, kind, reason, "")  # refuse before words are kept
        digest = keep_words(opened, request, _said(words))
        log_step(opened, request_id, DISPUTED, None, dispute_body(request_id, entry, kind, reason, digest))
        return shown(opened, request_id, today or utc_today())


def correct(
    workspace: Path | str,
    request_id: str,
    entry: int,
    words: str,
    *,
    outcome: str = "corrected",
    dispute_entry: int | None = None,
    replaced_by: Path | str | None = None,
    today: date | None = None,
) -> dict[str, Any]:
    """Enter a correction: a new entry that refers to the old one; nothing is taken back.

    Parameters
    ----------
    entry : int
        The old entry.
    words : str
        What holds instead, or why the old entry stands.
    outcome : str
        One of `linernotes.disclosure.disputes.OUTCOMES`.
    dispute_entry : int, optional
        The open dispute that this answers.
    replaced_by : Path or str, optional
        The document that holds instead; its hash is logged.

    Raises
    ------
    InputError
        If an entry does not exist, the outcome is unknown or there are no words.
    CorpusError
        If there is no such request, it is closed, or the dispute is not an open one of it.
    """
    with Workspace.open(workspace) as opened, desk_of(opened):
        ticket = ticket_of(opened, request_id)
        check_step(ticket, CORRECTED)
        if dispute_entry is not None and dispute_entry not in ticket.open_disputes:
            open_ones = ", ".join(map(str, ticket.open_disputes)) or "none"
            raise InputError(
                f"dispute {dispute_entry}: not an open dispute of {request_id}; open: {open_ones}"
            )
        request = load_request(opened, ticket)
        kind = _kind_of(opened, entry)
        subject = sha256_of_file(Path(replaced_by)) if replaced_by is not None else None
        correction_body(request_id, entry, kind, outcome, "", dispute_entry, subject)
        digest = keep_words(opened, request, _said(words))
        body = correction_body(request_id, entry, kind, outcome, digest, dispute_entry, subject)
        log_step(opened, request_id, CORRECTED, subject, body)
        return shown(opened, request_id, today or utc_today())


def _kind_of(workspace: Workspace, entry: int) -> str:
    log = audit.open_log(workspace)
    size = log.checkpoint().size
    if not 0 <= entry < size:
        raise InputError(f"entry {entry}: the log has entries 0 to {size - 1}")
    return log.entry(entry).kind


def _said(words: str) -> str:
    if not words.strip() or len(words) > MAX_WORDS:
        raise InputError(
            "words: empty or too long; say in up to {MAX_WORDS} characters what is wrong, or what holds"
        )
    return words
