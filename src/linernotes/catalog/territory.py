"""Where a statement holds: whether one set of territories covers another, or touches it.

Conventions
-----------
Two-letter codes separated by spaces; ``EU`` is its 27 member states; empty is the world, which covers all
and touches all.

References
----------
ISO 3166-1 alpha-2.
"""

from __future__ import annotations

import re

from linernotes.errors import InputError

EU = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT"),
        *("LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
_WORLD = frozenset(["", "WORLD", "WORLDWIDE", "WW", "2136"])


def parse_territory(text: str) -> str:
    """Return territories in the form that records use: sorted codes, empty for the world.

    Raises
    ------
    InputError
        If a code is not of two letters.

    Examples
    --------
    >>> parse_territory("de, at"), parse_territory("Worldwide")
    ('AT DE', '')
    """
    if text.strip().upper() in _WORLD:
        return ""
    codes = sorted({code for code in re.split(r"[\s,;/]+", text.strip().upper()) if code})
    wrong = [code for code in codes if not re.fullmatch(r"[A-Z]{2}", code)]
    if wrong or not codes or len(codes) > 300:
        raise InputError(
            f"territory '{text[:60]}': '{(wrong or [''])[0]}'; expected two-letter codes such as 'DE AT', "
            "'EU', or nothing for the world"
        )
    return " ".join(codes)


def covers(held: str, asked: str) -> bool:
    """Tell whether a statement for *held* holds in all of *asked*.

    Examples
    --------
    >>> covers("EU", "DE FR"), covers("DE", ""), covers("", "US")
    (True, False, True)
    """
    return not held or (bool(asked) and _codes(asked) <= _codes(held))


def touches(held: str, asked: str) -> bool:
    """Tell whether a statement for *held* holds in any part of *asked*.

    Examples
    --------
    >>> touches("DE", ""), touches("DE", "US")
    (True, False)
    """
    return not held or not asked or bool(_codes(held) & _codes(asked))


def _codes(text: str) -> frozenset[str]:
    found = frozenset(text.split())
    return found | EU if "EU" in found else found
