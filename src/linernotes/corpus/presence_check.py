"""The check of a proof of presence: offline, from the proof and a trusted root alone.

Every byte of a proof counts: what is not in the one expected form is refused, so a proof that verifies says what
it says and nothing was added. Nothing heavier than libsodium is imported.

Conventions
-----------
`linernotes.corpus.presence` tells what a proof is made of; ``docs/methods/seal.md`` has the formats in full.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from linernotes.corpus import vrf
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import HASH_BYTES, MapProof, value_of, verify_map_proof
from linernotes.corpus.lookup_keys import SKETCH, Key, alpha_of, normalised, position_from
from linernotes.corpus.presence_answer import (
    FORMAT,
    SCOPE,
    KeysGiven,
    PresenceAnswer,
    key_list,
    not_checked,
    sketch_threshold,
    verdict,
)
from linernotes.errors import InputError, VerificationError

if TYPE_CHECKING:
    from linernotes.corpus.manifest import Item

MAX_KEYS = 256
SKETCH_SHARE = 0.75  # of a file's sketch keys that an absence must have checked; decoders differ a little
_FIELDS = {"kind", "key", "present", "vrf", "way", "value", "other", "commitments", "opened"}


def verify_presence(
    proof: Mapping[str, Any],
    root: str,
    *,
    file_keys: KeysGiven | None = None,
    about: KeysGiven | None = None,
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
    about : dict, optional
        Keys of which at least one must be among those that were checked.

    Returns
    -------
    PresenceAnswer
        Present or absent, and under which keys.

    Raises
    ------
    VerificationError
        If any part of the proof does not hold, or it is about something else.
    """
    header = _checked_header(proof, root)
    entries = proof["keys"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_KEYS:
        raise VerificationError(f"presence proof: lists no key, or too many; expected 1 to {MAX_KEYS}")
    for entry in entries:
        _verify_key(entry, header)
    checked = tuple((entry["kind"], entry["key"], entry["present"]) for entry in entries)
    if len({key[:2] for key in checked}) < len(checked):
        raise VerificationError("presence proof: lists one key twice")
    present, how, matches = verdict(entries, header.n_items)
    if proof["present"] is not present:
        raise VerificationError(f"presence proof: says present={proof['present']}, its keys show {present}")
    left_out = not_checked(entries, header)
    if proof["not_checked"] != list(left_out):
        raise VerificationError("presence proof: does not name the kinds of key that were not checked")
    if file_keys is not None:
        _check_file(checked, key_list(file_keys), header, how)
    if about is not None and not set(key_list(about)) & {key[:2] for key in checked}:
        raise VerificationError(
            "presence proof: about other keys than the one asked for; ask for its own proof"
        )
    return PresenceAnswer(
        present, how, header.root, header.n_items, checked, left_out, matches, _opened_items(entries)
    )


def _checked_header(proof: Mapping[str, Any], root: str) -> Header:
    expected = {"format", "root", "header", "present", "keys", "not_checked", "scope"}
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


def _verify_key(entry: Any, header: Header) -> None:
    if not isinstance(entry, Mapping) or entry.keys() != _FIELDS:
        raise VerificationError(
            f"presence proof: a key needs exactly the fields {', '.join(sorted(_FIELDS))}"
        )
    kind, key = entry["kind"], entry["key"]
    try:
        if not (isinstance(kind, str) and isinstance(key, str)) or normalised(kind, key) != key:
            raise InputError("not in its normal form")
    except InputError as error:
        raise VerificationError(f"presence proof: key {str(key)[:80]!r}: {error}") from error
    output = vrf.verify(bytes.fromhex(header.vrf_public), alpha_of(kind, key), _bytes(entry["vrf"], "vrf"))
    proof = _map_proof(entry)
    verify_map_proof(position_from(kind, key, output), proof, bytes.fromhex(header.map_root))
    if entry["present"] is not proof.present:
        raise VerificationError(f"presence proof: {kind} {key[:40]}: the map shows {proof.present}")
    _check_commitments(entry, proof)


def _map_proof(entry: Mapping[str, Any]) -> MapProof:
    way = _bytes(entry["way"], "way")
    if len(way) % HASH_BYTES:
        raise VerificationError("presence proof: a way is not made of hashes of 32 bytes")
    siblings = tuple(way[i : i + HASH_BYTES] for i in range(0, len(way), HASH_BYTES))
    other = entry["other"]
    if other is not None and (not isinstance(other, Mapping) or other.keys() != {"position", "value"}):
        raise VerificationError("presence proof: the other leaf needs exactly position and value")
    return MapProof(
        siblings,
        None if entry["value"] is None else _hash(entry["value"]),
        None if other is None else (_hash(other["position"]), _hash(other["value"])),
    )


def _check_commitments(entry: Mapping[str, Any], proof: MapProof) -> None:
    shown, openings = entry["commitments"], entry["opened"]
    if shown is None:
        if openings is not None or (entry["kind"] == SKETCH and proof.present):
            raise VerificationError("presence proof: a sketch key or an opened item without its commitments")
        return
    if not isinstance(shown, list) or not shown or shown != sorted({_hash(one).hex() for one in shown}):
        raise VerificationError("presence proof: commitments are malformed, or not in order, each once")
    if proof.value is None or value_of(map(bytes.fromhex, shown)) != proof.value:
        raise VerificationError("presence proof: the commitments shown are not those under the key")
    if openings is not None and (not isinstance(openings, list) or len(openings) != len(shown)):
        raise VerificationError("presence proof: opens some other number of items than stand under the key")


def _opened_items(entries: Sequence[Mapping[str, Any]]) -> tuple[Item, ...]:
    if not any(entry["opened"] for entry in entries):
        return ()
    from linernotes.corpus.commitment import opened  # reads items, and with them audio; most proofs open none

    found: dict[str, Item] = {}
    for entry in entries:
        for opening in entry["opened"] or ():
            for commitment in entry["commitments"]:
                try:
                    item = opened(opening, bytes.fromhex(commitment))
                except VerificationError:
                    continue
                found[item.item_id] = item
                break
            else:
                raise VerificationError("presence proof: an opened record is not what was committed to")
    return tuple(found.values())


def _check_file(
    checked: Sequence[tuple[str, str, bool]], own: Sequence[Key], header: Header, how: str
) -> None:
    mine = {key[:2]: key[2] for key in checked if key[:2] in set(own)}
    exact = {key for key in mine if key[0] != SKETCH}
    sketch = [key for key in own if key[0] == SKETCH]
    if not mine:
        raise VerificationError(
            f"presence proof: about other keys than this file's ({', '.join(k for _, k in own)})"
        )
    if how == "exact" and not any(mine[key] for key in exact):
        raise VerificationError("presence proof: the key that is present is not this file's")
    checked_sketch = sum(key in mine for key in sketch)
    if how == "sketch" and sum(mine.get(key, False) for key in sketch) < sketch_threshold(header.n_items):
        raise VerificationError("presence proof: the sketch keys that are present are not this file's")
    if how != "none":
        return
    kinds = [k for k in own if k[0].endswith("sha256") and k[0] in header.key_kinds and k not in mine]
    if kinds:
        names = ", ".join(kind for kind, _ in kinds)
        raise VerificationError(
            f"presence proof: absence without checking {names}; ask for a proof from the file"
        )
    if SKETCH in header.key_kinds and checked_sketch < SKETCH_SHARE * len(sketch):
        raise VerificationError(
            f"presence proof: absence with {checked_sketch} of {len(sketch)} sketch keys of this file checked"
        )


def _bytes(text: Any, name: str) -> bytes:
    try:
        if not isinstance(text, str):
            raise ValueError("not a text")
        data = base64.b64decode(text, validate=True)
        if base64.b64encode(data).decode() != text:
            raise ValueError("not written the one way")
        return data
    except (ValueError, binascii.Error) as error:
        raise VerificationError(f"presence proof: {name} is not base 64 ({error})") from error


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise VerificationError(f"presence proof: {str(text)[:80]!r} is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)
