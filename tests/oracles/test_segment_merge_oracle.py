"""The streaming merge of segments against the one in memory, byte for byte, whatever the size of its blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.fingerprint.index import ARRAYS, FAMILIES, FingerprintIndex
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.storage import merging
from linernotes.fingerprint.storage.manifest import SegmentEntry
from linernotes.fingerprint.storage.merging import Source, merge_in_memory, merge_segments
from linernotes.fingerprint.storage.segment import open_segment, save_segment


def _landmarks(seed: int) -> Landmarks:
    rng = np.random.default_rng(seed)
    n_frames = int(rng.integers(80, 400))
    values = {"n_frames": n_frames}
    n_peaks = int(rng.integers(0, 50))
    values["peak_times"] = np.sort(rng.integers(0, n_frames, n_peaks)).astype(np.int32)
    values["peak_bands"] = rng.integers(0, 96, n_peaks).astype(np.int32)
    for family, (n_keys, along) in FAMILIES.items():
        n = int(rng.integers(0, 200))
        few = rng.integers(0, n_keys, 12)  # so that keys are shared
        values[f"{family}_keys"] = rng.choice(few, n).astype(np.int32)
        values[f"{family}_times"] = np.sort(rng.integers(0, n_frames, n)).astype(np.int32)
        for name in along[1:]:
            values[name] = rng.integers(0, 90, n).astype(np.uint8)
    return Landmarks(**values)


def _part(number: int, size: int) -> FingerprintIndex:
    entries = [(f"rec-{number}-{k}", f"{number}{k}", _landmarks(100 * number + k)) for k in range(size)]
    return FingerprintIndex.empty().add(entries)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_the_streaming_merge_is_the_merge_in_memory(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("merge")
    parts = [
        _part(n, size)
        for n, size in enumerate(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)))
    ]
    dead = [
        data.draw(st.sets(st.sampled_from(range(len(p.recordings))))) if p.recordings else set()
        for p in parts
    ]
    dropping = {p.recordings[k].recording_id for p, gone in zip(parts, dead, strict=True) for k in gone}
    expected = FingerprintIndex.merge(parts, dropping)
    entries = [save_segment(folder / f"part-{n}", part) for n, part in enumerate(parts)]
    stored = [open_segment(folder, entry, frozenset(gone)) for entry, gone in zip(entries, dead, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_BLOCK", data.draw(st.sampled_from([1, 7, 100, 1 << 21])))
        entry = merge_segments(folder / "merged", [Source.of_segment(segment) for segment in stored])
        memory = merge_in_memory([Source.of_index(p, frozenset(g)) for p, g in zip(parts, dead, strict=True)])
    for found in (open_segment(folder, entry).index, memory):
        assert tuple(found.recordings) == expected.recordings
        assert found.n_frames == expected.n_frames
        for name, dtype in ARRAYS.items():
            assert getattr(found, name).dtype == dtype
            assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert isinstance(entry, SegmentEntry)
    assert (entry.n_recordings, entry.n_frames) == (len(expected.recordings), expected.n_frames)
