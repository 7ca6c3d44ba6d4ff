"""A witness: remembers the newest head of each log, and cosigns only what continues it.

::

    FOLDER/witness.key, witness.pub     who it is
    FOLDER/logs                         verifying keys of the logs that it watches, one per line
    FOLDER/seen/<SHA-256 of origin>     the newest head that it cosigned, with its cosignature
    FOLDER/*.evidence.json              two heads of one size with different roots, if a log ever shows them

Asked over HTTP (`linernotes.auditlog.witness_server`) or with files: the request and the answer are the
same bytes. The new head is on the disk before the answer is given.

References
----------
C2SP tlog-witness (https://c2sp.org/tlog-witness), add-checkpoint.

Known limits
------------
Never put an older copy of ``seen`` back: a witness that forgets can be shown a second history. It keeps no
entries, and does not judge what they say.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.files import sole_writer, write_whole
from linernotes.auditlog.fork import fork_of
from linernotes.auditlog.http_client import Answer
from linernotes.auditlog.keys import (
    ED25519,
    ML_DSA_44,
    WITNESS_ED25519,
    SigningKey,
    VerifyingKey,
    generate_keys,
)
from linernotes.auditlog.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from linernotes.auditlog.note import (
    NoteSignature,
    find_signature,
    signature_line,
    split_note,
    with_signatures,
)
from linernotes.auditlog.signatures import Head, read_head
from linernotes.errors import CorpusError, InputError, VerificationError

KEY_STEM, LOGS_FILE, SEEN_FOLDER, LOCK_FILE = "witness", "logs", "seen", "lock"
MAX_REQUEST_BYTES = 1 << 20
MAX_PROOF_LINES = 63
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign.

    Parameters
    ----------
    old_size : int
        Size of the head that the witness is thought to have cosigned last.
    proof : tuple of bytes [32 bytes each]
        Consistency proof from there to the new head.
    note : str
        The new head, signed by the log.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def to_bytes(self) -> bytes:
        """Return the body of the request."""
        proof = "".join(base64.b64encode(digest).decode() + "\n" for digest in self.proof)
        return f"old {self.old_size}\n{proof}\n{self.note}".encode()

    @classmethod
    def parse(cls, data: bytes) -> AddCheckpoint:
        """Read the body of a request; VerificationError when it is malformed."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise VerificationError("request: not UTF-8 text") from None
        lines, blank, note = text.partition("\n\n")
        first, *proof = lines.split("\n")
        size = first.removeprefix("old ")
        if not blank or not first.startswith("old ") or not size.isascii() or not size.isdecimal():
            raise VerificationError("request: expected 'old SIZE', proof lines, an empty line, a checkpoint")
        if (size.startswith("0") and size != "0") or len(size) > 19:
            raise VerificationError(f"request: old size {size[:40]!r}, expected a decimal number")
        if len(proof) > MAX_PROOF_LINES:
            raise VerificationError(f"request: {len(proof)} proof lines, expected at most {MAX_PROOF_LINES}")
        return cls(int(size), tuple(_hash(line) for line in proof), note)


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness and its memory.

    Parameters
    ----------
    folder : Path
        Where both are.
    signer : SigningKey
        Its key.
    logs : tuple of VerifyingKey
        The logs that it watches; several keys may have one name.

    Examples
    --------
    >>> import tempfile
    >>> log = SigningKey.generate("example.org/log")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     witness = Witness.create(folder, "witness.example/w1").trust(log.verifying_key())
    ...     note = Checkpoint("example.org/log", 0, EMPTY_ROOT).sign(log)
    ...     answer = witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes())
    >>> answer.status, answer.body.decode().split()[1]
    (200, 'witness.example/w1')
    """

    folder: Path
    signer: SigningKey
    logs: tuple[VerifyingKey, ...]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def create(cls, folder: Path | str, name: str, algorithm: int = WITNESS_ED25519) -> Witness:
        """Make a witness with a new key of kind `WITNESS_ED25519` or `ML_DSA_44`.

        Raises
        ------
        InputError
            If the name or the kind is not usable, or the folder holds a witness.
        """
        if algorithm not in (WITNESS_ED25519, ML_DSA_44):
            raise InputError(f"a witness cannot have a key of kind 0x{algorithm:02x}")
        generate_keys(folder, name, algorithm, stem=KEY_STEM)
        (Path(folder) / SEEN_FOLDER).mkdir(exist_ok=True)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path | str) -> Witness:
        """Open the witness in *folder*; InputError or VerificationError when it cannot be used."""
        folder = Path(folder)
        signer = SigningKey.load(folder / f"{KEY_STEM}.key")
        if signer.algorithm == ED25519:
            raise InputError(f"{folder}: its key is that of a log; make one with 'audit witness new'")
        if not (folder / SEEN_FOLDER).is_dir():
            # Without its memory it would cosign a second history: never begin anew by itself.
            raise CorpusError(
                f"{folder / SEEN_FOLDER}: missing; restore it, or make a witness with a new key"
            )
        path = folder / LOGS_FILE
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
        return cls(folder, signer, tuple(VerifyingKey.parse(line) for line in lines if line))

    def trust(self, key: VerifyingKey) -> Witness:
        """Return the witness with *key* among the logs that it watches; written to the disk.

        Raises
        ------
        InputError
            If *key* is that of a witness, not of a log.
        """
        if key.algorithm == WITNESS_ED25519:
            raise InputError(f"{key.name}: the key of a witness, expected that of a log")
        if key in self.logs:
            return self
        logs = (*self.logs, key)
        write_whole(self.folder / LOGS_FILE, "".join(f"{each.line()}\n" for each in logs).encode())
        return Witness(self.folder, self.signer, logs)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request to cosign: 200, or 400, 403, 404, 409, 422 as the specification has them.

        Raises
        ------
        CorpusError
            If its own memory is damaged: better no answer than a wrong one.
        """
        if len(body) > MAX_REQUEST_BYTES:
            return _refusal(400, f"request: more than {MAX_REQUEST_BYTES} bytes")
        try:
            asked = AddCheckpoint.parse(body)
            text = asked.note.rpartition("\n\n")[0] + "\n"
            head = read_head(text, empty_root_checked=False)
        except VerificationError as error:
            return _refusal(400, str(error))
        keys = [key for key in self.logs if key.name == head.origin]
        if not keys:
            return _refusal(404, "unknown log")
        try:
            signatures = split_note(asked.note)[1]
            found = [find_signature(text, signatures, key) for key in keys]
        except VerificationError as error:
            return _refusal(403, f"invalid signature: {error}")
        if not any(found):
            return _refusal(403, "no signature of a key that is trusted for this log")
        if asked.old_size > head.size:
            return _refusal(400, f"old size {asked.old_size} is above the size {head.size}")
        with self._lock, sole_writer(self.folder / LOCK_FILE, patience_s=PATIENCE_S):
            return self._judge(asked, text, signatures, head)

    def latest(self, origin_hash: str) -> bytes | None:
        """Return the newest head cosigned for the log whose name has this SHA-256; None when there is none."""
        if len(origin_hash) != 64 or not set(origin_hash) <= set("0123456789abcdef"):
            return None
        try:
            return (self.folder / SEEN_FOLDER / origin_hash).read_bytes()
        except FileNotFoundError:
            return None

    def _judge(self, asked: AddCheckpoint, text: str, signatures: list[NoteSignature], head: Head) -> Answer:
        path = self.folder / SEEN_FOLDER / hashlib.sha256(head.origin.encode()).hexdigest()
        seen = self._seen(path, head.origin)
        if asked.old_size != (seen.size if seen else 0):
            return Answer(409, SIZE_TYPE, f"{seen.size if seen else 0}\n".encode())
        if head.size == 0 and head.root != EMPTY_ROOT:
            return _refusal(422, "the root of an empty log is not SHA-256 of nothing")
        if seen and seen.size == head.size and seen.root != head.root:
            fork_of(path.read_text(encoding="utf-8"), asked.note).write(self.folder)
            return _refusal(422, "another root for the same size: the log shows two histories")
        try:
            old_root = seen.root if seen else EMPTY_ROOT
            verify_consistency(asked.old_size, head.size, old_root, head.root, asked.proof)
        except VerificationError as error:
            return _refusal(422, f"consistency proof: {error}")
        line = signature_line(text, self.signer, max(1, int(time.time())))
        kept = [
            one for one in signatures if any((k.name, k.key_id) == (one.name, one.key_id) for k in self.logs)
        ]
        note = f"{text}\n" + "".join(one.line() for one in kept)
        cosigned = with_signatures(note, [NoteSignature.parse(line.rstrip("\n"))])
        write_whole(path, cosigned.encode())
        return Answer(200, TEXT_TYPE, line.encode())

    def _seen(self, path: Path, origin: str) -> Checkpoint | None:
        try:
            note = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{path}: cannot be read ({error}); restore the witness's memory") from None
        try:
            text, signatures = split_note(note)
            mine = find_signature(text, signatures, self.signer.verifying_key())
            head = read_head(text)
        except VerificationError as error:
            raise CorpusError(f"{path}: damaged ({error}); restore the witness's memory") from None
        if mine is None or head.origin != origin:
            raise CorpusError(f"{path}: not a head of {origin} that this witness cosigned; restore it")
        return Checkpoint(head.origin, head.size, head.root)


def _refusal(status: int, reason: str) -> Answer:
    return Answer(status, TEXT_TYPE, f"{reason}\n".encode())


def _hash(line: str) -> bytes:
    try:
        digest = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError("request: a proof line that is not base64") from None
    if len(digest) != HASH_BYTES or base64.b64encode(digest).decode() != line:
        raise VerificationError(f"request: a proof line that is not {HASH_BYTES} bytes of canonical base64")
    return digest
