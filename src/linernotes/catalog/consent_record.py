"""One answer to "may this be used?": by whom, for which rights layer and use, on what evidence, from when.

One recording carries several rights at once. Whoever owns the master does not own the song, and neither
owns the singer's voice; so an answer names its **layer**, and there is no record that answers for all of
them unless its giver may speak for all of them (see `linernotes.catalog.consent_engine`).

Records are statements, never edited: a revocation is a further statement with the same ``record_id`` and
``revoked_on`` filled, and what was said before stays in the history.

Conventions
-----------
Dates are calendar dates, ``yyyy-mm-dd``, both ends inclusive; None is "not said". ``territory`` holds
ISO 3166-1 codes separated by spaces, or ``EU``; empty is the world. Identifiers stand as written.

References
----------
CAWG, "Training and Data Mining Assertion" 1.1 (values and uses); IETF AIPREF vocabulary (three values,
the most restrictive wins); W3C ODRL 2.2 (terms); RSL Media, "Human Consent Standard" (identity as a
subject of its own).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from linernotes.errors import InputError

SubjectKind = Literal["recording", "work", "release", "party", "contribution", "location"]
Layer = Literal["master", "publishing", "performer", "voice-likeness", "all"]
Use = Literal[
    "generative-training",
    "other-training",
    "data-mining",
    "inference-reference",
    "voice-model",
    "style-prompt",
    "commercial-output",
    "all",
]
Value = Literal["allow", "deny", "conditional", "unknown"]
Authority = Literal["owner", "licensee", "cmo", "agent", "performer", "publisher", "unknown"]

SUBJECT_KINDS: tuple[str, ...] = get_args(SubjectKind)
LAYERS: tuple[str, ...] = get_args(Layer)
USES: tuple[str, ...] = get_args(Use)
VALUES: tuple[str, ...] = get_args(Value)
AUTHORITIES: tuple[str, ...] = get_args(Authority)
CHOICES: dict[str, tuple[str, ...]] = {
    "subject_kind": SUBJECT_KINDS,
    "layer": LAYERS,
    "use": USES,
    "value": VALUES,
    "authority": AUTHORITIES,
}
"""For each field of fixed vocabulary, its words."""
DATES = ("given_on", "valid_from", "valid_until", "revoked_on")
MAX_TEXT = 10_000

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TERRITORY = re.compile(r"[A-Z]{2}( [A-Z]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One statement of one party about one subject, rights layer and use.

    Parameters
    ----------
    record_id : str
        Names the statement; `record_id_of` gives one that depends on nothing but its content.
    subject_kind : {"recording", "work", "release", "party", "contribution", "location"}
        What it is about.
    subject : str
        Recording id, ISRC, ISWC, party id, ISNI, IPI, ``recording-id/party-id/role``, or URL or path
        pattern.
    layer : {"master", "publishing", "performer", "voice-likeness", "all"}
        Right that it answers for.
    use : {"generative-training", "other-training", "data-mining", "inference-reference", \
"voice-model", "style-prompt", "commercial-output", "all"}
        Use that was asked about.
    value : {"allow", "deny", "conditional", "unknown"}
        The answer.
    terms : str
        Conditions: free text, ODRL, or an address; empty for none.
    granted_by : str
        Who answered: name, party id or identifier.
    authority : {"owner", "licensee", "cmo", "agent", "performer", "publisher", "unknown"}
        As what.
    evidence : str
        Contract number, address or hash that shows it.
    evidence_sha256 : str, optional
        SHA-256 of the document.
    given_on, valid_from, valid_until, revoked_on : str, optional
        Day on which it was said, first and last day on which it holds, day of its withdrawal.
    territory : str
        ISO 3166-1 codes separated by spaces; empty is the world.
    source : str
        Importer and file, such as ``aipref robots.txt``.
    signed_contract : bool
        Whether a signed contract says it.

    Raises
    ------
    InputError
        If a word is not of its vocabulary, a date is no date, or the subject is empty.

    Examples
    --------
    >>> said = ConsentRecord(record_id="c1", subject_kind="recording", subject="rain", layer="master",
    ...                      use="generative-training", value="allow", given_on="2025-03-01",
    ...                      granted_by="North Label", authority="owner", evidence="contract 17")
    >>> ConsentRecord.from_json(said.as_json()) == said
    True
    """

    record_id: str
    subject_kind: SubjectKind
    subject: str
    layer: Layer
    use: Use
    value: Value
    terms: str = ""
    granted_by: str = ""
    authority: Authority = "unknown"
    evidence: str = ""
    evidence_sha256: str | None = None
    given_on: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    revoked_on: str | None = None
    territory: str = ""
    source: str = ""
    signed_contract: bool = False

    def __post_init__(self) -> None:
        for name in _TEXTS:
            _check_text(name, getattr(self, name), self.record_id)
        if not self.record_id or not self.subject:
            raise InputError(
                f"consent record '{self.record_id}': subject '{self.subject}'; expected neither id nor "
                "subject to be empty"
            )
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise InputError(
                    f"consent record '{self.record_id}': {name} '{getattr(self, name)}'; "
                    f"expected one of {', '.join(words)}"
                )
        for name in DATES:
            _check_day(name, getattr(self, name), self.record_id)
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise InputError(
                f"consent record '{self.record_id}': valid_until {self.valid_until} is before valid_from "
                f"{self.valid_from}; exchange or correct them"
            )
        if self.evidence_sha256 is not None and not _is_sha256(self.evidence_sha256):
            raise InputError(
                f"consent record '{self.record_id}': evidence_sha256 '{self.evidence_sha256}'; "
                "expected 64 lower-case hexadecimal digits"
            )
        if self.territory and not _TERRITORY.fullmatch(self.territory):
            raise InputError(
                f"consent record '{self.record_id}': territory '{self.territory}'; expected two-letter "
                "codes separated by spaces, such as 'DE AT', or nothing for the world"
            )
        if not isinstance(self.signed_contract, bool):
            raise InputError(
                f"consent record '{self.record_id}': signed_contract {self.signed_contract!r}; "
                "expected true or false"
            )

    def revoked(self, on: str) -> ConsentRecord:
        """Return the further statement that withdraws this one on a day.

        Raises
        ------
        InputError
            If *on* is no date, or before the day on which it was given.
        """
        withdrawn = replace(self, revoked_on=on)
        if self.revoked_on is not None and on > self.revoked_on:
            raise InputError(
                f"consent record '{self.record_id}': already revoked on {self.revoked_on}; nothing to do"
            )
        if self.given_on is not None and on < self.given_on:
            raise InputError(
                f"consent record '{self.record_id}': revoked on {on}, before it was given ({self.given_on}); "
                "correct the day"
            )
        return withdrawn

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ConsentRecord:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError
            If a field is missing, unknown, of another type or not allowed.
        """
        missing, unknown = _REQUIRED - data.keys(), data.keys() - set(cls.__slots__)
        if missing or unknown:
            raise InputError(
                f"consent record: missing {sorted(missing)}, unknown {sorted(map(str, unknown))}; "
                f"expected the fields {', '.join(cls.__slots__)}"
            )
        return cls(**data)


_REQUIRED = {"record_id", "subject_kind", "subject", "layer", "use", "value"}
_TEXTS = ("record_id", "subject", "terms", "granted_by", "evidence", "territory", "source")


def record_id_of(**values: Any) -> str:
    """Return an id for a statement that depends on its content alone, for importers.

    Parameters
    ----------
    **values
        Fields of `ConsentRecord` without ``record_id`` and ``revoked_on``; the latter is passed over, so
        that a revocation keeps the id of what it withdraws.

    Examples
    --------
    >>> record_id_of(subject_kind="recording", subject="rain", layer="all", use="all", value="deny")
    'c-afd09d64d071ed70'
    """
    said = {
        name: value for name, value in values.items() if name not in ("record_id", "revoked_on") and value
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"c-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def consent(**values: Any) -> ConsentRecord:
    """Return a record named by its own content (see `record_id_of`).

    Examples
    --------
    >>> consent(subject_kind="work", subject="T-034.524.680-1", layer="publishing", use="all",
    ...         value="deny").record_id[:2]
    'c-'
    """
    return ConsentRecord(record_id=record_id_of(**values), **values)


def is_day(text: str) -> bool:
    """Tell whether a text is a calendar date written ``yyyy-mm-dd``.

    Examples
    --------
    >>> is_day("2025-02-28"), is_day("2025-02-30"), is_day("20250228")
    (True, False, False)
    """
    if len(text) != 10 or text[4] != "-" or text[7] != "-" or not text.isascii():
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_text(name: str, value: object, record_id: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"consent record '{record_id}': {name} {value!r}; expected text")
    if len(value) > MAX_TEXT or "\0" in value:
        raise InputError(
            f"consent record '{str(record_id)[:80]}': {name} has {len(value)} characters or a NUL; "
            f"expected at most {MAX_TEXT} without NUL"
        )


def _check_day(name: str, value: object, record_id: str) -> None:
    if value is not None and not (isinstance(value, str) and is_day(value)):
        raise InputError(
            f"consent record '{record_id}': {name} {value!r}; expected yyyy-mm-dd, such as 2025-03-31, or none"
        )


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None
