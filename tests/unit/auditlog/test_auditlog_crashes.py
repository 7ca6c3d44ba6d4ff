"""Crashes at sampled disk calls, writers that are killed, two writers at once: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from linernotes.auditlog import AuditLog, Checkpoint, Entry, SigningKey, Witness, fsck, store
from linernotes.auditlog.files import sole_writer
from linernotes.auditlog.witness import AddCheckpoint
from linernotes.errors import CorpusError
from linernotes.workflows import audit
from linernotes.workspace import Workspace

SIGNER = SigningKey("example.org/log", bytes(range(32)))
CALLS = ("fsync", "replace", "open", "unlink", "mkdir", "write")


def entry(n: int) -> Entry:
    return Entry("note", None, {"n": n}, "2026-01-02T03:04:05Z")


class Crash(BaseException):
    """The machine stops here."""


def crash_at(step: int, monkeypatch: pytest.MonkeyPatch, action) -> int:
    """Run *action* and stop at its *step*-th call to the operating system; return how many calls were left."""
    left = [step]

    def stopping(call):
        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise Crash
            return call(*args, **kwargs)

        return wrapped

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, stopping(getattr(os, name)))
        try:
            action()
        except Crash:
            return -1
    return left[0]


def count_calls(monkeypatch: pytest.MonkeyPatch, action) -> int:
    """Return how many of those calls *action* makes."""
    plenty = 1_000_000
    return plenty - crash_at(plenty, monkeypatch, action)


def steps_to_try(n_calls: int, n_sampled: int) -> list[int]:
    """Return the first and last steps and some between."""
    inner = random.Random(n_calls).sample(range(n_calls), min(n_sampled, n_calls))
    return sorted({0, 1, n_calls - 1, n_calls - 2, *inner})


@pytest.mark.parametrize(
    ("size", "added", "n_sampled"),
    [(0, 1, 40), (3, 1, 40), (255, 1, 30), (256, 2, 20), (250, 600, 25), (0, 300, 20)],
)
def test_a_crash_at_any_step_of_an_append_loses_nothing(tmp_path, monkeypatch, size, added, n_sampled):
    base = AuditLog.create(tmp_path / "base", SIGNER)
    base.append_many(map(entry, range(size)), SIGNER)
    shutil.copytree(base.folder, tmp_path / "counted")
    counted = AuditLog(tmp_path / "counted", base.key)
    new = [entry(n) for n in range(size, size + added)]
    n_calls = count_calls(monkeypatch, lambda: counted.append_many(new, SIGNER))
    assert n_calls >= 10
    for step in steps_to_try(n_calls, n_sampled):
        log = AuditLog(tmp_path / f"at-{step}", base.key)
        shutil.copytree(base.folder, log.folder)
        assert crash_at(step, monkeypatch, lambda log=log: log.append_many(new, SIGNER)) < 0
        report = fsck(log.folder, log.key)
        assert report.ok, (step, report.problem)
        assert report.size in (size, size + added)
        # Something else is added next: what the crash left must not come back through it.
        other = Entry("other", None, {}, "2026-01-02T03:04:05Z")
        assert log.append(other, SIGNER) == report.size
        report = fsck(log.folder, log.key)
        assert (report.ok, report.unsigned_tail_bytes) == (True, 0), (step, report)
        wanted = [*map(entry, range(report.size - 1)), other]
        assert list(log.entries()) == [one.to_bytes() for one in wanted]
        shutil.rmtree(log.folder)


def test_a_crash_while_a_log_of_the_old_form_is_carried_over(tmp_path, monkeypatch, old_form):
    entries = [entry(n).to_bytes() for n in range(300)]
    old_form(tmp_path / "base", SIGNER, entries)
    shutil.copytree(tmp_path / "base", tmp_path / "counted")
    key = SIGNER.verifying_key()
    n_calls = count_calls(monkeypatch, AuditLog(tmp_path / "counted", key).upgrade)
    for step in steps_to_try(n_calls, 25):
        log = AuditLog(Path(shutil.copytree(tmp_path / "base", tmp_path / f"at-{step}")), key)
        crash_at(step, monkeypatch, log.upgrade)
        assert log.append(entry(300), SIGNER) == 300  # the next write carries it over
        assert list(log.entries(0, 300)) == entries
        assert fsck(log.folder, key).ok
        assert not (log.folder / "entries.jsonl").exists()


def test_a_crash_while_log_and_keys_are_made_is_made_good_by_the_next_entry(tmp_path, monkeypatch):
    def first_entry(path: Path) -> None:
        with Workspace.open(path) as workspace:
            audit.record(workspace, "note", None, {"n": 1})

    Workspace.create(tmp_path / "base").close()
    shutil.copytree(tmp_path / "base", tmp_path / "counted")
    n_calls = count_calls(monkeypatch, lambda: first_entry(tmp_path / "counted"))
    for step in range(0, n_calls, 2):
        path = Path(shutil.copytree(tmp_path / "base", tmp_path / f"at-{step}"))
        crash_at(step, monkeypatch, lambda path=path: first_entry(path))
        first_entry(path)
        report = audit.fsck(path)
        assert report["ok"], (step, report)
        assert report["size"] in (1, 2)


def test_a_witness_that_crashes_never_forgets_what_it_signed(tmp_path, monkeypatch):
    witness = Witness.create(tmp_path / "base", "witness.example/w1").trust(SIGNER.verifying_key())
    log = AuditLog.create(tmp_path / "log", SIGNER)
    log.append(entry(0), SIGNER)
    request = AddCheckpoint(0, (), log.checkpoint_note()).to_bytes()
    for step in range(30):
        folder = Path(shutil.copytree(tmp_path / "base", tmp_path / f"at-{step}"))
        asked = Witness.open(folder)
        answers = []
        done = crash_at(step, monkeypatch, lambda a=asked, out=answers: out.append(a.add_checkpoint(request)))
        again = Witness.open(folder).add_checkpoint(request)
        if answers:  # it had answered, so it must remember
            assert (again.status, again.body) == (409, b"1\n")
            break
        assert done < 0
        assert again.status in (200, 409)
    assert 3 <= step < 29
    assert witness.latest("0" * 64) is None


WRITER = """
import sys
from linernotes.auditlog import AuditLog, Entry, SigningKey
signer = SigningKey.load(sys.argv[2])
log = AuditLog.open(sys.argv[1], signer.verifying_key())
while True:
    n = int(sys.argv[3])
    print(log.append_many([Entry("note", None, {"n": "x" * 200})] * n, signer)[-1], flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("batch", [1, 40])
def test_killed_writers_lose_nothing_that_they_acknowledged(tmp_path, batch):
    log = AuditLog.create(tmp_path / "log", SIGNER)
    key_path = tmp_path / "log.key"
    key_path.write_text(SIGNER.line() + "\n")
    key_path.chmod(0o600)
    luck = random.Random(batch)
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(log.folder), str(key_path), str(batch)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            acknowledged = [int(writer.stdout.readline()) for _ in range(luck.randint(1, 12))]
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read()
        acknowledged += [int(line) for line in rest.split("\n")[:-1]]
        report = fsck(log.folder, log.key)
        assert report.ok, report.problem
        assert report.size > acknowledged[-1]
        assert report.size % batch == 0
    assert log.append(entry(1), SIGNER) == report.size  # the dead writer's lock is free


def test_the_second_writer_waits_and_is_then_refused(tmp_path, monkeypatch):
    log = AuditLog.create(tmp_path / "log", SIGNER)
    monkeypatch.setattr(store, "WRITER_PATIENCE_S", 0.05)
    with sole_writer(log.folder / "lock"), pytest.raises(CorpusError, match="another program is writing"):
        log.append(entry(0), SIGNER)
    assert log.append(entry(0), SIGNER) == 0


def test_writers_at_the_same_time_stand_in_line(tmp_path):
    log = AuditLog.create(tmp_path / "log", SIGNER)
    found: list[int] = []

    def write() -> None:
        for n in range(8):
            found.append(log.append(entry(n), SIGNER))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found) == list(range(24))
    assert fsck(log.folder, log.key).size == 24
    assert Checkpoint.open(log.checkpoint_note(), log.key).size == 24
