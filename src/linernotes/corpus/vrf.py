"""A verifiable random function: a keyed hash whose every value comes with a proof that it is the right one.

Idea
----
Whoever holds the secret key computes ``output(alpha)``, 64 bytes that look random to everybody else. With
``prove(alpha)`` goes an 80-byte proof; whoever knows the public key turns it into the same output, or
refuses it. For one public key and one input there is one output: the holder cannot lie about it. So a
stranger can check a position that he could never have computed, and trying a list of identifiers leads nowhere.

The suite is ECVRF-EDWARDS25519-SHA512-TAI. With the secret scalar x, Y = x·B and H the input hashed to the
curve (candidates SHA-512(0x03 ‖ 0x01 ‖ Y ‖ alpha ‖ counter ‖ 0x00)[:32], times the cofactor 8)::

    Gamma = x·H     k = SHA-512(upper half of SHA-512(seed) ‖ H) mod q      U = k·B     V = k·H
    c     = SHA-512(0x03 ‖ 0x02 ‖ Y ‖ H ‖ Gamma ‖ U ‖ V ‖ 0x00)[:16]        s = k + c·x mod q
    proof = Gamma ‖ c ‖ s (32 + 16 + 32 bytes, scalars little-endian)
    output = SHA-512(0x03 ‖ 0x03 ‖ 8·Gamma ‖ 0x00)

Cost
----
About 0.12 ms per output, 0.3 ms per proof and 0.35 ms per check, on libsodium.

References
----------
RFC 9381, "Verifiable Random Functions (VRFs)", sections 5 and 7, appendix B.3; RFC 8032 for the curve.

Known limits
------------
Hashing to the curve by trying takes a time that depends on the input: nobody may watch the clock of a
seal whose identifiers are secret. Points outside the prime-order group are refused, which is stricter than
the RFC asks for and no honest proof ever meets.
"""

from __future__ import annotations

import hashlib

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from linernotes.errors import InputError, VerificationError

SUITE = "ECVRF-EDWARDS25519-SHA512-TAI"
SEED_BYTES, KEY_BYTES, PROOF_BYTES, OUTPUT_BYTES = 32, 32, 80, 64

_SUITE_BYTE = b"\x03"
_ENCODE, _CHALLENGE, _OUTPUT = _SUITE_BYTE + b"\x01", _SUITE_BYTE + b"\x02", _SUITE_BYTE + b"\x03"
_BACK = b"\x00"
_ORDER = 2**252 + 27742317777372353535851937790883648493


