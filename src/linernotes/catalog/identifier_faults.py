"""What is wrong with one code, and what was probably meant.

A failed check digit is nearly always one of three slips: a letter for a digit that looks like it, two
neighbours exchanged, or a wrong last digit. Each is undone, and what then passes the check is offered as the
likely correction. ISRCs have no check digit, so only their form can be looked at.

Conventions
-----------
A code in the wrong column is found by asking which other kind it is valid as. Sample codes are those that
standards print as examples, and ranges that their agencies set apart for tests or for use inside a shop.

References
----------
GS1 General Specifications, section 1.4 (prefix 952: demonstrations; 02, 04, 2: restricted circulation);
ISO 3901, ISO 15707 and the GRid standard for their printed examples.

Known limits
------------
A correction is a guess with a valid check digit: ask the one who assigned the code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from linernotes import ids
from linernotes.errors import InputError

PARSERS: dict[str, Callable[[str], str]] = {
    "isrc": ids.parse_isrc,
    "iswc": ids.parse_iswc,
    "upc": ids.parse_upc,
    "grid": ids.parse_grid,
    "isni": ids.parse_isni,
    "ipi-name": ids.parse_ipi,
    "ipi-base": ids.parse_ipi_base,
    "ipn": ids.parse_ipn,
    "dpid": ids.parse_dpid,
    "mbid": ids.parse_mbid,
    "content-hash": ids.parse_content_hash,
}
"""For each kind of identifier its parser; other kinds are carried as they are."""
_TELLING = ("isrc", "iswc", "upc", "grid", "isni", "ipi-base", "dpid", "mbid")
_WITH_CHECK = ("iswc", "upc", "grid", "isni", "ipi-name", "ipi-base", "dpid")
_LOOKALIKE = str.maketrans("OILSBQ", "011580")
_EXAMPLES = {
    "isrc": {"USS1Z9900001", "USRC17607839", "GBAYE6800011"},
    "iswc": {"T0345246801", "T0000000010"},
    "upc": {"036000291452", "0036000291452", "4006381333931"},
    "grid": {"A12425GABC1234002M"},
    "isni": {"000000012281955X"},
}


def normal(kind: str, value: str) -> str | None:
    """Return a code in its normalised form, or None where it is malformed.

    Examples
    --------
    >>> normal("isrc", "US-S1Z-99-00001"), normal("isrc", "rain"), normal("proprietary", " X 1 ")
    ('USS1Z9900001', None, 'X 1')
    """
    try:
        return PARSERS[kind](value) if kind in PARSERS else value.strip()
    except InputError:
        return None


def fault(kind: str, value: str) -> str | None:
    """Return why a code is malformed, in one sentence, or None where it is not.

    Examples
    --------
    >>> fault("iswc", "T-034.524.680-2")
    "ISWC 'T-034.524.680-2': check digit 2, expected 1; compare with the source"
    """
    try:
        PARSERS.get(kind, str)(value)
    except InputError as error:
        return str(error)
    return None


def valid_as(kind: str, value: str) -> str | None:
    """Return the other kind of identifier that a malformed code is valid as, if there is one.

    Examples
    --------
    >>> valid_as("isrc", "T-034.524.680-1"), valid_as("iswc", "036000291452"), valid_as("isrc", "rain")
    ('iswc', 'upc', None)
    """
    return next((other for other in _TELLING if other != kind and fault(other, value) is None), None)


def corrections(kind: str, value: str) -> tuple[str, ...]:
    """Return codes that pass the check and are one slip away, the likeliest slip first.

    Parameters
    ----------
    kind : str
        Kind of identifier; only those with a check digit can be corrected.
    value : str
        The malformed code.

    Examples
    --------
    >>> corrections("iswc", "T-034.524.68O-1")
    ('T0345246801',)
    >>> corrections("iswc", "T-034.524.860-1")[0]
    'T0345246801'
    """
    if kind not in _WITH_CHECK or len(value) > 40:
        return ()
    code = re.sub(r"[\s.\-–‑]+", "", value.upper())
    code = re.sub(rf"^{kind.split('-')[0].upper()}:?", "", code)
    if alike := _passing(kind, _lookalikes(kind, code)):
        return alike[:3]
    exchanged, last = _passing(kind, _exchanges(kind, code)), _passing(kind, _last_characters(kind, code))
    return tuple(dict.fromkeys((*exchanged[:2], *last[:1])))


def _passing(kind: str, codes: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (normal(kind, one) for one in codes))))


def _lookalikes(kind: str, code: str) -> Iterator[str]:
    head = {"iswc": 1, "ipi-base": 1, "dpid": 7, "grid": 2}.get(kind, 0)
    tail = code[head:]
    yield code[:head] + tail.translate(_LOOKALIKE)
    if kind == "isni":
        yield tail[:-1].translate(_LOOKALIKE) + tail[-1:]


def _exchanges(kind: str, code: str) -> Iterator[str]:
    first = {"iswc": 1, "ipi-base": 1, "dpid": 7, "grid": 2}.get(kind, 0)
    for i in range(first, len(code) - 1):
        if code[i] != code[i + 1]:
            yield code[:i] + code[i + 1] + code[i] + code[i + 2 :]


def _last_characters(kind: str, code: str) -> Iterator[str]:
    if kind == "ipi-name":
        yield from (f"{code[:-2]}{n:02d}" for n in range(100))
        return
    last = "0123456789X" if kind == "isni" else "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from (code[:-1] + character for character in last)


def sample_reason(kind: str, code: str) -> str | None:
    """Return why a normalised code names nothing real, or None.

    Examples
    --------
    >>> sample_reason("upc", "9521234543213")
    'GS1 prefix 952 is for demonstrations'
    >>> sample_reason("isrc", "GBAYE6900531") is None
    True
    """
    if code in _EXAMPLES.get(kind, ()):
        return "it is an example printed in the standard or its guides"
    digits = re.sub(r"\D", "", code)
    if kind == "upc":
        full = digits.zfill(13)[-13:]
        if full.startswith("952"):
            return "GS1 prefix 952 is for demonstrations"
        if full[0] == "2" or full[:2] in ("02", "04"):
            return "GS1 sets this prefix apart for use inside one company"
    body = digits[:-2] if kind == "ipi-name" else digits[:-1] if kind in _WITH_CHECK else digits
    if kind in (*_WITH_CHECK, "isrc") and len(set(body)) == 1 and len(body) > 5:
        return f"all its digits are {body[0]}"
    if kind in _WITH_CHECK and body in ("123456789", "0123456789", "12345678901", "123456789012"):
        return "its digits merely count up"
    if kind == "isrc" and code[5:] == "0000000":
        return "year and number are zero"
    return None
