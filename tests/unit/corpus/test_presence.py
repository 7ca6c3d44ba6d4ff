"""Proofs of presence and absence, and everything that a lying or careless provider could try."""

import base64
import copy
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linernotes.catalog.recording import Recording
from linernotes.corpus import vrf
from linernotes.corpus.commitment import MemoryMap
from linernotes.corpus.keyed_map import MapProof, root_of
from linernotes.corpus.lookup_keys import KINDS, alpha_of, parse_key, position_from
from linernotes.corpus.presence import SCOPE, prove_from, prove_presence, sketch_threshold, verify_presence
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.errors import InputError, LinernotesError, VerificationError
from linernotes.workflows.presence import keys_of

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
SECRET = bytes(32)


def _hash(n):
    return hashlib.sha256(f"recording {n}".encode()).hexdigest()


def _sketch(n, size=8):
    return tuple(_hash(f"{n} {i}")[:16] for i in range(size))


@pytest.fixture
def seal(new_item):
    def make(n_items, secret=SECRET, **changes):
        items = [
            new_item(
                n,
                content_sha256=_hash(n),
                audio_sha256=_hash(-n - 1),
                sketch=_sketch(n),
                identifiers=(f"isrc:GBAYE69{n:05}", "mbid:b1a9c0e9-d987-4042-ae91-78d6a3267d69"),
            )
            for n in range(n_items)
        ]
        return seal_items(items, audio_dir="m", secret=secret, **changes)

    return make


def _through_json(proof):
    return json.loads(json.dumps(proof))


@SHARED
@given(n_items=st.integers(1, 12), which=st.integers(0, 11))
def test_what_is_in_is_proved_present(seal, n_items, which):
    corpus = seal(n_items)
    item = corpus.items[which % n_items]
    given_keys = [
        {"content_sha256": item.content_sha256},
        {"audio_sha256": item.audio_sha256},
        [("isrc", item.identifiers[0].removeprefix("isrc:"))],
        {"sketch": item.sketch, "content_sha256": _hash(77)},
    ]
    for keys in given_keys:
        answer = verify_presence(_through_json(prove_presence(corpus, keys)), corpus.root, about=keys)
        assert answer.present
        assert answer.how == ("sketch" if "sketch" in keys else "exact")
        assert answer.n_items == n_items


@SHARED
@given(n_items=st.integers(1, 12), n=st.integers(1000, 2000))
def test_what_is_not_in_is_proved_absent(seal, n_items, n):
    corpus = seal(n_items)
    keys = {
        "content_sha256": _hash(n),
        "audio_sha256": _hash(-n),
        "isrc": "USS1Z9900001",
        "sketch": _sketch(n),
    }
    answer = verify_presence(_through_json(prove_presence(corpus, keys)), corpus.root, file_keys=keys)
    assert not answer.present
    assert not any(found for _, _, found in answer.keys)
    assert answer.not_checked == ("iswc", "mbid", "iscc")


@SHARED
@given(present=st.booleans(), place=st.integers(0, 10**6), change=st.integers(1, 15))
def test_any_changed_character_is_refused(seal, present, place, change):
    corpus = seal(5)
    text = json.dumps(
        prove_presence(corpus, {"content_sha256": _hash(3 if present else 3000)}), sort_keys=True
    )
    place %= len(text)
    changed = text[:place] + chr((ord(text[place]) + change) % 128) + text[place + 1 :]
    try:
        proof = json.loads(changed)
    except ValueError:
        return
    if proof == json.loads(text):
        return
    with pytest.raises(VerificationError):
        verify_presence(proof, corpus.root)


def test_the_proof_shows_no_more_than_was_asked(seal):
    corpus = seal(9)
    text = json.dumps(prove_presence(corpus, {"content_sha256": _hash(4), "isrc": "USS1Z9900001"}))
    for item in corpus.items:
        assert item.recording.title not in text
        assert item.audio_sha256 not in text
        assert (item.content_sha256 in text) == (item.content_sha256 == _hash(4))
    assert corpus.secret not in text


def test_a_list_of_identifiers_finds_nothing_in_what_is_published(seal):
    """Positions seen in proofs are those of the VRF: no public input gives them."""
    corpus = seal(5)
    proof = prove_presence(corpus, {"content_sha256": _hash(3000)})
    seen = {entry["other"]["position"] for entry in proof["keys"] if entry["other"]}
    made = MemoryMap(corpus.items, SECRET)
    real = {made.bucket.tree.positions[i].tobytes().hex() for i in range(len(made.map))}
    assert seen <= real
    stranger = vrf.VrfKey(b"\x01" * 32)
    header = corpus.header
    public = bytes.fromhex(header.vrf_public)
    for item in corpus.items:
        for kind, key in item.lookup_keys():
            alpha = alpha_of(kind, key)
            guesses = [hashlib.sha256(alpha).digest(), hashlib.sha256(public + alpha).digest()]
            guesses.append(position_from(kind, key, stranger.output(alpha)))
            assert not {guess.hex() for guess in guesses} & real


