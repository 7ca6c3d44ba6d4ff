"""Folds on a Ray cluster: the shards of a pass on as many machines as there are, the same bits as the loop.

Each shard is one Ray task. The fold goes to the cluster's object store once per pass; a bounded number of
tasks is in flight, so that neither items nor states pile up; states are merged here, in shard order. A
task whose worker or machine dies is run again elsewhere.

Conventions
-----------
Every machine of the cluster has this package and reads the files that items name under the same paths.
A running cluster is joined by its address (or the environment variable ``RAY_ADDRESS``); without one, Ray
is started on this machine.

Known limits
------------
Needs the extra ``ray``. Ray starts slowly on small loaded machines; its time-outs are raised for that.

References
----------
Moritz et al. (2018), "Ray: a distributed framework for emerging AI applications", OSDI.
"""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from linernotes.errors import InputError, LinernotesError, MissingExtra
from linernotes.execution.shards import Progress, no_progress, size_for, split_into_shards
from linernotes.execution.threads import THREAD_VARIABLES, limit_torch, one_thread

if TYPE_CHECKING:
    from linernotes.execution.resume import ShardStore
    from linernotes.folds import Fold, ItemT, ResultT, StateT

_TIME_OUTS = {"RAY_worker_register_timeout_seconds": "180", "RAY_raylet_start_wait_time_s": "180"}


class RayRunner:
    """Runs a fold on a Ray cluster.

    Parameters
    ----------
    shard_size : int >= 1
        Items per shard; it belongs to the configuration of a run, because it decides the order of additions.
    store : ShardStore, optional
        Where finished shards are kept, so that an interrupted run resumes.
    progress : callable, optional
        Called as ``progress(name, n_done, n_shards)``.
    address : str, optional
        Of a running cluster, such as ``ray://head:10001`` or ``auto``.
    n_workers : int >= 1, optional
        Shards in flight; twice the CPUs of the cluster when not given.
    max_retries : int >= 0
        How often a shard is run again whose worker died.

    Raises
    ------
    MissingExtra
        If Ray is not installed.
    InputError
        If there is no cluster at the address.
    """

    def __init__(
        self,
        shard_size: int = 16,
        store: ShardStore | None = None,
        progress: Progress | None = None,
        *,
        address: str | None = None,
        n_workers: int | None = None,
        max_retries: int = 2,
    ) -> None:
        self.shard_size = shard_size
        self.store = store
        self.progress = progress or no_progress
        self.max_retries = max_retries
        self._ray = _ray()
        self._is_ours = _connect(self._ray, address)
        self.n_workers = n_workers or max(2, 2 * int(self._ray.cluster_resources().get("CPU", 1)))

    def __call__(
        self, fold: Fold[ItemT, StateT, ResultT], items: Sequence[ItemT], *, name: str = "pass"
    ) -> ResultT:
        """Return the fold's result over *items*.

        Raises
        ------
        InputError
            If the shard size is not positive, or fold or items cannot be pickled.
        LinernotesError
            If a shard's worker died more often than it is run again.
        """
        shards = split_into_shards(items, size_for(fold, self.shard_size))
        keys = self.store.keys(fold, shards, name) if self.store else []
        result: ResultT = _Pass(self, fold, shards, keys, name).run()
        return result

    def close(self) -> None:
        """Leave the cluster; one that this runner started ends."""
        if self._is_ours:
            self._ray.shutdown()
            self._is_ours = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Pass:
    """One fold over one list of shards."""

    def __init__(
        self, runner: RayRunner, fold: Any, shards: list[Sequence[Any]], keys: list[str], name: str
    ) -> None:
        self.runner, self.fold, self.shards, self.keys, self.name = runner, fold, shards, keys, name
        self.ray, self.store = runner._ray, runner.store
        self.flying: dict[Any, int] = {}
        self.waiting: dict[int, Any] = {}  # states that came before their turn
        self.failures: dict[int, BaseException] = {}
        self.merged: Any = None
        self.n_merged = 0

    def run(self) -> Any:
        self.runner.progress(self.name, 0, len(self.shards))
        todo = [i for i in range(len(self.shards)) if not self._stored(i)]
        with one_thread():  # merging must add as the for-loop adds
            try:
                self._merge_in_order()
                if todo:
                    self._compute(todo)
            finally:
                for task in self.flying:  # an error or an interrupt: no shard goes on computing
                    self.ray.cancel(task, force=True)
            return self.fold.finish(self.merged if self.shards else self.fold.start())

    def _stored(self, i: int) -> bool:
        if self.store is None or not self.store.has(self.keys[i]):
            return False
        self.waiting[i] = self.store.load(self.keys[i])
        return True

    def _compute(self, todo: list[int]) -> None:
        task = self.ray.remote(_computed).options(
            num_cpus=1,
            max_retries=self.runner.max_retries,
            runtime_env={"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")},
        )
        fold = self.ray.put(_pickled(self.fold, "the fold"))
        todo = todo[::-1]
        while self.flying or (todo and not self.failures):
            while todo and not self.failures and len(self.flying) < self.runner.n_workers:
                i = todo.pop()
                self.flying[task.remote(fold, _pickled(self.shards[i], f"shard {i} of the items"))] = i
            ready, _ = self.ray.wait(list(self.flying), num_returns=1)
            self._collect(ready[0])
        if self.failures:
            raise self.failures[min(self.failures)]

    def _collect(self, ready: Any) -> None:
        i = self.flying.pop(ready)
        try:
            kind, body = self.ray.get(ready)
        except self.ray.exceptions.RayError as error:
            self.failures[i] = LinernotesError(
                f"{self.name}: shard {i} of {len(self.shards)} was lost with its worker, more than "
                f"{self.runner.max_retries} times ({' '.join(str(error).split())[:200]}); machines may be out of "
                "memory: use smaller shards and run again"
            )
            return
        if kind == "failed":
            self.failures[i] = pickle.loads(body)  # noqa: S301  (from our own task)
            return
        if self.store:
            self.store.save_pickled(self.keys[i], body)
        self.waiting[i] = pickle.loads(body)  # noqa: S301  (from our own task)
        self._merge_in_order()

    def _merge_in_order(self) -> None:
        while self.n_merged in self.waiting:
            part = self.waiting.pop(self.n_merged)
            self.merged = part if self.n_merged == 0 else self.fold.merge(self.merged, part)
            self.n_merged += 1
        self.runner.progress(self.name, self.n_merged + len(self.waiting), len(self.shards))


