"""Presence proofs for what an owner asks about, from the committed map of the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from linernotes.corpus.presence import prove_from
from linernotes.corpus.presence_bytes import MAX_KEYS

if TYPE_CHECKING:
    from linernotes.corpus.snapshot import Snapshot


def prove_work(snapshot: Snapshot, codes: Mapping[str, Sequence[str]]) -> bytes | None:
    """Return the proof for one work, or None where it has no key of a kind that the map enters.

    Parameters
    ----------
    snapshot : Snapshot
        The sealed corpus, from `linernotes.workflows.presence.open_snapshot`.
    codes : mapping of str to sequence of str
        Normalised keys by kind.

    Raises
    ------
    VerificationError
        If the stored snapshot no longer gives its root.
    """
    keys = [(kind, key) for kind, values in codes.items() for key in values]
    keys = [key for key in dict.fromkeys(keys) if key[0] in snapshot.header.key_kinds][:MAX_KEYS]
    return prove_from(snapshot.header, snapshot, keys) if keys else None