# A lying provider


def _lie(corpus, keys, **changes):
    """A proof with one field of its first key changed."""
    proof = prove_presence(corpus, keys)
    proof["keys"][0] |= changes
    return proof


def test_absent_for_what_is_present_is_caught(seal):
    corpus = seal(6)
    key = {"isrc": "GBAYE6900003"}
    honest = prove_presence(corpus, key)
    assert honest["present"]
    way = base64.b64decode(honest["keys"][0]["way"])
    siblings = [way[i : i + 32] for i in range(0, len(way), 32)]
    made = MemoryMap(corpus.items, SECRET)
    leaves = [made.bucket.tree.leaf(i) for i in range(len(made.map))]
    others = [None, *({"position": p.hex(), "value": v.hex()} for p, v in leaves)]
    for n_kept in range(len(siblings) + 1):
        for other in others:
            way_shown = base64.b64encode(b"".join(siblings[:n_kept])).decode()
            lie = copy.deepcopy(honest) | {"present": False}
            lie["keys"][0] |= {"present": False, "value": None, "other": other, "way": way_shown}
            with pytest.raises(VerificationError):
                verify_presence(lie, corpus.root)


def test_a_map_without_the_key_has_another_root(seal):
    """Leaving the key out of the map that answers does not help: the root was published with it."""
    corpus = seal(6)
    without = seal_items([i for i in corpus.items if i.item_id != "item-0003"], audio_dir="m", secret=SECRET)
    proof = prove_presence(without, {"isrc": "GBAYE6900003"})
    assert not proof["present"]
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(proof, corpus.root)
    proof |= {"root": corpus.root, "header": corpus.header.as_json()}
    with pytest.raises(VerificationError, match="leads to root"):
        verify_presence(proof, corpus.root)


def test_a_swapped_vrf_key_is_caught(seal):
    """Another key gives another position, where nothing stands: absence without a lie about the map."""
    corpus = seal(6)
    key, other = {"isrc": "GBAYE6900003"}, vrf.VrfKey(b"\x05" * 32)
    made = MemoryMap(corpus.items, SECRET)
    assert made.map.root.hex() == corpus.header.map_root  # built with the true key, asked with another
    made.__dict__["vrf_key"] = other
    swapped = replace(corpus.header, vrf_public=other.public.hex())
    proof = prove_from(swapped, made, key)
    assert not proof["present"]
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(proof, corpus.root)
    proof |= {"root": corpus.root, "header": corpus.header.as_json()}
    with pytest.raises(VerificationError, match="not of this key and this input"):
        verify_presence(proof, corpus.root)


def test_a_proof_of_another_snapshot_is_refused(seal):
    first = seal(4)
    second = seal(5, previous_root=first.root)
    old = prove_presence(first, {"content_sha256": _hash(4)})
    assert not old["present"]
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(old, second.root)
    assert verify_presence(prove_presence(second, {"content_sha256": _hash(4)}), second.root).present


def test_a_proof_about_another_recording_is_refused(seal):
    corpus = seal(6)
    proof = prove_presence(corpus, {"content_sha256": _hash(5), "audio_sha256": _hash(-6)})
    mine = {"content_sha256": _hash(900), "audio_sha256": _hash(901), "sketch": _sketch(900)}
    with pytest.raises(VerificationError, match="other keys than this file's"):
        verify_presence(proof, corpus.root, file_keys=mine)
    with pytest.raises(VerificationError, match="other keys than the one asked for"):
        verify_presence(proof, corpus.root, about={"isrc": "GBAYE6900003"})
    mixed = prove_presence(corpus, {"content_sha256": _hash(5), "audio_sha256": _hash(901)})
    with pytest.raises(VerificationError, match="present is not this file's"):
        verify_presence(mixed, corpus.root, file_keys=mine)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("content_sha256",), "absence without checking audio_sha256"),
        (("content_sha256", "audio_sha256"), "0 of 8 sketch keys"),
    ],
)
def test_absence_must_check_every_key_of_the_file(seal, asked, message):
    corpus = seal(6)
    mine = {"content_sha256": _hash(900), "audio_sha256": _hash(901), "sketch": _sketch(900)}
    proof = prove_presence(corpus, {kind: mine[kind] for kind in asked})
    with pytest.raises(VerificationError, match=message):
        verify_presence(proof, corpus.root, file_keys=mine)


# Sketch keys


def test_sketch_keys_of_several_items_are_no_presence(seal):
    """Three keys on three items say nothing; three on one say that its sound is here."""
    corpus = seal(6)
    scattered = [corpus.items[n].sketch[0] for n in range(3)]
    answer = verify_presence(prove_presence(corpus, {"sketch": scattered}), corpus.root)
    assert (answer.present, answer.sketch_matches) == (False, 1)
    together = corpus.items[2].sketch[: sketch_threshold(6)]
    answer = verify_presence(prove_presence(corpus, {"sketch": together}), corpus.root)
    assert (answer.present, answer.how, answer.sketch_matches) == (True, "sketch", 3)


