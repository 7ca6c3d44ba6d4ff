"""The line that a key is written as: its name, its id, its kind and its bytes; see `linernotes.auditlog.keys`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from linernotes.errors import InputError, VerificationError

ED25519 = 0x01
WITNESS_ED25519 = 0x04
ML_DSA_44 = 0x06
ALGORITHM_NAMES = {ED25519: "Ed25519", WITNESS_ED25519: "Ed25519 witness", ML_DSA_44: "ML-DSA-44"}
MAX_KEY_FILE_BYTES = 4096


def check_name(name: str) -> None:
    """Raise InputError unless *name* may name a key: not empty, no spaces, control characters or ``+``."""
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise InputError(f"key name {name!r}: expected a name such as example.org/log without spaces and '+'")


def encode(algorithm: int, material: bytes) -> str:
    """Return the last part of a key's line."""
    return base64.b64encode(bytes([algorithm]) + material).decode()


def split_line(line: str, what: str) -> tuple[str, int, int, bytes]:
    """Return name, key id, kind and material of a key's line; VerificationError when it is malformed."""
    fields = line.split("+", 2)
    if len(fields) != 3:
        raise VerificationError(f"{what}: expected NAME+KEYID+BASE64 on one line")
    name, key_id, encoded = fields
    try:
        check_name(name)
    except InputError as error:
        raise VerificationError(f"{what}: {error}") from None
    if len(key_id) != 8 or not set(key_id) <= set("0123456789abcdef"):
        raise VerificationError(f"{what} {name}: expected a key id of eight lower-case hexadecimal digits")
    try:
        material = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise VerificationError(f"{what} {name}: the part after the key id is not base64") from None
    if base64.b64encode(material).decode() != encoded:
        raise VerificationError(f"{what} {name}: the part after the key id is not canonical base64")
    if not material or material[0] not in ALGORITHM_NAMES:
        known = ", ".join(f"0x{byte:02x} {title}" for byte, title in ALGORITHM_NAMES.items())
        raise VerificationError(f"{what} {name}: of an unknown kind, expected one of {known}")
    return name, int(key_id, 16), material[0], material[1:]


def read_line(path: Path, what: str) -> str:
    """Return the one line of a key file; InputError when unreadable, VerificationError when it is another."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{what} {path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_KEY_FILE_BYTES or data.count(b"\n") != 1 or not data.endswith(b"\n"):
        raise VerificationError(f"{what} {path}: expected exactly one line that ends in a newline")
    try:
        return data[:-1].decode()
    except UnicodeDecodeError:
        raise VerificationError(f"{what} {path}: not UTF-8 text") from None
