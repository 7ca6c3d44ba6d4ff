"""The history of consent: statements are added, never edited, and each is chained to the one before.

A revocation is a further row under the same record id, so that what was agreed to, and when it was
withdrawn, can both be shown. Row *n* holds the SHA-256 of (hash of row *n* - 1, sequence, time, body): who
changes or removes a row breaks every hash after it, and the audit log holds hashes of the chain's end.

Conventions
-----------
Sequences count from 1. ``saved_at`` is the writer's clock, UTC. The state of a record is its newest row;
importing an older state again changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from linernotes.catalog.consent_record import ConsentRecord
from linernotes.errors import CorpusError, LinernotesError
from linernotes.workspace.registry_schema import ConsentRow

NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class SavedConsent:
    """One row of the history.

    Parameters
    ----------
    sequence : int
        Its place, from 1.
    saved_at : str
        UTC time of saving.
    sha256 : str
        Hash of the chain up to it.
    record : ConsentRecord
        The statement.
    """

    sequence: int
    saved_at: str
    sha256: str
    record: ConsentRecord

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return {
            "sequence": self.sequence,
            "saved_at": self.saved_at,
            "sha256": self.sha256,
            "record": self.record.as_json(),
        }


def append(session: Session, records: Iterable[ConsentRecord], saved_at: str) -> tuple[SavedConsent, ...]:
    """Add the statements, and revocations, that the history does not hold yet; return what was added.

    Raises
    ------
    CorpusError
        If a record id is in the history with other content; nothing is added then.
    """
    known: dict[str, list[ConsentRecord]] = {}
    for row in session.execute(select(ConsentRow.record_id, ConsentRow.body).order_by(ConsentRow.sequence)):
        known.setdefault(row.record_id, []).append(ConsentRecord.from_json(json.loads(row.body)))
    sequence = int(session.scalar(select(func.max(ConsentRow.sequence))) or 0)
    last = session.scalar(select(ConsentRow.sha256).where(ConsentRow.sequence == sequence)) or NO_HASH
    added: list[SavedConsent] = []
    for record in records:
        versions = known.setdefault(record.record_id, [])
        if record in versions:
            continue
        _refuse_edit(record, versions)
        sequence += 1
        last = _chained(last, sequence, saved_at, _body(record))
        added.append(SavedConsent(sequence, saved_at, last, record))
        versions.append(record)
    if added:
        session.execute(insert(ConsentRow), [_row(one) for one in added])
    return tuple(added)


def read(session: Session) -> tuple[SavedConsent, ...]:
    """Return the whole history, oldest first, after checking its chain.

    Raises
    ------
    CorpusError
        If a row was changed, removed or added beside the program.
    """
    columns = ConsentRow.sequence, ConsentRow.saved_at, ConsentRow.body, ConsentRow.sha256
    rows = session.execute(select(*columns).order_by(ConsentRow.sequence)).all()
    last, found = NO_HASH, []
    for place, row in enumerate(rows, start=1):
        last = _chained(last, row.sequence, row.saved_at, row.body)
        if row.sequence != place or row.sha256 != last:
            raise CorpusError(
                f"history of consent, row {place}: its hash does not follow from the rows before; the history "
                "was changed outside Linernotes: restore the workspace from a copy"
            )
        try:
            record = ConsentRecord.from_json(json.loads(row.body))
        except (ValueError, LinernotesError) as error:
            raise CorpusError(
                f"history of consent, row {place}: not readable ({error}); restore the workspace from a copy"
            ) from error
        found.append(SavedConsent(row.sequence, row.saved_at, row.sha256, record))
    return tuple(found)


def states(history: Sequence[SavedConsent]) -> tuple[ConsentRecord, ...]:
    """Return the present state of each record, in the order in which they were first saved.

    Examples
    --------
    >>> said = ConsentRecord(record_id="c1", subject_kind="work", subject="w", layer="all", use="all",
    ...                      value="allow", given_on="2025-01-01")
    >>> rows = [SavedConsent(1, "2025-01-02", "", said), SavedConsent(2, "2025-06-02", "",
    ...         said.revoked("2025-06-01"))]
    >>> [record.revoked_on for record in states(rows)]
    ['2025-06-01']
    """
    return tuple({saved.record.record_id: saved.record for saved in history}.values())


def first_saved(history: Sequence[SavedConsent]) -> dict[str, str]:
    """Return for each record id the day on which it was first saved."""
    days: dict[str, str] = {}
    for saved in history:
        days.setdefault(saved.record.record_id, saved.saved_at[:10])
    return days


def now() -> str:
    """Return the present time as the history writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _refuse_edit(record: ConsentRecord, versions: Sequence[ConsentRecord]) -> None:
    if not versions:
        return
    held = versions[-1]
    fields = [n for n, value in record.as_json().items() if value != held.as_json()[n] and n != "revoked_on"]
    if fields:
        changes = ", ".join(f"{n} '{getattr(held, n)}' to '{getattr(record, n)}'" for n in fields[:3])
        raise CorpusError(
            f"consent record '{record.record_id}': would change {changes}; statements are never edited: revoke "
            "it and enter the new one under another record_id"
        )
    if record.revoked_on is None or (held.revoked_on is not None and record.revoked_on > held.revoked_on):
        raise CorpusError(
            f"consent record '{record.record_id}': was revoked on {held.revoked_on}, and a revocation is not "
            "taken back; enter the new statement under another record_id"
        )


def _chained(last: str, sequence: int, saved_at: str, body: str) -> str:
    return hashlib.sha256(f"{last}\n{sequence}\n{saved_at}\n{body}".encode()).hexdigest()


def _body(record: ConsentRecord) -> str:
    return json.dumps(record.as_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _row(saved: SavedConsent) -> dict[str, Any]:
    return {
        "sequence": saved.sequence,
        "record_id": saved.record.record_id,
        "subject": saved.record.subject,
        "saved_at": saved.saved_at,
        "body": _body(saved.record),
        "sha256": saved.sha256,
    }


def revocation(history: Sequence[SavedConsent], record_id: str, on: str) -> ConsentRecord:
    """Return the statement that withdraws a record of the history.

    Raises
    ------
    CorpusError
        If there is no such record.
    InputError
        If the day is none, or lies before the record.
    """
    held = {saved.record.record_id: saved.record for saved in history}.get(record_id)
    if held is None:
        raise CorpusError(
            f"consent record '{record_id}': not in the history; see 'linernotes rights history' for the ids"
        )
    return held.revoked(on)
