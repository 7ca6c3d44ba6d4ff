"""The audit log's parsers: notes, heads, keys, receipts, tiles, policies, what witnesses are sent."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

from benchmarks.fuzz.target import Target, text
from linernotes.auditlog import AuditLog, Checkpoint, Entry, Receipt, SigningKey, VerifyingKey
from linernotes.auditlog.note import open_note
from linernotes.auditlog.policy import Policy
from linernotes.auditlog.tiles import decode_bundle, encode_bundle
from linernotes.auditlog.tlog_proof import TlogProof
from linernotes.auditlog.witness import AddCheckpoint
from linernotes.auditlog.witness_client import request_for

SIGNER = SigningKey("example.org/log", bytes(range(32)))
KEY = SIGNER.verifying_key()


@functools.cache
def _made() -> tuple[tuple[Receipt, ...], bytes]:
    with tempfile.TemporaryDirectory() as folder:
        log = AuditLog.create(folder, SIGNER)
        for number in range(7):
            entry = Entry("note", f"{number:064x}", {"text": f"entry {number}"}, "2026-01-01T00:00:00Z")
            log.append(entry, SIGNER)
        return tuple(log.receipt(number) for number in (0, 3, 6)), request_for(log, 0).to_bytes()


def _verified(receipt: Receipt) -> tuple[Any, ...]:
    return receipt.leaf_index, receipt.verify(KEY), Checkpoint.open(receipt.checkpoint, KEY)


def _policy() -> bytes:
    keys = [
        SigningKey(f"w{n}.example.org", bytes([n]) * 32, algorithm=4).verifying_key().line() for n in (1, 2)
    ]
    lines = [f"log {KEY.line()}", *(f"witness w{n} {key}" for n, key in enumerate(keys, 1))]
    return ("\n".join([*lines, "group both 1 w1 w2", "quorum both"]) + "\n").encode()


LOG_TARGETS = {
    "receipt": Target(
        lambda data: _verified(Receipt.from_bytes(data)),
        lambda: [one.to_bytes() for one in _made()[0]],
        is_proof=True,
    ),
    "tlog-proof": Target(
        text(lambda said: _verified(Receipt.from_tlog_proof(TlogProof.parse(said)))),
        lambda: [one.to_tlog_proof().to_text().encode() for one in _made()[0]],
        is_proof=True,
    ),
    "checkpoint": Target(
        text(lambda note: Checkpoint.open(note, KEY)),
        lambda: [one.checkpoint.encode() for one in _made()[0]],
        is_proof=True,
    ),
    "signed-note": Target(
        text(lambda note: open_note(note, KEY)),
        lambda: [one.checkpoint.encode() for one in _made()[0]],
        is_proof=True,
    ),
    "log-entry": Target(Entry.from_bytes, lambda: [one.entry for one in _made()[0]]),
    "verifying-key": Target(text(VerifyingKey.parse), lambda: [KEY.line().encode()], is_proof=True),
    "signing-key": Target(text(SigningKey.parse), lambda: [SIGNER.line().encode()], is_proof=True),
    "entry-bundle": Target(
        lambda data: decode_bundle(data, 3, "bundle"), lambda: [encode_bundle([b"one", b"{}", b"x" * 300])]
    ),
    "witness-policy": Target(Policy.parse, lambda: [_policy()]),
    "witness-request": Target(AddCheckpoint.parse, lambda: [_made()[1]]),
}
