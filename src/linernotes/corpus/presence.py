"""Proof that a recording is in a sealed corpus, or that it is not, without showing the corpus.

Idea
----
The corpus header commits to a keyed Merkle map (`linernotes.corpus.keyed_map`) and to the public key of a VRF
(`linernotes.corpus.vrf`). For each key of a recording (`linernotes.corpus.lookup_keys`) a proof shows the one
position that belongs to it, with the VRF's proof, and what the map holds there, with a way to the map's root.
The header travels in the proof and hashes to the corpus root, so whoever trusts a root needs nothing else.

Exact keys decide by themselves: one that is present is enough. Sketch keys decide together: the proof shows the
commitments to the items under each sketch key that is present, and where at least `sketch_threshold` of
them stand on *one* item, the sound counts as present. A commitment says nothing about its item
(`linernotes.corpus.commitment`); it only shows that two keys are of the same one.

Conventions
-----------
A proof is JSON; hashes and positions are lower-case hexadecimal, VRF proofs and ways are base 64. A way is the
siblings from the map's root downward, 32 bytes each, zeros for an empty subtree. A recording counts as absent
when all checked keys are.

References
----------
RFC 9381; Melara et al. (2015), "CONIKS: bringing key transparency to end users", for a map with VRF positions;
Micali, Rabin, Kilian (2003), "Zero-knowledge sets", for what the strongest construction would hide.

Known limits
------------
See `linernotes.corpus.presence_answer.SCOPE`, which stands in every proof. A proof of absence shows one other
position, which nobody else can read. A recording that its provider never entered is absent, and the proof of
that is valid: it binds him to having said so.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from linernotes.corpus import vrf
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import verify_map_proof
from linernotes.corpus.lookup_keys import SKETCH, Key, alpha_of, position_from
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
from linernotes.corpus.presence_check import verify_presence

if TYPE_CHECKING:
    from linernotes.corpus.map_buckets import KeyedMap
    from linernotes.corpus.seal import SealedCorpus

__all__ = [
    "FORMAT",
    "SCOPE",
    "PresenceAnswer",
    "keys_of_file",
    "prove_from",
    "prove_presence",
    "sketch_threshold",
    "verify_presence",
]


class MapHolder(Protocol):
    """What proofs are drawn from: a map in memory, or a snapshot's folder."""

    @property
    def vrf_key(self) -> vrf.VrfKey:
        """The key that computes positions."""

    @property
    def map(self) -> KeyedMap:
        """The keyed map."""

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""

    def opening(self, number: int) -> dict[str, Any]:
        """Return what opens the commitment to one item."""


def keys_of_file(path: Path | str) -> dict[str, str]:
    """Return the exact keys of an audio file: hash of its bytes, hash of its decoded sound.

    Raises
    ------
    InputError
        If the file is not readable as audio.
    """
    from linernotes.audio.files import file_sha256, read_with_facts
    from linernotes.corpus.manifest import audio_sha256

    audio, _facts = read_with_facts(path, allow_silence=True)
    return {"content_sha256": file_sha256(Path(path)), "audio_sha256": audio_sha256(audio)}


def prove_presence(corpus: SealedCorpus, keys: KeysGiven, *, open_items: bool = False) -> dict[str, Any]:
    """Make a proof of presence or absence for one recording.

    Parameters
    ----------
    corpus : SealedCorpus
        With its private manifest; its map is computed anew. `prove_from` reads a stored one.
    keys : dict of str to str or list, or iterable of (kind, key)
        As from `keys_of_file`; several keys of one kind are possible.
    open_items : bool
        Whether the records of the items found are shown.

    Returns
    -------
    dict
        JSON-ready proof; unless opened, it shows no title and no other key.

    Raises
    ------
    InputError
        If no key is given, or one is malformed.
    VerificationError
        If the manifest no longer gives the sealed root.
    """
    header, made = corpus.verified_map()
    return prove_from(header, made, keys, open_items=open_items)


def prove_from(
    header: Header, holder: MapHolder, keys: KeysGiven, *, open_items: bool = False
) -> dict[str, Any]:
    """Make a proof from a map that is at hand; parameters and errors as `prove_presence`."""
    wanted = key_list(keys)  # a kind that the corpus never enters is absent, and named as not checked
    shown = [_prove_key(key, holder, header, open_items) for key in wanted if key[0] != SKETCH]
    if not any(entry["present"] and entry["kind"].endswith("sha256") for entry in shown):
        shown += [_prove_key(key, holder, header, open_items) for key in wanted if key[0] == SKETCH]
    present, _how, _matches = verdict(shown, header.n_items)
    return {
        "format": FORMAT,
        "root": header.root,
        "header": header.as_json(),
        "present": present,
        "keys": shown,
        "not_checked": list(not_checked(shown, header)),
        "scope": SCOPE,
    }


def _prove_key(key: Key, holder: MapHolder, header: Header, open_items: bool) -> dict[str, Any]:
    kind, name = key
    vrf_proof = holder.vrf_key.prove(alpha_of(kind, name))
    position = position_from(kind, name, vrf.output_from(vrf_proof))
    found = holder.map.find(position)
    verify_map_proof(
        position, found.proof, bytes.fromhex(header.map_root)
    )  # a damaged file is found out here
    value, other = found.proof.value, found.proof.other
    tells = found.proof.present and (open_items or kind == SKETCH)
    return {
        "kind": kind,
        "key": name,
        "present": found.proof.present,
        "vrf": base64.b64encode(vrf_proof).decode(),
        "way": base64.b64encode(b"".join(found.proof.siblings)).decode(),
        "value": value.hex() if value else None,
        "other": {"position": other[0].hex(), "value": other[1].hex()} if other else None,
        "commitments": sorted(holder.commitment(n).hex() for n in found.owners) if tells else None,
        "opened": [holder.opening(n) for n in found.owners] if tells and open_items else None,
    }
