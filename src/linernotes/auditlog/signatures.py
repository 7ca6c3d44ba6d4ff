"""What each kind of signature below a note signs: its text, or its text and a time.

====  ===================================================  ==========================
byte  the message                                          below the note, after the id
====  ===================================================  ==========================
0x01  the note's text                                      64 bytes of Ed25519
0x04  ``cosignature/v1``, ``time T``, the note's text      8 bytes of T, 64 of Ed25519
0x06  label, cosigner, T, origin, 0, size, root (binary)   8 bytes of T, 2420 of ML-DSA-44
====  ===================================================  ==========================

T is in seconds since 1970, big-endian where it is binary. A signature of kind 0x04 or 0x06 says: as of T,
this is the largest consistent tree of this log that I have seen.

References
----------
C2SP signed-note, tlog-checkpoint and tlog-cosignature (https://c2sp.org/tlog-cosignature).

Known limits
------------
Kind 0x06 does not cover extension lines of a checkpoint, so it is neither made nor accepted over a text
that has some.
"""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass

from linernotes.auditlog.keys import ED25519, ML_DSA_44, SigningKey, VerifyingKey
from linernotes.auditlog.merkle import EMPTY_ROOT, HASH_BYTES
from linernotes.errors import InputError, VerificationError

TIME_BYTES = 8
MAX_TIME = (1 << 63) - 1
SUBTREE_LABEL = b"subtree/v1\n\0"
MAX_SIZE_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Head:
    """What the text of a checkpoint says.

    Parameters
    ----------
    origin : str
        Name of the log.
    size : int >= 0
        Number of entries.
    root : bytes [32 bytes]
        Merkle root over them.
    extensions : tuple of str
        Further lines; ours has none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def read_head(text: str, *, empty_root_checked: bool = True) -> Head:
    r"""Read the text of a checkpoint.

    Parameters
    ----------
    text : str
        The text of a note.
    empty_root_checked : bool
        Whether a head of no entries must have the root of nothing; a witness answers that on its own.

    Raises
    ------
    VerificationError
        If it is not: origin, size without leading zeroes, root in canonical base64, each on its line.

    Examples
    --------
    >>> read_head("example.org/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").size
    0
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise VerificationError("checkpoint: expected three lines: origin, size, root")
    size, root = _parse_size(lines[1]), _parse_root(lines[2])
    if empty_root_checked and size == 0 and root != EMPTY_ROOT:
        raise VerificationError("checkpoint: an empty log whose root is not SHA-256 of nothing")
    return Head(lines[0], size, root, tuple(lines[3:-1]))


def make_signature(text: str, key: SigningKey, timestamp: int | None = None) -> bytes:
    """Return the bytes that stand below *text* after the key id.

    Parameters
    ----------
    text : str
        The note's text, with its last newline.
    key : SigningKey
        Who signs.
    timestamp : int, optional
        Seconds since 1970; now, by default. Unused by kind 0x01.

    Raises
    ------
    InputError
        If *key* signs checkpoints only and *text* is none.
    """
    if key.algorithm == ED25519:
        return key.sign(text.encode())
    moment = int(time.time()) if timestamp is None else timestamp
    try:
        message = signed_message(text, key.name, key.algorithm, moment)
    except VerificationError as error:
        raise InputError(f"the key {key.name} signs checkpoints only: {error}") from None
    return moment.to_bytes(TIME_BYTES, "big") + key.sign(message)


def check_signature(text: str, key: VerifyingKey, signature: bytes) -> int | None:
    """Check one signature below *text*; return its time in seconds since 1970, None for kind 0x01.

    Raises
    ------
    VerificationError
        If it does not hold.
    """
    moment, message, proper = None, text.encode(), signature
    if key.algorithm != ED25519:
        moment, proper = int.from_bytes(signature[:TIME_BYTES], "big"), signature[TIME_BYTES:]
        if moment > MAX_TIME:
            raise VerificationError(f"note: the signature of {key.name} has a time beyond 2**63 - 1")
        message = signed_message(text, key.name, key.algorithm, moment)
    if not key.verify(message, proper):
        raise VerificationError(f"note: the signature of {key.name}+{key.key_id:08x} does not fit the text")
    return moment


def signed_message(text: str, key_name: str, algorithm: int, timestamp: int) -> bytes:
    r"""Return the message under a signature of kind 0x04 or 0x06.

    Raises
    ------
    VerificationError
        If *text* is not a checkpoint that this kind can cover.

    Examples
    --------
    >>> text = "example.org/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    >>> signed_message(text, "witness.example/w", 0x04, 1679315147).split(b"\n")[:2]
    [b'cosignature/v1', b'time 1679315147']
    """
    head = read_head(text, empty_root_checked=False)
    if algorithm != ML_DSA_44:
        return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    if head.extensions:
        raise VerificationError("checkpoint: ML-DSA-44 signatures do not cover extension lines")
    return b"".join(
        [
            SUBTREE_LABEL,
            _prefixed(key_name, "key name"),
            timestamp.to_bytes(8, "big"),
            _prefixed(head.origin, "origin"),
            (0).to_bytes(8, "big"),
            head.size.to_bytes(8, "big"),
            head.root,
        ]
    )


def _prefixed(text: str, what: str) -> bytes:
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise VerificationError(f"checkpoint: a {what} of {len(data)} bytes, expected 1 to 255")
    return bytes([len(data)]) + data


def _parse_size(line: str) -> int:
    if (
        not line.isascii()
        or not line.isdecimal()
        or (line.startswith("0") and line != "0")
        or len(line) > MAX_SIZE_DIGITS
    ):
        raise VerificationError(f"checkpoint: size {line[:40]!r}, expected a decimal number")
    size = int(line)
    if size > MAX_TIME:
        raise VerificationError(f"checkpoint: size {size}, expected at most 2**63 - 1")
    return size


def _parse_root(line: str) -> bytes:
    try:
        root = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError("checkpoint: the root is not base64") from None
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != line:
        raise VerificationError(f"checkpoint: the root is not {HASH_BYTES} bytes of canonical base64")
    return root
