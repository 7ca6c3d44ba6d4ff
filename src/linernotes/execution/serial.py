"""The specification of a run: one for-loop over shards, merged in order.

Every other engine must give what this one gives, bit for bit.

Examples
--------
>>> from linernotes.testing.folds import FloatSum
>>> SerialRunner(shard_size=2)(FloatSum(), [0.1, 0.2, 0.3])
0.6000000000000001
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from linernotes.execution.shards import Progress, no_progress, size_for, split_into_shards
from linernotes.execution.threads import limit_torch, one_thread

if TYPE_CHECKING:
    from linernotes.execution.resume import ShardStore
    from linernotes.folds import Fold, ItemT, ResultT, StateT


@dataclass(frozen=True)
class SerialRunner:
    """Runs a fold in this process, one shard after the other.

    Parameters
    ----------
    shard_size : int >= 1
        Items per shard; it belongs to the configuration of a run, because it decides the order of additions.
    store : ShardStore, optional
        Where finished shards are kept, so that an interrupted run resumes.
    progress : callable, optional
        Called as ``progress(name, n_done, n_shards)``.
    """

    shard_size: int = 16
    store: ShardStore | None = None
    progress: Progress | None = None

    def __call__(
        self, fold: Fold[ItemT, StateT, ResultT], items: Sequence[ItemT], *, name: str = "pass"
    ) -> ResultT:
        """Return the fold's result over *items*.

        Raises
        ------
        InputError
            If the shard size is not positive.
        """
        progress = self.progress or no_progress
        shards = split_into_shards(items, size_for(fold, self.shard_size))
        keys = self.store.keys(fold, shards, name) if self.store else []
        state: StateT | None = None
        progress(name, 0, len(shards))
        with one_thread():
            for i, shard in enumerate(shards):
                if self.store and self.store.has(keys[i]):
                    part = self.store.load(keys[i])
                else:
                    part = fold.add(fold.start(), shard)
                    limit_torch()  # the fold may have been the first to import it
                    if self.store:
                        self.store.save(keys[i], part)
                state = part if i == 0 else fold.merge(state, part)  # type: ignore[arg-type]  # set at i == 0
                progress(name, i + 1, len(shards))
            return fold.finish(fold.start() if state is None else state)
