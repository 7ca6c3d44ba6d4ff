"""The request desk: an owner asks about works, the desk answers in time, and every step stands in the log.

`linernotes.workflows.requests_answer` prepares and mails the answer.

Conventions
-----------
Who asks, the statement and all words stay in the workspace; the log holds hashes with the request's salt, days and counts.
Steps are decided and logged by one program at a time.

Known limits
------------
Every question reads the whole log; a log of a million entries takes some seconds.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from linernotes.corpus.lookup_keys import normalised
from linernotes.disclosure.requests import SALT_BYTES, AskedWork, Request
from linernotes.disclosure.requests_clock import Clock
from linernotes.disclosure.requests_state import (
    CLOSED,
    OPENED,
    OVERDUE,
    check_step,
)
from linernotes.errors import InputError
from linernotes.workflows.requests_folder import (
    REQUEST_FILE,
    desk_of,
    folder_of,
    load_request,
    log_step,
    open_desk,
    private_folder,
    ticket_of,
    words_of,
    write_private,
)
from linernotes.workspace import Workspace

SCOPE = (
    "The log shows that a request was made, by when it is due and what was answered; it does not show who asked, nor "
    "that the requester owns the works."
)
THIRTY_DAYS = Clock(30)
CLOSE_REASONS = ("answered", "withdrawn", "not-entitled", "no-reply", "other")


def open_request(
    workspace: Path | str,
    *,
    requester: str,
    contact: str,
    statement: str,
    works: Sequence[AskedWork],
    authority: str = "owner",
    evidence: Sequence[str] = (),
    clock: Clock = THIRTY_DAYS,
    today: date | None = None,
) -> dict[str, Any]:
    """Open a ticket and start its clock.

    Parameters
    ----------
    workspace : Path or str
        Workspace of the desk.
    requester, contact, statement, authority, evidence
        As in `linernotes.disclosure.requests.Request`; they stay in the workspace.
    works : sequence of AskedWork
        What is asked about; each code must be well formed.
    clock : Clock
        By when an answer is due.
    today : date, optional
        The desk's day, in UTC; the clock of the machine when None.

    Returns
    -------
    dict
        The ticket (`linernotes.disclosure.requests_state.Ticket.as_json`) with ``receipt``.

    Raises
    ------
    InputError
        If a field is empty, a code malformed or a file missing.
    CorpusError
        If there is no workspace, or another program holds the desk.
    """
    request = Request(
        requester=requester,
        contact=contact,
        authority=authority,
        statement=statement,
        works=tuple(works),
        salt=secrets.token_hex(SALT_BYTES),
        evidence=tuple(evidence),
    )
    _check_works(request.works)
    day = today or utc_today()
    due = clock.due_on(day)
    body = {
        "request_id": request.request_id,
        "requester_salted_sha256": request.salted(requester),
        "contact_salted_sha256": request.salted(contact),
        "statement_salted_sha256": request.salted(statement),
        "authority": authority,
        "n_works": len(request.works),
        "clock": clock.as_json(),
        "opened_on": day.isoformat(),
        "due_on": due.isoformat() if due else None,
        "scope": SCOPE,
    }
    with Workspace.open(workspace) as opened, desk_of(opened):
        private_folder(folder_of(opened, request.request_id))
        write_private(folder_of(opened, request.request_id) / REQUEST_FILE, request.to_bytes())
        log_step(opened, request.request_id, OPENED, request.sha256, body)
        return shown(opened, request.request_id, day)


def list_requests(workspace: Path | str, *, today: date | None = None) -> dict[str, Any]:
    """Return all tickets, those with the nearest due day first, and entries of the log that fit none.

    Raises
    ------
    CorpusError
        If there is no workspace.
    VerificationError
        If the log is damaged.
    """
    day = today or utc_today()
    with Workspace.open(workspace) as opened:
        desk = open_desk(opened)
    tickets = sorted(desk.tickets.values(), key=lambda one: (one.due_on or date.max, one.opened_on))
    return {"requests": [one.as_json(day) for one in tickets], "problems": list(desk.problems)}


def show_request(workspace: Path | str, request_id: str, *, today: date | None = None) -> dict[str, Any]:
    """Return one ticket with what the desk keeps in private: who asks, the works, the words of disputes.

    Raises
    ------
    CorpusError
        If there is no such request, or its private file is gone.
    VerificationError
        If the private file is not the one that was logged.
    """
    with Workspace.open(workspace) as opened:
        told = shown(opened, request_id, today or utc_today())
        request = load_request(opened, ticket_of(opened, request_id))
        for step in told["history"]:
            digest = step["body"].get("words_salted_sha256")
            if digest:
                step["words"] = words_of(opened, request, digest)
    return told | {
        "requester": request.requester,
        "contact": request.contact,
        "authority": request.authority,
        "statement": request.statement,
        "evidence": list(request.evidence),
        "works": [work.as_json() for work in request.works],
    }


def close_request(
    workspace: Path | str, request_id: str, reason: str = "answered", *, today: date | None = None
) -> dict[str, Any]:
    """Close a ticket; nothing can follow it.

    Raises
    ------
    InputError
        If the reason is unknown.
    CorpusError
        If there is no such request, it is closed already, or it has an open dispute.
    """
    if reason not in CLOSE_REASONS:
        raise InputError(f"reason '{reason}': expected one of {', '.join(CLOSE_REASONS)}")
    with Workspace.open(workspace) as opened, desk_of(opened):
        ticket = ticket_of(opened, request_id)
        check_step(ticket, CLOSED)
        if ticket.open_disputes and reason != "withdrawn":
            raise InputError(
                f"request {request_id}: dispute {ticket.open_disputes[0]} is open; answer it with "
                "'linernotes requests correct' first, or close as 'withdrawn'"
            )
        if reason == "answered" and ticket.answered_at is None:
            raise InputError(f"request {request_id}: not answered yet; answer it, or give another reason")
        log_step(opened, request_id, CLOSED, None, {"request_id": request_id, "reason": reason})
        return shown(opened, request_id, today or utc_today())


def run_clock(workspace: Path | str, *, today: date | None = None) -> dict[str, Any]:
    """Note in the log which requests have become overdue; run it daily.

    Returns
    -------
    dict
        ``overdue`` (all that are), ``noted`` (those noted now), ``due`` (open ones with the days left), ``today``.

    Raises
    ------
    CorpusError
        If there is no workspace, or another program holds the desk.
    """
    day = today or utc_today()
    with Workspace.open(workspace) as opened, desk_of(opened):
        desk = open_desk(opened)
        noted = []
        late = [one for one in desk.tickets.values() if one.is_overdue(day)]
        for ticket in late:
            if not any(step.kind == OVERDUE for step in ticket.history):
                due = ticket.due_on.isoformat() if ticket.due_on else None
                body = {"request_id": ticket.request_id, "due_on": due, "noted_on": day.isoformat()}
                log_step(opened, ticket.request_id, OVERDUE, None, body)
                noted.append(ticket.request_id)
    waiting = [one.as_json(day) for one in desk.tickets.values() if one.answered_at is None]
    due_ones = [one for one in waiting if one["days_left"] is not None and not one["overdue"]]
    return {
        "today": day.isoformat(),
        "overdue": [one.request_id for one in late],
        "noted": noted,
        "due": [
            {name: one[name] for name in ("request_id", "due_on", "days_left")}
            for one in sorted(due_ones, key=lambda one: one["due_on"])
        ],
    }


def utc_today() -> date:
    """Return the present day, in UTC."""
    return datetime.now(UTC).date()


def _check_works(works: Sequence[AskedWork]) -> None:
    from linernotes.fingerprint.chromaprint.codec import decode

    for work in works:
        for kind, values in work.codes.items():
            for value in values:
                try:
                    normalised(kind, value)
                except InputError as error:
                    raise InputError(f"work '{work.label}': {error}") from None
        if work.fingerprint:
            try:
                decode(work.fingerprint)
            except InputError as error:
                raise InputError(f"work '{work.label}': {error}") from None
        if work.file and not Path(work.file).is_file():
            raise InputError(f"work '{work.label}': {work.file}: no such file; give a path at the desk")


def shown(workspace: Workspace, request_id: str, today: date) -> dict[str, Any]:
    """Return a ticket as the desk shows it, with the place of its receipts."""
    ticket = ticket_of(workspace, request_id)
    receipts = folder_of(workspace, request_id) / "receipts"
    return ticket.as_json(today) | {"receipts": str(receipts)}
