"""How a pass over a corpus is written: a fold; and what runs it: a runner.

A method that must look at every item says *what* to do with a shard of items and how two partial
results combine. It does not say where or in which order shards run: that is the business of a
`Runner`, which the caller injects. Shard boundaries come from the configuration of the run, never
from the number of workers, and shards are merged in shard order, so one process and forty give the
same bytes.

Conventions
-----------
A fold must be picklable. ``add`` must not change the state that it was given when that state came
from ``start``; ``merge(left, right)`` keeps item order: *left* holds the earlier items. A fold whose
single items are long work may carry ``shard_size``; it then overrides the runner's.

References
----------
Meijer, Fokkinga, Paterson (1991), "Functional programming with bananas, lenses, envelopes and
barbed wire"; Dean and Ghemawat (2004), "MapReduce".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

ItemT = TypeVar("ItemT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
StateT = TypeVar("StateT")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Fold(Protocol[ItemT_contra, StateT, ResultT_co]):
    """One pass over items: an initial state, a step, a combination, an end.

    Examples
    --------
    >>> class Total:
    ...     def start(self): return 0.0
    ...     def add(self, state, items): return state + sum(items)
    ...     def merge(self, left, right): return left + right
    ...     def finish(self, state): return state
    >>> fold = Total()
    >>> fold.finish(fold.merge(fold.add(fold.start(), [1, 2]), fold.add(fold.start(), [3])))
    6.0
    """

    def start(self) -> StateT:
        """Return the state before any item."""
        ...

    def add(self, state: StateT, items: Sequence[ItemT_contra]) -> StateT:
        """Return the state after one shard of items."""
        ...

    def merge(self, left: StateT, right: StateT) -> StateT:
        """Return the state of *left*'s items followed by *right*'s."""
        ...

    def finish(self, state: StateT) -> ResultT_co:
        """Turn the final state into the result."""
        ...


class Runner(Protocol):
    """Runs a fold over items; `linernotes.execution` has the engines."""

    def __call__(
        self, fold: Fold[ItemT, StateT, ResultT], items: Sequence[ItemT], *, name: str = "pass"
    ) -> ResultT:
        """Return the fold's result over *items*; *name* labels progress and stored shards."""
        ...