def test_commitments_of_sketch_keys_cannot_be_made_up(seal):
    corpus = seal(6)
    honest = prove_presence(corpus, {"sketch": corpus.items[2].sketch[:4]})
    for changed in ([_hash(1)], None, [], honest["keys"][1]["commitments"] * 2):
        lie = copy.deepcopy(honest)
        lie["keys"][0]["commitments"] = changed
        with pytest.raises(VerificationError):
            verify_presence(lie, corpus.root)


# Opened items


def test_an_opened_item_is_the_one_that_was_sealed(seal):
    corpus = seal(6)
    proof = _through_json(prove_presence(corpus, {"isrc": "GBAYE6900003"}, open_items=True))
    answer = verify_presence(proof, corpus.root)
    assert answer.items == (corpus.items[3],)
    proof["keys"][0]["opened"][0]["item"]["recording"]["title"] = "Another"
    with pytest.raises(VerificationError, match="not what was committed to"):
        verify_presence(proof, corpus.root)


def test_an_identifier_of_two_items_opens_both(seal):
    corpus = seal(3)
    mbid = {"mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"}
    answer = verify_presence(prove_presence(corpus, mbid, open_items=True), corpus.root)
    assert {item.item_id for item in answer.items} == {"item-0000", "item-0001", "item-0002"}


# Forms


def test_a_kind_that_the_corpus_does_not_enter_is_named(seal):
    corpus = seal(3)
    answer = verify_presence(prove_presence(corpus, {"iswc": "T-034.524.680-1"}), corpus.root)
    assert not answer.present
    assert "iswc" in answer.not_checked
    assert set(answer.not_checked) == set(KINDS)


def test_unusable_keys_are_named(seal):
    corpus = seal(2)
    for keys in ({}, {"isrc": "nonsense"}, {"isni": "x"}, {"sketch": "ABC"}):
        with pytest.raises(InputError):
            prove_presence(corpus, keys)
    with pytest.raises(InputError, match="neither a readable file nor a key"):
        parse_key("mysong")
    for text in ("a" * 5000, "nul\0byte", "isrc:", "sketch:zz", ""):
        with pytest.raises(InputError):
            keys_of([text])


def test_the_scope_stands_in_every_answer(seal):
    corpus = seal(2)
    proof = prove_presence(corpus, {"content_sha256": _hash(9)})
    assert verify_presence(proof, corpus.root).as_json()["scope"] == SCOPE == proof["scope"]
    with pytest.raises(VerificationError, match="scope"):
        verify_presence(proof | {"scope": "All is well."}, corpus.root)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@SHARED
@given(data=st.data())
def test_any_json_in_any_place_is_refused_politely(seal, data):
    corpus = seal(4)
    keys = {"content_sha256": _hash(900), "sketch": corpus.items[0].sketch[:3]}
    proof = _through_json(prove_presence(corpus, keys, open_items=True))
    places = [(proof, name) for name in proof] + [(proof["header"], name) for name in proof["header"]]
    for entry in proof["keys"]:
        places += [(entry, name) for name in entry]
        places += [(entry["other"], name) for name in entry["other"] or ()]
    holder, name = data.draw(st.sampled_from(places))
    value = data.draw(any_json)
    if holder[name] == value and type(holder[name]) is type(value):
        return
    holder[name] = value
    with pytest.raises(VerificationError):
        verify_presence(proof, corpus.root)


@SHARED
@given(content=any_json)
def test_anything_that_is_no_proof(seal, content):
    with pytest.raises(LinernotesError):
        verify_presence(content, seal(1).root)


def test_proofs_lead_to_the_root_of_the_header(seal):
    corpus = seal(5)
    entry = prove_presence(corpus, {"content_sha256": _hash(2)})["keys"][0]
    public = bytes.fromhex(corpus.header.vrf_public)
    output = vrf.verify(public, alpha_of(entry["kind"], entry["key"]), base64.b64decode(entry["vrf"]))
    way = base64.b64decode(entry["way"])
    proof = MapProof(
        tuple(way[i : i + 32] for i in range(0, len(way), 32)), value=bytes.fromhex(entry["value"])
    )
    assert root_of(output[:32], proof).hex() == corpus.header.map_root


def test_a_changed_manifest_gives_no_proof(seal):
    corpus = seal(3)
    items = (
        replace(corpus.items[0], recording=Recording(recording_id="x", title="X", artist="Y")),
        *corpus.items[1:],
    )
    changed = SealedCorpus.from_json(replace(corpus, items=items).to_json())
    with pytest.raises(VerificationError, match="changed after sealing"):
        prove_presence(changed, {"content_sha256": _hash(0)})
