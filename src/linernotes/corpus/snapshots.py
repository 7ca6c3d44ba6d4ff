"""The chain of snapshots of a workspace: what was sealed when, and what each step added and removed.

Idea
----
A generator that is trained again on more music gets a new snapshot. Its header holds the root of the one
before, so the last root commits to the whole history. The secret stays, and with it the positions and the
commitments of unchanged items: a step is told by comparing ids and commitments.

Conventions
-----------
Snapshots lie in one folder, each under its root; the *head* is the one that no other names as the one before.

Known limits
------------
The chain shows what was sealed in which order. Whether training read exactly that is another question.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.corpus.commitment import MemoryMap, canonical
from linernotes.corpus.commitment_tree import block_heads
from linernotes.corpus.map_part import write_part
from linernotes.corpus.seal import SealedCorpus
from linernotes.corpus.snapshot import (
    COMMITMENTS_FILE,
    GAPS_FILE,
    ITEMS_FILE,
    MAP_FOLDER,
    OFFSETS_FILE,
    SealFacts,
    Snapshot,
    flush_to_disk,
    gap_line,
    write_seal,
)
from linernotes.errors import CorpusError

MAX_IDS_SHOWN = 1_000
_CHANGES = ("added", "removed", "changed")


@dataclass(frozen=True, slots=True)
class Step:
    """What one snapshot changed against the one before; item ids, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def snapshot_chain(folder: Path) -> list[Snapshot]:
    """Return the snapshots of a folder, oldest first.

    Raises
    ------
    CorpusError
        If one is damaged, one before is missing, or two follow the same one.
    """
    found = [
        Snapshot.open(path)
        for path in sorted(folder.iterdir() if folder.is_dir() else ())
        if path.is_dir() and len(path.name) == 64
    ]
    follower: dict[str | None, Snapshot] = {}
    for snapshot in found:
        before = snapshot.header.previous_root
        if before in follower:
            raise CorpusError(
                f"{folder}: two snapshots follow {before}; keep the one whose root was logged, move the other away"
            )
        follower[before] = snapshot
    chain: list[Snapshot] = []
    while (last := chain[-1].facts.root if chain else None) in follower:
        chain.append(follower[last])
    if len(chain) < len(found):
        raise CorpusError(
            f"{folder}: a snapshot in the middle of the chain is missing; restore it from a copy"
        )
    return chain


def find_snapshot(folder: Path, root: str | None = None) -> Snapshot:
    """Return a snapshot by its root or the beginning of it; the latest when none is given.

    Raises
    ------
    CorpusError
        If there is none, or several begin so.
    """
    chain = snapshot_chain(folder)
    fitting = (
        [one for one in chain if one.facts.root.startswith(root.strip().lower())] if root else chain[-1:]
    )
    if len(fitting) != 1:
        held = ", ".join(one.facts.root[:12] + "…" for one in chain) or "none"
        raise CorpusError(f"snapshot {root or ''}: {len(fitting)} found in {folder}; there are: {held}")
    return fitting[0]


def step_between(before: Snapshot | None, after: Snapshot) -> Step:
    """Return what changed from one snapshot to the next."""
    old = dict(before.ids()) if before is not None else {}
    new = dict(after.ids())
    return Step(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
    )


def write_snapshot(folder: Path, corpus: SealedCorpus, made: MemoryMap | None = None) -> Snapshot:
    """Write a sealed corpus as a snapshot below *folder*; one that is there already is opened.

    Parameters
    ----------
    folder : Path
        Folder of the snapshots.
    corpus : SealedCorpus
        With its private manifest.
    made : MemoryMap, optional
        Its map, where it is at hand.
    """
    target = folder / corpus.root
    if target.is_dir():
        return Snapshot.open(target)
    header, built = (corpus.header, made) if corpus.header and made else corpus.verified_map()
    partial = folder / f"{corpus.root}.{os.getpid()}.partial"
    for leftover in folder.glob(f"{corpus.root}.*.partial"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    (partial / MAP_FOLDER).mkdir(parents=True)
    try:
        write_part(partial / MAP_FOLDER / "exact-00.part", built.exact_part)
        write_part(partial / MAP_FOLDER / "sketch-00.part", built.sketch_part)
        entries = [canonical(item.as_json()) + b"\n" for item in corpus.items]
        (partial / ITEMS_FILE).write_bytes(b"".join(entries))
        offsets = np.cumsum([0, *map(len, entries)], dtype="<u8")
        (partial / OFFSETS_FILE).write_bytes(offsets.tobytes())
        (partial / COMMITMENTS_FILE).write_bytes(
            b"".join([*built.commitments, *block_heads(built.commitments)])
        )
        (partial / GAPS_FILE).write_bytes(b"".join(map(gap_line, corpus.gaps)))
        write_seal(partial, header, _facts(corpus, built), bytes.fromhex(corpus.secret))
        take_place(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Snapshot.open(target)


def corpus_of(snapshot: Snapshot) -> SealedCorpus:
    """Return a snapshot as a sealed corpus in memory."""
    facts, header = snapshot.facts, snapshot.header
    return SealedCorpus(
        root=facts.root,
        items=tuple(snapshot.items()),
        gaps=tuple(snapshot.gaps()),
        sealed_at=facts.sealed_at,
        stage=facts.stage,  # type: ignore[arg-type]  # as it was written
        audio_dir=facts.audio_dir,
        training_date=header.training_date,
        secret=snapshot.secret.hex(),
        header=header,
        previous_root=header.previous_root,
    )


def take_place(partial: Path, target: Path) -> None:
    """Rename a finished snapshot into its place, lasting beyond a loss of power."""
    os.replace(partial, target)
    flush_to_disk(target.parent)


def snapshot_json(snapshot: Snapshot, step: Step) -> dict[str, Any]:
    """Return what the command line says about a snapshot; of many item ids, the first thousand."""
    facts, header = snapshot.facts, snapshot.header
    return {
        "root": facts.root,
        "previous_root": header.previous_root,
        "sealed_at": facts.sealed_at,
        "stage": facts.stage,
        "training_date": header.training_date,
        "n_items": header.n_items,
        "n_keys": header.n_keys,
        "key_kinds": list(header.key_kinds),
        **{f"n_{name}": len(getattr(step, name)) for name in _CHANGES},
        **{name: list(getattr(step, name)[:MAX_IDS_SHOWN]) for name in _CHANGES},
    }


def _facts(corpus: SealedCorpus, made: MemoryMap) -> SealFacts:
    counts: dict[str, int] = {}
    for one in corpus.gaps:
        counts[one.code] = counts.get(one.code, 0) + 1
    return SealFacts(
        root=corpus.root,
        sealed_at=corpus.sealed_at,
        stage=corpus.stage,
        audio_dir=corpus.audio_dir,
        n_without_consent=len(corpus.without_consent),
        duration_s=round(sum(item.duration_s for item in corpus.items), 3),
        gap_counts=counts,
        exact_tops=(made.exact.root.hex(),),
        sketch_tops=(made.sketch.root.hex(),),
    )
