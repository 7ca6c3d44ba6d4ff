"""How items are cut into shards, and what a progress callback looks like.

Conventions
-----------
A shard is a run of consecutive items. Its bounds depend on the shard size alone, never on how many
workers there are: that is what makes results independent of the machine. A fold whose items are long
work each may carry ``shard_size``, which overrides the runner's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from linernotes.errors import InputError

ItemT = TypeVar("ItemT")

Progress = Callable[[str, int, int], None]
"""Called with the name of the pass, the number of finished shards and the number of all shards."""


def split_into_shards(items: Sequence[ItemT], shard_size: int) -> list[Sequence[ItemT]]:
    """Cut items into consecutive shards of *shard_size*; the last may be smaller.

    Raises
    ------
    InputError
        If *shard_size* is not positive.

    Examples
    --------
    >>> split_into_shards([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4], [5]]
    """
    if shard_size < 1:
        raise InputError(f"shard size {shard_size}: expected at least 1 item per shard")
    return [items[first : first + shard_size] for first in range(0, len(items), shard_size)]


def size_for(fold: object, shard_size: int) -> int:
    """Return the shard size of a run: the fold's own where it carries one, else the runner's.

    Examples
    --------
    >>> size_for(object(), 16)
    16
    """
    return int(getattr(fold, "shard_size", shard_size))


def no_progress(name: str, done: int, total: int) -> None:
    """Report nothing."""
