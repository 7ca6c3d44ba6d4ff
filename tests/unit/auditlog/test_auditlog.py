"""The log on disk: appends, crashes, two writers; receipts and keys in which one byte is changed."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from linernotes.auditlog import (
    AuditLog,
    Checkpoint,
    Entry,
    Receipt,
    SigningKey,
    VerifyingKey,
    fsck,
    generate_keys,
    store,
    verify_receipt,
)
from linernotes.errors import CorpusError, InputError, LinernotesError, VerificationError

TIME = "2026-01-02T03:04:05Z"


def entry(n: int) -> Entry:
    return Entry("note", None, {"n": n, "text": "ü"}, TIME)


def make_log(folder: Path, size: int) -> tuple[AuditLog, SigningKey]:
    private, _ = generate_keys(folder / "keys", "example.org/log")
    signer = SigningKey.load(private)
    log = AuditLog.create(folder / "log", signer)
    for n in range(size):
        assert log.append(entry(n), signer) == n
    return log, signer


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A log of six entries, the last about a statement, and its receipt."""
    folder = tmp_path_factory.mktemp("standing")
    log, signer = make_log(folder, 5)
    statement = folder / "statement.json"
    statement.write_text('{"pool":"12.00 EUR"}\n')
    from linernotes.auditlog.receipt import sha256_of_file

    log.append(Entry("statement", sha256_of_file(statement), {"pool": "12.00 EUR"}, TIME), signer)
    log.receipt(5).write(folder / "receipt.json")
    return folder


def test_every_entry_has_a_receipt_that_verifies(tmp_path):
    log, _ = make_log(tmp_path, 9)
    key_path = tmp_path / "keys" / "log.pub"
    for n in range(9):
        assert log.entry(n) == entry(n)
        log.receipt(n).write(tmp_path / "receipt.json")
        assert verify_receipt(tmp_path / "receipt.json", key_path) == entry(n)
    report = fsck(log.folder, log.key)
    assert (report.ok, report.size, report.unsigned_tail_bytes) == (True, 9, 0)


def test_an_old_receipt_holds_and_the_log_extends_its_head(tmp_path):
    log, signer = make_log(tmp_path, 3)
    old = log.receipt(1)
    for n in range(3, 8):
        log.append(entry(n), signer)
        assert old.verify(log.key) == entry(1)
        log.check_consistency(Checkpoint.open(old.checkpoint, log.key))


def test_tlog_proof_has_the_form_of_its_specification(tmp_path):
    log, _ = make_log(tmp_path, 4)
    lines = log.receipt(2).to_tlog_proof().to_text().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2] == "index 2"
    assert lines[5:8] == ["", "example.org/log", "4"]


@pytest.mark.parametrize("name", ["receipt.json", "keys/log.pub", "statement.json"])
def test_any_changed_byte_is_refused(standing, tmp_path, name):
    """Every position, each with one other value; the next test tries other values, too."""
    data = (standing / name).read_bytes()
    for position in range(len(data)):
        check_refused(standing, tmp_path, name, replace(data, position, data[position] ^ 0x20))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["receipt.json", "keys/log.pub", "statement.json"]),
    where=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
    how=st.sampled_from(["replace", "insert", "delete"]),
)
@example(name="keys/log.pub", where=0.999, value=32, how="replace")
@example(name="keys/log.pub", where=0.999, value=32, how="delete")
def test_any_edit_of_one_byte_is_refused(standing, tmp_path, name, where, value, how):
    data = (standing / name).read_bytes()
    position = int(where * len(data))
    if how == "insert":
        edited = data[:position] + bytes([value]) + data[position:]
    elif how == "delete":
        edited = data[:position] + data[position + 1 :]
    else:
        edited = replace(data, position, value)
    if edited != data:
        check_refused(standing, tmp_path, name, edited)


def replace(data: bytes, position: int, value: int) -> bytes:
    return data[:position] + bytes([value]) + data[position + 1 :]


