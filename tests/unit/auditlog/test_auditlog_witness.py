"""Witnesses: Go's requests and answers, HTTP, quorums, logs that show two histories, post-quantum keys."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.auditlog import (
    AuditLog,
    Checkpoint,
    Entry,
    Policy,
    SigningKey,
    VerifyingKey,
    Witness,
    fsck,
    post_quantum,
)
from linernotes.auditlog.keys import ML_DSA_44, WITNESS_ED25519
from linernotes.auditlog.note import find_signature, open_note, signature_line, split_note
from linernotes.auditlog.signatures import make_signature
from linernotes.auditlog.witness import AddCheckpoint
from linernotes.auditlog.witness_client import collect, request_for
from linernotes.auditlog.witness_server import make_server
from linernotes.errors import CorpusError, InputError, LinernotesError, MissingExtra, VerificationError

VECTORS = Path(__file__).parents[2] / "vectors"
SIGNED = json.loads((VECTORS / "tlog_cosignatures.json").read_text(encoding="utf-8"))
ASKED = json.loads((VECTORS / "tlog_witness.json").read_text(encoding="utf-8"))
LOG_KEY = SigningKey("example.org/log", bytes(range(32)))
NAMES = ("union", "press", "court")


def entry(n: int) -> Entry:
    return Entry("note", None, {"n": n}, "2026-01-02T03:04:05Z")


@contextmanager
def serving(witness: Witness):
    server = make_server(witness, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def witnesses(tmp_path):
    made = []
    for name, algorithm in zip(NAMES, (WITNESS_ED25519, WITNESS_ED25519, ML_DSA_44), strict=True):
        witness = Witness.create(tmp_path / name, f"{name}.example/w", algorithm)
        made.append(witness.trust(LOG_KEY.verifying_key()))
    return made


def policy_text(witnesses, quorum="group enough 2 union press court\nquorum enough\n", urls=None) -> str:
    lines = [f"log {LOG_KEY.verifying_key().line()}"]
    for name, witness in zip(NAMES, witnesses, strict=True):
        url = (urls or {}).get(name, "")
        lines.append(f"witness {name} {witness.signer.verifying_key().line()} {url}".rstrip())
    return "\n".join(lines) + "\n" + quorum


def make_log(folder: Path, size: int) -> AuditLog:
    log = AuditLog.create(folder, LOG_KEY)
    log.append_many(map(entry, range(size)), LOG_KEY)
    return log


def test_the_example_of_signed_note():
    note = SIGNED["example"]["note"]
    assert open_note(note, VerifyingKey.parse(SIGNED["example"]["key"])) == "This is an example message.\n"


def test_cosignatures_and_the_hybrid_policy_of_go():
    policy = Policy.parse(SIGNED["policy"].encode())
    judged = policy.judge(SIGNED["cosigned"])
    assert judged.witnessed
    assert [name for name, _ in judged.cosigned] == ["W1", "W2", "W3", "PQ"]
    assert {moment for _, moment in judged.cosigned} == {SIGNED["cosigned_at"]}
    assert policy.log_key(SIGNED["cosigned"]).name == "example.com/log"
    without_pq = SIGNED["cosigned"].rpartition("\u2014 example.com/pq")[0]
    judged = policy.judge(without_pq)
    assert (judged.witnessed, len(judged.cosigned), judged.n_witnesses) == (False, 3, 4)
    with pytest.raises(VerificationError, match="does not fit"):
        policy.judge(SIGNED["cosigned"].replace("20852163", "20852164"))


def test_go_covers_extension_lines_with_ed25519_alone():
    policy = Policy.parse(SIGNED["policy"].encode())
    assert [name for name, _ in policy.judge(SIGNED["extension"]).cosigned] == ["W1"]
    text = split_note(SIGNED["extension"])[0]
    with pytest.raises(InputError, match="do not cover extension lines"):
        make_signature(text, SigningKey("example.com/pq", bytes(32), ML_DSA_44))


def test_the_policy_of_a_public_log_is_read():
    policy = Policy.parse(SIGNED["age_keyserver_policy"].encode())
    assert [witness.name for witness in policy.witnesses] == ["TrustFabric", "Mullvad", "Geomys"]
    assert policy.witnesses[1].url == "https://witness.stagemole.eu/"


def test_the_requests_and_answers_of_go(tmp_path):
    key = VerifyingKey(ASKED["origin"], bytes.fromhex(ASKED["log_key_hex"]))
    witness = Witness.create(tmp_path / "w", "example.com/witness").trust(key)
    for n, asked in enumerate(ASKED["requests"]):
        answer = witness.add_checkpoint(asked["body"].encode())
        assert answer.status == asked["status"], (n, answer)
        if answer.status == 409:
            assert answer.body.decode() == asked["text"]
            assert answer.content_type == "text/x.tlog.size"
        elif answer.status == 200:
            text = split_note(asked["body"].partition("\n\n")[2])[0]
            assert witness.signer.name in answer.body.decode()
            latest = Checkpoint.read(text)
    again = Witness.open(tmp_path / "w")
    kept = again.latest(hashlib.sha256(ASKED["origin"].encode()).hexdigest()).decode()
    assert Checkpoint.open(kept, key) == latest
    assert find_signature(*split_note(kept), witness.signer.verifying_key())[1] > 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 00\n\nx\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 x AAAAAAA=\n",
        b"old -1\n\n",
        b"old 1\nAAAA\n\nx\n",
        b"old 1\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\nx\n",
        b"\xff" * 100,
        b"old 0\n\n" + b"x" * (1 << 20),
    ],
)
def test_malformed_requests_are_answered_with_400(witnesses, body):
    assert witnesses[0].add_checkpoint(body).status == 400


def test_statuses_that_go_does_not_test(witnesses, tmp_path):
    witness = witnesses[0]
    log = make_log(tmp_path / "log", 3)
    note = log.checkpoint_note()
    assert witness.add_checkpoint(AddCheckpoint(4, (), note).to_bytes()).status == 400
    wrong_empty = Checkpoint("example.org/log", 0, bytes(32)).sign(LOG_KEY)
    assert witness.add_checkpoint(AddCheckpoint(0, (), wrong_empty).to_bytes()).status == 422
    assert witness.add_checkpoint(AddCheckpoint(0, (bytes(32),), note).to_bytes()).status == 422
    unsigned = note.partition("\n\n")[0] + "\n\n" + signature_line(split_note(note)[0], witnesses[1].signer)
    assert witness.add_checkpoint(AddCheckpoint(0, (), unsigned).to_bytes()).status == 403
    assert witness.add_checkpoint(AddCheckpoint(0, (), note).to_bytes()).status == 200
    assert witness.add_checkpoint(AddCheckpoint(3, (), note).to_bytes()).status == 200  # signed again
    assert not list(witness.folder.glob("*.evidence.json"))
    fork = Checkpoint("example.org/log", 3, bytes(32)).sign(LOG_KEY)
    assert witness.add_checkpoint(AddCheckpoint(3, (), fork).to_bytes()).status == 422
    (evidence,) = witness.folder.glob("fork-*.evidence.json")
    found = json.loads(evidence.read_text(encoding="utf-8"))
    for head in (found["held"], found["offered"]):
        Checkpoint.open(head, log.key)


def test_collecting_over_http_and_growing(witnesses, tmp_path):
    log = make_log(tmp_path / "log", 5)
    with serving(witnesses[0]) as one, serving(witnesses[2]) as two:
        policy = Policy.parse(policy_text(witnesses, urls={"union": one, "court": two + "/"}).encode())
        assert not policy.judge(log.checkpoint_note()).witnessed
        assert [outcome.problem for outcome in collect(log, policy.witnesses)] == ["", ""]
        judged = policy.judge(log.checkpoint_note())
        assert (judged.witnessed, len(judged.cosigned), judged.n_witnesses) == (True, 2, 3)
        cosigned = log.receipt(4)
        log.append_many(map(entry, range(5, 9)), LOG_KEY)
        # The head has moved on: older entries are proved under the cosigned head, new ones under the new.
        assert log.receipt(4) == cosigned
        assert policy.judge(log.receipt(4).checkpoint).witnessed
        assert not policy.judge(log.receipt(8).checkpoint).witnessed
        assert all(outcome.signature for outcome in collect(log, policy.witnesses))
        assert policy.judge(log.receipt(8).checkpoint).witnessed
        origin_hash = hashlib.sha256(b"example.org/log").hexdigest()
        with urllib.request.urlopen(f"{one}/{origin_hash}/checkpoint") as answer:  # noqa: S310
            assert Checkpoint.open(answer.read().decode(), log.key).size == 9
        for path in ("/", "/" + "0" * 64 + "/checkpoint", "/../witness.key"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(one + path)  # noqa: S310
            assert refused.value.code == 404
            refused.value.close()
    assert fsck(log.folder, log.key).ok
    assert "no answer" in collect(log, policy.witnesses)[0].problem


def test_a_log_that_was_rolled_back_or_forked_gets_no_cosignature(witnesses, tmp_path):
    log = make_log(tmp_path / "log", 5)
    fork = AuditLog.create(tmp_path / "fork", LOG_KEY)
    fork.append_many(map(entry, range(10, 17)), LOG_KEY)
    short = make_log(tmp_path / "short", 4)
    with serving(witnesses[0]) as url:
        policy = Policy.parse(policy_text(witnesses, urls={"union": url}).encode())
        assert collect(log, policy.witnesses)[0].signature
        assert "refused with status 422" in collect(fork, policy.witnesses)[0].problem
        assert "rolled back" in collect(short, policy.witnesses)[0].problem
    assert not policy.judge(fork.checkpoint_note()).cosigned


def test_a_witness_without_memory_or_with_a_damaged_one_does_not_answer(witnesses, tmp_path):
    log = make_log(tmp_path / "log", 2)
    request = request_for(log, 0).to_bytes()
    assert witnesses[0].add_checkpoint(request).status == 200
    (seen,) = (witnesses[0].folder / "seen").iterdir()
    seen.write_bytes(seen.read_bytes().replace(b"\n2\n", b"\n1\n"))
    with pytest.raises(CorpusError, match="restore the witness's memory"):
        witnesses[0].add_checkpoint(request)
    seen.unlink()
    (witnesses[0].folder / "seen").rmdir()
    with pytest.raises(CorpusError, match="missing"):
        Witness.open(witnesses[0].folder)


def test_a_post_quantum_log_alone_and_beside_ed25519(tmp_path):
    pq = SigningKey("example.org/log", bytes(32), ML_DSA_44)
    log = AuditLog.create(tmp_path / "pq", pq)
    log.append(entry(0), pq)
    assert log.receipt(0).verify(pq.verifying_key()) == entry(0)
    both = AuditLog.create(tmp_path / "both", LOG_KEY, pq)
    both.append(entry(0), LOG_KEY, pq)
    for key in (LOG_KEY, pq):
        assert both.receipt(0).verify(key.verifying_key()) == entry(0)
    assert VerifyingKey.parse(pq.verifying_key().line()) == pq.verifying_key()
    assert SigningKey.parse(pq.line()) == pq
    with pytest.raises(InputError, match="must be named"):
        both.append(entry(1), LOG_KEY, SigningKey("other", bytes(32), ML_DSA_44))


def test_an_old_cryptography_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    with pytest.raises(MissingExtra, match="pip install 'cryptography>=50'"):
        SigningKey.generate("example.org/log", ML_DSA_44)
    with pytest.raises(MissingExtra):
        post_quantum.verify(bytes(1312), b"", bytes(2420))


LINE = SigningKey("w.example", bytes(32), WITNESS_ED25519).verifying_key().line()
OTHER = SigningKey("v.example", bytes([1] * 32), WITNESS_ED25519).verifying_key().line()
LOG_LINE = LOG_KEY.verifying_key().line()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no quorum line"),
        (f"witness a {LINE}\nquorum a", "does not end in a newline"),
        ("quorum a\n", "not defined above"),
        (f"quorum a\nwitness a {LINE}\n", "not defined above"),
        (f"witness a {LINE}\nwitness a {OTHER}\nquorum a\n", "there twice"),
        (f"witness a {LINE}\nwitness b {LINE}\nquorum a\n", "there twice"),
        (f"witness none {LINE}\nquorum none\n", "reserved"),
        (f"witness a {LINE}\ngroup g 2 a\nquorum g\n", "cannot be reached"),
        (f"witness a {LINE}\ngroup g 0 a\nquorum g\n", "expected all, any or a number"),
        (f"witness a {LINE}\ngroup g 01 a\nquorum g\n", "expected all, any or a number"),
        (f"witness a {LINE}\ngroup g all a a\nquorum g\n", "a member already"),
        (f"witness a {LINE}\ngroup g all a\ngroup h all a g\nquorum h\n", "a member already"),
        (f"witness a {LINE}\ngroup g all none\nquorum g\n", "not defined above"),
        (f"witness a {LINE}\nquorum a\nquorum a\n", "second quorum"),
        (f"witness a {LOG_LINE}\nquorum a\n", "which a witness cannot have"),
        (f"log {LINE}\nquorum none\n", "which a log cannot have"),
        (f"log {LOG_LINE}\nlog {LOG_LINE}\nquorum none\n", "there twice"),
        (f"witness a {LINE}x\nquorum a\n", "base64"),
        (f"witness a {LINE}\rquorum a\n", "control character"),
        ("vitness a b\nquorum none\n", "expected log, witness, group or quorum"),
        ("witness a\nquorum none\n", "expected: witness"),
        ("group g\nquorum none\n", "expected: group"),
        ("log\nquorum none\n", "expected: log"),
        ("quorum a b\n", "expected: quorum"),
    ],
)
def test_malformed_policies(text, reason):
    with pytest.raises(InputError, match=reason):
        Policy.parse(text.encode())


def test_policies_may_hold_comments_spaces_and_any_letters():
    text = f"# ü \n \t\n  witness\tsœur  {LINE} \ngroup g any sœur\nquorum g\n"
    assert Policy.parse(text.encode()).quorum == "g"
    assert Policy.parse(text.encode("latin-1", "replace")).witnesses[0].key == VerifyingKey.parse(LINE)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                "log",
                "witness",
                "group",
                "quorum",
                "a",
                "b",
                "none",
                "all",
                "any",
                "1",
                LINE,
                OTHER,
                LOG_LINE,
                "\n",
            ]
        ),
        max_size=25,
    ).map(lambda words: (" ".join(words) + "\n").encode())
)
def test_no_policy_makes_the_reader_fail_otherwise_than_by_saying_no(data):
    try:
        policy = Policy.parse(data)
    except InputError:
        return
    assert policy.quorum == "none" or policy.witnesses
    assert policy.judge(SIGNED["cosigned"]).witnessed == (policy.quorum == "none")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_request_makes_the_witness_fail_otherwise_than_by_saying_no(data):
    for given_bytes in (data, b"old 0\n\n" + data, b"old 0\n\nexample.org/log\n" + data):
        try:
            AddCheckpoint.parse(given_bytes)
        except LinernotesError:
            continue
