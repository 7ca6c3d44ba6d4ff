"""Keys of logs and witnesses, as text that fits on one line.

A verifying key reads ``NAME+KEYID+BASE64`` and a signing key ``PRIVATE+KEY+NAME+KEYID+BASE64``,
where KEYID is eight hexadecimal digits and BASE64 holds one byte for the kind of signature before the
bytes of the key. The key id is the start of a hash over name and key: a mistyped key is noticed at once.

====  ==============================  ================  =============
byte  who signs what                  public key        private key
====  ==============================  ================  =============
0x01  a log, its notes; Ed25519       32 bytes          32-byte seed
0x04  a witness, with a time; Ed25519 32 bytes          32-byte seed
0x06  log or witness, with a time;    1,312 bytes       32-byte seed
      ML-DSA-44 (post-quantum)
====  ==============================  ================  =============

Conventions
-----------
A key file holds that line and one newline, nothing else. The signing key's file has mode 0600 and
is refused when others may read it.

References
----------
C2SP signed-note (https://c2sp.org/signed-note) and tlog-cosignature; the line format is that of Go's
golang.org/x/mod/sumdb/note. RFC 8032 (Ed25519), FIPS 204 (ML-DSA).

Known limits
------------
The signing key is not encrypted on disk. Who can read it can sign another history of the log;
receipts that are already out still expose that (`linernotes audit consistency`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from linernotes.auditlog import post_quantum
from linernotes.auditlog.files import write_whole
from linernotes.auditlog.key_lines import (
    ALGORITHM_NAMES,
    ED25519,
    ML_DSA_44,
    WITNESS_ED25519,
    check_name,
    encode,
    read_line,
    split_line,
)
from linernotes.errors import InputError, VerificationError

__all__ = [
    "ALGORITHM_NAMES",
    "ED25519",
    "ML_DSA_44",
    "SIGNING_KEY_FILE",
    "VERIFYING_KEY_FILE",
    "WITNESS_ED25519",
    "SigningKey",
    "VerifyingKey",
    "check_name",
    "generate_keys",
]

PUBLIC_BYTES = {ED25519: 32, WITNESS_ED25519: 32, ML_DSA_44: post_quantum.PUBLIC_BYTES}
SEED_BYTES = 32
PRIVATE_PREFIX = "PRIVATE+KEY+"
SIGNING_KEY_FILE = "log.key"
VERIFYING_KEY_FILE = "log.pub"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half: who may check.

    Parameters
    ----------
    name : str
        Name of the key and origin of the log; no spaces, no ``+``.
    public : bytes [32 bytes, or 1312 for ML-DSA-44]
        The public key.
    algorithm : int
        Kind of signature: `ED25519`, `WITNESS_ED25519` or `ML_DSA_44`.

    Examples
    --------
    >>> key = VerifyingKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    >>> key.name, f"{key.key_id:08x}"
    ('PeterNeumann', 'c74f20a3')
    """

    name: str
    public: bytes
    algorithm: int = ED25519

    @property
    def key_id(self) -> int:
        """Identifier of name and key, an unsigned 32-bit integer."""
        digest = hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()
        return int.from_bytes(digest[:4], "big")

    @classmethod
    def parse(cls, line: str) -> VerifyingKey:
        """Read a key from its line.

        Raises
        ------
        VerificationError
            If the line is not a well-formed key, or name, key id and key do not belong together.
        """
        name, key_id, algorithm, material = split_line(line, "verifying key")
        if len(material) != PUBLIC_BYTES[algorithm]:
            raise VerificationError(
                f"verifying key {name}: {len(material)} bytes, expected {PUBLIC_BYTES[algorithm]} "
                f"for {ALGORITHM_NAMES[algorithm]}"
            )
        key = cls(name, material, algorithm)
        if key_id != key.key_id:
            raise VerificationError(f"verifying key {name}: its key id {key_id:08x} is not that of its key")
        return key

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
        return cls.parse(read_line(Path(path), "verifying key"))

    def line(self) -> str:
        """Return the key as one line without a newline."""
        return f"{self.name}+{self.key_id:08x}+{encode(self.algorithm, self.public)}"

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether *signature* over exactly *message* was made with this key."""
        if self.algorithm == ML_DSA_44:
            return post_quantum.verify(self.public, message, signature)
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
        The private key.
    algorithm : int
        Kind of signature: `ED25519`, `WITNESS_ED25519` or `ML_DSA_44`.
    """

    name: str
    seed: bytes = field(repr=False)
    algorithm: int = ED25519

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> SigningKey:
        """Make a new key from the operating system's random source.

        Raises
        ------
        InputError
            If *name* is empty or holds a space, a control character or ``+``.
        MissingExtra
            If the installed `cryptography` does not know the algorithm.

        Examples
        --------
        >>> SigningKey.generate("example.org/log").verifying_key().name
        'example.org/log'
        """
        check_name(name)
        key = cls(name, os.urandom(SEED_BYTES), algorithm)
        key.verifying_key()
        return key

    @classmethod
    def parse(cls, line: str) -> SigningKey:
        """Read a key from its line; VerificationError when it is not well-formed."""
        if not line.startswith(PRIVATE_PREFIX):
            raise VerificationError(f"signing key: expected a line that begins with {PRIVATE_PREFIX}")
        name, key_id, algorithm, seed = split_line(line.removeprefix(PRIVATE_PREFIX), "signing key")
        if len(seed) != SEED_BYTES:
            raise VerificationError(f"signing key {name}: {len(seed)} bytes, expected {SEED_BYTES}")
        key = cls(name, seed, algorithm)
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
        line = read_line(path, "signing key")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise InputError(f"signing key {path}: others may read it; run 'chmod 600 {path}'")
        return cls.parse(line)

    def line(self) -> str:
        """Return the key as one line without a newline; keep it secret."""
        encoded = encode(self.algorithm, self.seed)
        return f"{PRIVATE_PREFIX}{self.name}+{self.verifying_key().key_id:08x}+{encoded}"

    def verifying_key(self) -> VerifyingKey:
        """Return the public half."""
        if self.algorithm == ML_DSA_44:
            return VerifyingKey(self.name, post_quantum.public_key(self.seed), self.algorithm)
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifyingKey(self.name, private.public_key().public_bytes_raw(), self.algorithm)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over exactly *message* [64 bytes, or 2420 for ML-DSA-44]."""
        if self.algorithm == ML_DSA_44:
            return post_quantum.sign(self.seed, message)
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def generate_keys(
    folder: Path | str, name: str, algorithm: int = ED25519, *, stem: str = "log"
) -> tuple[Path, Path]:
    """Write a new key pair into *folder*: ``log.key`` (mode 0600) and ``log.pub``.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    name : str
        Name of the key; for a log, its origin.
    algorithm : int
        `ED25519`, `WITNESS_ED25519` or `ML_DSA_44`.
    stem : str
        What the two files are called before their ending.

    Returns
    -------
    (Path, Path)
        The files of the signing key and of the verifying key.

    Raises
    ------
    InputError
        If the name is not usable or the folder already holds a signing key: keys are never overwritten.
    MissingExtra
        If the installed `cryptography` does not know the algorithm.
    """
    folder = Path(folder)
    private_path, public_path = folder / f"{stem}.key", folder / f"{stem}.pub"
    if private_path.exists():
        raise InputError(f"{private_path}: a signing key is already there; move it away to make a new one")
    key = SigningKey.generate(name, algorithm)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(public_path, (key.verifying_key().line() + "\n").encode())
        write_whole(private_path, (key.line() + "\n").encode(), mode=0o600)
    except OSError as error:
        raise InputError(
            f"{folder}: keys cannot be written there ({error.strerror}); choose another folder"
        ) from None
    return private_path, public_path
