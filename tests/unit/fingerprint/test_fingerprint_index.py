"""The index in memory and on disk: merging, removing, saving, and every way to be damaged."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.errors import CorpusError, NewerRevision
from linernotes.fingerprint.index import FingerprintIndex, landmark_keys
from linernotes.fingerprint.landmarks import Landmarks
from linernotes.fingerprint.store import HEADER, open_index, save_index


def _landmarks(seed: int, n_peaks: int = 40) -> Landmarks:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 300, n_peaks)).astype(np.int32)
    bands = rng.integers(30, 50, n_peaks).astype(np.int32)
    pairs = [(i, j) for i in range(n_peaks) for j in range(i + 1, n_peaks) if 2 <= times[j] - times[i] <= 40][
        :120
    ]
    firsts, seconds = np.array(pairs, np.int32).T
    return Landmarks(times, bands, firsts, seconds, n_frames=310)


def _entries(*seeds: int) -> list[tuple[str, str, Landmarks]]:
    return [(f"rec-{seed}", f"{seed:064d}", _landmarks(seed)) for seed in seeds]


def _same(one: FingerprintIndex, other: FingerprintIndex) -> bool:
    return one.recordings == other.recordings and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("postings", "key_starts", "peak_times", "peak_bands")
    )


def test_each_posting_is_found_under_its_key() -> None:
    index = FingerprintIndex.empty().add(_entries(1, 2))
    second = index.recordings[1]
    for key, time in zip(landmark_keys(_landmarks(2)), _landmarks(2).times, strict=True):
        held = index.postings[index.key_starts[key] : index.key_starts[key + 1]]
        assert second.first_frame + time in held
        assert (np.diff(held.astype(np.int64)) >= 0).all()


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


def test_saved_and_opened_is_the_same(tmp_path) -> None:
    index = FingerprintIndex.empty().add(_entries(1, 2))
    save_index(index, tmp_path / "fingerprints")
    assert _same(open_index(tmp_path / "fingerprints"), index)


def test_saving_again_replaces_and_leaves_no_debris(tmp_path) -> None:
    index = FingerprintIndex.empty().add(_entries(1))
    save_index(index, tmp_path)
    reader = open_index(tmp_path)
    save_index(index.add(_entries(2)), tmp_path)
    save_index(index.add(_entries(2)), tmp_path)
    assert len(open_index(tmp_path).recordings) == 2
    assert _same(reader, index), "a reader of the old index keeps it"
    assert len(list(tmp_path.glob("arrays-*"))) == 1
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("name", ["postings", "key_starts", "peak_times", "peak_bands"])
@pytest.mark.parametrize("fault", ["flip", "cut", "gone"])
def test_a_damaged_file_is_named(tmp_path, name: str, fault: str) -> None:
    save_index(FingerprintIndex.empty().add(_entries(1)), tmp_path)
    path = next(tmp_path.rglob(f"{name}.npy"))
    content = bytearray(path.read_bytes())
    if fault == "flip":
        content[-3] ^= 1
        path.write_bytes(content)
    elif fault == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    with pytest.raises(CorpusError, match=rf"{name}\.npy.*index the recordings again"):
        open_index(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', '{"format": 1, "revision": 1}'])
def test_a_damaged_header_is_named(tmp_path, content: str) -> None:
    save_index(FingerprintIndex.empty().add(_entries(1)), tmp_path)
    (tmp_path / HEADER).write_text(content)
    with pytest.raises(CorpusError, match=HEADER):
        open_index(tmp_path)


def test_other_settings_and_newer_revisions_are_refused(tmp_path) -> None:
    save_index(FingerprintIndex.empty().add(_entries(1)), tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps(header | {"revision": 99}))
    with pytest.raises(NewerRevision, match="revision 99"):
        open_index(tmp_path)
    header["parameters"]["hop_length"] = 256
    (tmp_path / HEADER).write_text(json.dumps(header))
    with pytest.raises(CorpusError, match="other landmark settings"):
        open_index(tmp_path)


def test_no_index_says_what_to_do(tmp_path) -> None:
    with pytest.raises(CorpusError, match="linernotes catalog add"):
        open_index(tmp_path)
