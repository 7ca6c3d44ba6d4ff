"""The file of a presence proof, byte by byte: one proof has one spelling.

::

    proof   = "LNP3" ‖ header ‖ exact ‖ sketch ‖ opened
    header  = kinds (1: bit i for the i-th kind, bit 7 when there is a previous root) ‖ n_items (6) ‖ n_exact_keys (6)
              ‖ n_sketch_keys (6) ‖ training day (4: year, 2, month, day; zeros for none) ‖ manifest_root (32)
              ‖ exact_root (28) ‖ sketch_root (28) ‖ vrf_public (32) ‖ previous_root (32, or nothing)
    exact   = n_keys (1) ‖ keys ‖ VRF proofs (80 each, in the order of the keys) ‖ buckets ‖ siblings
    sketch  = n_keys (1) ‖ keys (8 each) ‖ VRF proofs (80 per distinct beginning, in order) ‖ buckets ‖ siblings
    key     = kind (1: its place, from 0) ‖ 32 bytes of a hash | 12 characters of an ISRC | 11 of an ISWC | 16 bytes
              of an MBID | length (1) ‖ the characters of an ISCC after "ISCC:"
    buckets = n (1) ‖ each: n_entries (2) ‖ entries, in the order of the buckets' numbers
    siblings= n (2) ‖ 28 bytes each
    opened  = n (1) ‖ each: item number (6) ‖ length (4) ‖ leaf ‖ n (1) ‖ 32 bytes each, from below

Conventions
-----------
Integers are unsigned, the highest byte first. Keys ascend as bytes, opened items by number, each once. Nothing follows
the last field. What follows from the rest (the root, what is present, what was not checked) is not written.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import EXACT_WIDTH, HASH_BYTES, SKETCH_WIDTH
from linernotes.corpus.lookup_keys import KINDS, SKETCH, SKETCH_BEGINNING, Key, normalised
from linernotes.corpus.vrf import PROOF_BYTES
from linernotes.errors import InputError, VerificationError

MAGIC = b"LNP3"
MAX_KEYS = 255  # in each of the two maps
_HASHES = {"manifest_root": 32, "exact_root": HASH_BYTES, "sketch_root": HASH_BYTES, "vrf_public": 32}
_LENGTHS = {"content_sha256": 32, "audio_sha256": 32, "isrc": 12, "iswc": 11, "mbid": 16}


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """What a proof shows of one map.

    Parameters
    ----------
    keys : tuple of (str, str)
        Kind and normalised key, ascending.
    vrf_proofs : tuple of bytes
        One per key, or per beginning of sketch keys.
    buckets : tuple of bytes
        Entries of each bucket, by its number.
    siblings : tuple of bytes
        Hashes beside the ways, in their order.
    """

    keys: tuple[Key, ...] = ()
    vrf_proofs: tuple[bytes, ...] = ()
    buckets: tuple[bytes, ...] = ()
    siblings: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """One opened record: its number, its leaf, and the way of its commitment to the manifest's root."""

    number: int
    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PresenceProof:
    """A proof of presence or absence, taken apart; nothing of it is checked yet.

    Parameters
    ----------
    header : Header
        Public header of the corpus.
    exact, sketch : MapAnswer
        What is shown of the two maps.
    opened : tuple of Opening
        Records of the items found.
    """

    header: Header
    exact: MapAnswer = field(default_factory=MapAnswer)
    sketch: MapAnswer = field(default_factory=MapAnswer)
    opened: tuple[Opening, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file of the proof."""
        parts = [MAGIC, _header_bytes(self.header), _answer_bytes(self.exact), _answer_bytes(self.sketch)]
        parts.append(_count(len(self.opened), 1))
        for one in self.opened:
            parts += [_count(one.number, 6), _count(len(one.leaf), 4), one.leaf, _count(len(one.path), 1)]
            parts += one.path
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> PresenceProof:
        """Take a proof apart.

        Raises
        ------
        VerificationError
            If it is malformed, or of another revision.
        """
        if data[:1].isspace() or data[:1] == b"{":
            raise VerificationError(
                "presence proof: written as JSON, by an earlier revision of Linernotes; ask its maker for the proof "
                "again, made by 'linernotes presence prove' of this one"
            )
        reading = _Reading(data)
        if reading.take(4) != MAGIC:
            raise VerificationError(
                "presence proof: not a presence proof, or of a later revision; ask for it again, or upgrade"
            )
        proof = cls(_header(reading), _exact(reading), _sketch(reading), _opened(reading))
        if reading.left:
            raise VerificationError(f"presence proof: {reading.left} bytes too long")
        return proof


def key_bytes(key: Key) -> bytes:
    r"""Return a key as it stands in a proof; keys are sorted by it.

    Examples
    --------
    >>> key_bytes(("isrc", "GBAYE6900001")), key_bytes(("sketch", "00ff00ff00ff00ff")).hex()
    (b'\x02GBAYE6900001', '00ff00ff00ff00ff')
    """
    kind, name = key
    if kind == SKETCH:
        return bytes.fromhex(name)
    if kind == "iscc":
        body = name.removeprefix("ISCC:").encode()
        return _count(KINDS.index(kind), 1) + _count(len(body), 1) + body
    raw = name.encode() if kind in ("isrc", "iswc") else bytes.fromhex(name.replace("-", ""))
    return _count(KINDS.index(kind), 1) + raw


def beginnings(keys: Sequence[Key]) -> list[str]:
    """Return the distinct beginnings of sketch keys, ascending: each has one VRF proof."""
    return sorted({key[:SKETCH_BEGINNING] for _, key in keys})


class _Reading:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, n_bytes: int) -> bytes:
        if n_bytes > self.left:
            raise VerificationError("presence proof: cut short, or not a presence proof; ask for it again")
        self._at += n_bytes
        return self._data[self._at - n_bytes : self._at]

    def number(self, n_bytes: int) -> int:
        return int.from_bytes(self.take(n_bytes), "big")


def _count(number: int, n_bytes: int) -> bytes:
    return number.to_bytes(n_bytes, "big")


def _header_bytes(header: Header) -> bytes:
    flags = sum(1 << KINDS.index(kind) for kind in header.key_kinds) | (header.previous_root is not None) << 7
    year, month, day = map(int, header.training_date.split("-")) if header.training_date else (0, 0, 0)
    return b"".join(
        [
            _count(flags, 1),
            *(_count(n, 6) for n in (header.n_items, header.n_exact_keys, header.n_sketch_keys)),
            _count(year, 2) + bytes([month, day]),
            *(bytes.fromhex(getattr(header, name)) for name in _HASHES),
            bytes.fromhex(header.previous_root or ""),
        ]
    )


def _header(reading: _Reading) -> Header:
    flags = reading.number(1)
    found: dict[str, Any] = {name: reading.number(6) for name in ("n_items", "n_exact_keys", "n_sketch_keys")}
    year, month, day = (reading.number(n) for n in (2, 1, 1))
    found |= {name: reading.take(n_bytes).hex() for name, n_bytes in _HASHES.items()}
    fields = Header.__dataclass_fields__
    return Header.from_json(
        found
        | {
            "key_kinds": sorted(kind for i, kind in enumerate(KINDS) if flags >> i & 1),
            "training_date": f"{year:04}-{month:02}-{day:02}" if year or month or day else None,
            "previous_root": reading.take(32).hex() if flags >> 7 else None,
            "vrf_suite": fields["vrf_suite"].default,
            "format": fields["format"].default,
        }
    )


def _answer_bytes(answer: MapAnswer) -> bytes:
    width = EXACT_WIDTH if answer.keys and answer.keys[0][0] != SKETCH else SKETCH_WIDTH
    buckets = (_count(len(bucket) // width, 2) + bucket for bucket in answer.buckets)
    return b"".join(
        [
            _count(len(answer.keys), 1),
            *map(key_bytes, answer.keys),
            *answer.vrf_proofs,
            _count(len(answer.buckets), 1),
            *buckets,
            _count(len(answer.siblings), 2),
            *answer.siblings,
        ]
    )


def _exact(reading: _Reading) -> MapAnswer:
    keys = _in_order([_exact_key(reading) for _ in range(reading.number(1))])
    proofs = tuple(reading.take(PROOF_BYTES) for _ in keys)
    return MapAnswer(keys, proofs, *_shown(reading, EXACT_WIDTH))


def _sketch(reading: _Reading) -> MapAnswer:
    keys = _in_order([(SKETCH, reading.take(8).hex()) for _ in range(reading.number(1))])
    proofs = tuple(reading.take(PROOF_BYTES) for _ in beginnings(keys))
    return MapAnswer(keys, proofs, *_shown(reading, SKETCH_WIDTH))


def _shown(reading: _Reading, width: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    buckets = tuple(reading.take(width * reading.number(2)) for _ in range(reading.number(1)))
    return buckets, tuple(reading.take(HASH_BYTES) for _ in range(reading.number(2)))


def _in_order(keys: list[Key]) -> tuple[Key, ...]:
    spelled = [key_bytes(key) for key in keys]
    if spelled != sorted(set(spelled)):
        raise VerificationError("presence proof: its keys are not in order, or one is listed twice")
    return tuple(keys)


def _exact_key(reading: _Reading) -> Key:
    place = reading.number(1)
    if place >= len(KINDS) - 1:
        raise VerificationError(f"presence proof: key of an unknown kind ({place})")
    kind = KINDS[place]
    raw = reading.take(_LENGTHS[kind] if kind in _LENGTHS else reading.number(1))
    try:
        name = _key_name(kind, raw)
        if normalised(kind, name) != name:
            raise InputError("not in its normal form")
    except (InputError, UnicodeDecodeError) as error:
        raise VerificationError(f"presence proof: {kind} {raw[:40]!r}: {error}") from error
    return kind, name


def _key_name(kind: str, raw: bytes) -> str:
    if kind in ("isrc", "iswc"):
        return raw.decode("ascii")
    if kind == "iscc":
        return "ISCC:" + raw.decode("ascii")
    return str(uuid.UUID(bytes=raw)) if kind == "mbid" else raw.hex()


def _opened(reading: _Reading) -> tuple[Opening, ...]:
    found = []
    for _ in range(reading.number(1)):
        number, leaf = reading.number(6), reading.take(reading.number(4))
        found.append(Opening(number, leaf, tuple(reading.take(32) for _ in range(reading.number(1)))))
    numbers = [one.number for one in found]
    if numbers != sorted(set(numbers)):
        raise VerificationError("presence proof: its opened records are not in order, each once")
    return tuple(found)
