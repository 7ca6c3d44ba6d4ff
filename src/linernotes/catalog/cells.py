r"""One cell of a rights sheet: read strictly, written so that no spreadsheet runs it.

Conventions
-----------
Outer spaces are dropped. Lists are separated by ``;``, a semicolon inside an entry is written ``\;``. A cell
that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, tab or return) is
written with an apostrophe before it, and read back without.

References
----------
OWASP, "CSV Injection".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction

from linernotes.catalog.consent_record import is_day
from linernotes.catalog.entities import is_partial_day
from linernotes.catalog.recording import slug
from linernotes.catalog.shares import parse_share
from linernotes.catalog.territory import parse_territory
from linernotes.errors import InputError

MAX_CELL = 10_000
_RUNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0", "")


class CellFault(InputError):
    """A cell that cannot be read; carries the code of the problem and what was expected."""

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(f"{code}: expected {expected}")
        self.code = code
        self.expected = expected


def guarded(text: str) -> str:
    """Return a cell as it is written to a table, so that no program takes it for a formula.

    Examples
    --------
    >>> guarded("=1+1"), guarded("rain"), guarded("'-x")
    ("'=1+1", 'rain', "''-x")
    """
    return f"'{text}" if text.lstrip("'").startswith(_RUNS) else text


def unguarded(text: str) -> str:
    """Return what `guarded` was given.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("'Round Midnight")
    ('=1+1', "'Round Midnight")
    """
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_RUNS) else text


def joined(entries: Iterable[str]) -> str:
    r"""Return a list as one cell.

    Examples
    --------
    >>> joined(["folk", "a;b"])
    'folk; a\\;b'
    """
    return "; ".join(entry.replace("\\", "\\\\").replace(";", "\\;") for entry in entries)


def listed(text: str) -> tuple[str, ...]:
    r"""Return the entries of a list cell, empty ones left out.

    Examples
    --------
    >>> listed("folk; a\\;b;;")
    ('folk', 'a;b')
    """
    entries = re.findall(r"(?:\\[\\;]|[^;])+", text)
    return tuple(
        stripped for entry in entries if (stripped := re.sub(r"\\([\\;])", r"\1", entry.strip()).strip())
    )


def text(value: str) -> str:
    """Return any text."""
    return value


def some_text(value: str) -> str:
    """Return text that is not empty."""
    if not value:
        raise CellFault("empty-cell", "text")
    return value


def an_id(value: str) -> str:
    """Return an id."""
    if not value or len(value) > 255:
        raise CellFault("empty-cell" if not value else "bad-id", "an id of 1 to 255 characters")
    return value


def optional(value: str) -> str | None:
    """Return text, or None for an empty cell."""
    return value or None


def word(words: Iterable[str], default: str | None = None) -> Callable[[str], str]:
    """Return a reader of one of a few words, in any case, with hyphens or spaces."""
    allowed = tuple(words)

    def read(value: str) -> str:
        found = "-".join(value.casefold().replace("_", " ").replace("-", " ").split())
        if not found and default is not None:
            return default
        if found not in allowed:
            raise CellFault("unknown-word", f"one of {', '.join(w for w in allowed if w)}")
        return found

    return read


def role(value: str) -> str:
    """Return a role as lower-case words with hyphens."""
    found = slug(value) if any(c.isalnum() for c in value) else ""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found):
        raise CellFault("unknown-word", "a role in Latin letters, such as vocalist or session musician")
    return found


def day(value: str) -> str | None:
    """Return a calendar date, or None for an empty cell."""
    if value and not is_day(value):
        raise CellFault("bad-date", "yyyy-mm-dd, such as 2025-03-31")
    return value or None


def partial_day(value: str) -> str | None:
    """Return a year, month or day, or None for an empty cell."""
    if value and not is_partial_day(value):
        raise CellFault("bad-date", "yyyy, yyyy-mm or yyyy-mm-dd")
    return value or None


def share(value: str) -> Fraction:
    """Return a share, which must bear its unit."""
    try:
        return parse_share(value)
    except InputError:
        raise CellFault("bad-share", "a share with its unit: 50%, 1/2 or 5000bp, up to the whole") from None


def territory(value: str) -> str:
    """Return territories in the form that records use."""
    try:
        return parse_territory(value)
    except InputError:
        raise CellFault(
            "bad-territory", "two-letter codes such as 'DE AT', EU, or nothing for the world"
        ) from None


def yes_or_no(value: str) -> bool:
    """Return a truth value; an empty cell is no."""
    found = value.casefold()
    if found not in (*_YES, *_NO):
        raise CellFault("bad-yes-or-no", "yes, no or nothing")
    return found in _YES


def sha256(value: str) -> str | None:
    """Return a SHA-256, or None for an empty cell."""
    found = value.casefold().removeprefix("sha256:")
    if found and not re.fullmatch(r"[0-9a-f]{64}", found):
        raise CellFault("bad-hash", "64 hexadecimal digits")
    return found or None
