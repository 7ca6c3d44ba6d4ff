"""One file that proves an entry is in the log, to be checked without us and without a network.

It holds the entry's exact bytes, its place, the sibling hashes up to the root, and the checkpoint that
the log's key signed. Whoever has that key from a source they trust needs nothing else. If the entry
names the SHA-256 of a file (a statement, a corpus seal), the file can be checked with it.

Conventions
-----------
The file is the RFC 8785 JSON of six fields and one newline; ``entry`` is a string with the entry's own
canonical JSON. Every byte counts: a receipt that says the same in another spelling is refused.

References
----------
RFC 6962; C2SP tlog-checkpoint. The same proof as a C2SP tlog-proof: `linernotes.auditlog.tlog_proof`.

Known limits
------------
A receipt shows that the entry was logged under that head. It does not show that the entry is true; that
the log shows the same head to everybody, only cosignatures show (`linernotes.auditlog.policy`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.canonical import canonical_json, parse_canonical_json
from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import MAX_ENTRY_BYTES, Entry
from linernotes.auditlog.files import write_whole
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import leaf_hash, verify_inclusion
from linernotes.auditlog.note import split_note
from linernotes.auditlog.signatures import read_head
from linernotes.auditlog.tlog_proof import HEADER, MAX_PROOF_HASHES, SUFFIX, TlogProof
from linernotes.errors import InputError, VerificationError

RECEIPT_REVISION = 1
MAX_RECEIPT_BYTES = 8 << 20
_FIELDS = {"receipt_revision", "origin", "entry", "leaf_index", "inclusion_proof", "checkpoint"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one entry is in a log.

    Parameters
    ----------
    origin : str
        Name of the log.
    entry : bytes
        The entry's canonical JSON.
    leaf_index : int >= 0
        Its place in the log.
    inclusion_proof : tuple of bytes [32 bytes each]
        Sibling hashes, leaf to root.
    checkpoint : str
        The signed head.
    """

    origin: str
    entry: bytes
    leaf_index: int
    inclusion_proof: tuple[bytes, ...]
    checkpoint: str

    def verify(self, key: VerifyingKey) -> Entry:
        """Return the entry, after checking signature, origin and inclusion.

        Raises
        ------
        VerificationError
            With the reason, if anything does not hold.
        """
        head = Checkpoint.open(self.checkpoint, key)
        if self.origin != head.origin:
            raise VerificationError(f"receipt: of log {self.origin}, its checkpoint is of log {head.origin}")
        entry = Entry.from_bytes(self.entry)
        verify_inclusion(leaf_hash(self.entry), self.leaf_index, head.size, self.inclusion_proof, head.root)
        return entry

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the receipt file."""
        return {
            "receipt_revision": RECEIPT_REVISION,
            "origin": self.origin,
            "entry": self.entry.decode(),
            "leaf_index": self.leaf_index,
            "inclusion_proof": [base64.b64encode(digest).decode() for digest in self.inclusion_proof],
            "checkpoint": self.checkpoint,
        }

    def to_bytes(self) -> bytes:
        """Return the bytes of the receipt file."""
        return canonical_json(self.as_json()) + b"\n"

    def to_tlog_proof(self) -> TlogProof:
        """Return the same proof in C2SP's form, with the entry as extra data."""
        return TlogProof(self.leaf_index, self.inclusion_proof, self.checkpoint, self.entry)

    @classmethod
    def from_tlog_proof(cls, proof: TlogProof, entry: bytes | None = None) -> Receipt:
        """Return *proof* as the receipt of *entry*, by default of the one in its extra data.

        Raises
        ------
        VerificationError
            If there is no entry, or it is too large to be one. That it is *the* entry shows when the
            receipt is verified.
        """
        data = proof.extra if entry is None else entry
        if data is None:
            raise VerificationError("tlog-proof: it does not hold the entry; give the entry's own bytes, too")
        if len(data) > MAX_ENTRY_BYTES:
            raise VerificationError(
                f"tlog-proof: an entry of {len(data)} bytes, expected at most {MAX_ENTRY_BYTES}"
            )
        try:
            data.decode()
        except UnicodeDecodeError:
            raise VerificationError("tlog-proof: its entry is not UTF-8 text") from None
        origin = read_head(split_note(proof.checkpoint)[0]).origin
        return cls(origin, data, proof.index, proof.hashes, proof.checkpoint)

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Read a receipt file's bytes.

        Raises
        ------
        VerificationError
            If they are not exactly what `to_bytes` writes.
        """
        if not data.endswith(b"\n"):
            raise VerificationError("receipt: does not end in a newline; it was cut short or edited")
        found = parse_canonical_json(data[:-1], "receipt")
        if not isinstance(found, dict) or set(found) != _FIELDS:
            raise VerificationError(f"receipt: expected exactly the fields {', '.join(sorted(_FIELDS))}")
        revision = found["receipt_revision"]
        if type(revision) is not int or revision != RECEIPT_REVISION:  # True == 1, and is another spelling
            raise VerificationError(
                f"receipt: revision {revision!r}, this program reads revision {RECEIPT_REVISION}"
            )
        index, proof = found["leaf_index"], found["inclusion_proof"]
        if type(index) is not int or index < 0:
            raise VerificationError(f"receipt: leaf index {index!r}, expected a whole number from 0")
        if not isinstance(proof, list) or len(proof) > MAX_PROOF_HASHES:
            raise VerificationError(f"receipt: expected a list of at most {MAX_PROOF_HASHES} proof hashes")
        if not all(isinstance(found[name], str) for name in ("origin", "entry", "checkpoint")):
            raise VerificationError("receipt: origin, entry and checkpoint must be text")
        hashes = tuple(_decode_hash(text) for text in proof)
        return cls(found["origin"], found["entry"].encode(), index, hashes, found["checkpoint"])

    @classmethod
    def load(cls, path: Path | str) -> Receipt:
        """Read a receipt file or a ``.tlog-proof`` that holds its entry.

        Raises
        ------
        InputError
            If the file cannot be read.
        VerificationError
            If it is damaged.
        """
        data = _read(Path(path), MAX_RECEIPT_BYTES)
        if not data.startswith(HEADER.encode()):
            return cls.from_bytes(data)
        try:
            return cls.from_tlog_proof(TlogProof.parse(data.decode()))
        except UnicodeDecodeError:
            raise VerificationError("tlog-proof: not UTF-8 text") from None

    def write(self, path: Path | str) -> None:
        """Write the receipt file, whole or not at all; as a tlog-proof where *path* ends in ``.tlog-proof``.

        Raises
        ------
        InputError
            If the place cannot be written to.
        """
        path = Path(path)
        data = self.to_tlog_proof().to_text().encode() if path.suffix == SUFFIX else self.to_bytes()
        try:
            write_whole(path, data)
        except OSError as error:
            raise InputError(
                f"receipt {path}: cannot be written ({error.strerror}); choose a file in a folder that exists"
            ) from None


def load_checkpoint_note(path: Path | str) -> str:
    """Return the signed head in a file: a receipt, a ``.tlog-proof``, or a checkpoint by itself.

    Raises
    ------
    InputError
        If the file cannot be read.
    VerificationError
        If it is damaged. The head's signature is not checked here.
    """
    data = _read(Path(path), MAX_RECEIPT_BYTES)
    if data.startswith((b"{", HEADER.encode())):
        return Receipt.load(path).checkpoint
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise VerificationError(f"{path}: not a receipt, and not UTF-8 text") from None
    split_note(note)
    return note


def verify_receipt(
    receipt_path: Path | str, key_path: Path | str, subject_file: Path | str | None = None
) -> Entry:
    """Check a receipt offline and return the entry that it proves.

    Parameters
    ----------
    receipt_path : path
        The receipt.
    key_path : path
        Verifying key of the log, from a source that the reader trusts.
    subject_file : path, optional
        The file that the entry is about; its SHA-256 must be the one in the entry.

    Raises
    ------
    InputError
        If a file cannot be read.
    VerificationError
        With the reason, if the receipt does not hold under the key, or the file is not the one logged.

    Examples
    --------
    >>> import tempfile
    >>> from linernotes.auditlog import AuditLog, SigningKey, generate_keys
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     private, public = generate_keys(folder, "example.org/log")
    ...     signer = SigningKey.load(private)
    ...     log = AuditLog.create(Path(folder) / "log", signer)
    ...     index = log.append(Entry("note", None, {"text": "hi"}), signer)
    ...     log.receipt(index).write(Path(folder) / "r.json")
    ...     verify_receipt(Path(folder) / "r.json", public).body
    {'text': 'hi'}
    """
    entry = Receipt.load(receipt_path).verify(VerifyingKey.load(key_path))
    if subject_file is not None:
        check_subject(entry, Path(subject_file))
    return entry


def check_subject(entry: Entry, path: Path) -> None:
    """Raise VerificationError unless *path* is the file whose SHA-256 *entry* names."""
    if entry.subject_sha256 is None:
        raise VerificationError(f"{path}: the entry names no file, so there is nothing to check it against")
    found = sha256_of_file(path)
    if found != entry.subject_sha256:
        raise VerificationError(f"{path}: its SHA-256 is {found}, the log recorded {entry.subject_sha256}")


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; InputError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _decode_hash(text: Any) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise VerificationError("receipt: a proof hash is not base64") from None
    if base64.b64encode(digest).decode() != text:
        raise VerificationError("receipt: a proof hash is not canonical base64")
    return digest


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > limit_bytes:
        raise InputError(f"{path}: larger than {limit_bytes} bytes, expected a receipt")
    return data
