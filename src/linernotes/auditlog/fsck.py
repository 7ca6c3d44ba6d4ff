"""Recompute a whole log from its entries and name the first one that is damaged.

Every line is read as canonical JSON, hashed, and compared with the stored offset and leaf hash; every
stored subtree is recomputed; the root must be the one in the signed checkpoint.

Cost
----
One pass over the entries; memory grows with log2 of their number.

Known limits
------------
When entries and hashes were changed *together*, the signed root still gives it away, but no single
entry can be named from the folder alone. An older state put back whole verifies: compare with a receipt
(`AuditLog.check_consistency`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import MAX_ENTRY_BYTES, Entry
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import HASH_BYTES, leaf_hash, node_hash, stored_count
from linernotes.auditlog.store import ENTRIES_FILE, HASHES_FILE, OFFSET_BYTES, OFFSETS_FILE, AuditLog
from linernotes.errors import VerificationError


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
    """

    origin: str
    size: int
    root: str
    first_damaged_index: int | None
    problem: str
    unsigned_tail_bytes: int

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
            "problem": self.problem,
            "unsigned_tail_bytes": self.unsigned_tail_bytes,
        }


class _Damage(Exception):
    def __init__(self, index: int | None, problem: str) -> None:
        super().__init__(problem)
        self.index = index


def fsck(folder: Path | str, key: VerifyingKey) -> FsckReport:
    """Check every byte of a log that its signed head speaks of.

    Raises
    ------
    CorpusError
        If there is no log in *folder*.

    Examples
    --------
    >>> import tempfile
    >>> from linernotes.auditlog.keys import SigningKey
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
        return FsckReport(key.name, -1, "", None, str(error), 0)
    index: int | None = None
    problem, tail = "", 0
    try:
        tail = _check_files(log.folder, head)
    except _Damage as damage:
        index, problem = damage.index, str(damage)
    except OSError as error:
        problem = f"{error.filename}: cannot be read ({error.strerror})"
    return FsckReport(head.origin, head.size, head.root.hex(), index, problem, tail)


def _check_files(folder: Path, head: Checkpoint) -> int:
    paths = [folder / ENTRIES_FILE, folder / OFFSETS_FILE, folder / HASHES_FILE]
    with paths[0].open("rb") as entries, paths[1].open("rb") as offsets, paths[2].open("rb") as hashes:
        end = 0
        stack: list[tuple[int, bytes]] = []
        for index in range(head.size):
            line = entries.readline(MAX_ENTRY_BYTES + 2)
            end += len(line)
            _check_entry(index, line, end, offsets, hashes)
            for level, digest in _push(stack, leaf_hash(line[:-1])):
                if level and hashes.read(HASH_BYTES) != digest:
                    raise _Damage(None, f"{HASHES_FILE}: a stored hash above entry {index} is damaged")
        if _root(stack, head) != head.root:
            raise _Damage(
                None, "entries and hashes agree with each other but not with the signed root: rewritten"
            )
    used = (end, head.size * OFFSET_BYTES, stored_count(head.size) * HASH_BYTES)
    return sum(path.stat().st_size - size for path, size in zip(paths, used, strict=True))


def _check_entry(index: int, line: bytes, end: int, offsets: BinaryIO, hashes: BinaryIO) -> None:
    if not line.endswith(b"\n"):
        raise _Damage(index, f"{ENTRIES_FILE}: entry {index} is missing or cut short")
    stored = hashes.read(HASH_BYTES)
    if leaf_hash(line[:-1]) != stored:
        raise _Damage(index, f"entry {index}: its bytes do not fit its stored hash {stored.hex()}")
    try:
        Entry.from_bytes(line[:-1])
    except VerificationError as error:
        raise _Damage(index, f"entry {index}: {error}") from None
    if int.from_bytes(offsets.read(OFFSET_BYTES), "big") != end:
        raise _Damage(index, f"{OFFSETS_FILE}: the offset of entry {index} is damaged, expected {end}")


def _push(stack: list[tuple[int, bytes]], leaf: bytes) -> Iterator[tuple[int, bytes]]:
    """Add a leaf to the stack of complete subtrees and yield each subtree that it completes."""
    level, digest = 0, leaf
    yield level, digest
    while stack and stack[-1][0] == level:
        digest = node_hash(stack.pop()[1], digest)
        level += 1
        yield level, digest
    stack.append((level, digest))


def _root(stack: list[tuple[int, bytes]], head: Checkpoint) -> bytes:
    if not stack:
        return head.root  # an empty log: the checkpoint reader has compared its root
    digest = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        digest = node_hash(left, digest)
    return digest
