import copy
import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linernotes.auditlog.merkle import Tree, leaf_hash
from linernotes.corpus.presence import SCOPE, keys_of_file, prove_presence, verify_presence
from linernotes.corpus.presence_map import blinded_key
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.errors import InputError, VerificationError

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def _hash(n):
    return hashlib.sha256(f"recording {n}".encode()).hexdigest()


@pytest.fixture
def seal(new_item):
    def make(n_items):
        items = [new_item(n, content_sha256=_hash(n), audio_sha256=_hash(-n - 1)) for n in range(n_items)]
        return seal_items(items, audio_dir="m", secret=bytes(32))

    return make


@SHARED
@given(n_items=st.integers(1, 20), which=st.integers(0, 19))
def test_what_is_in_is_proved_present(seal, n_items, which):
    corpus = seal(n_items)
    item = corpus.items[which % n_items]
    for keys in ({"content_sha256": item.content_sha256}, {"audio_sha256": item.audio_sha256}):
        proof = json.loads(json.dumps(prove_presence(corpus, keys)))
        answer = verify_presence(proof, corpus.root)
        assert answer.present
        assert answer.n_items == n_items


@SHARED
@given(n_items=st.integers(1, 20), n=st.integers(1000, 2000))
def test_what_is_not_in_is_proved_absent(seal, n_items, n):
    corpus = seal(n_items)
    keys = {"content_sha256": _hash(n), "audio_sha256": _hash(n)}
    proof = json.loads(json.dumps(prove_presence(corpus, keys)))
    answer = verify_presence(proof, corpus.root, file_keys=keys)
    assert not answer.present
    assert [found for _, _, found in answer.keys] == [False, False]


@SHARED
@given(present=st.booleans(), place=st.integers(0, 10**6), change=st.integers(1, 15))
def test_any_changed_character_is_refused(seal, present, place, change):
    corpus = seal(7)
    keys = {"content_sha256": _hash(3 if present else 3000)}
    text = json.dumps(prove_presence(corpus, keys), sort_keys=True)
    place %= len(text)
    other = text[:place] + chr(ord(text[place]) ^ change) + text[place + 1 :]
    try:
        proof = json.loads(other)
    except ValueError:
        return
    if proof == json.loads(text):
        return
    with pytest.raises(VerificationError):
        verify_presence(proof, corpus.root, file_keys=keys)


def test_a_proof_shows_nothing_of_the_rest(seal):
    corpus = seal(9)
    for n in (3, 3000):
        text = json.dumps(prove_presence(corpus, {"content_sha256": _hash(n)}))
        for item in corpus.items:
            shown = item.content_sha256 in text
            assert shown == (n == 3 and item.item_id == "item-0003")
            assert item.recording.title not in text.replace(SCOPE, "")
        assert corpus.secret not in text


def _forge_absence(corpus, key, leaves):
    """What a prover would send who leaves the key out of the list that he shows."""
    honest = prove_presence(corpus, {"content_sha256": _hash(5000)})
    position = blinded_key("content_sha256", key, bytes.fromhex(corpus.header.map_salt))
    tree = Tree([leaf_hash(leaf) for leaf in leaves])
    below = sum(leaf < position for leaf in leaves)
    shown = [
        {"index": i, "leaf": leaves[i].hex(), "path": [h.hex() for h in tree.inclusion(i)]}
        for i in (below - 1, below)
        if 0 <= i < len(leaves)
    ]
    entry = {"kind": "content_sha256", "key": key, "present": False, "leaves": shown}
    return honest | {"present": False, "keys": [entry]}


@pytest.mark.parametrize("n", range(8))
def test_a_prover_who_leaves_out_a_leaf_is_caught(seal, n):
    from linernotes.corpus.presence_map import blinded_keys

    corpus = seal(8)
    salt = bytes.fromhex(corpus.header.map_salt)
    hidden = blinded_key("content_sha256", _hash(n), salt)
    leaves = list(blinded_keys(corpus.items, salt))
    without = [leaf for leaf in leaves if leaf != hidden]
    with pytest.raises(VerificationError):
        verify_presence(_forge_absence(corpus, _hash(n), without), corpus.root)
    honest_paths = _forge_absence(
        corpus, _hash(n), leaves
    )  # true paths, but the neighbours are not adjacent to it
    index = leaves.index(hidden)
    tree = Tree([leaf_hash(leaf) for leaf in leaves])
    honest_paths["keys"][0]["leaves"] = [
        {"index": i, "leaf": leaves[i].hex(), "path": [h.hex() for h in tree.inclusion(i)]}
        for i in (index - 1, index + 1)
        if 0 <= i < len(leaves)
    ]
    with pytest.raises(VerificationError, match="leave room"):
        verify_presence(honest_paths, corpus.root)


