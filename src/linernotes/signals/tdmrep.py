"""TDMRep, the TDM Reservation Protocol: the file at the origin, the response headers, the HTML metadata.

``tdm-reservation`` 1 reserves the rights of text and data mining, which is how Article 4(3) of Directive (EU)
2019/790 wants an opt-out; 0 does not reserve them; anything else counts as unset. ``tdm-policy`` points to the
terms on which a licence may be had.

Conventions
-----------
In the file the first matching rule counts. Where several places speak of one resource, headers come before
the file, and the document itself before headers (`PLACES`); a place that says nothing changes nothing.

References
----------
"TDM Reservation Protocol (TDMRep)", W3C Community Group final report (10 May 2024, with errata to
December 2025), sections on ``tdmrep.json``, headers and HTML; the patterns are those of robots.txt.

Known limits
------------
A policy is named, not fetched. Metadata inside EPUB and PDF is not read: it is not about recordings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from linernotes.catalog.consent_record import Use
from linernotes.catalog.registry import Imported, Registry
from linernotes.errors import InputError
from linernotes.signals.origin import Origin, remark, statement
from linernotes.signals.paths import matches
from linernotes.signals.wire import json_of, shown, text_of

FORMAT = "TDMRep (W3C CG final report, 10 May 2024)"
MAX_RULES = 10_000
PLACES = ("tdmrep", "http-head", "tdmrep-html")
"""Kinds of files that hold reservations, the weakest first."""
_META = re.compile(r"<meta\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([A-Za-z-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
RESERVED_USES: tuple[Use, ...] = ("data-mining", "generative-training", "other-training")
FREE_USES: tuple[Use, ...] = ("data-mining",)
MAX_HTML_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is said about one set of resources.

    Parameters
    ----------
    reserved : bool or None
        None: unset.
    policy : str
        Address of the terms; empty for none.
    pattern : str
        Path pattern of the rule; empty in a header or document.
    fault : str
        A value that the protocol does not know; empty for none.
    """

    reserved: bool | None
    policy: str = ""
    pattern: str = ""
    fault: str = ""


def parse_tdmrep(data: bytes | str) -> tuple[Reservation, ...]:
    """Read a ``tdmrep.json``.

    Raises
    ------
    InputError
        If it is no JSON array of objects that each name a ``location``.

    Examples
    --------
    >>> parse_tdmrep('[{"location": "/", "tdm-reservation": 1}]')[0].reserved
    True
    """
    rules = json_of(data, "tdmrep.json")
    if not isinstance(rules, list):
        raise InputError("tdmrep.json: expected a JSON array of rules, even for one rule")
    if len(rules) > MAX_RULES:
        raise InputError(f"tdmrep.json: {len(rules)} rules; expected at most {MAX_RULES}")
    return tuple(_rule(rule, number) for number, rule in enumerate(rules, start=1))


def reservation_at(rules: Sequence[Reservation], path: str) -> Reservation:
    """Return what a ``tdmrep.json`` says about a path: its first matching rule, or unset.

    Examples
    --------
    >>> reservation_at(parse_tdmrep('[{"location": "/a/*.mp3$", "tdm-reservation": 1}]'), "/a/b.mp3").reserved
    True
    """
    fitting = (rule for rule in rules if matches(rule.pattern, path))
    return next(fitting, Reservation(None))


def reservation_of_headers(headers: Sequence[tuple[str, str]]) -> Reservation:
    """Return what response headers say; contradicting lines count as reserved.

    Examples
    --------
    >>> reservation_of_headers([("TDM-Reservation", "1")]).reserved
    True
    """
    return _stated([(name.strip().lower(), value) for name, value in headers])


