"""The keys under which a recording can be looked up, blinded and sorted.

Each item is entered under the hash of its bytes and the hash of its decoded sound. A key is blinded
as ``SHA-256(label || salt || kind || 0x00 || key)`` with one public salt per corpus, and the blinded
keys are the sorted leaves of a Merkle tree: two neighbours in that order leave no room between them.

Known limits
------------
The salt is public, because a stranger must be able to compute the position. Whoever *holds* a file
can therefore test whether it is in the corpus; that is the question a rightsholder wants answered,
and also what a competitor with a large library could ask a million times. Codes that can be counted
through, such as ISRCs, are not entered for that reason. A verifiable random function (RFC 9381)
would leave the answer to the operator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from linernotes.corpus.manifest import Item

KEY_KINDS = ("content_sha256", "audio_sha256")
_LABEL = b"linernotes/presence-key/v1\n"


def blinded_key(kind: str, key: str, salt: bytes) -> bytes:
    """Return the 32-byte position of a lookup key.

    Examples
    --------
    >>> blinded_key("content_sha256", "00" * 32, bytes(16)).hex()[:8]
    'e5a9ac41'
    """
    return hashlib.sha256(_LABEL + salt + kind.encode() + b"\0" + bytes.fromhex(key)).digest()


def blinded_keys(items: Sequence[Item], salt: bytes) -> tuple[bytes, ...]:
    """Return the blinded keys of all items, sorted, each once."""
    pairs = {(kind, getattr(item, kind)) for item in items for kind in KEY_KINDS}
    return tuple(sorted(blinded_key(kind, key, salt) for kind, key in pairs))
