"""The VRF once more, in plain whole-number arithmetic and with nothing but the standard library.

It verifies and proves with both Edwards suites of RFC 9381: TAI, which the corpus map uses, and ELL2. A
proof takes some milliseconds. Points are extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, T = XY/Z.

References
----------
RFC 9381, sections 5.1 to 5.5; RFC 8032, section 5.1; RFC 9380, sections 5.3.1 and 6.7.1 and appendix G.2
(for ELL2); Hisil, Wong, Carter, Dawson (2008), "Twisted Edwards curves revisited" (addition).
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1
TAI, ELL2 = 3, 4

Point = tuple[int, int, int, int]


class BadProof(ValueError):
    """The proof does not hold."""


def add(a: Point, b: Point) -> Point:
    left = (a[1] - a[0]) * (b[1] - b[0]) % P
    right = (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = right - left, d - c, d + c, right + left
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def negative(point: Point) -> Point:
    return -point[0] % P, point[1], point[2], -point[3] % P


def is_neutral(point: Point) -> bool:
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def encode(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if len(data) != 32 or y >= P:
        raise BadProof("not the encoding of a point")
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = square_root(u * pow(v, -1, P) % P)
    if x is None or (x == 0 and sign):
        raise BadProof("not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def square_root(number: int) -> int | None:
    root = pow(number, (P + 3) // 8, P)
    for candidate in (root, root * ROOT % P):
        if (candidate * candidate - number) % P == 0:
            return candidate
    return None


BASE = decode(bytes.fromhex("58" + "66" * 31))


def encode_to_curve(suite: int, public: bytes, alpha: bytes) -> Point:
    if suite == ELL2:
        return elligator(public + alpha)
    for counter in range(256):
        data = bytes([suite, 1]) + public + alpha + bytes([counter, 0])
        try:
            point = times(8, decode(hashlib.sha512(data).digest()[:32]))
        except BadProof:
            continue
        if not is_neutral(point):
            return point
    raise BadProof("no point found")


def elligator(message: bytes) -> Point:
    tag = b"ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_\x04"
    suffix = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + b"\x00\x30\x00" + suffix).digest()
    u = int.from_bytes(hashlib.sha512(first + b"\x01" + suffix).digest()[:48], "big") % P
    x = -486662 * pow(1 + 2 * u * u, -1, P) % P  # on the Montgomery curve y² = x³ + 486662 x² + x
    y = square_root(x * (x * x + 486662 * x + 1) % P)
    odd = 1
    if y is None:
        x, odd = (-486662 - x) % P, 0
        y = square_root(x * (x * x + 486662 * x + 1) % P)
    if y is None:
        raise BadProof("no square among the two: this cannot be")
    if y & 1 != odd:
        y = P - y
    scale = square_root(-486664 % P) or 0
    if scale & 1:
        scale = P - scale
    if y == 0 or x == P - 1:
        return (0, 1, 1, 0)
    edwards_x, edwards_y = scale * x * pow(y, -1, P) % P, (x - 1) * pow(x + 1, -1, P) % P
    return times(8, (edwards_x, edwards_y, 1, edwards_x * edwards_y % P))


def challenge(suite: int, *points: bytes) -> int:
    data = bytes([suite, 2]) + b"".join(points) + b"\0"
    return int.from_bytes(hashlib.sha512(data).digest()[:16], "little")


def proof_to_hash(suite: int, gamma: Point) -> bytes:
    return hashlib.sha512(bytes([suite, 3]) + encode(times(8, gamma)) + b"\0").digest()


def prove(suite: int, seed: bytes, alpha: bytes) -> bytes:
    halves = hashlib.sha512(seed).digest()
    x = int.from_bytes(halves[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = encode(times(x, BASE))
    h = encode_to_curve(suite, public, alpha)
    k = int.from_bytes(hashlib.sha512(halves[32:] + encode(h)).digest(), "little") % Q
    gamma = encode(times(x, h))
    c = challenge(suite, public, encode(h), gamma, encode(times(k, BASE)), encode(times(k, h)))
    return gamma + c.to_bytes(16, "little") + ((k + c * x) % Q).to_bytes(32, "little")


def verify(suite: int, public: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Return the 64-byte output, or raise BadProof."""
    if len(public) != 32 or len(proof) != 80:
        raise BadProof("wrong length")
    y, gamma = decode(public), decode(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    if s >= Q:
        raise BadProof("scalar not below the group order")
    for point in (y, gamma):  # stricter than the RFC, as libsodium is: no parts of small order
        if is_neutral(point) or not is_neutral(times(Q, point)):
            raise BadProof("outside the prime-order group")
    h = encode_to_curve(suite, public, alpha)
    u = add(times(s, BASE), negative(times(c, y)))
    v = add(times(s, h), negative(times(c, gamma)))
    if challenge(suite, public, encode(h), proof[:32], encode(u), encode(v)) != c:
        raise BadProof("not of this key and this input")
    return proof_to_hash(suite, gamma)
