"""A process that dies at any step leaves the index as it was before the step, or as it is after it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import pytest

from linernotes.versions.index.folder import IndexFacts, VersionIndex

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")

FACTS = IndexFacts("toy-1", 16, 20.0, 5.0)
DIED = 77


def sha(number):
    return f"{number:064x}"


def _exit_code_of(work):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside the threads of a linear algebra
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_at(step, *, after):
    """Let this process end at its *step*-th call that settles something on the disk."""
    count = 0

    def counted(real):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            mine = count
            if mine == step and not after:
                os._exit(DIED)
            try:
                return real(*arguments, **options)
            finally:
                if mine == step:
                    os._exit(DIED)

        return call

    for name in ("replace", "fsync", "truncate", "mkdir", "unlink", "open"):
        setattr(os, name, counted(getattr(os, name)))


def _change(folder, change, pieces):
    if change == "create":
        VersionIndex.create(folder, FACTS).close()
        return
    with VersionIndex(folder, write=True) as index:
        match change:
            case "add":
                index.add(sha(5), pieces[5], 45.0)
            case "remove":
                index.remove([sha(1)])
            case "compact":
                index.store.compact()


def _content(folder, pieces):
    """Return which recordings are found whole, and which the log names."""
    with VersionIndex(folder) as index:
        found = set()
        for number, one in enumerate(pieces):
            hits = index.store.search(one.vectors, 1)
            entries = {index.log.by_number.get(int(i) >> 16) for i in hits.ids[:, 0]}
            if hits.distances.max() == 0 and None not in entries:
                found.add(number)
        assert index.faults() == ()
        named = {number for number in range(len(pieces)) if sha(number) in index}
    return found, named


@pytest.mark.parametrize("change", ["create", "add", "remove", "compact"])
def test_death_at_any_step(tmp_path, pieces, change):
    pristine = tmp_path / "pristine"
    before = set() if change == "create" else {0, 1, 2, 3}
    if change != "create":
        with VersionIndex.create(pristine, FACTS) as index:
            for number in (0, 1, 2, 3, 4):
                index.add(sha(number), pieces[number], 45.0)
            index.remove([sha(4)])
    after = {"add": before | {5}, "remove": before - {1}}.get(change, before)
    for step in range(1, 60):
        for late in (False, True):
            folder = tmp_path / f"{step}-{late}"
            if change != "create":
                shutil.copytree(pristine, folder)

            def work(folder=folder, step=step, late=late):
                _die_at(step, after=late)
                _change(folder, change, pieces)

            code = _exit_code_of(work)
            assert code in (0, DIED)
            if change == "create" and not (folder / "index.json").exists():
                VersionIndex.create(folder, FACTS).close()
            found, named = _content(folder, pieces)
            assert found == named
            assert named in (before, after)
            with VersionIndex(folder, write=True) as index:  # and one can go on
                index.add(sha(6), pieces[6], 45.0)
                index.add(sha(5), pieces[5], 45.0)
            assert _content(folder, pieces)[0] == named | {5, 6}
            shutil.rmtree(folder)
        if code == 0:
            break
    else:
        pytest.fail("never finished")
    assert step > 3


def test_a_write_torn_anywhere_is_not_there(tmp_path, pieces):
    with VersionIndex.create(tmp_path / "index", FACTS) as index:
        index.add(sha(0), pieces[0], 45.0)
    files = ("recordings.log", "vectors/codes-000001.i8", "vectors/rows-000001.bin")
    old = {name: (tmp_path / "index" / name).read_bytes() for name in files}
    with VersionIndex(tmp_path / "index", write=True) as index:
        index.add(sha(1), pieces[1], 45.0)
    new = {name: (tmp_path / "index" / name).read_bytes() for name in files}
    order = (files[1], files[2], files[0])
    for place, name in enumerate(order):
        for kept in range(len(old[name]), len(new[name]), 11):
            for filled in (b"", b"\0" * (len(new[name]) - kept)):
                state = {done: new[done] for done in order[:place]} | {name: new[name][:kept] + filled}
                for file, data in (old | state).items():
                    (tmp_path / "index" / file).write_bytes(data)
                if filled and name == files[1]:
                    continue  # codes are on the disk before their rows are
                with VersionIndex(tmp_path / "index") as reader:
                    assert sha(0) in reader
                    assert sha(1) not in reader
                with VersionIndex(tmp_path / "index", write=True) as index:
                    index.add(sha(2), pieces[2], 45.0)
                    assert index.store.search(pieces[2].vectors, 1).distances.max() == 0
                    assert index.store.search(pieces[1].vectors, 1).distances.min() > 0.1
                    assert index.faults() == ()


_BUILD = """
import sys
from pathlib import Path
import numpy as np
from linernotes.versions.encoder.embed import SegmentEmbeddings
from linernotes.versions.index.folder import IndexFacts, VersionIndex
folder = Path(sys.argv[1])
if not (folder / "index.json").exists():
    VersionIndex.create(folder, IndexFacts("toy-1", 16, 20.0, 5.0)).close()
with VersionIndex(folder, write=True) as index:
    print("started", flush=True)
    for number in range(100_000):
        vectors = np.random.default_rng(number).standard_normal((6, 16)).astype(np.float32)
        index.add(f"{number:064x}", SegmentEmbeddings(vectors, np.arange(6) * 5.0, 20.0, "toy-1"), 45.0)
"""


def test_killed_builds_lose_nothing_that_was_finished(tmp_path, piece):
    n_last = 0
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", _BUILD, str(tmp_path / "index")], stdout=subprocess.PIPE
        )
        with child:
            child.stdout.readline()
            time.sleep(0.05)
            while (tmp_path / "index/recordings.log").read_bytes().count(b"\n") < n_last + 20:
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
        with VersionIndex(tmp_path / "index") as index:
            assert len(index) >= n_last + 20
            assert set(index.log.by_content) == {sha(number) for number in range(len(index))}
            n_last = len(index)
            assert index.faults() == ()
            some = piece(n_last - 1)
            assert index.store.search(some.vectors, 1).distances.max() == 0
