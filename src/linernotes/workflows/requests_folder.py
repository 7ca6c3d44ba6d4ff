"""The desk's private folder: requests and the words of disputes, readable by their owner alone.

::

    WORKSPACE/requests/           mode 0700
    ├── desk.lock
    └── ID/
        ├── request.json          who asks, what he swears, the works, the salt; mode 0600
        ├── words/SHA.txt         words of disputes and corrections, by their salted hash; mode 0600
        ├── receipts/             one receipt per entry of the log
        └── answers/N/            what was mailed, by the log entry of the answer

Known limits
------------
File modes keep other users of the machine out where the system knows modes; a copy of the workspace holds everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linernotes.auditlog import Entry, Receipt
from linernotes.auditlog.files import sole_writer
from linernotes.disclosure.requests import Request
from linernotes.disclosure.requests_state import KINDS, Desk, Step, Ticket, replay
from linernotes.errors import CorpusError, InputError, VerificationError
from linernotes.workflows import audit
from linernotes.workflows.log_home import LOG_FOLDER

if TYPE_CHECKING:
    from linernotes.workspace import Workspace

FOLDER = "requests"
REQUEST_FILE = "request.json"
PATIENCE_S = 10.0


def open_desk(workspace: Workspace) -> Desk:
    """Return every request of a workspace, read from its log.

    Raises
    ------
    VerificationError
        If the log is damaged.
    """
    return replay(steps_of(workspace))


def steps_of(workspace: Workspace) -> Iterator[Step]:
    """Yield the entries of the log that belong to requests, oldest first; none where there is no log yet."""
    if not (workspace.path / LOG_FOLDER / "checkpoint").exists():
        return
    log = audit.open_log(workspace)
    for index, data in enumerate(log.entries()):
        if b'"kind":"request-' in data:  # most entries of a log are about something else
            entry = Entry.from_bytes(data)
            if entry.kind in KINDS:
                yield Step(index, entry.kind, entry.time, entry.subject_sha256, entry.body)


def ticket_of(workspace: Workspace, request_id: str) -> Ticket:
    """Return one request.

    Raises
    ------
    CorpusError
        If the log tells of none such.
    """
    desk = open_desk(workspace)
    if request_id not in desk.tickets:
        raise CorpusError(
            f"request '{request_id}': not in the log of {workspace.path}; 'linernotes requests list' shows all"
        )
    return desk.tickets[request_id]


@contextmanager
def desk_of(workspace: Workspace) -> Iterator[Path]:
    """Hold the desk: one program at a time decides and logs."""
    folder = private_folder(workspace.folder(FOLDER))
    with sole_writer(folder / "desk.lock", patience_s=PATIENCE_S):
        yield folder


def folder_of(workspace: Workspace, request_id: str) -> Path:
    """Return the private folder of a request."""
    return workspace.folder(FOLDER) / request_id


def load_request(workspace: Workspace, ticket: Ticket) -> Request:
    """Return the private request, after checking it with the hash in the log.

    Raises
    ------
    CorpusError
        If it is gone.
    VerificationError
        If it is not the one that was logged.
    """
    path = folder_of(workspace, ticket.request_id) / REQUEST_FILE
    try:
        request = Request.from_bytes(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); restore it from a copy") from error
    except InputError as error:
        raise VerificationError(f"{path}: {error}") from error
    if request.sha256 != ticket.opened.subject_sha256:
        raise VerificationError(
            f"{path}: its SHA-256 is {request.sha256}, the log recorded {ticket.opened.subject_sha256}; it was changed"
        )
    return request


def log_step(
    workspace: Workspace, request_id: str, kind: str, subject: str | None, body: dict[str, Any]
) -> Receipt:
    """Log one step and keep its receipt."""
    receipt = audit.record(workspace, kind, subject, body)
    folder = folder_of(workspace, request_id) / "receipts"
    folder.mkdir(parents=True, exist_ok=True)
    receipt.write(folder / receipt_name(receipt.leaf_index, kind))
    return receipt


def receipt_name(index: int, kind: str) -> str:
    """Return the file name of a step's receipt.

    Examples
    --------
    >>> receipt_name(7, "request-answered")
    '000007-answered.json'
    """
    return f"{index:06d}-{kind.removeprefix('request-')}.json"


def receipts_of(workspace: Workspace, ticket: Ticket) -> dict[str, Receipt]:
    """Return a receipt for each step, all under the present head of the log."""
    log = audit.open_log(workspace)
    return {receipt_name(step.index, step.kind): log.receipt(step.index) for step in ticket.history}


def keep_words(workspace: Workspace, request: Request, text: str) -> str:
    """Keep private words; returns the salted hash that stands for them in the log."""
    digest = request.salted(text)
    folder = private_folder(folder_of(workspace, request.request_id) / "words")
    write_private(folder / f"{digest}.txt", text.encode())
    return digest


def words_of(workspace: Workspace, request: Request, digest: str) -> str:
    """Return kept words after checking them with their hash; empty where they are gone.

    Raises
    ------
    VerificationError
        If they are not the words that were logged.
    """
    path = folder_of(workspace, request.request_id) / "words" / f"{digest}.txt"
    try:
        text = path.read_bytes().decode()
    except (OSError, ValueError):
        return ""
    if request.salted(text) != digest:
        raise VerificationError(f"{path}: not the words that were logged; they were changed")
    return text


def private_folder(folder: Path) -> Path:
    """Make a folder that its owner alone may enter."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all.

    Raises
    ------
    CorpusError
        If the workspace cannot be written to.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be written ({error.strerror}); free space or see to its rights"
        ) from error
