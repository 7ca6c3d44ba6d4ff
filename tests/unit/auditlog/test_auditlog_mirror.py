"""Copies of a log: kept up, resumed, and refused with evidence when the source shows another history."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

from linernotes.auditlog import AuditLog, Entry, Policy, SigningKey, fsck, mirror
from linernotes.auditlog.fork import Evidence
from linernotes.auditlog.keys import WITNESS_ED25519
from linernotes.auditlog.mirror import _Mirror
from linernotes.auditlog.note import NoteSignature, signature_line
from linernotes.auditlog.sources import FolderSource, WebSource, open_source
from linernotes.errors import CorpusError, InputError, PolicyRefusal, VerificationError

SIGNER = SigningKey("example.org/log", bytes(range(32)))
KEY = SIGNER.verifying_key()


def entries(start: int, end: int, word: str = "n") -> list[Entry]:
    return [Entry("note", None, {word: n}, "2026-01-02T03:04:05Z") for n in range(start, end)]


@pytest.fixture
def log(tmp_path):
    made = AuditLog.create(tmp_path / "log", SIGNER)
    made.append_many(entries(0, 600), SIGNER)
    return made


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def address(log, monkeypatch):
    """The log behind the plainest web host there is."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(Quiet, directory=str(log.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_copy_over_http_is_kept_up_and_is_a_log_itself(log, address, tmp_path):
    copy = tmp_path / "copy"
    report = mirror(open_source(address), copy, KEY)
    assert (report.old_size, report.size, report.n_fetched) == (0, 600, 600)
    log.append_many(entries(600, 1100), SIGNER)
    seen = []
    report = mirror(WebSource(address), copy, KEY, progress=lambda done, size: seen.append((done, size)))
    assert (report.old_size, report.size) == (600, 1100)
    assert report.n_fetched == 1100 - 512  # whole bundles from the one that was partial
    assert seen[-1] == (1100, 1100)
    assert mirror(WebSource(address), copy, KEY).n_fetched == 0
    assert fsck(copy, KEY).ok
    assert list(AuditLog.open(copy, KEY).entries()) == list(log.entries())
    assert AuditLog.open(copy, KEY).receipt(700).verify(KEY).body == {"n": 700}
    again = mirror(FolderSource(copy), tmp_path / "copy-of-copy", KEY)
    assert again.root == report.root
    with pytest.raises(InputError, match="not there"):
        mirror(WebSource(address + "nowhere"), tmp_path / "x", KEY)
    with pytest.raises(InputError, match="http"):
        mirror(WebSource("file:///etc"), tmp_path / "x", KEY)


