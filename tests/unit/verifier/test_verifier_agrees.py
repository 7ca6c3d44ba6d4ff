"""The single-file verifier and the library were written apart: they must say yes and no to the same things."""

import functools
import importlib.util
import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.auditlog import AuditLog, Entry, Receipt, SigningKey
from linernotes.auditlog.canonical import canonical_json
from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.keys import ML_DSA_44, WITNESS_ED25519
from linernotes.auditlog.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion
from linernotes.auditlog.policy import Policy
from linernotes.auditlog.tlog_proof import TlogProof
from linernotes.catalog.recording import Recording
from linernotes.corpus import vrf
from linernotes.corpus.manifest import Item
from linernotes.corpus.presence import prove_presence, verify_presence
from linernotes.corpus.presence_bytes import PresenceProof
from linernotes.corpus.seal import seal_items
from linernotes.errors import LinernotesError

FILE = Path(__file__).parents[3] / "src" / "linernotes" / "verifier" / "linernotes_verify.py"


@functools.cache
def module():
    spec = importlib.util.spec_from_file_location("linernotes_verify", FILE)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


THEIRS = module()
NO = (THEIRS.Refused, THEIRS.Unusable, LookupError, TypeError, AttributeError, ValueError, RecursionError)


def ours_say(call):
    try:
        return True, call()
    except LinernotesError:
        return False, None


def verifier_says(call):
    try:
        return True, call()
    except NO:  # what `check` turns into exit code 1 or 2
        return False, None


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    signer = SigningKey("example.org/log", bytes(32))
    witness = SigningKey("w.example/w", bytes([1] * 32), WITNESS_ED25519)
    made = AuditLog.create(folder / "log", signer)
    for number in range(11):
        subject = f"{number:064x}"
        made.append(Entry("note", subject, {"n": number, "x": 0.5, "é": [None, True]}), signer)
    key = THEIRS.parse_key(signer.verifying_key().line())
    return made, signer, witness, key


def with_witness(receipt, signer, witness):
    head = Checkpoint.open(receipt.checkpoint, signer.verifying_key())
    note = head.sign(signer, witness, timestamp=1_700_000_000)
    return Receipt(receipt.origin, receipt.entry, receipt.leaf_index, receipt.inclusion_proof, note)


