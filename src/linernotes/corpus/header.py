r"""The public header of a seal, and how items are hashed into it.

::

    root = SHA-256("linernotes-corpus-v1\n" || canonical JSON of the header)
    header = {format, n_items, manifest_root, map_root, map_size, map_salt, training_date}
    leaf = canonical JSON of {"item": {…}, "salt": first 16 bytes of HMAC-SHA256(secret, label || item)}

``manifest_root`` is the Merkle tree head over the leaves in the order of the item ids; ``map_root`` the
one over the ``map_size`` blinded lookup keys of `linernotes.corpus.presence_map`.

Conventions
-----------
Tree heads, salts and roots are lower-case hexadecimal; trees hash as RFC 6962 says.

References
----------
RFC 6962, "Certificate Transparency", section 2.1; RFC 8785, "JSON Canonicalization Scheme"; RFC 2104
(HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from linernotes.auditlog.merkle import Tree, leaf_hash
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence_map import blinded_keys
from linernotes.errors import InputError, VerificationError

FORMAT = "linernotes-corpus-v1"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The public part of a seal; its hash is the corpus root."""

    n_items: int
    manifest_root: str
    map_root: str
    map_size: int
    map_salt: str
    training_date: str | None = None
    format: str = FORMAT

    @property
    def root(self) -> str:
        """Corpus root, hexadecimal."""
        return hashlib.sha256(f"{FORMAT}\n".encode() + rfc8785.dumps(asdict(self))).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Header:
        """Read what `as_json` wrote, from a stranger: every field is checked.

        Raises
        ------
        VerificationError
            If a field is missing, unknown or of the wrong form.
        """
        if not isinstance(data, Mapping) or data.keys() != cls.__dataclass_fields__.keys():
            raise VerificationError(
                f"corpus header: expected exactly the fields {', '.join(cls.__dataclass_fields__)}"
            )
        forms = {"manifest_root": 64, "map_root": 64, "map_salt": 32}
        for name, length in forms.items():
            if not isinstance(data[name], str) or not re.fullmatch(f"[0-9a-f]{{{length}}}", data[name]):
                raise VerificationError(
                    f"corpus header: {name} is not {length} lower-case hexadecimal digits"
                )
        for name in ("n_items", "map_size"):
            if type(data[name]) is not int or not 1 <= data[name] < 2**53:
                raise VerificationError(
                    f"corpus header: {name} {data[name]!r}; expected a positive whole number"
                )
        if data["format"] != FORMAT:
            raise VerificationError(f"corpus header: format {data['format']!r}; expected '{FORMAT}'")
        day = data["training_date"]
        if day is not None and not (
            isinstance(day, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day)
        ):
            raise VerificationError("corpus header: training_date is neither a day nor null")
        return cls(**data)


def build_header(items: Sequence[Item], secret: bytes, training_date: str | None) -> Header:
    """Hash the items into the public header.

    Raises
    ------
    InputError
        If there is no item, two items share an id, or the secret has another length than 32 bytes.
    """
    if not items:
        raise InputError("seal: 0 items; expected at least one readable audio file")
    if len(secret) != SECRET_BYTES:
        raise InputError(f"seal: secret of {len(secret)} bytes; expected {SECRET_BYTES}")
    if len({item.item_id for item in items}) < len(items):
        raise InputError("seal: two items share one id; ids must be unique")
    map_salt = hmac.digest(secret, b"linernotes/presence-map-salt/v1", "sha256")[:16]
    keys = blinded_keys(items, map_salt)
    return Header(
        n_items=len(items),
        manifest_root=_tree_head([leaf(item, secret) for item in items]),
        map_root=_tree_head(keys),
        map_size=len(keys),
        map_salt=map_salt.hex(),
        training_date=training_date,
    )


def leaf(item: Item, secret: bytes) -> bytes:
    """Return the salted canonical JSON that is hashed for an item.

    The salt depends on the whole entry, so a salt shown for one snapshot opens no other.
    """
    entry = item.as_json()
    salt = hmac.digest(secret, b"linernotes/leaf-salt/v1\n" + rfc8785.dumps(entry), "sha256")[:16]
    return rfc8785.dumps({"item": entry, "salt": salt.hex()})


def _tree_head(leaves: Sequence[bytes]) -> str:
    return Tree([leaf_hash(data) for data in leaves]).root().hex()
