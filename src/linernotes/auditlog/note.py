"""Signed notes: a short text and, below a blank line, who signed it.

::

    linernotes.local/log-1f2e3d4c
    2
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — linernotes.local/log-1f2e3d4c Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJ…

Conventions
-----------
UTF-8, no control characters but newline. The signature is over the text with its last newline and
without the blank line. Base64 must be canonical, so that one signature has one spelling.

References
----------
C2SP signed-note (https://c2sp.org/signed-note), signature type 0x01.

Known limits
------------
Signatures of other types (witness cosignatures) are ignored, as the specification asks for unknown keys.
"""

from __future__ import annotations

import base64
import binascii

from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.errors import InputError, VerificationError

SIGNATURE_MARK = "\u2014 "
MAX_SIGNATURES = 100


def sign_note(text: str, key: SigningKey) -> str:
    r"""Return *text* with the signature of *key* below it.

    Raises
    ------
    InputError
        If *text* does not end in a newline or holds other control characters.

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
    signature = key.verifying_key().key_id.to_bytes(4, "big") + key.sign(text.encode())
    return f"{text}\n{SIGNATURE_MARK}{key.name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, key: VerifyingKey) -> str:
    """Return the text of *note* after checking that *key* signed it.

    Raises
    ------
    VerificationError
        If the note is malformed, *key* did not sign it, or its signature is wrong.
    """
    text, lines = _split(note)
    signatures = [_parse_signature(line) for line in lines]
    mine = [signature for name, key_id, signature in signatures if (name, key_id) == (key.name, key.key_id)]
    if not mine:
        names = ", ".join(f"{name}+{key_id:08x}" for name, key_id, _ in signatures)
        raise VerificationError(
            f"note: signed by {names}, not by the trusted key {key.name}+{key.key_id:08x}"
        )
    for signature in mine:
        if not key.verify(text.encode(), signature):
            raise VerificationError(
                f"note: the signature of {key.name}+{key.key_id:08x} does not fit the text"
            )
    return text


def _split(note: str) -> tuple[str, list[str]]:
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or _has_control_characters(note):
        raise VerificationError("note: malformed, expected text, a blank line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise VerificationError(f"note: {len(lines)} signatures, expected at most {MAX_SIGNATURES}")
    return text + "\n", lines


def _parse_signature(line: str) -> tuple[str, int, bytes]:
    fields = line.removeprefix(SIGNATURE_MARK).split(" ")
    if not line.startswith(SIGNATURE_MARK) or len(fields) != 2 or not fields[0] or "+" in fields[0]:
        raise VerificationError("note: malformed signature line, expected '— NAME BASE64'")
    try:
        data = base64.b64decode(fields[1], validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError(f"note: the signature of {fields[0]} is not base64") from None
    if len(data) < 5 or base64.b64encode(data).decode() != fields[1]:
        raise VerificationError(f"note: the signature of {fields[0]} is too short or not canonical base64")
    return fields[0], int.from_bytes(data[:4], "big"), data[4:]


def _has_control_characters(text: str) -> bool:
    return any(character < " " and character != "\n" for character in text)
