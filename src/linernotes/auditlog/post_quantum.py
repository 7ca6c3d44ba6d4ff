"""ML-DSA-44 (FIPS 204) from `cryptography`: a signature that a quantum computer would not break.

Only this file names the module, so that a log under Ed25519 works with any `cryptography`, and one that
is too old for ML-DSA fails with one sentence.

Conventions
-----------
The private key is the 32-byte seed of FIPS 204, the public key 1,312 bytes, a signature 2,420. The
context string is empty, as C2SP tlog-cosignature has it.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from linernotes.errors import MissingExtra

PUBLIC_BYTES = 1312
SIGNATURE_BYTES = 2420


def public_key(seed: bytes) -> bytes:
    """Return the public key of a private one [1312 bytes].

    Raises
    ------
    MissingExtra
        If the installed `cryptography` has no ML-DSA-44.

    Examples
    --------
    >>> len(public_key(bytes(32)))
    1312
    """
    module = _module()
    try:
        return bytes(module.MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw())
    except module.UnsupportedAlgorithm as error:
        raise _missing(str(error)) from None


def sign(seed: bytes, message: bytes) -> bytes:
    """Return a signature over *message* [2420 bytes]; it differs from call to call."""
    return bytes(_module().MLDSA44PrivateKey.from_seed_bytes(seed).sign(message))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether *signature* over *message* was made with the private half of *public*.

    Raises
    ------
    MissingExtra
        If the installed `cryptography` has no ML-DSA-44.
    """
    from cryptography.exceptions import InvalidSignature

    module = _module()
    try:
        module.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    except module.UnsupportedAlgorithm as error:
        raise _missing(str(error)) from None
    return True


def _module() -> ModuleType:
    try:
        return importlib.import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
    except ImportError as error:
        raise _missing(str(error)) from None


def _missing(reason: str) -> MissingExtra:
    return MissingExtra(
        f"ML-DSA-44 is not in the installed 'cryptography' ({reason}); "
        "run: pip install 'cryptography>=50', or use an Ed25519 key"
    )
