import dataclasses
import datetime as dt
import hashlib
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from linernotes.corpus.commitment import canonical, leaf, vrf_key_of
from linernotes.corpus.commitment_tree import tree_head
from linernotes.corpus.consent import Consent
from linernotes.corpus.gaps import gap
from linernotes.corpus.lookup_keys import position_of
from linernotes.corpus.seal import SealedCorpus, seal_items
from linernotes.errors import CorpusError, InputError, NewerRevision, VerificationError

SECRET = bytes(range(32))


@pytest.fixture
def sealed(new_item):
    items = [new_item(n, consent=Consent(status="yes", date="2025-01-01", evidence="e")) for n in range(5)]
    items.append(new_item(9))
    now = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
    return seal_items(items, [gap("missing-isrc", "item-0001")], audio_dir="music", secret=SECRET, now=now)


def _naive_root(leaves):
    """RFC 6962 by its recursive definition."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + _naive_root(leaves[:k]) + _naive_root(leaves[k:])).digest()


def test_the_root_follows_from_the_definition(sealed):
    header = sealed.header
    assert header.manifest_root == _naive_root([leaf(item, SECRET) for item in sealed.items]).hex()
    key = vrf_key_of(SECRET)
    buckets = [set(), set()]  # twelve keys, at most eight on average
    for item in sealed.items:
        for kind in ("content_sha256", "audio_sha256"):
            position = position_of(kind, getattr(item, kind), key)
            buckets[position[0] >> 7].add(position[8:13])
    hashes = [hashlib.sha224(b"\x10" + b"".join(sorted(bucket))).digest() for bucket in buckets]
    assert header.n_exact_keys == 12
    assert header.exact_root == hashlib.sha224(b"\x11" + b"".join(hashes)).hexdigest()
    assert (header.n_sketch_keys, header.sketch_root) == (0, hashlib.sha224(b"\x10").hexdigest())
    assert header.vrf_public == key.public.hex()
    fields = dataclasses.asdict(header)
    assert sealed.root == hashlib.sha256(b"linernotes-corpus-v3\n" + rfc8785.dumps(fields)).hexdigest()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_the_tree_head_is_that_of_the_definition(hashes):
    expected = hashlib.sha256(b"").digest()
    if hashes:
        expected = _naive_root_of_hashes(hashes)
    assert tree_head(hashes) == expected


def _naive_root_of_hashes(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    left, right = _naive_root_of_hashes(hashes[:k]), _naive_root_of_hashes(hashes[k:])
    return hashlib.sha256(b"\1" + left + right).digest()


plain = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < 1e300)


@given(
    st.dictionaries(
        st.text("abcdefgh_", max_size=6),
        plain | numbers | st.lists(plain) | st.dictionaries(st.text("ab"), plain),
    )
)
def test_the_quick_writer_gives_canonical_json(entry):
    assert canonical(entry) == rfc8785.dumps(entry)


def test_leaves_are_salted_canonical_json(sealed):
    content = json.loads(leaf(sealed.items[0], SECRET))
    assert content["item"] == sealed.items[0].as_json()
    assert len(content["salt"]) == 32
    other = json.loads(leaf(sealed.items[1], SECRET))
    assert other["salt"] != content["salt"]
    assert leaf(sealed.items[0], bytes(32)) != leaf(sealed.items[0], SECRET)


def test_same_secret_gives_the_same_root_at_any_time_and_in_any_order(sealed):
    again = seal_items(sealed.items[::-1], audio_dir="elsewhere", secret=SECRET)
    assert again.root == sealed.root
    assert seal_items(sealed.items, audio_dir="music").root != sealed.root


def test_the_manifest_survives_json(sealed):
    read = SealedCorpus.from_json(json.loads(json.dumps(sealed.to_json())))
    assert read == sealed
    assert read.verify() == sealed.header


def test_the_secret_is_not_shown_by_repr(sealed):
    assert SECRET.hex() not in repr(sealed)


def test_stage_and_consent_follow_the_training_date(sealed):
    assert sealed.stage == "before-training"
    assert [item.item_id for item in sealed.without_consent] == ["item-0009"]
    early = seal_items(sealed.items, audio_dir="m", training_date=dt.date(2024, 12, 31))
    assert early.stage == "after-training"
    assert len(early.without_consent) == 6
    assert (
        seal_items(sealed.items, audio_dir="m", training_date=dt.date(2999, 1, 1)).stage == "before-training"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["items"][0].update(content_sha256="f" * 64),
        lambda d: d["items"][0]["recording"].update(title="Other"),
        lambda d: d["items"][2]["consent"].update(date="2024-01-01"),
        lambda d: d["items"][3].update(cluster_id="item-0001"),
        lambda d: d["items"].pop(),
        lambda d: d["items"].append(dict(d["items"][0], item_id="zz")),
        lambda d: d.update(root="0" * 64),
        lambda d: d.update(training_date="2020-01-01"),
        lambda d: d.update(secret="00" * 32),
        lambda d: d.update({"secret": "xyz"}),
        lambda d: d["header"].update(n_items=5),
        lambda d: d["header"].update(vrf_public="00" * 32),
        lambda d: d.update(previous_root="11" * 32),
        lambda d: d["items"][0].update(sketch=["0" * 16]),
    ],
)
def test_a_changed_manifest_is_caught(sealed, change):
    data = json.loads(json.dumps(sealed.to_json()))
    change(data)
    with pytest.raises(VerificationError):
        SealedCorpus.from_json(data).verify()


def test_a_damaged_or_newer_manifest_is_named(sealed):
    with pytest.raises(NewerRevision, match="revision 99"):
        SealedCorpus.from_json(sealed.to_json() | {"revision": 99})
    for damaged in ({"root": "00", "revision": 3}, {"root": "00", "revision": "two"}, {"revision": None}):
        with pytest.raises(CorpusError, match="damaged"):
            SealedCorpus.from_json(damaged)


@pytest.mark.parametrize("revision", [1, 2])
def test_a_seal_of_an_earlier_revision_is_refused_with_a_next_step(sealed, revision):
    with pytest.raises(CorpusError, match=r"earlier revision of the seal.*corpus seal AUDIO_DIR"):
        SealedCorpus.from_json(sealed.to_json() | {"revision": revision})


def test_what_cannot_be_sealed(new_item):
    with pytest.raises(InputError, match="0 items"):
        seal_items([], audio_dir="m")
    with pytest.raises(InputError, match="share one id"):
        seal_items([new_item(1), new_item(1)], audio_dir="m")
    with pytest.raises(InputError, match="secret of 3 bytes"):
        seal_items([new_item(1)], audio_dir="m", secret=b"abc")


def test_items_are_found_by_id(sealed, tmp_path):
    item = sealed.item("item-0002")
    assert sealed.audio_path(item).as_posix() == "music/item-0002.wav"
    with pytest.raises(CorpusError, match="item 'none': not in sealed corpus"):
        sealed.item("none")
