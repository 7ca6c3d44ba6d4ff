"""Our heads, proofs and cosignatures under a program that others wrote from the same specifications."""

from __future__ import annotations

import pytest

from linernotes.auditlog import AuditLog, Entry, SigningKey
from linernotes.auditlog.keys import ML_DSA_44, WITNESS_ED25519
from linernotes.auditlog.note import NoteSignature, signature_line
from linernotes.auditlog.tlog_proof import TlogProof

checkpoint = pytest.importorskip("proofbundle.checkpoint")
merkle = pytest.importorskip("proofbundle.merkle")
tlogproof = pytest.importorskip("proofbundle.tlogproof")

LOG_KEY = SigningKey("example.org/log", bytes(range(32)))
WITNESSES = [
    SigningKey("w1.example", bytes([1] * 32), WITNESS_ED25519),
    SigningKey("w2.example", bytes(32), ML_DSA_44),
]
LINES = [key.verifying_key().line() for key in WITNESSES]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    made = AuditLog.create(tmp_path_factory.mktemp("log"), LOG_KEY)
    for start, end in ((0, 1), (1, 300), (300, 700)):
        made.append_many([Entry("note", None, {"n": n}) for n in range(start, end)], LOG_KEY)
    text = made.checkpoint().text()
    made.add_signatures(text, [NoteSignature.parse(signature_line(text, key)[:-1]) for key in WITNESSES])
    return made


@pytest.mark.parametrize("index", [0, 255, 256, 511, 699])
def test_our_proofs_hold_there(log, index):
    receipt = log.receipt(index)
    text = receipt.to_tlog_proof().to_text()
    key = LOG_KEY.verifying_key().line()
    found = tlogproof.verify_tlog_proof(text, receipt.entry, key, LINES, threshold=2)
    assert found["ok"], found
    assert (found["tree_size"], found["root"]) == (700, log.checkpoint().root)
    assert not tlogproof.verify_tlog_proof(text, receipt.entry + b" ", key, LINES, threshold=2)["ok"]
    assert not tlogproof.verify_tlog_proof(text, receipt.entry, key, LINES[:1], threshold=2)["ok"]


def test_our_roots_and_consistency_proofs_hold_there(log):
    leaves = list(log.entries())
    assert merkle.merkle_tree_hash(leaves) == log.checkpoint().root
    for old in (1, 2, 255, 256, 300, 512, 699):
        proof = log.consistency_proof(old)
        old_root = merkle.merkle_tree_hash(leaves[:old])
        assert merkle.verify_consistency(old, 700, proof, old_root, log.checkpoint().root)
        assert proof == merkle.consistency_proof(leaves, old)


def test_their_notes_and_cosignatures_hold_here(log):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    from linernotes.auditlog import Checkpoint, Policy

    head = log.checkpoint()
    note = checkpoint.sign_checkpoint(
        head.origin, head.size, head.root, Ed25519PrivateKey.from_private_bytes(LOG_KEY.seed), head.origin
    )
    assert Checkpoint.open(note, LOG_KEY.verifying_key()) == head
    first = Ed25519PrivateKey.from_private_bytes(WITNESSES[0].seed)
    note = checkpoint.cosign_checkpoint(note, first, "w1.example", 1_700_000_000)
    second = MLDSA44PrivateKey.from_seed_bytes(WITNESSES[1].seed)
    note = checkpoint.cosign_checkpoint_mldsa(note, second, "w2.example", 1_700_000_001)
    policy = Policy.parse(f"witness a {LINES[0]}\nwitness b {LINES[1]}\ngroup g all a b\nquorum g\n".encode())
    judged = policy.judge(note)
    assert judged.cosigned == (("a", 1_700_000_000), ("b", 1_700_000_001))
    proof = tlogproof.format_tlog_proof(5, log.receipt(5).inclusion_proof, note, log.entry_bytes(5))
    assert TlogProof.parse(proof).verify(log.entry_bytes(5), LOG_KEY.verifying_key()) == head