def _other_leaf(proof):
    proof["keys"][0]["leaves"][0]["leaf"] = "00" * 32


FORGERIES = {
    "says absent": lambda p: p.update(present=False),
    "key says absent": lambda p: p["keys"][0].update(present=False),
    "other key": lambda p: p["keys"][0].update(key=_hash(77)),
    "other leaf": _other_leaf,
    "no leaf": lambda p: p["keys"][0].update(leaves=[]),
    "index beyond": lambda p: p["keys"][0]["leaves"][0].update(index=99),
    "index no number": lambda p: p["keys"][0]["leaves"][0].update(index=True),
    "path no list of hashes": lambda p: p["keys"][0]["leaves"][0].update(path=["zz"]),
    "no key": lambda p: p.update(keys=[]),
    "key twice": lambda p: p.update(keys=p["keys"] * 2),
    "smaller map": lambda p: p["header"].update(map_size=3),
    "other salt": lambda p: p["header"].update(map_salt="00" * 16),
    "header lacks a field": lambda p: p["header"].pop("map_root"),
    "softer scope": lambda p: p.update(scope="All is well."),
    "other format": lambda p: p.update(format="x"),
    "extra field": lambda p: p.update(note="trust me"),
    "field missing": lambda p: p.pop("keys"),
    "leaves no list": lambda p: p["keys"][0].update(leaves=None),
    "leaves too many": lambda p: p["keys"][0].update(leaves=p["keys"][0]["leaves"] * 3),
    "number beyond JSON": lambda p: p["header"].update(n_items=2**60),
    "date no date": lambda p: p["header"].update(training_date="\ud800"),
    "keys no list": lambda p: p.update(keys=3),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_each_forgery_is_refused(seal, name):
    corpus = seal(6)
    proof = copy.deepcopy(prove_presence(corpus, {"content_sha256": _hash(2)}))
    FORGERIES[name](proof)
    with pytest.raises(VerificationError):
        verify_presence(proof, corpus.root)


def test_a_proof_from_another_corpus_is_refused(seal):
    proof = prove_presence(seal(5), {"content_sha256": _hash(2)})
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(proof, seal(6).root)


def test_a_proof_about_another_file_is_refused(seal):
    corpus = seal(5)
    mine = {"content_sha256": _hash(700), "audio_sha256": _hash(701)}
    with pytest.raises(VerificationError, match="other keys than this file's"):
        verify_presence(prove_presence(corpus, {"content_sha256": _hash(2)}), corpus.root, file_keys=mine)
    half = prove_presence(corpus, {"content_sha256": _hash(700)})
    with pytest.raises(VerificationError, match="absence without checking audio_sha256"):
        verify_presence(half, corpus.root, file_keys=mine)
    mixed = prove_presence(corpus, {"content_sha256": _hash(700), "audio_sha256": _hash(-3)})
    with pytest.raises(VerificationError, match="is not this file's"):
        verify_presence(mixed, corpus.root, file_keys=mine)


def test_a_changed_manifest_proves_nothing(seal):
    data = json.loads(json.dumps(seal(5).to_json()))
    data["items"].pop(2)
    with pytest.raises(VerificationError, match="changed after sealing"):
        prove_presence(SealedCorpus.from_json(data), {"content_sha256": _hash(2)})


def test_only_well_formed_keys_are_looked_up(seal):
    corpus = seal(2)
    for keys, message in [
        ({}, "no key"),
        ({"isrc": "x"}, "key kind 'isrc'"),
        ({"content_sha256": "AB"}, "64 lower"),
    ]:
        with pytest.raises(InputError, match=message):
            prove_presence(corpus, keys)


def test_keys_of_a_file(tmp_path, music):
    from linernotes.audio.files import file_sha256, write_audio

    path = tmp_path / "a.wav"
    write_audio(path, music(1, 1.0))
    keys = keys_of_file(path)
    assert keys["content_sha256"] == file_sha256(path)
    assert len(keys["audio_sha256"]) == 64
