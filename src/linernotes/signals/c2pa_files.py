"""Content credentials inside audio files: read with the C2PA library, and written with a signer's certificate.

WAV, FLAC, MP3 and M4A carry them; the library binds the bytes of the sound with a hash, so that a changed sound is
seen. Nothing is fetched from the network: remote manifests and revocation lists are left alone.

Conventions
-----------
A file is judged by its first bytes, not its suffix. Signing algorithms follow the key: ES256, ES384, ES512, PS256 or
Ed25519.

References
----------
C2PA Technical Specification 2.4; c2pa-python (the library's Python binding, extra ``credentials``).

Known limits
------------
Without a time-stamping authority a credential says nothing about when it was made beyond the certificate's days.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from linernotes.errors import InputError
from linernotes.signals.c2pa_manifest import ManifestStore, parse_manifest_store

CONTAINERS = {"audio/wav": "WAV", "audio/flac": "FLAC", "audio/mpeg": "MP3", "audio/mp4": "M4A"}
_NO_MANIFEST = ("ManifestNotFound", "no JUMBF data found", "JumbfNotFound")


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate chain and its private key, both PEM; the signer's own certificate comes first."""

    certificates: bytes
    private_key: bytes
    algorithm: str
    name: str


def can_read() -> bool:
    """Say whether the C2PA library is installed (``linernotes[credentials]``).

    Examples
    --------
    >>> can_read() in (True, False)
    True
    """
    return find_spec("c2pa") is not None


def media_type(path: Path) -> str:
    """Return the media type of an audio file that can carry credentials.

    Raises
    ------
    InputError
        If the file cannot be read, or is none of WAV, FLAC, MP3 and M4A.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return "audio/mpeg"
    raise InputError(f"{path}: carries no content credentials; expected {', '.join(CONTAINERS.values())}")


def read_manifest(path: Path, trust_anchors: bytes | None = None) -> ManifestStore | None:
    """Return the credentials of a file, or None where it has none.

    Parameters
    ----------
    path : Path
        Audio file.
    trust_anchors : bytes, optional
        PEM certificates of the authorities that the reader trusts.

    Raises
    ------
    InputError
        If the file cannot be read, cannot carry credentials, or its manifest is damaged beyond reading.
    """
    import c2pa

    kind = media_type(path)
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if trust_anchors is not None:
        settings["trust"] = {"user_anchors": trust_anchors.decode("ascii", "replace")}
    try:
        with (
            path.open("rb") as stream,
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(kind, stream, context=context) as reader,
        ):
            report = reader.json()
    except c2pa.C2paError as error:
        if any(word in f"{type(error).__name__} {error}" for word in _NO_MANIFEST):
            return None
        raise InputError(f"{path}: its content credentials cannot be read ({_line(error)})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_manifest_store(report)


def write_manifest(source: Path, out: Path, manifest: Mapping[str, Any], signer: Signer) -> None:
    """Write a copy of *source* with credentials to *out*, whole or not at all.

    Raises
    ------
    InputError
        If the file cannot carry credentials, or the library refuses certificate or manifest.
    """
    import c2pa

    kind = media_type(source)
    info = c2pa.C2paSignerInfo(signer.algorithm.encode(), signer.certificates, signer.private_key, None)
    partial = out.with_name(f"{out.name}.partial")
    try:
        with (
            c2pa.Signer.from_info(info) as key,
            c2pa.Builder(json.dumps(manifest)) as builder,
            source.open("rb") as given,
            partial.open("w+b") as taken,
        ):
            builder.sign(key, kind, given, taken)
            taken.flush()
            os.fsync(taken.fileno())
        os.replace(partial, out)
    except c2pa.C2paError as error:
        raise InputError(f"{out}: credentials could not be written ({_line(error)})") from None
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror}); choose a folder that exists"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def load_signer(certificates: Path, private_key: Path, today: dt.datetime | None = None) -> Signer:
    """Read a signer's chain and key, and check that they belong together and are in date.

    Raises
    ------
    InputError
        If a file is no PEM, the key is encrypted or of another certificate, or the certificate is out of date.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    chain, key_bytes = _bytes(certificates), _bytes(private_key)
    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
        key = serialization.load_pem_private_key(key_bytes, password=None)
        its_key, name = certificate.public_key(), certificate.subject.rfc4514_string()
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"signer {certificates}, {private_key}: {_line(error)}; expected a PEM chain and an unencrypted PEM key"
        ) from None
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*spki) != its_key.public_bytes(*spki):
        raise InputError(
            f"signer: the key {private_key} is not that of the first certificate in {certificates}"
        )
    now = today or dt.datetime.now(dt.UTC)
    if not begins <= now <= ends:
        raise InputError(f"signer {certificates}: holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}; renew it")
    return Signer(chain, key_bytes, _algorithm(key, private_key), name)


def _algorithm(key: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if key.curve.name in curves:
            return curves[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise InputError(
        f"{path}: expected a key on P-256, P-384 or P-521, an Ed25519 key, or RSA of 2048 bits or more"
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()[: 1 << 20]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
