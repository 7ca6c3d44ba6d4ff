"""Is it a list or words about a list, a figure or a gesture? Small tests of single answers.

Idea
----
Filed summaries fail in two ways that a program can see: a list field holds a sentence (``websites such as forums and
repositories``), and a size is said without a number (``a large amount``). Each function here looks for one of them and
returns what it found, in words.

Known limits
------------
English words only, and tests of form: an invented domain name passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s]+", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(various|several|numerous|diverse|a (wide|broad|large) (range|variety|number|amount)|many|multiple|among others|"
    r"and others|such as|including|etc|e\.g|for example|publicly accessible|other sources|third[- ]party sources)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d")
LONG_WORDS = 8
WIDE_RATIO = 1000.0


def is_host(text: str) -> bool:
    """Tell whether a text is a domain name, or an address with one.

    Examples
    --------
    >>> is_host("music.example.org"), is_host("https://example.org/a"), is_host("code repositories")
    (True, True, False)
    """
    text = text.strip().rstrip(".")
    return bool(_HOST.fullmatch(text) or _ADDRESS.fullmatch(text))


def prose_in_list(entries: Iterable[object], *, hosts: bool) -> list[str]:
    """Return the entries that are words about a list rather than entries of it.

    Parameters
    ----------
    entries : iterable
        Texts or tables with a ``name``.
    hosts : bool
        Whether every entry must be a domain name.

    Examples
    --------
    >>> prose_in_list(["example.org", "public forums and repositories"], hosts=True)
    ['public forums and repositories']
    >>> prose_in_list([{"name": "Open Set", "link": "https://example.org"}, {"name": "various netlabels"}], hosts=False)
    ['various netlabels']
    """
    found = []
    for entry in entries:
        name = str(entry.get("name", "")) if isinstance(entry, Mapping) else str(entry)
        if hosts:
            bad = not is_host(name)
        else:
            bad = not name.strip() or bool(_VAGUE.search(name)) or len(name.split()) >= LONG_WORDS
        if bad:
            found.append(name)
    return found


def vague_words(text: str) -> str:
    """Return the first word that dodges, or an empty string.

    Examples
    --------
    >>> vague_words("Various sources such as forums."), vague_words("All 70 recordings.")
    ('Various', '')
    """
    found = _VAGUE.search(text)
    return found[0] if found else ""


def vague_amount(text: str) -> str:
    """Say what is wrong with an amount: no number, or a range so wide that it tells nothing; empty if nothing.

    A range is too wide where its upper end is more than a thousand times its lower one; an open range ("more than 10
    hours") has no second end. The template's own bands pass, because the form asks for no more.

    Examples
    --------
    >>> vague_amount("a large amount of audio")
    'no number'
    >>> vague_amount("more than 10 hours")
    'a range without its other end'
    >>> vague_amount("between 10 and 1,000,000 hours")
    'a range whose ends are 100000 times apart'
    >>> vague_amount("29.2 hours"), vague_amount("less than 10,000 hours")
    ('', '')
    """
    if text.strip() in BANDS:
        return ""
    numbers = [float(one.replace(",", "")) for one in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)[:20]]
    if not numbers:
        return "no number"
    if re.search(r"\bbetween\b|\d\s*(to|-|–)\s*\d", text, re.IGNORECASE) and len(numbers) >= 2:
        for low, high in pairwise(numbers[:2]):
            if low > 0 and high / low > WIDE_RATIO:
                return f"a range whose ends are {high / low:.0f} times apart"
        return ""
    if len(numbers) == 1 and re.search(
        r"\b(over|more than|less than|under|up to|at least|at most)\b", text, re.I
    ):
        return "a range without its other end"
    return ""


BANDS = frozenset(
    (
        "less than 10,000 hours",
        "10,000 hours to 1 million hours",
        "more than 1 million hours",
        "less than 1 billion tokens",
        "1 billion to 10 trillion tokens",
        "more than 10 trillion tokens",
        "less than 1 million images",
        "1 million to 1 billion images",
        "more than 1 billion images",
    )
)
"""The form's own size bands, in our words."""
