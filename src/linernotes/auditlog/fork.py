"""Two signed heads that cannot both be true, kept in a file for whoever must see them.

Each head was signed by the log. If one says other than the other about the same entries, the log showed
two histories: nobody else can have made that up. The file holds both as they were signed, and, where the
sizes differ, the hashes that show what the larger one says about the size of the smaller.

Known limits
------------
A smaller head after a larger one (``rollback``) is not by itself a second history: it may be an old copy.
It is kept, and refused, all the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.auditlog.canonical import canonical_json, parse_canonical_json
from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import utc_now
from linernotes.auditlog.files import write_whole
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import HASH_BYTES, verify_consistency
from linernotes.auditlog.tlog_proof import MAX_PROOF_HASHES
from linernotes.errors import InputError, VerificationError

EVIDENCE_SUFFIX = ".evidence.json"
MAX_EVIDENCE_BYTES = 4 << 20
_FIELDS = {"kind", "sentence", "found_at", "held", "offered", "root_at_held_size", "consistency_proof"}
SENTENCES = {
    "fork": "Both heads are signed by the log, and they disagree about the same entries: two histories.",
    "rollback": "Both heads are signed by the log, and the later one shown has fewer entries.",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two heads of one log that do not belong together.

    Parameters
    ----------
    kind : str
        ``fork`` or ``rollback``.
    held, offered : str
        The signed heads: the one that was accepted before, and the one that was refused.
    root_at_held_size : bytes or None
        For a fork of different sizes: the root that the larger head has for the size of the smaller.
    proof : tuple of bytes
        Consistency proof from that root to the larger head.
    """

    kind: str
    held: str
    offered: str
    root_at_held_size: bytes | None = None
    proof: tuple[bytes, ...] = ()

    def write(self, folder: Path) -> Path:
        """Write the evidence into *folder*, under a name of its own; once, however often it is found."""
        digest = hashlib.sha256((self.held + self.offered).encode()).hexdigest()
        path = folder / f"{self.kind}-{digest[:16]}{EVIDENCE_SUFFIX}"
        if not path.exists():
            write_whole(path, canonical_json(self.as_json()) + b"\n")
        return path

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the file."""
        root = self.root_at_held_size
        return {
            "kind": self.kind,
            "sentence": SENTENCES[self.kind],
            "found_at": utc_now(),
            "held": self.held,
            "offered": self.offered,
            "root_at_held_size": None if root is None else base64.b64encode(root).decode(),
            "consistency_proof": [base64.b64encode(digest).decode() for digest in self.proof],
        }

    @classmethod
    def load(cls, path: Path | str) -> Evidence:
        """Read a file of `write`.

        Raises
        ------
        InputError
            If it cannot be read.
        VerificationError
            If it is not one.
        """
        try:
            with Path(path).open("rb") as stream:
                data = stream.read(MAX_EVIDENCE_BYTES + 1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        return cls.from_bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> Evidence:
        """Read the bytes of a file of `write`; VerificationError when they are not exactly one."""
        if len(data) > MAX_EVIDENCE_BYTES or not data.endswith(b"\n"):
            raise VerificationError("evidence: expected one line of canonical JSON")
        found = parse_canonical_json(data[:-1], "evidence")
        if not isinstance(found, dict) or found.keys() != _FIELDS:
            raise VerificationError(f"evidence: expected exactly the fields {', '.join(sorted(_FIELDS))}")
        proof, texts = found["consistency_proof"], (found["held"], found["offered"])
        if found["kind"] not in SENTENCES or not all(isinstance(text, str) for text in texts):
            raise VerificationError("evidence: not of a fork or rollback, or its heads are not text")
        if not isinstance(proof, list) or len(proof) > MAX_PROOF_HASHES:
            raise VerificationError(f"evidence: expected a list of at most {MAX_PROOF_HASHES} hashes")
        root = found["root_at_held_size"]
        hashes = tuple(_decode(text) for text in proof)
        return cls(found["kind"], *texts, None if root is None else _decode(root), hashes)

    def check(self, key: VerifyingKey) -> None:
        """Check that this shows what it says, under the log's key.

        Raises
        ------
        VerificationError
            If it does not.
        """
        held, offered = Checkpoint.open(self.held, key), Checkpoint.open(self.offered, key)
        if self.kind == "rollback":
            if offered.size >= held.size:
                raise VerificationError("evidence: the head offered is not the smaller one")
            return
        root = offered.root if self.root_at_held_size is None else self.root_at_held_size
        if self.root_at_held_size is None and held.size != offered.size:
            raise VerificationError("evidence: heads of different sizes, and nothing that joins them")
        verify_consistency(held.size, offered.size, root, offered.root, list(self.proof))
        if root == held.root:
            raise VerificationError("evidence: the two heads agree")


def _decode(text: Any) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise VerificationError("evidence: a hash is not base64") from None
    if len(digest) != HASH_BYTES or base64.b64encode(digest).decode() != text:
        raise VerificationError(f"evidence: a hash is not {HASH_BYTES} bytes of canonical base64")
    return digest


def fork_of(held: str, offered: str, root: bytes | None = None, proof: Sequence[bytes] = ()) -> Evidence:
    """Return the evidence of a fork; *root* and *proof* as in `Evidence`."""
    return Evidence("fork", held, offered, root, tuple(proof))
