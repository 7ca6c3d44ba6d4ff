"""Which format a file is in, what it says, and what of it holds for one address.

Conventions
-----------
``auto`` looks at the file's name and its first characters; a kind that is given is taken at its word. Kinds:
``robots``, ``content-usage``, ``http-head``, ``tdmrep``, ``tdmrep-html``, ``rsl``, ``cawg``, ``c2pa-report``,
``tdm-ai``, ``ddex-ern``, ``ddex-rin``, and ``c2pa`` for audio files (see `linernotes.signals.c2pa_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from linernotes.catalog.registry import Imported
from linernotes.errors import InputError
from linernotes.signals import (
    aipref,
    c2pa_manifest,
    cawg,
    content_signals,
    ddex_registry,
    ern,
    http_head,
    rin,
    robots_signals,
    rsl,
    tdm_ai,
    tdmrep,
)
from linernotes.signals.ai_agents import TRAINING_AGENTS, shut_out
from linernotes.signals.ddex_message import DdexMessage, ai_statements
from linernotes.signals.kinds import kind_of
from linernotes.signals.origin import Origin
from linernotes.signals.robots import Robots, parse_robots


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of file is read.

    Parameters
    ----------
    title : str
        Standard and version.
    parse : callable
        Bytes to a typed value; raises InputError and nothing else.
    facts : callable
        The value as JSON.
    imported : callable
        The value as registry entries.
    about : str
        ``location`` (names its own paths at a site), ``subject`` (is about what the user says) or ``message``
        (names its own subjects).
    """

    title: str
    parse: Callable[[bytes], Any]
    facts: Callable[[Any], dict[str, Any]]
    imported: Callable[[Any, Origin], Imported]
    about: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file says.

    Parameters
    ----------
    kind : str
        One of `FORMATS`.
    origin : Origin
        The file.
    facts : dict
        What it says, in its own words.
    imported : Imported
        The same as registry entries, with problems.
    """

    kind: str
    origin: Origin
    facts: dict[str, Any]
    imported: Imported

    def as_json(self) -> dict[str, Any]:
        """Return the reading as JSON-ready values."""
        return {
            "file": self.origin.name,
            "sha256": self.origin.sha256,
            "kind": self.kind,
            "format": FORMATS[self.kind].title if self.kind in FORMATS else c2pa_manifest.FORMAT,
            "for": self.origin.target,
            "says": self.facts,
            "consents": [one.as_json() for one in self.imported.registry.consents],
            "entries": {name: n for name, n in self.imported.registry.counts().items() if n},
            "problems": [one.as_json() for one in self.imported.problems],
        }


def read_signal(
    data: bytes, origin: Origin, kind: str = "auto", known: Mapping[str, str] | None = None
) -> Reading:
    r"""Read a file of any kind but audio.

    Parameters
    ----------
    data : bytes
        The file.
    origin : Origin
        Its name, and what it is about.
    kind : str
        A key of `FORMATS`, or ``auto``.
    known : mapping, optional
        Recording ids by ISRC, for DDEX messages.

    Raises
    ------
    InputError
        If the kind is unknown or cannot be told, or the file is malformed.

    Examples
    --------
    >>> read_signal(b"User-agent: *\nContent-Usage: train-ai=n", Origin(name="robots.txt")).kind
    'robots'
    """
    kind = kind_of(data, origin.name) if kind == "auto" else kind
    if kind not in FORMATS:
        raise InputError(f"kind '{kind}': expected auto or one of {', '.join(FORMATS)}")
    form = FORMATS[kind]
    value = form.parse(data)
    if isinstance(value, http_head.Head) and origin.seen_on is None:
        origin = replace(origin, seen_on=value.day)
    convert = (
        partial(ddex_registry.imported, known=known) if isinstance(value, DdexMessage) else form.imported
    )
    return Reading(kind, origin, form.facts(value), convert(value, origin))


def _robots_facts(robots: Robots) -> dict[str, Any]:
    return {
        "groups": [asdict(group) for group in robots.groups],
        "rsl_licences": list(robots.all_licences),
        "training_crawlers_shut_out": list(shut_out(robots, "/")),
        "training_crawlers_named": [name for name in TRAINING_AGENTS if robots.names(name)],
        "aipref_at_root": _preference_facts(aipref.preferences_at(robots, "/")),
        "content_signals_at_root": content_signals.signals_at(robots, "/"),
    }


def _preference_facts(found: aipref.Preferences | None) -> dict[str, Any]:
    return (
        {"train-ai": "unknown", "search": "unknown"}
        if found is None
        else {
            "train-ai": found.train_ai,
            "search": found.search,
            "ignored": list(found.ignored),
            "fault": found.fault,
        }
    )


def _head_facts(head: http_head.Head) -> dict[str, Any]:
    return {
        "status": head.status,
        "date": head.day,
        "aipref": _preference_facts(http_head.preferences_of(head)),
        "tdmrep": asdict(tdmrep.reservation_of_headers(head.fields)),
        "rsl_licences": list(head.licences),
    }


def _ddex_facts(message: DdexMessage) -> dict[str, Any]:
    return message.as_json() | {
        "ai_statements": ai_statements(message),
        "training_permission": "not said: DDEX has no element for it",
    }


FORMATS: dict[str, Format] = {
    "robots": Format(
        "robots.txt (RFC 9309) with AIPREF, Content Signals and RSL lines",
        parse_robots,
        _robots_facts,
        robots_signals.imported,
        "location",
    ),
    "content-usage": Format(
        aipref.FORMAT, aipref.parse_header, _preference_facts, aipref.imported, "subject"
    ),
    "http-head": Format(http_head.FORMAT, http_head.parse_head, _head_facts, http_head.imported, "subject"),
    "tdmrep": Format(
        tdmrep.FORMAT,
        tdmrep.parse_tdmrep,
        lambda rules: {"rules": [asdict(rule) for rule in rules]},
        tdmrep.imported,
        "location",
    ),
    "tdmrep-html": Format(
        tdmrep.FORMAT,
        tdmrep.parse_html,
        asdict,
        lambda one, origin: tdmrep.imported((one,), origin),
        "subject",
    ),
    "rsl": Format(
        rsl.FORMAT,
        rsl.parse_rsl,
        lambda contents: {"contents": [asdict(content) for content in contents]},
        rsl.imported,
        "location",
    ),
    "cawg": Format(
        cawg.FORMAT,
        cawg.parse_assertion,
        lambda entries: {"entries": [asdict(entry) | {"reads_as": entry.value} for entry in entries]},
        cawg.imported,
        "subject",
    ),
    "c2pa-report": Format(
        c2pa_manifest.FORMAT,
        c2pa_manifest.parse_manifest_store,
        c2pa_manifest.ManifestStore.as_json,
        c2pa_manifest.imported,
        "subject",
    ),
    "tdm-ai": Format(
        tdm_ai.FORMAT,
        tdm_ai.parse_declarations,
        lambda found: {"declarations": [asdict(one) for one in found]},
        tdm_ai.imported,
        "message",
    ),
    "ddex-ern": Format(
        "DDEX ERN 3.8 to 4.3.2", ern.parse_ern, _ddex_facts, ddex_registry.imported, "message"
    ),
    "ddex-rin": Format("DDEX RIN 1.0 to 2.1", rin.parse_rin, _ddex_facts, ddex_registry.imported, "message"),
}
"""Every kind of file that is no audio, by name."""
