"""Proofs of presence and absence, and everything that a lying or careless provider could try."""

import functools
import hashlib
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linernotes.catalog.recording import Recording
from linernotes.corpus import vrf
from linernotes.corpus.commitment import MemoryMap
from linernotes.corpus.lookup_keys import KINDS, alpha_of, parse_key, position_from
from linernotes.corpus.presence import SCOPE, prove_from, prove_presence, sketch_threshold, verify_presence
from linernotes.corpus.presence_bytes import MapAnswer, PresenceProof
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.errors import InputError, VerificationError
from linernotes.workflows.presence import keys_of

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
SECRET = bytes(32)


def _hash(n):
    return hashlib.sha256(f"recording {n}".encode()).hexdigest()


def _sketch(n, size=8):
    return tuple(_hash(f"{n} {i}")[:16] for i in range(size))


@pytest.fixture(scope="module")
def seal(new_item):
    """Return a maker of sealed corpora; the same one is made once."""

    @functools.cache
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


MADE: dict[str, MemoryMap] = {}


def _prove(corpus, keys, **how):
    """As `prove_presence`, with maps that are made once."""
    made = MADE.setdefault(corpus.root, MemoryMap(corpus.items, bytes.fromhex(corpus.secret)))
    return prove_from(corpus.header, made, keys, **how)


def _taken_apart(corpus, keys, **how):
    return PresenceProof.from_bytes(_prove(corpus, keys, **how))


@SHARED
@given(n_items=st.integers(1, 40), which=st.integers(0, 39))
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
        proof = _prove(corpus, keys)
        answer = verify_presence(proof, corpus.root, about=keys)
        assert answer.present
        assert answer.how == ("sketch" if "sketch" in keys else "exact")
        assert answer.n_items == n_items
        assert answer.n_bytes == len(proof)
        assert PresenceProof.from_bytes(proof).to_bytes() == proof


@SHARED
@given(n_items=st.integers(1, 40), n=st.integers(1000, 2000))
def test_what_is_not_in_is_proved_absent(seal, n_items, n):
    corpus = seal(n_items)
    keys = {
        "content_sha256": _hash(n),
        "audio_sha256": _hash(-n),
        "isrc": "USS1Z9900001",
        "sketch": _sketch(n),
    }
    answer = verify_presence(_prove(corpus, keys), corpus.root, file_keys=keys)
    assert not answer.present
    assert not any(found for _, _, found in answer.keys)
    assert answer.not_checked == ("iswc", "mbid", "iscc")


def test_sketch_keys_are_shown_when_nothing_else_is_found_or_they_are_asked_for(seal):
    corpus = seal(6)
    item = corpus.items[2]
    both = {"content_sha256": item.content_sha256, "sketch": item.sketch}
    neither = {"content_sha256": _hash(700), "sketch": _sketch(700)}
    n_shown = [
        len(_taken_apart(corpus, keys, sketch=sketch).sketch.keys)
        for keys in (both, neither)
        for sketch in (None, True, False)
    ]
    assert n_shown == [0, 8, 0, 8, 8, 0]
    assert "sketch" in verify_presence(_prove(corpus, both), corpus.root).not_checked


def _refused_or_true(changed, corpus, proof):
    """A changed proof is refused, or it is about another sketch key of the same bucket and tells the truth."""
    try:
        answer = verify_presence(changed, corpus.root)
    except VerificationError:
        return True
    held = {key for item in corpus.items for key in item.lookup_keys()}
    assert all(found == ((kind, key) in held) for kind, key, found in answer.keys)
    assert {key[:2] for key in answer.keys if key[0] != "sketch"} == set(
        PresenceProof.from_bytes(proof).exact.keys
    )
    return answer.keys != verify_presence(proof, corpus.root).keys


@SHARED
@given(
    which=st.integers(0, 3),
    place=st.integers(0, 10**6),
    taken=st.integers(0, 40),
    put=st.binary(max_size=40),
)
def test_any_change_is_refused(seal, which, place, taken, put):
    corpus = seal(20)
    proof = [
        _prove(corpus, {"content_sha256": _hash(3), "isrc": "USS1Z9900001"}),
        _prove(corpus, {"content_sha256": _hash(3000), "sketch": _sketch(3000)}),
        _prove(corpus, {"sketch": _sketch(4)}, open_items=True),
        _prove(corpus, {"mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"}, open_items=True),
    ][which]
    place %= len(proof) + 1
    changed = proof[:place] + put + proof[place + taken :]
    assert changed == proof or _refused_or_true(changed, corpus, proof)


def test_every_single_byte_counts(seal):
    corpus = seal(12)
    proof = _prove(corpus, {"content_sha256": _hash(3000), "sketch": _sketch(3000, 3)})
    for place in range(len(proof)):
        changed = bytearray(proof)
        changed[place] ^= 1 << place % 8
        assert _refused_or_true(bytes(changed), corpus, proof)


