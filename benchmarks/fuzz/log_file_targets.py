"""What the log's readers take from disks and hosts: whole folders, tiles, evidence of forks, notes that nobody signed."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fuzz.log_targets import KEY, LOG_TARGETS, SIGNER
from benchmarks.fuzz.target import Folder, Target, from_file, scratch, text
from linernotes.auditlog import AuditLog, Checkpoint, Entry, Receipt, VerifyingKey
from linernotes.auditlog.canonical import canonical_json, parse_canonical_json
from linernotes.auditlog.fork import Evidence, fork_of
from linernotes.auditlog.fsck import fsck
from linernotes.auditlog.merkle import Tree, leaf_hash
from linernotes.auditlog.mirror import mirror
from linernotes.auditlog.note import split_note
from linernotes.auditlog.old_form import carry_over
from linernotes.auditlog.policy import Policy
from linernotes.auditlog.receipt import load_checkpoint_note
from linernotes.auditlog.signatures import read_head
from linernotes.auditlog.sources import open_source
from linernotes.auditlog.tile_folder import parse_tile_path
from linernotes.auditlog.tiles import TILE_WIDTH, bundle_path, tile_path
from linernotes.errors import VerificationError

SEEN, GROWN = 4, 7  # entries of two heads of one log


def entries_of(n: int, word: str = "entry") -> list[Entry]:
    """Return the entries of a log, the same ones every time."""
    time = "2026-01-01T00:00:00Z"
    return [Entry("note", f"{number:064x}", {"text": f"{word} {number}"}, time) for number in range(n)]


def log_of(folder: Path, sizes: tuple[int, ...], word: str = "entry") -> AuditLog:
    """Make a log that grew to each of *sizes* in turn."""
    log, entries, done = AuditLog.create(folder, SIGNER), entries_of(max(sizes), word), 0
    for size in sizes:
        log.append_many(entries[done:size], SIGNER)
        done = size
    return log


def _read_log(folder: Path) -> Any:
    """Read everything of a log by its own proofs, as a creator does who was given the folder."""
    log = AuditLog.open(folder, KEY)
    entries = list(log.entries())
    last = log.receipt(len(entries) - 1)
    log.consistency_proof(3, len(entries))
    return log.checkpoint(), entries, last.verify(KEY)


def _checked_log(folder: Path) -> Any:
    report = fsck(folder, KEY, n_processes=1)
    if not report.ok:
        raise VerificationError(report.problem)
    return report


def _mirrored(folder: Path) -> Any:
    copy = Path(tempfile.mkdtemp(dir=scratch()))
    try:
        report = mirror(open_source(str(folder)), copy, KEY)
        return report, list(AuditLog.open(copy, KEY).entries())
    finally:
        shutil.rmtree(copy)


def _carried_over(data: bytes) -> Any:
    entries = [entry.to_bytes() for entry in entries_of(5)]
    folder = Path(tempfile.mkdtemp(dir=scratch()))
    try:
        (folder / "entries.jsonl").write_bytes(data)
        head = Checkpoint(SIGNER.name, len(entries), Tree([leaf_hash(entry) for entry in entries]).root())
        carry_over(folder, head)
        return (folder / bundle_path(0, len(entries))).read_bytes()
    finally:
        shutil.rmtree(folder)


@functools.cache
def _evidence() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = (log_of(Path(place) / word, (SEEN, GROWN), word) for word in ("one", "two"))
        small = log_of(Path(place) / "small", (SEEN,), "one").checkpoint_note()
        other = log_of(Path(place) / "other", (SEEN,), "two")
        made = (
            fork_of(small, other.checkpoint_note()),
            fork_of(
                small,
                theirs.checkpoint_note(),
                other.checkpoint().root,
                theirs.consistency_proof(SEEN, GROWN),
            ),
            Evidence("rollback", ours.checkpoint_note(), small),
        )
    return tuple(canonical_json(one.as_json()) + b"\n" for one in made)


def _shown(data: bytes) -> Any:
    """Return the two heads that contradict each other."""
    found = Evidence.from_bytes(data)
    found.check(KEY)
    return {Checkpoint.open(note, KEY) for note in (found.held, found.offered)}


def _tile(path: str) -> tuple[int, int, int]:
    found = parse_tile_path(path)
    if found is None:
        raise VerificationError("no tile")
    level, number, width = found
    again = bundle_path(number, width) if level < 0 else tile_path(level, number, width)
    if again != f"tile/{path}" and width <= TILE_WIDTH:
        raise RuntimeError(f"{path} and {again} are one tile")  # two spellings: a finding
    return found


def _canonical(data: bytes) -> Any:
    found = parse_canonical_json(data, "fuzzed")
    if canonical_json(found) != data:
        raise RuntimeError("accepted in another spelling")
    return found


_FILES_WITH_HEADS = [LOG_TARGETS[name].seeds for name in ("checkpoint", "receipt", "tlog-proof")]
LARGE = Folder(lambda folder: log_of(folder, (SEEN, TILE_WIDTH + GROWN)), _checked_log)
SMALL = Folder(lambda folder: log_of(folder, (SEEN, GROWN)), _read_log)
HOSTED = Folder(lambda folder: log_of(folder, (SEEN, GROWN)), _mirrored)
LOG_FILE_TARGETS = {
    "log-checked": Target(LARGE.read, lambda: LARGE.seeds("checkpoint", "tile/**/*"), is_proof=True),
    "log-read": Target(SMALL.read, lambda: SMALL.seeds("checkpoint", "tile/**/*"), is_proof=True),
    "log-mirrored": Target(HOSTED.read, lambda: HOSTED.seeds("checkpoint", "tile/**/*"), is_proof=True),
    "log-of-revision-1": Target(
        _carried_over,
        lambda: [b"".join(entry.to_bytes() + b"\n" for entry in entries_of(5))],
        is_proof=True,
    ),
    "fork-evidence": Target(_shown, _evidence, is_proof=True),
    "fork-evidence-file": Target(from_file(Evidence.load, ".json"), _evidence),
    "tile-path": Target(
        text(_tile), lambda: [b"entries/x001/234.p/7", b"0/000", b"7/x999/x999/x999/x999/x999/x999/255.p/1"]
    ),
    "canonical-json": Target(
        _canonical, lambda: [canonical_json({"a": [1, 0.5, "\u00fc"], "b": {"c": None, "\U0001f3b5": True}})]
    ),
    "unsigned-note": Target(text(split_note), LOG_TARGETS["checkpoint"].seeds),
    "log-head": Target(
        text(read_head), lambda: [split_note(LOG_TARGETS["checkpoint"].seeds()[0].decode())[0].encode()]
    ),
    "head-file": Target(from_file(load_checkpoint_note), lambda: [seeds()[0] for seeds in _FILES_WITH_HEADS]),
    "receipt-file": Target(from_file(Receipt.load, ".json"), LOG_TARGETS["receipt"].seeds),
    "key-file": Target(
        from_file(VerifyingKey.load, ".pub"), lambda: [f"{KEY.line()}\n".encode()], is_proof=True
    ),
    "policy-file": Target(from_file(Policy.load), LOG_TARGETS["witness-policy"].seeds),
}
