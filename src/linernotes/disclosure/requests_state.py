"""Where a request stands, found by reading the log from its beginning: nothing else decides it.

Idea
----
Each step of a request is an entry of the append-only log. The state is computed from them every time, so it cannot be
edited without the log showing it.

Conventions
-----------
Kinds of entries, in the order in which they may come::

    request-opened     once, first
    request-overdue    at most once, after the due day and before an answer
    request-extract    hash of what was found on the requester's own works
    request-answered   at least one extract before it
    request-disputed   names an entry of the log
    request-corrected  names an entry, and a dispute if there was one
    request-closed     once, last

Known limits
------------
Times are those of the desk's clock; the log orders the entries whatever they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from linernotes.disclosure.disputes import marks_of
from linernotes.disclosure.requests_clock import Clock, parse_day
from linernotes.errors import CorpusError, InputError, VerificationError

OPENED, OVERDUE, EXTRACT = "request-opened", "request-overdue", "request-extract"
ANSWERED, DISPUTED, CORRECTED, CLOSED = (
    *("request-answered", "request-disputed", "request-corrected", "request-closed"),
)
KINDS = (OPENED, OVERDUE, EXTRACT, ANSWERED, DISPUTED, CORRECTED, CLOSED)
STATES = ("open", "overdue", "answered", "disputed", "corrected", "closed")


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the log that belongs to a request."""

    index: int
    kind: str
    time: str
    subject_sha256: str | None
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {
            "index": self.index,
            "kind": self.kind,
            "time": self.time,
            "subject_sha256": self.subject_sha256,
            "body": dict(self.body),
        }


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request as the log tells it.

    Parameters
    ----------
    request_id : str
        Short name.
    state : str
        One of `STATES`.
    clock : Clock
        By when an answer is due, and how the days are counted.
    opened_on, due_on : date, date or None
        First and last day of the clock.
    answered_at : str or None
        Time of the first answer.
    open_disputes : tuple of int
        Disputes that no later entry answers.
    history : tuple of Step
        All its entries.
    """

    request_id: str
    state: str
    clock: Clock
    opened_on: date
    due_on: date | None
    answered_at: str | None = None
    open_disputes: tuple[int, ...] = ()
    history: tuple[Step, ...] = field(default_factory=tuple)

    @property
    def opened(self) -> Step:
        """Return its first entry."""
        return self.history[0]

    def is_overdue(self, today: date) -> bool:
        """Tell whether its due day has passed without an answer."""
        waiting = self.answered_at is None and self.state != "closed"
        return waiting and self.due_on is not None and today > self.due_on

    def was_late(self) -> bool:
        """Tell whether the first answer came after the due day."""
        return (
            self.answered_at is not None
            and self.due_on is not None
            and (self.answered_at[:10] > self.due_on.isoformat())
        )

    def as_json(self, today: date) -> dict[str, Any]:
        """Return what the desk shows of it, without anything private."""
        left = None
        if self.due_on is not None and self.answered_at is None and self.state != "closed":
            left = self.clock.days_left(self.due_on, today)
        steps = [step.as_json() for step in self.history]
        return {
            "request_id": self.request_id,
            "state": self.state,
            "opened_on": self.opened_on.isoformat(),
            "due_on": self.due_on.isoformat() if self.due_on else None,
            "days_left": left,
            "overdue": self.is_overdue(today),
            "answered_at": self.answered_at,
            "late": self.was_late(),
            "clock": self.clock.as_json(),
            "open_disputes": list(self.open_disputes),
            "history": steps,
            "marks": {str(index): marks for index, marks in marks_of(tuple(steps)).items()},
        }


@dataclass(frozen=True, slots=True)
class Desk:
    """All requests that a log tells of, by id, and the entries that do not fit its story."""

    tickets: Mapping[str, Ticket]
    problems: tuple[str, ...] = ()


def replay(steps: Iterable[Step]) -> Desk:
    """Compute every request from the entries of the log.

    Parameters
    ----------
    steps : iterable of Step
        Entries whose kind is one of `KINDS`, oldest first; others are passed over.

    Returns
    -------
    Desk
        An entry that cannot follow what came before changes nothing; it is named under ``problems``.

    Examples
    --------
    >>> body = {"request_id": "ab", "clock": Clock(30).as_json(), "opened_on": "2026-11-23", "due_on": "2026-12-23"}
    >>> opened = Step(0, "request-opened", "2026-11-23T09:00:00Z", "00" * 32, body)
    >>> closed = Step(1, "request-closed", "2026-11-24T09:00:00Z", None, {"request_id": "ab"})
    >>> replay([opened, closed]).tickets["ab"].state
    'closed'
    >>> replay([closed]).problems
    ('log entry 1: request-closed of ab, which was never opened',)
    """
    tickets: dict[str, Ticket] = {}
    problems: list[str] = []
    for step in steps:
        if step.kind in KINDS:
            try:
                _take(tickets, step)
            except VerificationError as error:
                problems.append(str(error))
    return Desk(tickets, tuple(problems))


def _take(tickets: dict[str, Ticket], step: Step) -> None:
    name = step.body.get("request_id")
    if not isinstance(name, str):
        raise VerificationError(f"log entry {step.index}: {step.kind} without a request_id")
    held = tickets.get(name)
    if step.kind == OPENED:
        if held is not None:
            raise VerificationError(f"log entry {step.index}: request {name} is opened twice")
        tickets[name] = _opened(name, step)
    elif held is None:
        raise VerificationError(f"log entry {step.index}: {step.kind} of {name}, which was never opened")
    else:
        tickets[name] = _after(held, step)


def check_step(ticket: Ticket, kind: str) -> None:
    """Refuse a step that may not come now, before it is logged.

    Raises
    ------
    CorpusError
        With the reason.
    """
    try:
        _after(ticket, Step(-1, kind, "", None, {"request_id": ticket.request_id, "entry": -1}))
    except VerificationError as error:
        reason = str(error).partition(": ")[2]
        raise CorpusError(f"request {ticket.request_id}: {reason}") from None


def _opened(name: str, step: Step) -> Ticket:
    try:
        clock = Clock.from_json(step.body["clock"])
        opened_on = parse_day(step.body["opened_on"])
        due = clock.due_on(opened_on)
        stated = step.body["due_on"]
    except (KeyError, InputError, OverflowError) as error:
        raise VerificationError(f"log entry {step.index}: request {name}: damaged clock ({error})") from None
    if (due.isoformat() if due else None) != stated:
        raise VerificationError(
            f"log entry {step.index}: request {name}: due on {stated}, its clock says {due}"
        )
    return Ticket(name, "open", clock, opened_on, due, history=(step,))


def _after(ticket: Ticket, step: Step) -> Ticket:
    where = f"log entry {step.index}"
    if ticket.state == "closed":
        raise VerificationError(f"{where}: {step.kind} after the request was closed; open a new one")
    if step.kind in (DISPUTED, CORRECTED) and type(step.body.get("entry")) is not int:
        raise VerificationError(f"{where}: {step.kind} that names no entry")
    told = replace(ticket, history=(*ticket.history, step))
    if step.kind == OVERDUE:
        if ticket.answered_at is not None or any(one.kind == OVERDUE for one in ticket.history):
            raise VerificationError(f"{where}: overdue, but it was answered or noted as overdue already")
        return replace(told, state="overdue")
    if step.kind == EXTRACT:
        return told
    if step.kind == ANSWERED:
        if not any(one.kind == EXTRACT for one in ticket.history):
            raise VerificationError(f"{where}: answered without an extract")
        state = "disputed" if ticket.open_disputes else "answered"
        return replace(told, state=state, answered_at=ticket.answered_at or step.time)
    if step.kind == DISPUTED:
        return replace(told, state="disputed", open_disputes=(*ticket.open_disputes, step.index))
    if step.kind == CORRECTED:
        answered = step.body.get("dispute")
        if answered is not None and answered not in ticket.open_disputes:
            raise VerificationError(f"{where}: corrects on dispute {answered}, which is not an open one")
        left = tuple(index for index in ticket.open_disputes if index != answered)
        settled = "corrected" if ticket.answered_at is not None else "open"
        return replace(told, state="disputed" if left else settled, open_disputes=left)
    return replace(told, state="closed")
