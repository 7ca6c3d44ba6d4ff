r"""How an item is committed to, and how a list of items becomes a map that answers for them.

::

    leaf        = canonical JSON of {"item": {…}, "salt": first 16 bytes of HMAC-SHA256(secret, label ‖ item)}
    commitment  = SHA-256(0x00 ‖ leaf)
    VRF seed    = HMAC-SHA256(secret, "linernotes/vrf-seed/v2")

The salt depends on the whole entry, so a salt shown for one snapshot opens no other. A commitment says
nothing to somebody who guesses the entry; with the leaf (`opened`) it shows that one entry and no more.

Conventions
-----------
Canonical JSON is RFC 8785. Items are numbered in the order of their ids.

Known limits
------------
Whoever has the secret can open everything and compute every position: it is as private as the manifest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import rfc8785

from linernotes.corpus.header import Header
from linernotes.corpus.lookup_keys import position_of
from linernotes.corpus.manifest import Item
from linernotes.corpus.map_buckets import Bucket, KeyedMap, make_bucket, map_of
from linernotes.corpus.vrf import VrfKey
from linernotes.errors import InputError, VerificationError

SECRET_BYTES = 32
SALT_BYTES = 16
_SALT_LABEL = b"linernotes/leaf-salt/v2\n"
_SEED_LABEL = b"linernotes/vrf-seed/v2"


def canonical(entry: Mapping[str, Any]) -> bytes:
    r"""Return an item's entry as canonical JSON (RFC 8785), quickly.

    Python's own encoder writes the same text as long as keys are ASCII and numbers with a fraction are
    neither tiny nor huge; the few others take the slow way.

    Raises
    ------
    InputError
        If a text cannot be written as UTF-8.

    Examples
    --------
    >>> canonical({"b": 1.0, "a": "é"})
    b'{"a":"\xc3\xa9","b":1}'
    """
    plain = dict(entry)
    for name, number in entry.items():
        if isinstance(number, float):
            if number.is_integer() and abs(number) < 2**53:
                plain[name] = int(number)
            elif not 1e-4 <= abs(number) < 2**53:
                return rfc8785.dumps(plain)
    try:
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"item: a text holds half of a character pair ({error}); write it anew") from error


def leaf_of(entry: bytes, secret: bytes) -> bytes:
    """Return the salted text that is hashed for an item's canonical entry."""
    salt = hmac.digest(secret, _SALT_LABEL + entry, "sha256")[:SALT_BYTES]
    return b'{"item":' + entry + b',"salt":"' + salt.hex().encode() + b'"}'