def test_the_proof_shows_no_more_than_was_asked(seal):
    corpus = seal(30)
    proof = _prove(
        corpus, {"content_sha256": _hash(4), "isrc": "USS1Z9900001", "sketch": _sketch(77)}, sketch=True
    )
    for number, item in enumerate(corpus.items):
        assert item.recording.title.encode() not in proof
        assert bytes.fromhex(item.audio_sha256) not in proof
        assert (bytes.fromhex(item.content_sha256) in proof) == (item.content_sha256 == _hash(4))
        assert MemoryMap(corpus.items, SECRET).commitment(number)[:4] not in proof  # masked in the sketch map
    assert bytes.fromhex(corpus.secret) not in proof


def test_a_list_of_identifiers_finds_nothing_in_what_is_published(seal):
    """Entries seen in proofs are those of the VRF: no public input gives them."""
    corpus = seal(5)
    seen = b"".join(_taken_apart(corpus, {"content_sha256": _hash(3000)}).exact.buckets)
    assert seen
    stranger = vrf.VrfKey(b"\x01" * 32)
    public = bytes.fromhex(corpus.header.vrf_public)
    for item in corpus.items:
        for kind, key in item.lookup_keys():
            alpha = alpha_of(kind, key)
            guesses = [hashlib.sha256(alpha).digest(), hashlib.sha256(public + alpha).digest()]
            guesses.append(position_from(kind, key, stranger.output(alpha)))
            assert not any(guess[8:13] in seen for guess in guesses)


def test_keys_share_what_their_ways_have_in_common(seal):
    """No bucket and no hash stands in a proof twice."""
    corpus = seal(60)
    keys = [("content_sha256", _hash(1000 + n)) for n in range(40)]
    together = _taken_apart(corpus, keys).exact
    assert len(set(together.siblings)) == len(together.siblings)
    alone = [_taken_apart(corpus, [key]).exact for key in keys]
    assert len(together.siblings) < sum(len(one.siblings) for one in alone) / 4
    assert set(together.buckets) == {bucket for one in alone for bucket in one.buckets}


# A lying provider


def _lies(proof, honest):
    """Yield what could be shown of the exact map instead."""
    made = MemoryMap(honest.items, SECRET).exact
    buckets = [made.bucket(number) for number in range(1 << made.depth)]
    for bucket in [b"", *buckets]:
        yield replace(proof.exact, buckets=(bucket,))
    true = proof.exact.buckets[0]
    for place in range(0, len(true), 5):
        yield replace(proof.exact, buckets=(true[:place] + true[place + 5 :],))
    for number in range(1 << made.depth):
        yield replace(proof.exact, buckets=(buckets[number],), siblings=tuple(made.siblings([number])))
    for n_kept in range(len(proof.exact.siblings)):
        yield replace(proof.exact, siblings=proof.exact.siblings[:n_kept])
    yield replace(proof.exact, siblings=(*proof.exact.siblings, bytes(28)))
    yield replace(proof.exact, buckets=proof.exact.buckets * 2)
    yield replace(proof.exact, buckets=())
    yield replace(proof.exact, buckets=(), siblings=())
    yield MapAnswer()


def test_absent_for_what_is_present_is_caught(seal):
    corpus = seal(20)
    proof = _taken_apart(corpus, {"isrc": "GBAYE6900003"})
    assert verify_presence(proof.to_bytes(), corpus.root).present
    n_refused = 0
    for lie in _lies(proof, corpus):
        if lie != proof.exact:
            with pytest.raises(VerificationError):
                verify_presence(replace(proof, exact=lie).to_bytes(), corpus.root)
            n_refused += 1
    assert n_refused > 20


def test_a_map_without_the_key_has_another_root(seal):
    """Leaving the key out of the map that answers does not help: the root was published with it."""
    corpus = seal(6)
    without = seal_items([i for i in corpus.items if i.item_id != "item-0003"], audio_dir="m", secret=SECRET)
    proof = _taken_apart(without, {"isrc": "GBAYE6900003"})
    assert not verify_presence(proof.to_bytes(), without.root).present
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(proof.to_bytes(), corpus.root)
    with pytest.raises(VerificationError, match=r"leads to root|other buckets|no way needs|beside a way"):
        verify_presence(replace(proof, header=corpus.header).to_bytes(), corpus.root)


