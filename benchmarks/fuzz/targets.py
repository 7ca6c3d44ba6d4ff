"""What is fuzzed: every parser of bytes that somebody else may have written, with well-formed seeds.

A target reads bytes and returns what they mean, or raises a `LinernotesError`. Seeds are made by our own
writers, so they follow every change of format. `is_proof` asks for more: whatever is accepted must mean what
one of the seeds means.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog import AuditLog, Checkpoint, Entry, Receipt, SigningKey, VerifyingKey
from linernotes.auditlog.note import open_note
from linernotes.catalog.tables import read_catalogue_table, read_rights_table

DEMO = Path(__file__).parents[2] / "demo"
SIGNER = SigningKey("example.org/log", bytes(range(32)))


@dataclass(frozen=True)
class Target:
    """One parser."""

    read: Callable[[bytes], Any]
    seeds: Callable[[], Sequence[bytes]]
    is_proof: bool = False


def text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes for a parser of text; bytes that are not UTF-8 become replacement characters."""
    return lambda data: read(data.decode(errors="replace"))


def document(read: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes decoded JSON; what is not JSON is nobody's fault here."""

    def from_bytes(data: bytes) -> Any:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        return read(value)

    return from_bytes


def from_file(read: Callable[[Path], Any], suffix: str = ".bin") -> Callable[[bytes], Any]:
    """Return a parser of bytes for one that takes a path."""

    def from_bytes(data: bytes) -> Any:
        path = _scratch(os.getpid()) / f"input{suffix}"
        path.write_bytes(data)
        return read(path)

    return from_bytes


@functools.cache
def _scratch(process_id: int) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"fuzz-{process_id}-"))  # forked workers must not share one


@functools.cache
def _receipts() -> tuple[Receipt, ...]:
    with tempfile.TemporaryDirectory() as folder:
        log = AuditLog.create(folder, SIGNER)
        for number in range(7):
            entry = Entry("note", f"{number:064x}", {"text": f"entry {number}"}, "2026-01-01T00:00:00Z")
            log.append(entry, SIGNER)
        return tuple(log.receipt(number) for number in (0, 3, 6))


def _verified(data: bytes) -> tuple[Any, ...]:
    receipt = Receipt.from_bytes(data)
    entry = receipt.verify(SIGNER.verifying_key())
    return receipt.leaf_index, entry, Checkpoint.open(receipt.checkpoint, SIGNER.verifying_key())


TARGETS: dict[str, Target] = {
    "receipt": Target(_verified, lambda: [one.to_bytes() for one in _receipts()], is_proof=True),
    "checkpoint": Target(
        text(lambda note: Checkpoint.open(note, SIGNER.verifying_key())),
        lambda: [one.checkpoint.encode() for one in _receipts()],
        is_proof=True,
    ),
    "signed-note": Target(
        text(lambda note: open_note(note, SIGNER.verifying_key())),
        lambda: [one.checkpoint.encode() for one in _receipts()],
        is_proof=True,
    ),
    "log-entry": Target(Entry.from_bytes, lambda: [one.entry for one in _receipts()]),
    "verifying-key": Target(
        text(VerifyingKey.parse), lambda: [SIGNER.verifying_key().line().encode()], is_proof=True
    ),
    "signing-key": Target(text(SigningKey.parse), lambda: [SIGNER.line().encode()], is_proof=True),
    "rights-table": Target(
        from_file(read_rights_table, ".csv"), lambda: [_lines(DEMO / "corpus" / "rights.csv", 12)]
    ),
    "catalogue-table": Target(
        from_file(read_catalogue_table, ".csv"), lambda: [_lines(DEMO / "catalog" / "catalog.csv", 12)]
    ),
}


def _lines(path: Path, n_lines: int) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:n_lines])