def parse_html(data: bytes | str) -> Reservation:
    """Return what the ``meta`` elements of an HTML page say.

    Raises
    ------
    InputError
        If it is too large or no UTF-8.

    Examples
    --------
    >>> parse_html('<meta name="tdm-reservation" content="1">').reserved
    True
    """
    text = text_of(data, "HTML page", MAX_HTML_BYTES)
    for begin, end in (("<!--", "-->"), ("<script", "</script")):
        text = _without(text, begin, end)
    return _stated([_named_content(found[1]) for found in _META.finditer(text)])


def imported(rules: Sequence[Reservation], origin: Origin) -> Imported:
    """Return reservations as consent records.

    A reservation denies mining, and with it both kinds of training: training copies what it mines, and the AI Act
    (Article 53(1)(c)) points to this very reservation. With a policy it is a condition. "Not reserved" allows
    mining only.

    Examples
    --------
    >>> rules = parse_tdmrep('[{"location": "/", "tdm-reservation": 1}]')
    >>> [one.use for one in imported(rules, Origin(name="tdmrep.json")).registry.consents]
    ['data-mining', 'generative-training', 'other-training']
    """
    records, problems = [], []
    for rule in rules:
        if rule.fault:
            problems.append(
                remark(
                    origin,
                    "unknown-reservation",
                    rule.fault,
                    "0 or 1",
                    "Ask the site: the protocol takes this value for no answer.",
                )
            )
        if rule.reserved is None:
            continue
        for use in RESERVED_USES if rule.reserved else FREE_USES:
            records.append(
                statement(
                    origin,
                    "tdmrep",
                    use,
                    "allow" if not rule.reserved else "conditional" if rule.policy else "deny",
                    pattern=rule.pattern,
                    terms=f"TDM policy {rule.policy}" if rule.policy else "",
                    evidence=FORMAT,
                )
            )
    return Imported(Registry(consents=tuple(records)), tuple(problems))


def _without(text: str, begin: str, end: str) -> str:
    """Cut out everything between two marks; the standard library's parser takes quadratic time on hostile pages."""
    lowered, kept, at = text.lower(), [], 0
    if len(lowered) != len(text):  # a letter whose lower case is longer: rare, and no mark holds one
        lowered = text
    while (start := lowered.find(begin, at)) >= 0:
        kept.append(text[at:start])
        stop = lowered.find(end, start + len(begin))
        if stop < 0:
            return "".join(kept)
        at = stop + len(end)
    return "".join([*kept, text[at:]])


def _named_content(inside: str) -> tuple[str, str]:
    named = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(inside)}
    return unescape(named.get("name", "")).strip().lower(), unescape(named.get("content", ""))


def _stated(pairs: Sequence[tuple[str, str]]) -> Reservation:
    values = [value.strip() for name, value in pairs if name == "tdm-reservation"]
    policies = [value.strip() for name, value in pairs if name == "tdm-policy" and value.strip()]
    strange = [value for value in values if value not in ("0", "1")]
    known = [value == "1" for value in values if value in ("0", "1")]
    fault = f"tdm-reservation '{shown(strange[0])}': expected 0 or 1" if strange else ""
    return Reservation(any(known) if known else None, policies[0] if policies else "", fault=fault)


def _rule(rule: Any, number: int) -> Reservation:
    where = f"tdmrep.json, rule {number}"
    if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
        raise InputError(f"{where}: expected an object with a text 'location', such as \"/\"")
    pattern, policy, value = rule["location"].strip(), rule.get("tdm-policy", ""), rule.get("tdm-reservation")
    if not pattern.startswith(("/", "*")):
        raise InputError(f"{where}: location '{shown(pattern)}' does not begin with /")
    if not isinstance(policy, str):
        raise InputError(f"{where}: tdm-policy is no text; expected an address")
    if value is None:
        return Reservation(None, policy, pattern)
    if isinstance(value, bool) or value not in (0, 1):  # the protocol wants the numbers 0 and 1
        return Reservation(None, policy, pattern, f"tdm-reservation {shown(str(value))}: expected 0 or 1")
    return Reservation(value == 1, policy, pattern)
