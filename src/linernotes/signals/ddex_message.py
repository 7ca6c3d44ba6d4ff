"""What a DDEX message says, in one shape for all versions of ERN and RIN.

Conventions
-----------
Codes are kept as written. ``contains_ai`` and ``ai_contribution`` are ``All``, ``None`` or ``Partly`` where the message
says so, and ``undeclared`` where it does not: silence is not ``None``. Roles are DDEX's own words, such as
``StudioMusician``.

References
----------
DDEX, "Electronic Release Notification Message Suite" 3.8 to 4.3.2; "Recording Information Notification" 1.0 to 2.1;
Allowed Value Sets 9 to 12. Element names are facts of these standards; no schema is part of this package.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

UNDECLARED = "undeclared"
AI_VALUES = ("All", "None", "Partly")
_NAMESPACE = re.compile(
    r"https?://(?:service\.)?ddex\.net/xml/(?P<family>f-rin|rin|ern)/(?P<digits>[0-9]{1,4})(?:D[0-9])?/?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DdexParty:
    """A party of the message; empty strings where nothing is said."""

    reference: str
    name: str
    names: tuple[str, ...] = ()
    isni: str = ""
    ipi_name: str = ""
    ipn: str = ""
    dpid: str = ""
    is_organisation: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A party's part, with its roles in DDEX's words.

    Parameters
    ----------
    party : str
        Reference of the party in this message.
    roles, instruments : tuple of str
    featured : bool or None
        Whether the contribution was a featured one.
    ai_contribution : str
        ``All``, ``None``, ``Partly`` or ``undeclared``.
    """

    party: str
    roles: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    featured: bool | None = None
    ai_contribution: str = UNDECLARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A rights controller's share of one layer, as the message states it."""

    party: str
    layer: str
    share: Fraction
    territory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DdexRecording:
    """A sound recording."""

    reference: str
    title: str
    display_artist: str = ""
    isrcs: tuple[str, ...] = ()
    iswcs: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    shares: tuple[Share, ...] = ()
    p_line: str = ""
    contains_ai: str = UNDECLARED


@dataclass(frozen=True, slots=True, kw_only=True)
class DdexWork:
    """A musical work of a message that lists works."""

    reference: str
    title: str
    iswcs: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DdexRelease:
    """A release: album, single, video."""

    reference: str
    title: str
    icpn: str = ""
    grid: str = ""
    date: str = ""
    label: str = ""
    recordings: tuple[str, ...] = ()
    contains_ai: str = UNDECLARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A studio session: who was there, for which recordings."""

    reference: str
    kind: str = ""
    begins: str = ""
    venue: str = ""
    recordings: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DdexMessage:
    """A message: what it is, who sent it, and what it says.

    Parameters
    ----------
    family : str
        ``ERN`` or ``RIN``.
    version : str
        Such as ``4.3.2``, from the namespace.
    message_id, sender, created : str
        From the header.
    """

    family: str
    version: str
    message_id: str = ""
    sender: str = ""
    created: str = ""
    is_test: bool = False
    parties: tuple[DdexParty, ...] = ()
    recordings: tuple[DdexRecording, ...] = ()
    works: tuple[DdexWork, ...] = ()
    releases: tuple[DdexRelease, ...] = ()
    sessions: tuple[Session, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values; shares as text."""
        found = asdict(self)
        for one in (*found["recordings"], *found["works"]):
            one["shares"] = [share | {"share": str(share["share"])} for share in one["shares"]]
        return found


def version_of(namespace: str) -> tuple[str, str] | None:
    """Return family and version of a DDEX namespace, or None for another.

    Examples
    --------
    >>> version_of("http://ddex.net/xml/ern/432"), version_of("http://ddex.net/xml/rin/21")
    (('ERN', '4.3.2'), ('RIN', '2.1'))
    """
    found = _NAMESPACE.fullmatch(namespace)
    if not found:
        return None
    family = "ERN" if found["family"] == "ern" else "RIN"
    digits = found["digits"]
    parts = (digits[0], digits[1:2], digits[2:])
    return family, ".".join(part for part in parts if part)


def ai_statements(message: DdexMessage) -> list[dict[str, str]]:
    """Return what a message declares about AI, recording by recording, with ``undeclared`` said aloud.

    Examples
    --------
    >>> ai_statements(DdexMessage(family="ERN", version="4.3", recordings=(
    ...     DdexRecording(reference="A1", title="Rain"),)))
    [{'subject': 'recording A1', 'title': 'Rain', 'contains_ai': 'undeclared'}]
    """
    rows: list[tuple[str, DdexRecording | DdexRelease]] = [("recording", one) for one in message.recordings]
    rows += [("release", one) for one in message.releases]
    return [
        {"subject": f"{kind} {one.reference}", "title": one.title, "contains_ai": one.contains_ai}
        for kind, one in rows
    ]
