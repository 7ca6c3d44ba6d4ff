"""Proof that a recording is in a sealed corpus, or that it is not, without showing the corpus.

Idea
----
The corpus header commits to a Merkle tree whose leaves are the blinded lookup keys in sorted order
(`linernotes.corpus.presence_map`). *Present*: the key's leaf with its path to the tree head. *Absent*:
the two leaves between which the key would stand, with their paths and adjacent indices, so that
nothing can lie between them; at either end, the first or the last leaf alone. The header travels in
the proof and hashes to the corpus root, so whoever trusts a root needs nothing else.

Conventions
-----------
A proof is JSON; hashes are lower-case hexadecimal. A recording counts as present when *any* of its
keys is present, and as absent when *all* checked keys are.

References
----------
RFC 6962, section 2.1.1 (inclusion); Merkle (1987), "A digital signature based on a conventional
encryption function"; Micali, Rabin, Kilian (2003), "Zero-knowledge sets", for what a stronger
construction would hide; RFC 9381 for the verifiable random function that would keep strangers from
testing files of their own.

Known limits
------------
See `SCOPE`, which stands in every proof. Besides: adjacency shows absence only if the tree was built
in sorted order. One verifier sees two neighbours, not the whole; an auditor who holds the private
manifest checks the order with `SealedCorpus.verify`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linernotes.audio.files import file_sha256, read_with_facts
from linernotes.auditlog.merkle import Tree, leaf_hash, verify_inclusion
from linernotes.corpus.header import Header
from linernotes.corpus.manifest import audio_sha256
from linernotes.corpus.presence_map import KEY_KINDS, blinded_key, blinded_keys
from linernotes.corpus.seal import SealedCorpus
from linernotes.errors import InputError, VerificationError

FORMAT = "linernotes-presence-v1"
SCOPE = (
    "Says whether the keys listed under 'keys' stand in the corpus committed by this root. Only exact keys "
    "were checked (the bytes of the file, and where a file was given its decoded sound): another master, "
    "encode or edit of the same recording has other keys and can be in the corpus all the same. It says "
    "nothing about what a generator was trained on beyond the committed corpus. The blinding salt is public: "
    "whoever holds a file can test it, so the proof hides no corpus from those who hold candidate files."
)


@dataclass(frozen=True, slots=True)
class PresenceAnswer:
    """What a verified proof says: present or not, under which root, and which keys were checked."""

    present: bool
    root: str
    n_items: int
    keys: tuple[tuple[str, str, bool], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that the command line prints."""
        return {
            "present": self.present,
            "root": self.root,
            "n_items": self.n_items,
            "keys": [{"kind": kind, "key": key, "present": found} for kind, key, found in self.keys],
            "scope": SCOPE,
        }


def keys_of_file(path: Path | str) -> dict[str, str]:
    """Return the lookup keys of an audio file: hash of its bytes, hash of its decoded sound.

    Raises
    ------
    InputError
        If the file is not readable as audio.
    """
    audio, _facts = read_with_facts(path, allow_silence=True)
    return {"content_sha256": file_sha256(Path(path)), "audio_sha256": audio_sha256(audio)}


def prove_presence(corpus: SealedCorpus, keys: Mapping[str, str]) -> dict[str, Any]:
    """Make a proof of presence or absence for one recording.

    Parameters
    ----------
    corpus : SealedCorpus
        With its private manifest.
    keys : dict of str to str
        Kind (``content_sha256``, ``audio_sha256``) to hexadecimal hash, as from `keys_of_file`.

    Returns
    -------
    dict
        JSON-ready proof; it shows no title, no other key, and only blinded neighbours.

    Raises
    ------
    InputError
        If no key is given or one is malformed.
    VerificationError
        If the manifest no longer gives the sealed root.
    """
    wanted = _checked_keys(keys)
    header = corpus.verify()
    salt = bytes.fromhex(header.map_salt)
    leaves = blinded_keys(corpus.items, salt)
    tree = Tree([leaf_hash(blinded) for blinded in leaves])
    shown = [_prove_key(kind, key, leaves, tree, salt) for kind, key in wanted]
    return {
        "format": FORMAT,
        "root": header.root,
        "header": header.as_json(),
        "present": any(entry["present"] for entry in shown),
        "keys": shown,
        "scope": SCOPE,
    }


def verify_presence(
    proof: Mapping[str, Any], root: str, *, file_keys: Mapping[str, str] | None = None
) -> PresenceAnswer:
    """Check a proof against a root that the reader trusts; needs no network and no corpus.

    Parameters
    ----------
    proof : dict
        From `prove_presence`.
    root : str
        Corpus root, from a receipt or a publication, not from the proof itself.
    file_keys : dict, optional
        Keys of the file at hand (`keys_of_file`); the proof must then be about exactly this file.

    Returns
    -------
    PresenceAnswer
        Present or absent.

    Raises
    ------
    VerificationError
        If any part of the proof does not hold, or it is about another file.
    """
    header = _checked_header(proof, root)
    entries = proof["keys"]
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise VerificationError("presence proof: lists no key; expected at least one")
    checked = tuple(_verify_key(entry, header) for entry in entries)
    if len({(kind, key) for kind, key, _ in checked}) < len(checked):
        raise VerificationError("presence proof: lists one key twice")
    present = any(found for _, _, found in checked)
    if proof["present"] is not present:
        raise VerificationError(f"presence proof: says present={proof['present']}, its keys show {present}")
    if file_keys is not None:
        _check_file(checked, file_keys, present)
    return PresenceAnswer(present, header.root, header.n_items, checked)


