"""A whole keyed map, from its parts: what an answer shows is read from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from linernotes.corpus.keyed_map import bucket_of, needed_siblings, node_hash
from linernotes.corpus.map_part import MapPart


class KeyedMap:
    """Answers for positions.

    Parameters
    ----------
    tops : sequence of bytes
        Top hash of each part, 2**cut of them.
    depth : int
        Levels of the map.
    part : callable
        Gives the part of a number.

    Examples
    --------
    >>> import numpy as np
    >>> from linernotes.corpus.map_part import make_part
    >>> part = make_part(np.eye(2, 16, dtype=np.uint8), np.arange(2, dtype=np.uint32), 0)
    >>> made = KeyedMap([part.top()], 0, lambda number: part)
    >>> made.root == part.top(), made.bucket(0) == bytes(5), made.siblings([0])
    (True, True, [])
    """

    def __init__(self, tops: Sequence[bytes], depth: int, part: Callable[[int], MapPart]) -> None:
        self.depth, self._part = depth, part
        self._levels = [list(tops)]
        while len(self._levels[0]) > 1:
            below = self._levels[0]
            self._levels.insert(0, [node_hash(*below[i : i + 2]) for i in range(0, len(below), 2)])
        self._height = depth - self.cut

    @property
    def cut(self) -> int:
        """Leading bits by which the map is cut into parts."""
        return len(self._levels) - 1

    @property
    def root(self) -> bytes:
        """The hash that commits to the whole map."""
        return self._levels[0][0]

    def bucket_of(self, position: bytes) -> int:
        """Return the number of the bucket of a position."""
        return bucket_of(position, self.depth)

    def bucket(self, number: int) -> bytes:
        """Return the entries of one bucket."""
        return self._part(number >> self._height).bucket(number & ((1 << self._height) - 1))

    def siblings(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the hashes that an answer about some buckets shows, in their order."""
        return [self._node(level, number) for level, number in needed_siblings(numbers, self.depth)]

    def owners_of(self, number: int, entry: bytes) -> list[int]:
        """Return the items of one entry of a bucket."""
        part = self._part(number >> self._height)
        return part.owners_of(number & ((1 << self._height) - 1), entry)

    def _node(self, level: int, number: int) -> bytes:
        if level <= self.cut:
            return self._levels[level][number]
        below = level - self.cut
        return self._part(number >> below).node(below, number & ((1 << below) - 1))
