"""The steps that bring an older workspace to the present revision.

A workspace records the revision of its tables. Opening an older one applies what is missing, in one
transaction: all of it or none. A newer one is refused, for nobody can guess what a later program wrote.

To change a table: edit `linernotes.workspace.schema`, append one `Migration` here that does the same to
an existing database, and never edit a migration that was released.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, Engine, Table, insert, inspect, select, text

from linernotes.errors import CorpusError, NewerRevision
from linernotes.workspace.registry_schema import (
    ConsentRow,
    CreditRow,
    IdentifierRow,
    PartyRow,
    RegistryRecordingRow,
    ReleaseRow,
    SnapshotRow,
    SplitRow,
    WorkRow,
)
from linernotes.workspace.schema import Base, CorpusRow


@dataclass(frozen=True)
class Migration:
    """One step: the revision it leads to, what it does, and how."""

    revision: int
    summary: str
    apply: Callable[[Connection], None]


def _first_tables(connection: Connection) -> None:
    Base.metadata.create_all(connection)


def _registry_tables(connection: Connection) -> None:
    rows: tuple[type[Base], ...] = (
        *(RegistryRecordingRow, WorkRow, ReleaseRow, PartyRow, CreditRow, SplitRow),
        *(IdentifierRow, ConsentRow, SnapshotRow),
    )
    Base.metadata.create_all(connection, tables=[cast("Table", row.__table__) for row in rows])
    roots = connection.execute(select(CorpusRow.root)).scalars().all()
    for position, root in enumerate(roots):  # a workspace of the first release holds one corpus at most
        connection.execute(insert(SnapshotRow).values(position=position, root=root, previous_root=None))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "tables of the first release", _first_tables),
    Migration(2, "rights registry, history of consent, chain of snapshots", _registry_tables),
)
"""All steps, oldest first."""


def revision_of(connection: Connection) -> int:
    """Return the revision of a database's tables; 0 when it has none yet.

    Raises
    ------
    CorpusError
        If the database holds tables that are not a workspace's.
    """
    tables = inspect(connection).get_table_names()
    if "schema_revision" not in tables:
        if tables:
            raise CorpusError(
                f"the database holds other tables ({', '.join(sorted(tables)[:4])}) and no schema_revision; "
                "expected a Linernotes workspace"
            )
        return 0
    found = connection.execute(text("SELECT max(revision) FROM schema_revision")).scalar()
    return int(found or 0)


def upgrade(engine: Engine, migrations: Sequence[Migration] = MIGRATIONS) -> list[int]:
    """Bring a database to the newest revision, in one transaction, and return the revisions applied.

    Raises
    ------
    NewerRevision
        If the database was written by a newer program.
    CorpusError
        If the database is not a workspace's.
    """
    newest = migrations[-1].revision
    with engine.connect() as connection:
        found = revision_of(connection)
    if found > newest:
        raise NewerRevision(
            f"the workspace has tables of revision {found}, this program knows revisions up to {newest}; "
            "install the newer Linernotes that wrote it"
        )
    missing = [step for step in migrations if step.revision > found]
    if not missing:
        return []
    with engine.begin() as connection:
        for step in missing:
            step.apply(connection)
            connection.execute(
                text("INSERT INTO schema_revision (revision, applied_at) VALUES (:revision, :now)"),
                {"revision": step.revision, "now": datetime.now(UTC).isoformat(timespec="seconds")},
            )
    return [step.revision for step in missing]
