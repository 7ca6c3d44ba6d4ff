"""The keyed map against one recursive function, whole and cut into parts."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.corpus.keyed_map import bucket_of, handles_of, is_entered, root_from
from linernotes.corpus.map_part import MAX_SKETCH_OWNERS, make_part, read_part, remade_top, write_part
from linernotes.corpus.map_whole import KeyedMap
from linernotes.errors import CorpusError, VerificationError

_spec = importlib.util.spec_from_file_location(
    "slow_keyed_map", Path(__file__).with_name("slow_keyed_map.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

# few distinct bytes: crowded buckets, keys that share tags, keys of several items
crowded = st.lists(st.sampled_from([0, 1, 128, 255]), min_size=16, max_size=16).map(bytes)
positions_any = st.one_of(st.binary(min_size=16, max_size=16), crowded)
keys = st.lists(st.tuples(positions_any, st.integers(0, 4)), max_size=24)
depths = st.integers(0, 5)
HANDLES = np.frombuffer(b"".join(hashlib.sha256(bytes([i])).digest()[:4] for i in range(5)), np.uint8)
HANDLES = HANDLES.reshape(5, 4)


def bits(position: bytes) -> str:
    return format(int.from_bytes(position[:8], "big"), "064b")


def entry_of(position: bytes, owner: int, sketch: bool) -> bytes:
    if not sketch:
        return position[8:13]
    mask = int.from_bytes(position[11:15], "big") ^ int.from_bytes(HANDLES[owner].tobytes(), "big")
    return position[8:11] + mask.to_bytes(4, "big")


def arrays(pairs: list[tuple[bytes, int]]) -> tuple[np.ndarray, np.ndarray]:
    positions = np.frombuffer(b"".join(p for p, _ in pairs), np.uint8).reshape(-1, 16)
    return positions, np.array([owner for _, owner in pairs], np.uint32)


def in_parts(pairs: list[tuple[bytes, int]], depth: int, cut: int, sketch: bool) -> KeyedMap:
    parts = []
    for number in range(1 << cut):
        mine = [pair for pair in pairs if bucket_of(pair[0], cut) == number]
        parts.append(make_part(*arrays(mine), depth, cut, HANDLES if sketch else None))
    return KeyedMap([part.top() for part in parts], depth, lambda number: parts[number])


@settings(max_examples=150, deadline=None)
@given(
    pairs=keys,
    depth=depths,
    cut=st.integers(0, 3),
    asked=st.lists(positions_any, max_size=4),
    sketch=st.booleans(),
)
def test_buckets_root_and_siblings_are_those_of_the_twin(
    pairs: list[tuple[bytes, int]], depth: int, cut: int, asked: list[bytes], sketch: bool
) -> None:
    made = in_parts(pairs, depth, min(cut, depth), sketch)
    slow = oracle.buckets_of([(bits(p), entry_of(p, o, sketch)) for p, o in pairs], depth)
    assert made.root == oracle.root(slow)
    positions = [*asked, *(p for p, _ in pairs[:3])] or [bytes(16)]
    numbers = {bucket_of(p, depth) for p in positions}
    siblings = made.siblings(sorted(numbers))
    assert siblings == oracle.siblings(slow, numbers)
    shown = {number: made.bucket(number) for number in numbers}
    assert shown == {number: b"".join(slow[number]) for number in numbers}
    assert root_from(shown, siblings, depth) == made.root
    for position in positions:
        number = bucket_of(position, depth)
        mine = {o for p, o in pairs if p == position}
        if sketch:
            assert mine <= {
                o for o in range(5) if HANDLES[o].tobytes() in handles_of(position, shown[number])
            }
        else:
            assert is_entered(position, shown[number]) == (position[8:13] in slow[number])
            assert mine <= set(made.owners_of(number, position[8:13]))
        for owner in mine:
            assert owner in made.owners_of(number, entry_of(position, owner, sketch))


@settings(max_examples=100, deadline=None)
@given(pairs=keys.filter(bool), depth=depths, place=st.integers(0, 10**6), data=st.data())
def test_no_other_bucket_and_no_other_hash_leads_to_the_root(
    pairs: list[tuple[bytes, int]], depth: int, place: int, data: st.DataObject
) -> None:
    made = in_parts(pairs, depth, 0, sketch=False)
    numbers = sorted({bucket_of(p, depth) for p, _ in pairs[:3]})
    shown, siblings = {n: made.bucket(n) for n in numbers}, made.siblings(numbers)
    kind = data.draw(
        st.sampled_from(["entry left out", "entry added", "hash changed", "hash added", "hash left out"])
    )
    number = numbers[place % len(numbers)]
    entries = [shown[number][i : i + 5] for i in range(0, len(shown[number]), 5)]
    if kind == "entry left out":
        shown[number] = b"".join(e for i, e in enumerate(entries) if i != place % len(entries))
    elif kind == "entry added":
        extra = data.draw(st.binary(min_size=5, max_size=5).filter(lambda e: e not in entries))
        shown[number] = b"".join(sorted([*entries, extra]))
    elif kind == "hash added":
        siblings.append(data.draw(st.binary(min_size=28, max_size=28)))
    elif siblings and kind == "hash left out":
        del siblings[place % len(siblings)]
    elif siblings:
        siblings[place % len(siblings)] = data.draw(st.binary(min_size=28, max_size=28))
    else:
        return
    with contextlib.suppress(VerificationError):
        assert root_from(shown, siblings, depth) != made.root


@pytest.mark.parametrize("sketch", [False, True])
def test_a_part_file_reads_back(tmp_path: Path, sketch: bool) -> None:
    pairs = [(hashlib.sha256(bytes([i])).digest()[:16], i % 5) for i in range(200)]
    part = make_part(*arrays(pairs), 5, 0, HANDLES if sketch else None)
    write_part(tmp_path / "a.part", part)
    again = read_part(tmp_path / "a.part")
    slow = oracle.buckets_of([(bits(p), entry_of(p, o, sketch)) for p, o in pairs], 5)
    assert again.top() == part.top() == remade_top(again) == oracle.root(slow)
    for position, owner in pairs:
        assert again.owners_of(bucket_of(position, 5), entry_of(position, owner, sketch)) == [owner]
    data = (tmp_path / "a.part").read_bytes()
    for damaged in (data[:-1], data + b"\0", b"", data[:40] + b"\xff" * 8 + data[48:], b"x" + data[1:]):
        (tmp_path / "b.part").write_bytes(damaged)
        with pytest.raises(CorpusError, match=r"b\.part"):
            read_part(tmp_path / "b.part")


def test_a_sketch_key_of_many_items_stays_with_the_first() -> None:
    """What a hundred items share says little about one of them, and would swell every answer beside it."""
    position = hashlib.sha256(b"a drum loop").digest()[:16]
    owners = np.arange(100, dtype=np.uint32)
    handles = np.frombuffer(b"".join(i.to_bytes(4, "big") for i in range(100)), np.uint8).reshape(-1, 4)
    rows = np.tile(np.frombuffer(position, np.uint8), (100, 1))
    part = make_part(rows, owners[::-1], 0, handles=handles)
    found = {int.from_bytes(one, "big") for one in handles_of(position, part.bucket(0))}
    assert found == set(range(MAX_SKETCH_OWNERS))
