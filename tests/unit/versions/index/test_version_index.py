import multiprocessing
import pickle
import shutil

import numpy as np
import pytest

from linernotes.errors import CorpusError, InputError, NewerRevision
from linernotes.execution import ProcessRunner, SerialRunner
from linernotes.versions.index.candidates import candidates
from linernotes.versions.index.folder import IndexFacts, VersionIndex
from linernotes.versions.index.recordings import Indexed
from linernotes.versions.index.sealed import write_sealed
from linernotes.versions.index.sharded import SearchShards, ShardedIndex
from linernotes.versions.index.store import NOTHING

FACTS = IndexFacts("toy-1", 16, 20.0, 5.0)


def sha(number):
    return f"{number:064x}"


@pytest.fixture
def folder(tmp_path, pieces):
    with VersionIndex.create(tmp_path / "toy-1", FACTS) as index:
        for number, one in enumerate(pieces):
            index.add(sha(number), one, 45.0)
        index.add_unusable(sha(99), "silent")
    return tmp_path / "toy-1"


def test_what_was_added_is_found_again(folder, pieces):
    with VersionIndex(folder) as index:
        assert len(index) == 8
        assert index.facts == FACTS
        assert sha(99) in index
        assert index.log.by_content[sha(99)].reason == "silent"
        found = index.store.search(pieces[3].vectors, 1)
        entry = index.log.by_content[sha(3)]
        assert found.ids[:, 0].tolist() == list(range(entry.first_id, entry.first_id + 6))
        assert index.faults() == ()
        with pytest.raises(CorpusError, match="reading only"):
            index.add(sha(9), pieces[0], 45.0)
        with pytest.raises(CorpusError, match="reading only"):
            index.store.add(np.array([1 << 30]), pieces[0].vectors[:1])


def test_adding_again_and_removing(folder, piece, pieces):
    with VersionIndex(folder, write=True) as index:
        index.add(sha(3), pieces[0], 45.0)
        assert len(index) == 8
        assert index.remove([sha(2), sha(5), sha(77)]) == 2
        assert index.remove([sha(2)]) == 0
        index.add(sha(20), piece(20, n=3), 30.0)
        assert index.store.search(pieces[5].vectors, 1).distances.min() > 0.1
        with pytest.raises(InputError, match="toy-2"):
            index.add(sha(21), type(pieces[0])(pieces[0].vectors, pieces[0].starts_s, 20.0, "toy-2"), 1.0)
    with VersionIndex(folder, write=True) as index:
        assert len(index) == 7
        index.add(sha(2), pieces[2], 45.0)
        assert index.store.search(pieces[2].vectors, 1).distances.max() == 0
        numbers = sorted(index.log.by_number)
        assert len(numbers) == len(set(numbers)) == 9


def test_one_writer_any_number_of_readers(folder, pieces):
    with VersionIndex(folder, write=True) as index, VersionIndex(folder) as reader:
        with pytest.raises(CorpusError, match="one writer at a time"):
            VersionIndex(folder, write=True)
        index.remove([sha(number) for number in range(7)])
        index.store.compact()
        assert reader.store.search(pieces[3].vectors, 1).distances.max() == 0
        with VersionIndex(folder) as later:
            assert later.store.search(pieces[3].vectors, 1).distances.min() > 0.1
            assert later.store.search(pieces[7].vectors, 1).distances.max() == 0
    assert len(list((folder / "vectors").glob("codes-*.i8"))) == 1


def test_much_removed_is_compacted_by_the_next_writer(folder, pieces):
    with VersionIndex(folder, write=True) as index:
        index.remove([sha(0), sha(1), sha(7)])
        size = index.store.n_bytes
    with VersionIndex(folder, write=True) as index:
        assert index.store.n_bytes < size
        assert len(index.store) == 30
        index.add(sha(30), pieces[0], 45.0)
        assert min(index.log.by_content[sha(30)].first_id, 9 << 16) == 9 << 16
        assert index.faults() == ()


def test_shards_are_one_index(tmp_path, folder, piece, pieces):
    folders = []
    for shard in range(3):
        folders.append(tmp_path / f"shard-{shard}")
        with VersionIndex.create(folders[-1], FACTS) as index:
            for number in range(shard, 8, 3):
                index.add(sha(number), pieces[number], 45.0)
    query = piece(50, near=pieces[4]).vectors
    whole = ShardedIndex.open([folder])
    split = ShardedIndex.open(folders)
    assert split.n_segments == whole.n_segments == 48
    one, many = (index.search(query, 10, SerialRunner()) for index in (whole, split))
    assert (one.distances == many.distances).all()
    for index, hits in ((whole, one), (split, many)):
        named = [[index.recording_of(i).content_sha256 for i in row] for row in hits.ids.tolist()]
        assert all(row[0] == sha(4) for row in named)
        best = candidates(hits, index.recording_of, 3)
        assert best[0].recording.content_sha256 == sha(4)
        assert best[0].pairs[0][0] == best[0].pairs[0][1]
    told = [
        [c.recording.content_sha256 for c in candidates(hits, index.recording_of, 8)]
        for index, hits in ((whole, one), (split, many))
    ]
    assert told[0] == told[1]
    fold = pickle.loads(pickle.dumps(SearchShards(query, 10)))  # noqa: S301  # our own bytes
    parts = [fold.add(fold.start(), [item]) for item in enumerate(split.folders)]
    left = fold.finish(fold.merge(fold.merge(parts[0], parts[1]), parts[2]))
    right = fold.finish(fold.merge(parts[0], fold.merge(parts[1], parts[2])))
    assert (left.ids == many.ids).all()
    assert (right.ids == many.ids).all()


