"""Proof that a recording is in a sealed corpus, or that it is not, without showing the corpus.

Idea
----
The corpus header commits to two keyed Merkle maps (`linernotes.corpus.keyed_map`), one of exact keys and one of sketch
keys, and to the public key of a VRF (`linernotes.corpus.vrf`). A proof shows, for each key of a recording
(`linernotes.corpus.lookup_keys`), the VRF's proof of its position, and for each map the buckets that these
positions lie in, with the hashes that lead from all of them together to the map's root. The header travels in the
proof and hashes to the corpus root, so whoever trusts a root needs nothing else.

Exact keys decide by themselves: one that is present is enough. Sketch keys decide together: under each, the map holds
the beginnings of the commitments of the items that it belongs to, and where at least `sketch_threshold` of them stand on
*one* item, the sound counts as present. They are shown when no exact key is present, or where they are asked for.

Conventions
-----------
A proof is a file of bytes in the one spelling of `linernotes.corpus.presence_bytes`. A recording counts as absent when
all checked keys are.

References
----------
RFC 9381; Melara et al. (2015), "CONIKS: bringing key transparency to end users", for a map with VRF positions;
Micali, Rabin, Kilian (2003), "Zero-knowledge sets", for what the strongest construction would hide.

Known limits
------------
See `linernotes.corpus.presence_answer.SCOPE`, which stands in every answer. Beside each key, a proof shows some eight
entries of others, which only their owners could read. A recording that its provider never entered is absent, and the
proof of that is valid: it binds him to having said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from linernotes.auditlog.merkle import verify_inclusion
from linernotes.corpus import vrf
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import (
    EXACT_TAG,
    SKETCH_TAG,
    handles_of,
    is_entered,
    masked,
    root_from,
)
from linernotes.corpus.lookup_keys import SKETCH, SKETCH_BEGINNING, Key, alpha_of, position_from
from linernotes.corpus.presence_answer import (
    SCOPE,
    KeysGiven,
    PresenceAnswer,
    key_list,
    sketch_threshold,
)
from linernotes.corpus.presence_bytes import (
    MAX_KEYS,
    MapAnswer,
    Opening,
    PresenceProof,
    beginnings,
    key_bytes,
)
from linernotes.corpus.presence_check import verify_presence
from linernotes.errors import InputError, VerificationError

if TYPE_CHECKING:
    from linernotes.corpus.map_whole import KeyedMap
    from linernotes.corpus.seal import SealedCorpus

__all__ = [
    "SCOPE",
    "PresenceAnswer",
    "keys_of_file",
    "prove_from",
    "prove_presence",
    "sketch_threshold",
    "verify_presence",
]

MAX_OPENED = 16


class MapHolder(Protocol):
    """What proofs are drawn from: maps in memory, or a snapshot's folder."""

    @property
    def vrf_key(self) -> vrf.VrfKey:
        """The key that computes positions."""

    @property
    def exact(self) -> KeyedMap:
        """The map of exact keys."""

    @property
    def sketch(self) -> KeyedMap:
        """The map of sketch keys."""

    def commitment(self, number: int) -> bytes:
        """Return the commitment to one item."""

    def opening(self, number: int) -> tuple[bytes, list[bytes]]:
        """Return the leaf of one item, and the way of its commitment to the manifest's root."""


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


def prove_presence(
    corpus: SealedCorpus, keys: KeysGiven, *, open_items: bool = False, sketch: bool | None = None
) -> bytes:
    """Make a proof of presence or absence for one recording.

    Parameters
    ----------
    corpus : SealedCorpus
        With its private manifest; its maps are computed anew. `prove_from` reads stored ones.
    keys : dict of str to str or list, or iterable of (kind, key)
        As from `keys_of_file`; several keys of one kind are possible.
    open_items : bool
        Whether the records of the items found are shown; of many, the first 16.
    sketch : bool, optional
        Whether sketch keys are looked up; when no exact key is present, if None.

    Returns
    -------
    bytes
        The file of the proof; unless opened, it shows no title and no other key.

    Raises
    ------
    InputError
        If no key is given, or one is malformed, or they are too many.
    VerificationError
        If the manifest no longer gives the sealed root.
    """
    header, made = corpus.verified_map()
    return prove_from(header, made, keys, open_items=open_items, sketch=sketch)


