"""Where a signal was found, what it is about, and how it becomes a consent record.

Conventions
-----------
A refusal or a condition is taken to speak for every rights layer, as the most restrictive reading; a permission only
for the master: whoever publishes a file seldom speaks for the song, the players and the voice.
A signal's date is the day on which it was seen; unknown, if nobody says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from linernotes.catalog.consent_record import (
    MAX_TEXT,
    Authority,
    ConsentRecord,
    SubjectKind,
    Use,
    consent,
    is_day,
)
from linernotes.catalog.problem import Problem, Severity
from linernotes.errors import InputError
from linernotes.ids import parse_iswc
from linernotes.signals.paths import is_address, split_location

Said = Literal["allow", "deny", "conditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A file with signals in it.

    Parameters
    ----------
    name : str
        Its name.
    sha256 : str, optional
        Hash of its bytes.
    seen_on : str, optional
        Day on which it was fetched, ``yyyy-mm-dd``.
    target : str
        What it is about: an address, a recording id, ISRC or ISWC; empty when not said.

    Examples
    --------
    >>> Origin(name="robots.txt", target="https://a.org/music/x.wav").subject("/music/*")
    ('location', 'https://a.org/music/*')
    >>> Origin(name="rain.json", target="rain").subject()
    ('recording', 'rain')
    """

    name: str
    sha256: str | None = None
    seen_on: str | None = None
    target: str = ""

    def __post_init__(self) -> None:
        if self.seen_on is not None and not is_day(self.seen_on):
            raise InputError(
                f"{self.name}: seen on '{self.seen_on}'; expected yyyy-mm-dd, such as 2025-03-31"
            )
        if is_address(self.target):
            split_location(self.target)

    @property
    def site(self) -> str:
        """Origin of the target's address; empty when it is none."""
        return split_location(self.target)[0] if is_address(self.target) else ""

    def subject(self, pattern: str = "") -> tuple[SubjectKind, str]:
        """Return what a statement is about: *pattern* at the target's site, or the target itself."""
        if is_address(pattern):
            return "location", pattern
        if pattern:
            return "location", self.site + (pattern if pattern.startswith("/") else f"/{pattern}")
        if is_address(self.target):
            return "location", self.target.strip()
        if not self.target:
            return "location", f"file:{self.name}"
        return ("work" if _is_iswc(self.target) else "recording"), self.target


def statement(
    origin: Origin,
    form: str,
    use: Use,
    value: Said,
    *,
    pattern: str = "",
    terms: str = "",
    granted_by: str = "",
    authority: Authority = "unknown",
    subject: tuple[SubjectKind, str] | None = None,
    evidence: str = "",
) -> ConsentRecord:
    """Return a signal as a consent record.

    Parameters
    ----------
    origin : Origin
        Where it was found.
    form : str
        Format and file kind, such as ``aipref robots.txt``.
    use, value
        As in `ConsentRecord`.
    pattern : str
        Path pattern or address that it speaks of; empty for the target itself.
    terms, granted_by, authority, evidence
        As in `ConsentRecord`.
    subject : (str, str), optional
        What it is about, where the file itself says so.

    Examples
    --------
    >>> found = statement(Origin(name="robots.txt", target="https://a.org/"), "aipref", "generative-training",
    ...                   "deny", pattern="/music/")
    >>> found.subject, found.layer, found.source
    ('https://a.org/music/', 'all', 'aipref robots.txt')
    """
    kind, name = subject or origin.subject(pattern)
    return consent(
        subject_kind=kind,
        subject=name[:MAX_TEXT],
        layer="master" if value == "allow" else "all",
        use=use,
        value=value,
        terms=terms[:MAX_TEXT],
        granted_by=granted_by[:MAX_TEXT],
        authority=authority,
        evidence=evidence[:MAX_TEXT] or f"file {origin.name}"[:MAX_TEXT],
        evidence_sha256=origin.sha256,
        given_on=origin.seen_on,
        source=f"{form} {origin.name}"[:MAX_TEXT],
    )


def remark(
    origin: Origin, code: str, value: str, expected: str, next_step: str, severity: Severity = "medium"
) -> Problem:
    """Return something that is wrong in a file, to be mended by who sent it."""
    return Problem(code, origin.name, value[:200], expected, next_step, severity, "sender")


def _is_iswc(text: str) -> bool:
    try:
        parse_iswc(text)
    except InputError:
        return False
    return True
