"""Shares as exact fractions: read with their unit, printed without loss."""

from __future__ import annotations

import re
from fractions import Fraction

from linernotes.errors import InputError

_SHARE = re.compile(r"(\d{1,9}(?:\.\d{1,12})?) ?%|(\d{1,15})/(\d{1,15})|(\d{1,9}(?:\.\d{1,6})?) ?bp")


def parse_share(text: str) -> Fraction:
    """Read a share with its unit: percent, a fraction, or basis points.

    A bare number is refused: 0.5 may be a half or half a percent.

    Raises
    ------
    InputError
        If it has no unit or lies outside 0 to 100 %.

    Examples
    --------
    >>> parse_share("33.25%"), parse_share("1/3"), parse_share("250bp")
    (Fraction(133, 400), Fraction(1, 3), Fraction(1, 40))
    """
    found = _SHARE.fullmatch(text.strip()) if text.isascii() and len(text) < 40 else None
    if not found:
        raise InputError(f"share '{text[:40]}': expected a unit: 50%, 1/2 or 5000bp")
    percent, top, bottom, points = found.groups()
    if bottom is not None and int(bottom) == 0:
        raise InputError(f"share '{text}': divides by zero; expected a fraction such as 1/3")
    share = (
        Fraction(percent) / 100
        if percent
        else Fraction(points) / 10_000
        if points
        else Fraction(f"{top}/{bottom}")
    )
    if share > 1:
        raise InputError(f"share '{text}': more than the whole; expected 0 to 100%")
    return share


def format_share(share: Fraction) -> str:
    """Return a share as a percentage where that is exact, else as a fraction.

    Examples
    --------
    >>> format_share(Fraction(1, 40)), format_share(Fraction(1, 3))
    ('2.5%', '1/3')
    """
    points = share * 10_000
    if points.denominator != 1:
        return f"{share.numerator}/{share.denominator}"
    whole, rest = divmod(points.numerator, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"
