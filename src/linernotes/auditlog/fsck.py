"""Recompute a whole log from its entries and name the first thing in it that is damaged.

Every entry is read as canonical JSON, hashed, and compared with its stored leaf hash; every tile is
recomputed from the one below; the root must be the one in the signed checkpoint. Tiles of earlier heads
must be beginnings of the present ones.

Cost
----
One pass over the entries, on as many processes as there are cores; memory grows with 1/256 of the entries.

Known limits
------------
When entries and hashes were changed *together*, the signed root still gives it away, but no single
entry can be named from the folder alone. An older state put back whole verifies: compare with a receipt
or checkpoint kept elsewhere (*against*).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import HASH_BYTES, tree_root
from linernotes.auditlog.old_form import refuse_old_form
from linernotes.auditlog.scan import Damage, Progress, scan_bundles
from linernotes.auditlog.store import AuditLog
from linernotes.auditlog.tile_folder import is_leftover, read_tile_file, tile_files
from linernotes.auditlog.tiles import (
    TILE_WIDTH,
    TileReader,
    bundle_path,
    cut_full,
    full_tile_root,
    tile_path,
    tiles_of,
)
from linernotes.errors import VerificationError

ENTRIES_PER_PROCESS = 10_000  # below that, starting a process costs more than it saves


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a full check of a log found.

    Parameters
    ----------
    origin : str
        Name of the log.
    size : int
        Entries that the signed head speaks of; -1 when the head itself is damaged.
    root : str
        Signed root in hexadecimal, empty when the head is damaged.
    first_damaged_index : int or None
        First entry that does not verify.
    problem : str
        What is wrong, empty when nothing is.
    unsigned_tail_bytes : int
        Bytes of an append that never finished; harmless, the next append removes them.
    damaged_file : str
        Path below the log's folder, empty where none can be named.
    compared_with_size : int or None
        Entries of the head kept elsewhere that the log was compared with.
    """

    origin: str
    size: int
    root: str
    first_damaged_index: int | None
    problem: str
    unsigned_tail_bytes: int
    damaged_file: str = ""
    compared_with_size: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the log is whole."""
        return not self.problem

    def as_json(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "first_damaged_index": self.first_damaged_index,
            "damaged_file": self.damaged_file,
            "problem": self.problem,
            "unsigned_tail_bytes": self.unsigned_tail_bytes,
            "compared_with_size": self.compared_with_size,
        }


def fsck(
    folder: Path | str,
    key: VerifyingKey,
    *,
    against: Checkpoint | None = None,
    n_processes: int | None = None,
    progress: Progress | None = None,
) -> FsckReport:
    """Check every byte of a log that its signed head speaks of.

    Parameters
    ----------
    folder : path
        The log's folder.
    key : VerifyingKey
        Whom its head must be signed by.
    against : Checkpoint, optional
        The newest head known elsewhere: the log must begin with what it signed.
    n_processes : int, optional
        How many processes share the work; by default one per core, fewer for short logs.
    progress : callable, optional
        Called with the number of entries done and that of all.

    Raises
    ------
    CorpusError
        If there is no log in *folder*, or one in the form of revision 1.

    Examples
    --------
    >>> import tempfile
    >>> from linernotes.auditlog import AuditLog, Entry, SigningKey
    >>> signer = SigningKey.generate("example.org/log")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = AuditLog.create(folder, signer).append(Entry("note", None, {}), signer)
    ...     report = fsck(folder, signer.verifying_key())
    >>> report.ok, report.size
    (True, 1)
    """
    log = AuditLog(Path(folder), key)
    try:
        head = log.checkpoint()
    except VerificationError as error:
        return FsckReport(key.name, -1, "", None, str(error), 0, "checkpoint")
    refuse_old_form(log.folder)
    damage = _check_tree(log.folder, head, n_processes or _processes_for(head.size), progress)
    tail = 0
    if damage is None:
        damage, tail = _check_other_files(log.folder, head.size)
    if damage is None and against is not None:
        damage = _compare(log.folder, head, against)
    damage = damage or Damage(None, "", "")
    return FsckReport(
        head.origin,
        head.size,
        head.root.hex(),
        damage.index,
        damage.problem,
        tail,
        damage.file,
        None if against is None else against.size,
    )


def _check_tree(folder: Path, head: Checkpoint, n_processes: int, progress: Progress | None) -> Damage | None:
    found = scan_bundles(folder, head.size, head.root, n_processes=n_processes, progress=progress)
    if found.damage is not None:
        return found.damage
    hashes = [found.roots[at : at + HASH_BYTES] for at in range(0, len(found.roots), HASH_BYTES)]
    for level, _, _ in tiles_of(head.size)[1:]:
        roots = []
        for number, start in enumerate(range(0, len(hashes), TILE_WIDTH)):
            part = hashes[start : start + TILE_WIDTH]
            path = tile_path(level, number, len(part))
            try:
                stored = read_tile_file(folder, path)
            except VerificationError as error:
                return Damage(None, path, str(error))
            if stored != b"".join(part):
                return Damage(None, path, f"{path}: a stored hash is damaged, its entries are whole")
            if len(part) == TILE_WIDTH:
                roots.append(full_tile_root(part))
        hashes = roots
    reader = TileReader(lambda path: read_tile_file(folder, path), head.size)
    if tree_root(reader.node, head.size) != head.root:
        return Damage(
            None, "", "entries and hashes agree with each other but not with the signed root: rewritten"
        )
    return None


def _check_other_files(folder: Path, size: int) -> tuple[Damage | None, int]:
    """Check the tiles of earlier heads, and count the bytes that no head speaks of."""
    tail = 0
    for path, place in tile_files(folder):
        if is_leftover(path, place, size):
            tail += path.stat().st_size
        elif place is not None and place[2] < TILE_WIDTH:
            name = path.relative_to(folder).as_posix()
            if path.read_bytes() != _beginning(folder, name, place, size):
                return Damage(None, name, f"{name}: the tile of an earlier head is damaged"), tail
    return None, tail


def _beginning(folder: Path, name: str, place: tuple[int, int, int], size: int) -> bytes:
    """Return what a partial tile must hold, from the widest one in its place, which was checked before."""
    level, number, _ = place
    count = size >> (8 * max(level, 0))
    width = min(TILE_WIDTH, count - number * TILE_WIDTH)
    widest = bundle_path(number, width) if level < 0 else tile_path(level, number, width)
    return cut_full(name, read_tile_file(folder, widest))


def _compare(folder: Path, head: Checkpoint, against: Checkpoint) -> Damage | None:
    if against.origin != head.origin:
        return Damage(None, "", f"the head to compare with is of log {against.origin}, this is {head.origin}")
    if against.size > head.size:
        return Damage(
            None,
            "checkpoint",
            f"the log has {head.size} entries and once had {against.size}: it was rolled back",
        )
    reader = TileReader(lambda path: read_tile_file(folder, path), head.size)
    if tree_root(reader.node, against.size) != against.root:
        return Damage(
            None,
            "",
            f"the first {against.size} of {head.size} entries are not the ones once signed: rewritten",
        )
    return None


def _processes_for(size: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, size // ENTRIES_PER_PROCESS))
