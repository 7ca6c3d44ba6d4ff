"""A process that dies at any step leaves the index as it was before the step, or as it is after it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linernotes.audio.files import Audio, write_audio
from linernotes.cli.main import main
from linernotes.fingerprint.index import FingerprintIndex
from linernotes.fingerprint.storage import compaction
from linernotes.fingerprint.store import IndexFolder, check_index, open_index
from linernotes.workflows.catalogue import add_catalogue
from linernotes.workspace import Workspace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")

SHA = [f"{k:064x}" for k in range(12)]
DIED = 77


def _in_a_process(work: Callable[[], None]) -> int:
    """Run *work* in a forked process, and return its process id."""
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
    return child


def _exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_at(step: int, *, after: bool) -> None:
    """Let this process end at its *step*-th call that changes the disk, just before or just after it."""
    count = 0

    def counted(real: Callable) -> Callable:
        def call(*arguments, **options):
            nonlocal count
            count += 1
            mine = count  # a call may make further ones
            if mine == step and not after:
                os._exit(DIED)
            try:
                return real(*arguments, **options)
            finally:
                if mine == step:
                    os._exit(DIED)

        return call

    for place, name in [
        *((os, name) for name in ("replace", "fsync", "write", "ftruncate", "mkdir", "unlink", "rmdir")),
        (shutil, "rmtree"),
    ]:
        setattr(place, name, counted(getattr(place, name)))


def _write(folder: Path, takes, change: str) -> None:
    with IndexFolder(folder, auto_compact=change == "fill the tier") as writer:
        match change:
            case "append":
                writer.append("new", SHA[9], takes[9])
                writer.close()
                os._exit(0)
            case "replace":
                writer.append("rec-1", SHA[8], takes[8])
            case "remove":
                writer.remove({"rec-0", "rec-3"})
            case "merge":
                writer.merge(open_index(folder.parent / "other"))
            case "compact":
                writer.compact()
            case "fill the tier":
                writer.flush()


def _link_arrays(source: str, target: str) -> None:
    """Copy what a writer may change; arrays it never changes are linked."""
    (os.link if source.endswith(".npy") else shutil.copy2)(source, target)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, takes) -> Path:
    """Three segments, one of them without its recording, a journal of one record, and another index."""
    parent = tmp_path_factory.mktemp("crash")
    with IndexFolder(parent / "index", flush_bytes=1, auto_compact=False) as writer:
        for k in range(3):
            writer.append(f"rec-{k}", SHA[k], takes[k])
        writer.remove({"rec-2"})
    writer = IndexFolder(parent / "index", auto_compact=False)
    writer.append("rec-3", SHA[3], takes[3])
    writer.close()
    with IndexFolder(parent / "other") as writer:
        writer.append("their", SHA[10], takes[10])
    return parent


@pytest.mark.parametrize("change", ["append", "replace", "remove", "merge", "compact", "fill the tier"])
def test_death_at_any_step(tmp_path: Path, pristine: Path, takes, content, monkeypatch, change: str) -> None:
    numbers = {f"rec-{k}": k for k in (0, 1, 3)}
    changed = dict(numbers)
    match change:
        case "append":
            changed["new"] = 9
        case "replace":
            changed["rec-1"] = 8
        case "remove":
            del changed["rec-0"], changed["rec-3"]
        case "merge":
            changed["their"] = 10
    monkeypatch.setattr(compaction, "FAN_IN", 3)
    before, after = (
        content(FingerprintIndex.empty().add([(name, SHA[k], takes[k]) for name, k in state.items()]))
        for state in (numbers, changed)
    )
    seen_before = seen_after = False
    # of long changes a sample of the steps, and all of the last ones, where the manifest is switched
    steps = _steps(tmp_path, pristine, takes, change)
    early = np.linspace(1, steps, 4).round().astype(int).tolist()
    for step in sorted({*early, *range(max(1, steps - 4), steps + 1)}):
        for late in (False, True) if step > steps - 2 else (step % 2 == 0,):
            parent = tmp_path / f"{step}-{late}"
            shutil.copytree(pristine, parent, copy_function=_link_arrays)

            def work(step: int = step, late: bool = late, parent: Path = parent) -> None:
                _die_at(step, after=late)
                _write(parent / "index", takes, change)

            assert _exit_code(_in_a_process(work)) == DIED
            assert check_index(parent / "index").faults == ()
            found = content(open_index(parent / "index").as_one())
            assert found in (before, after), f"died at step {step}"
            seen_before |= found == before
            seen_after |= found == after
            with IndexFolder(parent / "index", auto_compact=False):
                pass
            hashes = {name: facts[0] for name, facts in found.items()}
            assert open_index(parent / "index").content_hashes == hashes, "the next writer changes nothing"
            kinds = {path.suffix for path in (parent / "index").iterdir()}
            assert ".partial" not in kinds, "and sweeps what was left"
            assert len(list((parent / "index").glob("journal-*"))) == 1
            shutil.rmtree(parent)
    assert seen_before
    assert seen_after


def _steps(tmp_path: Path, pristine: Path, takes, change: str) -> int:
    """Return how many disk calls an undisturbed change makes."""
    counts = tmp_path / "counts"

    def work() -> None:
        shutil.copytree(pristine, tmp_path / "whole")
        count = 0

        def note(real: Callable) -> Callable:
            def call(*arguments, **options):
                nonlocal count
                count += 1
                return real(*arguments, **options)

            return call

        for place, name in [
            *((os, name) for name in ("replace", "fsync", "write", "ftruncate", "mkdir", "unlink", "rmdir")),
            (shutil, "rmtree"),
        ]:
            setattr(place, name, note(getattr(place, name)))
        leave, os._exit = os._exit, lambda code: None  # "append" ends by leaving
        with contextlib.suppress(Exception):
            _write(tmp_path / "whole" / "index", takes, change)
        counts.write_text(str(count))
        leave(0)

    assert _exit_code(_in_a_process(work)) == 0
    return int(counts.read_text())


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> tuple[Path, Path]:
    """Twenty-four short files and their table."""
    folder = tmp_path_factory.mktemp("music")
    lines = ["file,title,artist"]
    for k in range(24):
        rng = np.random.default_rng(k)
        sound = rng.normal(0, 0.1, 3 * 8000).astype(np.float32)
        write_audio(folder / f"file-{k:02d}.wav", Audio(sound, 8000))
        lines.append(f"file-{k:02d}.wav,Title {k},Someone")
    table = folder / "catalog.csv"
    table.write_text("\n".join(lines) + "\n")
    return folder, table


def test_killed_at_fifteen_random_moments_each_loses_at_most_the_file_in_progress(
    tmp_path: Path, music, content
) -> None:
    folder, table = music
    rng = np.random.default_rng(4)
    kept: set[str] = set()
    n_killed = 0
    while n_killed < 15:
        reading, writing = os.pipe()

        def work(writing: int = writing) -> None:
            add_catalogue(
                folder,
                table,
                tmp_path / "ws",
                lambda _name, done, _all: os.write(writing, bytes([done])) and None,
            )

        child = _in_a_process(work)
        os.close(writing)
        reported = (
            list(os.read(reading, 1)) if n_killed % 3 else []
        )  # two in three times after the first file
        time.sleep(float(rng.uniform(0, 0.05)))
        os.kill(child, signal.SIGKILL)
        died = _exit_code(child) == -signal.SIGKILL
        while chunk := os.read(reading, 100):
            reported.extend(chunk)
        os.close(reading)
        n_killed += died
        index = tmp_path / "ws" / "fingerprints"
        if not (index / "fingerprints.json").exists():
            assert not reported
            continue
        assert check_index(index).faults == ()
        found = set(open_index(index).content_hashes)
        assert kept <= found, "nothing that was there is lost"
        assert max(reported, default=0) <= len(found), "nothing that was reported is lost"
        kept = found
        if len(found) == 24:
            shutil.rmtree(tmp_path / "ws")
            kept = set()
    report = add_catalogue(folder, table, tmp_path / "ws")
    undisturbed = add_catalogue(folder, table, tmp_path / "whole")
    assert len(report.added) + len(report.skipped) == len(undisturbed.added) == 24
    assert len(kept) <= len(report.skipped)
    both = [open_index(tmp_path / name / "fingerprints").as_one() for name in ("ws", "whole")]
    assert content(both[0]) == content(both[1])
    with Workspace.open(tmp_path / "ws") as one, Workspace.open(tmp_path / "whole") as other:
        assert one.recordings() == other.recordings()


def test_the_command_itself_is_killed_and_repeated(tmp_path: Path, music, capsys) -> None:
    folder, table = music
    words = [
        "catalog",
        "add",
        str(folder),
        "--metadata",
        str(table),
        "--workspace",
        str(tmp_path / "ws"),
        "--json",
    ]
    with subprocess.Popen([sys.executable, "-m", "linernotes", *words], stdout=subprocess.DEVNULL) as command:
        journal = tmp_path / "ws" / "fingerprints" / "journal-000001.log"
        while command.poll() is None and not (journal.exists() and journal.stat().st_size > 100):
            time.sleep(0.002)
        command.kill()
    index = tmp_path / "ws" / "fingerprints"
    assert check_index(index).faults == ()
    n_before = len(open_index(index))
    assert n_before > 0
    assert main(words) == 0
    assert f'"n_skipped": {n_before}' in capsys.readouterr().out
    assert len(open_index(index)) == 24


def test_an_interrupt_keeps_what_is_done_and_names_it(tmp_path: Path, music) -> None:
    folder, table = music

    def stop(_name: str, n_done: int, _n_all: int) -> None:
        if n_done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_catalogue(folder, table, tmp_path / "ws", stop)
    with Workspace.open(tmp_path / "ws") as opened:
        assert len(opened.recordings()) == 5
    assert len(open_index(tmp_path / "ws" / "fingerprints")) == 5
