"""The keys under which a recording was looked for in a sealed corpus, and what each said.

Idea
----
"Not in the corpus" is a statement about keys. Codes are compared exactly (hashes of bytes and of decoded sound,
ISRC, ISWC, MBID, ISCC); sound is compared by ear of the program (fingerprints, passages). Each comparison is
one `KeyCheck`; a recording is *absent* when every comparison that could be made says so, and at least the
sound itself was compared.

Conventions
-----------
``present`` under any key is enough to be present: codes are claims, and a claim that the provider lists counts in the
provider's favour.

Known limits
------------
A key that neither side carries says nothing and is reported as ``not-checked``. A recording that stands in the corpus
under a false code, transformed beyond what the listening comparisons find, is reported as absent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["absent", "present", "not-checked"]

EXACT_KEYS: dict[str, str] = {
    "content_sha256": "hash of the file",
    "audio_sha256": "hash of the decoded sound",
    "isrc": "ISRC",
    "iswc": "ISWC",
    "mbid": "MBID",
    "iscc": "ISCC audio code",
}
"""Keys that are equal or not, in the order in which they are named."""

LISTENED_KEYS: dict[str, str] = {
    "sketch": "sketch keys",
    "fingerprint": "fingerprint of the whole recording",
    "chromaprint": "Chromaprint fingerprint",
    "passage": "the matched seconds",
    "version": "the same music played otherwise",
}
"""Comparisons of the sound itself with every item of the corpus."""

KEY_WORDS = EXACT_KEYS | LISTENED_KEYS
SOUND_KEYS = ("fingerprint", "chromaprint")


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What one key says about one recording.

    Parameters
    ----------
    kind : str
        A key of `KEY_WORDS`.
    status : {"absent", "present", "not-checked"}
        ``not-checked``: the recording has no such key, or its sound is not at hand.
    n_items : int
        Corpus items that were compared: those that carry such a key at all.
    item_ids : tuple of str
        Corpus items that agree.
    note : str
        The value compared, the reason why nothing was, or a figure.
    """

    kind: str
    status: Status
    n_items: int = 0
    item_ids: tuple[str, ...] = ()
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields of the record."""
        return {
            "kind": self.kind,
            "status": self.status,
            "n_items": self.n_items,
            "item_ids": list(self.item_ids),
            "note": self.note,
        }


def exact_checks(
    own: Mapping[str, Collection[str]], corpus: Mapping[str, Mapping[str, Collection[str]]]
) -> tuple[KeyCheck, ...]:
    """Compare the codes of one recording with those of every corpus item.

    Parameters
    ----------
    own : mapping of str to collection of str
        By kind the normalised values of the recording; an identifier may have several.
    corpus : mapping of str to mapping of str to collection of str
        By kind and value the items that carry it.

    Returns
    -------
    tuple of KeyCheck
        One per kind of `EXACT_KEYS`, in that order.

    Examples
    --------
    >>> corpus = {"isrc": {"USS1Z9900001": ["rain"]}, "content_sha256": {"ab" * 32: ["rain"]}}
    >>> [(c.kind, c.status) for c in exact_checks({"isrc": ["USS1Z9900001"]}, corpus)][2]
    ('isrc', 'present')
    >>> [c.status for c in exact_checks({"isrc": ["GBAYE6900001"]}, corpus)][:3]
    ['not-checked', 'not-checked', 'absent']
    """
    return tuple(_exact(kind, own.get(kind, ()), corpus.get(kind, {})) for kind in EXACT_KEYS)


def is_absent(checks: Iterable[KeyCheck]) -> bool:
    """Tell whether no key knows the recording and its sound was compared.

    Examples
    --------
    >>> is_absent([KeyCheck("isrc", "absent", 3)])
    False
    >>> is_absent([KeyCheck("isrc", "absent", 3), KeyCheck("fingerprint", "absent", 9)])
    True
    """
    found = tuple(checks)
    listened = any(one.kind in SOUND_KEYS and one.status == "absent" for one in found)
    return listened and not any(one.status == "present" for one in found)


def is_present(checks: Iterable[KeyCheck]) -> bool:
    """Tell whether any key knows the recording."""
    return any(one.status == "present" for one in checks)


def checked_words(checks: Sequence[KeyCheck]) -> str:
    """Name the keys that were compared, and those that could not be.

    Examples
    --------
    >>> checked_words([KeyCheck("isrc", "absent", 3), KeyCheck("iswc", "not-checked")])
    'checked: ISRC; not checked: ISWC'
    """
    done = [KEY_WORDS[one.kind] for one in checks if one.status != "not-checked"]
    left = [KEY_WORDS[one.kind] for one in checks if one.status == "not-checked"]
    words = f"checked: {', '.join(done) or 'nothing'}"
    return words + (f"; not checked: {', '.join(left)}" if left else "")


def _exact(kind: str, own: Collection[str], known: Mapping[str, Collection[str]]) -> KeyCheck:
    n_items = len({item for items in known.values() for item in items})
    if not own:
        return KeyCheck(kind, "not-checked", n_items, note="the recording has none on file")
    if not known:
        return KeyCheck(kind, "not-checked", 0, note="no corpus item carries one")
    found = sorted({item for value in own for item in known.get(value, ())})
    return KeyCheck(kind, "present" if found else "absent", n_items, tuple(found), ", ".join(sorted(own)))
