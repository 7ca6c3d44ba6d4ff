"""The commands around the log, as a creator, an owner and a witness would use them."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from linernotes.auditlog import AuditLog, Entry, SigningKey, VerifyingKey, Witness, fsck
from linernotes.auditlog.witness_server import make_server
from linernotes.cli.main import main
from linernotes.errors import CorpusError, InputError
from linernotes.workflows import audit
from linernotes.workspace import Workspace


@pytest.fixture
def run(capsys):
    def call(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "ws"
    with Workspace.create(path) as opened:
        audit.record_many(opened, [("note", None, {"n": n}) for n in range(300)])
    return path


def policy_file(folder: Path, log_key: Path, quorum: str, urls: dict[str, str] | None = None) -> Path:
    lines = [f"log {VerifyingKey.load(log_key).line()}"]
    for name in ("union", "press"):
        line = (folder / name / "witness.pub").read_text().strip()
        lines.append(f"witness {name} {line} {(urls or {}).get(name, '')}".rstrip())
    path = folder / "policy.txt"
    path.write_text("\n".join([*lines, f"group both {quorum} union press", "quorum both"]) + "\n")
    return path


@pytest.fixture
def watched(workspace, tmp_path, run):
    """Two witnesses that watch the log, made through the commands; returns the log's key."""
    key = workspace / "keys" / "log.pub"
    for name in ("union", "press"):
        assert run("audit", "witness", "new", tmp_path / name, "--name", f"{name}.example/w")[0] == 0
        code, text, _ = run("audit", "witness", "trust", tmp_path / name, "--key", key)
        assert (code, "watches: linernotes.local/log-" in text) == (0, True)
    return key


def test_a_receipt_below_the_quorum_is_downgraded_and_above_it_is_not(watched, workspace, tmp_path, run):
    policy = policy_file(tmp_path, watched, "all")
    receipt = tmp_path / "receipt.json"
    assert run("audit", "prove", "--workspace", workspace, "--index", 7, "--out", receipt)[0] == 0
    code, text, _ = run("audit", "verify", receipt, "--key", watched, "--json")
    plain = json.loads(text)
    assert (code, plain["ok"], plain["witnessed"], plain["n_witnesses"]) == (0, True, False, 0)
    code, text, err = run("audit", "verify", receipt, "--policy", policy, "--json")
    found = json.loads(text)
    assert (code, found["ok"], found["witnessed"]) == (1, False, False)
    assert (found["n_cosignatures"], found["n_witnesses"], found["quorum"]) == (0, 2, "both")
    assert "0 of 2 known witnesses" in err

    for n, name in enumerate(("union", "press"), 1):  # by files: request, answer, attach
        asked, answered = tmp_path / "request", tmp_path / "answer"
        assert run("audit", "request", "--workspace", workspace, "--out", asked)[0] == 0
        assert run("audit", "witness", "answer", tmp_path / name, asked, "--out", answered)[0] == 0
        code, text, _ = run(
            "audit", "attach", answered, "--workspace", workspace, "--policy", policy, "--json"
        )
        assert (code, json.loads(text)["n_cosignatures"]) == (0, n)
    proof = tmp_path / "receipt.tlog-proof"
    assert run("audit", "prove", "--workspace", workspace, "--index", 7, "--out", proof)[0] == 0
    code, text, _ = run("audit", "verify", proof, "--policy", policy)
    assert (code, "cosigned by 2 of 2 known witnesses: union, press" in text) == (0, True)
    assert run("audit", "verify", receipt, "--policy", policy)[0] == 1  # the old one stays what it was
    assert run("audit", "verify", receipt, "--key", watched)[0] == 0
    proof.write_text(proof.read_text().replace("index 7", "index 8"))
    assert run("audit", "verify", proof, "--policy", policy)[0] == 1
    code, _, err = run("audit", "witness", "answer", tmp_path / "union", asked, "--out", answered)
    assert (code, "--old 300" in err) == (1, True)
    assert run("audit", "attach", receipt, "--workspace", workspace, "--policy", policy)[0] == 1


