"""Every engine passes the contract that third parties' engines must pass."""

import pytest

from linernotes.errors import LinernotesError
from linernotes.execution import ProcessRunner, SerialRunner, ShardStore
from linernotes.testing import check_runner


def test_serial_runner_keeps_the_contract():
    check_runner(SerialRunner)


def test_serial_runner_with_a_store_keeps_the_contract(tmp_path):
    check_runner(lambda shard_size: SerialRunner(shard_size, ShardStore(tmp_path)))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_process_runner_keeps_the_contract(n_workers, tmp_path):
    runners = []

    def make(shard_size):
        runners.append(ProcessRunner(n_workers, shard_size, ShardStore(tmp_path)))
        return runners[-1]

    check_runner(make)
    for runner in runners:
        runner.close()


class SortsBeforeAdding:
    """An engine that breaks the promise: it adds in another order."""

    def __init__(self, shard_size):
        self.inner = SerialRunner(shard_size)

    def __call__(self, fold, items, *, name="pass"):
        return self.inner(fold, sorted(items), name=name)


class SwallowsErrors(SortsBeforeAdding):
    def __call__(self, fold, items, *, name="pass"):
        try:
            return self.inner(fold, items, name=name)
        except LinernotesError:
            return 0.0


@pytest.mark.parametrize(
    ("engine", "reason"), [(SortsBeforeAdding, "for-loop gives"), (SwallowsErrors, "went through")]
)
def test_the_contract_refuses_engines_that_break_it(engine, reason):
    with pytest.raises(LinernotesError, match=reason):
        check_runner(engine)
