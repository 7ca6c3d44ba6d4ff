"""Asking witnesses to cosign a log's head, over HTTP or through files.

References
----------
C2SP tlog-witness (https://c2sp.org/tlog-witness), add-checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.http_client import request
from linernotes.auditlog.note import NoteSignature, find_signature, split_note
from linernotes.auditlog.policy import KnownWitness
from linernotes.auditlog.store import AuditLog
from linernotes.auditlog.witness import AddCheckpoint
from linernotes.errors import InputError, LinernotesError, VerificationError

MAX_ANSWER_BYTES = 1 << 20
MAX_TRIES = 3
ASKED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one witness.

    Parameters
    ----------
    name : str
        Its name in the policy.
    signature : NoteSignature or None
        Its checked cosignature.
    problem : str
        Why there is none, empty when there is one.
    """

    name: str
    signature: NoteSignature | None
    problem: str


def request_for(log: AuditLog, old_size: int, note: str | None = None) -> AddCheckpoint:
    """Return the request to cosign a head of *log* (its present one) after one of *old_size* entries.

    Raises
    ------
    InputError
        If *old_size* is above the size of the head.
    """
    note = log.checkpoint_note() if note is None else note
    head = Checkpoint.open(note, log.key)
    proof = log.consistency_proof(old_size, head.size)
    return AddCheckpoint(old_size, tuple(proof), note)


def collect(log: AuditLog, witnesses: Iterable[KnownWitness]) -> list[Outcome]:
    """Ask each witness that has an address to cosign the present head, and keep what holds in the log.

    A witness that is down, behind, or refuses costs its own cosignature only.
    """
    note = log.checkpoint_note()
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:  # one that hangs must not keep the others waiting
        reached = [witness for witness in witnesses if witness.url]
        outcomes = list(pool.map(lambda witness: _ask(log, note, witness), reached))
    signatures = [outcome.signature for outcome in outcomes if outcome.signature is not None]
    if signatures:
        log.add_signatures(split_note(note)[0], signatures)
    return outcomes


def read_answer(body: bytes, text: str, witness: KnownWitness) -> NoteSignature:
    """Return the cosignature of *witness* over *text* from the body of its answer.

    Raises
    ------
    VerificationError
        If it is not there, does not hold, or has no time.
    """
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError:
        raise VerificationError(f"witness {witness.name}: its answer is not text") from None
    if lines.pop():
        raise VerificationError(f"witness {witness.name}: its answer does not end in a newline")
    found = find_signature(text, [NoteSignature.parse(line) for line in lines], witness.key)
    if found is None or not found[1]:
        raise VerificationError(f"witness {witness.name}: its answer holds no cosignature of its key")
    return found[0]


def _ask(log: AuditLog, note: str, witness: KnownWitness) -> Outcome:
    text = split_note(note)[0]
    size = Checkpoint.open(note, log.key).size
    try:
        old_size = _last_cosigned(log, witness)
        for _ in range(MAX_TRIES):
            body = request_for(log, old_size, note).to_bytes()
            url = witness.url.rstrip("/") + "/add-checkpoint"
            answer = request(url, data=body, limit_bytes=MAX_ANSWER_BYTES)
            if answer.status == 200:
                return Outcome(witness.name, read_answer(answer.body, text, witness), "")
            if answer.status != 409:
                reason = answer.body[:200].decode(errors="replace").strip()
                return Outcome(witness.name, None, f"refused with status {answer.status}: {reason}")
            old_size = _parse_size(answer.body)
            if old_size > size:
                return Outcome(
                    witness.name, None, f"has cosigned {old_size} entries, the log has {size}: rolled back?"
                )
    except LinernotesError as error:
        return Outcome(witness.name, None, str(error))
    return Outcome(witness.name, None, "its answers about the last size contradict each other")


def _last_cosigned(log: AuditLog, witness: KnownWitness) -> int:
    note = log.witnessed_note()
    if note is None:
        return 0
    text, signatures = split_note(note)
    if find_signature(text, signatures, witness.key) is None:
        return 0
    return Checkpoint.open(note, log.key).size


def _parse_size(body: bytes) -> int:
    text = body.removesuffix(b"\n")
    if not text.isdigit() or len(text) > 19:
        raise InputError("answered 409 without the size that it has seen")
    return int(text)
