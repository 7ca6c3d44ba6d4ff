"""What a proof of presence says: its scope, its answer, and the rule by which keys decide.

Exact keys decide by themselves: one that is present is enough. Sketch keys decide together: where at least
`sketch_threshold` of them stand on *one* item, the sound counts as present.

Known limits
------------
See `SCOPE`, which stands in every proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from linernotes.corpus.header import Header
from linernotes.corpus.lookup_keys import KINDS, SKETCH, Key, normalised
from linernotes.errors import InputError

if TYPE_CHECKING:
    from linernotes.corpus.manifest import Item

FORMAT = "linernotes-presence-v3"
SCOPE = (
    "Says whether the keys that it lists stand in the corpus committed by this root; the kinds named as not checked "
    "were not looked at. An exact key finds the same bytes, the same decoded sound or the same "
    "identifier; sketch keys also find most re-encoded, equalised or trimmed copies, not all: a near-duplicate, "
    "another master or a short part of a recording can be in the corpus all the same. Presence under an "
    "identifier says that the provider entered it, presence under sketch keys that a recording with much of the "
    "same sound is there. It says nothing about what a generator was trained on beyond the committed corpus."
)

KeysGiven = Mapping[str, str | Sequence[str]] | Iterable[Key]


@dataclass(frozen=True, slots=True)
class PresenceAnswer:
    """What a verified proof says.

    Parameters
    ----------
    present : bool
        Whether the recording counts as present.
    how : {"exact", "sketch", "none"}
        By which keys.
    root : str
        Of the corpus.
    n_items : int
        Items of the corpus.
    keys : tuple of (str, str, bool)
        Kind, key, whether it is present.
    not_checked : tuple of str
        Kinds of key that nothing was asked under, or that the corpus does not enter.
    sketch_matches : int
        Most sketch keys on one item.
    items : tuple of Item
        Records that the provider opened, found in the committed manifest.
    n_bytes : int
        Size of the proof's file.
    """

    present: bool
    how: str
    root: str
    n_items: int
    keys: tuple[tuple[str, str, bool], ...]
    not_checked: tuple[str, ...] = ()
    sketch_matches: int = 0
    items: tuple[Item, ...] = ()
    n_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fields that the command line prints."""
        kinds = list(dict.fromkeys(kind for kind, _, _ in self.keys))
        asked = sum(kind == SKETCH for kind, _, _ in self.keys)
        return {
            "format": FORMAT,
            "present": self.present,
            "how": self.how,
            "root": self.root,
            "n_items": self.n_items,
            "keys": [{"kind": kind, "key": key, "present": found} for kind, key, found in self.keys],
            "checked": kinds,
            "not_checked": list(self.not_checked),
            "sketch": {
                "asked": asked,
                "on_one_item": self.sketch_matches,
                "needed": sketch_threshold(self.n_items),
            }
            if asked
            else None,
            "items": [item.as_json() for item in self.items],
            "n_bytes": self.n_bytes,
            "scope": SCOPE,
        }


def sketch_threshold(n_items: int) -> int:
    """Return how many sketch keys must stand on one item for its sound to count as present.

    Unrelated recordings share one sketch key in about one of a hundred pairs, and more of them rarely; the
    threshold keeps a false presence rarer than about one in a thousand for the whole corpus.

    Examples
    --------
    >>> [sketch_threshold(n) for n in (33, 10_000, 1_000_000)]
    [3, 4, 5]
    """
    return 3 if n_items <= 1_000 else 4 if n_items <= 100_000 else 5


def key_list(keys: KeysGiven) -> list[Key]:
    """Return keys normalised, each once, in the order of the kinds.

    Raises
    ------
    InputError
        If there is none, or one is malformed.

    Examples
    --------
    >>> key_list({"isrc": ["gb-aye-69-00001", "GBAYE6900001"]})
    [('isrc', 'GBAYE6900001')]
    """
    pairs: list[Key] = []
    for kind, given in keys.items() if isinstance(keys, Mapping) else keys:
        pairs += [(kind, given)] if isinstance(given, str) else [(kind, key) for key in given]
    found = dict.fromkeys((kind, normalised(kind, key)) for kind, key in pairs)
    if not found:
        raise InputError("presence: no key; expected an audio file, a hash or an identifier")
    return sorted(found, key=lambda key: KINDS.index(key[0]))


def verdict(keys: Sequence[tuple[str, str, bool]], most: int, n_items: int) -> tuple[bool, str]:
    """Return whether keys show presence, and by what; *most* is the number of sketch keys on one item.

    Examples
    --------
    >>> verdict([("isrc", "GBAYE6900001", False)], 3, 100), verdict([("isrc", "GBAYE6900001", False)], 2, 100)
    ((True, 'sketch'), (False, 'none'))
    """
    if any(found for kind, _, found in keys if kind != SKETCH):
        return True, "exact"
    return (True, "sketch") if most >= sketch_threshold(n_items) else (False, "none")


def not_checked(keys: Sequence[tuple[str, str, bool]], header: Header) -> tuple[str, ...]:
    """Return the kinds of key that nothing was asked under, or that the corpus does not enter."""
    kinds = {kind for kind, _, _ in keys} & set(header.key_kinds)
    return tuple(kind for kind in KINDS if kind not in kinds)
