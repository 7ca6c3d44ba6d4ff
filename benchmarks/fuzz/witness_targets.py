"""Witnesses: what logs ask of them, what they answer, and what they remember."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.fuzz.log_file_targets import GROWN, SEEN, entries_of, log_of
from benchmarks.fuzz.log_targets import KEY, SIGNER
from benchmarks.fuzz.target import Folder, Target, scratch
from linernotes.auditlog import Checkpoint, SigningKey
from linernotes.auditlog.note import split_note
from linernotes.auditlog.policy import KnownWitness
from linernotes.auditlog.witness import KEY_STEM, LOCK_FILE, SEEN_FOLDER, Witness
from linernotes.auditlog.witness_client import read_answer, request_for
from linernotes.errors import VerificationError

WITNESS = SigningKey("witness.example/w1", bytes(range(32, 64)), algorithm=4)


@functools.cache
def _requests() -> tuple[bytes, bytes]:
    """Return what a log asks first, and what it asks once it has grown."""
    with tempfile.TemporaryDirectory() as place:
        log = log_of(Path(place) / "log", (SEEN,))
        first = request_for(log, 0).to_bytes()
        log.append_many(entries_of(GROWN)[SEEN:], SIGNER)
        return first, request_for(log, SEEN).to_bytes()


def _make(folder: Path) -> None:
    """Make a witness that has cosigned the first head."""
    (folder / f"{KEY_STEM}.key").touch(0o600)
    (folder / f"{KEY_STEM}.key").write_text(WITNESS.line() + "\n")
    (folder / SEEN_FOLDER).mkdir()
    _granted(Witness.open(folder).trust(KEY), _requests()[0])
    (folder / LOCK_FILE).unlink()


def _granted(witness: Witness, body: bytes) -> bytes:
    answer = witness.add_checkpoint(body)
    if answer.status != 200:
        raise VerificationError(answer.body.decode())
    return answer.body


def _cosigned(data: bytes) -> Checkpoint:
    """Ask for a cosignature; whatever is cosigned must be the head that follows."""
    with _copied(WHOLE.folder) as folder:
        _granted(Witness.open(folder), data)
        (seen,) = (folder / SEEN_FOLDER).iterdir()
        return Checkpoint.open(seen.read_text(), KEY)


def _asked(folder: Path) -> Checkpoint:
    """Ask a witness one of whose files was damaged."""
    with _copied(folder) as copy:
        _granted(Witness.open(copy), _requests()[1])
        (seen,) = (copy / SEEN_FOLDER).iterdir()
        return Checkpoint.open(seen.read_text(), KEY)


@contextmanager
def _copied(folder: Path) -> Iterator[Path]:
    copy = Path(tempfile.mkdtemp(dir=scratch()))
    try:
        yield shutil.copytree(folder, copy, dirs_exist_ok=True)
    finally:
        shutil.rmtree(copy)


@functools.cache
def _answer() -> tuple[str, bytes]:
    """Return the text of a head and the witness's answer to it."""
    with _copied(WHOLE.folder) as folder:
        answer = _granted(Witness.open(folder), _requests()[1])
    return split_note(_requests()[1].decode().partition("\n\n")[2])[0], answer


def _cosignature(data: bytes) -> Any:
    return read_answer(data, _answer()[0], KnownWitness("w1", WITNESS.verifying_key()))


WHOLE = Folder(_make, _asked)
WITNESS_TARGETS = {
    "witness-asked": Target(_cosigned, lambda: [_requests()[1]], is_proof=True),
    "witness-folder": Target(WHOLE.read, WHOLE.seeds),
    "witness-answer": Target(_cosignature, lambda: [_answer()[1]], is_proof=True),
}
