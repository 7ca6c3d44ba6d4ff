"""The RFC 6962 tree over the commitments of a corpus: its head, and the way of one commitment to it.

Nodes are not kept: the heads over each 1,024 commitments are enough to make a way in a few milliseconds, however many
items there are.

References
----------
RFC 6962, "Certificate Transparency", section 2.1.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

BLOCK = 1024  # commitments whose tree head is kept


def tree_head(commitments: Iterable[bytes]) -> bytes:
    r"""Return the RFC 6962 tree head over leaf hashes, in one pass.

    Examples
    --------
    >>> one, two = bytes(32), bytes([1] * 32)
    >>> tree_head([one, two]) == hashlib.sha256(b"\x01" + one + two).digest()
    True
    """
    waiting: list[bytes] = []
    for n, commitment in enumerate(commitments, start=1):
        found = commitment
        for _ in range((n & -n).bit_length() - 1):  # as many complete subtrees end here
            found = hashlib.sha256(b"\x01" + waiting.pop() + found).digest()
        waiting.append(found)
    if not waiting:
        return hashlib.sha256(b"").digest()
    head = waiting.pop()
    while waiting:
        head = hashlib.sha256(b"\x01" + waiting.pop() + head).digest()
    return head


@dataclass(frozen=True, slots=True)
class CommitmentTree:
    """The RFC 6962 tree over the commitments of a corpus, without its nodes.

    Parameters
    ----------
    n_items : int
        Number of commitments.
    commitment : callable
        Gives the commitment of a number.
    blocks : sequence of bytes
        Heads of the trees over each 1,024 commitments, from `block_heads`.

    Examples
    --------
    >>> commitments = [bytes([i] * 32) for i in range(5)]
    >>> tree = CommitmentTree(5, commitments.__getitem__, block_heads(commitments))
    >>> tree.path(4) == [tree_head(commitments[:4])]
    True
    """

    n_items: int
    commitment: Callable[[int], bytes]
    blocks: Sequence[bytes]

    def path(self, number: int) -> list[bytes]:
        """Return the hashes that lead from a commitment to the head, from below."""
        low, high = 0, self.n_items
        found = []
        while high - low > 1:
            middle = low + (1 << (high - low - 1).bit_length() - 1)
            if number < middle:
                found.append(self._head(middle, high))
                high = middle
            else:
                found.append(self._head(low, middle))
                low = middle
        return found[::-1]

    def _head(self, low: int, high: int) -> bytes:
        if high - low <= BLOCK:
            return tree_head(map(self.commitment, range(low, high)))
        return tree_head(self.blocks[i] for i in range(low // BLOCK, -(-high // BLOCK)))


def block_heads(commitments: Iterable[bytes]) -> list[bytes]:
    """Return the tree heads over each 1,024 commitments, the last over what is left."""
    waiting = iter(commitments)
    found = []
    while block := list(itertools.islice(waiting, BLOCK)):
        found.append(tree_head(block))
    return found
