"""When are two subjects the same? Identifiers in any spelling, party names, URL patterns.

Conventions
-----------
A subject is a pair (kind, text). Codes are compared in their normalised form, so that ``US-S1Z-99-00001``
and ``ISRC USS1Z9900001`` are one subject; ids and names in composed Unicode without regard to case.
Location patterns follow RFC 9309: a path or address matches as a prefix, ``*`` is any run of characters,
a final ``$`` is the end; ``http`` and ``https`` are one.

References
----------
RFC 9309, "Robots Exclusion Protocol", section 2.2.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from linernotes.errors import InputError
from linernotes.ids import (
    parse_dpid,
    parse_grid,
    parse_ipi,
    parse_ipi_base,
    parse_isni,
    parse_isrc,
    parse_iswc,
    parse_upc,
)

Key = tuple[str, str]
_PARSERS: dict[str, tuple[tuple[str, Callable[[str], str]], ...]] = {
    "recording": (("isrc", parse_isrc),),
    "work": (("iswc", parse_iswc),),
    "release": (("upc", parse_upc), ("grid", parse_grid)),
    "party": (
        ("isni", parse_isni),
        ("ipi", parse_ipi),
        ("ipi-base", parse_ipi_base),
        ("dpid", parse_dpid),
    ),
}
_SCHEME = re.compile(r"(?i)^https?://")


@lru_cache(maxsize=1 << 17)  # one question looks the same few codes up for every layer and performer
def subject_key(kind: str, text: str) -> Key:
    """Return what two spellings of one subject have in common.

    Examples
    --------
    >>> subject_key("recording", "ISRC us-s1z-99-00001") == subject_key("recording", "USS1Z9900001")
    True
    >>> subject_key("party", "ADA") == subject_key("party", "ada")
    True
    """
    if kind != "location" and 9 <= len(text) <= 40 and any("0" <= c <= "9" for c in text):
        for name, parse in _PARSERS.get(kind, ()):
            if name == "ipi" and sum(c.isdigit() for c in text) < 9:
                continue  # short digit runs are names or proprietary ids, not name numbers
            try:
                return kind, f"{name}:{parse(text)}"
            except InputError:
                continue
    return kind, plain(text)


def plain(text: str) -> str:
    """Return a name for comparison: composed, one space between words, case folded.

    Examples
    --------
    >>> plain(" Ada   LING ")
    'ada ling'
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def location_matches(pattern: str, location: str) -> bool:
    """Tell whether a URL or path pattern covers a location.

    Examples
    --------
    >>> location_matches("/music/*.mp3$", "https://example.org/music/a/rain.mp3")
    True
    >>> location_matches("https://example.org/music/", "http://example.org/video/rain.mp4")
    False
    """
    pattern, location = unquote(pattern.strip()), unquote(location.strip())
    if pattern == location:
        return True
    if _SCHEME.match(pattern):
        return bool(_SCHEME.match(location)) and _covers(_address(pattern), _address(location))
    if pattern.startswith(("/", "*")):
        return _covers(pattern, _path(location))
    return "*" in pattern and _covers(pattern, location)


def _address(text: str) -> str:
    host, slash, path = _SCHEME.sub("", text).partition("/")
    return host.casefold() + (slash or "/") + path


def _path(location: str) -> str:
    if not _SCHEME.match(location):
        return location if location.startswith("/") else "/" + location
    return "/" + _address(location).partition("/")[2]


def _covers(pattern: str, text: str) -> bool:
    """Match greedily from the left: linear in the number of stars, so no pattern can stall the program."""
    anchored = pattern.endswith("$")
    first, *rest = (pattern[:-1] if anchored else pattern).split("*")
    if not text.startswith(first):
        return False
    place = len(first)
    if not rest:
        return not anchored or place == len(text)
    last = rest.pop() if anchored else ""
    for part in rest:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return not anchored or (text.endswith(last) and len(text) - len(last) >= place)