def _computed(fold_body: bytes, items_body: bytes) -> tuple[str, bytes]:
    """Run one shard on the machine that Ray chose."""
    limit_torch()
    try:
        fold = pickle.loads(fold_body)  # noqa: S301  (from our own engine)
        state = fold.add(fold.start(), pickle.loads(items_body))  # noqa: S301  (from our own engine)
        return "done", pickle.dumps(state, protocol=5)
    except Exception as error:
        error.add_note("raised on a Ray worker")
        try:
            return "failed", pickle.dumps(error, protocol=5)
        except Exception:
            plain = LinernotesError(f"a Ray worker failed: {type(error).__qualname__}: {error}")
            return "failed", pickle.dumps(plain, protocol=5)


def _pickled(value: object, what: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(
            f"{what} cannot be sent to a worker ({error}); define its class at module level and keep "
            "open files, locks and lambdas out of it"
        ) from error


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtra("Ray is not installed; install it with: pip install 'linernotes[ray]'") from error


def _connect(ray: Any, address: str | None) -> bool:
    """Join a cluster, or start one here; return whether it is ours to end."""
    if ray.is_initialized():
        return False
    for variable, value in _TIME_OUTS.items():
        os.environ.setdefault(variable, value)
    address = address or os.environ.get("RAY_ADDRESS")
    try:
        # without an address of its own Ray would look for one: here no address means this machine
        ray.init(
            address=address or "local", include_dashboard=None if address else False, log_to_driver=False
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"no Ray cluster at '{address or 'this machine'}' ({' '.join(str(error).split())[:200]}); "
            "start one with 'ray start --head' or give another address"
        ) from error
    return True
