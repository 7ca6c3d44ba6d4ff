"""Codes of a DDEX message: whether they are well-formed, and the ids that are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from linernotes.catalog.recording import slug
from linernotes.errors import InputError
from linernotes.ids import (
    parse_dpid,
    parse_grid,
    parse_ipi,
    parse_ipn,
    parse_isni,
    parse_isrc,
    parse_iswc,
    parse_upc,
)
from linernotes.signals.ddex_message import DdexParty

_CHECKS: dict[str, Callable[[str], str]] = {
    "isrc": parse_isrc,
    "iswc": parse_iswc,
    "isni": parse_isni,
    "ipi_name": parse_ipi,
    "ipn": parse_ipn,
    "dpid": parse_dpid,
    "icpn": parse_upc,
    "grid": parse_grid,
}


def fault_of(kind: str, value: str) -> str:
    """Return what is wrong with a code; empty where it is well-formed.

    Examples
    --------
    >>> fault_of("isrc", "USS1Z9900001"), fault_of("isrc", "12")
    ('', '2 characters; expected CC-XXX-YY-NNNNN, such as GB-AYE-69-00001')
    """
    try:
        _CHECKS[kind](value[:200])
    except InputError as error:
        return str(error).partition(": ")[2] or "a code of the right form"
    return ""


def plain(kind: str, value: str) -> str:
    """Return the normalised code, or the code as written where it is malformed.

    Examples
    --------
    >>> plain("iswc", "T-034.524.680-1"), plain("iswc", "unknown")
    ('T0345246801', 'unknown')
    """
    return value[:200] if fault_of(kind, value) else _CHECKS[kind](value)


def party_id_of(party: DdexParty) -> str:
    """Return the id of a party: by ISNI, else IPI name number, else its name.

    Examples
    --------
    >>> party_id_of(DdexParty(reference="P1", name="Ada", ipi_name="14107338"))
    'ipi-00014107338'
    """
    for kind, value in (("isni", party.isni), ("ipi_name", party.ipi_name)):
        if value and not fault_of(kind, value):
            return f"{kind.partition('_')[0]}-{_CHECKS[kind](value).lower()}"
    return slug(party.name or party.reference)[:255]


def digest(*parts: str) -> str:
    """Return eight hexadecimal digits that name some texts."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:8]