def test_an_interrupted_run_goes_on(log, tmp_path, monkeypatch):
    log.append_many(entries(600, 9000), SIGNER)
    original, left = _Mirror._bundle, [20]

    def stopping(self, number):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return original(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(_Mirror, "_bundle", stopping)
        with pytest.raises(KeyboardInterrupt):
            mirror(FolderSource(log.folder), tmp_path / "copy", KEY)
    assert not (tmp_path / "copy" / "checkpoint").exists()
    report = mirror(FolderSource(log.folder), tmp_path / "copy", KEY)
    assert report.size == 9000
    assert report.n_fetched == 9000 - 16 * 256
    assert fsck(tmp_path / "copy", KEY).ok


def test_what_an_interrupted_run_left_is_not_trusted(log, tmp_path):
    bad = tmp_path / "copy" / "tile" / "entries"
    bad.mkdir(parents=True)
    (bad / "000").write_bytes(b"\x00\x01x" * 256)
    (bad / "001").write_bytes(b"torn")
    report = mirror(FolderSource(log.folder), tmp_path / "copy", KEY)
    assert report.size == 600
    assert fsck(tmp_path / "copy", KEY).ok


def test_a_damaged_source_leaves_the_copy_as_it_was(log, tmp_path):
    mirror(FolderSource(log.folder), tmp_path / "copy", KEY)
    log.append_many(entries(600, 1000), SIGNER)
    path = log.folder / "tile" / "entries" / "002"
    path.write_bytes(path.read_bytes().replace(b'"n":700', b'"n":999'))
    with pytest.raises(VerificationError, match="do not lead to its signed root"):
        mirror(FolderSource(log.folder), tmp_path / "copy", KEY)
    report = fsck(tmp_path / "copy", KEY)
    assert (report.ok, report.size, report.unsigned_tail_bytes) == (True, 600, 0)
    assert not list((tmp_path / "copy").glob("*.evidence.json"))


@pytest.mark.parametrize(("size", "kind"), [(400, "rollback"), (600, "fork"), (900, "fork")])
def test_forks_and_rollbacks_are_refused_and_both_heads_kept(log, tmp_path, size, kind):
    copy = tmp_path / "copy"
    mirror(FolderSource(log.folder), copy, KEY)
    other = AuditLog.create(tmp_path / "other", SIGNER)
    other.append_many(entries(0, size, "n" if kind == "rollback" else "m"), SIGNER)
    for _ in range(2):
        with pytest.raises(VerificationError, match=r"rolled back|forked|not the ones once signed"):
            mirror(FolderSource(other.folder), copy, KEY)
    (path,) = copy.glob("*.evidence.json")
    evidence = Evidence.load(path)
    assert evidence.kind == kind
    evidence.check(KEY)
    data = path.read_bytes()
    for wrong in (data[:-1], data.replace(b"kind", b"kine"), data.replace(b'"' + kind.encode(), b'"other')):
        with pytest.raises(VerificationError):
            Evidence.from_bytes(wrong)
    if kind == "fork" and size != 600:
        with pytest.raises(VerificationError):  # what joins the two heads is checked, too
            Evidence(kind, evidence.held, evidence.offered, bytes(32), evidence.proof).check(KEY)
    with pytest.raises(VerificationError):
        Evidence("fork", evidence.held, evidence.held).check(KEY)
    assert fsck(copy, KEY).size == 600
    assert mirror(FolderSource(log.folder), copy, KEY).size == 600  # the true one goes on


def test_heads_below_the_quorum_and_of_other_keys_are_refused(log, tmp_path):
    witness = SigningKey("w.example", bytes(32), WITNESS_ED25519)
    policy = Policy.parse(f"witness w {witness.verifying_key().line()}\nquorum w\n".encode())
    with pytest.raises(PolicyRefusal, match="0 of 1 cosignatures"):
        mirror(FolderSource(log.folder), tmp_path / "copy", KEY, policy=policy)
    assert not (tmp_path / "copy").exists()
    text = log.checkpoint().text()
    log.add_signatures(text, [NoteSignature.parse(signature_line(text, witness)[:-1])])
    assert mirror(FolderSource(log.folder), tmp_path / "copy", KEY, policy=policy).size == 600
    stranger = SigningKey.generate("example.org/log").verifying_key()
    with pytest.raises(VerificationError, match="not by the trusted key"):
        mirror(FolderSource(log.folder), tmp_path / "copy", stranger)
    with pytest.raises(CorpusError, match="no log here"):
        mirror(open_source(str(tmp_path)), tmp_path / "copy", KEY)


def test_a_log_may_be_served_while_it_grows(log, tmp_path):
    """A reader who has the head of a moment ago still finds every tile that it needs."""
    copy = tmp_path / "copy"
    for size in range(600, 780, 20):
        stale = tmp_path / "stale"
        shutil.rmtree(stale, ignore_errors=True)
        stale.mkdir()
        old_head = (log.folder / "checkpoint").read_bytes()
        log.append_many(entries(size, size + 20), SIGNER)
        shutil.copytree(log.folder / "tile", stale / "tile")
        (Path(stale) / "checkpoint").write_bytes(old_head)
        assert mirror(FolderSource(stale), copy, KEY).size == size