def mutated(draw, data):
    """One to three small faults: a bit, a byte, a cut, a doubled or moved stretch."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.integers(0, 5))
        n = draw(st.integers(1, 40))
        if kind == 0:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1:
            data[at] = draw(st.integers(0, 255))
        elif kind == 2:
            del data[at : at + n]
        elif kind == 3:
            data[at:at] = data[at : at + n]
        elif kind == 4:
            del data[at:]
        else:
            other = draw(st.integers(0, len(data) - 1))
            data[at : at + n], data[other : other + n] = data[other : other + n], data[at : at + n]
    return bytes(data)


@settings(max_examples=800, deadline=None)
@given(st.data())
def test_receipts(log, data):
    made, signer, witness, key = log
    index = data.draw(st.integers(0, 10))
    receipt = with_witness(made.receipt(index), signer, witness)
    raw = receipt.to_bytes() if data.draw(st.booleans()) else receipt.to_tlog_proof().to_text().encode()
    if data.draw(st.integers(0, 9)):
        raw = mutated(data.draw, raw)

    def ours():
        if raw.startswith(b"c2sp.org/tlog-proof@v1\n"):
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                raise LinernotesError("not text") from None
            return Receipt.from_tlog_proof(TlogProof.parse(text)).verify(signer.verifying_key())
        return Receipt.from_bytes(raw).verify(signer.verifying_key())

    mine, entry = ours_say(ours)
    its, found = verifier_says(lambda: THEIRS.check_receipt(THEIRS.parse_receipt(raw), key))
    assert mine is its, raw
    if mine:
        assert found[1]["body"] == entry.body


FIELDS = ("receipt_revision", "origin", "entry", "leaf_index", "inclusion_proof", "checkpoint")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_receipts_with_one_field_changed(log, data):
    """Faults that keep the spelling canonical, so that they reach the checks behind it."""
    made, signer, _, key = log
    fields = json.loads(made.receipt(data.draw(st.integers(0, 10))).to_bytes())
    other = json.loads(made.receipt(data.draw(st.integers(0, 10))).to_bytes())
    name = data.draw(st.sampled_from(FIELDS))
    value = data.draw(
        st.sampled_from(
            [other[name], None, 0, 1, -1, 2.5, True, "", "x", [], {}, [""], fields["inclusion_proof"][:-1]]
        )
    )
    raw = canonical_json(fields | {name: value}) + b"\n"
    mine, _ = ours_say(lambda: Receipt.from_bytes(raw).verify(signer.verifying_key()))
    its, _ = verifier_says(lambda: THEIRS.check_receipt(THEIRS.parse_receipt(raw), key))
    assert mine is its, raw


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_canonical_json(value):
    mine, spelled = ours_say(lambda: canonical_json(value))
    its, found = verifier_says(lambda: THEIRS.canonical(value, "value"))
    assert mine is its
    assert spelled == found


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_every_float_is_spelled_alike(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    if math.isfinite(value):
        assert THEIRS.spelled_number(value).encode() == canonical_json(value)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_merkle_proofs(data):
    size = data.draw(st.integers(1, 40))
    tree = Tree([leaf_hash(bytes([n])) for n in range(size)])
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    faults = st.sampled_from(["none", "drop", "add", "swap", "flip", "index", "size"])

    def bent(path, fault):
        path = list(path)
        if fault == "drop":
            path = path[:-1]
        elif fault == "add":
            path.append(bytes(32))
        elif fault == "swap":
            path = path[::-1]
        elif fault == "flip" and path:
            path[0] = bytes([path[0][0] ^ 1]) + path[0][1:]
        return path

    fault = data.draw(faults)
    path, leaf = bent(tree.inclusion(index), fault), leaf_hash(bytes([index]))
    at, n = index + (fault == "index"), size + (fault == "size")
    mine, _ = ours_say(lambda: verify_inclusion(leaf, at, n, path, tree.root()))
    its, root = verifier_says(lambda: THEIRS.root_from_inclusion(leaf, at, n, path))
    assert mine is (its and root == tree.root())
    fault = data.draw(faults)
    path, m = bent(tree.consistency(old), fault), old + (fault == "index")
    old_root, n = tree.root(old), size + (fault == "size")
    heads = {"size": m, "root": old_root}, {"size": n, "root": tree.root()}
    mine, _ = ours_say(lambda: verify_consistency(m, n, old_root, tree.root(), path))
    its, _ = verifier_says(lambda: THEIRS.check_consistency(*heads, path))
    if m:  # a head of an empty log is refused before, where its root is not that of nothing
        assert mine is its


def policies(signer, keys):
    lines = [f"log {signer.verifying_key().line()}"]
    lines += [f"witness w{n} {key.verifying_key().line()}" for n, key in enumerate(keys)]
    return "\n".join([*lines, "group most 2 w0 w1 w2", "# three of them", "quorum most", ""]).encode()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_policies_and_cosignatures(log, data):
    made, signer, _, _ = log
    keys = [SigningKey(f"w{n}.example", bytes([n + 2] * 32), WITNESS_ED25519) for n in range(2)]
    keys.append(SigningKey("w2.example", bytes([9] * 32), ML_DSA_44))
    chosen = data.draw(st.lists(st.sampled_from(keys), unique=True))
    raw, head = policies(signer, keys), made.checkpoint()
    note = head.sign(signer, *chosen, timestamp=data.draw(st.sampled_from([0, 1_700_000_000]))).encode()
    if data.draw(st.booleans()):
        raw = mutated(data.draw, raw)
    if data.draw(st.booleans()):
        note = mutated(data.draw, note)

    def ours():
        policy = Policy.parse(raw)
        try:
            text = note.decode()
        except UnicodeDecodeError:
            raise LinernotesError("not text") from None
        Checkpoint.open(text, policy.log_key(text))
        return policy.judge(text)

    def its():
        policy = THEIRS.parse_policy(raw)
        if not policy["logs"]:
            raise ValueError("no log")
        return THEIRS.open_checkpoint(note.decode(), None, policy)

    mine, judged = ours_say(ours)
    other, head = verifier_says(its)
    assert mine is other, (raw, note)
    if mine:
        assert judged.witnessed is head["witnessed"]["enough"]
        assert [name for name, _ in judged.cosigned] == [
            one["name"] for one in head["witnessed"]["confirmed"]
        ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_vrf(data):
    key = vrf.VrfKey(data.draw(st.binary(min_size=32, max_size=32)))
    alpha = data.draw(st.binary(max_size=60))
    proof, public = bytearray(key.prove(alpha)), key.public
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, 79))
        proof[at] ^= 1 << data.draw(st.integers(0, 7))
    if data.draw(st.integers(0, 3)) == 0:
        public = vrf.VrfKey(bytes(32)).public
    mine, output = ours_say(lambda: vrf.verify(public, alpha, bytes(proof)))
    its, found = verifier_says(lambda: THEIRS.vrf_output(public, alpha, bytes(proof)))
    assert (mine, output) == (its, found)


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
        identifiers=("mbid:b1a9c0e9-d987-4042-ae91-78d6a3267d69",),
        sketch=tuple(f"{k:016x}" for k in range(number, number + 5)),
    )


@functools.cache
def sealed():
    return seal_items([item(number) for number in range(5)], audio_dir=".", secret=bytes(32))


@functools.cache
def base_proofs():
    corpus = sealed()
    asked = [
        {"isrc": ["USS1Z9900002"], "content_sha256": [f"{3:064x}"]},
        {"isrc": ["GBAYE6900001"], "content_sha256": ["ff" * 32], "iswc": "T0345246801"},
        {"sketch": [f"{k:016x}" for k in range(2, 6)], "isrc": ["GBAYE6900001"]},
        {"sketch": [f"{k:016x}" for k in range(50, 52)], "iscc": "ISCC:EIAX22FRE5DS3YBC"},
        {"mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"},
    ]
    return [prove_presence(corpus, keys, open_items=opens) for keys in asked for opens in (False, True)]


def both(proof):
    root = sealed().root
    mine, answer = ours_say(lambda: verify_presence(proof, root))
    its, found = verifier_says(lambda: THEIRS.check_presence(proof, root))
    assert mine is its, proof
    if mine:
        told = answer.as_json()
        for name in ("present", "how", "root", "n_items", "keys", "not_checked", "n_bytes", "scope"):
            assert found[name] == told[name]
        assert [one["item_id"] for one in found["opened"]] == [item.item_id for item in answer.items]
    return mine


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 9),
    place=st.integers(0, 10**6),
    taken=st.integers(0, 33),
    put=st.binary(max_size=33),
)
def test_presence_proofs(which, place, taken, put):
    proof = base_proofs()[which]
    place %= len(proof) + 1
    both(proof[:place] + put + proof[place + taken :])


@settings(max_examples=100, deadline=None)
@given(
    which=st.integers(0, 9),
    name=st.sampled_from(["keys", "vrf_proofs", "buckets", "siblings"]),
    data=st.data(),
)
def test_presence_proofs_put_together_otherwise(which, name, data):
    proof = PresenceProof.from_bytes(base_proofs()[which])
    part = data.draw(st.sampled_from(["exact", "sketch"]))
    answer = getattr(proof, part)
    pieces = list(getattr(answer, name))
    extra = PresenceProof.from_bytes(base_proofs()[data.draw(st.integers(0, 9))])
    others = [*getattr(getattr(extra, part), name), *pieces]
    pieces = data.draw(st.lists(st.sampled_from(others), max_size=len(pieces) + 2)) if others else pieces
    opened = data.draw(st.sampled_from([proof.opened, extra.opened, proof.opened * 2, ()]))
    both(replace(proof, opened=opened, **{part: replace(answer, **{name: tuple(pieces)})}).to_bytes())


def test_presence_proofs_as_they_are():
    assert all(both(proof) for proof in base_proofs())
    found = [verify_presence(proof, sealed().root).present for proof in base_proofs()[::2]]
    assert found == [True, False, True, False, True]
