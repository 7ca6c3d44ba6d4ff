"""Between a `Registry` and the tables that keep it.

Saving joins: an entry whose key is there already takes its place, everything else stays. Consents go to the
history (`linernotes.workspace.consent_history`), where nothing takes any other's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, delete, insert, select, tuple_
from sqlalchemy.orm import Session

from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Identifier, Party, Release, Work
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.workspace.consent_history import SavedConsent, append, read, states
from linernotes.workspace.registry_schema import (
    CreditRow,
    IdentifierRow,
    PartyRow,
    RegistryRecordingRow,
    ReleaseRow,
    SplitRow,
    WorkRow,
)
from linernotes.workspace.schema import Base, RecordingRow, SchemaRevisionRow

CHUNK = 150  # six key columns each stay below the 999 parameters that every SQLite allows


@dataclass(frozen=True)
class _Table:
    """One kind of entry: its part of the registry, its row, its key, and what else is searched for."""

    part: str
    row: type[Base]
    read: Callable[[dict[str, Any]], Any]
    key: tuple[str, ...]
    searched: tuple[str, ...] = ()


_TABLES = (
    _Table("recordings", RegistryRecordingRow, Recording.from_json, ("recording_id",), ("title", "isrc")),
    _Table("works", WorkRow, Work.from_json, ("work_id",), ("title", "iswc")),
    _Table("releases", ReleaseRow, Release.from_json, ("release_id",), ("title", "upc")),
    _Table("parties", PartyRow, Party.from_json, ("party_id",), ("name", "isni")),
    _Table("credits", CreditRow, Credit.from_json, ("subject_kind", "subject_id", "party_id", "role")),
    _Table(
        "splits",
        SplitRow,
        Split.from_json,
        ("subject_kind", "subject_id", "layer", "party_id", "territory", "valid_from"),
    ),
    _Table(
        "identifiers",
        IdentifierRow,
        Identifier.from_json,
        ("subject_kind", "subject_id", "kind", "value", "source"),
    ),
)


def save_registry(session: Session, registry: Registry, saved_at: str) -> tuple[SavedConsent, ...]:
    """Keep every entry; return the consents that the history had not.

    Raises
    ------
    CorpusError
        If a consent would change one that was saved before.
    """
    # a write that changes nothing, first: who would write too then waits here instead of being refused later
    session.execute(delete(SchemaRevisionRow).where(SchemaRevisionRow.revision < 0))
    for table in _TABLES:
        rows = {_key(table, one): _values(table, one) for one in getattr(registry, table.part)}
        _replace(session, table, rows)
    return append(session, registry.consents, saved_at)


def load_registry(session: Session) -> Registry:
    """Return everything that was saved, and the catalogue's recordings beside it.

    Raises
    ------
    CorpusError
        If the history of consent was changed.
    """
    parts: dict[str, Any] = {}
    for table in _TABLES:
        rows: Any = table.row
        order = [getattr(rows, name) for name in table.key]
        parts[table.part] = tuple(
            table.read(facts) for facts in session.scalars(select(rows.facts).order_by(*order))
        )
    held = {one.recording_id for one in parts["recordings"]}
    catalogue = session.scalars(select(RecordingRow.facts).order_by(RecordingRow.recording_id))
    parts["recordings"] += tuple(
        Recording.from_json(facts) for facts in catalogue if facts["recording_id"] not in held
    )
    return Registry(**parts, consents=states(read(session)))


def _replace(session: Session, table: _Table, rows: dict[tuple[str, ...], dict[str, Any]]) -> None:
    row: Any = table.row
    columns = [getattr(row, name) for name in table.key]
    held = session.scalar(select(columns[0]).limit(1)) is not None
    for keys in _chunks(list(rows)) if held else ():
        chosen = columns[0].in_([k[0] for k in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)
        session.execute(delete(row).where(chosen))
    if rows:  # the table itself, not its class: nobody needs the objects that would come back
        session.execute(insert(cast("Table", row.__table__)), list(rows.values()))


def _chunks(keys: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def _key(table: _Table, one: Any) -> tuple[str, ...]:
    return tuple(getattr(one, name) or "" for name in table.key)


def _values(table: _Table, one: Any) -> dict[str, Any]:
    keys = {name: getattr(one, name) or "" for name in table.key}
    return keys | {name: getattr(one, name) for name in table.searched} | {"facts": one.as_json()}
