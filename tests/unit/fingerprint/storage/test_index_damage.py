"""One wrong byte in any file of an index is found and named; what is torn is not mistaken for damage."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linernotes.errors import CorpusError
from linernotes.fingerprint.storage import checking, pages, verifying
from linernotes.fingerprint.storage.journal import JournalEntry, JournalWriter, create_journal, read_journal
from linernotes.fingerprint.storage.merging import EVENTS
from linernotes.fingerprint.store import MANIFEST, IndexFolder, check_index, drop_damaged, open_index

SHA = [f"{k:064x}" for k in range(12)]
PAGE = 4096
POSTINGS, STARTS = "pair_places", "pair_starts"


@pytest.fixture(scope="module")
def sound_index(tmp_path_factory, takes) -> Path:
    """Two segments, one of them with a removed recording, and a journal with two records."""
    folder = tmp_path_factory.mktemp("sound") / "index"
    with IndexFolder(folder, auto_compact=False) as writer:
        writer.append("first", SHA[0], takes[0])
        writer.append("second", SHA[1], takes[1])
        writer.flush()
        writer.append("third", SHA[2], takes[2])
        writer.remove({"second"})
    writer = IndexFolder(folder, auto_compact=False)
    writer.append("fourth", SHA[3], takes[3])
    writer.append("fifth", SHA[4], takes[4])
    writer.close()
    return folder


@pytest.fixture
def index(sound_index: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound_index, tmp_path / "index"))


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "writer.lock")


def _flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_one_flipped_bit_anywhere_is_found_and_its_file_is_named(index: Path, data) -> None:
    path = data.draw(st.sampled_from(_files(index)), label="file")
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1), label="byte")
    _flip(path, place, data.draw(st.integers(0, 7), label="bit"))
    try:
        if path.name == MANIFEST:
            with pytest.raises(CorpusError, match=MANIFEST):
                check_index(index)
        else:
            faults = check_index(index).faults
            assert len(faults) == 1
            assert path.name in str(faults[0])
            assert faults[0].first_byte <= place < faults[0].end_byte
        with pytest.raises(CorpusError, match=path.name):
            open_index(index)
        with pytest.raises(CorpusError, match=r"catalog (add|check)|update it"):
            open_index(index)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("fault", ["cut", "gone", "longer"])
def test_a_cut_or_missing_file_is_named(index: Path, fault: str) -> None:
    for path in _files(index):
        if path.suffix == ".log" and fault == "cut":
            continue  # a torn tail, tested below
        whole = path.read_bytes()
        if fault == "cut":
            path.write_bytes(whole[: len(whole) // 2])
        elif fault == "longer":
            path.write_bytes(whole + b"more than the record needs")
        else:
            path.unlink()
        if path.name == MANIFEST:
            with pytest.raises(CorpusError, match=MANIFEST):
                check_index(index)
        else:
            assert any(path.name in str(found) for found in check_index(index).faults), path
        with pytest.raises(CorpusError, match=path.name):
            open_index(index)
        path.write_bytes(whole)
    assert check_index(index).faults == ()


def test_a_damaged_page_has_number_range_and_recordings(tmp_path, takes, monkeypatch) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", PAGE)
    with IndexFolder(tmp_path) as writer:
        for repeat in range(8):
            for k, take in enumerate(takes):
                writer.append(f"rec-{repeat:02d}-{k:02d}", SHA[k], take)
    segment = next(tmp_path.glob("segment-*"))
    path = segment / f"{EVENTS}.npy"
    _flip(path, PAGE + 5)
    [fault] = check_index(tmp_path).faults
    assert (fault.file, fault.page) == (f"{segment.name}/{EVENTS}.npy", 1)
    assert (fault.first_byte, fault.end_byte) == (PAGE, min(2 * PAGE, path.stat().st_size))
    assert fault.recordings is not None
    assert 0 < len(fault.recordings) < 96
    frames = np.frombuffer(path.read_bytes()[128:], np.uint32)
    owners = (
        open_index(tmp_path, verify_bytes=0)
        .segments[0]
        .owners(frames[(PAGE - 128) // 4 + 2 : (2 * PAGE - 128) // 4])
    )
    ids = [r.recording_id for r in open_index(tmp_path, verify_bytes=0).recordings]
    assert {ids[k] for k in owners} <= set(fault.recordings)
    assert "page 1 (bytes 4096–" in str(fault)
    _flip(path, PAGE + 5)
    _flip(segment / f"{POSTINGS}.npy", 2 * PAGE)
    [fault] = check_index(tmp_path).faults
    assert (fault.page, fault.recordings) == (2, None)
    assert "any recording of the segment" in str(fault)


def test_the_structure_is_always_read_and_the_rest_by_sample(index: Path, monkeypatch) -> None:
    segment = next(iter(sorted(index.glob("segment-*"))))
    _flip(segment / f"{POSTINGS}.npy", 300)
    open_index(index, verify_bytes=0)
    with pytest.raises(CorpusError, match=f"{POSTINGS}.npy: page 0"):
        open_index(index)
    seen = 0
    for seed in range(20):  # a budget too small for the file: one page of it, another one each time
        opened = open_index(index, verify_bytes=0)
        try:
            verifying.verify_on_open(opened.stored, 1 << 20, seed)
        except CorpusError:
            seen += 1
    assert seen > 0
    _flip(segment / f"{STARTS}.npy", 300)
    with pytest.raises(CorpusError, match=f"{STARTS}.npy"):
        open_index(index, verify_bytes=0)


def test_a_merge_does_not_give_damage_a_new_checksum(index: Path) -> None:
    with IndexFolder(index, auto_compact=False):
        pass
    before = sorted(path.name for path in index.iterdir())
    _flip(next(iter(sorted(index.glob("segment-*")))) / f"{POSTINGS}.npy", 300)
    with pytest.raises(CorpusError, match=f"{POSTINGS}.npy: page 0"), IndexFolder(index) as writer:
        writer.compact()
    assert sorted(path.name for path in index.iterdir()) == before


def test_dropping_the_damaged_part_keeps_the_rest(index: Path, takes) -> None:
    segment = sorted(index.glob("segment-*"))[1]
    _flip(segment / f"{POSTINGS}.npy", 300)
    _flip(next(index.glob("journal-*")), 900)
    assert sorted(drop_damaged(index)) == ["fourth", "third"]
    assert check_index(index).faults == ()
    assert set(open_index(index).content_hashes) == {"first", "fifth"}
    with IndexFolder(index) as writer:
        assert writer.content_hash("third") is None
        writer.append("third", SHA[2], takes[2])
    assert len(open_index(index)) == 3


def test_dropping_a_segment_without_header_or_names(index: Path) -> None:
    first, second = sorted(index.glob("segment-*"))
    (first / "segment.json").unlink()
    _flip(second / "recording_recording_id_bytes.npy", 129, bit=7)
    assert drop_damaged(index) == ()
    assert set(open_index(index).content_hashes) == {"fourth", "fifth"}


@pytest.mark.parametrize("block", [3, 1 << 21])
def test_numbers_that_contradict_one_another_are_found(tmp_path, takes, monkeypatch, block: int) -> None:
    from dataclasses import replace

    from linernotes.fingerprint.index import FingerprintIndex
    from linernotes.fingerprint.storage.manifest import read_manifest, write_manifest
    from linernotes.fingerprint.storage.segment import save_segment

    monkeypatch.setattr(checking, "_BLOCK", block)
    with IndexFolder(tmp_path) as writer:
        writer.append("rec", SHA[0], takes[0])
    assert check_index(tmp_path).faults == ()
    sound = FingerprintIndex.empty().add([(name, SHA[0], takes[0]) for name in ("rec", "same again")])
    late = np.array(getattr(sound, POSTINGS))
    late[7] = sound.n_frames + 3
    fallen = np.array(getattr(sound, POSTINGS))
    key = int(np.argmax(np.diff(getattr(sound, STARTS).astype(np.int64)) > 1))
    second = int(getattr(sound, STARTS)[key]) + 1  # the second posting of a key, before the first one
    fallen[second] = fallen[second - 1] - 1
    early = np.array(getattr(sound, EVENTS))
    early[-1] = 0
    for name, values in [(POSTINGS, late), (POSTINGS, fallen), (EVENTS, early)]:
        manifest = read_manifest(tmp_path)
        place = tmp_path / f"segment-{manifest.next_number:06d}"
        entry = save_segment(place, replace(sound, **{name: values}))
        write_manifest(tmp_path, replace(manifest, segments=(entry,), next_number=manifest.next_number + 1))
        [fault] = check_index(tmp_path).faults
        assert f"{name}.npy" in fault.file
        assert "out of order" in fault.reason


@pytest.mark.parametrize("n_missing", range(1, 14))
def test_a_mark_that_was_not_written_whole_is_torn_and_not_damaged(tmp_path, takes, n_missing) -> None:
    path = tmp_path / "journal-000001.log"
    create_journal(path)
    writer = JournalWriter(path, path.stat().st_size)
    writer.append(JournalEntry("whole", SHA[0], takes[0]))
    kept = path.stat().st_size
    writer.append(JournalEntry("torn", SHA[1], takes[1]))
    writer.close()
    path.write_bytes(path.read_bytes()[:-n_missing] + b"\0" * 300)
    content = read_journal(path)
    assert [entry.recording_id for entry in content.entries] == ["whole"]
    assert (content.faults, content.n_bytes) == ((), kept)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.floats(0, 1), st.sampled_from([b"", b"\0" * 700]))
def test_a_journal_cut_anywhere_keeps_all_whole_records(tmp_path, takes, part, filling) -> None:
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / "journal-000001.log"
    create_journal(path)
    ends = [path.stat().st_size]
    writer = JournalWriter(path, ends[0])
    for k in range(3):
        ends.append(ends[-1] + writer.append(JournalEntry(f"rec-{k}", SHA[k], takes[k])))
    writer.close()
    cut = ends[0] + round(part * (ends[-1] - ends[0]))
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + filling)
    content = read_journal(path)
    n_whole = sum(end <= cut for end in ends[1:])
    assert [entry.recording_id for entry in content.entries] == [f"rec-{k}" for k in range(n_whole)]
    assert content.faults == ()
    assert content.n_bytes == ends[n_whole]
    assert content.torn_bytes == cut + len(filling) - ends[n_whole]
    again = JournalWriter(path, content.n_bytes)
    again.append(JournalEntry("new", SHA[9], takes[9]))
    again.close()
    assert [entry.recording_id for entry in read_journal(path).entries][-1] == "new"


def test_a_failed_append_leaves_no_trace(tmp_path, takes, monkeypatch) -> None:
    import errno
    import os

    writer = IndexFolder(tmp_path)
    writer.append("rec-0", SHA[0], takes[0])
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            real(descriptor, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CorpusError, match="No space left on device; free some space and repeat"):
        writer.append("rec-1", SHA[1], takes[1])
    monkeypatch.undo()
    with pytest.raises(CorpusError, match="open it again"):
        writer.append("rec-1", SHA[1], takes[1])
    assert check_index(tmp_path).torn_bytes == 0
    assert set(open_index(tmp_path).content_hashes) == {"rec-0"}
