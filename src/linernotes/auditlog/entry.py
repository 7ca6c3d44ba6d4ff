"""One line of the log: what kind of event, which file (by hash), what it says, when.

The bytes that count are the canonical JSON of RFC 8785: one entry, one spelling, in any language.

Conventions
-----------
Four fields, always all four: ``kind`` (a lower-case word such as ``statement``), ``subject_sha256``
(64 lower-case hexadecimal digits, or null where no file is meant), ``body`` (a JSON object), ``time``
(UTC, ``YYYY-MM-DDTHH:MM:SSZ``).

Known limits
------------
The time is the writer's clock. Numbers follow RFC 8785: integers beyond 2**53 - 1 must be strings. A log
takes entries of at most 65,535 bytes (that is what C2SP tiles can hold); up to 1 MiB is still read, for
receipts of logs that were begun before that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from linernotes.auditlog.canonical import canonical_json as canonical_json  # callers find it here, too
from linernotes.auditlog.canonical import parse_canonical_json, spell
from linernotes.errors import InputError, VerificationError

MAX_ENTRY_BYTES = 1 << 20
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_KIND = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")
_FIELDS = {"kind", "subject_sha256", "body", "time"}


def utc_now() -> str:
    """Return the present time in the form that entries use."""
    return datetime.now(UTC).strftime(TIME_FORMAT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event.

    Parameters
    ----------
    kind : str
        Lower-case letters, digits, ``-``, ``_`` and ``.``; at most 64 characters.
    subject_sha256 : str or None
        SHA-256 of the file that the entry is about.
    body : dict
        What the entry says, as a JSON object. Its bytes are taken once: later changes to it are not logged.
    time : str
        UTC time; the present by default.

    Raises
    ------
    InputError
        If a field is not of that form, or the entry passes 1 MiB.

    Examples
    --------
    >>> Entry("note", None, {"text": "hi"}, "2026-01-02T03:04:05Z").to_bytes()
    b'{"body":{"text":"hi"},"kind":"note","subject_sha256":null,"time":"2026-01-02T03:04:05Z"}'
    """

    kind: str
    subject_sha256: str | None
    body: dict[str, Any]
    time: str = field(default_factory=utc_now)
    _data: bytes = field(init=False, repr=False, compare=False, default=b"")

    def __post_init__(self) -> None:
        _check_fields(self.kind, self.subject_sha256, self.body, self.time)
        value = {
            "kind": self.kind,
            "subject_sha256": self.subject_sha256,
            "body": self.body,
            "time": self.time,
        }
        data, as_read = spell(value)
        if not as_read:
            try:  # a float of 2**53 or more is spelled as an integer that readers refuse
                parse_canonical_json(data, "entry body")
            except VerificationError as error:
                raise InputError(f"{error}; write large numbers as text") from None
        if len(data) > MAX_ENTRY_BYTES:
            raise InputError(
                f"entry: {len(data)} bytes, expected at most {MAX_ENTRY_BYTES}; "
                "log the hash of a file instead"
            )
        object.__setattr__(self, "_data", data)

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is hashed into the log."""
        return self._data

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Read an entry from its canonical bytes.

        Raises
        ------
        VerificationError
            If the bytes are not the canonical JSON of an entry.
        """
        return cls(**read_fields(data))


def read_fields(data: bytes) -> dict[str, Any]:
    """Read the four fields of an entry, without making one of them.

    Raises
    ------
    VerificationError
        If the bytes are not the canonical JSON of an entry.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise VerificationError(f"log entry: {len(data)} bytes, expected at most {MAX_ENTRY_BYTES}")
    found = parse_canonical_json(data, "log entry")
    if not isinstance(found, dict) or found.keys() != _FIELDS:
        raise VerificationError(f"log entry: expected exactly the fields {', '.join(sorted(_FIELDS))}")
    try:
        _check_fields(**found)
    except InputError as error:
        raise VerificationError(f"log entry: {error}") from None
    return found


def _check_fields(kind: object, subject_sha256: object, body: object, time: object) -> None:
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise InputError(f"entry kind {kind!r}: expected a lower-case word such as 'statement'")
    if subject_sha256 is not None and not (
        isinstance(subject_sha256, str) and _SHA256.fullmatch(subject_sha256)
    ):
        raise InputError(
            f"entry subject {subject_sha256!r}: expected 64 lower-case hexadecimal digits or nothing"
        )
    if not isinstance(body, dict):
        raise InputError(f"entry body: expected a JSON object, got {type(body).__name__}")
    if not isinstance(time, str) or not _is_time(time):
        raise InputError(f"entry time {time!r}: expected UTC such as 2026-01-31T12:00:00Z")


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:-1])
    except ValueError:
        return False
    return True