def check_refused(standing: Path, tmp_path: Path, name: str, edited: bytes) -> None:
    paths = {each: standing / each for each in ("receipt.json", "keys/log.pub", "statement.json")}
    paths[name] = tmp_path / "edited"
    paths[name].write_bytes(edited)
    with pytest.raises(VerificationError):
        verify_receipt(paths["receipt.json"], paths["keys/log.pub"], paths["statement.json"])


@pytest.mark.parametrize("name", ["tile/entries/000.p/3", "tile/0/000.p/3", "checkpoint"])
def test_any_changed_byte_of_the_log_is_found(tmp_path, name):
    log, _ = make_log(tmp_path, 3)
    path = log.folder / name
    data = path.read_bytes()
    ends = list(itertools.accumulate(len(log.entry_bytes(n)) + 2 for n in range(3)))
    for position in range(len(data)):
        path.write_bytes(replace(data, position, data[position] ^ 0x20))
        report = fsck(log.folder, log.key)
        assert not report.ok, position
        assert report.damaged_file == name
        if name == "tile/entries/000.p/3":
            assert report.first_damaged_index == sum(position >= end for end in ends)
    path.write_bytes(data)
    assert fsck(log.folder, log.key).ok


@pytest.mark.parametrize("name", ["tile/entries/000.p/2", "tile/0/000.p/1"])
def test_the_tiles_of_earlier_heads_are_checked_too(tmp_path, name):
    log, _ = make_log(tmp_path, 3)
    path = log.folder / name
    path.write_bytes(replace(path.read_bytes(), 20, path.read_bytes()[20] ^ 1))
    report = fsck(log.folder, log.key)
    assert (report.ok, report.damaged_file) == (False, name)


def test_no_receipt_and_no_append_from_a_damaged_entry(tmp_path):
    log, signer = make_log(tmp_path, 4)
    path = log.folder / "tile" / "entries" / "000.p" / "4"
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":7'))
    with pytest.raises(VerificationError, match="entry 3 is damaged"):
        log.receipt(3)
    with pytest.raises(VerificationError, match="entry 3 is damaged"):
        log.append(entry(4), signer)


def test_verifying_needs_no_database_and_no_arrays():
    """The offline verifier is the standard library, cryptography and rfc8785."""
    code = (
        "import sys, linernotes.workflows.audit; print({'numpy', 'sqlalchemy', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_places_that_cannot_be_written(tmp_path):
    log, _ = make_log(tmp_path, 1)
    for place in (tmp_path, tmp_path / "no" / "receipt.json"):
        with pytest.raises(InputError, match="cannot be written"):
            log.receipt(0).write(place)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        generate_keys(tmp_path / "file" / "keys", "example.org/log")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "keys", "log"]


def test_an_append_that_the_disk_refuses_changes_nothing(tmp_path, monkeypatch):
    log, signer = make_log(tmp_path, 2)

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CorpusError, match=r"No space left on device.*2 entries"):
            log.append(entry(2), signer)
    assert fsck(log.folder, log.key).size == 2
    assert log.append(entry(2), signer) == 2


def test_another_key_may_neither_append_nor_open(tmp_path):
    log, _ = make_log(tmp_path, 1)
    stranger = SigningKey.generate("example.org/log")
    with pytest.raises(VerificationError):
        log.append(entry(1), stranger)
    with pytest.raises(VerificationError, match="not by the trusted key"):
        AuditLog.open(log.folder, stranger.verifying_key())


def test_a_log_is_not_begun_over_another(tmp_path):
    log, signer = make_log(tmp_path, 1)
    with pytest.raises(CorpusError, match="already holds a log"):
        AuditLog.create(log.folder, signer)
    (log.folder / "checkpoint").unlink()
    with pytest.raises(CorpusError, match="already holds a log"):
        AuditLog.create(log.folder, signer)


def test_a_disk_that_fails_after_the_head_was_replaced_is_not_called_a_failed_append(tmp_path, monkeypatch):
    log, signer = make_log(tmp_path, 2)
    original = store.write_whole

    def failing(path, data):
        original(path, data)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_whole", failing)
        with pytest.raises(CorpusError, match=r"may be lost if the machine stops now.*holds 3 entries"):
            log.append(entry(2), signer)
    assert log.append(entry(3), signer) == 3


