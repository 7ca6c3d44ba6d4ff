"""Disputes and corrections: entries that refer to entries, in the log that they are about.

Idea
----
Nothing in the log is ever changed. Who disagrees adds a *dispute*: it names an entry and a reason. Who was wrong adds a
*correction*: it names the entry that it replaces and, if there was one, the dispute. Both stand beside the old entry in
every later extract.

Conventions
-----------
The log holds the reason as a code (`REASONS`) and a salted hash of the words; the words stay with the ticket, because they
may hold personal data.

Known limits
------------
A correction says what is now held to be right. It does not undo what was done on the ground of the old entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linernotes.errors import InputError

REASONS: dict[str, str] = {
    "not-found-but-used": "The answer says 'not found'; the requester holds that the recording was used.",
    "not-my-work": "The answer names a recording that is not the requester's.",
    "wrong-identifier": "A code, a title or a name is wrong.",
    "wrong-consent": "The state of consent is not as the answer says.",
    "wrong-share": "A share, an amount or a party is wrong.",
    "incomplete": "A work, a key or a line is missing from the answer.",
    "late": "The answer came after its day.",
    "other": "See the words of the dispute.",
}
"""Why an entry is disputed."""

OUTCOMES: dict[str, str] = {
    "corrected": "The old entry was wrong; this one holds in its place.",
    "upheld": "The old entry was looked at again and stands.",
    "withdrawn": "The dispute was withdrawn.",
}
"""What came of looking again."""


def dispute_body(
    request_id: str, entry: int, entry_kind: str, reason: str, words_hash: str
) -> dict[str, Any]:
    """Return the body of a ``request-disputed`` entry.

    Raises
    ------
    InputError
        If the reason is unknown.

    Examples
    --------
    >>> dispute_body("ab", 4, "statement", "wrong-share", "00")["reason"]
    'wrong-share'
    """
    if reason not in REASONS:
        raise InputError(f"reason '{reason}': expected one of {', '.join(REASONS)}")
    return {
        "request_id": request_id,
        "entry": entry,
        "entry_kind": entry_kind,
        "reason": reason,
        "words_salted_sha256": words_hash,
    }


def correction_body(
    request_id: str,
    entry: int,
    entry_kind: str,
    outcome: str,
    words_hash: str,
    dispute: int | None = None,
    replaced_by: str | None = None,
) -> dict[str, Any]:
    """Return the body of a ``request-corrected`` entry.

    Parameters
    ----------
    entry, entry_kind : int, str
        The old entry.
    outcome : str
        One of `OUTCOMES`.
    words_hash : str
        Salted hash of what is said about it.
    dispute : int, optional
        The dispute that this answers.
    replaced_by : str, optional
        SHA-256 of the document that holds instead.

    Raises
    ------
    InputError
        If the outcome is unknown.
    """
    if outcome not in OUTCOMES:
        raise InputError(f"outcome '{outcome}': expected one of {', '.join(OUTCOMES)}")
    return {
        "request_id": request_id,
        "entry": entry,
        "entry_kind": entry_kind,
        "dispute": dispute,
        "outcome": outcome,
        "words_salted_sha256": words_hash,
        "replaced_by_sha256": replaced_by,
    }


def marks_of(history: tuple[Mapping[str, Any], ...]) -> dict[int, list[dict[str, Any]]]:
    """Return for each entry the disputes and corrections that refer to it, oldest first.

    Parameters
    ----------
    history : tuple of mapping
        Steps with ``kind``, ``index``, ``time`` and ``body``.

    Examples
    --------
    >>> step = {"kind": "request-disputed", "index": 7, "time": "t", "body": {"entry": 4, "reason": "late"}}
    >>> marks_of((step,))[4][0]["index"]
    7
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for step in history:
        if step["kind"] in ("request-disputed", "request-corrected"):
            body = step["body"]
            mark = {"kind": step["kind"], "index": step["index"], "time": step["time"]}
            mark |= {name: body[name] for name in ("reason", "outcome", "dispute") if name in body}
            found.setdefault(body["entry"], []).append(mark)
    return found
