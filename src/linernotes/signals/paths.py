"""Path patterns of robots.txt (RFC 9309), which AIPREF, RSL and TDMRep use too.

Conventions
-----------
A pattern begins with ``/``; ``*`` stands for any run of characters, a final ``$`` for the end. It matches from
the start of the path. Both sides are brought to one spelling first: letters beyond ASCII are percent-encoded
as UTF-8, escapes are upper case, and an escaped unreserved character is taken literally. The length of a
pattern counts in octets of that spelling.

References
----------
RFC 9309, section 2.2.2 and 2.2.3; RFC 3986, section 2.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from linernotes.errors import InputError
from linernotes.signals.wire import shown

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalised(path: str) -> str:
    """Return *path* in the one spelling that matching uses.

    Examples
    --------
    >>> normalised("/café/%7ebob?a=%2f")
    '/caf%C3%A9/~bob?a=%2F'
    """
    encoded = "".join(c if c.isascii() else _percent(c) for c in path)
    return _ESCAPE.sub(_settled, encoded)


def matches(pattern: str, path: str) -> bool:
    """Say whether *pattern* covers *path*; takes time linear in their lengths for any number of stars.

    Examples
    --------
    >>> matches("/music/*.wav$", "/music/a/b.wav"), matches("/fish", "/fishing"), matches("/fish/", "/fish")
    (True, True, False)
    """
    pattern, path = normalised(pattern), normalised(path)
    at_end = pattern.endswith("$")
    first, *others = (pattern[:-1] if at_end else pattern).split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if not others:
        return at == len(path) if at_end else True
    *between, last = others
    for piece in between:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if at_end:
        return len(path) - len(last) >= at and path.endswith(last)
    return path.find(last, at) >= 0


def specificity(pattern: str) -> int:
    """Return how specific a pattern is: its length in octets.

    Examples
    --------
    >>> specificity("/é")
    7
    """
    return len(normalised(pattern))


def split_location(url: str) -> tuple[str, str]:
    """Return the origin of an address and its path with the query.

    Raises
    ------
    InputError
        If it is no absolute http or https address.

    Examples
    --------
    >>> split_location("HTTPS://Example.org:443/music?x=1#top")
    ('https://example.org', '/music?x=1')
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(
            f"address '{shown(url)}': {error}; expected one such as https://example.org/"
        ) from None
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(
            f"address '{shown(url)}': expected an http or https address such as https://example.org/"
        )
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
    return origin, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_address(text: str) -> bool:
    """Say whether *text* looks like an http or https address."""
    return text.strip().lower().startswith(("http://", "https://"))


def _percent(letter: str) -> str:
    return "".join(f"%{octet:02X}" for octet in letter.encode("utf-8", "surrogatepass"))


def _settled(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if letter in _UNRESERVED else found[0].upper()
