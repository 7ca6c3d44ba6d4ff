"""The check of a proof of presence: offline, from the proof and a trusted root alone.

Every byte of a proof counts: what is not in the one expected form is refused, so a proof that verifies says what
it says and nothing was added. Nothing heavier than libsodium is imported, unless records are opened.

Conventions
-----------
`linernotes.corpus.presence` tells what a proof is made of; ``docs/methods/seal.md`` has the formats in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from linernotes.auditlog.merkle import verify_inclusion
from linernotes.corpus import vrf
from linernotes.corpus.header import Header
from linernotes.corpus.keyed_map import (
    EXACT_WIDTH,
    HANDLE_BYTES,
    SKETCH_WIDTH,
    bucket_of,
    depth_of,
    handles_of,
    is_entered,
    root_from,
    split,
)
from linernotes.corpus.lookup_keys import SKETCH, SKETCH_BEGINNING, Key, alpha_of, position_from
from linernotes.corpus.presence_answer import (
    KeysGiven,
    PresenceAnswer,
    key_list,
    not_checked,
    sketch_threshold,
    verdict,
)
from linernotes.corpus.presence_bytes import MapAnswer, PresenceProof, beginnings
from linernotes.errors import VerificationError

if TYPE_CHECKING:
    from linernotes.corpus.manifest import Item

Checked = tuple[str, str, bool]


def verify_presence(
    proof: bytes,
    root: str,
    *,
    file_keys: KeysGiven | None = None,
    about: KeysGiven | None = None,
) -> PresenceAnswer:
    """Check a proof against a root that the reader trusts; needs no network and no corpus.

    Parameters
    ----------
    proof : bytes
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
    found = PresenceProof.from_bytes(proof)
    header = found.header
    if header.root != root:
        raise VerificationError(
            f"presence proof: made for root {header.root}; expected the trusted root {root}"
        )
    if not found.exact.keys and not found.sketch.keys:
        raise VerificationError("presence proof: lists no key")
    exact = _verify_exact(found.exact, header)
    sketch, counts = _verify_sketch(found.sketch, header)
    checked = (*exact, *sketch)
    most = max(counts.values(), default=0)
    present, how = verdict(checked, most, header.n_items)
    if file_keys is not None:
        _check_file(checked, key_list(file_keys), header, how, most)
    if about is not None and not set(key_list(about)) & {key[:2] for key in checked}:
        raise VerificationError(
            "presence proof: about other keys than the one asked for; ask for its own proof"
        )
    left_out = not_checked(checked, header)
    items = _opened_items(found, checked, counts)
    return PresenceAnswer(
        present, how, header.root, header.n_items, checked, left_out, most, items, len(proof)
    )


def _verify_exact(answer: MapAnswer, header: Header) -> list[Checked]:
    public = bytes.fromhex(header.vrf_public)
    outputs = [
        vrf.verify(public, alpha_of(*key), proof)
        for key, proof in zip(answer.keys, answer.vrf_proofs, strict=True)
    ]
    positions = [position_from(*key, output) for key, output in zip(answer.keys, outputs, strict=True)]
    depth = depth_of(header.n_exact_keys)
    buckets = _buckets(answer, positions, depth, header.exact_root, EXACT_WIDTH)
    return [
        (*key, is_entered(position, buckets[bucket_of(position, depth)]))
        for key, position in zip(answer.keys, positions, strict=True)
    ]


def _verify_sketch(answer: MapAnswer, header: Header) -> tuple[list[Checked], Counter[bytes]]:
    """Return the sketch keys, and how many stand on each item."""
    public = bytes.fromhex(header.vrf_public)
    outputs = {
        beginning: vrf.verify(public, alpha_of(SKETCH, beginning), proof)
        for beginning, proof in zip(beginnings(answer.keys), answer.vrf_proofs, strict=True)
    }
    positions = [position_from(*key, outputs[key[1][:SKETCH_BEGINNING]]) for key in answer.keys]
    depth = depth_of(header.n_sketch_keys)
    buckets = _buckets(answer, positions, depth, header.sketch_root, SKETCH_WIDTH)
    handles = [handles_of(position, buckets[bucket_of(position, depth)]) for position in positions]
    checked = [(*key, bool(some)) for key, some in zip(answer.keys, handles, strict=True)]
    return checked, Counter(handle for some in handles for handle in some)


def _buckets(
    answer: MapAnswer, positions: Sequence[bytes], depth: int, root: str, width: int
) -> dict[int, bytes]:
    """Return the buckets shown by number, after they were seen to lead to the root, and no other."""
    numbers = sorted({bucket_of(position, depth) for position in positions})
    if len(numbers) != len(answer.buckets):
        raise VerificationError("presence proof: shows other buckets than those that its keys lie in")
    found = dict(zip(numbers, answer.buckets, strict=True))
    for entries in answer.buckets:
        split(entries, width)
    if not numbers:
        if answer.siblings:
            raise VerificationError("presence proof: shows hashes that no way needs")
        return {}
    made = root_from(found, answer.siblings, depth).hex()
    if made != root:
        raise VerificationError(f"presence proof: leads to root {made[:12]}…, the map has {root[:12]}…")
    return found


def _opened_items(
    proof: PresenceProof, checked: Sequence[Checked], counts: Counter[bytes]
) -> tuple[Item, ...]:
    if not proof.opened:
        return ()
    from linernotes.corpus.commitment import commitment_of, opened  # reads items; most proofs open none

    header = proof.header
    present = {key[:2] for key in checked if key[2]}
    enough = {handle for handle, n in counts.items() if n >= sketch_threshold(header.n_items)}
    items = []
    for one in proof.opened:
        commitment = commitment_of(one.leaf)
        root = bytes.fromhex(header.manifest_root)
        verify_inclusion(commitment, one.number, header.n_items, one.path, root)
        item = opened(one.leaf)
        named = any(key in present for key in item.lookup_keys() if key[0] != SKETCH)
        if not named and commitment[:HANDLE_BYTES] not in enough:
            raise VerificationError(
                "presence proof: opens a record that stands under none of the keys found; ask for it again"
            )
        items.append(item)
    return tuple(items)


def _check_file(checked: Sequence[Checked], own: Sequence[Key], header: Header, how: str, most: int) -> None:
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
    left_out = len(sketch) - checked_sketch  # as many may be left out as could not make it present
    if SKETCH in header.key_kinds and left_out and most + left_out >= sketch_threshold(header.n_items):
        raise VerificationError(
            f"presence proof: absence with {checked_sketch} of {len(sketch)} sketch keys of this file checked; "
            "the others could show that it is present: ask for a proof about all of them"
        )