def prove_from(
    header: Header,
    holder: MapHolder,
    keys: KeysGiven,
    *,
    open_items: bool = False,
    sketch: bool | None = None,
) -> bytes:
    """Make a proof from maps that are at hand; parameters and errors as `prove_presence`."""
    wanted = sorted(
        key_list(keys), key=key_bytes
    )  # a kind that the corpus never enters is named as not checked
    by_sound = [key for key in wanted if key[0] == SKETCH]
    named = [key for key in wanted if key[0] != SKETCH]
    if max(len(named), len(by_sound)) > MAX_KEYS:
        raise InputError(f"presence: {len(wanted)} keys; expected at most {MAX_KEYS} of one recording")
    owners: set[int] = set()
    exact = MapAnswer()
    if named:
        exact, owners = _prove_exact(named, header, holder)
    answer = MapAnswer()
    if by_sound and (not named or sketch or (sketch is None and not owners)):
        answer, heard = _prove_sketch(by_sound, header, holder)
        owners |= heard
    opened = [_opened(number, header, holder) for number in sorted(owners)[:MAX_OPENED]] if open_items else []
    return PresenceProof(header, exact, answer, tuple(opened)).to_bytes()


def _prove_exact(keys: Sequence[Key], header: Header, holder: MapHolder) -> tuple[MapAnswer, set[int]]:
    proofs = [holder.vrf_key.prove(alpha_of(*key)) for key in keys]
    positions = [position_from(*key, vrf.output_from(proof)) for key, proof in zip(keys, proofs, strict=True)]
    shown, siblings = _shown(holder.exact, positions, header.exact_root)
    owners: set[int] = set()
    for position in positions:
        number = holder.exact.bucket_of(position)
        if is_entered(position, shown[number]):
            owners.update(holder.exact.owners_of(number, position[8 : 8 + EXACT_TAG]))
    return MapAnswer(tuple(keys), tuple(proofs), tuple(shown.values()), tuple(siblings)), owners


def _prove_sketch(keys: Sequence[Key], header: Header, holder: MapHolder) -> tuple[MapAnswer, set[int]]:
    proofs = {one: holder.vrf_key.prove(alpha_of(SKETCH, one)) for one in beginnings(keys)}
    outputs = {one: vrf.output_from(proof) for one, proof in proofs.items()}
    positions = [position_from(*key, outputs[key[1][:SKETCH_BEGINNING]]) for key in keys]
    shown, siblings = _shown(holder.sketch, positions, header.sketch_root)
    counts: Counter[int] = Counter()
    for position in positions:
        number = holder.sketch.bucket_of(position)
        for handle in handles_of(position, shown[number]):
            entry = position[8 : 8 + SKETCH_TAG] + masked(position, handle)
            counts.update(holder.sketch.owners_of(number, entry))
    enough = {owner for owner, n in counts.items() if n >= sketch_threshold(header.n_items)}
    return MapAnswer(tuple(keys), tuple(proofs.values()), tuple(shown.values()), tuple(siblings)), enough


def _shown(
    keyed_map: KeyedMap, positions: Iterable[bytes], root: str
) -> tuple[Mapping[int, bytes], list[bytes]]:
    """Return the buckets of positions by number, and the hashes beside their ways."""
    numbers = sorted({keyed_map.bucket_of(position) for position in positions})
    shown = {number: keyed_map.bucket(number) for number in numbers}
    siblings = keyed_map.siblings(numbers)
    if root_from(shown, siblings, keyed_map.depth).hex() != root:  # a damaged file is found out here
        raise VerificationError(
            "presence: the stored map no longer leads to its sealed root; restore the snapshot"
        )
    return shown, siblings


def _opened(number: int, header: Header, holder: MapHolder) -> Opening:
    leaf, path = holder.opening(number)
    root = bytes.fromhex(header.manifest_root)
    verify_inclusion(holder.commitment(number), number, header.n_items, path, root)
    return Opening(number, leaf, tuple(path))
