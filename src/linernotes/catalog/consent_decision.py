"""What a decision on consent says: its value, what decided, what contradicted, what did not count."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from linernotes.catalog.consent_record import Value


@dataclass(frozen=True, slots=True)
class Conflict:
    """Statements that contradict each other: a code, their ids, and one sentence."""

    code: str
    records: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A statement about the subject that does not count, and why.

    ``code`` is one of ``given-later``, ``undated``, ``not-yet-valid``, ``expired``, ``withdrawn``,
    ``renewed``, ``other-territory``, ``no-authority``, ``authority-unknown``, ``recorded-later``,
    ``more-specific``, ``no-preference``.
    """

    record_id: str
    code: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the statements amount to for one layer and use.

    Parameters
    ----------
    value : {"allow", "deny", "conditional", "unknown"}
        The answer.
    granted : bool
        Whether somebody who may do so agreed, with or without terms; always so for ``allow``, never for
        ``deny`` and ``unknown``.
    deciding : tuple of str
        Ids of the records that decided.
    conflicts : tuple of Conflict
        Contradictions among the records that count.
    withdrawn : tuple of str
        Those of them that are withdrawals of an earlier yes.
    overridden : tuple of str
        Ids of signals that a signed contract overrode.
    set_aside : tuple of SetAside
        Records about the subject that do not count.
    terms : tuple of str
        Conditions of the deciding records.
    reason : str
        One sentence.
    """

    value: Value
    granted: bool
    deciding: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    overridden: tuple[str, ...]
    withdrawn: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    terms: tuple[str, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The decision on one right in a layer: the master, one work, or one performer's part.

    Parameters
    ----------
    layer : str
        Rights layer.
    holder : str
        Work id or party id that the answer is about; empty for the master.
    name : str
        Its title or name.
    decision : Decision
        Of the consent engine, after what the registry knows.
    gaps : tuple of str
        Codes of what is missing.
    needed : bool
        Whether the use needs this layer.
    """

    layer: str
    holder: str
    name: str
    decision: Decision
    gaps: tuple[str, ...] = ()
    needed: bool = True
