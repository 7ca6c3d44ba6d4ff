"""What a file says about one address, by the rules of its own format.

A record about a path pattern says less than the file that it came from: which of several lines holds is decided by the
longest pattern in one format and by the first in another. So the file itself is asked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.catalog.registry import Imported
from linernotes.errors import InputError
from linernotes.signals import robots_signals, rsl, tdmrep
from linernotes.signals.formats import FORMATS, read_signal
from linernotes.signals.origin import Origin
from linernotes.signals.paths import split_location


def holding_at(kind: str, data: bytes, url: str, origin: Origin) -> tuple[ConsentRecord, ...]:
    """Return what a file says about one address, by the rules of its format.

    Raises
    ------
    InputError
        If the file is malformed.

    Examples
    --------
    >>> found = holding_at("tdmrep", b'[{"location": "/", "tdm-reservation": 1}]', "https://a.org/x.wav",
    ...                    Origin(name="tdmrep.json", target="https://a.org/"))
    >>> found[0].value
    'deny'
    """
    site, path = split_location(url)
    value = parsed(kind, data)
    if not origin.site or site_key(origin.site) != site_key(site):
        return ()
    if kind == "robots":
        return robots_signals.holding_at(value, url, origin)
    if kind == "rsl":
        content = rsl.content_at(value, url)
        return () if content is None else _about(rsl.imported((content,), origin), url)
    if kind == "tdmrep":
        return _about(tdmrep.imported((tdmrep.reservation_at(value, path),), origin), url)
    if split_location(origin.target)[1] != path:
        return ()
    return read_signal(data, origin, kind).imported.registry.consents


@lru_cache(maxsize=256)
def parsed(kind: str, data: bytes) -> Any:
    """Return the typed value of a file, remembered: one file is asked about many addresses.

    Raises
    ------
    InputError
        If the kind is unknown or the file is malformed.
    """
    if kind not in FORMATS:
        raise InputError(f"kind '{kind}': expected one of {', '.join(FORMATS)}")
    return FORMATS[kind].parse(data)


def site_key(site: str) -> str:
    """Return what tells sites apart: http and https are one.

    Examples
    --------
    >>> site_key("https://a.org") == site_key("http://a.org")
    True
    """
    return site.partition("://")[2]


def _about(found: Imported, url: str) -> tuple[ConsentRecord, ...]:
    """Return records as statements about one address instead of a pattern that covers it."""
    return tuple(replace(one, subject_kind="location", subject=url) for one in found.registry.consents)
