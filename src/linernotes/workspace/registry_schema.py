"""The tables of the rights registry, one class each.

Conventions
-----------
As in `linernotes.workspace.schema`. What people search for are columns, the whole entry stands beside
them as JSON. Columns that are part of a key hold an empty string where nothing was said, for a key knows
no null. The table ``consent`` is a history: rows are added and never changed, and each carries the hash
of the row before it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from linernotes.workspace.schema import Base


class RegistryRecordingRow(Base):
    """A recording of the registry, with or without audio in the catalogue."""

    __tablename__ = "registry_recording"
    recording_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    isrc: Mapped[str | None] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class WorkRow(Base):
    """A composition."""

    __tablename__ = "work"
    work_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    iswc: Mapped[str | None] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class ReleaseRow(Base):
    """A product."""

    __tablename__ = "release"
    release_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    upc: Mapped[str | None] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class PartyRow(Base):
    """A person, group or organisation."""

    __tablename__ = "party"
    party_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(Text, index=True)
    isni: Mapped[str | None] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class CreditRow(Base):
    """A party's part in a recording, work or release."""

    __tablename__ = "credit"
    subject_kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    party_id: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(255), primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class SplitRow(Base):
    """A party's share of one rights layer."""

    __tablename__ = "split"
    subject_kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    layer: Mapped[str] = mapped_column(String(16), primary_key=True)
    party_id: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    territory: Mapped[str] = mapped_column(String(1000), primary_key=True)
    valid_from: Mapped[str] = mapped_column(String(10), primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class IdentifierRow(Base):
    """A code claimed for an entity beyond the entity's own fields."""

    __tablename__ = "identifier"
    subject_kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    source: Mapped[str] = mapped_column(String(255), primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class ConsentRow(Base):
    """One statement as it was saved; never changed, never removed."""

    __tablename__ = "consent"
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_id: Mapped[str] = mapped_column(Text, index=True)
    subject: Mapped[str] = mapped_column(Text, index=True)
    saved_at: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)


class SnapshotRow(Base):
    """The place of a sealed corpus in the chain of snapshots."""

    __tablename__ = "snapshot"
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(128), unique=True)
    previous_root: Mapped[str | None] = mapped_column(String(128))
