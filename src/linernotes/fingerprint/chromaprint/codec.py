"""The compressed form of a fingerprint: what ``fpcalc`` prints and AcoustID takes.

Neighbouring sub-fingerprints differ in few bits. Each is written as the exclusive or with the one
before (the first with 0), and that as the gaps between its set bits, counted from the lowest bit, with
a 0 behind the last. A gap below 7 takes three bits; a longer one is written as 7, and what it has
beyond 7 follows in five bits, in a second list behind the first. A header of four bytes comes before:
the algorithm, and the number of sub-fingerprints, high byte first. The bytes are printed as
URL-safe base64 without padding.

Conventions
-----------
Both lists are packed from the lowest bit of the first byte upward, each list in whole bytes.

Cost
----
A fingerprint of two minutes is read in 0.3 ms and written in 0.7 ms.

References
----------
The format is the one of Chromaprint 1.x (https://github.com/acoustid/chromaprint); the tests hold
strings that its own ``fpcalc`` printed.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.prints import MAX_LENGTH, Chromaprint

HEADER_BYTES = 4
NORMAL_BITS, EXCEPTION_BITS = 3, 5
LONG_GAP = (1 << NORMAL_BITS) - 1
WORD_BITS = 32

_SHOWN = 24  # characters of a wrong string that a message repeats


def encode(fingerprint: Chromaprint) -> str:
    """Return the compressed form of a fingerprint.

    Parameters
    ----------
    fingerprint : Chromaprint
        Any values, any algorithm.

    Returns
    -------
    str
        URL-safe base64 without padding.

    Raises
    ------
    InputError
        If there are more values than the header can count (16,777,215, about 24 days of audio).

    Examples
    --------
    >>> encode(Chromaprint.of([1], algorithm=0))
    'AAAAAQE'
    """
    return base64.urlsafe_b64encode(to_bytes(fingerprint)).rstrip(b"=").decode("ascii")


def decode(text: str) -> Chromaprint:
    """Read the compressed form of a fingerprint.

    Parameters
    ----------
    text : str
        What ``fpcalc`` prints after ``FINGERPRINT=``; outer white space and padding are allowed.

    Returns
    -------
    Chromaprint
        Values and algorithm.

    Raises
    ------
    InputError
        If the string is not URL-safe base64, is cut off or too long, or names bits beyond 32.

    Examples
    --------
    >>> decode("AAAAAQE").values.tolist(), decode("AAAAAQE").algorithm
    ([1], 0)
    """
    bare = text.strip().rstrip("=")
    if not bare:
        raise _malformed(text, "it is empty")
    try:
        encoded = bare.encode("ascii")
        # the plain alphabet's two other characters would be passed over in silence
        if b"+" in encoded or b"/" in encoded:
            raise binascii.Error("plain base64")
        data = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise _malformed(text, "it is not URL-safe base64 (letters, digits, '-' and '_')") from error
    try:
        return from_bytes(data)
    except InputError as error:
        raise _malformed(text, str(error)) from error


def to_bytes(fingerprint: Chromaprint) -> bytes:
    """Return the compressed bytes of a fingerprint, header first.

    Raises
    ------
    InputError
        If there are more values than the header can count.

    Examples
    --------
    >>> to_bytes(Chromaprint.of([1, 0])).hex()
    '010000024100'
    """
    values = fingerprint.values
    if len(values) > MAX_LENGTH:
        raise InputError(
            f"fingerprint of {len(values)} values: the format counts up to {MAX_LENGTH}; split the audio"
        )
    gaps = _gaps(values)
    header = bytes([fingerprint.algorithm]) + len(values).to_bytes(3, "big")
    beyond = gaps[gaps >= LONG_GAP] - LONG_GAP
    return header + _pack(np.minimum(gaps, LONG_GAP), NORMAL_BITS) + _pack(beyond, EXCEPTION_BITS)


def from_bytes(data: bytes) -> Chromaprint:
    """Read the compressed bytes of a fingerprint.

    Raises
    ------
    InputError
        If the bytes are cut off, too many, or name bits beyond 32.

    Examples
    --------
    >>> from_bytes(bytes.fromhex("010000024100")).values.tolist()
    [1, 0]
    """
    if len(data) < HEADER_BYTES:
        raise InputError(f"it holds {len(data)} bytes, fewer than its header of {HEADER_BYTES}")
    n_values = int.from_bytes(data[1:HEADER_BYTES], "big")
    body = data[HEADER_BYTES:]
    cut = f"it is cut off: its header promises {n_values} values"
    normal = _unpack(body, NORMAL_BITS)
    ends = np.flatnonzero(normal == 0)[:n_values]
    if len(ends) < n_values:
        raise InputError(f"{cut}, {len(ends)} are whole")
    gaps = normal[: ends[-1] + 1 if n_values else 0].astype(np.int64)
    long_ones = np.flatnonzero(gaps == LONG_GAP)
    first = _packed_size(len(gaps), NORMAL_BITS)
    expected = first + _packed_size(len(long_ones), EXCEPTION_BITS)
    if len(body) < expected:
        raise InputError(f"{cut}; it holds {len(data)} bytes of {HEADER_BYTES + expected}")
    if len(body) > expected:
        raise InputError(
            f"{len(body) - expected} bytes follow its end; its header promises {n_values} values"
        )
    gaps[long_ones] += _unpack(body[first:], EXCEPTION_BITS)[: len(long_ones)]
    return Chromaprint(_values(gaps, ends), data[0])


def _gaps(values: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the gaps between set bits of each change, each row of them closed by a 0."""
    changes = values.copy()
    changes[1:] ^= values[:-1]
    little = np.ascontiguousarray(changes, "<u4").view(np.uint8)
    rows, bits = np.nonzero(np.unpackbits(little, bitorder="little").reshape(-1, WORD_BITS))
    previous = np.concatenate([[-1], bits[:-1]])
    previous[np.flatnonzero(np.diff(rows, prepend=-1))] = -1  # a row counts from below its lowest bit
    gaps = np.zeros(len(bits) + len(values), np.uint8)
    gaps[np.arange(len(bits)) + rows] = bits - previous[: len(bits)]
    return gaps


