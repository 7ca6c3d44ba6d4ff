"""Snapshots on disk: what they hold, how they follow one another, and what happens when one is damaged."""

import datetime as dt
import os
import shutil

import pytest

from linernotes.corpus.gaps import gap
from linernotes.corpus.presence import prove_from, prove_presence, verify_presence
from linernotes.corpus.seal import seal_items
from linernotes.corpus.snapshot import SEAL_FILE, Snapshot
from linernotes.corpus.snapshots import find_snapshot, snapshot_chain, step_between, write_snapshot
from linernotes.errors import CorpusError, LinernotesError, NewerRevision, VerificationError

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def chain(new_item, tmp_path):
    """Three snapshots: five items; one added and one removed; one changed."""
    states = [
        [new_item(n) for n in range(5)],
        [new_item(n) for n in (0, 1, 2, 3, 5)],
        [*(new_item(n) for n in (0, 1, 2, 5)), new_item(3, iscc="ISCC:EIAX22FRE5DS3YBC")],
    ]
    corpora, root = [], None
    for items in states:
        gaps = [gap("missing-isrc", items[0].item_id, "é")]
        corpora.append(seal_items(items, gaps, audio_dir="m", secret=bytes(32), now=NOW, previous_root=root))
        root = corpora[-1].root
        write_snapshot(tmp_path, corpora[-1])
    return corpora, tmp_path


def test_a_snapshot_reads_back(chain):
    corpora, folder = chain
    for corpus, snapshot in zip(corpora, snapshot_chain(folder), strict=True):
        assert snapshot.header == corpus.header
        assert tuple(snapshot.items()) == corpus.items
        assert tuple(snapshot.gaps()) == corpus.gaps
        assert snapshot.facts.gap_counts == {"missing-isrc": 1}
        assert snapshot.facts.n_without_consent == 5
        snapshot.check()
        keys = {"content_sha256": corpus.items[2].content_sha256}
        proof = prove_from(snapshot.header, snapshot, keys, open_items=True)
        assert proof == prove_presence(corpus, keys, open_items=True)
        assert verify_presence(proof, corpus.root).items == (corpus.items[2],)


def test_the_chain_says_what_changed(chain):
    corpora, folder = chain
    found = snapshot_chain(folder)
    steps = [step_between(a, b) for a, b in zip([None, *found], found, strict=False)]
    assert steps[0].added == tuple(item.item_id for item in corpora[0].items)
    assert (steps[1].added, steps[1].removed, steps[1].changed) == (("item-0005",), ("item-0004",), ())
    assert (steps[2].added, steps[2].removed, steps[2].changed) == ((), (), ("item-0003",))
    assert [one.header.previous_root for one in found] == [None, corpora[0].root, corpora[1].root]


def test_snapshots_are_found_by_root(chain):
    corpora, folder = chain
    assert find_snapshot(folder).facts.root == corpora[2].root
    assert find_snapshot(folder, corpora[0].root[:8]).facts.root == corpora[0].root
    for unknown in ("zz", "0" * 64):
        with pytest.raises(CorpusError, match="0 found"):
            find_snapshot(folder, unknown)
    with pytest.raises(CorpusError, match="there are: none"):
        find_snapshot(folder / "nowhere")


def test_a_snapshot_that_is_missing_in_the_middle_is_named(chain):
    corpora, folder = chain
    shutil.rmtree(folder / corpora[1].root)
    with pytest.raises(CorpusError, match="in the middle of the chain is missing"):
        snapshot_chain(folder)


def test_two_followers_are_named(chain, new_item):
    corpora, folder = chain
    fork = seal_items([new_item(9)], audio_dir="m", secret=bytes(32), now=NOW, previous_root=corpora[0].root)
    write_snapshot(folder, fork)
    with pytest.raises(CorpusError, match="two snapshots follow"):
        snapshot_chain(folder)


def test_writing_it_again_changes_nothing(chain):
    corpora, folder = chain
    before = (folder / corpora[0].root / SEAL_FILE).read_bytes()
    write_snapshot(folder, corpora[0])
    assert (folder / corpora[0].root / SEAL_FILE).read_bytes() == before
    assert not list(folder.glob("*.partial"))


def test_an_interrupted_write_leaves_nothing(chain, new_item, monkeypatch):
    _, folder = chain
    corpus = seal_items([new_item(7)], audio_dir="m", secret=bytes(32))

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_snapshot(folder, corpus)
    monkeypatch.undo()
    assert len(snapshot_chain(folder)) == 3
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize(
    "name",
    ["seal.json", "secret.key", "items.jsonl", "items.offsets", "commitments.bin", "map/exact-00.part"],
)
@pytest.mark.parametrize("place", [0, 0.4, 0.99])
def test_no_changed_byte_leads_to_a_proof_that_verifies_wrongly(chain, name, place):
    corpora, folder = chain
    corpus = corpora[2]
    path = folder / corpus.root / name
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)
    keys = {"content_sha256": corpus.items[2].content_sha256}
    try:
        snapshot = Snapshot.open(folder / corpus.root)
        proof = prove_from(snapshot.header, snapshot, keys, open_items=True)
        answer = verify_presence(proof, corpus.root)
    except LinernotesError:
        return
    assert answer.present
    assert answer.items in ((corpus.items[2],), ())


@pytest.mark.parametrize("name", ["items.jsonl", "commitments.bin", "secret.key"])
def test_a_change_after_sealing_is_found_by_the_check(chain, name):
    corpora, folder = chain
    path = folder / corpora[2].root / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LinernotesError):
        Snapshot.open(folder / corpora[2].root).check()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", CorpusError),
        (b"{}", CorpusError),
        (b'{"format": "linernotes-snapshot", "revision": 99}', NewerRevision),
        (b'{"format": "linernotes-snapshot", "revision": "x"}', CorpusError),
        (b"[" * 100_000, CorpusError),
        (b"\xff", CorpusError),
    ],
)
def test_a_damaged_seal_file_is_named(chain, content, error):
    corpora, folder = chain
    (folder / corpora[0].root / SEAL_FILE).write_bytes(content)
    with pytest.raises(error):
        Snapshot.open(folder / corpora[0].root)


def test_missing_files_are_named(chain):
    corpora, folder = chain
    for name in ("map/exact-00.part", "commitments.bin", "secret.key"):
        (folder / corpora[1].root / name).unlink()
    snapshot = Snapshot.open(folder / corpora[1].root)
    with pytest.raises(CorpusError, match=r"secret\.key"):
        _ = snapshot.secret
    with pytest.raises(CorpusError, match=r"exact-00\.part"):
        snapshot.exact.bucket(0)
    with pytest.raises(CorpusError, match=r"commitments\.bin"):
        snapshot.commitment(0)


def test_another_secret_is_another_key(chain):
    corpora, folder = chain
    (folder / corpora[1].root / "secret.key").write_text("11" * 32)
    with pytest.raises(VerificationError, match="another key"):
        _ = Snapshot.open(folder / corpora[1].root).vrf_key
