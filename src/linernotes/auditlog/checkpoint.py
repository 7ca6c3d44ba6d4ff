"""The signed head of a log: its name, how many entries it has, and their Merkle root.

References
----------
C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint), without extension lines.

Known limits
------------
The key's name must be the log's origin. A head alone does not show that everybody sees the same one: that
is what witnesses sign for (`linernotes.auditlog.policy`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.auditlog.merkle import EMPTY_ROOT as EMPTY_ROOT  # the doctest and old callers find it here
from linernotes.auditlog.note import open_note, sign_note
from linernotes.auditlog.signatures import read_head
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

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, *keys: SigningKey, timestamp: int | None = None) -> str:
        """Return the checkpoint as a note signed by *keys*."""
        return sign_note(self.text(), *keys, timestamp=timestamp)

    @classmethod
    def open(cls, note: str, key: VerifyingKey) -> Checkpoint:
        """Check the signature of *key* and read the checkpoint.

        Raises
        ------
        VerificationError
            If the note is malformed, not signed by *key*, or not a checkpoint of the log that *key* names.
        """
        found = cls.read(open_note(note, key))
        if found.origin != key.name:
            raise VerificationError(
                f"checkpoint: of log {found.origin}, the trusted key is that of log {key.name}"
            )
        return found

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """Read the text of a note; whoever calls this has checked its signature.

        Raises
        ------
        VerificationError
            If it is not a checkpoint of three lines.
        """
        head = read_head(text)
        if head.extensions:
            raise VerificationError("checkpoint: expected three lines: origin, size, root")
        return cls(head.origin, head.size, head.root)