def test_a_swapped_vrf_key_is_caught(seal):
    """Another key gives another position, where nothing stands: absence without a lie about the map."""
    corpus = seal(6)
    key, other = {"isrc": "GBAYE6900003"}, vrf.VrfKey(b"\x05" * 32)
    made = MemoryMap(corpus.items, SECRET)
    assert made.exact.root.hex() == corpus.header.exact_root  # built with the true key, asked with another
    made.__dict__["vrf_key"] = other
    swapped = replace(corpus.header, vrf_public=other.public.hex())
    proof = prove_from(swapped, made, key)
    assert not verify_presence(proof, swapped.root).present
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(proof, corpus.root)
    rehung = replace(PresenceProof.from_bytes(proof), header=corpus.header)
    with pytest.raises(VerificationError, match="not of this key and this input"):
        verify_presence(rehung.to_bytes(), corpus.root)


def test_a_header_that_tells_another_size_is_caught(seal):
    """The number of keys tells the depth of a map; it stands under the root."""
    corpus = seal(6)
    proof = _taken_apart(corpus, {"isrc": "GBAYE6900003"})
    for name in ("n_exact_keys", "n_sketch_keys", "n_items"):
        header = replace(corpus.header, **{name: getattr(corpus.header, name) * 4})
        with pytest.raises(VerificationError, match="expected the trusted root"):
            verify_presence(replace(proof, header=header).to_bytes(), corpus.root)


def test_a_proof_of_another_snapshot_is_refused(seal):
    first = seal(4)
    second = seal(5, previous_root=first.root, training_date=date(2026, 2, 3))
    old = _prove(first, {"content_sha256": _hash(4)})
    assert not verify_presence(old, first.root).present
    with pytest.raises(VerificationError, match="expected the trusted root"):
        verify_presence(old, second.root)
    new = _prove(second, {"content_sha256": _hash(4)})
    assert verify_presence(new, second.root).present
    assert PresenceProof.from_bytes(new).header == second.header


def test_a_proof_about_another_recording_is_refused(seal):
    corpus = seal(6)
    proof = _prove(corpus, {"content_sha256": _hash(5), "audio_sha256": _hash(-6)})
    mine = {"content_sha256": _hash(900), "audio_sha256": _hash(901), "sketch": _sketch(900)}
    with pytest.raises(VerificationError, match="other keys than this file's"):
        verify_presence(proof, corpus.root, file_keys=mine)
    with pytest.raises(VerificationError, match="other keys than the one asked for"):
        verify_presence(proof, corpus.root, about={"isrc": "GBAYE6900003"})
    mixed = _prove(corpus, {"content_sha256": _hash(5), "audio_sha256": _hash(901)})
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
    proof = _prove(corpus, {kind: mine[kind] for kind in asked})
    with pytest.raises(VerificationError, match=message):
        verify_presence(proof, corpus.root, file_keys=mine)


def test_sketch_keys_that_would_show_presence_cannot_be_left_out(seal):
    """Who answers chooses which keys to show: those left out count as if they stood on the item that has most."""
    corpus = seal(6)
    sketch = (*corpus.items[2].sketch[:4], *_sketch(900, 28))  # a copy that kept four keys of 32
    mine = {"content_sha256": _hash(900), "audio_sha256": _hash(901), "sketch": sketch}
    assert verify_presence(_prove(corpus, mine), corpus.root, file_keys=mine).how == "sketch"
    for n_hidden in (2, 4):
        proof = _prove(corpus, mine | {"sketch": sketch[n_hidden:]})
        assert not verify_presence(proof, corpus.root).present
        with pytest.raises(VerificationError, match=f"{32 - n_hidden} of 32 sketch keys"):
            verify_presence(proof, corpus.root, file_keys=mine)
    other = mine | {"sketch": _sketch(950, 32)}
    proof = _prove(corpus, other | {"sketch": other["sketch"][2:]})  # as another decoder would have them
    assert not verify_presence(proof, corpus.root, file_keys=other).present


# Sketch keys


def test_sketch_keys_of_several_items_are_no_presence(seal):
    """Three keys on three items say nothing; three on one say that its sound is here."""
    corpus = seal(6)
    scattered = [corpus.items[n].sketch[0] for n in range(3)]
    answer = verify_presence(_prove(corpus, {"sketch": scattered}), corpus.root)
    assert (answer.present, answer.sketch_matches) == (False, 1)
    together = corpus.items[2].sketch[: sketch_threshold(6)]
    answer = verify_presence(_prove(corpus, {"sketch": together}), corpus.root)
    assert (answer.present, answer.how, answer.sketch_matches) == (True, "sketch", 3)


def test_entries_of_sketch_keys_cannot_be_made_up(seal):
    """Nor taken away: three keys that stand on one item count, whatever is shown."""
    corpus = seal(6)
    proof = _taken_apart(corpus, {"sketch": corpus.items[2].sketch[:4]})
    for number, bucket in enumerate(proof.sketch.buckets):
        for changed in (b"", bucket[7:], bucket[:-1] + bytes([bucket[-1] ^ 1]), bucket[:7] * 2):
            buckets = list(proof.sketch.buckets)
            buckets[number] = changed
            if tuple(buckets) != proof.sketch.buckets:
                lie = replace(proof, sketch=replace(proof.sketch, buckets=tuple(buckets)))
                with pytest.raises(VerificationError):
                    verify_presence(lie.to_bytes(), corpus.root)


