r"""The public header of a seal: what its root commits to.

::

    root = SHA-256("linernotes-corpus-v3\n" ‖ canonical JSON of the header)

``manifest_root`` is the Merkle tree head (RFC 6962) over the commitments to the items in the order of their
ids; ``exact_root`` and ``sketch_root`` are the roots of the two keyed maps (`linernotes.corpus.keyed_map`), and
``n_exact_keys`` and ``n_sketch_keys`` how many keys were entered, a key that two items share counted twice: they tell
the depth of the maps. ``key_kinds`` are the kinds entered; ``vrf_public`` is the key that positions are checked with:
whoever swaps it has another root. ``previous_root`` is the root of the snapshot before.

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
from datetime import date
from typing import Any

import rfc8785

from linernotes.corpus.lookup_keys import KINDS
from linernotes.corpus.vrf import SUITE
from linernotes.errors import VerificationError

FORMAT = "linernotes-corpus-v3"
_HASHES = {"manifest_root": 64, "exact_root": 56, "sketch_root": 56, "vrf_public": 64, "previous_root": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The public part of a seal; its hash is the corpus root."""

    n_items: int
    manifest_root: str
    exact_root: str
    n_exact_keys: int
    sketch_root: str
    n_sketch_keys: int
    key_kinds: tuple[str, ...]
    vrf_public: str
    training_date: str | None = None
    previous_root: str | None = None
    vrf_suite: str = SUITE
    format: str = FORMAT

    @property
    def n_keys(self) -> int:
        """Number of keys in both maps."""
        return self.n_exact_keys + self.n_sketch_keys

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
        for name, digits in _HASHES.items():
            if not _is_hash(data[name], digits) and not (name == "previous_root" and data[name] is None):
                raise VerificationError(
                    f"corpus header: {name} is not {digits} lower-case hexadecimal digits"
                )
        for name in ("n_items", "n_exact_keys", "n_sketch_keys"):
            if type(data[name]) is not int or not (name == "n_items") <= data[name] < 2**48:
                raise VerificationError(f"corpus header: {name} {data[name]!r}; expected a whole number")
        kinds, day = data["key_kinds"], data["training_date"]
        if not isinstance(kinds, list) or not kinds or any(kind not in KINDS for kind in kinds):
            raise VerificationError(f"corpus header: key_kinds: expected some of {', '.join(KINDS)}")
        if kinds != sorted(set(kinds)):
            raise VerificationError("corpus header: key_kinds are not in order, each once")
        if day is not None and not _is_day(day):
            raise VerificationError("corpus header: training_date is neither a day nor null")
        return cls(**(dict(data) | {"key_kinds": tuple(kinds)}))


def _is_hash(text: Any, digits: int) -> bool:
    return isinstance(text, str) and re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) is not None


def _is_day(text: Any) -> bool:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return False
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
