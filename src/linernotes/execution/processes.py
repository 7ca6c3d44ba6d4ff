"""Local worker processes that give what the for-loop gives, bit for bit.

Each worker is a freshly spawned Python with one numerical thread. It receives the fold once per pass,
then one shard of items at a time, and answers with the pickled state. States are merged in shard order
as soon as the next one in order is there. Workers stay alive between passes until `close`.

Conventions
-----------
A worker that dies costs its shard one retry in a new worker; a second death of the same shard is an
error. An exception inside a fold is raised here, the earliest shard's first. An interrupt stops the
workers at once; the shards finished before it stay in the store.

Known limits
------------
Fold and items must be picklable and importable in a new Python. A script that uses this engine needs
the ``if __name__ == "__main__":`` guard.

References
----------
Dean and Ghemawat (2004), "MapReduce: simplified data processing on large clusters", section 3.3.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from linernotes.errors import InputError, LinernotesError
from linernotes.execution.shards import Progress, no_progress, size_for, split_into_shards
from linernotes.execution.threads import one_thread
from linernotes.execution.worker import Worker, start_worker

if TYPE_CHECKING:
    from linernotes.execution.resume import ShardStore
    from linernotes.folds import Fold, ItemT, ResultT, StateT

MAX_ATTEMPTS = 2


class ProcessRunner:
    """Runs a fold on worker processes of this machine.

    Parameters
    ----------
    n_workers : int >= 1
        How many processes; the result does not depend on it.
    shard_size : int >= 1
        Items per shard; the result does depend on it, in the last bits.
    store : ShardStore, optional
        Where finished shards are kept, so that an interrupted run resumes.
    progress : callable, optional
        Called as ``progress(name, n_done, n_shards)``.

    Raises
    ------
    InputError
        If *n_workers* is not positive.
    """

    def __init__(
        self,
        n_workers: int,
        shard_size: int = 16,
        store: ShardStore | None = None,
        progress: Progress | None = None,
    ) -> None:
        if n_workers < 1:
            raise InputError(f"{n_workers} workers: expected at least 1")
        self.n_workers = n_workers
        self.shard_size = shard_size
        self.store = store
        self.progress = progress or no_progress
        self._workers: list[Worker] = []

    def __call__(
        self, fold: Fold[ItemT, StateT, ResultT], items: Sequence[ItemT], *, name: str = "pass"
    ) -> ResultT:
        """Return the fold's result over *items*.

        Raises
        ------
        InputError
            If the shard size is not positive, or fold or items cannot be pickled.
        LinernotesError
            If a worker dies twice on the same shard.
        """
        shards = split_into_shards(items, size_for(fold, self.shard_size))
        try:
            result: ResultT = _Pass(self, fold, shards, name).run()
            return result
        except BaseException:
            self.close()  # an interrupt, a defect or a bad item: no worker may go on computing
            raise

    def workers(self, n_wanted: int) -> list[Worker]:
        """Return living workers, starting what is missing of the *n_wanted*."""
        self._workers = [worker for worker in self._workers if worker.process.is_alive()]
        with one_thread():
            while len(self._workers) < n_wanted:
                self._workers.append(start_worker())
        return self._workers[:n_wanted]

    def close(self) -> None:
        """Stop all workers at once."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Pass:
    """One fold over one list of shards."""

    def __init__(self, runner: ProcessRunner, fold: Any, shards: Sequence[Sequence[Any]], name: str) -> None:
        self.runner, self.fold, self.shards, self.name = runner, fold, shards, name
        self.store = runner.store
        self.keys = self.store.keys(fold, shards, name) if self.store else []
        self.waiting: dict[int, Any] = {}  # states that came before their turn
        self.merged: Any = None
        self.n_merged = 0
        self.n_done = 0
        self.attempts: dict[int, int] = {}
        self.busy: dict[Connection, tuple[Worker, int]] = {}
        self.failures: dict[int, BaseException] = {}

    def run(self) -> Any:
        self.runner.progress(self.name, 0, len(self.shards))
        todo = deque(i for i in range(len(self.shards)) if not self._stored(i))
        with one_thread():  # merging must add as the for-loop adds
            self._merge_in_order()
            if todo:
                self._compute(todo)
            return self.fold.finish(self.merged if self.shards else self.fold.start())

    def _stored(self, i: int) -> bool:
        if self.store is None or not self.store.has(self.keys[i]):
            return False
        self._accept(i, self.store.load(self.keys[i]))
        return True

    def _compute(self, todo: deque[int]) -> None:
        body = _pickled(self.fold, "the fold")
        free: list[Worker] = []
        for worker in self.runner.workers(min(self.runner.n_workers, len(todo))):
            self._give_fold(worker, body, free)
        while self.busy or (todo and not self.failures):
            while todo and not self.failures and self._has_worker(free, body):
                self._give_shard(free.pop(), todo)
            self._collect(todo, free)
        if self.failures:
            raise self.failures[min(self.failures)]

    def _has_worker(self, free: list[Worker], body: bytes) -> bool:
        if not free and len(self.busy) < self.runner.n_workers:  # one died: start its successor
            known = {worker for worker, _ in self.busy.values()}
            for worker in self.runner.workers(len(self.busy) + 1):
                if worker not in known:
                    self._give_fold(worker, body, free)
        return bool(free)

    def _give_fold(self, worker: Worker, body: bytes, free: list[Worker]) -> None:
        try:
            worker.connection.send_bytes(pickle.dumps(("fold", body), protocol=5))
        except OSError:
            worker.kill()  # it died while idle; a new one is started when it is needed
        else:
            free.append(worker)

    def _give_shard(self, worker: Worker, todo: deque[int]) -> None:
        i = todo.popleft()
        body = _pickled(("shard", i, self.shards[i]), f"shard {i} of the items")
        self.busy[worker.connection] = (worker, i)
        try:
            worker.connection.send_bytes(body)
        except OSError:
            self._died(worker, i, todo)

    def _collect(self, todo: deque[int], free: list[Worker]) -> None:
        for ready in wait(list(self.busy)):
            worker, i = self.busy[ready]  # type: ignore[index]  # `wait` returns what it was given
            try:
                answer = pickle.loads(worker.connection.recv_bytes())  # noqa: S301  (from our own worker)
            except (EOFError, OSError):
                self._died(worker, i, todo)
                continue
            del self.busy[worker.connection]
            free.append(worker)
            kind, payload = answer
            if kind == "failed":
                self.failures[i] = payload
            else:
                if self.store:
                    self.store.save_pickled(self.keys[i], payload)
                self._accept(i, pickle.loads(payload))  # noqa: S301  (from our own worker)
                self._merge_in_order()

    def _died(self, worker: Worker, i: int, todo: deque[int]) -> None:
        del self.busy[worker.connection]
        worker.kill()
        self.attempts[i] = self.attempts.get(i, 0) + 1
        if self.attempts[i] < MAX_ATTEMPTS:
            todo.appendleft(i)
            return
        first = sum(len(shard) for shard in self.shards[:i])
        last = first + len(self.shards[i]) - 1
        self.failures[i] = LinernotesError(
            f"{self.name}: a worker process died {MAX_ATTEMPTS} times on shard {i} (items {first}–{last}, "
            f"exit code {worker.process.exitcode}); the machine may be out of memory: use fewer workers or "
            "smaller shards and run again"
        )

    def _accept(self, i: int, state: Any) -> None:
        self.waiting[i] = state
        self.n_done += 1
        self.runner.progress(self.name, self.n_done, len(self.shards))

    def _merge_in_order(self) -> None:
        while self.n_merged in self.waiting:
            part = self.waiting.pop(self.n_merged)
            self.merged = part if self.n_merged == 0 else self.fold.merge(self.merged, part)
            self.n_merged += 1


def _pickled(value: object, what: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(
            f"{what} cannot be sent to a worker process ({error}); define its class at module level and keep "
            "open files, locks and lambdas out of it"
        ) from error
