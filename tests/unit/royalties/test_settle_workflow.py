"""Settling in a real workspace: statement, table, log and receipt; then one byte is changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from linernotes.catalog.recording import Recording
from linernotes.cli.main import main
from linernotes.corpus.consent import Consent
from linernotes.corpus.manifest import Item
from linernotes.corpus.seal import seal_items
from linernotes.errors import CorpusError, InputError, PolicyRefusal, VerificationError
from linernotes.evidence.influence import Influence, InfluenceRanking
from linernotes.evidence.reliability import Reliability
from linernotes.workflows import audit
from linernotes.workflows.settle import choose_rankings, read_output_weights, settle
from linernotes.workspace import Workspace

NAMES = {"fog": "Ada", "hail": "Bo", "rain": "", "sun": "Cy"}


def sealed():
    items = []
    for name, party in NAMES.items():
        digest = hashlib.sha256(name.encode()).hexdigest()
        recording = Recording(recording_id=name, title=name, artist="A", rightsholder=party)
        consent = Consent(status="yes", date="2025-01-01", evidence="contract 1")
        items.append(
            Item(
                item_id=name, path=f"{name}.ogg", content_sha256=digest, audio_sha256=digest, duration_s=10.0,
                sample_rate=44100, n_channels=1, coding="OGG", recording=recording, consent=consent,
                cluster_id=name,
            )
        )  # fmt: skip
    return seal_items(items, audio_dir="audio")


def ranking(root, query, method="trak", generator="g1", measured=True, seed=0):
    shares = [0.1, 0.2, 0.3, 0.2]
    reliability = Reliability(
        method=method, generator_id=generator, corpus_root=root, lds=0.5, interval=(0.4, 0.6), ceiling=0.9
    )
    return InfluenceRanking(
        query_id=query,
        method=method,
        unit="nats",
        generator_id=generator,
        corpus_root=root,
        seed=seed,
        influences=tuple(
            Influence(item_id=name, score=share, share=share, interval=(share, share), rank=n)
            for n, (name, share) in enumerate(zip(NAMES, shares, strict=True), start=1)
        ),
        unattributed_share=0.2,
        reliability=reliability if measured else None,
    )


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "ws"
    with Workspace.create(path) as opened:
        corpus = sealed()
        opened.save_corpus(corpus)
        for query in ("out-1", "out-2"):
            opened.save_ranking(ranking(corpus.root, query), path / "runs" / "attribute")
    return path


def test_the_whole_story_and_then_one_byte(workspace, tmp_path, capsys):
    out = tmp_path / "paid"
    command = ["settle", "--workspace", str(workspace), "--pool", "1000.00EUR", "--out", str(out), "--json"]
    assert main(command) == 0
    statement = json.loads(capsys.readouterr().out)
    assert sum(line["amount_minor"] for line in statement["lines"]) == 100000
    assert sorted(path.name for path in out.iterdir()) == ["receipt.json", "statement.csv", "statement.json"]
    assert json.loads((out / "statement.json").read_text(encoding="utf-8")).items() <= statement.items()
    with Workspace.open(workspace) as opened:
        assert [kept["statement_id"] for kept in opened.statements()] == [statement["statement_id"]]

    verify = ["audit", "verify", str(out / "receipt.json"), "--key", statement["files"]["key"], "--subject"]
    assert main([*verify, str(out / "statement.json")]) == 0
    data = (out / "statement.json").read_bytes()
    (out / "edited.json").write_bytes(data.replace(b'"Bo"', b'"Mo"', 1))
    capsys.readouterr()
    assert main([*verify, str(out / "edited.json")]) == 1
    assert "SHA-256" in capsys.readouterr().err

    entries = workspace / "log" / "tile" / "entries" / "000.p" / "1"
    entries.write_bytes(entries.read_bytes().replace(b"1000.00 EUR", b"1001.00 EUR"))
    assert main(["audit", "fsck", "--workspace", str(workspace), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["first_damaged_index"]) == (False, 0)
    prove = [
        "audit",
        "prove",
        "--workspace",
        str(workspace),
        "--index",
        "0",
        "--out",
        str(tmp_path / "r.json"),
    ]
    assert main(prove) == 1
    assert not (tmp_path / "r.json").exists()


def test_audit_commands_for_people(workspace, tmp_path, capsys):
    contract = tmp_path / "contract.pdf"
    contract.write_bytes(b"%PDF contract")
    receipt, key = str(tmp_path / "receipt.json"), str(workspace / "keys" / "log.pub")
    assert main(["audit", "append", str(contract), "--workspace", str(workspace), "--kind", "contract"]) == 0
    assert main(["audit", "prove", "--workspace", str(workspace), "--index", "0", "--out", receipt]) == 0
    assert main(["audit", "append", str(contract), "--workspace", str(workspace), "--kind", "contract"]) == 0
    assert main(["audit", "consistency", receipt, "--workspace", str(workspace)]) == 0
    assert main(["audit", "fsck", "--workspace", str(workspace)]) == 0
    assert main(["audit", "verify", receipt, "--key", key]) == 0
    text = capsys.readouterr().out
    assert "its first 1 of 2 entries are unchanged" in text
    assert "is whole: 2 entries" in text
    assert "not checked: the file with SHA-256" in text
    assert (workspace / "keys" / "log.key").stat().st_mode & 0o777 == 0o600


def test_settling_twice_gives_the_same_statement_and_one_entry(workspace, tmp_path):
    first = settle(workspace, "1000.00EUR")
    again = settle(workspace, "EUR 1000")
    assert again == first
    assert audit.fsck(workspace)["size"] == 1
    Path(first["files"]["receipt"]).unlink()  # as after a crash between log and receipt
    settle(workspace, "1000.00EUR")
    audit.verify(first["files"]["receipt"], first["files"]["key"], first["files"]["statement"])


def test_a_statement_is_never_overwritten(workspace, tmp_path):
    out = tmp_path / "paid"
    settle(workspace, "1000.00EUR", out=out)
    before = (out / "statement.json").read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        settle(workspace, "2000.00EUR", out=out)
    (out / "statement.json").write_bytes(before.replace(b'"Bo"', b'"Mo"', 1))
    with pytest.raises(InputError, match="damaged"):
        settle(workspace, "1000.00EUR", out=out)


def test_a_refusal_writes_and_logs_nothing(workspace, tmp_path, capsys):
    with Workspace.open(workspace) as opened:
        root = opened.corpus().root
        opened.save_ranking(ranking(root, "out-3", measured=False), workspace / "runs")
    with pytest.raises(PolicyRefusal, match="out-3"):
        settle(workspace, "1000.00EUR", out=tmp_path / "paid")
    assert main(["settle", "--workspace", str(workspace), "--pool", "1000.00EUR"]) == 1
    assert main(["settle", "--workspace", str(workspace), "--pool", "1000,00EUR"]) == 3
    assert main(["settle", "--workspace", str(tmp_path / "nowhere"), "--pool", "1000.00EUR"]) == 3
    assert not (tmp_path / "paid").exists()
    assert not (workspace / "log").exists()
    policy = tmp_path / "presence.toml"
    policy.write_text('mode = "presence_only"\n')
    assert settle(workspace, "1000.00EUR", policy)["outputs"] == []
    capsys.readouterr()


def test_which_rankings_count():
    root = "ab" * 32
    old, new = ranking(root, "out-1", seed=1), ranking(root, "out-1", seed=2)
    assert choose_rankings([old, new]) == [new]
    other = ranking(root, "out-1", method="grad-dot")
    with pytest.raises(InputError, match="grad-dot, trak; choose one with --method"):
        choose_rankings([old, other])
    assert choose_rankings([old, other], method="trak") == [old]
    with pytest.raises(InputError, match="choose one with --generator-id"):
        choose_rankings([old, dataclasses.replace(new, generator_id="g2")])
    with pytest.raises(InputError, match="no ranking by nobody"):
        choose_rankings([old], method="nobody")


def test_output_weights_from_a_table(workspace, tmp_path):
    table = tmp_path / "outputs.csv"
    table.write_text("query,weight\nout-1,12.50\n")
    statement = settle(workspace, "1000.00EUR", outputs_path=table)
    assert [output["query"] for output in statement["outputs"]] == ["out-1"]
    for text in (
        "",
        "query\nout-1\n",
        "query,weight\nout-1,x\n",
        "query,weight\na,1\na,2\n",
        "query,weight\na,-1\n",
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=r"outputs\.csv"):
            read_output_weights(table)


def test_log_and_keys_belong_together(workspace, tmp_path):
    with pytest.raises(CorpusError, match="no audit log yet"):
        audit.fsck(workspace)
    audit.append_file(workspace, __file__, "note")
    log, key = workspace / "log", workspace / "keys" / "log.key"
    log.rename(tmp_path / "away")
    with pytest.raises(CorpusError, match="the log is missing but its key"):
        audit.append_file(workspace, __file__, "note")
    for path in (tmp_path / "away").iterdir():
        path.rename(log / path.name)
    key.rename(tmp_path / "log.key")
    with pytest.raises(CorpusError, match="signing key is missing"):
        audit.append_file(workspace, __file__, "note")
    audit.prove(workspace, 0, tmp_path / "receipt.json")
    (tmp_path / "other.pub").write_text("x+00000000+AAAA\n")
    with pytest.raises(VerificationError):
        audit.verify(tmp_path / "receipt.json", tmp_path / "other.pub")
