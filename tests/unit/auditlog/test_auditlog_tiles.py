"""Tiles: the specification's examples, and every size against a tree in memory; append-only under hypothesis."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.auditlog import AuditLog, Checkpoint, Entry, SigningKey, fsck
from linernotes.auditlog.canonical import canonical_json, parse_canonical_json
from linernotes.auditlog.growth import grow
from linernotes.auditlog.merkle import Tree, leaf_hash, prove_consistency, prove_inclusion, tree_root
from linernotes.auditlog.tile_folder import is_leftover, parse_tile_path
from linernotes.auditlog.tiles import (
    TileReader,
    bundle_path,
    cut_full,
    decode_bundle,
    encode_bundle,
    tile_path,
    tiles_of,
)
from linernotes.errors import InputError, VerificationError

SIGNER = SigningKey("example.org/log", bytes(range(32)))


def test_paths_and_widths_of_the_specification():
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    found = tiles_of(70_000)  # 273 full level 0 tiles and one of 112, one full and one of 17, one of 1
    assert found == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert tiles_of(256) == [(0, 0, 256), (1, 0, 1)]
    assert tiles_of(0) == []
    assert bundle_path(999_999, 3) == "tile/entries/x999/999.p/3"


@given(st.integers(-1, 7), st.integers(0, 10**12), st.integers(1, 256))
def test_a_path_is_read_back(level, number, width):
    path = bundle_path(number, width) if level < 0 else tile_path(level, number, width)
    assert parse_tile_path(path.removeprefix("tile/")) == (level, number, width)


@pytest.mark.parametrize(
    "path", ["0/1", "0/x000", "8/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "entries/0", "0/000.partial"]
)
def test_other_files_are_no_tiles(path):
    assert parse_tile_path(path) is None


def test_bundles_of_a_wrong_length_are_refused():
    data = encode_bundle([b"one", b"", b"three"])
    assert decode_bundle(data, 3, "b") == [b"one", b"", b"three"]
    for wrong, width in ((data[:-1], 3), (data + b"\0", 3), (data, 2), (data, 4), (b"", 1)):
        with pytest.raises(VerificationError):
            decode_bundle(wrong, width, "b")
    assert cut_full("tile/entries/000.p/2", data) == encode_bundle([b"one", b""])
    with pytest.raises(VerificationError):
        cut_full("tile/entries/000.p/4", data)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_growing_in_any_steps_gives_the_tree_of_the_whole(steps, luck):
    """The tiles after any sequence of appends, and proofs from them, are those of a tree in memory."""
    files: dict[str, bytes] = {}
    entries: list[bytes] = []
    for step in steps:
        new = [b"%d" % luck.randrange(10**9) for _ in range(step)]
        growth = grow(files.__getitem__, len(entries), new)
        for path, data in growth.files.items():
            assert files.get(path, data) == data  # nothing that was there is changed
        files |= growth.files
        entries += new
    tree, reader = Tree([leaf_hash(each) for each in entries]), TileReader(files.__getitem__, len(entries))
    size = len(entries)
    assert tree_root(reader.node, size) == tree.root()
    for _ in range(4):
        index, old = luck.randrange(size), luck.randrange(size + 1)
        assert prove_inclusion(reader.node, index, size) == tree.inclusion(index)
        assert prove_consistency(reader.node, old, size) == tree.consistency(old)
    for path in files:
        assert not is_leftover(None, parse_tile_path(path.removeprefix("tile/")), size)
        assert is_leftover(None, parse_tile_path(path.removeprefix("tile/")), 0)


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(st.integers(1, 300), min_size=2, max_size=4))
def test_every_head_that_was_ever_signed_stays_provable(tmp_path_factory, steps):
    log = AuditLog.create(tmp_path_factory.mktemp("log"), SIGNER)
    heads: list[Checkpoint] = []
    receipts = []
    for step in steps:
        size = log.checkpoint().size
        entries = [Entry("note", None, {"n": n}, "2026-01-02T03:04:05Z") for n in range(size, size + step)]
        assert log.append_many(entries, SIGNER) == range(size, size + step)
        heads.append(log.checkpoint())
        receipts.append(log.receipt(size))
    for head, receipt in zip(heads, receipts, strict=True):
        log.check_consistency(head)
        assert receipt.verify(log.key).body == {"n": receipt.leaf_index}
    report = fsck(log.folder, log.key, against=heads[0])
    assert (report.ok, report.compared_with_size) == (True, steps[0])
    # A later head does not continue one that has another entry in it.
    other = AuditLog.create(tmp_path_factory.mktemp("other"), SIGNER)
    other.append(Entry("other", None, {}), SIGNER)
    with pytest.raises(VerificationError, match=r"rewritten|not the ones once signed"):
        log.check_consistency(other.checkpoint())
    assert "rewritten" in fsck(log.folder, log.key, against=other.checkpoint()).problem


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A log of two levels and its folder's files."""
    log = AuditLog.create(tmp_path_factory.mktemp("large"), SIGNER)
    log.append_many([Entry("note", None, {"n": n}, "2026-01-02T03:04:05Z") for n in range(700)], SIGNER)
    return log


