r"""How an item is committed to, and how a list of items becomes a map that answers for them.

::

    leaf        = canonical JSON of {"item": {…}, "salt": first 16 bytes of HMAC-SHA256(secret, label ‖ item)}
    commitment  = SHA-256(0x00 ‖ leaf)
    VRF seed    = HMAC-SHA256(secret, "linernotes/vrf-seed/v2")

The salt depends on the whole entry, so a salt shown for one snapshot opens no other. A commitment says
nothing to somebody who guesses the entry; the leaf (`opened`) shows that one entry and no more.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import rfc8785

from linernotes.corpus.commitment_tree import CommitmentTree, block_heads, tree_head
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import HANDLE_BYTES, POSITION_BYTES, depth_of
from linernotes.corpus.lookup_keys import SKETCH, Key, position_of
from linernotes.corpus.manifest import Item
from linernotes.corpus.map_part import MapPart, Owners, Rows, make_part
from linernotes.corpus.map_whole import KeyedMap
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


def opened(leaf: bytes) -> Item:
    """Read the item of a leaf whose commitment was found in the manifest.

    Parameters
    ----------
    leaf : bytes
        Canonical JSON of ``item`` and ``salt``.

    Raises
    ------
    VerificationError
        If it is malformed.
    """
    try:
        content = json.loads(leaf)
        if content.keys() != {"item", "salt"} or rfc8785.dumps(content) != leaf:
            raise VerificationError("opened record: not written in canonical JSON; ask for it again")
        return Item.from_json(content["item"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, InputError) as error:
        raise VerificationError(f"opened record: malformed ({error!r}); ask for it again") from error


@dataclass(frozen=True)
class MemoryMap:
    """Both maps of a list of items, made in memory; what a proof is drawn from.

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
    def exact_part(self) -> MapPart:
        """The one part of the map of exact keys."""
        return make_part(*self._exact, depth_of(len(self._exact[1])))

    @cached_property
    def sketch_part(self) -> MapPart:
        """The one part of the map of sketch keys."""
        handles = np.frombuffer(b"".join(self.commitments), np.uint8).reshape(-1, 32)[:, :HANDLE_BYTES]
        return make_part(*self._sketch, depth_of(len(self._sketch[1])), handles=handles)

    @cached_property
    def exact(self) -> KeyedMap:
        """The map of exact keys."""
        return KeyedMap([self.exact_part.top()], self.exact_part.height, lambda _number: self.exact_part)

    @cached_property
    def sketch(self) -> KeyedMap:
        """The map of sketch keys."""
        return KeyedMap([self.sketch_part.top()], self.sketch_part.height, lambda _number: self.sketch_part)

    @property
    def n_keys(self) -> tuple[int, int]:
        """Number of exact keys and of sketch keys entered."""
        return len(self._exact[1]), len(self._sketch[1])

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""
        return self.commitments[number]

    def opening(self, number: int) -> tuple[bytes, list[bytes]]:
        """Return the leaf of one item, and the hashes that lead from its commitment to the manifest's root."""
        tree = CommitmentTree(len(self.items), self.commitment, block_heads(self.commitments))
        return self._leaf(number), tree.path(number)

    @cached_property
    def _exact(self) -> tuple[Rows, Owners]:
        if not any(item.lookup_keys() for item in self.items):
            raise InputError("seal: no item has a key; expected at least a hash of each file")
        return entered([item.lookup_keys() for item in self.items], 0, self.vrf_key, sketch=False)

    @cached_property
    def _sketch(self) -> tuple[Rows, Owners]:
        return entered([item.lookup_keys() for item in self.items], 0, self.vrf_key, sketch=True)

    def _leaf(self, number: int) -> bytes:
        return leaf_of(canonical(self.items[number].as_json()), self.secret)


def entered(
    keys: Sequence[Sequence[Key]], first: int, vrf_key: VrfKey, *, sketch: bool
) -> tuple[Rows, Owners]:
    """Return the positions of items' keys in one of the maps, and whose each is.

    Parameters
    ----------
    keys : sequence of list of (kind, key)
        Of one item after the other.
    first : int
        Number of the first item.
    vrf_key : VrfKey
        Computes positions.
    sketch : bool
        Which map.
    """
    mine = [[key for key in some if (key[0] == SKETCH) is sketch] for some in keys]
    positions = b"".join(position_of(*key, vrf_key) for some in mine for key in some)
    owners = np.repeat(np.arange(first, first + len(mine), dtype=np.uint32), [len(some) for some in mine])
    return np.frombuffer(positions, np.uint8).reshape(-1, POSITION_BYTES), owners


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
        exact_root=made.exact.root.hex(),
        n_exact_keys=made.n_keys[0],
        sketch_root=made.sketch.root.hex(),
        n_sketch_keys=made.n_keys[1],
        key_kinds=made.key_kinds,
        vrf_public=made.vrf_key.public.hex(),
        training_date=training_date,
        previous_root=previous_root,
    )


def leaf(item: Item, secret: bytes) -> bytes:
    """Return the salted canonical JSON that is hashed for an item."""
    return leaf_of(canonical(item.as_json()), secret)
