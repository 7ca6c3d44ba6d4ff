"""The head of a saved HTTP response: its preferences, its reservation, the licences that it points to.

Save it with ``curl -sI ADDRESS`` or from the crawler's records; nothing is fetched here.

References
----------
RFC 9110 (fields), RFC 8288 (``Link``), RFC 9112 (line folding is obsolete, and refused).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from linernotes.catalog.registry import Imported
from linernotes.errors import InputError
from linernotes.signals import aipref, tdmrep
from linernotes.signals.origin import Origin
from linernotes.signals.wire import shown, text_of

FORMAT = "HTTP response head (RFC 9110)"
MAX_BYTES = 256 << 10
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINK = re.compile(r"<([^<>]*)>([^,<]*)")


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and fields, in their order."""

    status: str
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """Return the values of every field of a name, whatever its case."""
        return [value for field, value in self.fields if field.lower() == name]

    @property
    def day(self) -> str | None:
        """The day of the ``Date`` field, or None."""
        for value in self.all("date"):
            try:
                return parsedate_to_datetime(value).date().isoformat()
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
        return None

    @property
    def licences(self) -> tuple[str, ...]:
        """Addresses of RSL licences in ``Link`` fields."""
        return tuple(_licences(self.all("link")))


def parse_head(data: bytes | str) -> Head:
    r"""Read a response head.

    Raises
    ------
    InputError
        If a line is no field.

    Examples
    --------
    >>> parse_head("HTTP/1.1 200 OK\r\nContent-Usage: train-ai=n\r\n\r\n").all("content-usage")
    ['train-ai=n']
    """
    text = text_of(data, "HTTP head", MAX_BYTES)
    status, fields = "", list[tuple[str, str]]()
    for number, line in enumerate(re.split(r"\r\n|\n", text), start=1):
        if not line.strip():
            if fields or status:
                break  # the body, or the end
            continue
        if number == 1 and line.startswith("HTTP/"):
            status = line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise InputError(
                f"HTTP head, line {number}: '{shown(line)}'; expected a field such as Content-Usage: …"
            )
        fields.append((name, value.strip()))
    return Head(status, tuple(fields))


def preferences_of(head: Head) -> aipref.Preferences:
    """Return the AIPREF preferences of a head; nothing said is all unknown.

    Examples
    --------
    >>> preferences_of(parse_head("Content-Usage: train-ai=n")).train_ai
    'disallowed'
    """
    return aipref.parse_preferences(", ".join(head.all("content-usage")))


def imported(head: Head, origin: Origin) -> Imported:
    """Return what a head says about the resource that came with it.

    Examples
    --------
    >>> found = imported(parse_head("tdm-reservation: 1"), Origin(name="h", target="https://a.org/x.wav"))
    >>> sorted({one.value for one in found.registry.consents})
    ['deny']
    """
    reservation = tdmrep.reservation_of_headers(head.fields)
    return aipref.imported(preferences_of(head), origin).merge(tdmrep.imported((reservation,), origin))


def _licences(values: list[str]) -> Iterator[str]:
    for value in values:
        for address, parameters in _LINK.findall(value):
            words = parameters.lower().replace('"', "").replace(" ", "")
            if ";rel=license" in words and "application/rsl+xml" in words:
                yield address