def _checked_keys(keys: Mapping[str, str]) -> list[tuple[str, str]]:
    if not keys:
        raise InputError("presence: no key; expected the hash of a file's bytes or of its decoded sound")
    for kind, key in keys.items():
        if kind not in KEY_KINDS:
            raise InputError(f"presence: key kind '{kind}'; expected one of {', '.join(KEY_KINDS)}")
        if not _is_hash(key):
            raise InputError(f"presence: {kind} '{key}'; expected 64 lower-case hexadecimal digits")
    return [(kind, keys[kind]) for kind in KEY_KINDS if kind in keys]


def _prove_key(kind: str, key: str, leaves: Sequence[bytes], tree: Tree, salt: bytes) -> dict[str, Any]:
    position = blinded_key(kind, key, salt)
    index = bisect_left(leaves, position)
    present = index < len(leaves) and leaves[index] == position
    indices = [index] if present else [i for i in (index - 1, index) if 0 <= i < len(leaves)]
    shown = [
        {"index": i, "leaf": leaves[i].hex(), "path": [digest.hex() for digest in tree.inclusion(i)]}
        for i in indices
    ]
    return {"kind": kind, "key": key, "present": present, "leaves": shown}


def _checked_header(proof: Mapping[str, Any], root: str) -> Header:
    expected = {"format", "root", "header", "present", "keys", "scope"}
    if not isinstance(proof, Mapping) or proof.keys() != expected:
        raise VerificationError(f"presence proof: expected exactly the fields {', '.join(sorted(expected))}")
    if proof["format"] != FORMAT:
        raise VerificationError(f"presence proof: format {proof['format']!r}; expected '{FORMAT}'")
    if proof["scope"] != SCOPE:
        raise VerificationError("presence proof: its scope sentence was changed; ask for the proof again")
    header = Header.from_json(proof["header"])
    if proof["root"] != header.root:
        raise VerificationError(
            f"presence proof: its header hashes to {header.root}, it names {proof['root']!r}"
        )
    if header.root != root:
        raise VerificationError(
            f"presence proof: made for root {header.root}; expected the trusted root {root}"
        )
    return header


def _verify_key(entry: Any, header: Header) -> tuple[str, str, bool]:
    if not isinstance(entry, Mapping) or entry.keys() != {"kind", "key", "present", "leaves"}:
        raise VerificationError("presence proof: a key needs exactly the fields kind, key, present, leaves")
    kind, key, present = entry["kind"], entry["key"], entry["present"]
    if kind not in KEY_KINDS or not _is_hash(key) or not isinstance(present, bool):
        raise VerificationError(f"presence proof: key {key!r} of kind {kind!r} is malformed")
    if not isinstance(entry["leaves"], list) or len(entry["leaves"]) not in (1, 2):
        raise VerificationError(f"presence proof: {kind} {key[:12]}…: expected one or two leaves")
    position = blinded_key(kind, key, bytes.fromhex(header.map_salt))
    shown = [_verify_leaf(leaf, header) for leaf in entry["leaves"]]
    if present and [leaf for _, leaf in shown] != [position]:
        raise VerificationError(f"presence proof: {kind} {key[:12]}…: the leaf shown is not this key's")
    if not present and not _leaves_no_room(position, shown, header.map_size):
        raise VerificationError(
            f"presence proof: {kind} {key[:12]}…: the leaves shown leave room for the key"
        )
    return kind, key, present


def _verify_leaf(leaf: Any, header: Header) -> tuple[int, bytes]:
    try:
        index, data = leaf["index"], leaf["leaf"]
        hashes = [leaf["leaf"], *leaf["path"]]
        if (
            leaf.keys() != {"index", "leaf", "path"}
            or type(index) is not int
            or not all(map(_is_hash, hashes))
        ):
            raise ValueError("index, leaf or path is malformed")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerificationError(f"presence proof: a leaf is damaged ({error})") from error
    path = [bytes.fromhex(digest) for digest in leaf["path"]]
    verify_inclusion(
        leaf_hash(bytes.fromhex(data)), index, header.map_size, path, bytes.fromhex(header.map_root)
    )
    return index, bytes.fromhex(data)


def _leaves_no_room(position: bytes, shown: Sequence[tuple[int, bytes]], size: int) -> bool:
    if len(shown) == 2:
        (left, below), (right, above) = shown
        return right == left + 1 and below < position < above
    if len(shown) == 1:
        index, leaf = shown[0]
        return (index == 0 and position < leaf) or (index == size - 1 and leaf < position)
    return False


def _check_file(
    checked: Sequence[tuple[str, str, bool]], file_keys: Mapping[str, str], present: bool
) -> None:
    own = {kind: found for kind, key, found in checked if file_keys.get(kind) == key}
    if not own:
        raise VerificationError(
            f"presence proof: about other keys than this file's ({', '.join(file_keys.values())})"
        )
    if present and not any(own.values()):
        raise VerificationError("presence proof: the key that is present is not this file's")
    unchecked = [kind for kind in file_keys if kind not in own]
    if not present and unchecked:
        raise VerificationError(
            f"presence proof: absence without checking {', '.join(unchecked)}; ask for a proof from the file"
        )


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text) is not None
