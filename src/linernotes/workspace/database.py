"""The database engine behind a workspace, and its faults in plain words.

Conventions
-----------
SQLite with foreign keys on and real transactions around table changes. Faults of the database leave as
`CorpusError` with the file's name and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from linernotes.errors import CorpusError

BUSY_TIMEOUT_S = 30


def connect(path: Path) -> Engine:
    """Return an engine on one SQLite file; nothing is opened until it is used."""
    url = URL.create("sqlite", database=str(path))
    # no pool: a closed connection releases the file, so that a folder can be renamed whole
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would commit before table changes; we begin ourselves
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


@contextmanager
def plain_faults(path: Path) -> Iterator[None]:
    """Turn a database fault into one sentence.

    Raises
    ------
    CorpusError
        If the file is damaged, locked, full or not writable.
    """
    try:
        yield
    except DatabaseError as error:
        raise CorpusError(f"{path}: {_sentence(str(error.orig))}") from error
    except (UnicodeError, json.JSONDecodeError) as error:
        raise _damaged_row(path, error) from error


@contextmanager
def plain_rows(path: Path) -> Iterator[None]:
    """Turn faults of the database, and rows that no longer say what they said, into one sentence; for reading.

    Raises
    ------
    CorpusError
        As `plain_faults`, and if a row cannot be read.
    """
    try:
        with plain_faults(path):
            yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged_row(path, error) from error


def _damaged_row(path: Path, error: Exception) -> CorpusError:
    return CorpusError(f"{path}: a row is damaged ({error!r:.200}); restore the workspace from a copy")


def _sentence(reason: str) -> str:
    known = {
        "not a database": "not an SQLite file; restore the workspace from a copy",
        "malformed": "the database is damaged; restore the workspace from a copy",
        "readonly": "the workspace is not writable; copy it to a place where you may write",
        "unable to open": "the database cannot be opened; check that you may read and write its folder",
        "locked": f"another program has held the database for {BUSY_TIMEOUT_S} s; try again later",
        "disk is full": "the disk is full; free some space and run again",
        "no such": "the database lacks a table or column of its revision; restore the workspace from a copy",
    }
    for sign, sentence in known.items():
        if sign in reason:
            return f"{sentence} ({reason})"
    return (
        f"the database refused: {reason}; check the disk and restore the workspace from a copy if it persists"
    )