@pytest.mark.parametrize("n_processes", [1, 2])
@pytest.mark.parametrize(
    ("name", "at", "index"),
    [
        ("tile/0/001", 40, 257),
        ("tile/1/000.p/2", 3, None),
        ("tile/0/002.p/188", 0, 512),
        ("tile/entries/001", 2 + 12, 256),
        ("tile/entries/002.p/188", 0, 512),
    ],
)
def test_fsck_names_the_tile_or_entry_in_a_log_of_many_tiles(large, name, at, index, n_processes):
    path = large.folder / name
    data = path.read_bytes()
    try:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        report = fsck(large.folder, large.key, n_processes=n_processes)
        assert (report.ok, report.damaged_file, report.first_damaged_index) == (False, name, index)
    finally:
        path.write_bytes(data)
    assert fsck(large.folder, large.key, n_processes=n_processes).ok


def test_fsck_finds_the_first_of_two_damages_with_any_number_of_processes(large):
    paths = [large.folder / "tile/entries/000", large.folder / "tile/entries/002.p/188"]
    data = [path.read_bytes() for path in paths]
    try:
        for path, each in zip(paths, data, strict=True):
            path.write_bytes(each[:30] + bytes([each[30] ^ 1]) + each[31:])
        for n_processes in (1, 3):
            assert fsck(large.folder, large.key, n_processes=n_processes).first_damaged_index == 0
    finally:
        for path, each in zip(paths, data, strict=True):
            path.write_bytes(each)


def test_a_partial_tile_that_is_gone_is_read_from_the_full_one(large):
    old = AuditLog(large.folder, large.key)
    reader = TileReader(old._read, 300)  # 000 is full; 001.p/44 was never written
    tree = Tree([leaf_hash(each) for each in old.entries(0, 300)])
    assert tree_root(reader.node, 300) == tree.root()
    assert old.consistency_proof(300) == prove_consistency(TileReader(old._read, 700).node, 300, 700)


@pytest.mark.parametrize("size", [3, 258])
def test_a_truncated_log_does_not_verify(tmp_path, size):
    log = AuditLog.create(tmp_path / "log", SIGNER)
    log.append_many([Entry("note", None, {"n": n}) for n in range(size)], SIGNER)
    last = log.folder / bundle_path((size - 1) // 256, (size - 1) % 256 + 1)
    last.unlink()
    report = fsck(log.folder, log.key)
    assert not report.ok
    assert report.damaged_file == last.relative_to(log.folder).as_posix()
    with pytest.raises(VerificationError):
        log.append(Entry("note", None, {}), SIGNER)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=400, deadline=None)
@given(PLAIN)
def test_the_short_way_to_canonical_json_spells_as_rfc_8785(value):
    import rfc8785

    try:
        wanted = bytes(rfc8785.dumps(value))
    except Exception:
        with pytest.raises(InputError):
            canonical_json(value)
        return
    assert canonical_json(value) == wanted


@settings(max_examples=400, deadline=None)
@given(PLAIN, st.booleans(), st.booleans())
def test_the_short_way_to_read_canonical_json_accepts_what_rfc_8785_spells_and_nothing_else(
    value, spaced, escaped
):
    try:
        wanted = canonical_json(value)
    except InputError:
        return
    try:
        assert canonical_json(parse_canonical_json(wanted, "x")) == wanted
    except VerificationError:  # numbers whose spelling reads as a whole number beyond 2**53 - 1
        assert any(character.isdigit() for character in wanted.decode())
    other = json.dumps(value, ensure_ascii=escaped, separators=(", ", ": ") if spaced else (",", ":"))
    if other.encode() != wanted:
        with pytest.raises(VerificationError):
            parse_canonical_json(other.encode(), "x")


@pytest.mark.parametrize(
    "data",
    [b"-0", b"1.0", b"1e3", b"9007199254740992", b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'"\\u0041"', b"NaN", b" 1",
     b"1\n", b"", b"[" * 5000, b'"\xed\xa0\x80"', b'"\\ud83d\\ude00"', b"\xef\xbb\xbf1"],
)  # fmt: skip
def test_other_spellings_are_refused(data):
    with pytest.raises(VerificationError):
        parse_canonical_json(data, "x")
