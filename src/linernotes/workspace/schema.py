"""The tables of a workspace, one class each.

Conventions
-----------
Types are those that SQLite and PostgreSQL share. Times are UTC, ISO 8601, as text. Facts that programs
search for are columns; the whole of a manifest, ranking or statement is kept beside them as canonical
JSON, so that what was said can be shown again word for word.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Holds the metadata of all tables."""


class SchemaRevisionRow(Base):
    """One line per migration that this workspace has been through."""

    __tablename__ = "schema_revision"
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    applied_at: Mapped[str] = mapped_column(String(32))


class CorpusRow(Base):
    """The sealed corpus; a workspace has one."""

    __tablename__ = "corpus"
    root: Mapped[str] = mapped_column(String(128), primary_key=True)
    sealed_at: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(32))
    n_items: Mapped[int] = mapped_column(Integer)
    manifest: Mapped[str] = mapped_column(Text)


class ItemRow(Base):
    """One corpus entry, by the hashes and names that people search for."""

    __tablename__ = "item"
    corpus_root: Mapped[str] = mapped_column(ForeignKey("corpus.root", ondelete="CASCADE"), primary_key=True)
    item_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(String(64), index=True)
    audio_sha256: Mapped[str] = mapped_column(String(64), index=True)
    duration_s: Mapped[float] = mapped_column(Float)
    cluster_id: Mapped[str] = mapped_column(String(255), index=True)
    rightsholder: Mapped[str] = mapped_column(Text)


class RecordingRow(Base):
    """One reference recording of the catalogue, and where its audio lies."""

    __tablename__ = "recording"
    recording_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    artist: Mapped[str] = mapped_column(Text)
    rightsholder: Mapped[str] = mapped_column(Text)
    isrc: Mapped[str | None] = mapped_column(Text, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    audio_path: Mapped[str] = mapped_column(Text)


class RankingRow(Base):
    """One influence ranking of one query."""

    __tablename__ = "ranking"
    __table_args__ = (UniqueConstraint("query_id", "method", "generator_id", "corpus_root", "seed"),)
    ranking_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    query_id: Mapped[str] = mapped_column(String(255))
    method: Mapped[str] = mapped_column(String(128))
    generator_id: Mapped[str] = mapped_column(String(255))
    corpus_root: Mapped[str] = mapped_column(String(128))
    seed: Mapped[int] = mapped_column(Integer)
    run_folder: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)


class StatementRow(Base):
    """One statement that was issued; equal statements are kept once."""

    __tablename__ = "statement"
    statement_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    saved_at: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
