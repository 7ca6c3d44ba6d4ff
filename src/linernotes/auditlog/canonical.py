"""Canonical JSON (RFC 8785): one value, one spelling, in any language.

The specification is `rfc8785`, a pure Python package; it costs 13 µs for a small entry. Most of what a
log holds (text, whole numbers, lists, objects with plain names) is spelled the same by the standard
library's C encoder with sorted names, at a quarter of that. So a value is looked at first, and only what
could differ (floats, names beyond U+D7FF, numbers beyond 2**53 - 1, other types) takes the long way.

References
----------
RFC 8785, sections 3.2.2 and 3.2.3. Names sort by UTF-16 code units there and by code points here; the
two orders are one for names of which every character lies below U+D800.

Known limits
------------
Whole numbers beyond 2**53 - 1 and NaN have no canonical spelling: write them as text.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from linernotes.errors import InputError, VerificationError

LARGEST_WHOLE_NUMBER = (1 << 53) - 1
MAX_PLAIN_DEPTH = 32
_FIRST_SURROGATE = "\ud800"
_encode_plain = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 bytes of *value*.

    Raises
    ------
    InputError
        If *value* holds what JSON or RFC 8785 cannot: NaN, integers beyond 2**53 - 1, other types.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [True, "ü"]}).decode()
    '{"a":[true,"ü"],"b":1}'
    """
    try:
        if _is_plain(value, MAX_PLAIN_DEPTH):
            return _encode_plain(value).encode()
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
        text = data.decode()
        value = _read_plain(text)
        if value is not None:
            return value
        value = json.loads(text)
        spelled = canonical_json(value)
    except (ValueError, RecursionError, InputError) as error:
        raise VerificationError(f"{what}: not canonical JSON ({error})") from None
    if spelled != data:
        raise VerificationError(f"{what}: its bytes are not the canonical JSON (RFC 8785) of what they say")
    return value


def spell(value: Any) -> tuple[bytes, bool]:
    """Return the RFC 8785 bytes of *value*, and whether every reader finds the same numbers in them.

    The second is false where *value* holds floats or the like: one of 2**53 or more is spelled as an integer
    that readers refuse, so that the bytes must be read again before they are used.

    Raises
    ------
    InputError
        As `canonical_json`.
    """
    if _is_plain(value, MAX_PLAIN_DEPTH):
        try:
            return _encode_plain(value).encode(), True
        except ValueError as error:  # a lone surrogate
            raise InputError(f"cannot be written as canonical JSON: {error}") from None
    return canonical_json(value), False


def _read_plain(text: str) -> Any:
    """Return what *text* says if it is canonical and plain; None sends the caller the long way."""
    if not text or not (text.isascii() or max(text) < _FIRST_SURROGATE):
        return None
    try:
        value = _decode_plain(text)
        return value if _encode_plain(value) == text else None
    except (ValueError, RecursionError):
        return None


def _not_plain(text: str) -> Any:
    raise ValueError(text)


def _whole_number(text: str) -> int:
    value = int(text)
    if not -LARGEST_WHOLE_NUMBER <= value <= LARGEST_WHOLE_NUMBER:
        raise ValueError(text)
    return value


_decode_plain = json.JSONDecoder(
    parse_float=_not_plain, parse_int=_whole_number, parse_constant=_not_plain
).decode


def _is_plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-LARGEST_WHOLE_NUMBER <= value <= LARGEST_WHOLE_NUMBER)
    if depth == 0:
        return False
    if kind is dict:
        for name, inner in value.items():
            if type(name) is not str or not (name.isascii() or max(name) < _FIRST_SURROGATE):
                return False
            if type(inner) is not str and not _is_plain(inner, depth - 1):
                return False
        return True
    if kind is list:
        return all(type(inner) is str or _is_plain(inner, depth - 1) for inner in value)
    return False
