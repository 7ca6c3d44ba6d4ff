"""One line of the log: what kind of event, which file (by hash), what it says, when.

The bytes that count are the canonical JSON of RFC 8785: one entry, one spelling, in any language.

Conventions
-----------
Four fields, always all four: ``kind`` (a lower-case word such as ``statement``), ``subject_sha256``
(64 lower-case hexadecimal digits, or null where no file is meant), ``body`` (a JSON object), ``time``
(UTC, ``YYYY-MM-DDTHH:MM:SSZ``).

Known limits
------------
The time is the writer's clock. Numbers follow RFC 8785: integers beyond 2**53 - 1 must be strings.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import rfc8785

from linernotes.errors import InputError, VerificationError

MAX_ENTRY_BYTES = 1 << 20
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_KIND = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
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
        What the entry says, as a JSON object.
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

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not _KIND.fullmatch(self.kind):
            raise InputError(f"entry kind {self.kind!r}: expected a lower-case word such as 'statement'")
        subject = self.subject_sha256
        if subject is not None and not (isinstance(subject, str) and _SHA256.fullmatch(subject)):
            raise InputError(
                f"entry subject {subject!r}: expected 64 lower-case hexadecimal digits or nothing"
            )
        if not isinstance(self.body, dict):
            raise InputError(f"entry body: expected a JSON object, got {type(self.body).__name__}")
        if not isinstance(self.time, str) or not _is_time(self.time):
            raise InputError(f"entry time {self.time!r}: expected UTC such as 2026-01-31T12:00:00Z")
        data = self.to_bytes()
        try:
            parse_canonical_json(data, "entry body")
        except (
            VerificationError
        ) as error:  # a float of 2**53 or more is spelled as an integer that readers refuse
            raise InputError(f"{error}; write large numbers as text") from None
        size = len(data)
        if size > MAX_ENTRY_BYTES:
            raise InputError(
                f"entry: {size} bytes, expected at most {MAX_ENTRY_BYTES}; log the hash of a file instead"
            )

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is hashed into the log."""
        return canonical_json(
            {"kind": self.kind, "subject_sha256": self.subject_sha256, "body": self.body, "time": self.time}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Read an entry from its canonical bytes.

        Raises
        ------
        VerificationError
            If the bytes are not the canonical JSON of an entry.
        """
        found = parse_canonical_json(data, "log entry")
        if not isinstance(found, dict) or set(found) != _FIELDS:
            raise VerificationError(f"log entry: expected exactly the fields {', '.join(sorted(_FIELDS))}")
        try:
            return cls(**found)
        except InputError as error:
            raise VerificationError(f"log entry: {error}") from None


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 bytes of *value*.

    Raises
    ------
    InputError
        If *value* holds what JSON or RFC 8785 cannot: NaN, integers beyond 2**53 - 1, other types.
    """
    try:
        return bytes(rfc8785.dumps(value))
    except (rfc8785.CanonicalizationError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be written as canonical JSON: {error}") from None


def parse_canonical_json(data: bytes, what: str) -> Any:
    """Read JSON and check that *data* is its RFC 8785 spelling, byte for byte.

    Raises
    ------
    VerificationError
        If it is not; *what* names it in the message.
    """
    try:
        value = json.loads(data.decode())
        spelled = canonical_json(value)
    except (ValueError, RecursionError, InputError) as error:
        raise VerificationError(f"{what}: not canonical JSON ({error})") from None
    if spelled != data:
        raise VerificationError(f"{what}: its bytes are not the canonical JSON (RFC 8785) of what they say")
    return value


def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text)) and bool(datetime.strptime(text, TIME_FORMAT))
    except ValueError:
        return False