class VrfKey:
    """The secret key: only its holder can compute outputs.

    Parameters
    ----------
    seed : bytes [length 32]
        The secret.

    Raises
    ------
    InputError
        If the seed has another length.

    Examples
    --------
    >>> key = VrfKey(bytes(32))
    >>> proof = key.prove(b"isrc GBAYE6900001")
    >>> verify(key.public, b"isrc GBAYE6900001", proof) == key.output(b"isrc GBAYE6900001")
    True
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InputError(f"VRF seed of {len(seed)} bytes; expected {SEED_BYTES}")
        halves = hashlib.sha512(seed).digest()
        clamped = bytes([halves[0] & 248, *halves[1:31], (halves[31] & 127) | 64])
        self._scalar = int.from_bytes(clamped, "little") % _ORDER
        self._nonce_prefix = halves[32:]
        self._scalar_bytes = _scalar_bytes(self._scalar)
        self._times_eight = _scalar_bytes(8 * self._scalar % _ORDER)
        self.public: bytes = sodium.crypto_scalarmult_ed25519_base_noclamp(self._scalar_bytes)

    def output(self, alpha: bytes) -> bytes:
        """Return the 64 bytes that belong to *alpha*, without a proof; the quicker way to seal."""
        point = _encode_to_curve(self.public, alpha)  # in the prime-order group: 8·(x·H) = (8x mod q)·H
        return _output_of(_times(self._times_eight, point))

    def prove(self, alpha: bytes) -> bytes:
        """Return the 80-byte proof of the output of *alpha*."""
        point = _encode_to_curve(self.public, alpha)
        gamma = _times(self._scalar_bytes, point)
        nonce = int.from_bytes(hashlib.sha512(self._nonce_prefix + point).digest(), "little") % _ORDER
        u = sodium.crypto_scalarmult_ed25519_base_noclamp(_scalar_bytes(nonce))
        v = _times(_scalar_bytes(nonce), point)
        challenge = _challenge(self.public, point, gamma, u, v)
        response = (nonce + int.from_bytes(challenge, "little") * self._scalar) % _ORDER
        return gamma + challenge + _scalar_bytes(response)


def output_from(proof: bytes) -> bytes:
    """Return the output that a proof of one's own shows, without checking it; `verify` checks a stranger's.

    Examples
    --------
    >>> key = VrfKey(bytes(32))
    >>> output_from(key.prove(b"isrc")) == key.output(b"isrc")
    True
    """
    return _output_of(_eight_times(proof[:32]))


def verify(public: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Check a proof and return the output that it shows.

    Parameters
    ----------
    public : bytes [length 32]
        Public key, from a source that the caller trusts.
    alpha : bytes
        The input.
    proof : bytes [length 80]
        From `VrfKey.prove`.

    Returns
    -------
    bytes [length 64]
        The one output of *alpha* under this key.

    Raises
    ------
    VerificationError
        If key or proof is malformed, or the proof is of another key or input.
    """
    if len(public) != KEY_BYTES or len(proof) != PROOF_BYTES:
        raise VerificationError(
            f"VRF: key of {len(public)} and proof of {len(proof)} bytes; expected {KEY_BYTES} and {PROOF_BYTES}"
        )
    gamma, challenge, response = proof[:32], proof[32:48], proof[48:]
    if int.from_bytes(response, "little") >= _ORDER:
        raise VerificationError("VRF: the proof's last part is no scalar below the group order")
    if not (_in_group(public) and _in_group(gamma)):
        raise VerificationError("VRF: the key or the proof holds no point of the curve's prime-order group")
    try:
        point = _encode_to_curve(public, alpha)
        c = challenge.ljust(32, b"\0")
        u = _minus(sodium.crypto_scalarmult_ed25519_base_noclamp(response), _times(c, public))
        v = _minus(_times(response, point), _times(c, gamma))
        output = _output_of(_eight_times(gamma))
    except CryptoError as error:  # a zero scalar or the neutral element: no honest proof holds one
        raise VerificationError("VRF: the proof leads to the neutral element; it is not honest") from error
    if _challenge(public, point, gamma, u, v) != challenge:
        raise VerificationError("VRF: the proof is not of this key and this input")
    return output


def _encode_to_curve(public: bytes, alpha: bytes) -> bytes:
    """Return H: the first candidate that is a point, times eight (RFC 9381, section 5.4.1.1)."""
    start = hashlib.sha512(_ENCODE + public + alpha)
    for counter in range(256):
        candidate = start.copy()
        candidate.update(bytes([counter]) + _BACK)
        try:
            return _eight_times(candidate.digest()[:32])
        except CryptoError:
            continue  # not a point: about every second candidate
    raise InputError("VRF: 256 candidates and no point; that has a chance of one in 2^256: check the library")


def _eight_times(point: bytes) -> bytes:
    for _ in range(3):  # additions: libsodium multiplies only points of the prime-order group
        point = sodium.crypto_core_ed25519_add(point, point)
    return point


def _challenge(*points: bytes) -> bytes:
    return hashlib.sha512(_CHALLENGE + b"".join(points) + _BACK).digest()[:16]


def _output_of(eight_gamma: bytes) -> bytes:
    return hashlib.sha512(_OUTPUT + eight_gamma + _BACK).digest()


def _times(scalar: bytes, point: bytes) -> bytes:
    return sodium.crypto_scalarmult_ed25519_noclamp(scalar, point)


def _minus(left: bytes, right: bytes) -> bytes:
    return sodium.crypto_core_ed25519_sub(left, right)


def _in_group(point: bytes) -> bool:
    return bool(sodium.crypto_core_ed25519_is_valid_point(point))


def _scalar_bytes(scalar: int) -> bytes:
    return scalar.to_bytes(32, "little")