# Opened items


def test_an_opened_item_is_the_one_that_was_sealed(seal):
    corpus = seal(6)
    for keys in ({"isrc": "GBAYE6900003"}, {"sketch": corpus.items[3].sketch}):
        proof = _prove(corpus, keys, open_items=True)
        assert verify_presence(proof, corpus.root).items == (corpus.items[3],)
        with pytest.raises(VerificationError, match="inclusion proof"):
            verify_presence(proof.replace(b"Title", b"Tidal", 1), corpus.root)


def test_a_record_under_another_key_is_no_opening(seal):
    """A true record of the corpus that stands under none of the keys found says nothing about them."""
    corpus = seal(6)
    other = _taken_apart(corpus, {"isrc": "GBAYE6900004"}, open_items=True).opened
    for keys in ({"isrc": "GBAYE6900003"}, {"isrc": "USS1Z9900001"}, {"sketch": corpus.items[3].sketch}):
        proof = replace(_taken_apart(corpus, keys), opened=other)
        with pytest.raises(VerificationError, match="under none of the keys found"):
            verify_presence(proof.to_bytes(), corpus.root)


def test_an_identifier_of_several_items_opens_them(seal):
    corpus = seal(3)
    mbid = {"mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"}
    answer = verify_presence(_prove(corpus, mbid, open_items=True), corpus.root)
    assert {item.item_id for item in answer.items} == {"item-0000", "item-0001", "item-0002"}
    many = seal(20)
    assert len(verify_presence(_prove(many, mbid, open_items=True), many.root).items) == 16


# Forms


def test_a_kind_that_the_corpus_does_not_enter_is_named(seal):
    corpus = seal(3)
    answer = verify_presence(_prove(corpus, {"iswc": "T-034.524.680-1"}), corpus.root)
    assert not answer.present
    assert "iswc" in answer.not_checked
    assert set(answer.not_checked) == set(KINDS)


def test_every_kind_of_key_is_written_and_read(seal):
    corpus = seal(3)
    keys = {
        "content_sha256": _hash(5),
        "audio_sha256": _hash(6),
        "isrc": ["USS1Z9900001", "GBAYE6999999"],
        "iswc": "T0345246801",
        "mbid": "00000000-d987-4042-ae91-78d6a3267d69",
        "iscc": ["ISCC:EIAX22FRE5DS3YBC", "ISCC:" + "A2" * 27],
        "sketch": ["0" * 16, "f" * 16],
    }
    answer = verify_presence(_prove(corpus, keys), corpus.root, about=keys)
    asked = {
        (kind, key) for kind, some in keys.items() for key in ([some] if isinstance(some, str) else some)
    }
    assert {key[:2] for key in answer.keys} == asked


def test_unusable_keys_are_named(seal):
    corpus = seal(2)
    for keys in ({}, {"isrc": "nonsense"}, {"isni": "x"}, {"sketch": "ABC"}):
        with pytest.raises(InputError):
            _prove(corpus, keys)
    with pytest.raises(InputError, match="at most 255"):
        _prove(corpus, {"content_sha256": [_hash(n) for n in range(256)]})
    with pytest.raises(InputError, match="neither a readable file nor a key"):
        parse_key("mysong")
    for text in ("a" * 5000, "nul\0byte", "isrc:", "sketch:zz", ""):
        with pytest.raises(InputError):
            keys_of([text])


def test_the_scope_stands_in_every_answer(seal):
    corpus = seal(2)
    answer = verify_presence(_prove(corpus, {"content_sha256": _hash(9)}), corpus.root)
    assert answer.as_json()["scope"] == SCOPE


def test_a_proof_of_an_earlier_revision_is_refused_with_the_next_step(seal):
    for old in (b'{"format": "linernotes-presence-v2"}', b"\n {}"):
        with pytest.raises(VerificationError, match="earlier revision of Linernotes; ask its maker"):
            verify_presence(old, seal(1).root)


@SHARED
@given(content=st.binary(max_size=600))
def test_anything_that_is_no_proof(seal, content):
    for data in (content, b"LNP3" + content):
        with pytest.raises(VerificationError):
            verify_presence(data, seal(1).root)


def test_a_changed_manifest_gives_no_proof(seal):
    corpus = seal(3)
    items = (
        replace(corpus.items[0], recording=Recording(recording_id="x", title="X", artist="Y")),
        *corpus.items[1:],
    )
    changed = SealedCorpus.from_json(replace(corpus, items=items).to_json())
    with pytest.raises(VerificationError, match="changed after sealing"):
        prove_presence(changed, {"content_sha256": _hash(0)})
