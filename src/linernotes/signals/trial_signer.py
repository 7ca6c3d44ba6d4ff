"""A signer for trying things out: its certificate says so, and no reader trusts it.

C2PA refuses certificates that sign themselves, so there are two: an authority that exists for this one purpose and is
thrown away, and the signer. Whoever reads a file signed with it sees ``signer-untrusted``.

References
----------
C2PA Technical Specification 2.4, "Credential types" (X.509 profile); RFC 5280.
"""

from __future__ import annotations

import datetime as dt

NAME = "Linernotes TEST signer - not trusted"
DAYS = 365


def make_trial_signer(now: dt.datetime | None = None, *, name: str = NAME) -> tuple[bytes, bytes, bytes]:
    """Return a certificate chain, its private key, and the authority's certificate, all PEM.

    Examples
    --------
    >>> chain, key, authority = make_trial_signer()
    >>> chain.count(b"BEGIN CERTIFICATE"), authority in chain
    (2, True)
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    begins = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(minutes=5)  # clocks differ
    ends = begins + dt.timedelta(days=DAYS)

    def entity(text: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Linernotes TEST, not trusted")
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), organisation])

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = entity("Linernotes TEST authority - not trusted")

    def builder(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, is_root: bool
    ) -> x509.CertificateBuilder:
        usage = x509.KeyUsage(not is_root, False, False, False, False, is_root, is_root, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(is_root, 0 if is_root else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    root = builder(root_name, root_key.public_key(), True).sign(root_key, hashes.SHA256())
    own = (
        builder(entity(name), key.public_key(), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own.public_bytes(pem) + root.public_bytes(pem), secret, root.public_bytes(pem)