def commitment_of(leaf: bytes) -> bytes:
    """Return the commitment to a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def vrf_key_of(secret: bytes) -> VrfKey:
    """Return the VRF key of a corpus secret.

    Raises
    ------
    InputError
        If the secret is not 32 bytes long.
    """
    if len(secret) != SECRET_BYTES:
        raise InputError(f"seal: secret of {len(secret)} bytes; expected {SECRET_BYTES}")
    return VrfKey(hmac.digest(secret, _SEED_LABEL, "sha256"))


def tree_head(commitments: Iterable[bytes]) -> bytes:
    r"""Return the RFC 6962 tree head over leaf hashes, in one pass.

    Examples
    --------
    >>> one, two = bytes(32), bytes([1] * 32)
    >>> tree_head([one, two]) == hashlib.sha256(b"\x01" + one + two).digest()
    True
    """
    waiting: list[bytes] = []
    for n, commitment in enumerate(commitments, start=1):
        found = commitment
        for _ in range((n & -n).bit_length() - 1):  # as many complete subtrees end here
            found = hashlib.sha256(b"\x01" + waiting.pop() + found).digest()
        waiting.append(found)
    if not waiting:
        return hashlib.sha256(b"").digest()
    head = waiting.pop()
    while waiting:
        head = hashlib.sha256(b"\x01" + waiting.pop() + head).digest()
    return head


def opened(opening: Any, commitment: bytes) -> Item:
    """Check what somebody says an item is, against its commitment, and return it.

    Parameters
    ----------
    opening : dict
        ``item`` and ``salt``, from a presence proof that opens its item.
    commitment : bytes [length 32]
        From the same, verified proof.

    Raises
    ------
    VerificationError
        If the opening is malformed or of another item.
    """
    try:
        leaf = rfc8785.dumps({"item": opening["item"], "salt": opening["salt"]})
        if opening.keys() != {"item", "salt"} or commitment_of(leaf) != commitment:
            raise VerificationError("opened item: not what was committed to; the record was changed")
        return Item.from_json(opening["item"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, InputError) as error:
        raise VerificationError(f"opened item: malformed ({error!r}); ask for it again") from error


@dataclass(frozen=True)
class MemoryMap:
    """The map of a list of items, made in memory; what a proof is drawn from.

    Parameters
    ----------
    items : sequence of Item
        Sorted by id.
    secret : bytes [length 32]
        Secret of salts and positions.
    """

    items: Sequence[Item]
    secret: bytes

    @cached_property
    def vrf_key(self) -> VrfKey:
        """The key that computes positions."""
        return vrf_key_of(self.secret)

    @cached_property
    def commitments(self) -> list[bytes]:
        """One commitment per item."""
        return [commitment_of(self._leaf(number)) for number in range(len(self.items))]

    @cached_property
    def key_kinds(self) -> tuple[str, ...]:
        """Kinds under which at least one item is entered."""
        return tuple(sorted({kind for item in self.items for kind, _ in item.lookup_keys()}))

    @cached_property
    def bucket(self) -> Bucket:
        """The map's one part."""
        entered = [(key, number) for number, item in enumerate(self.items) for key in item.lookup_keys()]
        if not entered:
            raise InputError("seal: no item has a key; expected at least a hash of each file")
        positions = b"".join(position_of(*key, self.vrf_key) for key, _ in entered)
        owners = np.array([number for _, number in entered], np.uint32)
        commitments = np.frombuffer(b"".join(self.commitments), np.uint8).reshape(-1, 32)
        return make_bucket(np.frombuffer(positions, np.uint8).reshape(-1, 32), owners, commitments)

    @cached_property
    def map(self) -> KeyedMap:
        """The keyed map."""
        return map_of(self.bucket)

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""
        return self.commitments[number]

    def opening(self, number: int) -> dict[str, Any]:
        """Return what opens the commitment to one item."""
        content: dict[str, Any] = json.loads(self._leaf(number))
        return content

    def _leaf(self, number: int) -> bytes:
        return leaf_of(canonical(self.items[number].as_json()), self.secret)


def build_header(
    items: Sequence[Item], secret: bytes, training_date: str | None, previous_root: str | None = None
) -> Header:
    """Hash the items into the public header.

    Raises
    ------
    InputError
        If there is no item, two items share an id, or the secret has another length than 32 bytes.
    """
    if not items:
        raise InputError("seal: 0 items; expected at least one readable audio file")
    if len({item.item_id for item in items}) < len(items):
        raise InputError("seal: two items share one id; ids must be unique")
    return header_of(MemoryMap(items, secret), training_date, previous_root)


def header_of(made: MemoryMap, training_date: str | None, previous_root: str | None) -> Header:
    """Return the header over a map that was made in memory."""
    return Header(
        n_items=len(made.items),
        manifest_root=tree_head(made.commitments).hex(),
        map_root=made.map.root.hex(),
        n_keys=len(made.map),
        key_kinds=made.key_kinds,
        vrf_public=made.vrf_key.public.hex(),
        training_date=training_date,
        previous_root=previous_root,
    )


def leaf(item: Item, secret: bytes) -> bytes:
    """Return the salted canonical JSON that is hashed for an item."""
    return leaf_of(canonical(item.as_json()), secret)
