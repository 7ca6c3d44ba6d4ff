"""Structured field values for HTTP (RFC 9651): dictionaries and items, parsed strictly.

AIPREF writes its preferences as such a dictionary, in a header and in robots.txt. The grammar is small and
fails as a whole: one wrong character, and the receiver knows nothing.

Conventions
-----------
A bare item becomes a Python value: int, `Decimal`, str (a string), `Token`, bytes, bool, `Date` or
`DisplayString`. An inner list becomes a tuple of members. Of a key that stands twice the last value counts, as
the RFC says.

References
----------
RFC 9651, section 4.2 (parsing algorithms).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from linernotes.errors import InputError
from linernotes.signals.wire import shown

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?")
_ESCAPED = re.compile(r"[0-9a-f]{2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]*")


class Token(str):
    """A token: a bare word, as apart from a quoted string."""

    __slots__ = ()


class DisplayString(str):
    """A string for people, with letters beyond ASCII."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Date:
    """A date as whole seconds since 1970."""

    seconds: int


BareItem = int | Decimal | str | bytes | bool | Date


@dataclass(frozen=True, slots=True)
class Member:
    """A value with its parameters; the value of an inner list is a tuple of members."""

    value: BareItem | tuple[Member, ...]
    parameters: dict[str, BareItem] = field(default_factory=dict)


_Parsed = TypeVar("_Parsed")


def parse_dictionary(text: str) -> dict[str, Member]:
    """Read a dictionary; header lines that came apart are joined with a comma first.

    Raises
    ------
    InputError
        If the text is no dictionary; nothing of it counts then.

    Examples
    --------
    >>> parse_dictionary("train-ai=n;by=me, search")["train-ai"]
    Member(value='n', parameters={'by': 'me'})
    """
    return _whole(text, _Reader.dictionary, "dictionary")


def parse_item(text: str) -> Member:
    """Read one item.

    Raises
    ------
    InputError
        If the text is no item.

    Examples
    --------
    >>> parse_item("?1;a=2").parameters
    {'a': 2}
    """
    return _whole(text, _Reader.item, "item")


def _whole(text: str, read: Callable[[_Reader], _Parsed], what: str) -> _Parsed:
    reader = _Reader(text.strip(" "), what)
    if not text.isascii():
        raise reader.fault("holds letters outside ASCII")
    value = read(reader)
    if reader.rest:
        raise reader.fault("text after its end")
    return value


class _Reader:
    def __init__(self, text: str, what: str) -> None:
        self._text, self._at, self._what = text, 0, what

    @property
    def rest(self) -> bool:
        return self._at < len(self._text)

    def fault(self, why: str) -> InputError:
        return InputError(
            f"structured field '{shown(self._text)}': {why} at character {self._at}; "
            f"expected a {self._what} of RFC 9651, such as train-ai=n"
        )

    def dictionary(self) -> dict[str, Member]:
        found: dict[str, Member] = {}
        while self.rest:
            key = self._match(_KEY, "no key")
            found.pop(key, None)  # the last one counts, and stands where it came
            found[key] = self._member() if self._take("=") else Member(True, self._parameters())
            self._skip(" \t")
            if not self.rest:
                return found
            self._expect(",")
            self._skip(" \t")
            if not self.rest:
                raise self.fault("a comma with nothing after it")
        return found

    def item(self) -> Member:
        return Member(self._bare_item(), self._parameters())

    def _member(self) -> Member:
        return self._inner_list() if self._peek() == "(" else self.item()

    def _inner_list(self) -> Member:
        self._expect("(")
        members: list[Member] = []
        while self.rest:
            self._skip(" ")
            if self._take(")"):
                return Member(tuple(members), self._parameters())
            members.append(self.item())
            if self._peek() not in (" ", ")"):
                raise self.fault("no space or bracket after a value of an inner list")
        raise self.fault("an inner list without its end")

    def _parameters(self) -> dict[str, BareItem]:
        found: dict[str, BareItem] = {}
        while self._take(";"):
            self._skip(" ")
            key = self._match(_KEY, "no parameter name")
            found.pop(key, None)
            found[key] = self._bare_item() if self._take("=") else True
        return found

    def _bare_item(self) -> BareItem:
        first = self._peek()
        if first == '"':
            return self._string()
        if first == ":":
            return self._bytes()
        if first == "?":
            return self._boolean()
        if first == "@":
            return self._date()
        if first == "%":
            return self._display_string()
        if first == "-" or first.isdigit():
            return self._number()
        return Token(self._match(_TOKEN, "no value"))

    def _number(self) -> int | Decimal:
        text = self._match(_NUMBER, "no number")
        whole, dot, part = text.lstrip("-").partition(".")
        if not dot and len(whole) <= 15:
            return int(text)
        if dot and len(whole) <= 12 and 1 <= len(part) <= 3:
            return Decimal(text)
        raise self.fault("a number with too many or too few digits")

    def _string(self) -> str:
        self._expect('"')
        letters: list[str] = []
        while self.rest:
            letter = self._next()
            if letter == '"':
                return "".join(letters)
            if letter == "\\":
                letter = self._next() if self.rest else ""
                if letter not in ('"', "\\"):
                    raise self.fault('a backslash before another character than " or \\')
            elif not " " <= letter <= "~":
                raise self.fault("a control character in a string")
            letters.append(letter)
        raise self.fault("a string without its end")

    def _bytes(self) -> bytes:
        self._expect(":")
        text = self._match(_BASE64, "no base64")
        self._expect(":")
        try:
            # padding may be left out, says the RFC
            return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise self.fault("a byte sequence that is not base64") from None

    def _boolean(self) -> bool:
        self._expect("?")
        digit = self._next() if self.rest else ""
        if digit not in ("0", "1"):
            raise self.fault("a boolean other than ?0 and ?1")
        return digit == "1"

    def _date(self) -> Date:
        self._expect("@")
        seconds = self._number()
        if isinstance(seconds, Decimal):
            raise self.fault("a date with a fraction")
        return Date(seconds)

    def _display_string(self) -> DisplayString:
        self._expect("%")
        self._expect('"')
        data = bytearray()
        while self.rest:
            letter = self._next()
            if letter == '"':
                try:
                    return DisplayString(data.decode())
                except UnicodeDecodeError:
                    raise self.fault("a display string that is not UTF-8") from None
            if letter == "%":
                data.append(int(self._match(_ESCAPED, "no two lower-case hexadecimal digits"), 16))
            elif " " <= letter <= "~":
                data += letter.encode()
            else:
                raise self.fault("a control character in a display string")
        raise self.fault("a display string without its end")

    def _peek(self) -> str:
        return self._text[self._at] if self.rest else ""

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, letter: str) -> bool:
        found = self._peek() == letter
        self._at += found
        return found

    def _expect(self, letter: str) -> None:
        if not self._take(letter):
            raise self.fault(f"no '{letter}'")

    def _skip(self, letters: str) -> None:
        while self.rest and self._text[self._at] in letters:
            self._at += 1

    def _match(self, pattern: re.Pattern[str], otherwise: str) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            raise self.fault(otherwise)
        self._at = found.end()
        return found[0]