def test_a_batch_may_be_larger_than_the_number_of_files_that_may_be_open(tmp_path, monkeypatch):
    monkeypatch.setattr("linernotes.auditlog.files.FILES_AT_ONCE", 4)
    log, signer = make_log(tmp_path, 0)
    log.append_many([entry(n) for n in range(3000)], signer)
    assert fsck(log.folder, log.key).ok


def test_many_entries_are_added_as_one(tmp_path):
    log, signer = make_log(tmp_path, 3)
    assert log.append_many([entry(n) for n in range(3, 700)], signer) == range(3, 700)
    assert log.append_many([], signer) == range(700, 700)
    assert [Entry.from_bytes(data) for data in log.entries(250, 270)] == [entry(n) for n in range(250, 270)]
    assert fsck(log.folder, log.key).ok
    for index, receipt in zip([0, 255, 256, 699], log.receipts([0, 255, 256, 699]), strict=True):
        assert receipt.verify(log.key) == entry(index)
    with pytest.raises(InputError, match="the log has 700 entries"):
        list(log.entries(690, 701))


def test_an_entry_that_a_tile_cannot_hold_is_refused_and_none_of_its_batch_is_added(tmp_path):
    log, signer = make_log(tmp_path, 1)
    large = Entry("note", None, {"text": "y" * 65_536}, TIME)
    with pytest.raises(InputError, match=r"entry 1 of those to add: 65\d\d\d bytes.*log the hash"):
        log.append_many([entry(1), large], signer)
    assert fsck(log.folder, log.key).size == 1
    fits = Entry("note", None, {"text": "y" * 65_400}, TIME)
    assert log.append(fits, signer) == 1
    assert log.entry(1) == fits


@pytest.mark.parametrize("index", [-1, 2, 10**12])
def test_an_entry_that_is_not_there(tmp_path, index):
    log, _ = make_log(tmp_path, 2)
    with pytest.raises(InputError, match="the log has 2 entries"):
        log.receipt(index)


def test_the_signing_key_is_private_and_never_overwritten(tmp_path):
    private, public = generate_keys(tmp_path, "example.org/log")
    assert private.stat().st_mode & 0o777 == 0o600
    assert "seed" not in repr(SigningKey.load(private))
    assert VerifyingKey.load(public) == SigningKey.load(private).verifying_key()
    with pytest.raises(InputError, match="already there"):
        generate_keys(tmp_path, "example.org/log")
    private.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        SigningKey.load(private)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_key_names_that_the_specification_forbids(name):
    with pytest.raises(InputError, match="key name"):
        SigningKey.generate(name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "Statement"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"subject_sha256": "A" * 64}, "subject"),
        ({"body": []}, "body"),
        ({"body": {"x": float("nan")}}, "canonical JSON"),
        ({"body": {"x": 2**53}}, "canonical JSON"),
        ({"body": {"x": 2.0**53}}, "write large numbers as text"),
        ({"body": {"x": "\ud800"}}, "canonical JSON"),
        ({"body": {"x": "y" * (1 << 20)}}, "at most"),
        ({"time": "2026-02-30T00:00:00Z"}, "time"),
        ({"time": "2026-01-02 03:04:05"}, "time"),
    ],
)
def test_malformed_entries(change, reason):
    fields = {"kind": "note", "subject_sha256": None, "body": {}, "time": TIME} | change
    with pytest.raises(InputError, match=reason):
        Entry(**fields)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**53) + 1, 2**53 - 1)
            | st.floats(min_value=-1e15, max_value=1e15)
            | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_every_entry_is_read_back_from_its_bytes(body):
    written = Entry("note", None, body, TIME).to_bytes()
    assert Entry.from_bytes(written).to_bytes() == written
    assert b"\n" not in written
    assert json.loads(written)["body"] == body


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_file_makes_the_verifier_fail_otherwise_than_by_saying_no(data):
    key = SigningKey(name="k", seed=bytes(32)).verifying_key()
    for read in (
        Receipt.from_bytes,
        Entry.from_bytes,
        lambda d: Checkpoint.open(d.decode(errors="replace"), key),
    ):
        with pytest.raises(LinernotesError):
            read(data)
