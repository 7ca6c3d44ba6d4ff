"""Signed notes: a short text and, below a blank line, who signed it.

::

    linernotes.local/log-1f2e3d4c
    2
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — linernotes.local/log-1f2e3d4c Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJ…
    — witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI…

Conventions
-----------
UTF-8, no control characters but newline. What is signed: see `linernotes.auditlog.signatures`. Base64
must be canonical, so that one signature has one spelling.

References
----------
C2SP signed-note (https://c2sp.org/signed-note).

Known limits
------------
Signatures of keys that the reader does not know are ignored, as the specification asks.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.auditlog.signatures import check_signature, make_signature
from linernotes.errors import InputError, VerificationError

SIGNATURE_MARK = "\u2014 "
MAX_SIGNATURES = 100


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line below a note.

    Parameters
    ----------
    name : str
        Name of the key.
    key_id : int
        Identifier of name and key.
    signature : bytes
        What follows the key id.
    """

    name: str
    key_id: int
    signature: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        data = self.key_id.to_bytes(4, "big") + self.signature
        return f"{SIGNATURE_MARK}{self.name} {base64.b64encode(data).decode()}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Read a line without its newline; VerificationError when it is malformed."""
        fields = line.removeprefix(SIGNATURE_MARK).split(" ")
        if not line.startswith(SIGNATURE_MARK) or len(fields) != 2 or not fields[0] or "+" in fields[0]:
            raise VerificationError("note: malformed signature line, expected '— NAME BASE64'")
        try:
            data = base64.b64decode(fields[1], validate=True)
        except (binascii.Error, ValueError):
            raise VerificationError(f"note: the signature of {fields[0]} is not base64") from None
        if len(data) < 5 or base64.b64encode(data).decode() != fields[1]:
            raise VerificationError(
                f"note: the signature of {fields[0]} is too short or not canonical base64"
            )
        return cls(fields[0], int.from_bytes(data[:4], "big"), data[4:])


def sign_note(text: str, *keys: SigningKey, timestamp: int | None = None) -> str:
    r"""Return *text* with the signatures of *keys* below it, in that order.

    Raises
    ------
    InputError
        If *text* does not end in a newline, holds other control characters, or is no checkpoint and a key
        signs only those.

    Examples
    --------
    >>> key = SigningKey.generate("example.org/log")
    >>> note = sign_note("hello\n", key)
    >>> open_note(note, key.verifying_key())
    'hello\n'
    """
    if not text.endswith("\n") or _has_control_characters(text):
        raise InputError(
            "note text: expected text that ends in a newline and holds no other control characters"
        )
    return f"{text}\n" + "".join(signature_line(text, key, timestamp) for key in keys)


def signature_line(text: str, key: SigningKey, timestamp: int | None = None) -> str:
    """Return the line, with its newline, that *key* puts below *text*."""
    signature = make_signature(text, key, timestamp)
    return NoteSignature(key.name, key.verifying_key().key_id, signature).line()


def open_note(note: str, key: VerifyingKey) -> str:
    """Return the text of *note* after checking that *key* signed it.

    Raises
    ------
    VerificationError
        If the note is malformed, *key* did not sign it, or its signature is wrong.
    """
    text, signatures = split_note(note)
    if find_signature(text, signatures, key) is None:
        names = ", ".join(f"{one.name}+{one.key_id:08x}" for one in signatures)
        raise VerificationError(
            f"note: signed by {names}, not by the trusted key {key.name}+{key.key_id:08x}"
        )
    return text


def find_signature(
    text: str, signatures: Iterable[NoteSignature], key: VerifyingKey
) -> tuple[NoteSignature, int | None] | None:
    """Return the signature of *key* and its time, or None where it is not among *signatures*.

    Raises
    ------
    VerificationError
        If *key*'s name and id are there with a signature that does not hold.
    """
    key_id, found = key.key_id, None
    for one in signatures:
        if (one.name, one.key_id) == (key.name, key_id):
            moment = check_signature(text, key, one.signature)
            found = found or (one, moment)
    return found


def split_note(note: str) -> tuple[str, list[NoteSignature]]:
    """Return the text and the signatures of a note, none of them checked.

    Raises
    ------
    VerificationError
        If the note is malformed.
    """
    try:
        note.encode()
    except UnicodeEncodeError:
        raise VerificationError("note: not UTF-8 text") from None
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or _has_control_characters(note):
        raise VerificationError("note: malformed, expected text, a blank line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise VerificationError(f"note: {len(lines)} signatures, expected at most {MAX_SIGNATURES}")
    return text + "\n", [NoteSignature.parse(line) for line in lines]


def with_signatures(note: str, added: Iterable[NoteSignature]) -> str:
    """Return *note* with *added* below it, each in place of an older one of the same key.

    Raises
    ------
    VerificationError
        If the note is malformed or would have too many signatures.
    """
    text, signatures = split_note(note)
    merged = {(one.name, one.key_id): one for one in [*signatures, *added]}
    if len(merged) > MAX_SIGNATURES:
        raise VerificationError(f"note: {len(merged)} signatures, expected at most {MAX_SIGNATURES}")
    return f"{text}\n" + "".join(one.line() for one in merged.values())


def _has_control_characters(text: str) -> bool:
    return any(character < " " and character != "\n" for character in text)
