"""Every fault that a creator must be told of is refused by the single file, in plain words and with its exit code."""

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,  # the one package that it needs
)

from linernotes.auditlog import AuditLog, Entry, Receipt, SigningKey
from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.keys import WITNESS_ED25519
from linernotes.auditlog.receipt import sha256_of_file
from linernotes.catalog.recording import Recording
from linernotes.cli.verifier import verifier as command
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import prove_presence, verify_presence
from linernotes.corpus.presence_bytes import PresenceProof
from linernotes.corpus.seal import seal_items
from linernotes.errors import InputError
from linernotes.workflows.verifier import copy_verifier, verifier_bytes

TIME = 1_700_000_000


def run(*words):
    """Run the file alone, as a creator does, with nothing of ours on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _ALONE, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


_ALONE = (
    "import runpy, sys; "
    f"sys.path += {[p for p in sys.path if 'site-packages' in p]!r}; "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    copy_verifier(folder / "verify.py")
    signer = SigningKey("example.org/log", bytes(32))
    witnesses = [SigningKey(f"w{n}.example", bytes([n + 1] * 32), WITNESS_ED25519) for n in range(3)]
    (folder / "log.pub").write_text(signer.verifying_key().line() + "\n")
    (folder / "other.pub").write_text(
        SigningKey("example.org/log", bytes([7] * 32)).verifying_key().line() + "\n"
    )
    (folder / "subject.txt").write_text("a statement")
    (folder / "another.txt").write_text("another statement")
    lines = [f"witness w{n} {one.verifying_key().line()}" for n, one in enumerate(witnesses)]
    (folder / "policy").write_text("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]))
    logs = {}
    for name in ("true", "forked"):
        logs[name] = AuditLog.create(folder / name, signer)
        for number in range(9):
            text = {"n": number} if number < 4 or name == "true" else {"n": -number}
            logs[name].append(
                Entry("note", sha256_of_file(folder / "subject.txt"), text, "2026-11-23T09:00:00Z"), signer
            )
            logs[name].receipt(number).write(folder / f"{name}-{number}.json")
    return folder, signer, witnesses, logs


def cosigned(world, n, name="cosigned.json"):
    folder, signer, witnesses, logs = world
    receipt = logs["true"].receipt(2)
    head = Checkpoint.open(receipt.checkpoint, signer.verifying_key())
    note = head.sign(signer, *witnesses[:n], timestamp=TIME)
    Receipt(receipt.origin, receipt.entry, 2, receipt.inclusion_proof, note).write(folder / name)
    return folder / name


def check(world, *words, code, says):
    folder = world[0]
    found, text = run(folder / "verify.py", *words)
    assert found == code, text
    assert says in text
    answer, text = run(folder / "verify.py", *words, "--json")
    assert answer == code
    told = json.loads(text)
    assert told["ok"] is (code == 0)
    return told


def key(world):
    return ("--key", world[0] / "log.pub")


def test_a_receipt_holds_and_is_about_its_file(world):
    folder = world[0]
    told = check(
        world,
        "receipt",
        folder / "true-8.json",
        *key(world),
        "--subject",
        folder / "subject.txt",
        code=0,
        says="HOLDS",
    )
    assert (told["index"], told["size"], told["subject_checked"]) == (8, 9, True)
    (folder / "as.tlog-proof").write_text(world[3]["true"].receipt(3).to_tlog_proof().to_text())
    check(world, "receipt", folder / "as.tlog-proof", *key(world), code=0, says="Entry 3")


def test_a_receipt_replayed_for_another_subject_is_refused(world):
    folder = world[0]
    words = ("receipt", folder / "true-8.json", *key(world), "--subject", folder / "another.txt")
    check(world, *words, code=1, says="about another file")


def test_a_tampered_entry_is_refused(world):
    folder = world[0]
    raw = (folder / "true-8.json").read_text()
    (folder / "bad.json").write_text(raw.replace('\\"n\\":8', '\\"n\\":9'))
    check(world, "receipt", folder / "bad.json", *key(world), code=1, says="was changed")


def test_a_truncated_proof_is_refused(world):
    folder = world[0]
    fields = json.loads((folder / "true-8.json").read_text())
    receipt = Receipt.from_bytes((folder / "true-5.json").read_bytes())
    Receipt(receipt.origin, receipt.entry, 5, receipt.inclusion_proof[:-1], receipt.checkpoint).write(
        folder / "short.json"
    )
    check(world, "receipt", folder / "short.json", *key(world), code=1, says="DOES NOT HOLD")
    (folder / "cut.json").write_text(json.dumps(fields)[:-20])
    check(world, "receipt", folder / "cut.json", *key(world), code=1, says="cut short")


def test_another_key_is_refused(world):
    folder = world[0]
    words = ("receipt", folder / "true-8.json", "--key", folder / "other.pub")
    check(world, *words, code=1, says="not signed by the key that you trust")


def test_two_receipts_are_consistent_with_a_proof(world):
    folder, _, _, logs = world
    proof = logs["true"].consistency_proof(4)
    (folder / "proof.json").write_text(json.dumps({"proof": [one.hex() for one in proof]}))
    words = ("consistency", folder / "true-3.json", folder / "true-8.json", *key(world))
    check(world, *words, "--proof", folder / "proof.json", code=0, says="Nothing was taken back")
    check(world, *words, code=1, says="nobody can tell")
    (folder / "proof.json").write_text(json.dumps({"proof": [one.hex() for one in proof[:-1]]}))
    check(world, *words, "--proof", folder / "proof.json", code=1, says="DOES NOT HOLD")


def test_a_forked_and_a_rolled_back_log_are_refused(world):
    folder, _, _, logs = world
    words = ("consistency", folder / "true-8.json", folder / "forked-8.json", *key(world))
    check(world, *words, code=1, says="forked")
    words = ("consistency", folder / "true-8.json", folder / "true-3.json", *key(world))
    check(world, *words, code=1, says="rolled back")
    proof = logs["forked"].consistency_proof(6)
    (folder / "fork.json").write_text(json.dumps({"proof": [one.hex() for one in proof]}))
    words = ("consistency", folder / "true-5.json", folder / "forked-8.json", *key(world))
    check(world, *words, "--proof", folder / "fork.json", code=1, says="rewritten or forked")


def test_below_the_quorum_a_receipt_is_downgraded_and_says_so(world):
    policy = ("--policy", world[0] / "policy")
    told = check(
        world,
        "receipt",
        cosigned(world, 2),
        *key(world),
        *policy,
        code=0,
        says="Confirmed by w0 on 2023-11-14",
    )
    assert told["witnessed"]["enough"]
    told = check(world, "receipt", cosigned(world, 1), *key(world), *policy, code=1, says="DOWNGRADED")
    assert (told["downgraded"], told["index"]) == (True, 2)
    check(
        world, "receipt", cosigned(world, 0), *key(world), code=0, says="HOLDS"
    )  # nobody asked for witnesses


def test_a_spoiled_cosignature_is_refused(world):
    path = cosigned(world, 2, "spoiled.json")
    receipt = Receipt.load(path)
    lines = receipt.checkpoint.split("\n")
    lines[5] = lines[5][:-8] + ("A" * 7) + lines[5][-1]
    Receipt(receipt.origin, receipt.entry, 2, receipt.inclusion_proof, "\n".join(lines)).write(path)
    check(world, "receipt", path, *key(world), "--policy", world[0] / "policy", code=1, says="DOES NOT HOLD")


def test_a_head_alone(world):
    folder, _, _, logs = world
    (folder / "head").write_text(logs["true"].receipt(0).checkpoint)
    assert check(world, "checkpoint", folder / "head", *key(world), code=0, says="had 9 entries")["size"] == 9


# --- presence ---


def item(number):
    name = f"item-{number}"
    recording = Recording(recording_id=name, title=name, artist="Ada", isrc=f"USS1Z990000{number}")
    return Item(
        item_id=name,
        path=f"{name}.wav",
        content_sha256=f"{number + 1:064x}",
        audio_sha256=f"{number + 101:064x}",
        duration_s=1.0,
        sample_rate=8000,
        n_channels=1,
        coding="WAV/PCM_16",
        recording=recording,
    )


def corpus(secret=bytes(32), n=5):
    return seal_items([item(number) for number in range(n)], audio_dir=".", secret=secret)


def presence(world, proof, root, code, says, *more):
    path = world[0] / "song.proof"
    path.write_bytes(proof)
    return check(world, "presence", path, "--root", root, *more, code=code, says=says)


def test_presence_and_absence(world):
    sealed = corpus()
    here = prove_presence(sealed, {"isrc": ["USS1Z9900002"]})
    assert presence(world, here, sealed.root, 0, "is in")["present"]
    gone = prove_presence(sealed, {"isrc": ["GBAYE6900001"], "content_sha256": ["ff" * 32]})
    told = presence(world, gone, sealed.root, 0, "was not found in")
    assert (told["present"], told["checked"]) == (False, ["content_sha256", "isrc"])


def test_a_map_that_lies_is_refused(world):
    """The provider answers 'absent' for an ISRC that is there, in every way that he has."""
    sealed, missing = corpus(), corpus(n=2)
    true = PresenceProof.from_bytes(prove_presence(sealed, {"isrc": ["USS1Z9900002"]}))
    absent = PresenceProof.from_bytes(prove_presence(sealed, {"isrc": ["GBAYE6900001"]}))
    bucket = true.exact.buckets[0]
    for lie in ((b"",), (bucket[5:],), (), absent.exact.buckets):
        if lie != true.exact.buckets:
            shown = replace(true, exact=replace(true.exact, buckets=lie)).to_bytes()
            presence(world, shown, sealed.root, 1, "DOES NOT HOLD")
    borrowed = replace(absent, exact=replace(absent.exact, keys=true.exact.keys))  # the proof of another key
    presence(world, borrowed.to_bytes(), sealed.root, 1, "VRF proof is not of this key")
    smaller = prove_presence(missing, {"isrc": ["USS1Z9900002"]})  # from a map without it
    assert not verify_presence(smaller, missing.root).present
    presence(world, smaller, sealed.root, 1, "another corpus than the root that you trust")
    rehung = replace(PresenceProof.from_bytes(smaller), header=sealed.header)
    presence(world, rehung.to_bytes(), sealed.root, 1, "DOES NOT HOLD")


def test_a_swapped_vrf_key_is_refused(world):
    sealed, other = corpus(), corpus(secret=bytes([1] * 32))
    proof = PresenceProof.from_bytes(prove_presence(sealed, {"isrc": ["GBAYE6900001"]}))
    swapped = PresenceProof.from_bytes(prove_presence(other, {"isrc": ["GBAYE6900001"]}))
    rekeyed = replace(swapped, header=replace(sealed.header, vrf_public=other.header.vrf_public))
    presence(world, rekeyed.to_bytes(), sealed.root, 1, "another corpus than the root that you trust")
    mixed = replace(proof, exact=replace(proof.exact, vrf_proofs=swapped.exact.vrf_proofs))
    presence(world, mixed.to_bytes(), sealed.root, 1, "the key was swapped")


def test_a_proof_about_another_file_is_refused(world):
    sealed = corpus()
    proof = prove_presence(sealed, {"content_sha256": [f"{1:064x}"]})
    presence(world, proof, sealed.root, 1, "not about the file", "--file", world[0] / "subject.txt")


def test_a_proof_of_an_earlier_revision_is_refused(world):
    old = b'{"format": "linernotes-presence-v2", "keys": []}'
    presence(world, old, corpus().root, 1, "ask its maker for the proof again")


def test_an_opened_record_is_shown(world):
    sealed = corpus()
    proof = prove_presence(sealed, {"isrc": ["USS1Z9900002"]}, open_items=True)
    told = presence(world, proof, sealed.root, 0, "is in")
    assert told["opened"] == [item(2).as_json()]
    presence(world, proof.replace(b"item-2", b"item-9"), sealed.root, 1, "not what was committed to")


# --- the file itself ---


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("receipt", "nowhere.json", "--key", "nowhere.pub"), "cannot be read"),
        (("receipt", "nowhere.json"), "give the log's key"),
        (("presence", "nowhere.json", "--root", "12"), "64 hexadecimal digits"),
    ],
)
def test_a_question_that_cannot_be_put(world, words, says):
    check(world, *words, code=2, says=says)


def test_usage_errors_exit_with_2(world):
    assert run(world[0] / "verify.py", "dance")[0] == 2


def test_it_is_one_short_file_of_the_standard_library_and_one_package():
    source = verifier_bytes().decode()
    assert len(source.splitlines()) < 1000
    tree = ast.parse(source, feature_version=(3, 9))
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {
        (node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert Ed25519PrivateKey is not None


def test_the_command_writes_it(tmp_path, capsys):
    command(out=tmp_path, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert Path(told["path"]).read_bytes() == verifier_bytes()
    command(out=tmp_path / "v.py", as_json=False)
    assert "check a receipt with" in capsys.readouterr().out
    with pytest.raises(InputError, match="cannot be written"):
        copy_verifier(tmp_path / "nowhere" / "v.py")