def test_cosigning_over_http_with_one_witness_down(watched, workspace, tmp_path, run, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = make_server(Witness.open(tmp_path / "union"), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        urls = {"union": f"http://127.0.0.1:{server.server_port}", "press": "http://127.0.0.1:1/"}
        policy = policy_file(tmp_path, watched, "all", urls)
        code, text, err = run("audit", "cosign", "--workspace", workspace, "--policy", policy, "--json")
        found = json.loads(text)
        assert (code, found["witnessed"], found["n_cosignatures"]) == (1, False, 1)
        assert [one["cosigned"] for one in found["outcomes"]] == [True, False]
        assert "below the quorum" in err
        policy = policy_file(tmp_path, watched, "any", urls)
        code, text, _ = run("audit", "cosign", "--workspace", workspace, "--policy", policy)
        assert (code, "union: cosigned" in text, "quorum 'both' holds" in text) == (0, True, True)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    policy = policy_file(tmp_path, watched, "any")
    assert run("audit", "cosign", "--workspace", workspace, "--policy", policy)[0] == 3


def test_a_post_quantum_key_beside_the_first(workspace, tmp_path, run):
    receipt, key = tmp_path / "receipt.json", workspace / "keys" / "log.ml-dsa-44.pub"
    audit.prove(workspace, 3, tmp_path / "before.json")
    command = ("audit", "keys", "--workspace", workspace, "--algorithm", "ml-dsa-44")
    code, text, _ = run(*command, "--json")
    assert (code, json.loads(text)["key"]) == (0, str(key))
    assert run(*command)[0] == 3  # never overwritten
    for _ in range(2):
        audit.prove(workspace, 3, receipt)
        for each in (key, workspace / "keys" / "log.pub"):
            assert audit.verify(receipt, each)["ok"]
        with Workspace.open(workspace) as opened:
            audit.record(opened, "note", None, {})
    assert run("audit", "verify", tmp_path / "before.json", "--key", key)[0] == 1
    assert run("audit", "verify", tmp_path / "before.json", "--key", workspace / "keys" / "log.pub")[0] == 0
    assert run("audit", "keys", "--workspace", workspace, "--algorithm", "rsa")[0] == 3


def test_a_mirror_and_fsck_of_it_and_against_a_receipt(workspace, tmp_path, run):
    key, copy = workspace / "keys" / "log.pub", tmp_path / "copy"
    code, text, _ = run("audit", "mirror", workspace / "log", "--out", copy, "--key", key, "--json")
    assert (code, json.loads(text)["n_fetched"]) == (0, 300)
    assert run("audit", "fsck", "--folder", copy, "--key", key)[0] == 0
    shutil.copytree(workspace / "log", tmp_path / "older")
    audit.append_file(workspace, key, "note")
    audit.prove(workspace, 300, tmp_path / "receipt.json")
    against = ("--against", tmp_path / "receipt.json")
    code, text, _ = run("audit", "fsck", "--workspace", workspace, *against, "--json")
    assert (code, json.loads(text)["compared_with_size"]) == (0, 301)
    shutil.rmtree(workspace / "log")
    shutil.copytree(tmp_path / "older", workspace / "log")
    assert run("audit", "fsck", "--workspace", workspace)[0] == 0
    code, text, err = run("audit", "fsck", "--workspace", workspace, *against, "--json")
    assert (code, json.loads(text)["ok"], "rolled back" in err) == (1, False, True)
    private = workspace / "keys" / "log.key"
    assert run("audit", "mirror", workspace / "log", "--out", copy, "--key", private)[0] == 1
    AuditLog.create(tmp_path / "fork", SigningKey.load(private)).append_many(
        [Entry("x", None, {})] * 300, SigningKey.load(private)
    )
    code, _, err = run("audit", "mirror", tmp_path / "fork", "--out", copy, "--key", key)
    assert (code, "forked" in err) == (1, True)
    (kept,) = copy.glob("fork-*")
    code, text, _ = run("audit", "evidence", kept, "--key", key)
    assert (code, "two histories" in text) == (0, True)
    assert run("audit", "evidence", kept, "--key", private)[0] == 1
    for wrong in ((), ("--folder", copy), ("--folder", copy, "--workspace", workspace)):
        assert run("audit", "fsck", *wrong)[0] == 2


def test_a_log_of_the_old_form_is_carried_over_by_the_next_entry_or_by_the_command(
    workspace, tmp_path, run, old_form
):
    key = SigningKey.load(workspace / "keys" / "log.key")
    entries = [Entry("note", None, {"n": n}, "2026-01-02T03:04:05Z").to_bytes() for n in range(5)]
    shutil.rmtree(workspace / "log")
    old_form(workspace / "log", key, entries)
    code, _, err = run("audit", "fsck", "--workspace", workspace)
    assert (code, "linernotes audit upgrade" in err) == (3, True)
    shutil.copytree(workspace, tmp_path / "other")
    code, text, _ = run("audit", "upgrade", workspace)
    assert (code, "carried over to tiles: 5 entries" in text) == (0, True)
    assert "already in tiles" in run("audit", "upgrade", workspace / "log")[1]
    with Workspace.open(tmp_path / "other") as opened:
        assert audit.record(opened, "note", None, {}).leaf_index == 5
        assert list(audit.open_log(opened).entries(0, 5)) == entries
    with pytest.raises(CorpusError, match="give it with --key"):
        audit.upgrade(AuditLog.create(tmp_path / "alone", key).folder)


def test_an_entry_too_large_for_a_tile_stays_in_the_old_form(workspace, tmp_path, old_form):
    key = SigningKey.load(workspace / "keys" / "log.key")
    large = Entry("note", None, {"text": "y" * 70_000}, "2026-01-02T03:04:05Z").to_bytes()
    shutil.rmtree(workspace / "log")
    old_form(workspace / "log", key, [large])
    with pytest.raises(CorpusError, match=r"entry 0 has 70\d\d\d bytes.*begin a new one"):
        audit.upgrade(workspace)
    assert (workspace / "log" / "entries.jsonl").exists()
    assert not (workspace / "log" / "tile").exists()


def test_many_entries_at_once(workspace):
    with Workspace.open(workspace) as opened:
        made = audit.record_many(opened, [Entry("a", None, {}), ("b", None, {"n": 1})])
        assert made == range(300, 302)
        log = audit.open_log(opened)
        assert [receipt.verify(log.key).kind for receipt in log.receipts(made)] == ["a", "b"]
        with pytest.raises(InputError, match="kind"):
            audit.record_many(opened, [("c", None, {}), ("No", None, {})])
        assert audit.open_log(opened).checkpoint().size == 302
    assert fsck(log.folder, log.key).ok


def test_no_key_and_no_policy(workspace, tmp_path, run):
    audit.prove(workspace, 0, tmp_path / "receipt.json")
    code, _, err = run("audit", "verify", tmp_path / "receipt.json")
    assert (code, "no trusted key" in err) == (3, True)
    (tmp_path / "none.txt").write_text("quorum none\n")
    assert run("audit", "verify", tmp_path / "receipt.json", "--policy", tmp_path / "none.txt")[0] == 3
