"""Folds with known answers, for checking engines.

They live in the package, not in a test file, because worker processes must be able to import them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from linernotes.errors import InputError


@dataclass(frozen=True)
class FloatSum:
    """Adds numbers as floats: any change in the order of additions shows in the last bits.

    Examples
    --------
    >>> fold = FloatSum()
    >>> fold.finish(fold.add(fold.start(), [0.5, 0.25]))
    0.75
    """

    weight: float = 1.0

    def start(self) -> float:
        """Return 0."""
        return 0.0

    def add(self, state: float, items: Sequence[float]) -> float:
        """Add the weighted items, one by one."""
        for item in items:
            state += self.weight * item
        return state

    def merge(self, left: float, right: float) -> float:
        """Add two partial sums."""
        return left + right

    def finish(self, state: float) -> float:
        """Return the sum."""
        return state


@dataclass(frozen=True)
class SumOfThrees(FloatSum):
    """Asks for shards of three, whatever the engine's usual size."""

    shard_size: ClassVar[int] = 3


@dataclass(frozen=True)
class Concatenation:
    """Lists the items: any change in the order of shards shows."""

    def start(self) -> tuple[object, ...]:
        """Return nothing."""
        return ()

    def add(self, state: tuple[object, ...], items: Sequence[object]) -> tuple[object, ...]:
        """Append the items."""
        return (*state, *items)

    def merge(self, left: tuple[object, ...], right: tuple[object, ...]) -> tuple[object, ...]:
        """Append the later items to the earlier ones."""
        return left + right

    def finish(self, state: tuple[object, ...]) -> tuple[object, ...]:
        """Return the items in order."""
        return state


@dataclass(frozen=True)
class Refusal(FloatSum):
    """Refuses one item: the error must reach whoever started the run."""

    refused: float = 0.0

    def add(self, state: float, items: Sequence[float]) -> float:
        """Add the items, unless the refused one is among them.

        Raises
        ------
        InputError
            At the refused item.
        """
        if self.refused in items:
            raise InputError(f"item {self.refused!r}: refused, as this fold is made to do")
        return super().add(state, items)
