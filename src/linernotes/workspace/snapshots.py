"""The chain of sealed corpora that a workspace keeps: each names the one before it.

A model is trained again and again; each time the corpus is sealed anew, and the new seal carries the root of
the old one. Nothing is exchanged: older snapshots stay and can still be asked about.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from linernotes.errors import CorpusError
from linernotes.workspace.registry_schema import SnapshotRow
from linernotes.workspace.rows import canonical_json
from linernotes.workspace.schema import CorpusRow, ItemRow

if TYPE_CHECKING:
    from linernotes.corpus.seal import SealedCorpus


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One place in the chain: position from 0, root, root before, time, stage and number of items."""

    position: int
    root: str
    previous_root: str | None
    sealed_at: str
    stage: str
    n_items: int

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)


def chain(session: Session) -> tuple[Snapshot, ...]:
    """Return the chain, oldest first."""
    rows = session.execute(
        select(SnapshotRow, CorpusRow)
        .join(CorpusRow, CorpusRow.root == SnapshotRow.root)
        .order_by(SnapshotRow.position)
    )
    return tuple(
        Snapshot(
            place.position, place.root, place.previous_root, corpus.sealed_at, corpus.stage, corpus.n_items
        )
        for place, corpus in rows
    )


def manifest(session: Session, root: str | None) -> str | None:
    """Return the manifest of a root, or the newest; None where there is none."""
    wanted = select(CorpusRow.manifest).join(SnapshotRow, CorpusRow.root == SnapshotRow.root)
    if root is not None:
        return session.scalar(wanted.where(CorpusRow.root == root))
    return session.scalar(wanted.order_by(SnapshotRow.position.desc()).limit(1))


def save(session: Session, path: Path, corpus: SealedCorpus) -> None:
    """Add a corpus to the chain, or note where the audio of one that is held lies now.

    Raises
    ------
    CorpusError
        If it does not follow the newest one.
    """
    from linernotes.corpus.seal import SealedCorpus

    held = session.scalar(select(CorpusRow).where(CorpusRow.root == corpus.root))
    if held is not None:
        first = SealedCorpus.from_json(json.loads(held.manifest))
        held.manifest = canonical_json(replace(first, audio_dir=corpus.audio_dir).to_json())
        return
    newest = session.scalar(select(SnapshotRow).order_by(SnapshotRow.position.desc()).limit(1))
    if newest is not None and corpus.previous_root != newest.root:
        raise CorpusError(
            f"{path}: holds the sealed corpus {newest.root[:12]}…, not {corpus.root[:12]}…; "
            "a seal is never exchanged: seal it as the next snapshot, or give another folder for the new corpus"
        )
    session.add(_corpus_row(corpus))
    session.flush()
    session.add(
        SnapshotRow(
            position=newest.position + 1 if newest else 0,
            root=corpus.root,
            previous_root=corpus.previous_root,
        )
    )
    session.add_all(_item_row(corpus.root, i, item) for i, item in enumerate(corpus.items))


def _corpus_row(corpus: SealedCorpus) -> CorpusRow:
    return CorpusRow(
        root=corpus.root,
        sealed_at=corpus.sealed_at,
        stage=corpus.stage,
        n_items=len(corpus.items),
        manifest=canonical_json(corpus.to_json()),
    )


def _item_row(root: str, position: int, item: Any) -> ItemRow:
    return ItemRow(
        corpus_root=root,
        item_id=item.item_id,
        position=position,
        path=item.path,
        content_sha256=item.content_sha256,
        audio_sha256=item.audio_sha256,
        duration_s=item.duration_s,
        cluster_id=item.cluster_id,
        rightsholder=item.recording.rightsholder,
    )
