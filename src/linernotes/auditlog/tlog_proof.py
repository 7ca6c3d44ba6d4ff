"""A proof of inclusion as C2SP's one text file, ``.tlog-proof``, and receipts written in that form.

::

    c2sp.org/tlog-proof@v1
    extra eyJib2R5Ijp7fSwia2luZCI6…
    index 2
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    linernotes.local/log-1f2e3d4c
    4
    …

The form itself leaves out what was logged. Ours puts the entry into ``extra``, so that the file is all that
a reader needs beside the key; any program that knows the form can check it, too.

References
----------
C2SP tlog-proof (https://c2sp.org/tlog-proof).

Known limits
------------
Nothing signs ``extra`` itself: it counts because its hash leads to the signed root.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.keys import VerifyingKey
from linernotes.auditlog.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from linernotes.auditlog.note import split_note
from linernotes.auditlog.signatures import read_head
from linernotes.errors import VerificationError

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_PROOF_HASHES = 64


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Proof that a leaf is in a log.

    Parameters
    ----------
    index : int >= 0
        Place of the leaf.
    hashes : tuple of bytes [32 bytes each]
        Sibling hashes, leaf to root.
    checkpoint : str
        The signed head.
    extra : bytes or None
        Whatever the writer added; ours is the entry.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def verify(self, leaf: bytes, key: VerifyingKey) -> Checkpoint:
        """Check that the entry of bytes *leaf* is in the log of *key*; return the head.

        Raises
        ------
        VerificationError
            With the reason, if it is not.
        """
        head = Checkpoint.open(self.checkpoint, key)
        verify_inclusion(leaf_hash(leaf), self.index, head.size, self.hashes, head.root)
        return head

    def to_text(self) -> str:
        """Return the file's text."""
        extra = "" if self.extra is None else f"extra {base64.b64encode(self.extra).decode()}\n"
        hashes = "".join(base64.b64encode(digest).decode() + "\n" for digest in self.hashes)
        return f"{HEADER}\n{extra}index {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        r"""Read a file's text.

        Raises
        ------
        VerificationError
            If it has not that form, to the byte.

        Examples
        --------
        >>> TlogProof.parse("c2sp.org/tlog-proof@v1\nindex 01\n")
        Traceback (most recent call last):
        ...
        linernotes.errors.VerificationError: tlog-proof: no empty line before the checkpoint
        """
        proof, blank, checkpoint = text.partition("\n\n")
        if not blank:
            raise VerificationError("tlog-proof: no empty line before the checkpoint")
        lines = proof.split("\n")
        if lines.pop(0) != HEADER:
            raise VerificationError(f"tlog-proof: expected {HEADER} in the first line")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _decode(lines.pop(0).removeprefix("extra "), "extra data")
        if not lines or not lines[0].startswith("index "):
            raise VerificationError("tlog-proof: no line with the index")
        index = _parse_index(lines.pop(0).removeprefix("index "))
        if len(lines) > MAX_PROOF_HASHES:
            raise VerificationError(f"tlog-proof: {len(lines)} hashes, expected at most {MAX_PROOF_HASHES}")
        hashes = tuple(_decode(line, "hash") for line in lines)
        if any(len(digest) != HASH_BYTES for digest in hashes):
            raise VerificationError(f"tlog-proof: a hash that is not {HASH_BYTES} bytes")
        read_head(split_note(checkpoint)[0])
        return cls(index, hashes, checkpoint, extra)


def _parse_index(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or (text.startswith("0") and text != "0") or len(text) > 19:
        raise VerificationError(f"tlog-proof: index {text[:40]!r}, expected a decimal number")
    return int(text)


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError(f"tlog-proof: {what} that is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise VerificationError(f"tlog-proof: {what} that is not canonical base64")
    return data