def test_shards_on_processes(tmp_path, folder, pieces):
    shutil.copytree(folder, tmp_path / "copy")
    index = ShardedIndex.open([folder, tmp_path / "copy"])
    with ProcessRunner(2) as runner:
        found = index.search(pieces[2].vectors, 4, runner)
    assert (found.ids == index.search(pieces[2].vectors, 4, SerialRunner()).ids).all()
    assert multiprocessing.active_children() == []


def test_shards_that_do_not_fit_together(tmp_path, folder):
    other = IndexFacts("toy-2", 16, 20.0, 5.0)
    VersionIndex.create(tmp_path / "toy-2", other).close()
    with pytest.raises(CorpusError, match="made by encoder toy-2"):
        ShardedIndex.open([folder, tmp_path / "toy-2"])
    with pytest.raises(InputError, match="given twice"):
        ShardedIndex.open([folder, folder])
    with pytest.raises(InputError, match="0 shards"):
        ShardedIndex.open([])


def test_candidates_by_many_pairs_and_by_one(piece, pieces, tmp_path):
    played_otherwise = piece(60, near=pieces[0], noise=0.6)
    quoting = piece(61)
    quoting.vectors[2] = pieces[0].vectors[3]
    with VersionIndex.create(tmp_path / "toy-1", FACTS) as index:
        for number, one in enumerate([played_otherwise, quoting, *(piece(seed) for seed in range(100, 140))]):
            index.add(sha(number), one, 45.0)
        hits = index.store.search(pieces[0].vectors, 20)
        best = candidates(hits, lambda vector_id: index.log.by_number.get(vector_id >> 16), 4)
    assert {one.recording.content_sha256 for one in best[:2]} == {sha(0), sha(1)}
    assert (best[1].nearest, best[1].pairs[0]) == (0.0, (3, 2))
    assert best[0].distance < best[1].distance
    with pytest.raises(InputError, match="0 candidates"):
        candidates(hits, lambda vector_id: None, 0)
    assert candidates(hits, lambda vector_id: None, 5) == []


def test_candidates_do_not_depend_on_how_many_were_left_out(piece, tmp_path):
    with VersionIndex.create(tmp_path / "toy-1", FACTS) as index:
        for number in range(60):
            index.add(sha(number), piece(number, n=2 + number % 9), 45.0)
        query = piece(7, n=9).vectors + 0.3 * piece(500, n=9).vectors
        hits = index.store.search(query, 40)
        full = index.store.search(query, 400)
        of = index.log.by_number
    few = candidates(hits, lambda vector_id: of.get(vector_id >> 16), 10)
    every = candidates(full, lambda vector_id: of.get(vector_id >> 16), 60)
    assert len(every) == 60
    assert few[0].recording == every[0].recording
    assert (full.ids[:, -1] == NOTHING).all()


def test_damaged_files_are_named_with_what_to_do(folder, pieces):
    def broken(name, change):
        copy = folder.with_name("broken")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        path = copy / name
        path.write_bytes(change(path.read_bytes()))
        return copy

    for name, change, words in [
        ("index.json", lambda data: data.replace(b"toy-1", b"toy-7"), "index.json: damaged"),
        ("index.json", lambda data: data[:50], "index.json: damaged"),
        ("index.json", lambda data: b"[]", "no linernotes-version-index file"),
        ("recordings.log", lambda data: data.replace(b'"n_segments":6', b'"n_segments":7', 1), "line 1"),
        ("recordings.log", lambda data: b"x" + data, "line 1 is damaged"),
        ("vectors/store.json", lambda data: b"{" * 5000, "store.json: damaged"),
        ("vectors/codes-000001.i8", lambda data: data[:-20], "was cut off"),
        ("vectors/rows-000001.bin", lambda data: data[:20] + data[:20] + data[40:], "do not rise"),
    ]:
        with pytest.raises(CorpusError, match=words) as caught:
            VersionIndex(broken(name, change))
        assert "versions index add" in str(caught.value)
    for name in ("index.json", "recordings.log", "vectors/store.json", "vectors/rows-000001.bin"):
        copy = broken(name, lambda data: data)
        (copy / name).unlink()
        with pytest.raises(CorpusError, match=name.rpartition("/")[2]):
            VersionIndex(copy)
    copy = broken("index.json", lambda data: data)
    write_sealed(copy / "index.json", "linernotes-version-index", 2, {})
    with pytest.raises(NewerRevision, match="update it"):
        VersionIndex(copy)


def test_changed_bytes_are_found_and_can_be_dropped(folder, pieces):
    path = folder / "vectors/codes-000001.i8"
    data = bytearray(path.read_bytes())
    data[16 * 6 * 2 + 40] ^= 8
    path.write_bytes(bytes(data))
    with VersionIndex(folder, write=True) as index:
        ((content, reason),) = index.faults()
        assert content == sha(2)
        assert "row 14" in reason
        index.remove([content])
        assert index.faults() == ()
        index.add(content, pieces[2], 45.0)
    with VersionIndex(folder) as index:
        assert index.faults() == ()
        assert index.store.search(pieces[2].vectors, 1).distances.max() == 0


def test_an_index_whose_vectors_were_lost_says_so(folder):
    for name in ("codes-000001.i8", "rows-000001.bin"):
        (folder / "vectors" / name).write_bytes(b"")
    with VersionIndex(folder) as index, pytest.raises(CorpusError, match="48 vectors are named and 0"):
        index.faults()


def test_a_log_line_is_small_and_readable():
    assert Indexed(3, sha(1), 2).end_id - Indexed(3, sha(1), 2).first_id == 1 << 16
