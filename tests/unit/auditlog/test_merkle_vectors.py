"""Other people's vectors: Certificate Transparency's trees, Go's signed notes, a real public log's heads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linernotes.auditlog.keys import SigningKey, VerifyingKey
from linernotes.auditlog.merkle import Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion
from linernotes.auditlog.note import open_note, sign_note
from linernotes.errors import VerificationError

VECTORS = Path(__file__).parents[2] / "vectors"
TREE = json.loads((VECTORS / "rfc6962_merkle.json").read_text(encoding="utf-8"))
NOTE = json.loads((VECTORS / "signed_note.json").read_text(encoding="utf-8"))
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in TREE["leaves"]]
ROOTS = [bytes.fromhex(root) for root in TREE["roots"]]


def hashes(proof):
    return [bytes.fromhex(digest) for digest in proof]


def test_leaf_hashes_and_roots():
    assert [leaf.hex() for leaf in LEAVES] == TREE["leaf_hashes"]
    tree = Tree(LEAVES)
    assert [tree.root(size) for size in range(9)] == ROOTS


def test_leaves_and_nodes_are_hashed_apart():
    left, right = LEAVES[:2]
    assert node_hash(left, right) != leaf_hash(left + right)


@pytest.mark.parametrize("case", TREE["inclusion"], ids=lambda case: f"{case['index']}-of-{case['size']}")
def test_inclusion_vectors(case):
    proof = hashes(case["proof"])
    assert Tree(LEAVES).inclusion(case["index"], case["size"]) == proof
    verify_inclusion(LEAVES[case["index"]], case["index"], case["size"], proof, ROOTS[case["size"]])


@pytest.mark.parametrize(
    "case", TREE["consistency"], ids=lambda case: f"{case['old_size']}-{case['new_size']}"
)
def test_consistency_vectors(case):
    old, new, proof = case["old_size"], case["new_size"], hashes(case["proof"])
    assert Tree(LEAVES).consistency(old, new) == proof
    verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


def test_keys_and_signature_of_go():
    signer, verifier = (
        SigningKey.parse(NOTE["peter"]["signing_key"]),
        VerifyingKey.parse(NOTE["peter"]["verifying_key"]),
    )
    assert signer.verifying_key() == verifier
    assert signer.line() == NOTE["peter"]["signing_key"]
    assert verifier.line() == NOTE["peter"]["verifying_key"]
    assert sign_note(NOTE["text"], signer) == NOTE["peter_note"]


@pytest.mark.parametrize("who", ["peter", "enoch"])
def test_a_note_with_two_signatures_opens_for_either_key(who):
    assert open_note(NOTE["two_signatures"], VerifyingKey.parse(NOTE[who]["verifying_key"])) == NOTE["text"]


@pytest.mark.parametrize("note", NOTE["sumdb_notes"], ids=["head-20852163", "head-49189689"])
def test_heads_of_the_go_checksum_database(note):
    text = open_note(note, VerifyingKey.parse(NOTE["sumdb_key"]))
    assert text == note.split("\n\n")[0] + "\n"
    with pytest.raises(VerificationError):
        open_note(
            note.replace("tree\n2", "tree\n3").replace("tree\n4", "tree\n5"),
            VerifyingKey.parse(NOTE["sumdb_key"]),
        )


@pytest.mark.parametrize("line", NOTE["refused_keys"], ids=["wrong-length", "unknown-algorithm"])
def test_keys_that_go_refuses(line):
    with pytest.raises(VerificationError):
        VerifyingKey.parse(line)


@pytest.mark.parametrize("note", NOTE["malformed_notes"])
def test_notes_that_go_refuses(note):
    with pytest.raises(VerificationError):
        open_note(note, VerifyingKey.parse(NOTE["peter"]["verifying_key"]))


@pytest.mark.parametrize("kind", ["verifying_key", "signing_key"])
def test_every_part_and_every_next_letter_of_a_key_is_refused(kind):
    line, parse = NOTE["peter"][kind], (VerifyingKey if kind == "verifying_key" else SigningKey).parse
    parts = {line[i:j] for i in range(len(line)) for j in range(i + 1, len(line) + 1)} - {line}
    changed = {line[:i] + chr(ord(line[i]) + 1) + line[i + 1 :] for i in range(len(line))}
    for wrong in parts | changed:
        with pytest.raises(VerificationError):
            parse(wrong)
