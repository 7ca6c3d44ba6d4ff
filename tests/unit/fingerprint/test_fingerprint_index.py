"""The index in memory: adding and removing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import CorpusError
from linernotes.fingerprint.index import ARRAYS, FAMILIES, FingerprintIndex
from linernotes.fingerprint.keys import pairs_of, quads_of
from linernotes.fingerprint.landmarks import Landmarks


def _landmarks(seed: int, n_peaks: int = 40) -> Landmarks:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 300, n_peaks)).astype(np.int32)
    bands = rng.integers(30, 50, n_peaks).astype(np.int32)
    pairs, quads = pairs_of(times, bands, 0), quads_of(times.astype(np.float32), bands.astype(np.float32))
    return Landmarks(
        times, bands, pairs[:, 0], pairs[:, 1], quads[:, 0].astype(np.int32), quads[:, 1].astype(np.int32),
        quads[:, 2].astype(np.uint8), quads[:, 3].astype(np.uint8), n_frames=310,
    )  # fmt: skip


def _entries(*seeds: int) -> list[tuple[str, str, Landmarks]]:
    return [(f"rec-{seed}", f"{seed:064d}", _landmarks(seed)) for seed in seeds]


def _same(one: FingerprintIndex, other: FingerprintIndex) -> bool:
    return one.recordings == other.recordings and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_each_posting_is_found_under_its_key(family: str) -> None:
    index, found = FingerprintIndex.empty().add(_entries(1, 2)), _landmarks(2)
    second = index.recordings[1]
    starts, places = getattr(index, f"{family}_starts"), getattr(index, f"{family}_places")
    own = getattr(found, f"{family}_keys"), getattr(found, f"{family}_times")
    assert len(own[0]) > 10
    for key, time in zip(*own, strict=True):
        held = places[starts[key] : starts[key + 1]]
        assert second.first_frame + time in held
        assert (np.diff(held.astype(np.int64)) >= 0).all()


def test_merging_parts_is_as_adding_all() -> None:
    parts = [FingerprintIndex.empty().add(_entries(*seeds)) for seeds in ((0, 1), (2,), (3, 4, 5))]
    assert _same(FingerprintIndex.merge(parts), FingerprintIndex.empty().add(_entries(*range(6))))
    thinned = FingerprintIndex.merge(parts, dropping={"rec-1", "rec-4"})
    assert _same(thinned, FingerprintIndex.empty().add(_entries(0, 2, 3, 5)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 6))
def test_adding_in_any_portions_gives_one_index(cut: int) -> None:
    entries = _entries(*range(6))
    whole = FingerprintIndex.empty().add(entries)
    parts = FingerprintIndex.empty().add(entries[:cut]).add(entries[cut:])
    assert _same(whole, parts)


@pytest.mark.parametrize("gone", [{0}, {5}, {2, 3}, set(range(6))])
def test_removing_is_as_if_never_added(gone: set[int]) -> None:
    whole = FingerprintIndex.empty().add(_entries(*range(6)))
    left = whole.without({f"rec-{seed}" for seed in gone})
    assert _same(left, FingerprintIndex.empty().add(_entries(*(s for s in range(6) if s not in gone))))


def test_a_recording_twice_is_refused() -> None:
    index = FingerprintIndex.empty().add(_entries(1))
    with pytest.raises(CorpusError, match="rec-1"):
        index.add(_entries(1))