def _values(gaps: NDArray[np.int64], ends: NDArray[np.intp]) -> NDArray[np.uint32]:
    """Undo `_gaps`."""
    if not len(gaps):
        return np.zeros(0, np.uint32)
    total = np.cumsum(gaps)
    row = np.searchsorted(ends, np.arange(len(gaps)))
    before = np.concatenate([[0], total[ends[:-1]]])
    bits = total - before[row]
    inner = gaps > 0
    if inner.any() and bits[inner].max() > WORD_BITS:
        raise InputError(f"value {int(row[inner][bits[inner].argmax()])} has a bit beyond {WORD_BITS}")
    changes = np.zeros(len(ends), np.uint32)
    np.bitwise_xor.at(changes, row[inner], np.uint32(1) << (bits[inner] - 1).astype(np.uint32))
    return np.bitwise_xor.accumulate(changes)


def _pack(numbers: NDArray[np.uint8], n_bits: int) -> bytes:
    bits = np.unpackbits(numbers.reshape(-1, 1), axis=1, bitorder="little", count=n_bits)
    return np.packbits(bits.ravel(), bitorder="little").tobytes()


def _unpack(data: bytes, n_bits: int) -> NDArray[np.uint8]:
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    whole = bits[: len(bits) // n_bits * n_bits].reshape(-1, n_bits)
    return np.packbits(whole, axis=1, bitorder="little").ravel()


def _packed_size(n: int, n_bits: int) -> int:
    return (n * n_bits + 7) // 8


def _malformed(text: str, why: str) -> InputError:
    bare = " ".join(text.split())
    shown = bare if len(bare) <= _SHOWN else bare[:_SHOWN] + "…"
    shown = "".join(c if c.isprintable() else "?" for c in shown)
    return InputError(
        f"fingerprint '{shown}' ({len(bare)} characters): {why}; "
        "expected a compressed Chromaprint string, as fpcalc prints it"
    )
