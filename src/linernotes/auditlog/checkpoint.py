"""The signed head of a log: its name, how many entries it has, and their Merkle root.

References
----------
C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint), without extension lines.

Known limits
------------
One key signs, and its name must be the log's origin. Independent witnesses, who would notice a log that
shows different heads to different people, are not built.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.auditlog.merkle import EMPTY_ROOT, HASH_BYTES
from linernotes.auditlog.note import open_note, sign_note
from linernotes.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Head of a log.

    Parameters
    ----------
    origin : str
        Name of the log.
    size : int >= 0
        Number of entries.
    root : bytes [32 bytes]
        Merkle root over them.

    Examples
    --------
    >>> key = SigningKey.generate("example.org/log")
    >>> head = Checkpoint("example.org/log", 0, EMPTY_ROOT)
    >>> Checkpoint.open(head.sign(key), key.verifying_key()) == head
    True
    """

    origin: str
    size: int
    root: bytes

    def sign(self, key: SigningKey) -> str:
        """Return the checkpoint as a signed note."""
        return sign_note(f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n", key)

    @classmethod
    def open(cls, note: str, key: VerifyingKey) -> Checkpoint:
        """Check the signature of *key* and read the checkpoint.

        Raises
        ------
        VerificationError
            If the note is malformed, not signed by *key*, or not a checkpoint of the log that *key* names.
        """
        lines = open_note(note, key).split("\n")
        if len(lines) != 4:
            raise VerificationError("checkpoint: expected three lines: origin, size, root")
        origin, size, root = lines[0], _parse_size(lines[1]), _parse_root(lines[2])
        if origin != key.name:
            raise VerificationError(f"checkpoint: of log {origin}, the trusted key is that of log {key.name}")
        if size == 0 and root != EMPTY_ROOT:
            raise VerificationError("checkpoint: an empty log whose root is not SHA-256 of nothing")
        return cls(origin, size, root)


def _parse_size(line: str) -> int:
    if not line.isascii() or not line.isdecimal() or (line.startswith("0") and line != "0") or len(line) > 19:
        raise VerificationError(f"checkpoint: size {line[:40]!r}, expected a decimal number")
    return int(line)


def _parse_root(line: str) -> bytes:
    try:
        root = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError("checkpoint: the root is not base64") from None
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != line:
        raise VerificationError(f"checkpoint: the root is not {HASH_BYTES} bytes of canonical base64")
    return root
