r"""The public header of a seal: what its root commits to.

::

    root = SHA-256("linernotes-corpus-v2\n" ‖ canonical JSON of the header)

``manifest_root`` is the Merkle tree head (RFC 6962) over the commitments to the items in the order of their
ids; ``map_root`` the root of the keyed map (`linernotes.corpus.keyed_map`) with ``n_keys`` positions, entered
under the kinds ``key_kinds``; ``vrf_public`` the key that positions are checked with: whoever swaps it has
another root. ``previous_root`` is the root of the snapshot before.

Conventions
-----------
Roots and keys are lower-case hexadecimal. Canonical JSON is RFC 8785.

References
----------
RFC 6962, "Certificate Transparency", section 2.1; RFC 8785, "JSON Canonicalization Scheme"; RFC 9381 (VRF).

Known limits
------------
The header tells the number of items and of keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from linernotes.corpus.lookup_keys import KINDS
from linernotes.corpus.vrf import SUITE
from linernotes.errors import VerificationError

FORMAT = "linernotes-corpus-v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The public part of a seal; its hash is the corpus root."""

    n_items: int
    manifest_root: str
    map_root: str
    n_keys: int
    key_kinds: tuple[str, ...]
    vrf_public: str
    training_date: str | None = None
    previous_root: str | None = None
    vrf_suite: str = SUITE
    format: str = FORMAT

    @property
    def root(self) -> str:
        """Corpus root, hexadecimal."""
        return hashlib.sha256(f"{FORMAT}\n".encode() + rfc8785.dumps(self.as_json())).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return every field as JSON-ready values."""
        return asdict(self) | {"key_kinds": list(self.key_kinds)}

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
        for name, expected in (("format", FORMAT), ("vrf_suite", SUITE)):
            if data[name] != expected:
                raise VerificationError(f"corpus header: {name} {data[name]!r}; expected '{expected}'")
        for name in ("manifest_root", "map_root", "vrf_public", "previous_root"):
            if not _is_hash(data[name]) and not (name == "previous_root" and data[name] is None):
                raise VerificationError(f"corpus header: {name} is not 64 lower-case hexadecimal digits")
        for name in ("n_items", "n_keys"):
            if type(data[name]) is not int or not 1 <= data[name] < 2**53:
                raise VerificationError(
                    f"corpus header: {name} {data[name]!r}; expected a positive whole number"
                )
        kinds, day = data["key_kinds"], data["training_date"]
        if not isinstance(kinds, list) or not kinds or any(kind not in KINDS for kind in kinds):
            raise VerificationError(f"corpus header: key_kinds: expected some of {', '.join(KINDS)}")
        if kinds != sorted(set(kinds)):
            raise VerificationError("corpus header: key_kinds are not in order, each once")
        if day is not None and not (
            isinstance(day, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day)
        ):
            raise VerificationError("corpus header: training_date is neither a day nor null")
        return cls(**(dict(data) | {"key_kinds": tuple(kinds)}))


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text) is not None
