"""Ed25519 keys of a log, as text that fits on one line.

A verifying key reads ``NAME+KEYID+BASE64`` and a signing key ``PRIVATE+KEY+NAME+KEYID+BASE64``,
where KEYID is eight hexadecimal digits and BASE64 holds the byte 0x01 (Ed25519) before the 32 bytes
of the key. The key id is the start of a hash over name and key, so a mistyped key is noticed at once.

Conventions
-----------
A key file holds that line and one newline, nothing else. The signing key's file has mode 0600 and
is refused when others may read it.

References
----------
C2SP signed-note (https://c2sp.org/signed-note); the line format is that of Go's
golang.org/x/mod/sumdb/note.

Known limits
------------
The signing key is not encrypted on disk. Who can read it can sign another history of the log;
receipts that are already out still expose that (`linernotes audit consistency`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from linernotes.auditlog.files import write_whole
from linernotes.errors import InputError, VerificationError

ED25519 = 0x01
KEY_BYTES = 32
PRIVATE_PREFIX = "PRIVATE+KEY+"
SIGNING_KEY_FILE = "log.key"
VERIFYING_KEY_FILE = "log.pub"
MAX_KEY_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half: who may check.

    Parameters
    ----------
    name : str
        Name of the key and origin of the log; no spaces, no ``+``.
    public : bytes [32 bytes]
        The Ed25519 public key.

    Examples
    --------
    >>> key = VerifyingKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    >>> key.name, f"{key.key_id:08x}"
    ('PeterNeumann', 'c74f20a3')
    """

    name: str
    public: bytes

    @property
    def key_id(self) -> int:
        """Identifier of name and key, an unsigned 32-bit integer."""
        return _key_id(self.name, self.public)

    @classmethod
    def parse(cls, line: str) -> VerifyingKey:
        """Read a key from its line.

        Raises
        ------
        VerificationError
            If the line is not a well-formed key, or name, key id and key do not belong together.
        """
        name, key_id, material = _split_line(line, "verifying key")
        if key_id != _key_id(name, material):
            raise VerificationError(f"verifying key {name}: its key id {key_id:08x} is not that of its key")
        return cls(name, material)

    @classmethod
    def load(cls, path: Path | str) -> VerifyingKey:
        """Read a key file.

        Raises
        ------
        InputError
            If the file cannot be read.
        VerificationError
            If it does not hold exactly one well-formed key.
        """
        return cls.parse(_read_line(Path(path), "verifying key"))

    def line(self) -> str:
        """Return the key as one line without a newline."""
        return f"{self.name}+{self.key_id:08x}+{_encode(self.public)}"

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether *signature* over *message* was made with this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half: who may write. Its seed never shows in ``repr``.

    Parameters
    ----------
    name : str
        Name of the key and origin of the log.
    seed : bytes [32 bytes]
        The Ed25519 private key.
    """

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> SigningKey:
        """Make a new key from the operating system's random source.

        Raises
        ------
        InputError
            If *name* is empty or holds a space, a control character or ``+``.

        Examples
        --------
        >>> SigningKey.generate("example.org/log").verifying_key().name
        'example.org/log'
        """
        check_name(name)
        return cls(name, os.urandom(KEY_BYTES))

    @classmethod
    def parse(cls, line: str) -> SigningKey:
        """Read a key from its line; VerificationError when it is not well-formed."""
        if not line.startswith(PRIVATE_PREFIX):
            raise VerificationError(f"signing key: expected a line that begins with {PRIVATE_PREFIX}")
        name, key_id, seed = _split_line(line.removeprefix(PRIVATE_PREFIX), "signing key")
        key = cls(name, seed)
        if key_id != key.verifying_key().key_id:
            raise VerificationError(f"signing key {name}: its key id {key_id:08x} is not that of its key")
        return key

    @classmethod
    def load(cls, path: Path | str) -> SigningKey:
        """Read a key file.

        Raises
        ------
        InputError
            If the file cannot be read, or others than its owner may read it.
        VerificationError
            If it does not hold exactly one well-formed key.
        """
        path = Path(path)
        line = _read_line(path, "signing key")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise InputError(f"signing key {path}: others may read it; run 'chmod 600 {path}'")
        return cls.parse(line)

    def line(self) -> str:
        """Return the key as one line without a newline; keep it secret."""
        return f"{PRIVATE_PREFIX}{self.name}+{self.verifying_key().key_id:08x}+{_encode(self.seed)}"

    def verifying_key(self) -> VerifyingKey:
        """Return the public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifyingKey(self.name, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message* [64 bytes]."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def generate_keys(folder: Path | str, name: str) -> tuple[Path, Path]:
    """Write a new key pair into *folder*: ``log.key`` (mode 0600) and ``log.pub``.

    Returns
    -------
    (Path, Path)
        The files of the signing key and of the verifying key.

    Raises
    ------
    InputError
        If the name is not usable or the folder already holds a signing key: keys are never overwritten.
    """
    folder = Path(folder)
    private_path, public_path = folder / SIGNING_KEY_FILE, folder / VERIFYING_KEY_FILE
    if private_path.exists():
        raise InputError(f"{private_path}: a signing key is already there; move it away to make a new one")
    key = SigningKey.generate(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(public_path, (key.verifying_key().line() + "\n").encode())
        write_whole(private_path, (key.line() + "\n").encode(), mode=0o600)
    except OSError as error:
        raise InputError(
            f"{folder}: keys cannot be written there ({error.strerror}); choose another folder"
        ) from None
    return private_path, public_path


def check_name(name: str) -> None:
    """Raise InputError unless *name* may name a key: not empty, no spaces, control characters or ``+``."""
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise InputError(f"key name {name!r}: expected a name such as example.org/log without spaces and '+'")


def _key_id(name: str, public: bytes) -> int:
    digest = hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public).digest()
    return int.from_bytes(digest[:4], "big")


def _encode(material: bytes) -> str:
    return base64.b64encode(bytes([ED25519]) + material).decode()


def _split_line(line: str, what: str) -> tuple[str, int, bytes]:
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
    if len(material) != 1 + KEY_BYTES or material[0] != ED25519:
        raise VerificationError(f"{what} {name}: not an Ed25519 key of {KEY_BYTES} bytes")
    return name, int(key_id, 16), material[1:]


def _read_line(path: Path, what: str) -> str:
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
