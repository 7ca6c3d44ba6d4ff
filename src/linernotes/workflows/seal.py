"""Seal a training corpus: read, check, hash, compare, commit, and write it down.

The steps in order: scan the folder, read the rights table, decode every file once, find twins, find
gaps, seal, then make the workspace. Nothing is written before the last step, and the workspace
appears whole, with the presence map and the log's receipt in it. A later state of the folder is sealed as a
further snapshot of the same workspace, whose header names the root before.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from linernotes.catalog.tables import read_rights_table
from linernotes.corpus.checks import find_gaps, in_order
from linernotes.corpus.checks_run import checks_at_sealing
from linernotes.corpus.commitment import SECRET_BYTES
from linernotes.corpus.consent import parse_date
from linernotes.corpus.duplicates import find_twins, with_clusters
from linernotes.corpus.gaps import Gap
from linernotes.corpus.ingest import Progress, ingest, scan
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.corpus.snapshots import snapshot_chain, write_snapshot
from linernotes.errors import CorpusError, InputError
from linernotes.workflows.audit import record
from linernotes.workflows.sound_keys import listener
from linernotes.workspace import Workspace

RECEIPT_FILE = "corpus-seal.json"
SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class SealResult:
    """A sealed corpus, the files that were passed over, and where the log's receipt lies."""

    corpus: SealedCorpus
    notes: tuple[str, ...]
    receipt: Path

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the JSON contract."""
        corpus = self.corpus
        return {
            "root": corpus.root,
            "n_items": len(corpus.items),
            "n_without_consent": len(corpus.without_consent),
            "gaps": [found.as_json() for found in corpus.gaps],
            "checks_run": [run.as_json() for run in checks_at_sealing(corpus.gaps)],
            "duplicates": duplicate_clusters(corpus.items),
            "duration_s": round(sum(item.duration_s for item in corpus.items), 3),
            "sealed_at": corpus.sealed_at,
            "stage": corpus.stage,
            "training_date": corpus.training_date,
            "previous_root": corpus.previous_root,
            "n_keys": corpus.header.n_keys if corpus.header else None,
            "key_kinds": list(corpus.header.key_kinds) if corpus.header else [],
            "notes": list(self.notes),
            "receipt": str(self.receipt),
        }


def seal_corpus(
    audio_dir: Path | str,
    rights: Path | str,
    out: Path | str,
    *,
    training_date: str | None = None,
    skip_bad: bool = False,
    secret_file: Path | str | None = None,
    sound_keys: Path | None = None,
    progress: Progress | None = None,
) -> SealResult:
    """Seal the recordings of a folder into a workspace.

    Parameters
    ----------
    audio_dir : Path or str
        Folder of audio files, sub-folders included.
    rights : Path or str
        Rights table (CSV); see `linernotes.catalog.tables`.
    out : Path or str
        Workspace to make, or one that holds no other corpus yet.
    training_date : str, optional
        Day of training, ``yyyy-mm-dd``; consent must not be later. Without it the day of sealing counts.
    skip_bad : bool
        Whether an unusable file becomes a gap instead of an error.
    secret_file : Path or str, optional
        64 hexadecimal digits that seed the salts; the same secret and folder give the same root. Without
        it the secret of the workspace's own corpus is used again, or a new one is drawn.
    sound_keys : Path, optional
        ISCC codes and sketch keys computed before; see `linernotes.workflows.sound_keys.listener`.
    progress : callable, optional
        Called as ``progress(name, n_done, n_all)``.

    Returns
    -------
    SealResult
        With the corpus root.

    Raises
    ------
    InputError
        If the folder, a file, the table, the date or the secret is not usable.
    CorpusError
        If *out* is no place for a workspace, or holds another corpus.
    """
    out = Path(out)
    day = parse_date(training_date) if training_date else None
    held = _held_corpus(out)
    secret = read_secret(Path(secret_file)) if secret_file else bytes.fromhex(held.secret) if held else None
    read = read_folder(audio_dir, rights, day, skip_bad=skip_bad, sound_keys=sound_keys, progress=progress)
    corpus = seal_items(
        read.items,
        read.gaps,
        audio_dir=Path(audio_dir).resolve(),
        training_date=day,
        secret=secret,
        now=read.now,
    )
    if held is not None:
        _refuse_other(out, held, corpus)
        corpus = held  # the first seal's time stands
    receipt = _write(out, corpus)
    return SealResult(corpus, read.notes, receipt)


@dataclass(frozen=True, slots=True)
class FolderRead:
    """What a folder and its rights table hold, ready to be sealed."""

    items: tuple[Item, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    now: datetime


def read_folder(
    audio_dir: Path | str,
    rights: Path | str,
    day: date | None,
    *,
    skip_bad: bool = False,
    sound_keys: Path | None = None,
    progress: Progress | None = None,
) -> FolderRead:
    """Decode, hash, compare and check every file of a folder; parameters and errors as `seal_corpus`."""
    found = scan(audio_dir)
    table = read_rights_table(rights, audio_dir)
    ingested = ingest(found, table, skip_bad=skip_bad, progress=progress, listen=listener(sound_keys))
    items = with_clusters(ingested.items, find_twins(ingested.signatures))
    now = datetime.now(UTC)
    gaps = in_order([*ingested.gaps, *find_gaps(items, day or now.date())])
    return FolderRead(items, gaps, ingested.notes, now)


def duplicate_clusters(items: Iterable[Item]) -> list[list[str]]:
    """Return the item ids of each cluster that has more than one member."""
    items = list(items)
    sizes = Counter(item.cluster_id for item in items)
    return [
        [item.item_id for item in items if item.cluster_id == cluster]
        for cluster in sorted(sizes)
        if sizes[cluster] > 1
    ]


def _held_corpus(out: Path) -> SealedCorpus | None:
    """Return the corpus that the workspace holds, after refusing a place that cannot become one."""
    if out.is_dir() and not any(out.iterdir()):
        return None
    if not out.exists():
        parent = next(folder for folder in out.absolute().parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise CorpusError(f"{out}: {parent} is not a folder you may write to; choose another place")
        return None
    with Workspace.open(out) as workspace:
        if workspace.has_corpus():
            return workspace.corpus()
        if snapshot_chain(workspace.folder(SNAPSHOTS)):
            raise CorpusError(
                f"{out}: holds a corpus that was sealed from a manifest of facts; give another --out, or seal the "
                "next state with 'linernotes corpus snapshot'"
            )
        return None


def read_secret(path: Path) -> bytes:
    """Read a secret file: 64 hexadecimal digits.

    Raises
    ------
    InputError
        If it holds anything else.
    """
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable secret ({error}); expected 64 hexadecimal digits"
        ) from error
    if len(secret) != SECRET_BYTES:
        raise InputError(
            f"{path}: a secret of {len(secret)} bytes; expected {SECRET_BYTES} (64 hexadecimal digits)"
        )
    return secret


def _refuse_other(out: Path, held: SealedCorpus, corpus: SealedCorpus) -> None:
    if held.root != corpus.root:
        raise CorpusError(
            f"{out}: holds the sealed corpus {held.root[:12]}…, these files give {corpus.root[:12]}…; "
            "a seal is never exchanged: give another --out for the new corpus"
        )


def _write(out: Path, corpus: SealedCorpus) -> Path:
    """Put the corpus, its log entry and its receipt into the workspace; a new one appears whole."""
    if out.exists() and any(out.iterdir()):
        with Workspace.open(out) as workspace:
            _save(workspace, corpus)
        return out / "receipts" / RECEIPT_FILE
    out.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f"{out.name}.", suffix=".partial", dir=out.parent))
    try:
        with Workspace.create(holder) as workspace:
            _save(workspace, corpus)
        os.replace(holder, out)
    except BaseException:
        shutil.rmtree(holder, ignore_errors=True)
        raise
    return out / "receipts" / RECEIPT_FILE


def _save(workspace: Workspace, corpus: SealedCorpus) -> None:
    workspace.save_corpus(corpus)
    write_snapshot(workspace.folder(SNAPSHOTS), corpus)
    path = workspace.folder("receipts") / RECEIPT_FILE
    if not path.exists():
        record(workspace, "corpus-seal", corpus.root, _public_facts(corpus)).write(path)


def _public_facts(corpus: SealedCorpus) -> dict[str, Any]:
    """Return what the audit log says of a corpus: numbers and dates, never a title."""
    return {
        "root": corpus.root,
        "n_items": len(corpus.items),
        "sealed_at": corpus.sealed_at,
        "stage": corpus.stage,
        "training_date": corpus.training_date,
        "previous_root": corpus.previous_root,
    }
