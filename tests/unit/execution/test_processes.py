"""Worker processes: the same bits as the loop, deaths, errors, interrupts, kills."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import InputError, LinernotesError
from linernotes.execution import ProcessRunner, SerialRunner, ShardStore
from linernotes.testing.folds import Concatenation, FloatSum

FOLDS = '''
import os, pathlib, time
from dataclasses import dataclass
from linernotes.testing.folds import FloatSum

@dataclass(frozen=True)
class DiesOnce(FloatSum):
    """Ends its process at the third item, the first time."""
    flag: str = ""
    always: bool = False
    def add(self, state, items):
        if 3.0 in items and (self.always or not pathlib.Path(self.flag).exists()):
            pathlib.Path(self.flag).touch()
            os._exit(9)
        return super().add(state, items)

@dataclass(frozen=True)
class Slow(FloatSum):
    """Takes its time over each shard and leaves a trace of having computed it."""
    trace: str = ""
    pause_s: float = 0.05
    def add(self, state, items):
        time.sleep(self.pause_s)
        with open(self.trace, "a") as stream:
            stream.write(f"{items[0]}\\n")
        return super().add(state, items)

@dataclass(frozen=True)
class Threads(FloatSum):
    """Tells how many threads the worker may use."""
    def add(self, state, items):
        return float(os.environ["OMP_NUM_THREADS"])
'''


@pytest.fixture
def folds(tmp_path, monkeypatch):
    """A module of folds that worker processes can import too."""
    (tmp_path / "folds_for_workers.py").write_text(FOLDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    import folds_for_workers

    yield folds_for_workers
    del sys.modules["folds_for_workers"]


@pytest.fixture(scope="module")
def workers():
    with ProcessRunner(2) as runner:
        yield runner


floats = st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(max_examples=40, deadline=None)
@given(items=st.lists(floats, max_size=40), shard_size=st.integers(1, 50))
def test_any_split_gives_the_bits_of_the_loop(workers, items, shard_size):
    workers.shard_size = shard_size
    assert workers(FloatSum(0.1), items) == SerialRunner(shard_size)(FloatSum(0.1), items)
    assert workers(Concatenation(), items) == tuple(items)


def test_the_answer_depends_on_the_shard_size_alone():
    items = [1e16, 1.0, -1e16, 1.0, 3.0]
    assert SerialRunner(5)(FloatSum(), items) != SerialRunner(2)(FloatSum(), items)
    with ProcessRunner(1, 2) as one, ProcessRunner(3, 2) as three:
        assert one(FloatSum(), items) == three(FloatSum(), items) == SerialRunner(2)(FloatSum(), items)


def test_a_dead_worker_costs_one_retry(folds, tmp_path):
    items = [float(i) for i in range(8)]
    with ProcessRunner(2, 2) as run:
        fold = folds.DiesOnce(flag=str(tmp_path / "died"))
        assert run(fold, items) == math.fsum(items)
    assert (tmp_path / "died").exists()


def test_a_shard_that_kills_twice_is_a_clear_error(folds, tmp_path):
    fold = folds.DiesOnce(flag=str(tmp_path / "died"), always=True)
    with (
        ProcessRunner(2, 2) as run,
        pytest.raises(LinernotesError, match=r"died 2 times on shard 1 \(items 2–3"),
    ):
        run(fold, [float(i) for i in range(8)], name="losses")


def test_each_worker_has_one_thread(folds):
    with ProcessRunner(1, 4) as run:
        assert run(folds.Threads(), [1.0]) == 1.0


def test_progress_counts_every_shard():
    seen = []
    with ProcessRunner(2, 3, progress=lambda *step: seen.append(step)) as run:
        run(FloatSum(), [1.0] * 10, name="losses")
    assert seen == [("losses", i, 4) for i in range(5)]


def test_what_cannot_be_pickled_is_named():
    class Local(FloatSum):
        pass

    with ProcessRunner(1) as run:
        with pytest.raises(InputError, match="the fold cannot be sent to a worker"):
            run(Local(), [1.0])
        with pytest.raises(InputError, match="shard 0 of the items cannot be sent"):
            run(Concatenation(), [lambda: None])


def test_no_workers_is_refused():
    with pytest.raises(InputError, match="0 workers: expected at least 1"):
        ProcessRunner(0)


SCRIPT = """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from folds_for_workers import Slow
    from linernotes.execution import ProcessRunner, SerialRunner, ShardStore

    if __name__ == "__main__":
        folder = Path(sys.argv[1])
        store = ShardStore(folder / "shards")
        engine = SerialRunner(2, store) if sys.argv[2] == "serial" else ProcessRunner(2, 2, store)
        items = [0.1 * i for i in range(24)]
        print(repr(engine(Slow(trace=str(folder / "trace")), items)), flush=True)
"""


def start_slow_run(folder, engine):
    script = folder / "slow_run.py"
    script.write_text(textwrap.dedent(SCRIPT))
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), engine],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def wait_for_shards(folder, n_shards):
    for _ in range(3000):
        if len(list((folder / "shards").glob("*.shard"))) >= n_shards:
            return
        time.sleep(0.02)
    pytest.fail("no shard was finished in a minute")


@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_resumes_with_the_same_bits(folds, tmp_path, engine, blow):
    first = start_slow_run(tmp_path, engine)
    wait_for_shards(tmp_path, 3)
    if blow == signal.SIGINT:
        os.killpg(first.pid, blow)  # as a terminal does: the workers get it too
    else:
        os.kill(first.pid, blow)
    out, err = first.communicate(timeout=60)
    assert err.count("Traceback") == (blow == signal.SIGINT), err
    assert out == ""
    assert first.returncode != 0
    time.sleep(0.3)  # an orphan worker would still write its trace
    kept = {path.name: path.read_bytes() for path in (tmp_path / "shards").glob("*.shard")}
    n_computed = len((tmp_path / "trace").read_text().split())
    assert 3 <= len(kept) < 12
    time.sleep(0.3)
    assert len((tmp_path / "trace").read_text().split()) == n_computed, "workers outlived their engine"

    (tmp_path / "trace").unlink()
    second = start_slow_run(tmp_path, engine)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    items = [0.1 * i for i in range(24)]
    assert float(out) == SerialRunner(2)(FloatSum(), items)
    assert len((tmp_path / "trace").read_text().split()) == 12 - len(kept), (
        "finished shards were computed again"
    )
    assert all((tmp_path / "shards" / name).read_bytes() == body for name, body in kept.items())


def test_a_finished_store_needs_no_worker(tmp_path):
    store = ShardStore(tmp_path)
    items = [0.1, 0.2, 0.3]
    expected = SerialRunner(2, store)(FloatSum(), items)
    with ProcessRunner(2, 2, store) as run:
        assert run(FloatSum(), items) == expected
        assert run._workers == []
