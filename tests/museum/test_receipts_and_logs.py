"""Receipts and logs with one fault each, named for it: all refused, with a reason that names the fault."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from linernotes.auditlog import AuditLog, Checkpoint, Receipt, VerifyingKey, fsck, verify_receipt
from linernotes.errors import CorpusError, InputError, VerificationError

RECEIPTS, LOGS = Path(__file__).parent / "receipts", Path(__file__).parent / "logs"
TRUSTED = RECEIPTS / "trusted.pub"
REASONS = {
    "wrong_root": "signature",
    "larger_tree": "signature",
    "edited_entry": "signed root",
    "moved_index": "inclusion proof",
    "negative_index": "leaf index -1",
    "cut_proof": "too few",
    "longer_proof": "too many",
    "swapped_proof": "signed root",
    "other_origin": "museum.example/lag",
    "newer_revision": "revision 2",
    "unknown_field": "exactly the fields",
    "proof_not_base64": "base64",
    "proof_is_text": "expected a list",
    "unsigned": "malformed",
    "entry_with_spaces": "canonical",
    "indented": "canonical",
    "duplicate_field": "canonical",
    "truncated": "newline",
    "empty": "newline",
    "not_json": "canonical JSON",
    "deeply_nested": "canonical JSON",
    "signed_by_another_key": "not by the trusted key",
}


def test_the_valid_one_verifies_with_its_file():
    entry = verify_receipt(RECEIPTS / "valid.json", TRUSTED, RECEIPTS / "subject.csv")
    assert entry.kind == "statement"


def test_every_receipt_of_the_museum_has_its_reason():
    assert {path.stem for path in RECEIPTS.glob("*.json")} == {*REASONS, "valid", "of_a_fork"}


@pytest.mark.parametrize("name", sorted(REASONS))
def test_faulty_receipts_are_refused_for_their_fault(name):
    with pytest.raises(VerificationError, match=REASONS[name]):
        verify_receipt(RECEIPTS / f"{name}.json", TRUSTED)


def test_another_file_than_the_logged_one_is_refused():
    with pytest.raises(VerificationError, match="SHA-256"):
        verify_receipt(RECEIPTS / "valid.json", TRUSTED, RECEIPTS / "empty.json")


def test_a_missing_file_is_bad_input_not_a_failed_proof():
    with pytest.raises(InputError, match="cannot be read"):
        verify_receipt(RECEIPTS / "nowhere.json", TRUSTED)


@pytest.mark.parametrize(
    ("name", "index", "file", "problem"),
    [
        ("entries_edited", 3, "tile/entries/000.p/5", "entry 3: its bytes do not fit"),
        ("entry_missing", 4, "tile/entries/000.p/5", "cut short within its entry 4"),
        ("length_damaged", 1, "tile/entries/000.p/5", "cut short|after its 5 entries"),
        ("bundle_lost", 0, "tile/entries/000.p/5", "missing"),
        ("tile_damaged", 1, "tile/0/000.p/5", "stored hash of entry 1"),
        ("rewritten", None, "", "rewritten"),
        ("head_damaged", None, "checkpoint", "signature"),
    ],
)
def test_fsck_names_the_first_damage(name, index, file, problem):
    report = fsck(LOGS / name, VerifyingKey.load(LOGS / "trusted.pub"))
    assert not report.ok
    assert (report.first_damaged_index, report.damaged_file) == (index, file)
    assert re.search(problem, report.problem)


def test_an_unfinished_append_is_no_damage():
    report = fsck(LOGS / "unfinished_append", VerifyingKey.load(LOGS / "trusted.pub"))
    assert report.ok
    assert report.size == 5
    assert report.unsigned_tail_bytes > 6 * 32  # a tile and a bundle, one entry wider than the head


def test_a_log_of_the_old_form_is_carried_over_and_its_receipts_hold(tmp_path):
    key = VerifyingKey.load(LOGS / "trusted.pub")
    folder = Path(shutil.copytree(LOGS / "old_form", tmp_path / "log"))
    log = AuditLog.open(folder, key)
    for refused in (lambda: fsck(folder, key), lambda: log.receipt(0), lambda: log.entry_bytes(4)):
        with pytest.raises(CorpusError, match="linernotes audit upgrade"):
            refused()
    before = (folder / "checkpoint").read_bytes()
    lines = (folder / "entries.jsonl").read_bytes().split(b"\n")[:5]
    assert log.upgrade()
    assert not log.upgrade()
    assert (folder / "checkpoint").read_bytes() == before
    assert list(log.entries()) == lines
    assert fsck(folder, key).ok
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "lock", "tile"]
    log.check_consistency(Checkpoint.open(Receipt.load(RECEIPTS / "valid.json").checkpoint, key))


@pytest.mark.parametrize("name", ["old_form_edited", "old_form_cut_short"])
def test_a_damaged_log_of_the_old_form_stays_as_it_is(tmp_path, name):
    folder = Path(shutil.copytree(LOGS / name, tmp_path / "log"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(VerificationError, match=r"signed root|cut short"):
        AuditLog.open(folder, VerifyingKey.load(LOGS / "trusted.pub")).upgrade()
    (folder / "lock").unlink()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_log_without_head_is_no_log():
    with pytest.raises(CorpusError, match="no log here"):
        fsck(LOGS / "head_missing", VerifyingKey.load(LOGS / "trusted.pub"))


@pytest.mark.parametrize(("name", "reason"), [("rolled_back", "rolled back"), ("forked", "rewritten")])
def test_an_older_or_other_history_verifies_alone_but_not_against_a_receipt(name, reason):
    key = VerifyingKey.load(LOGS / "trusted.pub")
    assert fsck(LOGS / name, key).ok
    held = Checkpoint.open(Receipt.load(RECEIPTS / "valid.json").checkpoint, key)
    with pytest.raises(VerificationError, match=reason):
        AuditLog.open(LOGS / name, key).check_consistency(held)


def test_a_receipt_of_a_fork_verifies_alone_and_is_exposed_by_the_log(tmp_path):
    verify_receipt(RECEIPTS / "of_a_fork.json", TRUSTED)
    key = VerifyingKey.load(TRUSTED)
    shutil.copytree(LOGS / "unfinished_append", tmp_path / "log")
    fork = Checkpoint.open(Receipt.load(RECEIPTS / "of_a_fork.json").checkpoint, key)
    with pytest.raises(VerificationError, match="rewritten"):
        AuditLog.open(tmp_path / "log", key).check_consistency(fork)
